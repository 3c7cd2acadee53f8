/*
 * ice/tell.c - what the owner may know: events, routes, counters.
 *
 * Events are the difference between what is so and what was told, so they need no queue, and an
 * owner that was away hears the latest, not the history.
 */
#include <assert.h>

#include "ice/inside.h"

static const struct ptn_ice_way *way_of(const struct ptn_ice *ice, unsigned component)
{
    const struct ptn_ice_component *c = &ice->component[component - 1];

    return c->way.set ? &c->way : c->held.set ? &c->held : NULL;
}

static bool component_event(struct ptn_ice *ice, unsigned component, enum ptn_ice_event_kind *kind)
{
    struct ptn_ice_component *c = ptn_ice_component(ice, component);
    const struct ptn_ice_way *way = way_of(ice, component);
    bool nominated = c->way.set && c->way.route.nominated;
    bool doubted = way && way->consent.asked > PTN_ICE_SLOW;

    if (c->lost) {
        c->lost = c->told_path = false;
        *kind = PTN_ICE_LOST;
    } else if (way && (!c->told_path || way->route.path != c->told.path ||
                       !ptn_addr_equal(&way->route.to, &c->told.to))) {
        c->told = way->route;
        c->told_path = true;
        *kind = PTN_ICE_PATH;
    } else if (nominated && !c->told_nominated) {
        c->told_nominated = true;
        *kind = PTN_ICE_NOMINATED;
    } else if (doubted && !c->told_doubted) {
        c->told_doubted = true;
        *kind = PTN_ICE_DOUBTED;
    } else if (c->better && !c->told_better) {
        c->told_better = true;
        *kind = PTN_ICE_BETTER;
    } else {
        c->told_doubted = doubted;
        return false;
    }
    return true;
}

bool ptn_ice_event(struct ptn_ice *ice, struct ptn_ice_event *ev)
{
    bool completed = true;

    *ev = (struct ptn_ice_event){0};
    if (ice->controlling != ice->told_controlling) {
        ice->told_controlling = ice->controlling;
        ev->kind = PTN_ICE_ROLE;
        return true;
    }
    for (ev->component = 1; ev->component <= ice->components; ev->component++) {
        if (component_event(ice, ev->component, &ev->kind))
            return true;
        completed &= ice->component[ev->component - 1].told_nominated;
    }
    ev->component = 0;
    if (completed && !ice->told_completed) {
        ice->told_completed = true;
        ev->kind = PTN_ICE_COMPLETED;
        return true;
    }
    if (ice->failed && !ice->told_failed) {
        ev->kind = PTN_ICE_FAILED;
        ice->told_failed = true;
        return true;
    }
    ice->told_failed = ice->failed;
    return false;
}

bool ptn_ice_route(const struct ptn_ice *ice, ptn_time now, unsigned component,
                   struct ptn_ice_route *route)
{
    assert(component >= 1 && component <= PTN_ICE_COMPONENTS_MAX);
    const struct ptn_ice_way *way = way_of(ice, component);

    if (!way || !ptn_ice_consent_fresh(&way->consent, now))
        return false;
    *route = way->route;
    return true;
}

bool ptn_ice_knows(const struct ptn_ice *ice, ptn_id path, const struct ptn_addr *from)
{
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++) {
        const struct ptn_ice_way *held = &ice->component[i].held;
        if (held->set && held->route.path == path && ptn_addr_equal(&held->route.to, from))
            return true;
    }
    for (unsigned i = 0; i < ice->pair_count; i++) {
        const struct ptn_ice_pair *p = &ice->pairs[i];
        if ((p->heard || p->proven) && ice->locals[p->local].path == path &&
            ptn_addr_equal(&ice->remotes[p->remote].addr, from))
            return true;
    }
    for (unsigned i = 0; i < ice->early_count; i++)
        if (ice->early[i].path == path && ptn_addr_equal(&ice->early[i].from, from))
            return true;
    return false;
}

uint64_t ptn_ice_count(const struct ptn_ice *ice, enum ptn_ice_verdict verdict)
{
    assert(verdict < PTN_ICE_VERDICTS);
    return ice->counts[verdict];
}

const char *ptn_ice_verdict_name(enum ptn_ice_verdict verdict)
{
    static const char *const names[PTN_ICE_VERDICTS] = {
        [PTN_ICE_NOT_OURS] = "not-ours",
        [PTN_ICE_CHECK] = "check",
        [PTN_ICE_EARLY] = "early",
        [PTN_ICE_EARLIER] = "earlier",
        [PTN_ICE_ANSWER] = "answer",
        [PTN_ICE_KEEPALIVE] = "keepalive",
        [PTN_ICE_HINT] = "hint",
        [PTN_ICE_BAD_FINGERPRINT] = "bad-fingerprint",
        [PTN_ICE_NO_CREDENTIALS] = "no-credentials",
        [PTN_ICE_FOREIGN_USER] = "foreign-user",
        [PTN_ICE_BAD_INTEGRITY] = "bad-integrity",
        [PTN_ICE_UNKNOWN_ATTRIBUTE] = "unknown-attribute",
        [PTN_ICE_NO_PRIORITY] = "no-priority",
        [PTN_ICE_ROLE_CONFLICT] = "role-conflict",
        [PTN_ICE_NO_ROOM] = "no-room",
        [PTN_ICE_ANSWER_NOT_SEALED] = "answer-not-sealed",
        [PTN_ICE_ANSWER_ASYMMETRIC] = "answer-asymmetric",
        [PTN_ICE_ANSWER_MEANINGLESS] = "answer-meaningless",
    };

    assert(verdict < PTN_ICE_VERDICTS);
    return names[verdict];
}

/*
 * flow/meet.c - one agent, two flows, and the relays behind them.
 */
#include "flow/meet.h"

static void lend(struct ptn_meet *m)
{
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++)
        ptn_flow_meet(m->flows[i], m->ice, i + 1, m->heard);
}

enum ptn_err ptn_meet_begin(struct ptn_meet *m, const struct ptn_meet_opts *opts)
{
    *m = (struct ptn_meet){.flows = {opts->flows[0], opts->flows[1]},
                           .relayed_only = opts->relayed_only};
    m->ice = ptn_ice_new(&(struct ptn_ice_opts){.crypto = opts->crypto,
                                                .dice = opts->dice,
                                                .controlling = opts->controlling,
                                                .components = PTN_ICE_COMPONENTS_MAX});
    return m->ice ? PTN_OK : PTN_ERR_NO_MEMORY;
}

void ptn_meet_end(struct ptn_meet *m)
{
    if (!m->ice)
        return;
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++)
        ptn_flow_meet(m->flows[i], NULL, 0, false);
    ptn_ice_free(m->ice);
    m->ice = NULL;
    m->heard = false;
}

/* ---- our addresses ---- */

static const struct ptn_addr *local_of(const struct ptn_flow *f)
{
    return &f->anchor.reach.opts.local;
}

static void tell_agent(struct ptn_meet *m, ptn_time now, unsigned i, const struct ptn_addr *told)
{
    struct ptn_flow *f = m->flows[i];
    const struct ptn_addr *relayed = f->turn ? ptn_turn_relayed(f->turn) : NULL;
    struct ptn_ice_local l = {.kind = PTN_ICE_HOST,
                              .component = i + 1,
                              .path = f->opts.socket,
                              .addr = *local_of(f),
                              .base = *local_of(f)};

    if (relayed)
        ptn_ice_add_local(m->ice, now,
                          &(struct ptn_ice_local){.kind = PTN_ICE_RELAYED,
                                                  .component = i + 1,
                                                  .path = f->opts.socket | PTN_FLOW_BY_RELAY,
                                                  .addr = *relayed,
                                                  .server = f->turn->at.server});
    if (m->relayed_only)
        return;
    ptn_ice_add_local(m->ice, now, &l);
    l.kind = PTN_ICE_SERVER_REFLEXIVE;
    if (ptn_stun_binding_mapped(&f->anchor.binding, &l.addr))
        ptn_ice_add_local(m->ice, now, &l);
    /* What the description tells for phones without ICE is a candidate, too, however it is known:
     * set by hand, or seen by the registrar. */
    if (relayed && ptn_addr_equal(told, relayed))
        return;
    l.addr = *told;
    if (!ptn_addr_is_none(told) && told->port && told->family == local_of(f)->family)
        ptn_ice_add_local(m->ice, now, &l);
}

void ptn_meet_restart(struct ptn_meet *m, ptn_time now)
{
    ptn_ice_restart(m->ice, now);
}

static bool has_moved(const struct ptn_meet *m)
{
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++)
        if (m->sockets[i] && m->sockets[i] != m->flows[i]->opts.socket)
            return true;
    return false;
}

bool ptn_meet_say(struct ptn_meet *m, ptn_time now, const struct ptn_addr *rtp,
                  const struct ptn_addr *rtcp, char *out, size_t size)
{
    struct ptn_ice_description d = {.ice2 = true, .ended = true};
    const struct ptn_addr *told[] = {rtp, rtcp};
    const struct ptn_ice_candidate *c;
    struct ptn_writer w = ptn_writer(out, size);

    if (has_moved(m))
        ptn_meet_restart(m, now);
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++) {
        m->sockets[i] = m->flows[i]->opts.socket;
        tell_agent(m, now, i, told[i]);
    }
    lend(m);
    ptn_ice_end_local(m->ice);
    d.far.creds = *ptn_ice_creds(m->ice);
    while ((c = ptn_ice_local(m->ice, d.count)))
        d.candidates[d.count++] = *c;
    ptn_ice_write_lines(&d, &w);
    ptn_write_u8(&w, 0);
    return !w.bad && d.count > 0;
}

/* ---- the far end's ---- */

/* Before anything is sent there by a relay, so that its own first check finds that open. */
static void permit(struct ptn_meet *m, ptn_time now, const struct ptn_ice_candidate *c)
{
    struct ptn_flow *f = m->flows[c->component - 1];
    struct ptn_addr any_port = ptn_addr_with_port(c->addr, 0);

    if (f->turn && c->addr.family == local_of(f)->family &&
        ptn_addr_kind(&c->addr) == PTN_ADDR_PUBLIC)
        ptn_turn_permit(f->turn, now, &any_port);
}

enum ptn_meet_verdict ptn_meet_hear(struct ptn_meet *m, ptn_time now, const char *lines,
                                    const struct ptn_addr *rtp, const struct ptn_addr *rtcp)
{
    struct ptn_ice_description d = {0};
    bool has_rtcp = false;

    ptn_ice_read_lines(&d, ptn_bytes_of_text(lines));
    if (!ptn_ice_speaks(&d))
        return PTN_MEET_NO_ICE;
    for (unsigned i = 0; i < d.count; i++)
        has_rtcp |= d.candidates[i].component == 2;
    if (d.mismatch || ptn_ice_is_mismatch(&d, 1, rtp) ||
        (has_rtcp && ptn_ice_is_mismatch(&d, 2, rtcp)))
        return PTN_MEET_MISMATCH;
    if (!ptn_ice_set_far(m->ice, now, &d.far))
        return PTN_MEET_ANEW;
    m->heard = true;
    if (!has_rtcp && !d.trickle)
        ptn_ice_use_components(m->ice, 1);
    for (unsigned i = 0; i < d.count; i++) {
        ptn_ice_add_remote(m->ice, now, &d.candidates[i]);
        permit(m, now, &d.candidates[i]);
    }
    if (d.ended || !d.trickle)
        ptn_ice_end_remote(m->ice);
    lend(m);
    if (!has_rtcp && !d.trickle)
        ptn_flow_meet(m->flows[1], NULL, 0, false);
    return PTN_MEET_ON;
}

/* ---- the machine ---- */

void ptn_meet_tick(struct ptn_meet *m, ptn_time now)
{
    if (m->ice)
        ptn_ice_tick(m->ice, now);
}

/* Through a socket, or wrapped for the relay behind it; false where the way is gone. */
static bool send_by(struct ptn_meet *m, ptn_time now, const struct ptn_ask *what,
                    struct ptn_ask *ask)
{
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++) {
        struct ptn_flow *f = m->flows[i];
        struct ptn_addr peer = ptn_addr_with_port(what->to, 0);
        if ((what->id & ~PTN_FLOW_BY_RELAY) != f->opts.socket)
            continue;
        *ask = *what;
        if (!(what->id & PTN_FLOW_BY_RELAY))
            return true;
        return f->turn && ptn_turn_permit(f->turn, now, &peer) &&
               ptn_turn_send(f->turn, now, &what->to, what->bytes, NULL, ask);
    }
    return false;
}

bool ptn_meet_output(struct ptn_meet *m, ptn_time now, struct ptn_ask *ask)
{
    struct ptn_ask what;

    while (m->ice && ptn_ice_output(m->ice, now, &what))
        if (send_by(m, now, &what, ask))
            return true;
    return false;
}

ptn_time ptn_meet_deadline(const struct ptn_meet *m)
{
    return m->ice ? ptn_ice_deadline(m->ice) : PTN_NEVER;
}

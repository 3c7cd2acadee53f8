/*
 * flow/anchor.c - from a STUN server's answer to a sight that `reach` takes.
 */
#include "flow/anchor.h"

#include <string.h>

void ptn_anchor_init(struct ptn_anchor *a, const struct ptn_anchor_opts *opts)
{
    *a = (struct ptn_anchor){.settled = true, .binding.opts = opts->binding};
    ptn_reach_init(&a->reach, &opts->reach);
}

void ptn_anchor_ask(struct ptn_anchor *a, ptn_time now, const struct ptn_anchor_servers *servers)
{
    struct ptn_stun_binding_opts opts = a->binding.opts;

    memset(opts.servers, 0, sizeof opts.servers);
    opts.server_count = 0;
    for (unsigned i = 0; i < servers->count; i++)
        if (servers->addrs[i].family == a->reach.opts.local.family)
            opts.servers[opts.server_count++] = servers->addrs[i];
    if (opts.server_count == a->binding.opts.server_count &&
        memcmp(opts.servers, a->binding.opts.servers, sizeof opts.servers) == 0)
        return;
    memset(a->heard_round, 0, sizeof a->heard_round);
    a->asks = opts.server_count > 0;
    a->settled = !a->asks;
    if (a->asks) {
        ptn_stun_binding_init(&a->binding, &opts);
        ptn_stun_binding_start(&a->binding, now);
    } else {
        a->binding = (struct ptn_stun_binding){.opts = opts};
    }
}

void ptn_anchor_doubt(struct ptn_anchor *a, ptn_time now)
{
    if (a->asks)
        ptn_stun_binding_doubt(&a->binding, now);
}

/* Each answer once, also one that says what was known: that it is still so is news to reach. */
static void tell_reach(struct ptn_anchor *a, ptn_time now)
{
    const struct ptn_stun_binding *b = &a->binding;
    struct ptn_stun_binding_event ev;

    for (size_t i = 0; i < b->opts.server_count; i++) {
        const struct ptn_stun_binding_server *s = &b->servers[i];
        if (s->answered_round == a->heard_round[i])
            continue;
        a->heard_round[i] = s->answered_round;
        const struct ptn_reach_sight sight = {
            .kind = PTN_REACH_SAW_STUN, .server = b->opts.servers[i], .seen = s->mapped};
        bool doubtful;
        ptn_reach_see_doubting(&a->reach, now, &sight, &doubtful);
        a->doubtful |= doubtful;
    }
    while (ptn_stun_binding_event(&a->binding, &ev))
        if (ev.kind == PTN_STUN_BINDING_SETTLED)
            a->settled = true;
}

bool ptn_anchor_input(struct ptn_anchor *a, ptn_time now, const struct ptn_tell *tell)
{
    if (!a->asks || !ptn_stun_binding_input(&a->binding, now, tell))
        return false;
    tell_reach(a, now);
    return true;
}

void ptn_anchor_tick(struct ptn_anchor *a, ptn_time now)
{
    ptn_reach_tick(&a->reach, now);
    if (!a->asks)
        return;
    ptn_stun_binding_tick(&a->binding, now);
    tell_reach(a, now);
}

bool ptn_anchor_output(struct ptn_anchor *a, ptn_time now, struct ptn_ask *ask)
{
    return a->asks && ptn_stun_binding_output(&a->binding, now, ask);
}

ptn_time ptn_anchor_deadline(const struct ptn_anchor *a)
{
    ptn_time reach = ptn_reach_deadline(&a->reach);

    return a->asks ? ptn_time_min(reach, ptn_stun_binding_deadline(&a->binding)) : reach;
}

bool ptn_anchor_hears(const struct ptn_anchor *a)
{
    for (size_t i = 0; i < a->binding.opts.server_count; i++)
        if (a->binding.servers[i].state == PTN_STUN_BINDING_ANSWERS)
            return true;
    return false;
}

bool ptn_anchor_answers(const struct ptn_anchor *a, const struct ptn_addr *server,
                        enum ptn_stun_dialect *dialect)
{
    const struct ptn_stun_binding *b = &a->binding;

    for (size_t i = 0; i < b->opts.server_count; i++)
        if (ptn_addr_equal(&b->opts.servers[i], server) &&
            b->servers[i].state == PTN_STUN_BINDING_ANSWERS) {
            *dialect = b->servers[i].is;
            return true;
        }
    return false;
}

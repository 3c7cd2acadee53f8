/*
 * relay/listeners.c - who stands in for whom is worked out once, not per request.
 */
#include "relay/listeners.h"

#include <assert.h>

void ptn_relay_listeners_init(struct ptn_relay_listeners *l, const struct ptn_relay_opts *opts)
{
    assert(opts->listener_count <= PTN_RELAY_LISTENERS_MAX);

    *l = (struct ptn_relay_listeners){.count = opts->listener_count};
    for (size_t i = 0; i < l->count; i++) {
        struct ptn_relay_listener *is = &l->rows[i].is;
        *is = opts->listeners[i];
        assert(is->id != 0 && is->id <= PTN_RELAY_LISTENER_ID_MAX);
        if (ptn_addr_is_none(&is->announced))
            is->announced = is->local;
    }
    ptn_relay_listeners_pair(l);
}

/* Bits of OTHER_IP and OTHER_PORT that lead from `a` to `b`; -1 when none do. */
static int relation(const struct ptn_relay_listener *a, const struct ptn_relay_listener *b)
{
    if (a->group == 0 || a->group != b->group || a->transport != PTN_UDP ||
        b->transport != PTN_UDP || a->local.family != b->local.family)
        return -1;
    return (ptn_addr_same_ip(&a->local, &b->local) ? 0 : (int)PTN_RELAY_OTHER_IP) |
           (a->local.port == b->local.port ? 0 : (int)PTN_RELAY_OTHER_PORT);
}

static void note_port(struct ptn_relay_listeners *l, const struct ptn_addr *a)
{
    l->ports[a->port / 64] |= UINT64_C(1) << a->port % 64;
}

void ptn_relay_listeners_pair(struct ptn_relay_listeners *l)
{
    memset(l->ports, 0, sizeof l->ports);
    for (size_t i = 0; i < l->count; i++) {
        const struct ptn_relay_listener *is = &l->rows[i].is;
        note_port(l, &is->local);
        note_port(l, &is->announced);
        if (is->id < sizeof l->by_id)
            l->by_id[is->id] = (uint8_t)(i + 1);
    }
    for (size_t i = 0; i < l->count; i++) {
        struct ptn_relay_listener_row *row = &l->rows[i];
        memset(row->other, 0, sizeof row->other);
        row->other[0] = row;
        for (size_t j = 0; j < l->count; j++) {
            int how = relation(&row->is, &l->rows[j].is);
            if (how > 0 && !row->other[how])
                row->other[how] = &l->rows[j];
        }
    }
}

struct ptn_relay_listener_row *ptn_relay_listeners_find(struct ptn_relay_listeners *l, ptn_id id)
{
    if (id < sizeof l->by_id)
        return l->by_id[id] ? &l->rows[l->by_id[id] - 1] : NULL;
    for (size_t i = 0; i < l->count; i++)
        if (l->rows[i].is.id == id)
            return &l->rows[i];
    return NULL;
}

bool ptn_relay_listeners_own(const struct ptn_relay_listeners *l, const struct ptn_addr *a)
{
    if (!ptn_relay_listeners_have_port(l, a->port))
        return false;
    for (size_t i = 0; i < l->count; i++)
        if (ptn_addr_equal(&l->rows[i].is.local, a) || ptn_addr_equal(&l->rows[i].is.announced, a))
            return true;
    return false;
}

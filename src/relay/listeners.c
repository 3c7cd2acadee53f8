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
        assert(is->id != 0 && is->id < PTN_ID_WORLD);
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

void ptn_relay_listeners_pair(struct ptn_relay_listeners *l)
{
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
    for (size_t i = 0; i < l->count; i++)
        if (l->rows[i].is.id == id)
            return &l->rows[i];
    return NULL;
}

/* Clients' ports are hardly ever ours, so that is looked at first. */
static bool same(const struct ptn_addr *a, const struct ptn_addr *b)
{
    return a->port == b->port && ptn_addr_equal(a, b);
}

bool ptn_relay_listeners_own(const struct ptn_relay_listeners *l, const struct ptn_addr *a)
{
    for (size_t i = 0; i < l->count; i++)
        if (same(&l->rows[i].is.local, a) || same(&l->rows[i].is.announced, a))
            return true;
    return false;
}

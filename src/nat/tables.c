/*
 * nat/tables.c - rows taken and given back, and the hashes that find them.
 */
#include "nat/tables.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool has_row(const struct ptn_nat_rows *r)
{
    return r->used < r->max;
}

/* `free_of_given_back` is the link that the row at the head of the chain holds. */
static uint32_t take_row(struct ptn_nat_rows *r, uint32_t free_of_given_back)
{
    uint32_t row = r->given_back ? r->given_back - 1 : r->touched++;

    assert(has_row(r));
    if (r->given_back)
        r->given_back = free_of_given_back;
    r->used++;
    return row;
}

static uint32_t give_back(struct ptn_nat_rows *r, uint32_t row)
{
    uint32_t link = r->given_back;

    r->given_back = row + 1;
    r->used--;
    return link;
}

enum ptn_err ptn_nat_tables_init(struct ptn_nat_tables *t, uint32_t mappings_max,
                                 uint32_t sessions_max, uint32_t salt)
{
    /* Not calloc: no row is read before it was taken and written, and a simulation that makes a NAT
     * for every call would mostly clear memory. */
    *t = (struct ptn_nat_tables){
        .hosts = malloc(mappings_max * sizeof *t->hosts),
        .mappings = malloc(mappings_max * sizeof *t->mappings),
        .sessions = malloc(sessions_max * sizeof *t->sessions),
        .host_rows = {.max = mappings_max},
        .mapping_rows = {.max = mappings_max},
        .session_rows = {.max = sessions_max},
        .salt = salt,
    };
    if (t->hosts && t->mappings && t->sessions &&
        ptn_hash_init(&t->by_addr, mappings_max) == PTN_OK &&
        ptn_hash_init(&t->by_inside, mappings_max) == PTN_OK &&
        ptn_hash_init(&t->by_outside, mappings_max) == PTN_OK &&
        ptn_hash_init(&t->by_far, sessions_max) == PTN_OK &&
        ptn_heap_init(&t->deadlines, sessions_max) == PTN_OK)
        return PTN_OK;
    ptn_nat_tables_fini(t);
    return PTN_ERR_NO_MEMORY;
}

void ptn_nat_tables_fini(struct ptn_nat_tables *t)
{
    free(t->hosts);
    free(t->mappings);
    free(t->sessions);
    ptn_hash_fini(&t->by_addr);
    ptn_hash_fini(&t->by_inside);
    ptn_hash_fini(&t->by_outside);
    ptn_hash_fini(&t->by_far);
    ptn_heap_fini(&t->deadlines);
    *t = (struct ptn_nat_tables){0};
}

void ptn_nat_tables_clear(struct ptn_nat_tables *t)
{
    for (uint32_t i = 0; i < t->session_rows.touched; i++)
        if (t->sessions[i].used)
            ptn_nat_remove_session(t, &t->sessions[i]);
}

static uint32_t host_key(const struct ptn_nat_tables *t, const struct ptn_addr *addr)
{
    return ptn_hash_addr(t->salt, addr);
}

static uint32_t inside_key(const struct ptn_nat_tables *t, enum ptn_nat_proto proto,
                           const struct ptn_addr *inside, const struct ptn_addr *far)
{
    return ptn_hash_addr(ptn_hash_addr(t->salt + proto, inside), far);
}

static uint32_t outside_key(const struct ptn_nat_tables *t, enum ptn_nat_proto proto,
                            const struct ptn_addr *outside)
{
    return ptn_hash_addr(t->salt + proto, outside);
}

static uint32_t far_key(const struct ptn_nat_tables *t, uint32_t mapping,
                        const struct ptn_addr *far)
{
    struct ptn_addr portless = ptn_addr_with_port(*far, 0);

    return ptn_hash_addr(ptn_hash_word(t->salt, mapping), &portless);
}

static struct ptn_nat_host *host_at(struct ptn_nat_tables *t, const struct ptn_addr *addr)
{
    uint32_t row = ptn_hash_first(&t->by_addr, host_key(t, addr));

    while (row && !ptn_addr_equal(&t->hosts[row - 1].addr, addr))
        row = ptn_hash_next(&t->by_addr, row);
    return row ? &t->hosts[row - 1] : NULL;
}

struct ptn_nat_host *ptn_nat_find_host(struct ptn_nat_tables *t, const struct ptn_addr *inside)
{
    struct ptn_addr addr = ptn_addr_with_port(*inside, 0);

    return host_at(t, &addr);
}

struct ptn_nat_mapping *ptn_nat_find_inside(struct ptn_nat_tables *t, enum ptn_nat_proto proto,
                                            const struct ptn_addr *inside,
                                            const struct ptn_addr *far)
{
    uint32_t row = ptn_hash_first(&t->by_inside, inside_key(t, proto, inside, far));

    for (; row; row = ptn_hash_next(&t->by_inside, row)) {
        struct ptn_nat_mapping *m = &t->mappings[row - 1];
        if (m->proto == proto && ptn_addr_equal(&m->inside, inside) && ptn_addr_equal(&m->far, far))
            return m;
    }
    return NULL;
}

struct ptn_nat_mapping *ptn_nat_find_outside(struct ptn_nat_tables *t, enum ptn_nat_proto proto,
                                             const struct ptn_addr *outside)
{
    uint32_t row = ptn_hash_first(&t->by_outside, outside_key(t, proto, outside));

    for (; row; row = ptn_hash_next(&t->by_outside, row)) {
        struct ptn_nat_mapping *m = &t->mappings[row - 1];
        if (m->proto == proto && ptn_addr_equal(&m->outside, outside))
            return m;
    }
    return NULL;
}

struct ptn_nat_session *ptn_nat_find_session(struct ptn_nat_tables *t,
                                             const struct ptn_nat_mapping *m,
                                             const struct ptn_addr *far, bool port_matters)
{
    uint32_t mapping = (uint32_t)(m - t->mappings);
    uint32_t row = ptn_hash_first(&t->by_far, far_key(t, mapping, far));

    for (; row; row = ptn_hash_next(&t->by_far, row)) {
        struct ptn_nat_session *s = &t->sessions[row - 1];
        if (s->mapping == mapping && ptn_addr_same_ip(&s->far, far) &&
            (!port_matters || s->far.port == far->port))
            return s;
    }
    return NULL;
}

static uint32_t hold_host(struct ptn_nat_tables *t, const struct ptn_addr *inside)
{
    struct ptn_addr addr = ptn_addr_with_port(*inside, 0);
    struct ptn_nat_host *host = host_at(t, &addr);

    if (!host) {
        uint32_t head = t->host_rows.given_back;
        uint32_t row = take_row(&t->host_rows, head ? t->hosts[head - 1].free : 0);
        host = &t->hosts[row];
        *host = (struct ptn_nat_host){.addr = addr};
        ptn_hash_add(&t->by_addr, host_key(t, &addr), row);
    }
    host->mappings++;
    return (uint32_t)(host - t->hosts);
}

static void let_go_host(struct ptn_nat_tables *t, uint32_t row)
{
    struct ptn_nat_host *host = &t->hosts[row];

    if (--host->mappings > 0)
        return;
    ptn_hash_remove(&t->by_addr, host_key(t, &host->addr), row);
    host->free = give_back(&t->host_rows, row);
}

struct ptn_nat_session *ptn_nat_add_session(struct ptn_nat_tables *t, struct ptn_nat_mapping *m,
                                            const struct ptn_addr *far)
{
    if (!has_row(&t->session_rows))
        return NULL;
    uint32_t head = t->session_rows.given_back;
    uint32_t row = take_row(&t->session_rows, head ? t->sessions[head - 1].free : 0);
    struct ptn_nat_session *s = &t->sessions[row];

    *s =
        (struct ptn_nat_session){.used = true, .mapping = (uint32_t)(m - t->mappings), .far = *far};
    ptn_hash_add(&t->by_far, far_key(t, s->mapping, far), row);
    m->sessions++;
    return s;
}

struct ptn_nat_session *ptn_nat_add_mapping(struct ptn_nat_tables *t,
                                            const struct ptn_nat_mapping *like,
                                            const struct ptn_addr *far)
{
    if (!has_row(&t->mapping_rows) || !has_row(&t->session_rows))
        return NULL;
    uint32_t head = t->mapping_rows.given_back;
    uint32_t row = take_row(&t->mapping_rows, head ? t->mappings[head - 1].free : 0);
    struct ptn_nat_mapping *m = &t->mappings[row];

    *m = *like;
    m->sessions = 0;
    m->host = hold_host(t, &m->inside);
    ptn_hash_add(&t->by_inside, inside_key(t, m->proto, &m->inside, &m->far), row);
    ptn_hash_add(&t->by_outside, outside_key(t, m->proto, &m->outside), row);
    return ptn_nat_add_session(t, m, far);
}

static void remove_mapping(struct ptn_nat_tables *t, uint32_t row)
{
    struct ptn_nat_mapping *m = &t->mappings[row];

    ptn_hash_remove(&t->by_inside, inside_key(t, m->proto, &m->inside, &m->far), row);
    ptn_hash_remove(&t->by_outside, outside_key(t, m->proto, &m->outside), row);
    let_go_host(t, m->host);
    m->free = give_back(&t->mapping_rows, row);
}

void ptn_nat_remove_session(struct ptn_nat_tables *t, struct ptn_nat_session *s)
{
    uint32_t row = (uint32_t)(s - t->sessions);
    struct ptn_nat_mapping *m = &t->mappings[s->mapping];

    ptn_hash_remove(&t->by_far, far_key(t, s->mapping, &s->far), row);
    ptn_heap_set(&t->deadlines, row, PTN_NEVER);
    s->used = false;
    s->free = give_back(&t->session_rows, row);
    if (--m->sessions == 0)
        remove_mapping(t, s->mapping);
}

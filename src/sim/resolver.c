/*
 * sim/resolver.c - one question to the name servers.
 *
 * All types are asked side by side, since a resolver that asks for AAAA after A makes every
 * connection wait twice for a slow server.
 */
#include "sim/resolver.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "net/dns.h"

enum { MESSAGE_MAX = 512, RECORDS_MAX = 16 * PTN_SIM_RESOLVER_TYPES };

static const enum ptn_dns_type types[PTN_SIM_RESOLVER_TYPES] = {PTN_DNS_A, PTN_DNS_AAAA,
                                                                PTN_DNS_SRV, PTN_DNS_NAPTR};

struct question {
    bool open;
    uint16_t id;
    unsigned sends;
    ptn_time due;
    enum ptn_err why; /* once closed: PTN_OK when it was answered */
};

struct ptn_sim_resolver {
    struct ptn_sim_resolver_opts opts;
    char name[PTN_NET_DNS_NAME_MAX];
    struct question questions[PTN_SIM_RESOLVER_TYPES];
    struct ptn_net_dns_answer answers[PTN_SIM_RESOLVER_TYPES]; /* own the records' texts */
    struct ptn_dns_record records[RECORDS_MAX];
    size_t record_count;
    uint8_t message[MESSAGE_MAX];
};

static void write_query(struct ptn_sim_resolver *r, unsigned which, struct ptn_writer *w)
{
    *w = ptn_writer(r->message, sizeof r->message);
    ptn_net_dns_write_query(w, r->questions[which].id, r->name, types[which]);
}

enum ptn_err ptn_sim_resolver_new(struct ptn_sim_resolver **out, ptn_time now,
                                  const struct ptn_sim_resolver_opts *opts, const char *name,
                                  unsigned wanted, struct ptn_dice *dice)
{
    assert(opts->sends_max > 0 && opts->server_count <= PTN_SIM_RESOLVER_SERVERS_MAX);

    struct ptn_writer w;
    size_t size = strlen(name);
    if (size == 0 || size >= PTN_NET_DNS_NAME_MAX)
        return PTN_ERR_INVALID;

    struct ptn_sim_resolver *r = calloc(1, sizeof *r);
    if (!r)
        return PTN_ERR_NO_MEMORY;
    r->opts = *opts;
    memcpy(r->name, name, size);
    write_query(r, 0, &w);
    if (w.bad) {
        free(r);
        return PTN_ERR_INVALID;
    }
    for (unsigned i = 0; i < PTN_SIM_RESOLVER_TYPES; i++) {
        struct question *q = &r->questions[i];
        if (!(wanted & types[i]))
            continue;
        q->id = (uint16_t)ptn_dice_u64(dice);
        q->due = now;
        q->why = PTN_ERR_NAMES_SILENT;
        q->open = opts->server_count > 0;
        if (!q->open)
            q->why = PTN_ERR_NAMES_UNREACHABLE; /* nobody to ask */
    }
    *out = r;
    return PTN_OK;
}

void ptn_sim_resolver_free(struct ptn_sim_resolver *r)
{
    free(r);
}

static void give_up_or_repeat(struct ptn_sim_resolver *r, struct question *q, ptn_time now)
{
    q->due = now;
    if (q->sends >= r->opts.sends_max)
        q->open = false;
}

/* The server that was asked last for `q`. */
static const struct ptn_addr *server_of(const struct ptn_sim_resolver *r, const struct question *q)
{
    return &r->opts.servers[(q->sends + r->opts.server_count - 1) % r->opts.server_count];
}

static bool is_a_server(const struct ptn_sim_resolver *r, const struct ptn_addr *from)
{
    for (unsigned i = 0; i < r->opts.server_count; i++)
        if (ptn_addr_equal(from, &r->opts.servers[i]))
            return true;
    return false;
}

static void keep_records(struct ptn_sim_resolver *r, unsigned which)
{
    const struct ptn_net_dns_answer *answer = &r->answers[which];

    for (size_t i = 0; i < answer->record_count && r->record_count < RECORDS_MAX; i++)
        if (answer->records[i].type == types[which])
            r->records[r->record_count++] = answer->records[i];
}

void ptn_sim_resolver_input(struct ptn_sim_resolver *r, ptn_time now, const struct ptn_addr *from,
                            struct ptn_bytes message)
{
    struct ptn_reader in = ptn_reader(message);
    uint16_t id = ptn_read_u16(&in);
    unsigned which = 0;

    while (which < PTN_SIM_RESOLVER_TYPES &&
           (!r->questions[which].open || r->questions[which].id != id ||
            r->questions[which].sends == 0))
        which++;
    if (which == PTN_SIM_RESOLVER_TYPES || !is_a_server(r, from))
        return;
    struct question *q = &r->questions[which];
    struct ptn_net_dns_answer *answer = &r->answers[which];
    bool readable = ptn_net_dns_read_answer(message, answer);
    if (readable && answer->code == PTN_NET_DNS_FINE && !answer->truncated)
        keep_records(r, which);
    else if (!readable || answer->code != PTN_NET_DNS_NO_SUCH_NAME) {
        q->why = readable && answer->code == PTN_NET_DNS_SERVER_FAILED ? PTN_ERR_NAMES_FAILED
                 : readable                                            ? PTN_ERR_NAMES_REFUSED
                                                                       : PTN_ERR_INVALID;
        give_up_or_repeat(r, q, now);
        return;
    }
    q->open = false;
    q->why = answer->code == PTN_NET_DNS_FINE ? PTN_OK : PTN_ERR_NO_SUCH_NAME;
}

void ptn_sim_resolver_unreachable(struct ptn_sim_resolver *r, ptn_time now,
                                  const struct ptn_addr *server)
{
    for (unsigned i = 0; i < PTN_SIM_RESOLVER_TYPES; i++) {
        struct question *q = &r->questions[i];
        if (!q->open || q->sends == 0 || !ptn_addr_equal(server, server_of(r, q)))
            continue;
        q->why = PTN_ERR_NAMES_UNREACHABLE;
        give_up_or_repeat(r, q, now);
    }
}

void ptn_sim_resolver_tick(struct ptn_sim_resolver *r, ptn_time now)
{
    for (unsigned i = 0; i < PTN_SIM_RESOLVER_TYPES; i++)
        if (r->questions[i].open && now >= r->questions[i].due)
            give_up_or_repeat(r, &r->questions[i], now);
}

bool ptn_sim_resolver_output(struct ptn_sim_resolver *r, ptn_time now, struct ptn_addr *to,
                             struct ptn_bytes *message)
{
    for (unsigned i = 0; i < PTN_SIM_RESOLVER_TYPES; i++) {
        struct question *q = &r->questions[i];
        if (!q->open || now < q->due || q->sends >= r->opts.sends_max)
            continue;
        struct ptn_writer w;
        write_query(r, i, &w);
        q->sends++;
        q->due = now + r->opts.wait;
        *to = *server_of(r, q);
        *message = ptn_bytes(r->message, ptn_writer_size(&w));
        return true;
    }
    return false;
}

ptn_time ptn_sim_resolver_deadline(const struct ptn_sim_resolver *r)
{
    ptn_time due = PTN_NEVER;

    for (unsigned i = 0; i < PTN_SIM_RESOLVER_TYPES; i++)
        if (r->questions[i].open)
            due = ptn_time_min(due, r->questions[i].due);
    return due;
}

bool ptn_sim_resolver_done(const struct ptn_sim_resolver *r, enum ptn_err *why,
                           const struct ptn_dns_record **records, size_t *count)
{
    enum ptn_err first = PTN_OK;
    bool answered = false, exists = false;

    for (unsigned i = 0; i < PTN_SIM_RESOLVER_TYPES; i++) {
        const struct question *q = &r->questions[i];
        if (q->open)
            return false;
        if (q->sends == 0 && q->why == PTN_OK)
            continue; /* this type was not wanted */
        answered |= ptn_err_is_answer(q->why);
        exists |= q->why == PTN_OK;
        first = first ? first : q->why;
    }
    *why = exists ? PTN_OK : answered ? PTN_ERR_NO_SUCH_NAME : first;
    *records = r->records;
    *count = r->record_count;
    return true;
}

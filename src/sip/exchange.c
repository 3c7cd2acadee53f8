/*
 * sip/exchange.c - transactions with their bytes, their peers and their users.
 *
 * A table of fixed size. What a message belongs to is found by a key of text (§17.1.3,
 * §17.2.3), hashed so that looking through the table costs next to nothing. Here are the table
 * and the server's side; the client's is client.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

#define BRANCH_MAGIC "z9hG4bK"

static uint32_t hash_of(const char *text)
{
    uint32_t h = 2166136261u;

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 16777619u;
    return h;
}

/* ---- the table ---- */

/* A quiet phone has a few transactions at a time, and room for thousands: slots that were never
 * needed are not touched, so that their memory does not come into being. */
static struct ptn_sip_entry *free_entry(struct ptn_sip *s)
{
    if (!s->entry_free && s->entry_touched < s->entry_count)
        s->entry_free = ++s->entry_touched;
    return s->entry_free ? &s->entries[s->entry_free - 1] : NULL;
}

uint32_t ptn_sip_entry_slot(const struct ptn_sip *s, const struct ptn_sip_entry *e)
{
    return (uint32_t)(e - s->entries);
}

struct ptn_sip_entry *ptn_sip_exchange_find(struct ptn_sip *s, ptn_sip_txn_id id)
{
    struct ptn_sip_entry *e = &s->entries[id % s->entry_count];

    return id && e->id == id ? e : NULL;
}

bool ptn_sip_entry_is_client(const struct ptn_sip_entry *e)
{
    return e->txn.kind == PTN_SIP_CLIENT_INVITE || e->txn.kind == PTN_SIP_CLIENT_OTHER;
}

struct ptn_sip_entry *ptn_sip_entry_find(struct ptn_sip *s, const char *key, bool client)
{
    uint32_t hash = hash_of(key), at = s->buckets[hash & s->bucket_mask];

    for (; at; at = s->entries[at - 1].next) {
        struct ptn_sip_entry *e = &s->entries[at - 1];
        if (e->key_hash == hash && ptn_sip_entry_is_client(e) == client && strcmp(e->key, key) == 0)
            return e;
    }
    return NULL;
}

enum ptn_err ptn_sip_exchange_init(struct ptn_sip *s)
{
    uint32_t buckets = 1;

    while (buckets < s->opts.transactions_max)
        buckets *= 2;
    s->bucket_mask = buckets - 1;
    s->buckets = calloc(buckets, sizeof *s->buckets);
    s->entries = calloc(s->opts.transactions_max, sizeof *s->entries);
    if (!s->buckets || !s->entries || ptn_heap_init(&s->timers, s->opts.transactions_max))
        return PTN_ERR_NO_MEMORY;
    s->entry_count = s->opts.transactions_max;
    return PTN_OK;
}

void ptn_sip_entry_count(struct ptn_sip *s, const struct ptn_sip_entry *e, int by)
{
    struct ptn_sip_session *c =
        e->user == PTN_SIP_FOR_CALL ? ptn_sip_find_call(s, e->user_id) : NULL;

    if (!c)
        return;
    c->transactions += (unsigned)by;
    ptn_sip_call_lost_transaction(s, c);
}

void ptn_sip_exchange_assign(struct ptn_sip *s, ptn_sip_txn_id id, struct ptn_sip_session *c)
{
    struct ptn_sip_entry *e = ptn_sip_exchange_find(s, id);

    e->user = PTN_SIP_FOR_CALL;
    e->user_id = c->id;
    ptn_sip_entry_count(s, e, 1);
}

static void link_entry(struct ptn_sip *s, struct ptn_sip_entry *e)
{
    uint32_t *bucket = &s->buckets[e->key_hash & s->bucket_mask];

    e->next = *bucket;
    *bucket = ptn_sip_entry_slot(s, e) + 1;
}

static void unlink_entry(struct ptn_sip *s, const struct ptn_sip_entry *e)
{
    uint32_t *link = &s->buckets[e->key_hash & s->bucket_mask];

    while (*link != ptn_sip_entry_slot(s, e) + 1)
        link = &s->entries[*link - 1].next;
    *link = e->next;
}

void ptn_sip_entry_release(struct ptn_sip *s, struct ptn_sip_entry *e)
{
    uint32_t slot = ptn_sip_entry_slot(s, e);

    unlink_entry(s, e);
    ptn_sip_entry_count(s, e, -1);
    ptn_heap_set(&s->timers, slot, PTN_NEVER);
    ptn_sip_in_fini(&e->request);
    free(e->key);
    mem_deref(e->bytes);
    free(e->ways);
    free(e->target);
    *e = (struct ptn_sip_entry){.next = s->entry_free};
    s->entry_free = slot + 1;
}

struct ptn_sip_entry *ptn_sip_entry_add(struct ptn_sip *s, const char *key,
                                        enum ptn_sip_txn_kind kind)
{
    struct ptn_sip_entry *e = free_entry(s);
    char *copy = e ? ptn_sip_dup(ptn_pl(key)) : NULL;

    if (!copy) {
        s->counts[PTN_SIP_NO_ROOM]++;
        return NULL;
    }
    s->entry_free = e->next;
    uint32_t slot = ptn_sip_entry_slot(s, e);
    /* A number that leads to the slot and is not used again for a long time. */
    if (++s->entry_rounds > UINT32_MAX / s->entry_count - 1)
        s->entry_rounds = 1;
    *e = (struct ptn_sip_entry){.id = s->entry_rounds * s->entry_count + slot,
                                .key = copy,
                                .key_hash = hash_of(key),
                                .txn.kind = kind,
                                .waits_until = PTN_NEVER,
                                .gives_up = PTN_NEVER};
    link_entry(s, e);
    return e;
}

bool ptn_sip_entry_rekey(struct ptn_sip *s, struct ptn_sip_entry *e, const char *key)
{
    char *copy = ptn_sip_dup(ptn_pl(key));

    if (!copy)
        return false;
    unlink_entry(s, e);
    free(e->key);
    e->key = copy;
    e->key_hash = hash_of(key);
    link_entry(s, e);
    return true;
}

/* Only who has not said a word is given up before his time. */
static ptn_time gives_up(const struct ptn_sip_entry *e)
{
    return ptn_sip_entry_is_client(e) && e->txn.state == PTN_SIP_TXN_TRYING ? e->gives_up
                                                                            : PTN_NEVER;
}

void ptn_sip_entry_set_timer(struct ptn_sip *s, const struct ptn_sip_entry *e)
{
    ptn_heap_set(&s->timers, ptn_sip_entry_slot(s, e),
                 e->waiting ? e->waits_until
                            : ptn_time_min(gives_up(e), ptn_sip_txn_deadline(&e->txn)));
}

void ptn_sip_entry_lighten(struct ptn_sip_entry *e)
{
    mem_deref(e->bytes);
    free(e->ways);
    free(e->target);
    e->bytes = NULL;
    e->ways = NULL;
    e->target = NULL;
    e->hop.name = NULL;
    e->size = e->way_count = e->way = 0;
}

bool ptn_sip_entry_keep(struct ptn_sip_entry *e, const struct ptn_writer *w)
{
    size_t size = ptn_writer_size(w);
    uint8_t *copy = w->bad ? NULL : mem_alloc(size, NULL);

    if (!copy)
        return false;
    memcpy(copy, w->start, size);
    mem_deref(e->bytes);
    e->bytes = copy;
    e->size = size;
    return true;
}

struct ptn_sip_txn_opts ptn_sip_txn_opts_for(const struct ptn_sip *s, enum ptn_transport transport)
{
    return (struct ptn_sip_txn_opts){s->opts.t1, s->opts.t2, s->opts.t4, transport != PTN_UDP};
}

void ptn_sip_exchange_drop(struct ptn_sip *s, ptn_sip_txn_id id)
{
    struct ptn_sip_entry *e = ptn_sip_exchange_find(s, id);

    if (e)
        ptn_sip_entry_release(s, e);
}

void ptn_sip_exchange_forget(struct ptn_sip *s, enum ptn_sip_user user, ptn_sip_id user_id)
{
    for (uint32_t i = 0; i < s->entry_touched; i++)
        if (s->entries[i].id && s->entries[i].user == user && s->entries[i].user_id == user_id)
            ptn_sip_entry_release(s, &s->entries[i]);
}

void ptn_sip_entry_send(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e)
{
    if (e->size > 0)
        ptn_sip_send(s, now, &e->hop, ptn_bytes(e->bytes, e->size), e->bytes);
}

/* ---- server side ---- */

/* §17.2.3: branch, sent-by and method where the branch is made to be compared; else what
 * RFC 2543 compared. CANCEL is looked for with `method` INVITE to find what it means. */
static bool server_key(const struct ptn_sip_in *in, const char *method,
                       char key[static PTN_SIP_KEY_MAX])
{
    const struct sip_msg *m = in->msg;
    struct pl branch = m->via.branch;
    bool comparable = branch.l > strlen(BRANCH_MAGIC) &&
                      strncmp(branch.p, BRANCH_MAGIC, strlen(BRANCH_MAGIC)) == 0;
    int size = comparable ? snprintf(key, PTN_SIP_KEY_MAX, "%.*s|%.*s|%s", PTN_PL(branch),
                                     PTN_PL(m->via.sentby), method)
                          : snprintf(key, PTN_SIP_KEY_MAX, "%.*s|%.*s|%.*s|%u|%.*s|%s",
                                     PTN_PL(m->ruri), PTN_PL(m->callid), PTN_PL(m->from.tag),
                                     m->cseq.num, PTN_PL(m->via.val), method);
    return size > 0 && size < PTN_SIP_KEY_MAX;
}

static void act(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e, unsigned actions)
{
    if (actions & PTN_SIP_TXN_SEND)
        ptn_sip_entry_send(s, now, e);
    ptn_sip_entry_set_timer(s, e);
    if (e->txn.state == PTN_SIP_TXN_TERMINATED)
        ptn_sip_entry_release(s, e);
}

void ptn_sip_exchange_respond(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                              const struct ptn_sip_response *r)
{
    struct ptn_writer w = ptn_writer(s->out, sizeof s->out);
    struct ptn_sip_entry *e = ptn_sip_exchange_find(s, id);
    struct ptn_sip_response full = *r;

    if (!e || !e->request.msg)
        return;
    full.software = s->software;
    ptn_sip_print_response(&w, &e->request, &full);
    if (!ptn_sip_entry_keep(e, &w)) {
        /* Nothing would ever end a transaction that has not been answered. */
        ptn_sip_entry_release(s, e);
        return;
    }
    if (r->status >= 200)
        ptn_sip_in_fini(&e->request); /* it may come again, but is not answered anew */
    act(s, now, e,
        ptn_sip_txn_happens(&e->txn, now,
                            r->status < 200   ? PTN_SIP_TXN_1XX
                            : r->status < 300 ? PTN_SIP_TXN_2XX
                                              : PTN_SIP_TXN_3XX));
}

void ptn_sip_exchange_repeat(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id)
{
    struct ptn_sip_entry *e = ptn_sip_exchange_find(s, id);

    if (e)
        ptn_sip_entry_send(s, now, e);
}

/* Where answers to this request go; a stream's go back on it (§18.2.2). */
static struct ptn_sip_hop hop_back(const struct ptn_sip_in *in)
{
    bool stream = in->transport != PTN_UDP;

    return (struct ptn_sip_hop){.socket = stream ? 0 : in->socket,
                                .transport = in->transport,
                                .conn = stream ? in->socket : 0,
                                .to = stream ? in->from : ptn_sip_in_reply_to(in)};
}

void ptn_sip_serve_bad(struct ptn_sip *s, ptn_time now, const struct ptn_sip_in *in,
                       unsigned status)
{
    struct ptn_writer w = ptn_writer(s->out, sizeof s->out);
    struct ptn_sip_hop hop = hop_back(in);

    /* Stateless: the same tag for the same request, or a repeat would look like another's. */
    char tag[12];
    snprintf(tag, sizeof tag, "%08x", (unsigned)in->msg->cseq.num * 2654435761u);
    ptn_sip_print_response(
        &w, in, &(struct ptn_sip_response){.status = status, .tag = tag, .software = s->software});
    if (!w.bad && !ptn_sip_in_is(in, "ACK"))
        ptn_sip_send(s, now, &hop, ptn_bytes(w.start, ptn_writer_size(&w)), NULL);
}

static void receive_cancel(struct ptn_sip *s, ptn_time now, struct ptn_sip_in *in,
                           struct ptn_sip_entry *e)
{
    char key[PTN_SIP_KEY_MAX];
    struct ptn_sip_entry *invite =
        server_key(in, "INVITE", key) ? ptn_sip_entry_find(s, key, false) : NULL;
    ptn_sip_id call = invite && invite->user == PTN_SIP_FOR_CALL ? invite->user_id : 0;
    ptn_sip_txn_id invite_id = invite ? invite->id : 0;

    ptn_sip_reject(s, now, e->id, invite ? 200 : 481, NULL);
    if (call)
        ptn_sip_call_cancelled(s, now, call, invite_id);
}

static void receive_ack(struct ptn_sip *s, ptn_time now, struct ptn_sip_in *in)
{
    char key[PTN_SIP_KEY_MAX];
    struct ptn_sip_entry *e =
        server_key(in, "INVITE", key) ? ptn_sip_entry_find(s, key, false) : NULL;

    /* An ACK of a 2xx has a branch of its own, but some reuse the INVITE's. */
    if (e && !(ptn_sip_txn_happens(&e->txn, now, PTN_SIP_TXN_ACK) & PTN_SIP_TXN_PASS)) {
        s->counts[PTN_SIP_TAKEN]++;
        act(s, now, e, 0);
        return;
    }
    ptn_sip_serve(s, now, 0, in);
}

/* A flood must not shut everybody out for 64 T1: of those who have had their answer, and are kept
 * only because they may ask for it again, one is forgotten. Long since, as a hand that goes round
 * can tell. */
static bool make_room(struct ptn_sip *s)
{
    for (uint32_t i = 0; i < s->entry_touched; i++) {
        struct ptn_sip_entry *e = &s->entries[s->entry_hand++ % s->entry_touched];
        if (e->id && !ptn_sip_entry_is_client(e) &&
            (e->txn.state == PTN_SIP_TXN_COMPLETED || e->txn.state == PTN_SIP_TXN_CONFIRMED)) {
            ptn_sip_entry_release(s, e);
            return true;
        }
    }
    return false;
}

static void receive_request(struct ptn_sip *s, ptn_time now, struct ptn_sip_in *in)
{
    char key[PTN_SIP_KEY_MAX], method[32];

    if (pl_strcpy(&in->msg->met, method, sizeof method) || !server_key(in, method, key)) {
        s->counts[PTN_SIP_BAD_HEADER]++;
        ptn_sip_serve_bad(s, now, in, 400);
        return;
    }
    if (strcmp(method, "ACK") == 0) {
        receive_ack(s, now, in);
        return;
    }
    s->counts[PTN_SIP_TAKEN]++;
    struct ptn_sip_entry *e = ptn_sip_entry_find(s, key, false);
    if (e) {
        act(s, now, e, ptn_sip_txn_happens(&e->txn, now, PTN_SIP_TXN_REQUEST));
        return;
    }
    enum ptn_sip_txn_kind kind =
        strcmp(method, "INVITE") ? PTN_SIP_SERVER_OTHER : PTN_SIP_SERVER_INVITE;
    if (!(e = ptn_sip_entry_add(s, key, kind)) && make_room(s))
        e = ptn_sip_entry_add(s, key, kind);
    if (!e) {
        ptn_sip_serve_bad(s, now, in, 503);
        return;
    }
    struct ptn_sip_txn_opts opts = ptn_sip_txn_opts_for(s, in->transport);
    ptn_sip_txn_start(&e->txn, now, kind, &opts);
    e->hop = hop_back(in);
    e->request = *in;
    e->request.msg = mem_ref(in->msg);
    if (strcmp(method, "CANCEL") == 0)
        receive_cancel(s, now, in, e);
    else
        ptn_sip_serve(s, now, e->id, in);
}

void ptn_sip_exchange_input(struct ptn_sip *s, ptn_time now, struct ptn_bytes bytes,
                            struct ptn_sip_in *in)
{
    enum ptn_sip_verdict verdict = ptn_sip_in_decode(bytes, in);

    if (verdict != PTN_SIP_TAKEN) {
        s->counts[verdict]++;
        if (in->msg && in->msg->req)
            ptn_sip_serve_bad(s, now, in, in->refusal);
    } else if (in->msg->req) {
        receive_request(s, now, in);
    } else {
        ptn_sip_client_answered(s, now, in);
    }
    ptn_sip_in_fini(in);
}

/* ---- time ---- */

void ptn_sip_exchange_resume(struct ptn_sip *s, ptn_time now)
{
    for (uint32_t i = 0; i < s->entry_touched; i++) {
        struct ptn_sip_entry *e = &s->entries[i];
        if (e->id && e->waiting)
            ptn_sip_client_begin(s, now, e, e->txn.kind);
    }
}

void ptn_sip_exchange_conn_lost(struct ptn_sip *s, ptn_time now, ptn_id conn, enum ptn_err why)
{
    for (uint32_t i = 0; i < s->entry_touched; i++) {
        struct ptn_sip_entry *e = &s->entries[i];
        if (!e->id || e->hop.conn != conn)
            continue;
        e->hop.conn = 0;
        /* What has been answered goes on without the connection; what has not, has failed. */
        if (e->waiting || (ptn_sip_entry_is_client(e) && e->txn.state == PTN_SIP_TXN_TRYING))
            ptn_sip_client_lost(s, now, e, why);
        else if (ptn_sip_entry_is_client(e) && e->txn.state == PTN_SIP_TXN_PROCEEDING)
            ptn_sip_client_fail(s, now, e, why);
    }
}

static void tick_entry(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e)
{
    if (e->waiting && e->waits_until <= now) {
        ptn_sip_client_fail(s, now, e, PTN_ERR_TIMED_OUT);
        return;
    }
    if (e->waiting) {
        ptn_sip_client_begin(s, now, e, e->txn.kind);
        return;
    }
    bool silent = ptn_sip_entry_is_client(e) && e->txn.state == PTN_SIP_TXN_TRYING;
    if (gives_up(e) <= now) {
        ptn_sip_client_lost(s, now, e, PTN_ERR_TIMED_OUT);
        return;
    }
    unsigned actions = ptn_sip_txn_tick(&e->txn, now);
    if (actions & PTN_SIP_TXN_TIMEOUT && silent)
        ptn_sip_client_lost(s, now, e, PTN_ERR_TIMED_OUT);
    else if (actions & PTN_SIP_TXN_TIMEOUT)
        ptn_sip_client_fail(s, now, e, PTN_ERR_TIMED_OUT);
    else
        act(s, now, e, actions);
}

void ptn_sip_exchange_tick(struct ptn_sip *s, ptn_time now)
{
    uint32_t slot;

    while (ptn_heap_pop(&s->timers, now, &slot))
        tick_entry(s, now, &s->entries[slot]);
}

ptn_time ptn_sip_exchange_deadline(const struct ptn_sip *s)
{
    return ptn_heap_deadline(&s->timers);
}

void ptn_sip_exchange_fini(struct ptn_sip *s)
{
    for (uint32_t i = 0; i < s->entry_touched; i++)
        if (s->entries[i].id)
            ptn_sip_entry_release(s, &s->entries[i]);
    ptn_heap_fini(&s->timers);
    free(s->buckets);
    free(s->entries);
}

/*
 * server/dtls.c - sessions in fixed slots, found by the far end's address or by their id.
 */
#include "dtls.h"

#include <stdlib.h>
#include <string.h>

#include "base/crowd.h"
#include "base/heap.h"
#include "os/entropy.h"
#include "sockets.h"

/* Above those that the host gives to streams; the generation tells a slot's sessions apart. */
#define FIRST_ID 0xc0000000u
#define SHAKING_MAX PTN_S(10)

enum {
    SLOT_BITS = 18,
    GENERATION_MASK = 0xfff,
    SHAKING_SESSIONS_MAX = 256,
    HANDSHAKE_FIRST_BYTE = 22,
    RECORDS_MAX = 64, /* in one datagram */
    PLAIN_SIZE = 16384 + PTN_RELAY_HEADROOM,
};

struct session {
    struct ptn_dtls *dtls; /* NULL: the slot is free */
    struct ptn_addr far;
    ptn_id listener;
    uint32_t generation;
    uint32_t next; /* in the chain or among the free, plus 1 */
    ptn_time give_up;
    bool told;
};

struct server_dtls {
    struct ptn_relay *relay;
    struct ptn_dtls_rules *rules;
    struct session *sessions;
    uint32_t *heads;
    uint32_t capacity, head_mask, free, shaking, crowd_key;
    uint32_t touched; /* sessions from here on were never there */
    struct ptn_heap waits;
    struct server_dtls_counts counts;
    uint8_t plain[PLAIN_SIZE], answer[PLAIN_SIZE];
};

struct server_dtls *server_dtls_new(struct ptn_relay *relay, uint32_t sessions_max)
{
    struct server_dtls *d = calloc(1, sizeof *d);
    struct ptn_dice dice = ptn_entropy_dice();
    uint32_t heads = 64;

    if (!d)
        return NULL;
    d->relay = relay;
    /* It is the relay that says who is one too many, once hands are shaken. */
    d->capacity = sessions_max ? sessions_max + SHAKING_SESSIONS_MAX : 0;
    if (d->capacity > 1u << SLOT_BITS)
        d->capacity = 1u << SLOT_BITS;
    d->crowd_key = (uint32_t)ptn_dice_u64(&dice);
    while (heads < d->capacity)
        heads *= 2;
    d->head_mask = heads - 1;
    d->sessions = calloc(d->capacity ? d->capacity : 1, sizeof *d->sessions);
    d->heads = calloc(heads, sizeof *d->heads);
    if (!d->sessions || !d->heads ||
        ptn_heap_init(&d->waits, d->capacity ? d->capacity : 1) != PTN_OK) {
        server_dtls_free(d);
        return NULL;
    }
    return d;
}

void server_dtls_free(struct server_dtls *d)
{
    if (!d)
        return;
    for (uint32_t i = 0; i < d->touched; i++)
        ptn_dtls_free(d->sessions[i].dtls);
    ptn_dtls_rules_free(d->rules);
    ptn_heap_fini(&d->waits);
    free(d->sessions);
    free(d->heads);
    free(d);
}

void server_dtls_set_rules(struct server_dtls *d, struct ptn_dtls_rules *rules)
{
    ptn_dtls_rules_free(d->rules);
    d->rules = rules;
}

/* ---- slots ---- */

static uint32_t slot_of(const struct server_dtls *d, const struct session *s)
{
    return (uint32_t)(s - d->sessions);
}

static ptn_id id_of(const struct server_dtls *d, const struct session *s)
{
    return FIRST_ID | (s->generation & GENERATION_MASK) << SLOT_BITS | slot_of(d, s);
}

static struct session *by_id(struct server_dtls *d, ptn_id id)
{
    uint32_t slot = id & ((1u << SLOT_BITS) - 1);

    if (!d || id < FIRST_ID || slot >= d->touched || !d->sessions[slot].dtls)
        return NULL;
    return id_of(d, &d->sessions[slot]) == id ? &d->sessions[slot] : NULL;
}

/* FNV-1a; who fills a chain on purpose has to own the addresses he fills it with. */
static uint32_t *head_of(struct server_dtls *d, ptn_id listener, const struct ptn_addr *far)
{
    uint32_t hash = 2166136261u ^ listener;

    for (size_t i = 0; i < sizeof far->ip; i++)
        hash = (hash ^ far->ip[i]) * 16777619u;
    hash = (hash ^ far->port) * 16777619u;
    return &d->heads[(hash ^ hash >> 15) & d->head_mask];
}

static struct session *by_far_end(struct server_dtls *d, ptn_id listener,
                                  const struct ptn_addr *far)
{
    for (uint32_t at = *head_of(d, listener, far); at; at = d->sessions[at - 1].next) {
        struct session *s = &d->sessions[at - 1];
        if (s->listener == listener && ptn_addr_equal(&s->far, far))
            return s;
    }
    return NULL;
}

static void add(struct server_dtls *d, ptn_time now, struct ptn_dtls *dtls, ptn_id listener,
                const struct ptn_addr *far)
{
    uint32_t *head = head_of(d, listener, far);
    uint32_t place = d->free ? d->free : ++d->touched;
    struct session *s = &d->sessions[place - 1];

    d->free = s->next;
    *s = (struct session){.dtls = dtls,
                          .far = *far,
                          .listener = listener,
                          .generation = s->generation + 1,
                          .next = *head,
                          .give_up = now + SHAKING_MAX};
    *head = place;
    d->shaking++;
}

static void drop(struct server_dtls *d, struct session *s)
{
    uint32_t place = slot_of(d, s) + 1, *at = head_of(d, s->listener, &s->far);

    while (*at != place)
        at = &d->sessions[*at - 1].next;
    *at = s->next;
    ptn_heap_set(&d->waits, place - 1, PTN_NEVER);
    ptn_dtls_free(s->dtls);
    d->shaking -= !s->told;
    *s = (struct session){.generation = s->generation, .next = d->free};
    d->free = place;
}

/* ---- what is said ---- */

static void flush(struct server_sockets *sockets, ptn_time now, struct session *s)
{
    struct ptn_bytes datagram;

    while (ptn_dtls_output(s->dtls, &datagram))
        server_sockets_send(sockets, now, s->listener, &s->far, datagram);
}

static void end(struct server_dtls *d, struct server_sockets *sockets, ptn_time now,
                struct session *s)
{
    struct ptn_tell closed = {.kind = PTN_TELL_CLOSED, .id = id_of(d, s)};
    bool told = s->told;

    flush(sockets, now, s);
    drop(d, s);
    if (told)
        ptn_relay_input(d->relay, now, &closed);
    else
        d->counts.failed++;
}

static void wait(struct server_dtls *d, ptn_time now, struct session *s)
{
    ptn_time patience = ptn_dtls_patience(s->dtls);
    ptn_time due = patience == PTN_NEVER ? PTN_NEVER : now + patience;

    ptn_heap_set(&d->waits, slot_of(d, s), s->told ? PTN_NEVER : ptn_time_min(due, s->give_up));
}

/* Hands what the records said to the relay, and its answers back. */
static void hand_on(struct server_dtls *d, struct server_sockets *sockets, ptn_time now, ptn_id id)
{
    struct session *s;
    size_t got;

    for (unsigned i = 0; i < RECORDS_MAX && (s = by_id(d, id)); i++) {
        enum ptn_tls_state state = ptn_dtls_read(s->dtls, d->plain, sizeof d->plain, &got);
        if (state == PTN_TLS_ENDED || state == PTN_TLS_FAILED) {
            end(d, sockets, now, s);
            return;
        }
        if (got == 0)
            return;
        struct ptn_relay_in in = {.socket = id, .from = s->far, .bytes = ptn_bytes(d->plain, got)};
        struct ptn_relay_out out = {.buf = d->answer, .capacity = sizeof d->answer};
        if (!ptn_relay_datagram(d->relay, now, &in, &out))
            continue;
        if (out.socket > PTN_ID_WORLD)
            server_dtls_send(d, sockets, now, out.socket, out.bytes);
        else
            server_sockets_send(sockets, now, out.socket, &out.to, out.bytes);
    }
}

static void go_on(struct server_dtls *d, struct server_sockets *sockets, ptn_time now,
                  struct session *s, struct ptn_bytes datagram)
{
    ptn_id id = id_of(d, s);
    enum ptn_tls_state state = ptn_dtls_input(s->dtls, datagram);

    flush(sockets, now, s);
    if (state == PTN_TLS_FAILED || state == PTN_TLS_ENDED) {
        end(d, sockets, now, s);
        return;
    }
    if (state == PTN_TLS_UP && !s->told) {
        s->told = true;
        d->shaking--;
        d->counts.shaken++;
        ptn_relay_input(d->relay, now,
                        &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                           .id = id,
                                           .listener = s->listener,
                                           .transport = PTN_DTLS,
                                           .from = s->far});
    }
    wait(d, now, s);
    if (s->told)
        hand_on(d, sockets, now, id);
}

/* Of the address with the most who shake hands the one who has done so for longest: somebody with
 * one address cannot keep others out. */
static void make_room(struct server_dtls *d, struct server_sockets *sockets, ptn_time now)
{
    struct ptn_crowd crowd = {.key = d->crowd_key};
    struct session *chosen = NULL;
    uint32_t most = 0;

    for (uint32_t i = 0; i < d->touched; i++)
        if (d->sessions[i].dtls && !d->sessions[i].told)
            ptn_crowd_add(&crowd, &d->sessions[i].far);
    for (uint32_t i = 0; i < d->touched; i++) {
        struct session *s = &d->sessions[i];
        if (!s->dtls || s->told)
            continue;
        uint32_t size = ptn_crowd_size(&crowd, &s->far);
        if (size > most || (size == most && s->give_up < chosen->give_up)) {
            chosen = s;
            most = size;
        }
    }
    d->counts.crowded++;
    end(d, sockets, now, chosen);
}

static void meet(struct server_dtls *d, struct server_sockets *sockets, ptn_time now,
                 ptn_id listener, const struct ptn_addr *from, struct ptn_bytes datagram)
{
    struct ptn_bytes say;

    d->counts.knocks++;
    if (!d->rules || datagram.size == 0 || datagram.data[0] != HANDSHAKE_FIRST_BYTE)
        return;
    struct ptn_dtls *dtls = ptn_dtls_knock(d->rules, from, datagram, &say);
    if (say.size > 0)
        server_sockets_send(sockets, now, listener, from, say);
    if (!dtls)
        return;
    if (d->shaking >= SHAKING_SESSIONS_MAX)
        make_room(d, sockets, now);
    if (!d->free && d->touched == d->capacity) {
        d->counts.full++;
        ptn_dtls_free(dtls);
        return;
    }
    add(d, now, dtls, listener, from);
    go_on(d, sockets, now, by_far_end(d, listener, from), ptn_bytes(NULL, 0));
}

void server_dtls_record(struct server_dtls *d, struct server_sockets *s, ptn_time now,
                        ptn_id listener, const struct ptn_addr *from, struct ptn_bytes datagram)
{
    struct session *session = by_far_end(d, listener, from);

    if (session)
        go_on(d, s, now, session, datagram);
    else
        meet(d, s, now, listener, from, datagram);
}

void server_dtls_send(struct server_dtls *d, struct server_sockets *s, ptn_time now, ptn_id id,
                      struct ptn_bytes bytes)
{
    struct session *session = by_id(d, id);

    if (session && ptn_dtls_write(session->dtls, bytes) == PTN_OK)
        flush(s, now, session);
}

bool server_dtls_close(struct server_dtls *d, struct server_sockets *s, ptn_time now, ptn_id id)
{
    struct session *session = by_id(d, id);

    if (!session)
        return false;
    ptn_dtls_end(session->dtls);
    flush(s, now, session);
    drop(d, session);
    return true;
}

/* ---- time ---- */

void server_dtls_tick(struct server_dtls *d, struct server_sockets *s, ptn_time now)
{
    uint32_t slot;

    while (ptn_heap_pop(&d->waits, now, &slot)) {
        struct session *session = &d->sessions[slot];
        if (now >= session->give_up) {
            end(d, s, now, session);
            continue;
        }
        ptn_dtls_again(session->dtls);
        flush(s, now, session);
        /* A little later at least: OpenSSL's clock is not ours. */
        ptn_time patience = ptn_dtls_patience(session->dtls);
        ptn_time due = patience == PTN_NEVER ? session->give_up : now + patience + PTN_MS(10);
        ptn_heap_set(&d->waits, slot, ptn_time_min(due, session->give_up));
    }
}

ptn_time server_dtls_deadline(const struct server_dtls *d)
{
    return ptn_heap_deadline(&d->waits);
}

const struct server_dtls_counts *server_dtls_counts(const struct server_dtls *d)
{
    return &d->counts;
}

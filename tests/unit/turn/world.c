/*
 * tests/unit/turn/world.c - a client and its server.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "stun/seal.h"
#include "support/test.h"

const struct ptn_turn_way WORLD_UDP = {
    {.ip = {81, 2, 69, 1}, .port = 3478, .family = PTN_IPV4}, PTN_UDP, NULL};
const struct ptn_turn_way WORLD_TCP = {
    {.ip = {81, 2, 69, 1}, .port = 3478, .family = PTN_IPV4}, PTN_TCP, NULL};

struct world *world_new(const struct ptn_relay_opts *opts)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->g = rig_new(opts);
    w->user = (struct ptn_turn_user){"alice", "secret"};
    w->client = ptn_addr_v4(91, 198, 174, 10, 4000);
    struct ptn_turn_opts turn = {.socket = WORLD_SOCKET,
                                 .connection = WORLD_CONNECTION,
                                 .local = ptn_addr_v4(192, 168, 1, 10, 4000),
                                 .user = &w->user,
                                 .crypto = w->g->crypto,
                                 .dice = ptn_dice_seeded(7)};
    ptn_turn_init(&w->t, &turn);
    return w;
}

void world_free(struct world *w)
{
    rig_free(w->g);
    free(w);
}

/* ---- from the server ---- */

static void take_data(struct world *w)
{
    struct ptn_bytes bytes;

    while (ptn_turn_data(&w->t, w->now, &w->heard_from, &bytes)) {
        CHECK(bytes.size < sizeof w->heard);
        memcpy(w->heard, bytes.data, bytes.size);
        w->heard[bytes.size] = '\0';
        w->heard_count++;
    }
}

static void hear(struct world *w, const struct ptn_tell *tell)
{
    if (ptn_turn_input(&w->t, w->now, tell))
        take_data(w);
}

static void deliver(struct world *w, struct ptn_bytes bytes)
{
    hear(w, &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                               .id = WORLD_SOCKET,
                               .from = WORLD_UDP.server,
                               .bytes = bytes});
}

/* In two pieces, for the network does as it likes. */
static void deliver_stream(struct world *w, const uint8_t *bytes, size_t size)
{
    size_t first = size / 2;

    hear(w, &(struct ptn_tell){
                .kind = PTN_TELL_STREAM, .id = WORLD_CONNECTION, .bytes = ptn_bytes(bytes, first)});
    hear(w, &(struct ptn_tell){.kind = PTN_TELL_STREAM,
                               .id = WORLD_CONNECTION,
                               .bytes = ptn_bytes(bytes + first, size - first)});
}

/* What the relay has sent through output(). */
static void take_sent(struct world *w)
{
    for (size_t i = 0; i < w->g->sent_count; i++) {
        static struct rig_sent s;
        s = w->g->sent[i];
        if (s.kind == PTN_ASK_STREAM && w->path && s.id == w->path)
            deliver_stream(w, s.bytes, s.size);
        else if (s.kind == PTN_ASK_DATAGRAM && s.id == RIG_UDP && !w->dark)
            deliver(w, ptn_bytes(s.bytes, s.size));
    }
    w->g->sent_count = 0;
}

/* ---- to the server ---- */

static void count(struct world *w, struct ptn_bytes bytes)
{
    struct ptn_stun_msg m;

    if (ptn_stun_decode(&m, bytes) == PTN_STUN_OK && m.class == PTN_STUN_REQUEST && m.method < 16)
        w->requests[m.method]++;
}

static void to_relay(struct world *w, const struct ptn_ask *ask)
{
    struct ptn_relay_out out;

    w->g->now = w->now;
    if (ask->kind == PTN_ASK_DATAGRAM) {
        if (rig_datagram(w->g, RIG_UDP, &w->client, ask->bytes, &out) && out.socket == RIG_UDP)
            deliver(w, out.bytes);
    } else if (w->path) {
        ptn_relay_input(
            w->g->relay, w->now,
            &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = w->path, .bytes = ask->bytes});
    }
    rig_settle(w->g);
    take_sent(w);
}

static void connect_to(struct world *w, const struct ptn_ask *ask)
{
    w->asked = *ask;
    if (w->deaf)
        return;
    if (w->dark) {
        hear(w, &(struct ptn_tell){
                    .kind = PTN_TELL_FAILED, .id = ask->id, .why = PTN_ERR_UNREACHABLE});
        return;
    }
    w->path = PTN_ID_WORLD + ++w->conns;
    if (!w->scripted)
        rig_stream_client(w->g, w->path);
    hear(w, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = ask->id});
}

void world_drain(struct world *w)
{
    struct ptn_ask ask;
    struct ptn_turn_event ev;

    ptn_turn_tick(&w->t, w->now);
    while (ptn_turn_output(&w->t, w->now, &ask)) {
        if (ask.kind == PTN_ASK_CONNECT) {
            connect_to(w, &ask);
        } else if (ask.kind == PTN_ASK_CLOSE) {
            w->asked = ask;
            w->path = 0;
        } else {
            CHECK(ask.bytes.size <= sizeof w->sent);
            memcpy(w->sent, ask.bytes.data, ask.bytes.size);
            w->sent_size = ask.bytes.size;
            w->sent_to = ask.to;
            count(w, ptn_bytes(w->sent, w->sent_size));
            if (!w->dark && !w->scripted) {
                ask.bytes = ptn_bytes(w->sent, w->sent_size);
                to_relay(w, &ask);
            }
        }
        ptn_turn_tick(&w->t, w->now);
    }
    while (ptn_turn_event(&w->t, &ev)) {
        CHECK(w->event_count < WORLD_EVENTS_MAX);
        w->events[w->event_count++] = ev;
    }
}

void world_tell(struct world *w, const struct ptn_tell *tell)
{
    hear(w, tell);
    world_drain(w);
}

void world_run(struct world *w, ptn_time span)
{
    ptn_time until = w->now + span;

    world_drain(w);
    while (ptn_turn_deadline(&w->t) <= until) {
        w->now = ptn_time_max(w->now, ptn_turn_deadline(&w->t));
        world_drain(w);
        CHECK(ptn_turn_deadline(&w->t) > w->now);
    }
    w->now = until;
    if (w->g->now < until)
        rig_sleep(w->g, until - w->g->now);
    take_sent(w);
}

void world_start(struct world *w, unsigned way_count, const struct ptn_turn_way *ways)
{
    struct ptn_turn_ways all = {.count = way_count};

    memcpy(all.ways, ways, way_count * sizeof *ways);
    ptn_turn_start(&w->t, w->now, &all);
    world_run(w, PTN_MS(10));
}

void world_peer_sends(struct world *w, const struct ptn_addr *from, const char *text)
{
    struct ptn_relay_out out;
    const struct ptn_addr *relayed = ptn_turn_relayed(&w->t);

    CHECK(relayed != NULL);
    w->heard[0] = '\0';
    if (rig_datagram(w->g, rig_socket(w->g, relayed), from, ptn_bytes_of_text(text), &out) &&
        out.socket == RIG_UDP)
        deliver(w, out.bytes);
    rig_settle(w->g);
    take_sent(w);
    world_drain(w);
}

bool world_say(struct world *w, const struct ptn_addr *peer, const char *text)
{
    uint8_t buf[PTN_TURN_CHANNEL_HEADER + 200];
    struct ptn_ask ask;
    size_t size = strlen(text);

    memcpy(buf + PTN_TURN_CHANNEL_HEADER, text, size);
    if (!ptn_turn_send(&w->t, w->now, peer, ptn_bytes(buf + PTN_TURN_CHANNEL_HEADER, size), buf,
                       &ask))
        return false;
    w->sent_at = ask.bytes.data == buf ? buf : NULL;
    memcpy(w->sent, ask.bytes.data, ask.bytes.size);
    w->sent_size = ask.bytes.size;
    if (!w->dark && !w->scripted)
        to_relay(w, &ask);
    return true;
}

/* ---- a server that says what the test wants ---- */

struct ptn_stun_msg world_last(const struct world *w)
{
    struct ptn_stun_msg m;

    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ptn_bytes(w->sent, w->sent_size)));
    return m;
}

void world_begin(struct world *w, struct world_answer *a, unsigned code)
{
    struct ptn_stun_msg m = world_last(w);

    ptn_stun_begin(&a->o, a->buf, sizeof a->buf, code ? PTN_STUN_ERROR : PTN_STUN_SUCCESS, m.method,
                   &m.id);
    if (code)
        ptn_stun_put_error(&a->o, code);
}

void world_answer(struct world *w, struct world_answer *a, bool seal)
{
    uint8_t key[PTN_DIGEST_BYTES_MAX];
    struct ptn_bytes message;

    if (seal) {
        size_t size = ptn_stun_long_term_key(
            w->g->crypto, PTN_STUN_ALGORITHM_MD5, ptn_bytes_of_text("alice"),
            ptn_bytes_of_text("example.org"), ptn_bytes_of_text("secret"), key);
        ptn_stun_put_integrity(&a->o, w->g->crypto, ptn_bytes(key, size));
    }
    CHECK(ptn_stun_end(&a->o, &message));
    if (w->path)
        deliver_stream(w, message.data, message.size);
    else
        hear(w, &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                   .id = WORLD_SOCKET,
                                   .from = w->sent_to,
                                   .bytes = message});
    world_drain(w);
}

void world_challenge(struct world *w)
{
    struct world_answer a;

    world_begin(w, &a, 401);
    ptn_stun_put(&a.o, PTN_STUN_REALM, ptn_bytes_of_text("example.org"));
    ptn_stun_put(&a.o, PTN_STUN_NONCE, ptn_bytes_of_text("n1"));
    world_answer(w, &a, false);
}

const struct ptn_turn_event *world_event(const struct world *w, enum ptn_turn_event_kind kind)
{
    for (unsigned i = w->event_count; i > 0; i--)
        if (w->events[i - 1].kind == kind)
            return &w->events[i - 1];
    return NULL;
}

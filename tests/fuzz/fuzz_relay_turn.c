/*
 * fuzz_relay_turn - TURN as a state machine: known users whose requests are well sealed and
 * otherwise whatever the input says, peers, streams, users looked up, time.
 *
 * The input is a list of steps, each a byte for what and one for who, then what the step needs.
 * Whatever comes: no socket is used that is not open, none is closed twice, and when all is over no
 * allocation, permission, channel, connection, user or quota is left.
 */
#include <stdlib.h>

#include "support/turn_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENTS = 6, STREAMS = 3, PEERS = 6 };

struct stage {
    struct rig *g;
    struct ptn_relay_shared *shared;
    struct rig_client clients[CLIENTS]; /* the last STREAMS by TCP */
    ptn_id next_conn, peer_conn;
    struct ptn_reader r;
};

static void must(bool good)
{
    if (!good)
        abort();
}

static struct ptn_addr peer_of(unsigned n)
{
    static const struct ptn_addr six = {
        .ip = {0x2a, 2, 0, 9, [15] = 7}, .port = 9, .family = PTN_IPV6};

    return n % PEERS == 5   ? six
           : n % PEERS == 4 ? ptn_addr_v4(10, 0, 0, 1, 80)
           : n % PEERS == 3 ? ptn_addr_v4(81, 2, 69, 2, (uint16_t)(49152 + n * 16))
                            : ptn_addr_v4(91, 198, 174, (uint8_t)(70 + n % 3), 6000);
}

static void connect_client(struct stage *s, unsigned who)
{
    s->clients[who] = rig_stream_client(s->g, s->next_conn++);
    rig_settle(s->g);
}

static void start(struct stage *s, unsigned bits)
{
    static const struct ptn_relay_range lan = {{.ip = {10}, .family = PTN_IPV4},
                                               {.ip = {10, 0, 0, 255}, .family = PTN_IPV4}};
    struct ptn_relay_opts opts = rig_opts();

    s->shared = ptn_relay_shared_new(8);
    opts.shared = s->shared;
    opts.turn.always_algorithms = bits & 1;
    opts.turn.ask_for_users = bits & 2;
    opts.turn.dont_fragment = bits & 4;
    opts.turn.user_quota = bits & 8 ? 2 : 0;
    opts.turn.max_bps = bits & 16 ? 500 : 0;
    opts.turn.peers.allowed = &lan;
    opts.turn.peers.allowed_count = bits & 32 ? 1 : 0;
    opts.turn.allocations_max = 5;
    opts.turn.permissions_max = 6;
    opts.turn.channels_max = 4;
    opts.turn.peer_conns_max = 3;
    opts.turn.stock = 2;
    opts.turn.stock_pairs = 1;
    s->g = rig_new(&opts);
    s->next_conn = PTN_ID_WORLD + 1;
    s->peer_conn = PTN_ID_WORLD + 0x10000;
    for (unsigned i = 0; i < CLIENTS; i++)
        s->clients[i] = rig_client((uint16_t)(40000 + i));
    for (unsigned i = CLIENTS - STREAMS; i < CLIENTS; i++)
        connect_client(s, i);
}

/* Attributes by the dozen: each a number and a word. */
static void put_attributes(struct stage *s, struct ptn_stun_out *o)
{
    unsigned count = ptn_read_u8(&s->r) % 5;

    for (unsigned i = 0; i < count; i++) {
        unsigned which = ptn_read_u8(&s->r), word = ptn_read_u16(&s->r);
        struct ptn_addr peer = peer_of(word);
        switch (which % 12) {
        case 0:
            ptn_stun_put_u32(o, PTN_STUN_REQUESTED_TRANSPORT, word % 2 ? 6u << 24 : 17u << 24);
            break;
        case 1: ptn_stun_put_u32(o, PTN_STUN_LIFETIME, word); break;
        case 2: ptn_stun_put_addr(o, PTN_STUN_XOR_PEER_ADDRESS, &peer); break;
        case 3: ptn_stun_put_u16(o, PTN_STUN_CHANNEL_NUMBER, (uint16_t)(0x4000 + word % 4)); break;
        case 4: ptn_stun_put_u32(o, PTN_STUN_EVEN_PORT, word << 16); break;
        case 5: ptn_stun_put_u32(o, PTN_STUN_REQUESTED_ADDRESS_FAMILY, word % 3 << 24); break;
        case 6: ptn_stun_put_u32(o, PTN_STUN_ADDITIONAL_ADDRESS_FAMILY, 2u << 24); break;
        case 7: ptn_stun_put(o, PTN_STUN_RESERVATION_TOKEN, ptn_read(&s->r, 8)); break;
        case 8: ptn_stun_put(o, PTN_STUN_DONT_FRAGMENT, ptn_bytes(NULL, 0)); break;
        case 9: ptn_stun_put_u32(o, PTN_STUN_CONNECTION_ID, word); break;
        case 10: ptn_stun_put(o, PTN_STUN_DATA, ptn_read(&s->r, word % 40)); break;
        case 11: ptn_stun_put(o, (enum ptn_stun_attr)word, ptn_read(&s->r, which % 9)); break;
        }
    }
}

static void request(struct stage *s, struct rig_client *c)
{
    struct rig_request q;
    unsigned how = ptn_read_u8(&s->r);

    c->user = how & 64 ? "zoe" : "alice";
    c->password = how & 128 ? "wrong" : "secret";
    rig_begin(&q, c, (uint16_t)(PTN_STUN_ALLOCATE + how % 10));
    put_attributes(s, &q.o);
    if (how & 32)
        rig_ask_plainly(s->g, &q);
    else if (rig_ask(s->g, &q) == 0 && how & 16)
        rig_ask_again(s->g, &q);
}

static void raw(struct stage *s, struct rig_client *c)
{
    struct ptn_bytes bytes = ptn_read(&s->r, ptn_read_u8(&s->r));
    struct ptn_relay_out out;

    if (c->path >= PTN_ID_WORLD)
        ptn_relay_input(s->g->relay, s->g->now,
                        &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = c->path, .bytes = bytes});
    else
        rig_datagram(s->g, c->path, &c->addr, bytes, &out);
    rig_settle(s->g);
}

/* The n-th open relay socket, or 0. */
static ptn_id socket_of(const struct rig *g, unsigned n)
{
    for (uint32_t i = 0; i < g->touched; i++)
        if (g->is_open[(i + n) % g->touched])
            return PTN_RELAY_SOCKET_ID + (i + n) % g->touched;
    return 0;
}

static void from_peer(struct stage *s, unsigned who)
{
    ptn_id socket = socket_of(s->g, who);
    struct ptn_addr peer = peer_of(ptn_read_u8(&s->r));
    struct ptn_relay_out out;

    rig_datagram(s->g, socket, &peer, ptn_read(&s->r, ptn_read_u8(&s->r) % 50), &out);
    rig_settle(s->g);
}

/* What becomes of sockets and of connections with peers. */
static void world(struct stage *s, unsigned who)
{
    static const enum ptn_tell_kind kinds[] = {PTN_TELL_OPENED, PTN_TELL_FAILED, PTN_TELL_STREAM,
                                               PTN_TELL_CLOSED};
    unsigned what = ptn_read_u8(&s->r);
    struct ptn_tell tell = {.kind = kinds[what % 4],
                            .id = PTN_RELAY_PEER_CONN_ID + who % 4,
                            .why = PTN_ERR_REFUSED,
                            .from = peer_of(who),
                            .bytes = ptn_bytes("early or late", 13)};

    if (what & 64) { /* a relay socket is gone, or says that a peer is */
        tell.id = socket_of(s->g, who);
        tell.kind = what & 32 ? PTN_TELL_ICMP_ERROR : PTN_TELL_CLOSED;
        if (tell.kind == PTN_TELL_CLOSED)
            return;
    } else if (what & 128) { /* a peer connects */
        tell.kind = PTN_TELL_ACCEPTED;
        tell.id = s->peer_conn++;
        tell.listener = socket_of(s->g, who);
    }
    ptn_relay_input(s->g->relay, s->g->now, &tell);
    rig_settle(s->g);
}

static void step(struct stage *s)
{
    unsigned what = ptn_read_u8(&s->r), who = ptn_read_u8(&s->r);
    struct rig_client *c = &s->clients[who % CLIENTS];
    struct ptn_relay_user zoe = {.name = ptn_bytes("zoe", 3)};

    s->g->sent_count = 0;
    switch (what % 8) {
    case 0:
    case 1:
    case 2: request(s, c); break;
    case 3: raw(s, c); break;
    case 4: from_peer(s, who); break;
    case 5: world(s, who); break;
    case 6: rig_sleep(s->g, PTN_S(what / 8 * who / 8)); break;
    case 7:
        if (c->path >= PTN_ID_WORLD) {
            ptn_relay_input(s->g->relay, s->g->now,
                            &(struct ptn_tell){.kind = PTN_TELL_CLOSED, .id = c->path});
            rig_settle(s->g);
            connect_client(s, who % CLIENTS);
        } else if (who & 64) {
            ptn_relay_drain(s->g->relay, who & 128);
        } else if (what & 64) {
            ptn_relay_revoke(s->g->relay, s->g->now, ptn_bytes("alice", 5));
        } else {
            zoe.password = ptn_bytes("secret", what & 32 ? 6 : 0);
            ptn_relay_user_found(s->g->relay, s->g->now, &zoe);
        }
        rig_settle(s->g);
    }
}

static void finish(struct stage *s)
{
    rig_sleep(s->g, PTN_S(2 * 3600));
    struct ptn_relay_now now = ptn_relay_now(s->g->relay);

    must(now.allocations == 0 && now.permissions == 0 && now.channels == 0 && now.peer_conns == 0 &&
         now.connections == 0);
    must(s->g->begun_count == s->g->ended_count);
    must(ptn_relay_shared_total(s->shared) == 0);
    must(s->g->open_count <= 2 * (2 + 2 + 4)); /* the stock */
    rig_free(s->g);
    ptn_relay_shared_free(s->shared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stage s = {.r = ptn_reader(ptn_bytes(data, size))};

    start(&s, ptn_read_u8(&s.r));
    while (ptn_reader_left(&s.r) > 0)
        step(&s);
    finish(&s);
    return 0;
}

#include "turn_rig.h"

#include <stdlib.h>

#include "stun/seal.h"

static void must(bool good)
{
    if (!good)
        abort();
}

static struct ptn_addr v6(uint8_t last, uint16_t port)
{
    return (struct ptn_addr){
        .ip = {0x2a, 0x02, 0, 1, [15] = last}, .port = port, .family = PTN_IPV6};
}

struct ptn_relay_opts rig_opts(void)
{
    static const struct ptn_relay_user alice[] = {
        {.name = {(const uint8_t *)"alice", 5}, .password = {(const uint8_t *)"secret", 6}}};
    struct ptn_addr here = ptn_addr_v4(81, 2, 69, 1, 3478);

    return (struct ptn_relay_opts){
        .listeners = {{RIG_UDP, PTN_UDP, here},
                      {RIG_TCP, PTN_TCP, here},
                      {RIG_UDP6, PTN_UDP, v6(1, 3478)}},
        .listener_count = 3,
        .connections_max = 40,
        .dice = ptn_dice_seeded(1),
        .turn = {.realm = "example.org",
                 .users = alice,
                 .user_count = 1,
                 .addresses = {{.local = ptn_addr_v4(81, 2, 69, 2, 0)}, {.local = v6(2, 0)}},
                 .address_count = 2,
                 .allocations_max = 64,
                 .peer_conns_max = 16,
                 .stock = 8,
                 .stock_pairs = 2},
    };
}

struct rig *rig_new(const struct ptn_relay_opts *opts)
{
    struct rig *g = calloc(1, sizeof *g);
    struct ptn_relay_opts usual = rig_opts();

    must(g != NULL);
    g->relay = ptn_relay_new(opts ? opts : &usual);
    g->crypto = ptn_crypto_new();
    must(g->relay && g->crypto);
    rig_settle(g);
    return g;
}

void rig_free(struct rig *g)
{
    ptn_relay_free(g->relay);
    ptn_crypto_free(g->crypto);
    free(g);
}

/* ---- the world ---- */

static uint32_t index_of(ptn_id id)
{
    uint32_t index = id - PTN_RELAY_SOCKET_ID;
    must(index < RIG_SOCKETS_MAX);
    return index;
}

void rig_opened(struct rig *g, ptn_id id, const struct ptn_addr *local)
{
    uint32_t index = index_of(id);

    must(!g->is_open[index]);
    g->is_open[index] = true;
    g->local[index] = *local;
    g->open_count++;
    if (g->touched <= index)
        g->touched = index + 1;
}

static void open_socket(struct rig *g, const struct ptn_ask *ask)
{
    struct ptn_tell tell = {.kind = PTN_TELL_OPENED, .id = ask->id, .local = ask->local};
    if (g->refuse_opens > 0 || g->taken[ask->local.port] || rig_socket(g, &ask->local) != 0) {
        g->refuse_opens -= g->refuse_opens > 0;
        tell.kind = PTN_TELL_FAILED;
        tell.why = PTN_ERR_IN_USE;
    } else {
        rig_opened(g, ask->id, &ask->local);
    }
    ptn_relay_input(g->relay, g->now, &tell);
}

void rig_closed(struct rig *g, ptn_id id)
{
    if (id >= PTN_RELAY_PEER_CONN_ID) {
        g->closed_conns++;
        return;
    }
    must(g->is_open[index_of(id)]);
    g->is_open[index_of(id)] = false;
    g->open_count--;
}

static void keep(struct rig *g, const struct ptn_ask *ask)
{
    if (ask->kind == PTN_ASK_DATAGRAM && ask->id >= PTN_RELAY_SOCKET_ID && ask->id < PTN_ID_WORLD)
        must(g->is_open[index_of(ask->id)]);
    if (g->sent_count == RIG_SENT_MAX)
        return;
    struct rig_sent *s = &g->sent[g->sent_count++];
    must(ask->bytes.size <= sizeof s->bytes);
    *s = (struct rig_sent){.kind = ask->kind,
                           .id = ask->id,
                           .local = ask->local,
                           .to = ask->to,
                           .size = ask->bytes.size};
    if (ask->bytes.size > 0)
        memcpy(s->bytes, ask->bytes.data, ask->bytes.size);
}

static void take_events(struct rig *g)
{
    struct ptn_relay_event ev;

    while (ptn_relay_event(g->relay, &ev))
        switch (ev.kind) {
        case PTN_RELAY_BEGUN: g->begun = ev, g->begun_count++; break;
        case PTN_RELAY_ENDED: g->ended = ev, g->ended_count++; break;
        case PTN_RELAY_USER_WANTED: g->wanted = ev, g->wanted_count++; break;
        case PTN_RELAY_LISTENING:
        case PTN_RELAY_NOT_LISTENING: break;
        }
}

void rig_settle(struct rig *g)
{
    struct ptn_ask ask;

    if (g->busy)
        return;
    do {
        ptn_relay_tick(g->relay, g->now);
        while (ptn_relay_output(g->relay, g->now, &ask))
            switch (ask.kind) {
            case PTN_ASK_OPEN:
            case PTN_ASK_LISTEN:
                if (ask.id >= PTN_RELAY_SOCKET_ID)
                    open_socket(g, &ask);
                break;
            case PTN_ASK_CLOSE: rig_closed(g, ask.id); break;
            default: keep(g, &ask);
            }
        take_events(g);
    } while (ptn_relay_deadline(g->relay) <= g->now);
}

/* From one deadline to the next, as a program does. */
void rig_sleep(struct rig *g, ptn_time span)
{
    ptn_time until = g->now + span;

    while (ptn_relay_deadline(g->relay) <= until) {
        g->now = ptn_time_max(g->now, ptn_relay_deadline(g->relay));
        rig_settle(g);
    }
    g->now = until;
}

ptn_id rig_socket(const struct rig *g, const struct ptn_addr *local)
{
    for (uint32_t i = 0; i < g->touched; i++)
        if (g->is_open[i] && ptn_addr_equal(&g->local[i], local))
            return PTN_RELAY_SOCKET_ID + i;
    return 0;
}

uint64_t rig_count(const struct rig *g, enum ptn_relay_verdict v)
{
    return ptn_relay_count(g->relay, v);
}

/* ---- clients ---- */

struct rig_client rig_client(uint16_t port)
{
    return (struct rig_client){.path = RIG_UDP,
                               .addr = ptn_addr_v4(91, 198, 174, 10, port),
                               .user = "alice",
                               .password = "secret"};
}

struct rig_client rig_client6(uint16_t port)
{
    return (struct rig_client){
        .path = RIG_UDP6, .addr = v6(9, port), .user = "alice", .password = "secret"};
}

struct rig_client rig_stream_client(struct rig *g, ptn_id conn)
{
    struct rig_client c = rig_client((uint16_t)(20000 + conn % 10000));

    c.path = conn;
    ptn_relay_input(g->relay, g->now,
                    &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                       .id = conn,
                                       .listener = RIG_TCP,
                                       .transport = PTN_TCP,
                                       .from = c.addr});
    return c;
}

void rig_begin(struct rig_request *q, struct rig_client *c, uint16_t method)
{
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42, (uint8_t)(c->addr.port >> 8),
                              (uint8_t)c->addr.port, (uint8_t)c->path, ++c->serial}};

    q->client = c;
    q->method = (uint16_t)method;
    q->id = id;
    ptn_stun_begin(&q->o, q->buf, sizeof q->buf, PTN_STUN_REQUEST, (uint16_t)method, &id);
}

bool rig_datagram(struct rig *g, ptn_id socket, const struct ptn_addr *from, struct ptn_bytes bytes,
                  struct ptn_relay_out *out)
{
    static uint8_t buf[4096];
    struct ptn_relay_in in = {socket, *from, bytes};

    *out = (struct ptn_relay_out){.buf = buf, .capacity = sizeof buf};
    return ptn_relay_datagram(g->relay, g->now, &in, out);
}

/* The answer to `q` out of what was sent over streams. */
static bool take_stream_answer(struct rig *g, struct rig_request *q)
{
    for (size_t i = 0; i < g->sent_count; i++) {
        struct rig_sent *s = &g->sent[i];
        if (s->kind != PTN_ASK_STREAM || s->id != q->client->path)
            continue;
        if (ptn_stun_decode(&q->answer, ptn_bytes(s->bytes, s->size)) != PTN_STUN_OK ||
            !ptn_stun_id_equal(&q->answer.id, &q->id))
            continue;
        memcpy(q->answer_buf, s->bytes, s->size);
        must(ptn_stun_decode(&q->answer, ptn_bytes(q->answer_buf, s->size)) == PTN_STUN_OK);
        memmove(s, s + 1, (--g->sent_count - i) * sizeof *s);
        return true;
    }
    return false;
}

static bool exchange(struct rig *g, struct rig_request *q)
{
    struct ptn_bytes message;
    struct ptn_relay_out out;

    must(ptn_stun_end(&q->o, &message));
    if (q->client->path >= PTN_ID_WORLD) {
        ptn_relay_input(
            g->relay, g->now,
            &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = q->client->path, .bytes = message});
        rig_settle(g);
        return take_stream_answer(g, q);
    }
    bool answered = rig_datagram(g, q->client->path, &q->client->addr, message, &out);
    if (answered) {
        must(out.bytes.size <= sizeof q->answer_buf && out.socket == q->client->path &&
             ptn_addr_equal(&out.to, &q->client->addr));
        memcpy(q->answer_buf, out.bytes.data, out.bytes.size);
        must(ptn_stun_decode(&q->answer, ptn_bytes(q->answer_buf, out.bytes.size)) == PTN_STUN_OK &&
             ptn_stun_id_equal(&q->answer.id, &q->id));
    }
    rig_settle(g);
    return answered;
}

static unsigned code_of(const struct rig_request *q)
{
    struct ptn_bytes reason;
    unsigned code = 0;

    ptn_stun_get_error(&q->answer, &code, &reason);
    return code;
}

static void take_text(const struct ptn_stun_msg *m, enum ptn_stun_attr type, char *to, size_t size)
{
    struct ptn_bytes value;

    if (!ptn_stun_get(m, type, &value))
        return;
    must(value.size < size);
    memcpy(to, value.data, value.size);
    to[value.size] = '\0';
}

static void learn(struct rig_request *q)
{
    struct rig_client *c = q->client;
    struct ptn_bytes list;

    take_text(&q->answer, PTN_STUN_REALM, c->realm, sizeof c->realm);
    take_text(&q->answer, PTN_STUN_NONCE, c->nonce, sizeof c->nonce);
    c->algorithms_size = 0;
    if (ptn_stun_get(&q->answer, PTN_STUN_PASSWORD_ALGORITHMS, &list)) {
        c->algorithms_size = list.size;
        memcpy(c->algorithms, list.data, list.size);
    }
}

static size_t key_of(struct rig *g, const struct rig_client *c, uint8_t *key)
{
    return ptn_stun_long_term_key(g->crypto,
                                  c->sha256 ? PTN_STUN_ALGORITHM_SHA256 : PTN_STUN_ALGORITHM_MD5,
                                  ptn_bytes_of_text(c->user), ptn_bytes_of_text(c->realm),
                                  ptn_bytes_of_text(c->password), key);
}

static void seal(struct rig *g, struct rig_request *q)
{
    struct rig_client *c = q->client;
    uint8_t key[PTN_DIGEST_BYTES_MAX], hash[PTN_DIGEST_BYTES_MAX];

    if (c->userhash) {
        ptn_stun_userhash(g->crypto, ptn_bytes_of_text(c->user), ptn_bytes_of_text(c->realm), hash);
        ptn_stun_put(&q->o, PTN_STUN_USERHASH, ptn_bytes(hash, sizeof hash));
    } else {
        ptn_stun_put(&q->o, PTN_STUN_USERNAME, ptn_bytes_of_text(c->user));
    }
    ptn_stun_put(&q->o, PTN_STUN_REALM, ptn_bytes_of_text(c->realm));
    ptn_stun_put(&q->o, PTN_STUN_NONCE, ptn_bytes_of_text(c->nonce));
    if (c->sha256) {
        uint16_t chosen = PTN_STUN_ALGORITHM_SHA256;
        ptn_stun_put(&q->o, PTN_STUN_PASSWORD_ALGORITHMS,
                     ptn_bytes(c->algorithms, c->algorithms_size));
        ptn_stun_put_algorithms(&q->o, PTN_STUN_PASSWORD_ALGORITHM, &chosen, 1);
    }
    size_t size = key_of(g, c, key);
    if (c->sha256)
        ptn_stun_put_integrity_sha256(&q->o, g->crypto, ptn_bytes(key, size));
    else
        ptn_stun_put_integrity(&q->o, g->crypto, ptn_bytes(key, size));
}

unsigned rig_ask_plainly(struct rig *g, struct rig_request *q)
{
    return exchange(g, q) ? code_of(q) : 1;
}

unsigned rig_ask(struct rig *g, struct rig_request *q)
{
    struct rig_client *c = q->client;
    uint8_t key[PTN_DIGEST_BYTES_MAX];
    struct ptn_stun_out unsealed = q->o;
    unsigned code = c->nonce[0] ? 401 : rig_ask_plainly(g, q);

    for (unsigned tries = 0; tries < 2 && (code == 401 || code == 438); tries++) {
        if (tries > 0 || !c->nonce[0])
            learn(q);
        q->o = unsealed;
        seal(g, q);
        if (!exchange(g, q))
            return 1;
        code = code_of(q);
        if (code == 401)
            break;
    }
    if (code != 1 && code != 401 && code != 438) {
        size_t size = key_of(g, c, key);
        must((c->sha256
                  ? ptn_stun_check_integrity_sha256(&q->answer, g->crypto, ptn_bytes(key, size))
                  : ptn_stun_check_integrity(&q->answer, g->crypto, ptn_bytes(key, size))) !=
             PTN_STUN_SEAL_BROKEN);
    }
    return code;
}

unsigned rig_ask_again(struct rig *g, struct rig_request *q)
{
    return exchange(g, q) ? code_of(q) : 1;
}

unsigned rig_allocate(struct rig *g, struct rig_client *c, struct ptn_addr *relayed)
{
    struct rig_request q;

    rig_begin(&q, c, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    unsigned code = rig_ask(g, &q);
    if (code == 0 && relayed)
        must(ptn_stun_get_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, relayed));
    return code;
}

unsigned rig_allocate_as(struct rig *g, struct rig_client *c, const char *user,
                         const char *password)
{
    c->user = user;
    c->password = password;
    c->nonce[0] = '\0';
    return rig_allocate(g, c, NULL);
}

unsigned rig_refresh(struct rig *g, struct rig_client *c, uint32_t lifetime_s)
{
    struct rig_request q;

    rig_begin(&q, c, PTN_STUN_REFRESH);
    ptn_stun_put_u32(&q.o, PTN_STUN_LIFETIME, lifetime_s);
    return rig_ask(g, &q);
}

unsigned rig_permit(struct rig *g, struct rig_client *c, const struct ptn_addr *peer)
{
    struct rig_request q;

    rig_begin(&q, c, PTN_STUN_CREATE_PERMISSION);
    ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    return rig_ask(g, &q);
}

unsigned rig_bind(struct rig *g, struct rig_client *c, uint16_t number, const struct ptn_addr *peer)
{
    struct rig_request q;

    rig_begin(&q, c, PTN_STUN_CHANNEL_BIND);
    ptn_stun_put_u16(&q.o, PTN_STUN_CHANNEL_NUMBER, number);
    ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    return rig_ask(g, &q);
}

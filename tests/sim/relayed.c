/*
 * tests/sim/relayed.c - stories of a relay as a machine among others: it asks its world for its
 * sockets, like everybody.
 */
#include "relay/relay.h"

#include "stun/cred.h"
#include "stun/seal.h"
#include "support/puppet.h"
#include "support/test.h"

/* Alice and Bob behind NATs that map and filter by port: nothing but a relay helps them. */
static const char TWO_HOMES[] = "wire internet 81.2.69.0/24 91.198.174.0/24 delay 5ms\n"
                                "wire lan-a 192.168.1.0/24 delay 5ms\n"
                                "wire lan-b 192.168.2.0/24 delay 5ms\n"
                                "host server internet 81.2.69.1\n"
                                "host carol internet 91.198.174.9\n"
                                "host alice lan-a 192.168.1.10\n"
                                "host bob lan-b 192.168.2.10\n"
                                "nat nat-a symmetric inside lan-a outside internet 91.198.174.1\n"
                                "nat nat-b symmetric inside lan-b outside internet 91.198.174.2\n";

enum { SOCKET = 1, CONTROL, DATA };

struct town {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_relay *relay;
    struct ptn_crypto *crypto;
    struct puppet *alice, *bob, *carol;
};

/* What a client knows of the server, and what it said last. */
struct client {
    struct puppet *p;
    ptn_id id; /* of its socket or connection */
    uint8_t nonce[64], request[600];
    size_t nonce_size;
    uint8_t serial;
    struct ptn_stun_out o;
    struct ptn_stun_msg answer;
};

static struct town town_open(void)
{
    static const struct ptn_relay_user user = {.name = {(const uint8_t *)"ann", 3},
                                               .password = {(const uint8_t *)"pass", 4}};
    struct ptn_addr here = ptn_addr_v4(81, 2, 69, 1, 3478);
    struct ptn_relay_opts opts = {.listeners = {{1, PTN_UDP, here}, {2, PTN_TCP, here}},
                                  .listener_count = 2,
                                  .connections_max = 10,
                                  .turn = {.realm = "town",
                                           .users = &user,
                                           .user_count = 1,
                                           .addresses = {{.local = ptn_addr_with_port(here, 0)}},
                                           .address_count = 1,
                                           .allocations_max = 10,
                                           .peer_conns_max = 4,
                                           .stock = 4}};
    struct ptn_machine machine;
    ptn_sim_machine number;
    struct town t = {.s = puppet_scenario(TWO_HOMES), .crypto = ptn_crypto_new()};

    t.w = puppet_world(t.s, 1);
    opts.dice = ptn_sim_dice(t.w);
    t.relay = ptn_relay_new(&opts);
    machine = ptn_relay_machine(t.relay);
    ptn_relay_start(t.relay);
    CHECK_EQ(PTN_OK,
             ptn_sim_add(t.w, (unsigned)ptn_scenario_host(t.s, "server"), &machine, &number));
    t.alice = puppet_new(t.w, "alice", t.s);
    t.bob = puppet_new(t.w, "bob", t.s);
    t.carol = puppet_new(t.w, "carol", t.s);
    puppet_open(t.alice, SOCKET, "192.168.1.10:4000");
    puppet_open(t.bob, SOCKET, "192.168.2.10:4000");
    puppet_open(t.carol, SOCKET, "91.198.174.9:7000");
    ptn_sim_run(t.w, PTN_MS(100));
    return t;
}

static void town_close(struct town *t)
{
    puppet_free(t->alice);
    puppet_free(t->bob);
    puppet_free(t->carol);
    ptn_sim_free(t->w);
    ptn_scenario_free(t->s);
    ptn_relay_free(t->relay);
    ptn_crypto_free(t->crypto);
}

static void pass_time(struct town *t, ptn_time span)
{
    ptn_sim_run(t->w, ptn_sim_now(t->w) + span);
}

static void put_out(struct client *c, struct ptn_bytes bytes)
{
    struct ptn_addr server = ptn_addr_v4(81, 2, 69, 1, 3478);

    if (c->id == SOCKET)
        puppet_ask(c->p, &(struct ptn_ask){
                             .kind = PTN_ASK_DATAGRAM, .id = c->id, .to = server, .bytes = bytes});
    else
        puppet_stream(c->p, c->id, bytes);
}

static void begin(struct client *c, enum ptn_stun_method method)
{
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42, (uint8_t)c->id, ++c->serial}};

    ptn_stun_begin(&c->o, c->request, sizeof c->request, PTN_STUN_REQUEST, (uint16_t)method, &id);
}

/* Sends what was begun, sealed if there is a nonce; answers the error code, 0 for success, 1 for no
 * answer. */
static unsigned send_it(struct town *t, struct client *c)
{
    struct ptn_bytes message, value, ann = ptn_bytes("ann", 3), realm = ptn_bytes("town", 4);
    uint8_t key[PTN_DIGEST_BYTES_MAX];
    unsigned code = 0;

    if (c->nonce_size > 0) {
        size_t size = ptn_stun_long_term_key(t->crypto, PTN_STUN_ALGORITHM_MD5, ann, realm,
                                             ptn_bytes("pass", 4), key);
        ptn_stun_put(&c->o, PTN_STUN_USERNAME, ann);
        ptn_stun_put(&c->o, PTN_STUN_REALM, realm);
        ptn_stun_put(&c->o, PTN_STUN_NONCE, ptn_bytes(c->nonce, c->nonce_size));
        ptn_stun_put_integrity(&c->o, t->crypto, ptn_bytes(key, size));
    }
    CHECK(ptn_stun_end(&c->o, &message));
    puppet_forget(c->p);
    put_out(c, message);
    pass_time(t, PTN_MS(200));
    const struct ptn_tell *told =
        puppet_last(c->p, c->id == SOCKET ? PTN_TELL_DATAGRAM : PTN_TELL_STREAM);
    if (!told || ptn_stun_decode(&c->answer, told->bytes) != PTN_STUN_OK)
        return 1;
    ptn_stun_get_error(&c->answer, &code, &value);
    if (code == 401 && ptn_stun_get(&c->answer, PTN_STUN_NONCE, &value)) {
        CHECK(value.size <= sizeof c->nonce);
        memcpy(c->nonce, value.data, value.size);
        c->nonce_size = value.size;
    }
    return code;
}

static struct ptn_addr allocate(struct town *t, struct client *c, uint32_t protocol)
{
    struct ptn_addr relayed;

    for (unsigned i = 0; i < 2; i++) {
        begin(c, PTN_STUN_ALLOCATE);
        ptn_stun_put_u32(&c->o, PTN_STUN_REQUESTED_TRANSPORT, protocol << 24);
        CHECK_EQ(i ? 0 : 401, send_it(t, c));
    }
    CHECK(ptn_stun_get_addr(&c->answer, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed));
    return relayed;
}

static void bind(struct town *t, struct client *c, uint16_t number, const struct ptn_addr *peer)
{
    begin(c, PTN_STUN_CHANNEL_BIND);
    ptn_stun_put_u16(&c->o, PTN_STUN_CHANNEL_NUMBER, number);
    ptn_stun_put_addr(&c->o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    CHECK_EQ(0, send_it(t, c));
}

TEST(two_phones_behind_symmetric_nats_hear_each_other_through_two_allocations)
{
    struct town t = town_open();
    struct client alice = {.p = t.alice, .id = SOCKET}, bob = {.p = t.bob, .id = SOCKET};
    struct ptn_addr at_alice = allocate(&t, &alice, 17), at_bob = allocate(&t, &bob, 17);

    bind(&t, &alice, 0x4000, &at_bob);
    bind(&t, &bob, 0x4fff, &at_alice);
    puppet_forget(t.alice);
    puppet_forget(t.bob);
    put_out(&alice, ptn_bytes("\x40\0\0\5hello", 9));
    put_out(&bob, ptn_bytes("\x4f\xff\0\2yo", 6));
    pass_time(&t, PTN_MS(100));
    const struct ptn_tell *heard = puppet_last(t.bob, PTN_TELL_DATAGRAM);
    CHECK(heard);
    CHECK(ptn_bytes_equal(ptn_bytes("\x4f\xff\0\5hello", 9), heard->bytes));
    heard = puppet_last(t.alice, PTN_TELL_DATAGRAM);
    CHECK(heard);
    CHECK(ptn_bytes_equal(ptn_bytes("\x40\0\0\2yo", 6), heard->bytes));
    /* They hang up by saying nothing any more. */
    CHECK_EQ(2, ptn_relay_now(t.relay).allocations);
    pass_time(&t, PTN_S(700));
    CHECK_EQ(0, ptn_relay_now(t.relay).allocations);
    CHECK_EQ(2, ptn_relay_now(t.relay).ended[PTN_RELAY_END_EXPIRED]);
    town_close(&t);
}

TEST(a_phone_that_may_use_tcp_only_is_heard_by_a_peer_on_udp)
{
    struct town t = town_open();
    struct client alice = {.p = t.alice, .id = CONTROL};
    struct ptn_addr carol = ptn_addr_v4(91, 198, 174, 9, 7000);

    puppet_connect(t.alice, CONTROL, "192.168.1.10:0", "81.2.69.1:3478");
    pass_time(&t, PTN_MS(100));
    struct ptn_addr relayed = allocate(&t, &alice, 17);
    bind(&t, &alice, 0x4000, &carol);
    put_out(&alice, ptn_bytes("\x40\0\0\3abc\0", 8));
    pass_time(&t, PTN_MS(100));
    const struct ptn_tell *heard = puppet_last(t.carol, PTN_TELL_DATAGRAM);
    CHECK(heard);
    CHECK(ptn_bytes_equal(ptn_bytes("abc", 3), heard->bytes));
    CHECK_ADDR(&relayed, &heard->from);
    puppet_forget(t.alice);
    puppet_send_addr(t.carol, SOCKET, &relayed, "answer");
    pass_time(&t, PTN_MS(100));
    heard = puppet_last(t.alice, PTN_TELL_STREAM);
    CHECK(heard);
    CHECK(ptn_bytes_equal(ptn_bytes("\x40\0\0\6answer\0\0", 12), heard->bytes));
    puppet_close(t.alice, CONTROL);
    pass_time(&t, PTN_S(1));
    CHECK_EQ(1, ptn_relay_now(t.relay).ended[PTN_RELAY_END_CONNECTION]);
    town_close(&t);
}

TEST(a_connection_to_a_peer_goes_through_the_relay)
{
    struct town t = town_open();
    struct client control = {.p = t.alice, .id = CONTROL}, data = {.p = t.alice, .id = DATA};
    struct ptn_addr carol = ptn_addr_v4(91, 198, 174, 9, 80);
    uint32_t number;

    t.carol->echoes = true;
    puppet_listen(t.carol, DATA, "91.198.174.9:80");
    puppet_connect(t.alice, CONTROL, "192.168.1.10:0", "81.2.69.1:3478");
    pass_time(&t, PTN_MS(100));
    struct ptn_addr relayed = allocate(&t, &control, 6);
    begin(&control, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&control.o, PTN_STUN_XOR_PEER_ADDRESS, &carol);
    CHECK_EQ(0, send_it(&t, &control));
    CHECK(ptn_stun_get_u32(&control.answer, PTN_STUN_CONNECTION_ID, &number));
    CHECK_ADDR(&relayed, &puppet_last(t.carol, PTN_TELL_ACCEPTED)->from);
    puppet_connect(t.alice, DATA, "192.168.1.10:0", "81.2.69.1:3478");
    pass_time(&t, PTN_MS(100));
    memcpy(data.nonce, control.nonce, sizeof data.nonce);
    data.nonce_size = control.nonce_size;
    begin(&data, PTN_STUN_CONNECTION_BIND);
    ptn_stun_put_u32(&data.o, PTN_STUN_CONNECTION_ID, number);
    CHECK_EQ(0, send_it(&t, &data));
    puppet_forget(t.alice);
    put_out(&data, ptn_bytes("GET /\r\n", 7));
    pass_time(&t, PTN_MS(100));
    const struct ptn_tell *heard = puppet_last(t.alice, PTN_TELL_STREAM);
    CHECK(heard);
    CHECK_EQ(DATA, heard->id);
    CHECK(ptn_bytes_equal(ptn_bytes("GET /\r\n", 7), heard->bytes));
    town_close(&t);
}

#include "support/turn_rig.h"

#include "relay/core.h"
#include "stun/seal.h"
#include "support/test.h"

static const struct ptn_addr bob = {.ip = {91, 198, 174, 77}, .port = 6000, .family = PTN_IPV4};
static const struct ptn_addr carol = {.ip = {91, 198, 174, 78}, .port = 6000, .family = PTN_IPV4};

/* A request with one more attribute of four bytes. */
static unsigned allocate_with(struct rig *g, struct rig_client *c, enum ptn_stun_attr type,
                              uint32_t value, struct rig_request *q)
{
    rig_begin(q, c, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q->o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    ptn_stun_put_u32(&q->o, type, value);
    return rig_ask(g, q);
}

TEST(an_allocation_lives_as_long_as_was_said)
{
    static const struct {
        uint32_t asked_s, granted_s;
    } cases[] = {{0, 600}, {1, 600}, {600, 600}, {900, 900}, {3600, 3600}, {90000, 3600}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *g = rig_new(NULL);
        struct rig_client c = rig_client(40000);
        struct rig_request q;
        uint32_t granted_s;
        unsigned open = g->open_count;

        CHECK_EQ(0, allocate_with(g, &c, PTN_STUN_LIFETIME, cases[i].asked_s, &q));
        CHECK(ptn_stun_get_u32(&q.answer, PTN_STUN_LIFETIME, &granted_s));
        CHECK_EQ(cases[i].granted_s, granted_s);
        CHECK_EQ(open + 1, g->open_count);
        rig_sleep(g, PTN_S(granted_s) - 1);
        CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
        rig_sleep(g, 1);
        CHECK_EQ(0, ptn_relay_now(g->relay).allocations);
        CHECK_EQ(PTN_RELAY_END_EXPIRED, g->ended.end);
        CHECK_EQ(granted_s, g->ended.lifetime_s);
        CHECK_EQ(open, g->open_count);
        rig_free(g);
    }
}

TEST(the_same_request_again_gets_the_same_answer_and_another_one_a_mismatch)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct rig_request q;
    struct ptn_addr first, second;

    rig_begin(&q, &c, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    CHECK_EQ(0, rig_ask(g, &q));
    CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &first));
    CHECK_EQ(0, rig_ask_again(g, &q));
    CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &second));
    CHECK_ADDR(&first, &second);
    CHECK_EQ(1, g->begun_count);
    CHECK_EQ(437, rig_allocate(g, &c, NULL));
    rig_free(g);
}

TEST(what_cannot_be_allocated_is_refused_with_its_code)
{
    static const struct {
        enum ptn_stun_attr type;
        uint32_t value;
        unsigned code;
    } cases[] = {
        {PTN_STUN_REQUESTED_ADDRESS_FAMILY, 0x01000000, 0},
        {PTN_STUN_REQUESTED_ADDRESS_FAMILY, 0x02000000, 0},
        {PTN_STUN_REQUESTED_ADDRESS_FAMILY, 0x03000000, 440},
        {PTN_STUN_ADDITIONAL_ADDRESS_FAMILY, 0x02000000, 0},
        {PTN_STUN_ADDITIONAL_ADDRESS_FAMILY, 0x01000000, 400},
        {PTN_STUN_EVEN_PORT, 0x00000000, 0},
        {PTN_STUN_EVEN_PORT, 0x80000000, 0},
        {PTN_STUN_RESERVATION_TOKEN, 1, 400}, /* not of eight bytes */
        {PTN_STUN_DONT_FRAGMENT, 0, 420},
        {PTN_STUN_CHANGE_REQUEST, 0, 420},
        {(enum ptn_stun_attr)0x0032, 0, 420},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *g = rig_new(NULL);
        struct rig_client c = rig_client(40000);
        struct rig_request q;

        CHECK_EQ(cases[i].code, allocate_with(g, &c, cases[i].type, cases[i].value, &q));
        CHECK_EQ(cases[i].code == 0, ptn_relay_now(g->relay).allocations);
        rig_free(g);
    }
    static const uint32_t transports[][2] = {{17, 0}, {6, 442}, {1, 442}, {0, 442}};
    for (size_t i = 0; i < 4; i++) {
        struct rig *g = rig_new(NULL);
        struct rig_client c = rig_client(40000);
        struct rig_request q;
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, transports[i][0] << 24);
        CHECK_EQ(transports[i][1], rig_ask(g, &q));
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        CHECK_EQ(transports[i][1] ? 400 : 437, rig_ask(g, &q));
        rig_free(g);
    }
}

TEST(both_families_come_with_one_allocation_and_each_can_be_given_back)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct rig_request q;
    struct ptn_bytes value;
    struct ptn_addr relayed[2], bob6 = {.ip = {0x2a, 2, 0, 9, [15] = 1}, .port = 5, .family = 6};
    size_t at = 0;
    unsigned open = g->open_count;

    CHECK_EQ(0, allocate_with(g, &c, PTN_STUN_ADDITIONAL_ADDRESS_FAMILY, 2u << 24, &q));
    for (unsigned i = 0; i < 2; i++) {
        CHECK(ptn_stun_get_next(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &at, &value));
        CHECK(ptn_stun_read_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, value, &relayed[i]));
    }
    CHECK_EQ(PTN_IPV4, relayed[0].family);
    CHECK_EQ(PTN_IPV6, relayed[1].family);
    CHECK_EQ(open + 2, g->open_count);
    CHECK_EQ(0, rig_permit(g, &c, &bob));
    CHECK_EQ(0, rig_permit(g, &c, &bob6));
    rig_begin(&q, &c, PTN_STUN_REFRESH);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_ADDRESS_FAMILY, 1u << 24);
    ptn_stun_put_u32(&q.o, PTN_STUN_LIFETIME, 0);
    CHECK_EQ(0, rig_ask(g, &q));
    CHECK_EQ(open + 1, g->open_count);
    CHECK_EQ(1, ptn_relay_now(g->relay).permissions);
    CHECK_EQ(443, rig_permit(g, &c, &bob));
    CHECK_EQ(0, rig_permit(g, &c, &bob6));
    CHECK_EQ(0, rig_refresh(g, &c, 0));
    CHECK_EQ(open, g->open_count);
    CHECK_EQ(437, rig_refresh(g, &c, 600));
    rig_free(g);
}

TEST(an_additional_family_that_is_not_there_is_told_with_its_error)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.address_count = 1;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);
    struct rig_request q;
    struct ptn_bytes value;

    CHECK_EQ(0, allocate_with(g, &c, PTN_STUN_ADDITIONAL_ADDRESS_FAMILY, 2u << 24, &q));
    CHECK(ptn_stun_get(&q.answer, PTN_STUN_ADDRESS_ERROR_CODE, &value));
    CHECK_BYTES("\2\0\4\50", value.data, 4);
    c = rig_client(40001);
    CHECK_EQ(440, allocate_with(g, &c, PTN_STUN_REQUESTED_ADDRESS_FAMILY, 2u << 24, &q));
    rig_free(g);
}

TEST(an_even_port_can_be_had_with_the_next_one_in_reserve)
{
    struct rig *g = rig_new(NULL);
    struct rig_client rtp = rig_client(40000), rtcp = rig_client(40001), late = rig_client(40002);
    struct rig_request q;
    struct ptn_addr even, odd;
    struct ptn_bytes token;
    uint8_t kept[8];

    CHECK_EQ(0, allocate_with(g, &rtp, PTN_STUN_EVEN_PORT, 0x80000000, &q));
    CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &even));
    CHECK_EQ(0, even.port % 2);
    CHECK(ptn_stun_get(&q.answer, PTN_STUN_RESERVATION_TOKEN, &token));
    CHECK_EQ(8, token.size);
    memcpy(kept, token.data, 8);
    rig_begin(&q, &rtcp, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    ptn_stun_put(&q.o, PTN_STUN_RESERVATION_TOKEN, ptn_bytes(kept, 8));
    CHECK_EQ(0, rig_ask(g, &q));
    CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &odd));
    CHECK_EQ(even.port + 1, odd.port);
    CHECK(ptn_addr_same_ip(&even, &odd));
    rig_begin(&q, &late, PTN_STUN_ALLOCATE); /* a token is good once */
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    ptn_stun_put(&q.o, PTN_STUN_RESERVATION_TOKEN, ptn_bytes(kept, 8));
    CHECK_EQ(508, rig_ask(g, &q));
    rig_free(g);
}

TEST(a_reserved_port_that_nobody_takes_is_closed)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct rig_request q;

    CHECK_EQ(0, allocate_with(g, &c, PTN_STUN_EVEN_PORT, 0x80000000, &q));
    unsigned open = g->open_count;
    rig_sleep(g, PTN_S(30));
    CHECK_EQ(open - 1, g->open_count);
    rig_free(g);
}

TEST(an_empty_stock_is_insufficient_capacity_and_fills_again)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);

    g->refuse_opens = 1000000;
    for (uint16_t i = 0; i < 8; i++) {
        c = rig_client((uint16_t)(40000 + i));
        CHECK_EQ(0, rig_allocate(g, &c, NULL));
    }
    rig_sleep(g, PTN_S(2)); /* by then it has tried every port there is */
    c = rig_client(50000);
    CHECK_EQ(508, rig_allocate(g, &c, NULL));
    CHECK(ptn_relay_now(g->relay).stock_failures >= 16384);
    uint64_t before = ptn_relay_now(g->relay).stock_failures;
    rig_sleep(g, PTN_S(1)); /* goes on, and does not spend the day with it */
    CHECK(ptn_relay_now(g->relay).stock_failures <= before + 8192);
    g->refuse_opens = 0;
    rig_sleep(g, PTN_S(1));
    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    rig_free(g);
}

TEST(a_burst_that_empties_the_stock_waits_for_the_sockets_that_are_being_opened)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.stock = 2;
    struct rig *g = rig_new(&opts);
    struct rig_client clients[6];
    struct rig_request q;

    for (uint16_t i = 0; i < 6; i++) { /* each learns its nonce */
        clients[i] = rig_client((uint16_t)(40000 + i));
        CHECK_EQ(437, rig_refresh(g, &clients[i], 600));
    }
    g->busy = true;
    for (uint16_t i = 0; i < 6; i++)
        CHECK_EQ(i < 2 ? 0 : 1, rig_allocate(g, &clients[i], NULL));
    CHECK_EQ(4, rig_count(g, PTN_RELAY_WAITING));
    CHECK_EQ(2, ptn_relay_now(g->relay).allocations);
    g->busy = false;
    rig_settle(g);
    CHECK_EQ(4, g->sent_count);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(PTN_STUN_OK,
                 ptn_stun_decode(&q.answer, ptn_bytes(g->sent[i].bytes, g->sent[i].size)));
        CHECK_EQ(PTN_STUN_SUCCESS, q.answer.class);
        CHECK_ADDR(&clients[2 + i].addr, &g->sent[i].to);
    }
    CHECK_EQ(6, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(0, rig_count(g, PTN_RELAY_CAPACITY));
    rig_free(g);
}

TEST(quotas_hold_over_all_workers)
{
    struct ptn_relay_shared *shared = ptn_relay_shared_new(100);
    struct ptn_relay_opts opts = rig_opts();
    opts.shared = shared;
    opts.turn.user_quota = 3;
    struct rig *a = rig_new(&opts), *b = rig_new(&opts);

    for (uint16_t i = 0; i < 5; i++) {
        struct rig_client c = rig_client((uint16_t)(40000 + i));
        CHECK_EQ(i < 3 ? 0 : 486, rig_allocate(i % 2 ? a : b, &c, NULL));
    }
    CHECK_EQ(3, ptn_relay_shared_total(shared));
    struct rig_client first = rig_client(40000), other = rig_client(50000);
    CHECK_EQ(0, rig_refresh(b, &first, 0));
    CHECK_EQ(0, rig_allocate(a, &other, NULL));
    rig_sleep(a, PTN_S(700));
    rig_sleep(b, PTN_S(700));
    CHECK_EQ(0, ptn_relay_shared_total(shared));
    rig_free(a);
    rig_free(b);
    ptn_relay_shared_free(shared);
}

TEST(the_sum_of_bandwidths_is_a_quota_too)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.max_bps = 1000;
    opts.turn.bps_capacity = 2500;
    struct rig *g = rig_new(&opts);

    for (uint16_t i = 0; i < 3; i++) {
        struct rig_client c = rig_client((uint16_t)(40000 + i));
        CHECK_EQ(i < 2 ? 0 : 486, rig_allocate(g, &c, NULL));
    }
    rig_free(g);
}

TEST(an_allocation_belongs_to_the_user_who_made_it)
{
    const struct ptn_relay_user users[] = {
        {.name = ptn_bytes("alice", 5), .password = ptn_bytes("secret", 6)},
        {.name = ptn_bytes("bob", 3), .password = ptn_bytes("secret", 6)}};
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.users = users;
    opts.turn.user_count = 2;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    c.user = "bob";
    CHECK_EQ(441, rig_refresh(g, &c, 0));
    CHECK_EQ(441, rig_permit(g, &c, &bob));
    CHECK_EQ(441, rig_bind(g, &c, 0x4000, &bob));
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
    rig_free(g);
}

TEST(a_draining_server_makes_no_new_allocations_and_names_another)
{
    struct rig *g = rig_new(NULL);
    struct rig_client old = rig_client(40000), fresh = rig_client(40001);
    const struct ptn_relay_alternate other = {.plain = ptn_addr_v4(81, 2, 69, 50, 3478)};
    struct ptn_addr told;
    struct rig_request q;

    CHECK_EQ(0, rig_allocate(g, &old, NULL));
    ptn_relay_drain(g->relay, true);
    CHECK_EQ(508, rig_allocate(g, &fresh, NULL));
    ptn_relay_divert(g->relay, &other);
    rig_begin(&q, &fresh, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    CHECK_EQ(300, rig_ask(g, &q));
    CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_ALTERNATE_SERVER, &told));
    CHECK_ADDR(&other.plain, &told);
    CHECK_EQ(0, rig_refresh(g, &old, 600));
    CHECK_EQ(0, rig_permit(g, &old, &bob));
    ptn_relay_drain(g->relay, false);
    ptn_relay_divert(g->relay, NULL);
    CHECK_EQ(0, rig_allocate(g, &fresh, NULL));
    /* Nobody without credentials is told where else there is a server. */
    ptn_relay_divert(g->relay, &other);
    rig_begin(&q, &fresh, PTN_STUN_ALLOCATE);
    CHECK_EQ(401, rig_ask_plainly(g, &q));
    CHECK(!ptn_stun_has(&q.answer, PTN_STUN_ALTERNATE_SERVER));
    rig_free(g);
}

TEST(clients_by_tls_and_dtls_are_told_the_port_for_them_or_served_here)
{
    static const enum ptn_transport by[] = {PTN_TCP, PTN_TLS, PTN_DTLS};
    const struct ptn_relay_alternate both = {ptn_addr_v4(81, 2, 69, 50, 3478),
                                             ptn_addr_v4(81, 2, 69, 50, 5349)},
                                     one = {.plain = both.plain};
    struct ptn_addr told;

    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        struct ptn_relay_opts opts = rig_opts();
        opts.listeners[1].transport = by[i];
        struct rig *g = rig_new(&opts);
        struct rig_client c = rig_stream_client(g, PTN_ID_WORLD + 1);
        struct rig_request q;

        ptn_relay_divert(g->relay, &both);
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
        CHECK_EQ(300, rig_ask(g, &q));
        CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_ALTERNATE_SERVER, &told));
        CHECK_ADDR(by[i] == PTN_TCP ? &both.plain : &both.tls, &told);
        ptn_relay_divert(g->relay, &one);
        CHECK_EQ(by[i] == PTN_TCP ? 300 : 0, rig_allocate(g, &c, NULL));
        rig_free(g);
    }
}

TEST(other_settings_drop_no_allocation)
{
    const struct ptn_relay_user users[] = {
        {.name = ptn_bytes("bob", 3), .password = ptn_bytes("hidden", 6)}};
    const struct ptn_addr carol_ip = ptn_addr_with_port(carol, 0);
    const struct ptn_relay_range denied[] = {{carol_ip, carol_ip}};
    struct ptn_relay_opts opts = rig_opts();
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000), new_one = rig_client(40001);
    struct rig_client old_one = rig_client(40002);

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    CHECK_EQ(0, rig_permit(g, &c, &bob));
    CHECK_EQ(0, rig_bind(g, &c, 0x4000, &carol));
    opts.turn.users = users;
    opts.turn.peers = (struct ptn_relay_peers){.denied = denied, .denied_count = 1};
    CHECK(ptn_relay_change(g->relay, g->now, &opts));
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(0, ptn_relay_now(g->relay).channels); /* carol is denied now */
    CHECK_EQ(1, ptn_relay_now(g->relay).permissions);
    CHECK_EQ(401, rig_refresh(g, &c, 600)); /* but who was removed does not prolong his */
    CHECK_EQ(0, rig_allocate_as(g, &new_one, "bob", "hidden"));
    CHECK_EQ(401, rig_allocate_as(g, &old_one, "alice", "secret"));
    CHECK_EQ(0, rig_refresh(g, &new_one, 600));
    CHECK_EQ(403, rig_permit(g, &new_one, &carol));
    rig_free(g);
}

TEST(a_user_can_be_sent_away)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    ptn_relay_revoke(g->relay, g->now, ptn_bytes("nobody", 6));
    rig_settle(g);
    CHECK_EQ(0, g->ended_count);
    ptn_relay_revoke(g->relay, g->now, ptn_bytes("alice", 5));
    rig_settle(g);
    CHECK_EQ(1, g->ended_count);
    CHECK_EQ(PTN_RELAY_END_REVOKED, g->ended.end);
    rig_free(g);
}

/* ---- permissions and channels ---- */

TEST(channels_are_bound_one_to_one_and_end_by_themselves)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct ptn_addr other_port = ptn_addr_with_port(bob, 6001), none = ptn_addr_with_port(bob, 0);

    CHECK_EQ(437, rig_bind(g, &c, 0x4000, &bob));
    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    CHECK_EQ(0, rig_refresh(g, &c, 3600));
    static const struct {
        uint16_t number;
        unsigned code;
    } numbers[] = {{0x3fff, 400}, {0, 400}, {0x8000, 400}, {0x4000, 0}, {0x4000, 0}, {0x4001, 400}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK_EQ(numbers[i].code, rig_bind(g, &c, numbers[i].number, &bob));
    CHECK_EQ(400, rig_bind(g, &c, 0x4000, &carol));
    CHECK_EQ(400, rig_bind(g, &c, 0x4000, &other_port));
    CHECK_EQ(400, rig_bind(g, &c, 0x4002, &none));
    CHECK_EQ(0, rig_bind(g, &c, 0x7fff, &other_port));
    CHECK_EQ(2, ptn_relay_now(g->relay).channels);
    CHECK_EQ(1, ptn_relay_now(g->relay).permissions); /* one address */
    rig_sleep(g, PTN_S(300));
    CHECK_EQ(0, ptn_relay_now(g->relay).permissions);
    CHECK_EQ(2, ptn_relay_now(g->relay).channels);
    rig_sleep(g, PTN_S(300));
    CHECK_EQ(0, ptn_relay_now(g->relay).channels);
    CHECK_EQ(0, rig_bind(g, &c, 0x4000, &carol));
    rig_free(g);
}

TEST(permissions_of_one_request_are_all_made_or_none)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct ptn_addr bad = ptn_addr_v4(10, 0, 0, 1, 1),
                    six = {.ip = {0x2a, 2, 9}, .port = 1, .family = PTN_IPV6};
    const struct {
        struct ptn_addr last;
        unsigned code;
    } cases[] = {{bad, 403}, {six, 443}, {carol, 0}};

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    for (size_t i = 0; i < 3; i++) {
        struct rig_request q;
        rig_begin(&q, &c, PTN_STUN_CREATE_PERMISSION);
        ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, &bob);
        ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, &cases[i].last);
        CHECK_EQ(cases[i].code, rig_ask(g, &q));
        CHECK_EQ(cases[i].code ? 0 : 2, ptn_relay_now(g->relay).permissions);
    }
    struct rig_request q;
    rig_begin(&q, &c, PTN_STUN_CREATE_PERMISSION);
    CHECK_EQ(400, rig_ask(g, &q));
    rig_free(g);
}

TEST(full_tables_are_insufficient_capacity)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.permissions_max = 2;
    opts.turn.channels_max = 1;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);
    struct ptn_addr dave = ptn_addr_v4(91, 198, 174, 79, 1);

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    CHECK_EQ(0, rig_bind(g, &c, 0x4000, &bob));
    CHECK_EQ(508, rig_bind(g, &c, 0x4001, &carol));
    CHECK_EQ(1, ptn_relay_now(g->relay).permissions); /* nothing of it stays */
    CHECK_EQ(0, rig_permit(g, &c, &carol));
    CHECK_EQ(508, rig_permit(g, &c, &dave));
    rig_free(g);
}

/* What is in the tables for one client with a user of his own, a permission and a channel: rows,
 * their places in indices and free lists, and in the heap of ends. */
TEST(an_allocation_takes_no_more_than_a_kilobyte)
{
    size_t rows = sizeof(struct ptn_relay_alloc) + sizeof(struct ptn_relay_permission) +
                  sizeof(struct ptn_relay_channel) + sizeof(struct ptn_relay_socket) +
                  sizeof(struct ptn_relay_user_row);
    size_t chains = 6 * 3 * sizeof(uint32_t), free_lists = 4 * sizeof(uint32_t);
    size_t ends = 3 * (sizeof(struct ptn_heap_node) + sizeof(uint32_t));

    CHECK(rows + chains + free_lists + ends <= 1024);
    CHECK(sizeof(struct ptn_relay_alloc) <= 256);
}

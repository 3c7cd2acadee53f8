#include "flow/flow.h"

#include "support/test.h"

enum { SOCKET = 77 };
static const struct ptn_addr LOCAL = {{192, 168, 1, 10}, 11780, PTN_IPV4, 0};
static const struct ptn_addr MAPPED = {{192, 0, 2, 1}, 40000, PTN_IPV4, 0};
static const struct ptn_addr OTHER_MAPPED = {{192, 0, 2, 1}, 40001, PTN_IPV4, 0};
static const struct ptn_addr STUN_1 = {{203, 0, 113, 1}, 3478, PTN_IPV4, 0};
static const struct ptn_addr STUN_2 = {{203, 0, 113, 2}, 3478, PTN_IPV4, 0};
static const struct ptn_addr PEER = {{198, 51, 100, 9}, 20000, PTN_IPV4, 0};
static const struct ptn_latch_formats PCMU = {{1, 0}};

static void flow_init(struct ptn_flow *f)
{
    struct ptn_flow_opts opts = {.socket = SOCKET, .dice = ptn_dice_seeded(1)};

    opts.anchor.reach = PTN_REACH_DEFAULTS;
    opts.anchor.reach.local = LOCAL;
    ptn_flow_init(f, &opts);
}

static enum ptn_flow_verdict tell(struct ptn_flow *f, ptn_time now, struct ptn_addr from,
                                  const void *bytes, size_t size)
{
    return ptn_flow_input(f, now,
                          &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                             .id = SOCKET,
                                             .from = from,
                                             .bytes = ptn_bytes(bytes, size)});
}

/* Answers the question in `ask` as its server would. */
static void answer(struct ptn_flow *f, ptn_time now, const struct ptn_ask *ask,
                   struct ptn_addr mapped)
{
    struct ptn_stun_msg question;
    struct ptn_stun_out out;
    struct ptn_bytes bytes;
    uint8_t buf[100];

    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&question, ask->bytes));
    ptn_stun_begin(&out, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &question.id);
    ptn_stun_put_addr(&out, PTN_STUN_XOR_MAPPED_ADDRESS, &mapped);
    CHECK(ptn_stun_end(&out, &bytes));
    CHECK_EQ(PTN_FLOW_STUN, tell(f, now, ask->to, bytes.data, bytes.size));
}

static struct ptn_reach_answer told_to(const struct ptn_flow *f, struct ptn_addr to)
{
    return ptn_reach_answer(&f->anchor.reach, &(struct ptn_reach_ask){.to = to});
}

TEST(the_first_byte_decides)
{
    static const struct {
        uint8_t first;
        enum ptn_flow_verdict verdict;
    } rows[] = {
        {0, PTN_FLOW_STUN},     {3, PTN_FLOW_STUN},     {4, PTN_FLOW_OTHER},
        {20, PTN_FLOW_OTHER},   {0x40, PTN_FLOW_OTHER}, {0x7f, PTN_FLOW_OTHER},
        {0x80, PTN_FLOW_MEDIA}, {0xbf, PTN_FLOW_MEDIA}, {0xc0, PTN_FLOW_OTHER},
    };
    uint8_t bytes[40] = {0};
    struct ptn_flow f;

    flow_init(&f);
    ptn_flow_expect(&f, &PEER, &PCMU);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bytes[0] = rows[i].first;
        CHECK_EQ(rows[i].verdict, tell(&f, 0, PEER, bytes, sizeof bytes));
    }
    CHECK_EQ(PTN_FLOW_OTHER, tell(&f, 0, PEER, bytes, 0));
    CHECK_EQ(2, f.counts[PTN_FLOW_MEDIA]);
    CHECK_EQ(2, f.counts[PTN_FLOW_STUN]);
}

TEST(media_goes_nowhere_before_a_far_end_is_named_and_to_it_after)
{
    uint8_t bytes[20] = {0x80};
    struct ptn_flow f;
    struct ptn_ask ask;

    flow_init(&f);
    CHECK(!ptn_flow_send(&f, 0, ptn_bytes(bytes, 20), NULL, &ask));
    CHECK_EQ(PTN_FLOW_NO_CALL, tell(&f, 0, PEER, bytes, sizeof bytes));
    ptn_flow_expect(&f, &PEER, &PCMU);
    CHECK(ptn_flow_send(&f, 0, ptn_bytes(bytes, 20), NULL, &ask));
    CHECK_EQ(PTN_ASK_DATAGRAM, ask.kind);
    CHECK_EQ(SOCKET, ask.id);
    CHECK_ADDR(&PEER, &ask.to);
}

TEST(the_way_to_the_far_end_is_opened_at_once_and_kept_open)
{
    struct ptn_flow f;
    struct ptn_ask ask;
    struct ptn_stun_msg msg;

    flow_init(&f);
    CHECK_EQ(PTN_NEVER, ptn_flow_deadline(&f));
    ptn_flow_expect(&f, &PEER, &PCMU);
    CHECK(ptn_flow_deadline(&f) <= PTN_S(5));
    CHECK(ptn_flow_output(&f, PTN_S(5), &ask));
    CHECK_ADDR(&PEER, &ask.to);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&msg, ask.bytes));
    CHECK_EQ(PTN_STUN_INDICATION, msg.class);
    CHECK(!ptn_flow_output(&f, PTN_S(5), &ask));

    CHECK_EQ(PTN_S(20), ptn_flow_deadline(&f));
    CHECK(!ptn_flow_output(&f, PTN_S(20) - 1, &ask));
    CHECK(ptn_flow_output(&f, PTN_S(20), &ask));
    /* Media does as well. */
    CHECK(ptn_flow_send(&f, PTN_S(30), ptn_bytes("", 0), NULL, &ask));
    CHECK_EQ(PTN_S(45), ptn_flow_deadline(&f));
}

TEST(what_stun_says_of_the_socket_is_known_to_reach)
{
    struct ptn_flow f;
    struct ptn_ask ask;
    struct ptn_anchor_servers servers = {2, {STUN_1, {{0x20, 1}, 3478, PTN_IPV6, 0}}};

    flow_init(&f);
    CHECK(ptn_anchor_settled(&f.anchor));
    ptn_anchor_ask(&f.anchor, 0, &servers);
    CHECK(!ptn_anchor_settled(&f.anchor));
    ptn_flow_tick(&f, 0);
    CHECK(ptn_flow_output(&f, 0, &ask));
    CHECK_ADDR(&STUN_1, &ask.to);
    answer(&f, PTN_MS(40), &ask, MAPPED);
    /* The one of the other family is not asked, so nobody is waited for. */
    CHECK(!ptn_flow_output(&f, 0, &ask));
    CHECK(ptn_anchor_settled(&f.anchor));
    struct ptn_reach_answer told = told_to(&f, PEER);
    CHECK_ADDR(&MAPPED, &told.addr);
    CHECK_EQ(PTN_REACH_BY_STUN, told.why);
}

TEST(servers_that_see_different_ports_show_a_symmetric_nat)
{
    struct ptn_flow f;
    struct ptn_ask ask;
    struct ptn_anchor_servers servers = {2, {STUN_1, STUN_2}};

    flow_init(&f);
    ptn_anchor_ask(&f.anchor, 0, &servers);
    ptn_flow_tick(&f, 0);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(ptn_flow_output(&f, 0, &ask));
        answer(&f, PTN_MS(40), &ask, ptn_addr_equal(&ask.to, &STUN_1) ? MAPPED : OTHER_MAPPED);
    }
    CHECK_EQ(PTN_REACH_NAT_PER_DESTINATION, f.anchor.reach.nat);
    CHECK_EQ(PTN_REACH_BY_SYMMETRIC, told_to(&f, PEER).why);
    CHECK_EQ(LOCAL.port, told_to(&f, PEER).addr.port);
}

TEST(a_silent_server_is_waited_for_no_longer_than_the_budget)
{
    struct ptn_flow f;
    struct ptn_ask ask;
    ptn_time now = 0;

    flow_init(&f);
    ptn_anchor_ask(&f.anchor, 0, &(struct ptn_anchor_servers){1, {STUN_1}});
    while (!ptn_anchor_settled(&f.anchor)) {
        ptn_flow_tick(&f, now);
        while (ptn_flow_output(&f, now, &ask))
            ;
        if (!ptn_anchor_settled(&f.anchor))
            now = ptn_flow_deadline(&f);
    }
    CHECK(now <= PTN_MS(300));
}

TEST(the_same_servers_again_are_not_asked_anew)
{
    struct ptn_flow f;
    struct ptn_ask ask;
    struct ptn_anchor_servers servers = {1, {STUN_1}};
    enum ptn_stun_dialect dialect;

    flow_init(&f);
    ptn_anchor_ask(&f.anchor, 0, &servers);
    ptn_flow_tick(&f, 0);
    CHECK(ptn_flow_output(&f, 0, &ask));
    answer(&f, PTN_MS(40), &ask, MAPPED);
    ptn_anchor_ask(&f.anchor, PTN_MS(50), &servers);
    ptn_flow_tick(&f, PTN_MS(50));
    CHECK(!ptn_flow_output(&f, PTN_MS(50), &ask));
    CHECK(ptn_anchor_answers(&f.anchor, &STUN_1, &dialect));
    CHECK_EQ(PTN_STUN_MODERN, dialect);
    CHECK(!ptn_anchor_answers(&f.anchor, &STUN_2, &dialect));

    /* None at all: what was learnt is kept, nothing is asked. */
    ptn_anchor_ask(&f.anchor, PTN_S(1), &(struct ptn_anchor_servers){0});
    CHECK_EQ(PTN_NEVER, ptn_flow_deadline(&f));
    struct ptn_reach_answer told = told_to(&f, PEER);
    CHECK_ADDR(&MAPPED, &told.addr);
}

TEST(every_verdict_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < PTN_FLOW_VERDICTS; i++)
        for (unsigned k = 0; k < i; k++)
            CHECK(strcmp(ptn_flow_verdict_name(i), ptn_flow_verdict_name(k)) != 0);
}

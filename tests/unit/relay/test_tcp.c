#include "support/turn_rig.h"

#include "support/test.h"

static const struct ptn_addr bob = {.ip = {91, 198, 174, 77}, .port = 6000, .family = PTN_IPV4};
static const struct ptn_addr carol = {.ip = {91, 198, 174, 78}, .port = 6000, .family = PTN_IPV4};

enum { CONTROL = 1, DATA, THIRD };

static struct rig_client control_of(struct rig *g)
{
    struct rig_client c = rig_stream_client(g, PTN_ID_WORLD + CONTROL);
    struct rig_request q;

    rig_begin(&q, &c, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 6u << 24);
    CHECK_EQ(0, rig_ask(g, &q));
    CHECK(g->begun.relays_tcp);
    g->sent_count = 0;
    return c;
}

static void begin_connect(struct rig *g, struct rig_client *c, struct rig_request *q,
                          const struct ptn_addr *peer)
{
    rig_begin(q, c, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&q->o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    CHECK_EQ(1, rig_ask(g, q)); /* no answer yet */
}

static void tell(struct rig *g, enum ptn_tell_kind kind, ptn_id id, const char *bytes)
{
    ptn_relay_input(g->relay, g->now,
                    &(struct ptn_tell){.kind = kind,
                                       .id = id,
                                       .why = kind == PTN_TELL_FAILED ? PTN_ERR_REFUSED : PTN_OK,
                                       .bytes = ptn_bytes_of_text(bytes)});
    rig_settle(g);
}

/* The answer among what was sent; 0 is success, 1 none. */
static unsigned late_answer(struct rig *g, struct rig_request *q, uint32_t *number)
{
    for (size_t i = 0; i < g->sent_count; i++) {
        struct ptn_bytes bytes = ptn_bytes(g->sent[i].bytes, g->sent[i].size), reason;
        unsigned code = 0;
        if (g->sent[i].kind != PTN_ASK_STREAM || g->sent[i].id != q->client->path ||
            ptn_stun_decode(&q->answer, bytes) != PTN_STUN_OK ||
            !ptn_stun_id_equal(&q->id, &q->answer.id))
            continue;
        CHECK(ptn_stun_has(&q->answer, PTN_STUN_MESSAGE_INTEGRITY));
        ptn_stun_get_error(&q->answer, &code, &reason);
        if (number)
            CHECK(ptn_stun_get_u32(&q->answer, PTN_STUN_CONNECTION_ID, number));
        return code;
    }
    return 1;
}

static unsigned join(struct rig *g, struct rig_client *data, uint32_t number)
{
    struct rig_request q;

    rig_begin(&q, data, PTN_STUN_CONNECTION_BIND);
    ptn_stun_put_u32(&q.o, PTN_STUN_CONNECTION_ID, number);
    return rig_ask(g, &q);
}

/* What was sent to a connection, as one text. */
static const char *sent_to(const struct rig *g, ptn_id id)
{
    static char text[4096];
    size_t size = 0;

    for (size_t i = 0; i < g->sent_count; i++)
        if (g->sent[i].kind == PTN_ASK_STREAM && g->sent[i].id == id) {
            memcpy(text + size, g->sent[i].bytes, g->sent[i].size);
            size += g->sent[i].size;
        }
    text[size] = '\0';
    return text;
}

TEST(a_connection_to_a_peer_is_made_from_the_relayed_address_and_joined)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = control_of(g), data = rig_stream_client(g, PTN_ID_WORLD + DATA);
    struct rig_request q;
    uint32_t number;

    begin_connect(g, &c, &q, &bob);
    CHECK_EQ(1, g->sent_count);
    CHECK_EQ(PTN_ASK_CONNECT, g->sent[0].kind);
    CHECK_ADDR(&bob, &g->sent[0].to);
    CHECK_ADDR(&g->begun.relayed[0], &g->sent[0].local);
    ptn_id peer = g->sent[0].id;
    tell(g, PTN_TELL_OPENED, peer, "");
    CHECK_EQ(0, late_answer(g, &q, &number));
    tell(g, PTN_TELL_STREAM, peer, "220 hello\r\n"); /* before anybody is there to hear it */
    g->sent_count = 0;
    CHECK_EQ(0, join(g, &data, number));
    CHECK_STR("220 hello\r\n", sent_to(g, data.path));
    CHECK_EQ(peer, ptn_relay_joined(g->relay, data.path));
    CHECK_EQ(data.path, ptn_relay_joined(g->relay, peer));
    g->sent_count = 0;
    tell(g, PTN_TELL_STREAM, data.path, "HELO there, \x40\x01 whatever");
    tell(g, PTN_TELL_STREAM, peer, "250 ok");
    CHECK_STR("HELO there, \x40\x01 whatever", sent_to(g, peer));
    CHECK_STR("250 ok", sent_to(g, data.path));
    CHECK_EQ(0, g->closed_conns);
    tell(g, PTN_TELL_CLOSED, peer, "");
    CHECK_EQ(1, g->closed_conns); /* the client's, after what is under way */
    CHECK_EQ(0, ptn_relay_now(g->relay).peer_conns);
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(0, rig_refresh(g, &c, 0));
    CHECK_EQ(23, g->ended.bytes_up);
    CHECK_EQ(17, g->ended.bytes_down);
    rig_free(g);
}

TEST(a_peer_that_cannot_be_reached_is_told_and_one_that_is_slow_given_up)
{
    for (unsigned slow = 0; slow < 2; slow++) {
        struct rig *g = rig_new(NULL);
        struct rig_client c = control_of(g);
        struct rig_request q;

        begin_connect(g, &c, &q, &bob);
        ptn_id peer = g->sent[0].id;
        if (slow)
            rig_sleep(g, PTN_S(30));
        else
            tell(g, PTN_TELL_FAILED, peer, "");
        CHECK_EQ(447, late_answer(g, &q, NULL));
        CHECK_EQ(slow, g->closed_conns);
        CHECK_EQ(0, ptn_relay_now(g->relay).peer_conns);
        rig_free(g);
    }
}

TEST(what_connect_and_connection_bind_refuse)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = control_of(g), udp = rig_client(40000);
    struct rig_client data = rig_stream_client(g, PTN_ID_WORLD + DATA);
    struct rig_request q;
    uint32_t number;

    CHECK_EQ(403, rig_bind(g, &c, 0x4000, &bob)); /* no channels */
    rig_begin(&q, &c, PTN_STUN_CONNECT);
    CHECK_EQ(400, rig_ask(g, &q));
    CHECK_EQ(0, rig_allocate(g, &udp, NULL));
    rig_begin(&q, &udp, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, &bob);
    CHECK_EQ(400, rig_ask(g, &q));
    g->sent_count = 0;
    begin_connect(g, &c, &q, &bob);
    ptn_id peer = g->sent[0].id;
    struct rig_request again;
    rig_begin(&again, &c, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&again.o, PTN_STUN_XOR_PEER_ADDRESS, &bob);
    CHECK_EQ(446, rig_ask(g, &again));
    tell(g, PTN_TELL_OPENED, peer, "");
    CHECK_EQ(0, late_answer(g, &q, &number));
    CHECK_EQ(400, join(g, &data, number ^ 1));
    CHECK_EQ(400, join(g, &c, number)); /* on the control connection */
    CHECK_EQ(400, join(g, &udp, number));
    rig_sleep(g, PTN_S(30)); /* nobody came */
    CHECK_EQ(0, ptn_relay_now(g->relay).peer_conns);
    CHECK_EQ(400, join(g, &data, number));
    rig_free(g);
}

TEST(a_peer_connects_to_us_with_permission_only)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = control_of(g), data = rig_stream_client(g, PTN_ID_WORLD + DATA);
    ptn_id listener = rig_socket(g, &g->begun.relayed[0]);
    struct ptn_tell accepted = {.kind = PTN_TELL_ACCEPTED,
                                .id = PTN_ID_WORLD + THIRD,
                                .listener = listener,
                                .transport = PTN_TCP,
                                .from = carol};
    struct ptn_stun_msg m;
    uint32_t number;

    CHECK_EQ(0, rig_permit(g, &c, &bob));
    ptn_relay_input(g->relay, g->now, &accepted);
    rig_settle(g);
    CHECK_EQ(1, g->closed_conns);
    accepted.id++;
    accepted.from = bob;
    g->sent_count = 0;
    ptn_relay_input(g->relay, g->now, &accepted);
    rig_settle(g);
    CHECK_EQ(1, g->sent_count);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ptn_bytes(g->sent[0].bytes, g->sent[0].size)));
    CHECK_EQ(PTN_STUN_CONNECTION_ATTEMPT, m.method);
    CHECK(ptn_stun_get_u32(&m, PTN_STUN_CONNECTION_ID, &number));
    CHECK_EQ(0, join(g, &data, number));
    g->sent_count = 0;
    tell(g, PTN_TELL_STREAM, accepted.id, "from bob");
    CHECK_STR("from bob", sent_to(g, data.path));
    tell(g, PTN_TELL_CLOSED, data.path, "");
    CHECK_EQ(2, g->closed_conns);
    CHECK_EQ(0, ptn_relay_now(g->relay).peer_conns);
    rig_free(g);
}

TEST(all_connections_end_with_the_allocation)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = control_of(g), data = rig_stream_client(g, PTN_ID_WORLD + DATA);
    struct rig_request q;
    uint32_t number;

    begin_connect(g, &c, &q, &bob);
    tell(g, PTN_TELL_OPENED, g->sent[0].id, "");
    CHECK_EQ(0, late_answer(g, &q, &number));
    CHECK_EQ(0, join(g, &data, number));
    begin_connect(g, &c, &q, &carol);
    tell(g, PTN_TELL_CLOSED, c.path, "");
    CHECK_EQ(3, g->closed_conns); /* two peers' and the client's */
    CHECK_EQ(0, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(0, ptn_relay_now(g->relay).connections);
    rig_free(g);
}

TEST(a_peer_that_talks_without_end_to_nobody_is_closed)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = control_of(g);
    struct rig_request q;
    char page[1025];

    memset(page, 'x', 1024);
    page[1024] = '\0';
    begin_connect(g, &c, &q, &bob);
    ptn_id peer = g->sent[0].id;
    tell(g, PTN_TELL_OPENED, peer, "");
    for (unsigned i = 0; i < 4; i++)
        tell(g, PTN_TELL_STREAM, peer, page);
    CHECK_EQ(1, ptn_relay_now(g->relay).peer_conns);
    tell(g, PTN_TELL_STREAM, peer, page);
    CHECK_EQ(0, ptn_relay_now(g->relay).peer_conns);
    CHECK_EQ(1, g->closed_conns);
    rig_free(g);
}

/* ---- max_bps ---- */

enum { SECOND_OF_BYTES = 1000 };

static struct rig *slow_rig(void)
{
    struct ptn_relay_opts opts = rig_opts();

    opts.turn.max_bps = SECOND_OF_BYTES;
    return rig_new(&opts);
}

/* A connection with `peer`, joined with a new one of the client's. */
static ptn_id joined_with(struct rig *g, struct rig_client *c, const struct ptn_addr *peer,
                          struct rig_client *data)
{
    struct rig_request q;
    uint32_t number;

    g->sent_count = 0;
    begin_connect(g, c, &q, peer);
    ptn_id id = g->sent[0].id;
    tell(g, PTN_TELL_OPENED, id, "");
    CHECK_EQ(0, late_answer(g, &q, &number));
    CHECK_EQ(0, join(g, data, number));
    g->sent_count = 0;
    return id;
}

static void tell_seconds(struct rig *g, ptn_id id, unsigned seconds)
{
    char text[SECOND_OF_BYTES + 1];

    memset(text, 'x', SECOND_OF_BYTES);
    text[SECOND_OF_BYTES] = '\0';
    for (unsigned i = 0; i < seconds; i++)
        tell(g, PTN_TELL_STREAM, id, text);
}

static ptn_time rest_of(const struct rig *g, ptn_id id)
{
    struct ptn_relay_pace pace;

    CHECK(ptn_relay_pace(g->relay, id, &pace));
    return ptn_time_max(0, pace.rest_until - g->now);
}

TEST(who_brings_more_than_max_bps_rests_for_as_long_and_no_byte_is_lost)
{
    struct rig *g = slow_rig();
    struct rig_client c = control_of(g), data = rig_stream_client(g, PTN_ID_WORLD + DATA);
    ptn_id peer = joined_with(g, &c, &bob, &data);
    struct ptn_relay_pace pace;

    CHECK(ptn_relay_pace(g->relay, peer, &pace));
    CHECK_EQ(SECOND_OF_BYTES / 4 + 1, pace.read_max);
    tell_seconds(g, peer, 1); /* a second's worth is free */
    CHECK_EQ(0, rest_of(g, peer));
    tell_seconds(g, peer, 2);
    CHECK_EQ(3 * SECOND_OF_BYTES, strlen(sent_to(g, data.path)));
    CHECK_EQ(PTN_S(2), rest_of(g, peer));
    CHECK_EQ(0, rest_of(g, data.path)); /* the other way is another matter */
    rig_sleep(g, PTN_S(2));
    CHECK_EQ(0, rest_of(g, peer));
    tell_seconds(g, data.path, 3);
    CHECK_EQ(PTN_S(2), rest_of(g, data.path));
    CHECK_EQ(0, rest_of(g, peer));
    CHECK_EQ(0, rig_count(g, PTN_RELAY_OVER_BANDWIDTH));
    rig_free(g);
}

TEST(connections_of_one_allocation_share_its_max_bps)
{
    struct rig *g = slow_rig();
    struct rig_client c = control_of(g), data = rig_stream_client(g, PTN_ID_WORLD + DATA);
    struct rig_client more = rig_stream_client(g, PTN_ID_WORLD + THIRD);
    ptn_id first = joined_with(g, &c, &bob, &data), second = joined_with(g, &c, &carol, &more);

    tell_seconds(g, first, 2);
    tell_seconds(g, second, 1);
    CHECK_EQ(PTN_S(2), rest_of(g, second));
    CHECK_EQ(PTN_S(2), rest_of(g, first));
    rig_free(g);
}

TEST(a_peer_is_not_read_from_before_he_is_joined_and_without_a_limit_freely_after)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = control_of(g), data = rig_stream_client(g, PTN_ID_WORLD + DATA);
    struct ptn_relay_pace pace;
    struct rig_request q;
    uint32_t number;

    begin_connect(g, &c, &q, &bob);
    ptn_id peer = g->sent[0].id;
    tell(g, PTN_TELL_OPENED, peer, "");
    CHECK(ptn_relay_pace(g->relay, peer, &pace));
    CHECK_EQ(PTN_NEVER, pace.rest_until);
    CHECK(!ptn_relay_pace(g->relay, c.path, &pace));
    CHECK(!ptn_relay_pace(g->relay, data.path, &pace));
    CHECK_EQ(0, late_answer(g, &q, &number));
    CHECK_EQ(0, join(g, &data, number));
    tell_seconds(g, peer, 3);
    CHECK_EQ(0, rest_of(g, peer));
    CHECK(ptn_relay_pace(g->relay, data.path, &pace));
    CHECK_EQ(0, pace.read_max);
    rig_free(g);
}

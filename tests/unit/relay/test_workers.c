#include "support/turn_rig.h"

#include "support/test.h"

static struct rig *worker(unsigned number)
{
    struct ptn_relay_opts opts = rig_opts();

    opts.worker = number;
    opts.workers = 3;
    opts.dice = ptn_dice_seeded(number + 1);
    opts.turn.nonce_secret = ptn_bytes("shared", 6);
    /* So that their ports differ, as the kernel would see to. */
    opts.turn.port_min = (uint16_t)(50000 + 1000 * number);
    opts.turn.port_max = (uint16_t)(50999 + 1000 * number);
    return rig_new(&opts);
}

/* Takes the one mail of `from` to `to` as a program does: the socket moves. */
static enum ptn_relay_mail_kind deliver(struct rig *from, struct rig *to)
{
    struct ptn_relay_mail mail;

    CHECK(ptn_relay_mail(from->relay, &mail));
    if (mail.socket)
        rig_closed(from, mail.socket);
    ptn_relay_post(to->relay, to->now, &mail);
    if (mail.kind == PTN_RELAY_MAIL_GIVEN && mail.socket)
        rig_opened(to, mail.socket, &mail.local);
    rig_settle(to);
    rig_settle(from);
    CHECK(!ptn_relay_mail(from->relay, &mail));
    return mail.kind;
}

static void begin_with_token(struct rig_request *q, struct rig_client *c, const uint8_t token[8])
{
    rig_begin(q, c, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q->o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    ptn_stun_put(&q->o, PTN_STUN_RESERVATION_TOKEN, ptn_bytes(token, 8));
}

TEST(a_reserved_port_moves_to_the_worker_where_its_token_is_shown)
{
    struct rig *a = worker(2), *b = worker(1);
    struct rig_client rtp = rig_client(40000), rtcp = rig_client(40001);
    struct rig_request q;
    struct ptn_bytes token;
    struct ptn_addr even, odd;
    struct ptn_relay_out out;
    uint8_t kept[8];

    rig_begin(&q, &rtp, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    ptn_stun_put_u32(&q.o, PTN_STUN_EVEN_PORT, 0x80000000);
    CHECK_EQ(0, rig_ask(a, &q));
    CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &even));
    CHECK(ptn_stun_get(&q.answer, PTN_STUN_RESERVATION_TOKEN, &token));
    memcpy(kept, token.data, 8);
    CHECK_EQ(2, kept[0]); /* the worker's number */
    begin_with_token(&q, &rtcp, kept);
    CHECK_EQ(1, rig_ask(b, &q));
    CHECK_EQ(1, rig_count(b, PTN_RELAY_WAITING));
    CHECK_EQ(PTN_RELAY_MAIL_WANTED, deliver(b, a));
    CHECK_EQ(PTN_RELAY_MAIL_GIVEN, deliver(a, b));
    CHECK_EQ(1, b->sent_count);
    CHECK_ADDR(&rtcp.addr, &b->sent[0].to);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&q.answer, ptn_bytes(b->sent[0].bytes, b->sent[0].size)));
    CHECK_EQ(PTN_STUN_SUCCESS, q.answer.class);
    CHECK(ptn_stun_get_addr(&q.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &odd));
    CHECK_EQ(even.port + 1, odd.port);
    /* It works where it is now, and is closed there. */
    struct ptn_addr peer = ptn_addr_v4(91, 198, 174, 77, 9);
    CHECK_EQ(0, rig_permit(b, &rtcp, &peer));
    CHECK(rig_datagram(b, rig_socket(b, &odd), &peer, ptn_bytes("x", 1), &out));
    CHECK_EQ(0, rig_socket(a, &odd));
    CHECK_EQ(0, rig_refresh(b, &rtcp, 0));
    CHECK_EQ(0, rig_socket(b, &odd));
    rig_free(a);
    rig_free(b);
}

TEST(a_token_that_the_other_worker_does_not_know_is_insufficient_capacity)
{
    struct rig *a = worker(2), *b = worker(1);
    struct rig_client c = rig_client(40000);
    static const uint8_t token[8] = {2, 0, 0, 1, 1, 2, 3, 4};
    struct rig_request q;
    struct ptn_bytes reason;
    unsigned code = 0;

    begin_with_token(&q, &c, token);
    CHECK_EQ(1, rig_ask(b, &q));
    CHECK_EQ(PTN_RELAY_MAIL_WANTED, deliver(b, a));
    CHECK_EQ(PTN_RELAY_MAIL_GIVEN, deliver(a, b));
    CHECK_EQ(1, b->sent_count);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&q.answer, ptn_bytes(b->sent[0].bytes, b->sent[0].size)));
    CHECK(ptn_stun_get_error(&q.answer, &code, &reason));
    CHECK_EQ(508, code);
    CHECK_EQ(0, ptn_relay_now(b->relay).allocations);
    rig_free(a);
    rig_free(b);
}

TEST(a_connection_that_binds_another_workers_moves_there_with_what_it_said)
{
    struct rig *a = worker(2), *b = worker(1);
    struct rig_client control = rig_stream_client(a, PTN_ID_WORLD + 1);
    struct rig_client data = rig_stream_client(b, PTN_ID_WORLD + 2);
    struct ptn_addr peer = ptn_addr_v4(91, 198, 174, 77, 80);
    struct rig_request q;
    struct ptn_relay_mail mail;
    uint32_t number;

    rig_begin(&q, &control, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 6u << 24);
    CHECK_EQ(0, rig_ask(a, &q));
    a->sent_count = 0;
    rig_begin(&q, &control, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, &peer);
    CHECK_EQ(1, rig_ask(a, &q));
    ptn_id peer_conn = a->sent[0].id;
    a->sent_count = 0;
    ptn_relay_input(a->relay, a->now, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = peer_conn});
    rig_settle(a);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&q.answer, ptn_bytes(a->sent[0].bytes, a->sent[0].size)));
    CHECK(ptn_stun_get_u32(&q.answer, PTN_STUN_CONNECTION_ID, &number));
    CHECK_EQ(2, number >> 24);
    rig_begin(&q, &data, PTN_STUN_CONNECTION_BIND);
    ptn_stun_put_u32(&q.o, PTN_STUN_CONNECTION_ID, number);
    CHECK_EQ(1, rig_ask(b, &q));
    CHECK(ptn_relay_mail(b->relay, &mail));
    CHECK_EQ(PTN_RELAY_MAIL_MOVE, mail.kind);
    CHECK_EQ(2, mail.to);
    CHECK_EQ(data.path, mail.socket);
    CHECK_EQ(0, ptn_relay_now(b->relay).connections);
    CHECK_EQ(0, b->closed_conns); /* it lives on, elsewhere */
    /* The program tells the other worker, under an id that is free there. */
    ptn_id moved = PTN_ID_WORLD + 9;
    ptn_relay_input(a->relay, a->now,
                    &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                       .id = moved,
                                       .listener = mail.listener,
                                       .transport = PTN_TCP,
                                       .from = mail.from});
    a->sent_count = 0;
    ptn_relay_input(a->relay, a->now,
                    &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = moved, .bytes = mail.bytes});
    rig_settle(a);
    CHECK_EQ(1, a->sent_count);
    CHECK_EQ(moved, a->sent[0].id);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&q.answer, ptn_bytes(a->sent[0].bytes, a->sent[0].size)));
    CHECK_EQ(PTN_STUN_SUCCESS, q.answer.class);
    CHECK_EQ(moved, ptn_relay_joined(a->relay, peer_conn));
    rig_free(a);
    rig_free(b);
}

/* A ConnectionBind for worker 2 by the connection `id`, whose client has a nonce, and `more` bytes
 * behind it in the same read. */
static void bind_with_more(struct rig *g, struct rig_client *data, ptn_id id, size_t more)
{
    static uint8_t text[4096];
    struct rig_client again = rig_stream_client(g, id);
    struct ptn_bytes message;
    struct rig_request q;

    CHECK_EQ(data->addr.port, again.addr.port);
    rig_begin(&q, data, PTN_STUN_CONNECTION_BIND);
    ptn_stun_put_u32(&q.o, PTN_STUN_CONNECTION_ID, 2u << 24 | 7);
    CHECK_EQ(1, rig_ask(g, &q));
    CHECK(ptn_stun_end(&q.o, &message));
    memcpy(text, message.data, message.size);
    memset(text + message.size, 'x', more);
    ptn_relay_input(g->relay, g->now,
                    &(struct ptn_tell){.kind = PTN_TELL_STREAM,
                                       .id = id,
                                       .bytes = ptn_bytes(text, message.size + more)});
    rig_settle(g);
}

TEST(bytes_behind_a_connection_bind_move_with_it_or_the_connection_ends)
{
    enum { SOME = 100, TOO_MANY = 1300, NEXT = 10000 };

    for (unsigned many = 0; many < 2; many++) {
        struct rig *g = worker(1);
        struct rig_client data = rig_stream_client(g, PTN_ID_WORLD + 2);
        struct ptn_relay_mail first, mail;

        bind_with_more(g, &data, PTN_ID_WORLD + 2 + NEXT, many ? TOO_MANY : SOME);
        CHECK(ptn_relay_mail(g->relay, &first)); /* the one that only taught us the nonce */
        CHECK_EQ(data.path, first.socket);
        size_t size = first.bytes.size;
        CHECK_EQ(!many, ptn_relay_mail(g->relay, &mail));
        if (!many) {
            CHECK_EQ(size + SOME, mail.bytes.size);
            CHECK_EQ('x', mail.bytes.data[mail.bytes.size - 1]);
        }
        CHECK_EQ(many, g->closed_conns);
        CHECK_EQ(many, rig_count(g, PTN_RELAY_NO_ROOM));
        CHECK_EQ(0, ptn_relay_now(g->relay).connections);
        rig_free(g);
    }
}

TEST(a_connection_that_moves_once_its_user_is_found_is_forgotten_at_once)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.worker = 1;
    opts.workers = 3;
    opts.turn.user_count = 0;
    opts.turn.ask_for_users = true;
    struct rig *g = rig_new(&opts);
    struct rig_client data = rig_stream_client(g, PTN_ID_WORLD + 2);
    const struct ptn_relay_user alice = {ptn_bytes("alice", 5), ptn_bytes("secret", 6)};
    struct ptn_relay_mail mail;
    struct rig_request q;

    rig_begin(&q, &data, PTN_STUN_CONNECTION_BIND);
    ptn_stun_put_u32(&q.o, PTN_STUN_CONNECTION_ID, 2u << 24 | 7);
    CHECK_EQ(1, rig_ask(g, &q));
    CHECK(!ptn_relay_mail(g->relay, &mail));
    ptn_relay_user_found(g->relay, g->now, &alice);
    rig_settle(g);
    CHECK(ptn_relay_mail(g->relay, &mail));
    CHECK_EQ(PTN_RELAY_MAIL_MOVE, mail.kind);
    CHECK_EQ(0, ptn_relay_now(g->relay).connections);
    CHECK_EQ(0, g->closed_conns);
    rig_free(g);
}

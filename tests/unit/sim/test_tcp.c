#include "sim/tcp.h"

#include <stdlib.h>

#include "base/dice.h"
#include "support/test.h"

/* Two connections and the segments on their way between them, with what befalls those. */
enum { LEFT, RIGHT, SIDES };
enum { FLYING_MAX = 256, RECEIVED_MAX = 200000 };

struct flying {
    ptn_time at;
    unsigned to;
    struct ptn_sim_segment segment;
    uint8_t payload[2000];
};

struct pipe {
    struct ptn_sim_tcp end[SIDES];
    bool is_open[SIDES];
    ptn_time now, delay, jitter;
    size_t payload_max; /* what carries more is lost; 0: no limit */
    double loss, duplicates;
    struct ptn_dice dice;
    struct flying *flying[FLYING_MAX];
    size_t count;
    uint8_t flags_seen[SIDES]; /* of all segments that side sent */
    unsigned sent[SIDES];

    uint8_t *received[SIDES];
    size_t received_size[SIDES];
    unsigned connected[SIDES], ended[SIDES];
    enum ptn_err why[SIDES];
};

static void put_on_the_way(struct pipe *p, unsigned to, const struct ptn_sim_segment *s)
{
    CHECK(p->count < FLYING_MAX);
    struct flying *f = malloc(sizeof *f);
    CHECK(f && s->payload.size <= sizeof f->payload);
    f->at = p->now + p->delay + (ptn_time)(ptn_dice_unit(&p->dice) * (double)p->jitter);
    f->to = to;
    f->segment = *s;
    if (s->payload.size > 0)
        memcpy(f->payload, s->payload.data, s->payload.size);
    f->segment.payload.data = f->payload;
    p->flying[p->count++] = f;
}

static void drain(struct pipe *p, unsigned side)
{
    struct ptn_sim_tcp_event ev;
    struct ptn_sim_segment s;

    while (ptn_sim_tcp_event(&p->end[side], &ev)) {
        if (ev.kind == PTN_SIM_TCP_CONNECTED) {
            p->connected[side]++;
        } else if (ev.kind == PTN_SIM_TCP_ENDED) {
            p->ended[side]++;
            p->why[side] = ev.why;
        } else {
            CHECK(p->received_size[side] + ev.bytes.size <= RECEIVED_MAX);
            memcpy(p->received[side] + p->received_size[side], ev.bytes.data, ev.bytes.size);
            p->received_size[side] += ev.bytes.size;
        }
    }
    while (ptn_sim_tcp_output(&p->end[side], p->now, &s)) {
        p->flags_seen[side] |= s.head.flags;
        p->sent[side]++;
        if (ptn_dice_unit(&p->dice) < p->loss ||
            (p->payload_max > 0 && s.payload.size > p->payload_max))
            continue;
        put_on_the_way(p, !side, &s);
        if (ptn_dice_unit(&p->dice) < p->duplicates)
            put_on_the_way(p, !side, &s);
    }
}

static void deliver(struct pipe *p, struct flying *f)
{
    if (!p->is_open[f->to]) {
        if (!(f->segment.head.flags & PTN_TCP_SYN))
            return;
        ptn_sim_tcp_accept(&p->end[f->to], p->now, &PTN_SIM_TCP_DEFAULTS, 0xfffffff0u, &f->segment);
        p->is_open[f->to] = true;
    } else {
        ptn_sim_tcp_input(&p->end[f->to], p->now, &f->segment);
    }
    drain(p, f->to);
}

static void run(struct pipe *p, ptn_time until)
{
    for (unsigned steps = 0; steps < 1000000; steps++) {
        size_t first = p->count;
        ptn_time at = until + 1;
        for (size_t i = 0; i < p->count; i++)
            if (p->flying[i]->at < at)
                at = p->flying[i]->at, first = i;
        unsigned ticked = SIDES;
        for (unsigned side = 0; side < SIDES; side++)
            if (p->is_open[side] && ptn_sim_tcp_deadline(&p->end[side]) < at)
                at = ptn_sim_tcp_deadline(&p->end[side]), ticked = side;
        if (at > until) {
            p->now = until;
            return;
        }
        p->now = at;
        if (ticked < SIDES) {
            ptn_sim_tcp_tick(&p->end[ticked], at);
            drain(p, ticked);
            continue;
        }
        struct flying *f = p->flying[first];
        memmove(&p->flying[first], &p->flying[first + 1],
                (--p->count - first) * sizeof p->flying[0]);
        deliver(p, f);
        free(f);
    }
    fail_msg("it never comes to rest");
}

static void pipe_init(struct pipe *p, uint64_t seed)
{
    *p = (struct pipe){.delay = PTN_MS(20), .dice = ptn_dice_seeded(seed)};
    for (unsigned side = 0; side < SIDES; side++)
        CHECK((p->received[side] = malloc(RECEIVED_MAX)));
}

static void pipe_connect(struct pipe *p)
{
    ptn_sim_tcp_connect(&p->end[LEFT], p->now, &PTN_SIM_TCP_DEFAULTS, 0xffffff00u);
    p->is_open[LEFT] = true;
    drain(p, LEFT);
}

static void pipe_fini(struct pipe *p)
{
    for (unsigned side = 0; side < SIDES; side++) {
        ptn_sim_tcp_fini(&p->end[side]);
        free(p->received[side]);
    }
    while (p->count > 0)
        free(p->flying[--p->count]);
}

static void send_pattern(struct pipe *p, unsigned side, size_t size, unsigned salt)
{
    uint8_t *bytes = malloc(size);
    CHECK(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8) + salt);
    CHECK_EQ(PTN_OK, ptn_sim_tcp_send(&p->end[side], ptn_bytes(bytes, size)));
    free(bytes);
    drain(p, side);
}

static void check_pattern(const struct pipe *p, unsigned side, size_t size, unsigned salt)
{
    CHECK_EQ(size, p->received_size[side]);
    for (size_t i = 0; i < size; i++)
        if (p->received[side][i] != (uint8_t)(i * 31 + (i >> 8) + salt))
            CHECK_EQ(size, i);
}

TEST(a_connection_is_made_in_one_round_trip_and_carries_bytes_both_ways)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_MS(39));
    CHECK_EQ(0, p.connected[LEFT]);
    run(&p, PTN_MS(40));
    CHECK_EQ(1, p.connected[LEFT]);
    run(&p, PTN_MS(60));
    CHECK_EQ(1, p.connected[RIGHT]);
    send_pattern(&p, LEFT, 3000, 1);
    send_pattern(&p, RIGHT, 100000, 2);
    run(&p, PTN_S(3));
    check_pattern(&p, RIGHT, 3000, 1);
    check_pattern(&p, LEFT, 100000, 2);
    CHECK_EQ(PTN_NEVER, ptn_sim_tcp_deadline(&p.end[LEFT]));
    CHECK_EQ(PTN_NEVER, ptn_sim_tcp_deadline(&p.end[RIGHT]));
    pipe_fini(&p);
}

TEST(what_is_sent_before_the_connection_stands_arrives_once_it_does)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    send_pattern(&p, LEFT, 10, 3);
    run(&p, PTN_MS(61));
    check_pattern(&p, RIGHT, 10, 3);
    pipe_fini(&p);
}

TEST(loss_reordering_and_duplicates_do_not_show_in_the_bytes)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct pipe p;

        pipe_init(&p, seed);
        p.loss = 0.1;
        p.duplicates = 0.1;
        p.jitter = PTN_MS(30);
        pipe_connect(&p);
        send_pattern(&p, LEFT, 40000, 4);
        run(&p, PTN_S(20)); /* at least one of five SYNs arrives with these seeds */
        send_pattern(&p, RIGHT, 30000, 5);
        run(&p, PTN_S(200));
        print_message("# seed %u: %u and %u segments\n", (unsigned)seed, p.sent[LEFT],
                      p.sent[RIGHT]);
        check_pattern(&p, RIGHT, 40000, 4);
        check_pattern(&p, LEFT, 30000, 5);
        CHECK_EQ(1, p.connected[LEFT]);
        CHECK_EQ(1, p.connected[RIGHT]);
        CHECK_EQ(0, p.ended[LEFT] + p.ended[RIGHT]);
        pipe_fini(&p);
    }
}

TEST(one_lost_segment_is_repeated_after_three_equal_acknowledgements)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_MS(100));
    p.loss = 1;
    send_pattern(&p, LEFT, 1220, 6);
    p.loss = 0;
    uint8_t more[5 * 1220];
    for (size_t i = 0; i < sizeof more; i++)
        more[i] = (uint8_t)((i + 1220) * 31 + ((i + 1220) >> 8) + 6);
    ptn_sim_tcp_send(&p.end[LEFT], ptn_bytes(more, sizeof more));
    drain(&p, LEFT);
    /* Two round trips, well before the repeat timer of 200 ms. */
    run(&p, PTN_MS(100 + 61));
    check_pattern(&p, RIGHT, 6 * 1220, 6);
    pipe_fini(&p);
}

TEST(a_silent_far_end_is_asked_with_growing_pauses_and_then_given_up)
{
    struct pipe p;

    pipe_init(&p, 1);
    p.loss = 1;
    pipe_connect(&p);
    run(&p, PTN_S(62));
    CHECK_EQ(6, p.sent[LEFT]); /* 0, 1, 3, 7, 15, 31 s */
    CHECK_EQ(0, p.ended[LEFT]);
    run(&p, PTN_S(300));
    CHECK_EQ(1, p.ended[LEFT]);
    CHECK_EQ(PTN_ERR_TIMED_OUT, p.why[LEFT]);
    CHECK_EQ(PTN_SIM_TCP_DEAD, p.end[LEFT].phase);
    pipe_fini(&p);
}

TEST(unacknowledged_data_ends_a_connection_after_the_user_timeout)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_S(1));
    p.loss = 1;
    send_pattern(&p, LEFT, 10, 0);
    run(&p, PTN_S(100));
    CHECK_EQ(0, p.ended[LEFT]);
    ptn_sim_tcp_unreachable(&p.end[LEFT], PTN_ERR_UNREACHABLE);
    drain(&p, LEFT);
    CHECK_EQ(0, p.ended[LEFT]); /* an ICMP error alone ends nothing that stands */
    run(&p, PTN_S(300));
    CHECK_EQ(1, p.ended[LEFT]);
    CHECK_EQ(PTN_ERR_UNREACHABLE, p.why[LEFT]);
    pipe_fini(&p);
}

TEST(closing_finishes_both_sides_in_order_whatever_is_lost)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct pipe p;

        pipe_init(&p, seed);
        pipe_connect(&p);
        run(&p, PTN_S(1));
        p.loss = 0.2;
        send_pattern(&p, LEFT, 5000, 7);
        ptn_sim_tcp_close(&p.end[LEFT], p.now);
        drain(&p, LEFT);
        run(&p, PTN_S(250));
        check_pattern(&p, RIGHT, 5000, 7);
        CHECK_EQ(0, p.ended[LEFT]); /* it asked for the end: it is not told */
        CHECK_EQ(1, p.ended[RIGHT]);
        CHECK_EQ(PTN_OK, p.why[RIGHT]);
        CHECK_EQ(PTN_SIM_TCP_DEAD, p.end[LEFT].phase);
        CHECK_EQ(PTN_SIM_TCP_DEAD, p.end[RIGHT].phase);
        CHECK(p.flags_seen[LEFT] & PTN_TCP_FIN);
        CHECK(p.flags_seen[RIGHT] & PTN_TCP_FIN);
        pipe_fini(&p);
    }
}

TEST(both_may_close_at_once)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_S(1));
    for (unsigned side = 0; side < SIDES; side++) {
        ptn_sim_tcp_close(&p.end[side], p.now);
        drain(&p, side);
    }
    run(&p, PTN_S(10));
    CHECK_EQ(PTN_SIM_TCP_DEAD, p.end[LEFT].phase);
    CHECK_EQ(PTN_SIM_TCP_DEAD, p.end[RIGHT].phase);
    CHECK(!((p.flags_seen[LEFT] | p.flags_seen[RIGHT]) & PTN_TCP_RST));
    pipe_fini(&p);
}

TEST(data_for_one_that_has_closed_is_answered_with_a_reset)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_S(1));
    ptn_sim_tcp_close(&p.end[LEFT], p.now);
    drain(&p, LEFT);
    send_pattern(&p, RIGHT, 100, 0);
    run(&p, PTN_S(2));
    CHECK(p.flags_seen[LEFT] & PTN_TCP_RST);
    CHECK_EQ(1, p.ended[RIGHT]);
    CHECK_EQ(PTN_SIM_TCP_DEAD, p.end[LEFT].phase);
    pipe_fini(&p);
}

TEST(a_reset_counts_only_within_the_window)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_S(1));
    struct ptn_sim_segment rst = {.head = {.flags = PTN_TCP_RST, .seq = p.end[LEFT].far_next - 1}};
    ptn_sim_tcp_input(&p.end[LEFT], p.now, &rst);
    drain(&p, LEFT);
    CHECK_EQ(0, p.ended[LEFT]);
    rst.head.seq = p.end[LEFT].far_next;
    ptn_sim_tcp_input(&p.end[LEFT], p.now, &rst);
    drain(&p, LEFT);
    CHECK_EQ(1, p.ended[LEFT]);
    CHECK_EQ(PTN_ERR_RESET, p.why[LEFT]);
    pipe_fini(&p);
}

TEST(a_host_without_the_connection_refuses_with_numbers_that_count)
{
    struct pipe p;
    struct ptn_sim_segment syn, refusal, out;

    pipe_init(&p, 1);
    ptn_sim_tcp_connect(&p.end[LEFT], 0, &PTN_SIM_TCP_DEFAULTS, 77);
    CHECK(ptn_sim_tcp_output(&p.end[LEFT], 0, &syn));
    CHECK_EQ(PTN_TCP_SYN, syn.head.flags);

    struct ptn_sim_segment stray = {.head = {.flags = PTN_TCP_RST | PTN_TCP_ACK, .ack = 77}};
    ptn_sim_tcp_input(&p.end[LEFT], 0, &stray); /* acknowledges nothing: blind */
    drain(&p, LEFT);
    CHECK_EQ(0, p.ended[LEFT]);

    CHECK(ptn_sim_tcp_refusal(&syn, &refusal));
    CHECK_EQ(78, refusal.head.ack);
    CHECK(!ptn_sim_tcp_refusal(&refusal, &out));
    ptn_sim_tcp_input(&p.end[LEFT], 0, &refusal);
    drain(&p, LEFT);
    CHECK_EQ(1, p.ended[LEFT]);
    CHECK_EQ(PTN_ERR_REFUSED, p.why[LEFT]);
    pipe_fini(&p);
}

TEST(an_icmp_error_while_connecting_is_final)
{
    struct pipe p;

    pipe_init(&p, 1);
    p.loss = 1;
    pipe_connect(&p);
    ptn_sim_tcp_unreachable(&p.end[LEFT], PTN_ERR_UNREACHABLE);
    drain(&p, LEFT);
    CHECK_EQ(1, p.ended[LEFT]);
    CHECK_EQ(PTN_ERR_UNREACHABLE, p.why[LEFT]);
    CHECK_EQ(PTN_NEVER, ptn_sim_tcp_deadline(&p.end[LEFT]));
    pipe_fini(&p);
}

TEST(a_far_end_that_lost_its_memory_resets_at_the_next_byte)
{
    struct pipe p;
    struct ptn_sim_segment data, refusal;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_S(1));
    CHECK_EQ(PTN_OK, ptn_sim_tcp_send(&p.end[LEFT], ptn_bytes_of_text("hello?")));
    CHECK(ptn_sim_tcp_output(&p.end[LEFT], p.now, &data));
    CHECK(ptn_sim_tcp_refusal(&data, &refusal));
    ptn_sim_tcp_input(&p.end[LEFT], p.now, &refusal);
    drain(&p, LEFT);
    CHECK_EQ(1, p.ended[LEFT]);
    CHECK_EQ(PTN_ERR_RESET, p.why[LEFT]);
    pipe_fini(&p);
}

TEST(segments_shrink_to_what_the_path_or_the_far_end_takes)
{
    struct pipe p;

    pipe_init(&p, 1);
    pipe_connect(&p);
    run(&p, PTN_S(1));
    p.payload_max = 500;
    send_pattern(&p, LEFT, 4000, 8);
    run(&p, PTN_S(2));
    CHECK_EQ(0, p.received_size[RIGHT]);
    ptn_sim_tcp_too_big(&p.end[LEFT], 500);
    drain(&p, LEFT);
    run(&p, PTN_S(3));
    check_pattern(&p, RIGHT, 4000, 8);
    pipe_fini(&p);

    struct ptn_sim_tcp t;
    struct ptn_sim_segment out,
        syn_ack = {
            .head = {.flags = PTN_TCP_SYN | PTN_TCP_ACK, .ack = 6, .window = 9999, .mss = 100}};
    uint8_t bytes[300] = {0};
    ptn_sim_tcp_connect(&t, 0, &PTN_SIM_TCP_DEFAULTS, 5);
    CHECK(ptn_sim_tcp_output(&t, 0, &out));
    ptn_sim_tcp_input(&t, 0, &syn_ack);
    CHECK_EQ(PTN_OK, ptn_sim_tcp_send(&t, ptn_bytes(bytes, sizeof bytes)));
    CHECK(ptn_sim_tcp_output(&t, 0, &out));
    CHECK_EQ(100, out.payload.size);
    ptn_sim_tcp_fini(&t);
}

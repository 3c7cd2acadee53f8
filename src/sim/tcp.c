/*
 * sim/tcp.c - one small TCP connection.
 *
 *      una            next         highest          end
 *       |  in flight   |  to repeat   |  never sent   |FIN
 *       +--------------+--------------+---------------+---
 *
 * SYN and FIN take a number each, before and behind the queue. When the repeat timer
 * fires, or three equal acknowledgements arrive, `next` goes back to `una` and all that
 * was in flight leaves again: the receiver has thrown away what came out of order.
 */
#include "sim/tcp.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WINDOW = 65535,
    /* Without congestion control a fixed number in flight keeps a burst within what the
     * queue of a slow link can hold. */
    FLIGHT_SEGMENTS = 10,
    SAME_ACKS_BEFORE_REPEAT = 3, /* RFC 5681 §3.2 */
};

#define ORPHAN_LINGER PTN_S(60) /* closed by us, and the far end never finishes */

const struct ptn_sim_tcp_opts PTN_SIM_TCP_DEFAULTS = {
    .rto_first = PTN_S(1),
    .rto_min = PTN_MS(200),
    .rto_max = PTN_S(60),
    .user_timeout = PTN_S(130), /* Linux: six repeats of a SYN end after 127 s */
    .time_wait = PTN_S(1),
    .segment_max = 1220, /* fits the smallest IPv6 MTU, 1280 */
};

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static uint32_t queue_end(const struct ptn_sim_tcp *t)
{
    return t->queue_seq + (uint32_t)t->queue_size;
}

/* The end of all there is to send, a FIN included. */
static uint32_t send_end(const struct ptn_sim_tcp *t)
{
    return queue_end(t) + t->finishing;
}

static void begin(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_tcp_opts *opts,
                  uint32_t first_seq, enum ptn_sim_tcp_phase phase)
{
    assert(opts->segment_max > 0 && opts->rto_first > 0);

    *t = (struct ptn_sim_tcp){
        .opts = *opts,
        .phase = phase,
        .queue_seq = first_seq + 1,
        .una = first_seq,
        .next = first_seq,
        .highest = first_seq,
        .far_window = WINDOW,
        .rto = opts->rto_first,
        .timed_at = PTN_NEVER,
        .repeat_at = PTN_NEVER,
        .waiting_since = now,
        .linger_until = PTN_NEVER,
        .repeated_to = first_seq,
    };
}

static void take_syn(struct ptn_sim_tcp *t, const struct ptn_sim_segment *syn)
{
    t->far_next = syn->head.seq + 1;
    if (syn->head.mss > 0 && syn->head.mss < t->opts.segment_max)
        t->opts.segment_max = syn->head.mss;
}

void ptn_sim_tcp_connect(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_tcp_opts *opts,
                         uint32_t first_seq)
{
    begin(t, now, opts, first_seq, PTN_SIM_TCP_SYN_SENT);
}

void ptn_sim_tcp_accept(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_tcp_opts *opts,
                        uint32_t first_seq, const struct ptn_sim_segment *syn)
{
    begin(t, now, opts, first_seq, PTN_SIM_TCP_SYN_RECEIVED);
    take_syn(t, syn);
    t->far_window = syn->head.window;
}

void ptn_sim_tcp_fini(struct ptn_sim_tcp *t)
{
    free(t->queue);
    *t = (struct ptn_sim_tcp){.phase = PTN_SIM_TCP_DEAD};
}

static void end(struct ptn_sim_tcp *t, enum ptn_err why)
{
    t->phase = PTN_SIM_TCP_DEAD;
    t->queue_size = 0;
    t->ack_due = false;
    if (!t->ended_told) {
        t->ended_told = t->ended_due = true;
        t->ended_why = why;
    }
}

static void answer_with_reset(struct ptn_sim_tcp *t, uint32_t seq)
{
    t->reset_due = true;
    t->reset_seq = seq;
}

enum ptn_err ptn_sim_tcp_send(struct ptn_sim_tcp *t, struct ptn_bytes bytes)
{
    if (bytes.size == 0 || t->finishing || t->phase >= PTN_SIM_TCP_TIME_WAIT)
        return PTN_OK;
    if (t->queue_room - t->queue_size < bytes.size) {
        size_t room = 2 * (t->queue_size + bytes.size);
        uint8_t *queue = realloc(t->queue, room);
        if (!queue)
            return PTN_ERR_NO_MEMORY;
        t->queue = queue;
        t->queue_room = room;
    }
    memcpy(t->queue + t->queue_size, bytes.data, bytes.size);
    t->queue_size += bytes.size;
    return PTN_OK;
}

void ptn_sim_tcp_close(struct ptn_sim_tcp *t, ptn_time now)
{
    t->ended_told = true; /* the owner knows */
    t->ended_due = t->connected_due = false;
    if (t->phase == PTN_SIM_TCP_SYN_SENT && t->queue_size == 0) {
        t->phase = PTN_SIM_TCP_DEAD; /* as a kernel: a SYN on its way is simply forgotten */
        return;
    }
    if (t->phase < PTN_SIM_TCP_TIME_WAIT && !t->finishing) {
        t->finishing = true;
        t->linger_until = now + ORPHAN_LINGER;
    }
}

void ptn_sim_tcp_unreachable(struct ptn_sim_tcp *t, enum ptn_err why)
{
    if (t->phase == PTN_SIM_TCP_SYN_SENT || t->phase == PTN_SIM_TCP_SYN_RECEIVED)
        end(t, why);
    else
        t->last_unreachable = why;
}

void ptn_sim_tcp_too_big(struct ptn_sim_tcp *t, uint16_t segment_max)
{
    if (segment_max == 0 || segment_max >= t->opts.segment_max)
        return;
    t->opts.segment_max = segment_max;
    if (t->phase == PTN_SIM_TCP_ESTABLISHED)
        t->next = t->una;
}

/* RFC 6298 §2. What the last measurement says, without the doublings since. */
static ptn_time measured_rto(const struct ptn_sim_tcp *t)
{
    if (t->round_trip == 0)
        return t->opts.rto_first;
    ptn_time rto = t->round_trip + 4 * t->round_trip_variance;
    return ptn_time_min(ptn_time_max(t->opts.rto_min, rto), t->opts.rto_max);
}

static void measure_round_trip(struct ptn_sim_tcp *t, ptn_time sample)
{
    if (t->round_trip == 0) {
        t->round_trip = sample;
        t->round_trip_variance = sample / 2;
    } else {
        ptn_time off = t->round_trip > sample ? t->round_trip - sample : sample - t->round_trip;
        t->round_trip_variance += (off - t->round_trip_variance) / 4;
        t->round_trip += (sample - t->round_trip) / 8;
    }
}

static void go_back(struct ptn_sim_tcp *t)
{
    t->next = t->una;
    t->timed_at = PTN_NEVER; /* Karn: what was repeated cannot be timed */
    t->repeated_to = t->highest;
    t->same_acks = 0;
}

/* The far end has confirmed all before `ack`, which lies in (una, highest]. */
static void confirm(struct ptn_sim_tcp *t, ptn_time now, uint32_t ack)
{
    if (t->timed_at != PTN_NEVER && !before(ack, t->timed_seq)) {
        measure_round_trip(t, now - t->timed_at);
        t->timed_at = PTN_NEVER;
    }
    /* Progress undoes the doubling (as Linux does): where much is lost everything is sent
     * twice, nothing can be timed, and waiting for a measurement would take minutes. */
    t->rto = measured_rto(t);
    if (before(t->queue_seq, ack)) {
        size_t gone = ack - t->queue_seq;
        gone = gone < t->queue_size ? gone : t->queue_size; /* the FIN is not in the queue */
        if (gone > 0)
            memmove(t->queue, t->queue + gone, t->queue_size - gone);
        t->queue_size -= gone;
        t->queue_seq += (uint32_t)gone;
    }
    t->una = ack;
    if (before(t->next, ack))
        t->next = ack;
    t->same_acks = 0;
    t->waiting_since = now;
    t->last_unreachable = PTN_OK;
    t->repeat_at = t->una == t->highest ? PTN_NEVER : now + t->rto;
}

static void take_ack(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_segment *in)
{
    t->far_window = in->head.window;
    if (before(t->una, in->head.ack) && !before(t->highest, in->head.ack)) {
        confirm(t, now, in->head.ack);
        return;
    }
    if (in->head.ack == t->una && t->una != t->highest && in->payload.size == 0 &&
        !(in->head.flags & PTN_TCP_FIN) && !before(t->una, t->repeated_to) &&
        ++t->same_acks == SAME_ACKS_BEFORE_REPEAT)
        go_back(t);
}

static void take_data(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_segment *in)
{
    struct ptn_bytes bytes = in->payload;
    bool fin = in->head.flags & PTN_TCP_FIN;

    if (bytes.size == 0 && !fin)
        return;
    t->ack_due = true; /* also when it is old or too early: that is how the far end learns */
    if (before(t->far_next, in->head.seq))
        return;
    size_t old = t->far_next - in->head.seq;
    if (old >= bytes.size + fin || t->far_finished)
        return;
    if (old < bytes.size) {
        bytes = ptn_bytes(bytes.data + old, bytes.size - old);
        if (t->finishing && t->ended_told) {
            answer_with_reset(t, t->highest);
            end(t, PTN_ERR_RESET);
            return;
        }
        t->fresh = bytes;
        t->far_next += (uint32_t)bytes.size;
    }
    if (!fin)
        return;
    t->far_next++;
    t->far_finished = true;
    if (!t->ended_told) {
        t->ended_told = t->ended_due = true;
        t->ended_why = PTN_OK;
        t->finishing = true;
        t->linger_until = now + ORPHAN_LINGER;
    }
}

static void rest_when_done(struct ptn_sim_tcp *t, ptn_time now, bool waits)
{
    if (t->phase != PTN_SIM_TCP_ESTABLISHED || !t->finishing || !t->far_finished ||
        t->una != send_end(t))
        return;
    /* Who finished last was told so by the acknowledgement; the other must wait, because
     * its own last acknowledgement may be lost (RFC 9293 §3.6). */
    t->phase = waits ? PTN_SIM_TCP_TIME_WAIT : PTN_SIM_TCP_DEAD;
    t->linger_until = now + t->opts.time_wait;
    t->repeat_at = PTN_NEVER;
}

static void establish(struct ptn_sim_tcp *t)
{
    t->phase = PTN_SIM_TCP_ESTABLISHED;
    if (!t->connected_told && !t->ended_told)
        t->connected_told = t->connected_due = true;
}

static void take_while_asking(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_segment *in)
{
    bool acks = in->head.flags & PTN_TCP_ACK;

    if (acks && in->head.ack != t->una + 1) {
        if (!(in->head.flags & PTN_TCP_RST)) /* an answer to another life of these ports */
            answer_with_reset(t, in->head.ack);
        return;
    }
    if (in->head.flags & PTN_TCP_RST) {
        if (acks)
            end(t, PTN_ERR_REFUSED);
        return;
    }
    if (!(in->head.flags & PTN_TCP_SYN) || !acks)
        return;
    take_syn(t, in);
    t->ack_due = true;
    take_ack(t, now, in);
    establish(t);
}

void ptn_sim_tcp_input(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_segment *in)
{
    t->fresh = (struct ptn_bytes){0};
    if (t->phase == PTN_SIM_TCP_DEAD)
        return;
    if (t->phase == PTN_SIM_TCP_SYN_SENT) {
        take_while_asking(t, now, in);
        return;
    }
    if (in->head.flags & PTN_TCP_RST) {
        if (in->head.seq - t->far_next < WINDOW) /* RFC 9293 §3.5.3: within the window */
            end(t, PTN_ERR_RESET);
        return;
    }
    if (in->head.flags & PTN_TCP_SYN) {
        /* A repeated SYN wants our SYN again; in any later phase an acknowledgement tells the
         * far end that it is not the connection it thinks (RFC 5961 §4.2). */
        if (t->phase == PTN_SIM_TCP_SYN_RECEIVED && in->head.seq + 1 == t->far_next)
            go_back(t);
        else
            t->ack_due = true;
        return;
    }
    if (!(in->head.flags & PTN_TCP_ACK))
        return;
    if (t->phase == PTN_SIM_TCP_SYN_RECEIVED) {
        if (in->head.ack != t->highest) {
            answer_with_reset(t, in->head.ack);
            return;
        }
        establish(t);
    }
    bool had_finished_first = !t->far_finished && t->finishing;
    take_ack(t, now, in);
    take_data(t, now, in);
    rest_when_done(t, now, had_finished_first || t->phase == PTN_SIM_TCP_TIME_WAIT);
}

void ptn_sim_tcp_tick(struct ptn_sim_tcp *t, ptn_time now)
{
    t->fresh = (struct ptn_bytes){0};
    if (t->phase == PTN_SIM_TCP_DEAD)
        return;
    if (now >= t->linger_until && t->una == send_end(t)) {
        end(t, PTN_OK);
        return;
    }
    if (now < t->repeat_at)
        return;
    if (now - t->waiting_since >= t->opts.user_timeout) {
        end(t, t->last_unreachable ? t->last_unreachable : PTN_ERR_TIMED_OUT);
        return;
    }
    t->rto = ptn_time_min(2 * t->rto, t->opts.rto_max);
    t->repeat_at = PTN_NEVER; /* set anew by what leaves */
    go_back(t);
}

/* What goes out with numbers of its own: SYN, data, FIN. */
static bool send_numbered(struct ptn_sim_tcp *t, struct ptn_sim_segment *out)
{
    if (t->phase != PTN_SIM_TCP_ESTABLISHED) {
        if (t->phase > PTN_SIM_TCP_ESTABLISHED || t->next != t->una)
            return false;
        out->head.flags = PTN_TCP_SYN | (t->phase == PTN_SIM_TCP_SYN_RECEIVED ? PTN_TCP_ACK : 0);
        out->head.mss = t->opts.segment_max;
        t->next++;
        return true;
    }
    uint32_t flight = t->next - t->una,
             flight_max = FLIGHT_SEGMENTS * (uint32_t)t->opts.segment_max;
    if (!before(t->next, send_end(t)))
        return false;
    flight_max = t->far_window < flight_max ? t->far_window : flight_max;
    uint32_t left = queue_end(t) - t->next; /* at least 0: only a FIN lies behind the queue */
    uint32_t part = left < t->opts.segment_max ? left : t->opts.segment_max;
    if (part > 0 && flight + part > flight_max && flight > 0)
        return false;
    if (part > 0)
        out->payload = ptn_bytes(t->queue + (t->next - t->queue_seq), part);
    out->head.flags = PTN_TCP_ACK | (part > 0 ? PTN_TCP_PSH : 0);
    t->next += part;
    if (t->finishing && part == left) {
        out->head.flags |= PTN_TCP_FIN;
        t->next++;
    }
    return true;
}

bool ptn_sim_tcp_output(struct ptn_sim_tcp *t, ptn_time now, struct ptn_sim_segment *out)
{
    *out = (struct ptn_sim_segment){.head = {.seq = t->next, .ack = t->far_next, .window = WINDOW}};
    if (t->reset_due) {
        t->reset_due = false;
        out->head.seq = t->reset_seq;
        out->head.ack = 0;
        out->head.flags = PTN_TCP_RST;
        return true;
    }
    if (send_numbered(t, out)) {
        t->ack_due = false;
        if (before(t->highest, t->next)) {
            if (t->una == t->highest)
                t->waiting_since = now;
            if (t->timed_at == PTN_NEVER && t->una == out->head.seq)
                t->timed_at = now, t->timed_seq = t->next;
            t->highest = t->next;
        }
        if (t->repeat_at == PTN_NEVER)
            t->repeat_at = now + t->rto;
        return true;
    }
    if (!t->ack_due)
        return false;
    t->ack_due = false;
    out->head.flags = PTN_TCP_ACK;
    return true;
}

bool ptn_sim_tcp_event(struct ptn_sim_tcp *t, struct ptn_sim_tcp_event *ev)
{
    if (t->connected_due) {
        t->connected_due = false;
        *ev = (struct ptn_sim_tcp_event){.kind = PTN_SIM_TCP_CONNECTED};
        return true;
    }
    if (t->fresh.size > 0) {
        *ev = (struct ptn_sim_tcp_event){.kind = PTN_SIM_TCP_DATA, .bytes = t->fresh};
        t->fresh = (struct ptn_bytes){0};
        return true;
    }
    if (!t->ended_due)
        return false;
    t->ended_due = false;
    *ev = (struct ptn_sim_tcp_event){.kind = PTN_SIM_TCP_ENDED, .why = t->ended_why};
    return true;
}

ptn_time ptn_sim_tcp_deadline(const struct ptn_sim_tcp *t)
{
    if (t->phase == PTN_SIM_TCP_DEAD)
        return PTN_NEVER;
    return ptn_time_min(t->repeat_at, t->una == send_end(t) ? t->linger_until : PTN_NEVER);
}

bool ptn_sim_tcp_refusal(const struct ptn_sim_segment *in, struct ptn_sim_segment *out)
{
    if (in->head.flags & PTN_TCP_RST)
        return false;
    *out = (struct ptn_sim_segment){.head.flags = PTN_TCP_RST};
    if (in->head.flags & PTN_TCP_ACK) {
        out->head.seq = in->head.ack;
    } else {
        out->head.flags |= PTN_TCP_ACK;
        out->head.ack = in->head.seq + (uint32_t)in->payload.size +
                        !!(in->head.flags & PTN_TCP_SYN) + !!(in->head.flags & PTN_TCP_FIN);
    }
    return true;
}

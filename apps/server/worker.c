/*
 * server/worker.c - the loop of one worker.
 *
 * Datagrams go the short way: socket, batch, relay, batch, socket. Streams go by way of the
 * generic host. After either the relay is asked what else it wants, until it wants nothing.
 */
#include "worker.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "mail.h"
#include "os/clock.h"
#include "os/privileges.h"

enum {
    OWNER_SOCKETS,
    OWNER_HOST,
    OWNER_MAIL,
    READY_MAX = 64,
    LETTERS_MAX = 4096,
    STREAM_QUEUE_MAX = 1 << 20,
};

#define WALL_EVERY PTN_S(60)

struct server_worker {
    struct server_worker_opts opts;
    struct ptn_log log;
    struct ptn_loop *loop;
    struct ptn_mailbox *mailbox;
    struct ptn_relay *relay;
    struct server_streams streams;
    struct server_sockets sockets;
    struct server_dtls *dtls;
    struct server_mail mail;
    struct server_journal journal;
    ptn_time wall_due;
    unsigned listening, not_listening;
    pthread_t thread;
    bool running, stopping;
};

struct call {
    void (*run)(struct server_worker *w, void *arg);
    void *arg;
    sem_t done;
};

/* ---- the relay's wishes ---- */

static void take_event(struct server_worker *w, const struct ptn_relay_event *ev)
{
    switch (ev->kind) {
    case PTN_RELAY_LISTENING: w->listening++; break;
    case PTN_RELAY_NOT_LISTENING: w->not_listening++; break;
    case PTN_RELAY_USER_WANTED: server_mail_user_wanted(&w->mail, ev->name, ev->realm); return;
    case PTN_RELAY_BEGUN:
    case PTN_RELAY_ENDED: break;
    }
    server_journal_event(&w->journal, ev);
}

/* Does all that the relay asks. */
static void settle(struct server_worker *w, ptn_time now)
{
    struct ptn_ask ask;
    struct ptn_relay_event ev;
    struct ptn_relay_mail mail;

    while (ptn_relay_output(w->relay, now, &ask))
        if (!server_sockets_ask(&w->sockets, now, &ask))
            server_streams_ask(&w->streams, now, &ask);
    server_sockets_flush(&w->sockets, now);
    while (ptn_relay_event(w->relay, &ev))
        take_event(w, &ev);
    while (ptn_relay_mail(w->relay, &mail))
        server_mail_send(&w->mail, now, &mail);
}

/* ---- the relay as the host's machine ---- */

static void machine_input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct server_worker *w = self;

    server_streams_tell(&w->streams, now, tell);
}

static void machine_tick(void *self, ptn_time now)
{
    struct server_worker *w = self;

    ptn_relay_tick(w->relay, now);
}

/* Everything is done here, so the host is left with nothing to do. */
static bool machine_output(void *self, ptn_time now, struct ptn_ask *ask)
{
    (void)ask;
    settle(self, now);
    return false;
}

static ptn_time machine_deadline(const void *self)
{
    const struct server_worker *w = self;

    return ptn_relay_deadline(w->relay);
}

/* ---- letters ---- */

static void take_letters(struct server_worker *w, ptn_time now)
{
    struct ptn_letter letter;
    struct call *call;

    while (ptn_mailbox_take(w->mailbox, &letter)) {
        if (letter.kind == SERVER_MAIL_CALL) {
            memcpy(&call, letter.data, sizeof call);
            call->run(w, call->arg);
            sem_post(&call->done);
        } else {
            server_mail_receive(&w->mail, now, &letter);
        }
        free(letter.data);
        settle(w, now);
    }
}

void server_worker_call(struct server_worker *w, void (*run)(struct server_worker *w, void *arg),
                        void *arg)
{
    struct call call = {.run = run, .arg = arg};
    struct call *posted = &call;

    if (!w->running) {
        run(w, arg);
        return;
    }
    sem_init(&call.done, 0, 0);
    /* A full box is emptied in no time: the worker does little else. */
    while (ptn_mailbox_post(w->mailbox, SERVER_MAIL_CALL, 0, ptn_bytes(&posted, sizeof posted)) !=
           PTN_OK)
        sched_yield();
    while (sem_wait(&call.done) != 0)
        ;
    sem_destroy(&call.done);
}

/* ---- the loop ---- */

static ptn_time deadline(struct server_worker *w, ptn_time now)
{
    ptn_time first = ptn_time_min(ptn_host_deadline(w->streams.host, now), w->wall_due);

    return ptn_time_min(first, server_dtls_deadline(w->dtls));
}

static void look_at_clock(struct server_worker *w, ptn_time now)
{
    if (now >= w->wall_due) {
        ptn_relay_set_wall(w->relay, now, ptn_clock_unix_ns() / 1000000000);
        w->wall_due = now + WALL_EVERY;
    }
    server_dtls_tick(w->dtls, &w->sockets, now);
    ptn_host_run(w->streams.host, now);
}

static void *run(void *self)
{
    struct server_worker *w = self;
    struct ptn_ready ready[READY_MAX];
    ptn_time due = 0;

    ptn_privileges_forget();
    while (!w->stopping) {
        size_t count = ptn_loop_wait(w->loop, w->sockets.busy ? 0 : due, ready, READY_MAX);
        ptn_time now = ptn_clock_now();
        bool others = now >= due;

        for (size_t i = 0; i < count; i++)
            if (ready[i].owner == OWNER_SOCKETS)
                server_sockets_ready(&w->sockets, now, &ready[i]);
        server_sockets_go_on(&w->sockets, now);
        server_sockets_serve(&w->sockets, now);
        for (size_t i = 0; i < count; i++) {
            others |= ready[i].owner != OWNER_SOCKETS;
            if (ready[i].owner == OWNER_HOST)
                ptn_host_ready(w->streams.host, now, &ready[i]);
            else if (ready[i].owner == OWNER_MAIL)
                take_letters(w, now);
        }
        settle(w, now);
        if (others)
            look_at_clock(w, now);
        due = deadline(w, now);
    }
    return NULL;
}

/* ---- beginning and end ---- */

static enum ptn_err make_host(struct server_worker *w, const struct ptn_relay_opts *opts)
{
    struct ptn_machine machine = {w, machine_input, machine_tick, machine_output, machine_deadline};
    enum ptn_err err = ptn_host_new(
        &(struct ptn_host_opts){
            .loop = w->loop,
            .owner = OWNER_HOST,
            .log = &w->log,
            /* Some more than the relay takes, so that it is the relay that says no. */
            .sockets_max = (uint32_t)(opts->listener_count + 2 * opts->connections_max) +
                           3 * opts->turn.peer_conns_max + 64,
            .shaking_max = (uint32_t)opts->connections_max,
            .machines_max = 1,
            .stream_queue_max = STREAM_QUEUE_MAX,
            .tls = w->opts.tls,
            .streams_only = true,
            .joins_max = w->opts.number > 0 ? PTN_RELAY_LISTENER_ID_MAX : 0},
        &w->streams.host);

    w->streams.relay = w->relay;
    return err == PTN_OK
               ? ptn_host_add(w->streams.host, ptn_clock_now(), &machine, &w->streams.machine)
               : err;
}

static enum ptn_err make_parts(struct server_worker *w, const struct ptn_relay_opts *opts)
{
    enum ptn_err err = ptn_loop_new(&w->loop);

    if (err == PTN_OK)
        err = ptn_mailbox_new(LETTERS_MAX, &w->mailbox);
    if (err == PTN_OK)
        err = ptn_loop_add(w->loop, ptn_mailbox_fd(w->mailbox), PTN_LOOP_IN, OWNER_MAIL, 0);
    if (err != PTN_OK)
        return err;
    w->relay = ptn_relay_new(opts);
    w->dtls = w->relay ? server_dtls_new(w->relay, (uint32_t)opts->connections_max) : NULL;
    if (!w->dtls)
        return PTN_ERR_NO_MEMORY;
    server_dtls_set_rules(w->dtls, w->opts.dtls);
    w->opts.dtls = NULL;
    err = server_sockets_init(&w->sockets,
                              &(struct server_sockets_opts){.loop = w->loop,
                                                            .owner = OWNER_SOCKETS,
                                                            .relay = w->relay,
                                                            .dtls = w->dtls,
                                                            .shared = opts->workers > 1,
                                                            .joins = w->opts.number > 0});
    if (err == PTN_OK)
        err = make_host(w, opts);
    w->mail = (struct server_mail){.crew = w->opts.crew,
                                   .number = w->opts.number,
                                   .relay = w->relay,
                                   .streams = &w->streams,
                                   .sockets = &w->sockets};
    return err;
}

enum ptn_err server_worker_new(const struct server_worker_opts *opts, struct server_worker **out)
{
    struct server_worker *w = calloc(1, sizeof *w);
    enum ptn_err err = PTN_ERR_NO_MEMORY;

    *out = NULL;
    if (!w) {
        ptn_dtls_rules_free(opts->dtls);
        return err;
    }
    w->opts = *opts;
    w->opts.relay = NULL;
    w->log = *opts->log;
    w->journal = (struct server_journal){.log = &w->log, .worker = opts->number};
    server_journal_listeners(&w->journal, opts->relay);
    err = make_parts(w, opts->relay);
    if (err != PTN_OK) {
        server_worker_free(w);
        return err;
    }
    *out = w;
    return PTN_OK;
}

void server_worker_free(struct server_worker *w)
{
    struct ptn_letter letter;

    if (!w)
        return;
    while (w->mailbox && ptn_mailbox_take(w->mailbox, &letter))
        server_mail_discard(&letter);
    ptn_host_free(w->streams.host);
    server_sockets_fini(&w->sockets);
    server_dtls_free(w->dtls);
    ptn_relay_free(w->relay);
    ptn_dtls_rules_free(w->opts.dtls);
    ptn_mailbox_free(w->mailbox);
    ptn_loop_free(w->loop);
    free(w);
}

void server_worker_open(struct server_worker *w, unsigned *listening, unsigned *not_listening)
{
    ptn_relay_start(w->relay);
    look_at_clock(w, ptn_clock_now());
    *listening = w->listening;
    *not_listening = w->not_listening;
}

enum ptn_err server_worker_start(struct server_worker *w)
{
    w->running = pthread_create(&w->thread, NULL, run, w) == 0;
    return w->running ? PTN_OK : PTN_ERR_NO_MEMORY;
}

static void say_stop(struct server_worker *w, void *arg)
{
    (void)arg;
    w->stopping = true;
}

void server_worker_stop(struct server_worker *w)
{
    if (!w->running)
        return;
    server_worker_call(w, say_stop, NULL);
    pthread_join(w->thread, NULL);
    w->running = false;
}

struct ptn_mailbox *server_worker_mailbox(struct server_worker *w)
{
    return w->mailbox;
}

/* ---- inside a call ---- */

struct ptn_relay *server_worker_relay(struct server_worker *w)
{
    return w->relay;
}

void server_worker_set_log(struct server_worker *w, enum ptn_log_level max)
{
    w->log.max = max;
}

void server_worker_set_tls(struct server_worker *w, const struct ptn_tls_rules *tls,
                           struct ptn_dtls_rules *dtls)
{
    ptn_host_set_tls(w->streams.host, tls);
    server_dtls_set_rules(w->dtls, dtls);
}

void server_worker_add_counts(const struct server_worker *w, struct server_counts *sum)
{
    const struct ptn_host_counts *host = ptn_host_counts(w->streams.host);
    const struct server_dtls_counts *dtls = server_dtls_counts(w->dtls);
    struct ptn_relay_now now = ptn_relay_now(w->relay);

    for (unsigned v = 0; v < PTN_RELAY_VERDICTS; v++)
        sum->verdicts[v] += ptn_relay_count(w->relay, v);
    sum->now.allocations += now.allocations;
    sum->now.permissions += now.permissions;
    sum->now.channels += now.channels;
    sum->now.connections += now.connections;
    sum->now.peer_conns += now.peer_conns;
    sum->now.users += now.users;
    sum->now.stock += now.stock;
    sum->now.begun += now.begun;
    for (unsigned e = 0; e < PTN_RELAY_ENDS; e++)
        sum->now.ended[e] += now.ended[e];
    sum->now.bytes_up += now.bytes_up;
    sum->now.bytes_down += now.bytes_down;
    sum->now.stock_failures += now.stock_failures;
    sum->sockets.in += w->sockets.counts.in;
    sum->sockets.out += w->sockets.counts.out;
    sum->sockets.batches += w->sockets.counts.batches;
    sum->sockets.dropped += w->sockets.counts.dropped;
    sum->sockets.refused += w->sockets.counts.refused;
    sum->dtls.knocks += dtls->knocks;
    sum->dtls.shaken += dtls->shaken;
    sum->dtls.failed += dtls->failed;
    sum->dtls.full += dtls->full;
    sum->dtls.crowded += dtls->crowded;
    sum->host.handshakes_crowded += host->handshakes_crowded;
    sum->host.accepted += host->accepted;
    sum->host.accept_refused += host->accept_refused;
    sum->host.handshakes_failed += host->handshakes_failed;
    sum->mail_lost += w->mail.lost;
    server_journal_add(&w->journal, sum);
}

/*
 * server/serve.c - the main thread: it begins and ends, listens to signals, and relays nothing.
 */
#include "serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/limits.h"
#include "os/notify.h"
#include "os/privileges.h"
#include "server.h"
#include "watch.h"

enum {
    OWNER_SIGNALS,
    OWNER_MAIL,
    OWNER_CONTROL,
    OWNER_HTTP,
    OWNER_REDIS_USERS,
    OWNER_REDIS_STATS,
    READY_MAX = 64
};

#define DRAIN_LOOK PTN_S(1)
#define MORE_TIME "EXTEND_TIMEOUT_USEC=15000000"

static bool fail(struct server *s, const char *what, enum ptn_err err)
{
    ptn_log(&s->log, PTN_LOG_ERROR, "%s: %s", what, ptn_err_text(err));
    return false;
}

/* ---- starting ---- */

static bool open_log(struct server *s)
{
    const struct server_settings *set = s->settings;
    bool is_stdout = strcmp(set->log_file, "stdout") == 0;
    bool is_syslog = set->syslog || strcmp(set->log_file, "syslog") == 0;
    enum ptn_logger_kind kind = is_syslog                        ? PTN_LOGGER_SYSLOG
                                : set->log_file[0] && !is_stdout ? PTN_LOGGER_FILE
                                                                 : PTN_LOGGER_STDERR;
    enum ptn_err err = ptn_logger_open(&s->logger, kind, s->start->cli->program, set->log_file);

    if (err != PTN_OK)
        fprintf(stderr, "%s: log-file: %s: %s\n", s->start->cli->program, set->log_file,
                ptn_err_text(err));
    s->log = ptn_logger_log(&s->logger, server_log_level(set));
    return err == PTN_OK;
}

static bool make_world(struct server *s)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    enum ptn_err err = ptn_loop_new(&s->loop);

    if (err == PTN_OK)
        err = ptn_loop_signals(s->loop, signals, sizeof signals / sizeof signals[0], OWNER_SIGNALS);
    if (err == PTN_OK)
        err = ptn_loop_add(s->loop, ptn_mailbox_fd(s->crew.main), PTN_LOOP_IN, OWNER_MAIL, 0);
    return err == PTN_OK || fail(s, "starting", err);
}

/* Settings and certificates are read again later, and may be files of root's. */
static bool become_user(struct server *s)
{
    const struct server_settings *set = s->settings;
    bool reads = set->config[0] || set->cert[0];
    enum ptn_err err = ptn_privileges_drop(set->proc_user, set->proc_group, reads);

    if (err == PTN_OK && geteuid() == 0)
        ptn_log(&s->log, PTN_LOG_WARN,
                "this server goes on as root, which it needs no longer: proc-user names whom to "
                "become");
    if (err == PTN_OK)
        return true;
    ptn_log(&s->log, PTN_LOG_ERROR, "becoming %s%s%s: %s", set->proc_user,
            set->proc_group[0] ? " of group " : "", set->proc_group,
            err == PTN_ERR_NOT_FOUND       ? "there is no such user or group; see proc-user"
            : err == PTN_ERR_NOT_PERMITTED ? "only root can become somebody else; see proc-user"
                                           : ptn_err_text(err));
    return false;
}

/* `news` for the service manager, and what it shows to whoever asks. */
static enum ptn_err tell(const struct server *s, const char *news)
{
    char text[200];

    if (s->draining)
        snprintf(text, sizeof text, "%s\nSTATUS=draining: %u allocations are left", news,
                 ptn_relay_shared_total(s->shared));
    else
        snprintf(text, sizeof text, "%s\nSTATUS=serving %s%s", news,
                 s->opts->turn.allocations_max > 0 ? "STUN and TURN" : "STUN only",
                 s->settings_are_old ? "; the last reload was refused, the log says why" : "");
    return ptn_notify(text);
}

/* What many start with, and would not want if somebody asked. */
static void look_at_secrets(struct server *s)
{
    const struct server_settings *set = s->settings;
    const char *key = set->pkey[0] ? set->pkey : set->cert;

    if (set->config[0] && (server_has_credentials(set) || set->redis_statsdb[0]) &&
        ptn_file_is_everybodys(set->config))
        ptn_log(&s->log, PTN_LOG_WARN,
                "config: every user of this computer can read %s, and so the secrets in it",
                set->config);
    if (key[0] && ptn_file_is_everybodys(key))
        ptn_log(&s->log, PTN_LOG_WARN,
                "pkey: every user of this computer can read %s, and so our private key", key);
}

static bool settle_in(struct server *s)
{
    const struct server_settings *set = s->settings;
    char number[24];

    snprintf(number, sizeof number, "%ld\n", (long)getpid());
    enum ptn_err err =
        set->pidfile[0] ? ptn_file_write(set->pidfile, ptn_bytes_of_text(number), 0644) : PTN_OK;
    if (err != PTN_OK) {
        ptn_log(&s->log, PTN_LOG_ERROR, "pidfile: %s: %s", set->pidfile, ptn_err_text(err));
        return false;
    }
    if (!server_watch_open(s, OWNER_CONTROL, OWNER_HTTP) ||
        !server_fleet_open(s, OWNER_REDIS_USERS, OWNER_REDIS_STATS))
        return false;
    look_at_secrets(s);
    if (!become_user(s))
        return false;
    err = server_crew_start(s);
    if (err != PTN_OK)
        return fail(s, "starting the workers", err);
    err = tell(s, "READY=1");
    if (err != PTN_OK)
        ptn_log(&s->log, PTN_LOG_WARN, "telling the service manager: %s", ptn_err_text(err));
    return true;
}

/* ---- draining ---- */

static void say_drain(struct server_worker *w, void *arg)
{
    (void)arg;
    ptn_relay_drain(server_worker_relay(w), true);
}

static void drain(struct server *s)
{
    if (s->draining)
        return;
    s->draining = true;
    server_crew_call(s, say_drain, NULL);
    tell(s, "READY=1");
    ptn_log(&s->log, PTN_LOG_INFO, "draining: nobody is relayed for anew, what is relayed goes on");
}

/* With postern-drain the end waits for those who are relayed for; a second signal does not. */
static void end(struct server *s, ptn_time now)
{
    if (s->ending || s->settings->drain_ms == 0) {
        s->stopping = true;
        return;
    }
    s->ending = true;
    s->drain_until = now + PTN_MS(s->settings->drain_ms);
    drain(s);
}

static void look_at_drain(struct server *s, ptn_time now)
{
    if (!s->ending)
        return;
    if (ptn_relay_shared_total(s->shared) == 0 || now >= s->drain_until) {
        ptn_log(&s->log, PTN_LOG_INFO, "drained: %u allocations are left",
                ptn_relay_shared_total(s->shared));
        s->stopping = true;
    } else if (now >= s->drain_said) {
        /* The manager's patience is for a server that hangs, not for one that drains. */
        tell(s, MORE_TIME);
        s->drain_said = now + DRAIN_LOOK;
    }
}

/* ---- running ---- */

static void take_signal(struct server *s, ptn_time now, uint64_t number)
{
    char state[80];

    switch ((int)number) {
    case SIGHUP:
        snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu",
                 (unsigned long long)(ptn_clock_monotonic() / 1000));
        ptn_notify(state);
        s->settings_are_old = !server_reload(s);
        tell(s, "READY=1");
        break;
    case SIGUSR1: drain(s); break;
    default: end(s, now); break;
    }
}

static void take_letters(struct server *s, ptn_time now)
{
    struct ptn_letter letter;

    while (ptn_mailbox_take(s->crew.main, &letter)) {
        if (letter.kind == SERVER_LETTER_USER_WANTED)
            server_fleet_user_wanted(s, now, ptn_bytes(letter.data, letter.size));
        free(letter.data);
    }
}

static void hand_out(struct server *s, ptn_time now, const struct ptn_ready *ready)
{
    switch (ready->owner) {
    case OWNER_MAIL: take_letters(s, now); break;
    case OWNER_REDIS_USERS:
    case OWNER_REDIS_STATS: server_fleet_ready(s, now, ready); break;
    default: server_watch_ready(s, ready); break;
    }
}

static ptn_time deadline(const struct server *s, ptn_time now, ptn_time watchdog_due)
{
    ptn_time first = ptn_time_min(watchdog_due, server_watch_deadline(s, now));

    first = ptn_time_min(first, server_fleet_deadline(s));
    return s->ending ? ptn_time_min(first, now + DRAIN_LOOK) : first;
}

static void nothing(struct server_worker *w, void *arg)
{
    (void)w, (void)arg;
}

/* The service manager is told that we live when every worker has answered. */
static ptn_time feed_watchdog(struct server *s, ptn_time now)
{
    ptn_time every = ptn_notify_every();

    if (every == PTN_NEVER)
        return PTN_NEVER;
    server_crew_call(s, nothing, NULL);
    ptn_notify("WATCHDOG=1");
    return now + every;
}

static void run(struct server *s)
{
    struct ptn_ready ready[READY_MAX];
    ptn_time watchdog_due = 0;

    while (!s->stopping) {
        ptn_time now = ptn_clock_now();
        if (now >= watchdog_due)
            watchdog_due = feed_watchdog(s, now);
        size_t count = ptn_loop_wait(s->loop, deadline(s, now, watchdog_due), ready, READY_MAX);

        now = ptn_clock_now();
        for (size_t i = 0; i < count; i++)
            if (ready[i].owner == OWNER_SIGNALS)
                take_signal(s, now, ready[i].key);
            else
                hand_out(s, now, &ready[i]);
        server_watch_answer(s, now);
        server_fleet_tick(s, now);
        look_at_drain(s, now);
    }
}

static void log_counts(struct server *s)
{
    struct server_counts c;

    server_crew_counts(s, &c);
    ptn_log(&s->log, PTN_LOG_INFO, "datagrams: %llu in, %llu out, %llu dropped",
            (unsigned long long)c.sockets.in, (unsigned long long)c.sockets.out,
            (unsigned long long)c.sockets.dropped);
    for (enum ptn_relay_verdict v = 0; v < PTN_RELAY_VERDICTS; v++)
        if (c.verdicts[v] > 0)
            ptn_log(&s->log, PTN_LOG_INFO, "%s: %llu", ptn_relay_verdict_name(v),
                    (unsigned long long)c.verdicts[v]);
}

static void stop(struct server *s)
{
    ptn_notify("STOPPING=1");
    log_counts(s);
    if (s->settings->pidfile[0])
        unlink(s->settings->pidfile);
    ptn_log(&s->log, PTN_LOG_INFO, "stopped");
}

static int serve(struct server *s)
{
    int code = server_crew_make(s);

    if (code != PTN_CLI_FINE)
        return code;
    if (!make_world(s) || !settle_in(s))
        return SERVER_CANNOT_RUN;
    run(s);
    stop(s);
    return PTN_CLI_FINE;
}

int server_serve(const struct server_start *start, struct server_settings *settings)
{
    struct server s = {.start = start, .settings = settings, .started = ptn_clock_now()};
    int code = SERVER_CANNOT_RUN;

    ptn_limits_map_tables();
    /* A log that nobody reads any more is no reason to end. */
    signal(SIGPIPE, SIG_IGN);
    if (open_log(&s))
        code = serve(&s);
    if (code != PTN_CLI_FINE && s.logger.kind != PTN_LOGGER_STDERR)
        fprintf(stderr, "%s: did not start; the log says why: %s\n", start->cli->program,
                s.logger.kind == PTN_LOGGER_FILE ? settings->log_file : "syslog");
    server_fleet_close(&s);
    server_watch_close(&s);
    server_crew_end(&s);
    ptn_loop_free(s.loop);
    ptn_logger_close(&s.logger);
    return code;
}

/*
 * server/serve.c - one relay on one host on one loop.
 */
#include "serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/host.h"
#include "os/logger.h"
#include "os/netif.h"
#include "os/notify.h"
#include "os/privileges.h"
#include "wire_up.h"

enum { OWNER_HOST, OWNER_SIGNALS, READY_MAX = 64 };

struct server {
    const struct server_start *start;
    struct server_settings *settings;
    struct ptn_logger logger;
    struct ptn_log log;
    struct ptn_loop *loop;
    struct ptn_host *host;
    struct ptn_relay *relay;
    struct ptn_relay_opts opts;
    unsigned listening, not_listening;
    bool stopping;
};

static enum ptn_log_level log_level(const struct server_settings *s)
{
    return s->verbose ? PTN_LOG_DEBUG : PTN_LOG_INFO;
}

static bool fail(struct server *s, const char *what, enum ptn_err err)
{
    ptn_log(&s->log, PTN_LOG_ERROR, "%s: %s", what, ptn_err_text(err));
    return false;
}

/* ---- starting ---- */

static bool open_log(struct server *s)
{
    const struct server_settings *set = s->settings;
    enum ptn_logger_kind kind = set->syslog        ? PTN_LOGGER_SYSLOG
                                : set->log_file[0] ? PTN_LOGGER_FILE
                                                   : PTN_LOGGER_STDERR;
    enum ptn_err err = ptn_logger_open(&s->logger, kind, s->start->cli->program, set->log_file);

    if (err != PTN_OK)
        fprintf(stderr, "%s: log-file: %s: %s\n", s->start->cli->program, set->log_file,
                ptn_err_text(err));
    s->log = ptn_logger_log(&s->logger, log_level(set));
    return err == PTN_OK;
}

static bool make_relay(struct server *s)
{
    struct ptn_addr addrs[PTN_NETIF_ADDRS_MAX];
    size_t count;
    char why[PTN_CONF_WHY_SIZE];
    enum ptn_err err = ptn_netif_list(addrs, PTN_NETIF_ADDRS_MAX, &count);

    if (err != PTN_OK)
        return fail(s, "the addresses of this computer", err);
    if (!server_wire_up(s->settings, addrs, count, &s->opts, why)) {
        ptn_log(&s->log, PTN_LOG_ERROR, "%s", why);
        return false;
    }
    s->relay = ptn_relay_new(&s->opts);
    return s->relay || fail(s, "starting", PTN_ERR_NO_MEMORY);
}

static bool make_world(struct server *s)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct ptn_machine machine = ptn_relay_machine(s->relay);
    uint32_t index;
    enum ptn_err err = ptn_loop_new(&s->loop);

    if (err == PTN_OK)
        err = ptn_loop_signals(s->loop, signals, sizeof signals / sizeof signals[0], OWNER_SIGNALS);
    if (err == PTN_OK)
        err = ptn_host_new(
            &(struct ptn_host_opts){
                .loop = s->loop,
                .owner = OWNER_HOST,
                .log = &s->log,
                /* Some more than the relay takes, so that it is the relay that says no. */
                .sockets_max = (uint32_t)(s->opts.listener_count + s->opts.connections_max) + 64,
                .machines_max = 1,
                .stream_queue_max = 64 * 1024},
            &s->host);
    if (err == PTN_OK)
        err = ptn_host_add(s->host, ptn_clock_now(), &machine, &index);
    return err == PTN_OK || fail(s, "starting", err);
}

static const char *transport_of(const struct server *s, ptn_id listener)
{
    for (size_t i = 0; i < s->opts.listener_count; i++)
        if (s->opts.listeners[i].id == listener)
            return s->opts.listeners[i].transport == PTN_UDP ? "UDP" : "TCP";
    return "";
}

static void take_events(struct server *s)
{
    struct ptn_relay_event ev;
    char text[PTN_ADDR_TEXT_MAX];

    while (ptn_relay_event(s->relay, &ev)) {
        const char *transport = transport_of(s, ev.listener);
        ptn_addr_format(&ev.local, text);
        if (ev.kind == PTN_RELAY_LISTENING) {
            ptn_log(&s->log, PTN_LOG_INFO, "listening on %s %s", transport, text);
            s->listening++;
        } else {
            ptn_log(&s->log, PTN_LOG_ERROR, "not listening on %s %s: %s", transport, text,
                    ptn_err_text(ev.why));
            s->not_listening++;
        }
    }
}

/* Addresses we found ourselves may come and go; those the operator named must be there. */
static bool listen_on_all(struct server *s)
{
    ptn_relay_start(s->relay);
    ptn_host_run(s->host, ptn_clock_now());
    take_events(s);
    return s->listening > 0 && (s->not_listening == 0 || s->settings->listening_ip.count == 0);
}

static bool settle_in(struct server *s)
{
    const struct server_settings *set = s->settings;
    char number[24];

    snprintf(number, sizeof number, "%ld\n", (long)getpid());
    enum ptn_err err =
        set->pidfile[0] ? ptn_file_write(set->pidfile, ptn_bytes_of_text(number), 0644) : PTN_OK;
    if (err != PTN_OK)
        return fail(s, set->pidfile, err);
    err = ptn_privileges_drop(set->proc_user, set->proc_group);
    if (err != PTN_OK)
        return fail(s, "becoming proc-user and proc-group", err);
    err = ptn_notify("READY=1");
    if (err != PTN_OK)
        ptn_log(&s->log, PTN_LOG_WARN, "telling the service manager: %s", ptn_err_text(err));
    return true;
}

/* ---- running ---- */

static void log_notes(struct server *s, const struct ptn_conf_report *report,
                      enum ptn_log_level level)
{
    for (size_t i = 0; i < report->note_count; i++)
        ptn_log(&s->log, level, "%s", report->notes[i].text);
}

/* What is wrong leaves everything as it was; what cannot change now is named. */
static void read_settings_again(struct server *s)
{
    struct server_settings *fresh = calloc(1, sizeof *fresh);
    struct ptn_conf_report report = {0};
    struct ptn_relay_opts switches;
    char why[PTN_CONF_WHY_SIZE];

    ptn_logger_reopen(&s->logger);
    if (fresh &&
        ptn_cli_read_again(s->start->cli, s->start->argc, s->start->argv, fresh, &report)) {
        ptn_conf_take_live(&server_settings_table, s->settings, fresh, "settings", &report);
        /* For its switches: no address matters any more. */
        server_wire_up(s->settings, NULL, 0, &switches, why);
        ptn_relay_change(s->relay, ptn_clock_now(), &switches);
        s->log.max = log_level(s->settings);
        log_notes(s, &report, PTN_LOG_WARN);
        ptn_log(&s->log, PTN_LOG_INFO, "the settings were read again");
    } else {
        log_notes(s, &report, PTN_LOG_ERROR);
        ptn_log(&s->log, PTN_LOG_ERROR, "the settings stay as they were");
    }
    ptn_conf_report_fini(&report);
    free(fresh);
}

static void take_signal(struct server *s, uint64_t number)
{
    if (number == SIGHUP)
        read_settings_again(s);
    else
        s->stopping = true;
}

static void run(struct server *s)
{
    struct ptn_ready ready[READY_MAX];

    while (!s->stopping) {
        ptn_time now = ptn_clock_now();
        size_t count = ptn_loop_wait(s->loop, ptn_host_deadline(s->host, now), ready, READY_MAX);

        now = ptn_clock_now();
        for (size_t i = 0; i < count; i++)
            if (ready[i].owner == OWNER_HOST)
                ptn_host_ready(s->host, now, &ready[i]);
            else
                take_signal(s, ready[i].key);
        ptn_host_run(s->host, now);
        take_events(s);
    }
}

static void log_counts(struct server *s)
{
    const struct ptn_host_counts *host = ptn_host_counts(s->host);

    ptn_log(&s->log, PTN_LOG_INFO, "datagrams: %llu in, %llu out, %llu dropped",
            (unsigned long long)host->datagrams_in, (unsigned long long)host->datagrams_out,
            (unsigned long long)host->datagrams_dropped);
    for (enum ptn_relay_verdict v = 0; v < PTN_RELAY_VERDICTS; v++)
        if (ptn_relay_count(s->relay, v) > 0)
            ptn_log(&s->log, PTN_LOG_INFO, "%s: %llu", ptn_relay_verdict_name(v),
                    (unsigned long long)ptn_relay_count(s->relay, v));
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
    if (!make_relay(s) || !make_world(s))
        return SERVER_CANNOT_RUN;
    if (!listen_on_all(s))
        return SERVER_CANNOT_LISTEN;
    if (!settle_in(s))
        return SERVER_CANNOT_RUN;
    run(s);
    stop(s);
    return PTN_CLI_FINE;
}

int server_serve(const struct server_start *start, struct server_settings *settings)
{
    struct server s = {.start = start, .settings = settings};
    int code = SERVER_CANNOT_RUN;

    /* A log that nobody reads any more is no reason to end. */
    signal(SIGPIPE, SIG_IGN);
    if (open_log(&s))
        code = serve(&s);
    ptn_host_free(s.host);
    ptn_loop_free(s.loop);
    ptn_relay_free(s.relay);
    ptn_logger_close(&s.logger);
    return code;
}

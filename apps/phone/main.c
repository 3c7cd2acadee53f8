/*
 * phone/main.c - postern-phone: a desk phone as a daemon.
 *
 *     settings -> wire_up -> ua <-> host <-> kernel
 *                             |
 *                    sound files, control socket, log
 *
 * One loop moves everything: what is ready goes to its owner, then the machine
 * is run, then its events are handed on, until nothing moves any more.
 *
 * At HUP the settings are read again (reload.c). At TERM or INT calls end and registrations are
 * withdrawn, for at most as long as the phone itself allows; a second signal does not wait.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/entropy.h"
#include "os/host.h"
#include "os/limits.h"
#include "os/logger.h"
#include "os/netif.h"
#include "os/notify.h"
#include "os/runtime.h"
#include "phone/phone.h"

enum { OWNER_SIGNAL = 1, OWNER_HOST, OWNER_CONTROL };
enum { READY_MAX = 64, SOCKETS_MAX = 320, SHAKING_MAX = 32 };

/* Exit codes; documented in postern-phone(8). */
enum { FINE, WRONG_SETTINGS, CANNOT_RUN };

struct program {
    struct phone_settings *settings;
    struct phone phone;
    struct ptn_logger logger;
    struct ptn_ua_opts opts;
    struct ptn_loop *loop;
    struct ptn_host *host;
    struct ptn_tls_rules *tls;
    uint32_t machine; /* on the host */
    unsigned sockets_failed;
    ptn_time alive_at; /* when to tell the service manager */
    bool stopping;
    bool stopped;
    ptn_time stop_by; /* then without the far ends' answers */
    int exit_code;
};

/* ---- what is said ---- */

static void print_table(const struct phone_settings *s, enum ptn_conf_print_kind kind)
{
    struct ptn_conf_printer printer = {
        .table = &phone_settings_table, .values = s, .kind = kind, .assign = " = "};
    char lines[4096];
    while (ptn_conf_print(&printer, lines, sizeof lines))
        fputs(lines, stdout);
}

/* What is asked for instead of a phone. */
static bool answer_at_once(const struct program *g)
{
    const struct phone_settings *s = g->settings;
    if (s->help) {
        puts("usage: postern-phone [--config FILE]... [--KEY VALUE]...\n\n"
             "An IP phone as a daemon, configured by the .cfg files of desk phones. Every key of\n"
             "such a file is also a flag, and wins over the files.\n");
        print_table(s, PTN_CONF_PRINT_HELP);
    } else if (s->version) {
        puts("postern-phone " PTN_VERSION);
    } else if (s->print_sample) {
        puts("#!version:1.0.0.1");
        print_table(s, PTN_CONF_PRINT_SAMPLE);
    } else if (s->print_manual) {
        print_table(s, PTN_CONF_PRINT_MANUAL);
    } else {
        return false;
    }
    return true;
}

/* ---- the parts ---- */

static bool complain(const struct program *g, const char *what, enum ptn_err err)
{
    if (err != PTN_OK)
        ptn_log(&g->phone.log, PTN_LOG_ERROR, "%s: %s", what, ptn_err_text(err));
    return err != PTN_OK;
}

static bool open_control(struct program *g)
{
    char usual[PTN_RUNTIME_PATH_SIZE];
    const char *path = g->settings->socket;
    if (!path[0]) {
        path = usual;
        if (complain(g, "no folder for the control socket (/run/postern, $XDG_RUNTIME_DIR)",
                     ptn_runtime_make(g->settings->instance, usual)))
            return false;
    }
    struct ptn_control_opts opts = {.path = path, .mode = 0600, .owner = OWNER_CONTROL};
    return !complain(g, path, ptn_control_new(g->loop, &opts, &g->phone.control));
}

static bool open_host(struct program *g)
{
    struct ptn_host_opts host = {
        .loop = g->loop,
        .owner = OWNER_HOST,
        .log = &g->phone.log,
        .sockets_max = SOCKETS_MAX,
        .shaking_max = SHAKING_MAX,
        .machines_max = 1,
        .stream_queue_max = 1 << 18,
        .tls = g->tls,
    };

    return !complain(g, "host", ptn_host_new(&host, &g->host));
}

static bool open_parts(struct program *g)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    return !complain(g, "event loop", ptn_loop_new(&g->loop)) &&
           !complain(g, "signals", ptn_loop_signals(g->loop, signals, 3, OWNER_SIGNAL)) &&
           open_control(g) && open_host(g);
}

static void close_parts(struct program *g)
{
    ptn_control_free(g->phone.control);
    ptn_host_free(g->host);
    ptn_tls_rules_free(g->tls);
    ptn_ua_free(g->phone.ua);
    phone_watch_fini(&g->phone.watch);
    ptn_loop_free(g->loop);
    phone_sound_fini(&g->phone.sound);
}

/* ---- the life of it ---- */

static void stop(struct program *g, ptn_time now)
{
    if (g->stopping) {
        g->stopped = true; /* asked for the second time */
        return;
    }
    g->stopping = true;
    g->stop_by = now + PTN_UA_STOP_MAX + PTN_S(1);
    ptn_notify("STOPPING=1");
    ptn_ua_stop(g->phone.ua, now);
}

static unsigned sockets_wanted(const struct program *g)
{
    return g->opts.local_count * (1u + g->opts.tcp + g->opts.tls);
}

static void take_event(struct program *g, ptn_time now, const struct ptn_ua_event *ev)
{
    if (ev->kind == PTN_UA_AUDIO) {
        phone_sound_hear(&g->phone.sound, ev->call, ev->pcm, &g->phone.log);
        return;
    }
    if (ev->kind == PTN_UA_ENDED)
        phone_sound_end(&g->phone.sound, ev->call);
    if (ev->kind == PTN_UA_STOPPED && g->phone.reload.state == PHONE_RELOAD_LEAVING)
        g->phone.reload.state = PHONE_RELOAD_LEFT;
    if (ev->kind == PTN_UA_STOPPED)
        g->stopped = g->stopping;
    phone_journal_event(ev, &g->phone.log);
    phone_control_event(&g->phone, ev);
    if (ev->kind == PTN_UA_SOCKET_FAILED && ++g->sockets_failed == sockets_wanted(g)) {
        ptn_log(&g->phone.log, PTN_LOG_ERROR, "none of the SIP sockets could be opened");
        g->exit_code = CANNOT_RUN;
        stop(g, now);
    }
}

static void run_machine(struct program *g, ptn_time now)
{
    struct ptn_ua_event ev;
    bool moved;
    do {
        moved = false;
        ptn_host_run(g->host, now);
        while (ptn_ua_event(g->phone.ua, now, &ev)) {
            take_event(g, now, &ev);
            moved = true;
        }
    } while (moved);
    phone_watch_print(&g->phone.watch);
    phone_control_watch(&g->phone);
}

static void take_ready(struct program *g, ptn_time now, const struct ptn_ready *ready)
{
    struct ptn_control_line line;
    switch (ready->owner) {
    case OWNER_SIGNAL:
        if (ready->key == SIGHUP)
            g->phone.reread = true;
        else
            stop(g, now);
        break;
    case OWNER_HOST: ptn_host_ready(g->host, now, ready); break;
    case OWNER_CONTROL:
        ptn_control_ready(g->phone.control, ready);
        while (ptn_control_line(g->phone.control, &line))
            phone_control_line(&g->phone, now, &line);
        break;
    }
}

/* Connections from a fixed port end hard: not before the last words have arrived. */
static void see_off(struct program *g, ptn_time now)
{
    struct ptn_ready ready[READY_MAX];
    ptn_time until = now + PTN_S(1);

    ptn_host_remove(g->host, now, g->machine);
    while (ptn_host_closing(g->host) > 0 && now < until) {
        ptn_time due = ptn_time_min(ptn_host_deadline(g->host, now), until);
        size_t count = ptn_loop_wait(g->loop, due, ready, READY_MAX);
        now = ptn_clock_now();
        for (size_t i = 0; i < count; i++)
            if (ready[i].owner == OWNER_HOST)
                ptn_host_ready(g->host, now, &ready[i]);
        ptn_host_run(g->host, now);
    }
    phone_watch_leave(&g->phone.watch);
    phone_watch_print(&g->phone.watch);
    phone_control_watch(&g->phone);
}

/* Makes the phone that `opts` describes, and starts it. */
static bool begin(struct program *g, ptn_time now)
{
    phone_identity_complete(g->settings, &g->phone.wiring, &g->opts);
    g->opts.source = g->phone.sound.source;
    g->opts.dice = ptn_entropy_dice();
    g->opts.log = &g->phone.log;
    g->opts.user_agent = "Postern/" PTN_VERSION;
    g->sockets_failed = 0;
    if (complain(g, "phone", ptn_ua_new(&g->opts, &g->phone.ua)))
        return false;
    ptn_ua_start(g->phone.ua, now);
    struct ptn_machine ua = ptn_ua_machine(g->phone.ua);
    struct ptn_machine machine = phone_watch_machine(&g->phone.watch, &ua);
    if (complain(g, "host", ptn_host_add(g->host, now, &machine, &g->machine)))
        return false;
    ptn_notify("READY=1");
    return true;
}

/* The old machine has withdrawn its registrations; the new one takes its place. */
static bool begin_anew(struct program *g, ptn_time now)
{
    struct ptn_addr interfaces[PTN_NETIF_ADDRS_MAX];
    size_t count = phone_interfaces(interfaces, PTN_NETIF_ADDRS_MAX);

    see_off(g, now);
    ptn_host_free(g->host);
    ptn_ua_free(g->phone.ua);
    ptn_tls_rules_free(g->tls);
    g->host = NULL;
    g->phone.ua = NULL;
    g->tls = NULL;
    phone_sound_fini(&g->phone.sound);
    free(g->settings);
    g->phone.settings = g->settings = g->phone.reload.next;
    g->phone.reload.next = NULL;
    g->phone.reload.state = PHONE_RELOAD_NONE;
    g->phone.log = ptn_logger_log(&g->logger, (enum ptn_log_level)g->settings->log_level);
    g->opts = (struct ptn_ua_opts){0};
    struct phone_complaints c = {&g->phone.log, &g->phone.reload.report};
    bool fits = phone_wire_up(g->settings, interfaces, count, &g->phone.wiring, &g->opts, &c);
    g->opts.register_within = 0; /* no power has come back */
    return fits &&
           (!phone_trust_is_needed(&g->opts) || phone_trust_init(&g->tls, g->settings, &c)) &&
           phone_sound_init(&g->phone.sound, g->settings, &c) && open_host(g) &&
           begin(g, ptn_clock_now());
}

static void tell_alive(struct program *g, ptn_time now)
{
    if (now < g->alive_at)
        return;
    ptn_notify("WATCHDOG=1");
    g->alive_at = ptn_time_add(now, ptn_notify_every());
}

static int run(struct program *g)
{
    struct ptn_ready ready[READY_MAX];
    ptn_time now = ptn_clock_now();

    g->stop_by = PTN_NEVER;
    g->alive_at = ptn_notify_every() == PTN_NEVER ? PTN_NEVER : now;
    if (!begin(g, now))
        return CANNOT_RUN;
    for (;;) {
        run_machine(g, now);
        if (g->stopped || now >= g->stop_by) {
            see_off(g, now);
            return g->exit_code;
        }
        if (!g->stopping && phone_reload_go_on(&g->phone.reload, now, g->phone.ua)) {
            if (!begin_anew(g, now))
                return CANNOT_RUN;
            now = ptn_clock_now();
            continue;
        }
        tell_alive(g, now);
        ptn_time due = ptn_time_min(ptn_host_deadline(g->host, now), g->stop_by);
        due = ptn_time_min(due, g->alive_at);
        size_t count = ptn_loop_wait(g->loop, due, ready, READY_MAX);
        now = ptn_clock_now();
        for (size_t i = 0; i < count; i++)
            take_ready(g, now, &ready[i]);
        if (g->phone.reread)
            phone_reload_read(&g->phone.reload, &g->phone.log);
        g->phone.reread = false;
        if (g->phone.quit && !g->stopping)
            stop(g, now);
    }
}

/* As what is wrong with single lines: somebody looks at a file, not at a log. */
static void say_plainly(void *self, enum ptn_log_level level, const char *line)
{
    (void)self;
    fprintf(stderr, "%s%s\n", level == PTN_LOG_WARN ? "warning: " : "", line);
}

static int check_settings(const struct program *g, const struct ptn_conf_report *r, bool fits)
{
    size_t wrong = r->counts[PTN_CONF_WRONG];
    if (wrong == 0 && fits)
        printf("all right: %u of %d accounts in use\n", g->opts.account_count, PTN_PHONE_ACCOUNTS);
    return wrong == 0 && fits ? FINE : WRONG_SETTINGS;
}

static int start(struct program *g, struct ptn_conf_report *r)
{
    struct ptn_addr interfaces[PTN_NETIF_ADDRS_MAX];
    size_t count = phone_interfaces(interfaces, PTN_NETIF_ADDRS_MAX);
    const struct ptn_log to_people = {.write = say_plainly, .max = PTN_LOG_WARN};
    const struct phone_complaints c = {g->settings->check ? &to_people : &g->phone.log, r};

    bool fits = phone_wire_up(g->settings, interfaces, count, &g->phone.wiring, &g->opts, &c);
    fits = phone_sound_init(&g->phone.sound, g->settings, &c) && fits;
    if (phone_trust_is_needed(&g->opts))
        fits = phone_trust_init(&g->tls, g->settings, &c) && fits;
    if (g->settings->check)
        return check_settings(g, r, fits);
    if (g->settings->print_config) {
        puts("#!version:1.0.0.1");
        print_table(g->settings, PTN_CONF_PRINT_VALUES);
        return FINE;
    }
    if (r->counts[PTN_CONF_WRONG] > 0 || !fits)
        return WRONG_SETTINGS;
    g->phone.watch.prints = g->settings->verbose;
    if (!phone_watch_init(&g->phone.watch, SOCKETS_MAX)) {
        complain(g, "trace", PTN_ERR_NO_MEMORY);
        return CANNOT_RUN;
    }
    return open_parts(g) ? run(g) : CANNOT_RUN;
}

int main(int argc, char **argv)
{
    static struct program g;
    struct ptn_conf_report report = {.keeps_origins = true};

    ptn_limits_map_tables();
    g.settings = calloc(1, sizeof *g.settings);
    if (!g.settings) {
        fprintf(stderr, "postern-phone: %s\n", ptn_err_text(PTN_ERR_NO_MEMORY));
        return CANNOT_RUN;
    }
    bool ok = phone_settings_load(g.settings, argc, argv, &report);
    ptn_logger_open(&g.logger, PTN_LOGGER_STDERR, "postern-phone", NULL);
    g.phone.settings = g.settings;
    g.phone.reload = (struct phone_reload){.argc = argc, .argv = argv};
    g.phone.log = ptn_logger_log(&g.logger, (enum ptn_log_level)g.settings->log_level);
    phone_print_notes(&report, g.settings->unknown || !ok);
    int code = ok ? answer_at_once(&g) ? FINE : start(&g, &report) : WRONG_SETTINGS;
    ptn_conf_report_fini(&report);
    phone_reload_fini(&g.phone.reload);
    close_parts(&g);
    free(g.settings);
    ptn_logger_close(&g.logger);
    return code;
}

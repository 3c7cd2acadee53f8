/*
 * server/reload.c - settings and certificates read again, without anyone being cut off.
 *
 * What is wrong leaves everything as it was; what cannot change now is named. All is made ready
 * before the first worker is asked to take it.
 */
#include <stdlib.h>

#include "os/clock.h"
#include "os/privileges.h"
#include "server.h"

struct change {
    const struct ptn_relay_opts *opts;
    const struct ptn_tls_rules *tls;
    struct ptn_dtls_rules *dtls[PTN_RELAY_WORKERS_MAX];
    unsigned next;
    enum ptn_log_level level;
    bool short_of_memory;
};

enum ptn_log_level server_log_level(const struct server_settings *settings)
{
    return settings->verbose ? PTN_LOG_DEBUG : PTN_LOG_INFO;
}

void server_log_notes(struct server *s, const struct ptn_conf_report *report,
                      enum ptn_log_level level)
{
    for (size_t i = 0; i < report->note_count; i++)
        ptn_log(&s->log, report->notes[i].kind == PTN_CONF_IGNORED ? PTN_LOG_INFO : level, "%s",
                report->notes[i].text);
}

static void take_change(struct server_worker *w, void *arg)
{
    struct change *c = arg;

    server_worker_set_log(w, c->level);
    server_worker_set_tls(w, c->tls, c->dtls[c->next++]);
    c->short_of_memory |= !ptn_relay_change(server_worker_relay(w), ptn_clock_now(), c->opts);
}

/* The switches of the settings as they are now. Listeners and addresses stay as they were. */
static bool make_options(struct server *s, struct server_turn_parts *parts,
                         struct ptn_relay_opts *opts)
{
    char why[PTN_CONF_WHY_SIZE];

    server_look_around(s); /* what cannot be seen now is as it was */
    parts->host_name = s->host_name;
    parts->around = &s->around;
    parts->more_secrets = s->redis_secrets;
    if (!server_wire_up(s->settings, &s->opts->listeners[0].local, 1, opts, why) ||
        !server_wire_turn(s->settings, s->sockets_max, parts, opts, why)) {
        ptn_log(&s->log, PTN_LOG_ERROR, "%s", why);
        return false;
    }
    opts->workers = s->opts->workers;
    opts->shared = s->shared;
    if (opts->turn.allocations_max > 0 && s->opts->turn.allocations_max == 0)
        ptn_log(&s->log, PTN_LOG_WARN,
                "there are credentials now; relaying begins at the next start");
    return true;
}

static bool read_certificates(struct server *s, struct change *c, struct ptn_tls_rules **tls)
{
    if (!server_certificates_read(s, tls))
        return false;
    c->tls = *tls;
    for (unsigned i = 0; i < s->crew.count; i++)
        if (!server_certificates_dtls(s, &c->dtls[i])) {
            while (i-- > 0)
                ptn_dtls_rules_free(c->dtls[i]);
            ptn_tls_rules_free(*tls);
            return false;
        }
    return true;
}

bool server_apply(struct server *s)
{
    struct server_turn_parts parts = {0};
    bool fine = false;
    struct ptn_relay_opts *opts = calloc(1, sizeof *opts);
    struct change *c = calloc(1, sizeof *c);
    struct ptn_tls_rules *tls;

    s->log.max = server_log_level(s->settings);
    if (!opts || !c) {
        ptn_log(&s->log, PTN_LOG_ERROR, "reading the settings again: out of memory");
    } else if (make_options(s, &parts, opts) && read_certificates(s, c, &tls)) {
        fine = true;
        c->opts = opts;
        c->level = s->log.max;
        server_crew_call(s, take_change, c);
        ptn_tls_rules_free(s->tls);
        s->tls = tls;
        if (c->short_of_memory)
            ptn_log(
                &s->log, PTN_LOG_ERROR,
                "there is no room for so many more users until the next start: users, peers and "
                "limits stay as they were");
    } else {
        ptn_log(&s->log, PTN_LOG_ERROR, "what is relayed goes on as before");
    }
    server_turn_parts_fini(&parts);
    free(opts);
    free(c);
    return fine;
}

static void reopen_log(struct server *s)
{
    enum ptn_err err = ptn_logger_reopen(&s->logger);

    if (err != PTN_OK)
        ptn_log(&s->log, PTN_LOG_ERROR,
                "log-file: %s: cannot be opened anew: %s; the log goes on in the old file",
                s->settings->log_file, ptn_err_text(err));
}

/* The file may be one that only root can read, for its secrets. */
static bool read_settings(struct server *s, struct server_settings *fresh,
                          struct ptn_conf_report *report)
{
    ptn_privileges_borrow_reading(true);
    bool fine = ptn_cli_read_again(s->start->cli, s->start->argc, s->start->argv, fresh, report);
    ptn_privileges_borrow_reading(false);
    return fine;
}

static void take_back(struct server *s, struct server_settings *taken)
{
    struct ptn_conf_report said_already = {0};

    ptn_conf_take_live(&server_settings_table, s->settings, taken, "settings", &said_already);
    ptn_conf_report_fini(&said_already);
    s->log.max = server_log_level(s->settings);
}

bool server_reload(struct server *s)
{
    struct server_settings *fresh = calloc(1, sizeof *fresh);
    struct ptn_conf_report report = {0};
    bool fine = false;

    reopen_log(s);
    if (fresh && read_settings(s, fresh, &report)) {
        ptn_conf_take_live(&server_settings_table, s->settings, fresh, "settings", &report);
        server_log_notes(s, &report, PTN_LOG_WARN);
        fine = server_apply(s);
        if (!fine)
            take_back(s, fresh);
    } else {
        server_log_notes(s, &report, PTN_LOG_ERROR);
    }
    ptn_log(&s->log, fine ? PTN_LOG_INFO : PTN_LOG_ERROR, "%s",
            fine ? "the settings were read again" : "the settings stay as they were");
    ptn_conf_report_fini(&report);
    if (fresh)
        ptn_conf_fini(&server_settings_table, fresh);
    free(fresh);
    return fine;
}

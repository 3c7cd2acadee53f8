/*
 * server/watch.c - each who asks gets what is counted at this moment, gathered from the workers.
 */
#include "watch.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "os/clock.h"
#include "os/runtime.h"
#include "report.h"

#define PATIENCE PTN_S(5)

static bool open_http(struct server *s, uint8_t owner)
{
    const struct server_settings *set = s->settings;
    struct ptn_addr local =
        ptn_addr_with_port(set->prometheus_address, (uint16_t)set->prometheus_port);
    char text[PTN_ADDR_TEXT_MAX];

    if (!set->prometheus)
        return true;
    enum ptn_err err =
        ptn_addr_is_none(&local) ? PTN_ERR_INVALID : ptn_http_new(s->loop, owner, &local, &s->http);
    if (err == PTN_OK)
        ptn_log(&s->log, PTN_LOG_INFO, "metrics at http://%s/metrics",
                ptn_addr_format(&local, text));
    else
        ptn_log(&s->log, PTN_LOG_ERROR, "prometheus: %s: %s", ptn_addr_format(&local, text),
                ptn_err_text(err));
    return err == PTN_OK;
}

static void open_control(struct server *s, uint8_t owner)
{
    char path[PTN_RUNTIME_PATH_SIZE];
    enum ptn_err err = PTN_OK;

    if (s->settings->status_socket[0])
        snprintf(path, sizeof path, "%.*s", (int)sizeof path - 1, s->settings->status_socket);
    else
        err = ptn_runtime_make("server", path);
    if (err == PTN_OK)
        err = ptn_control_new(
            s->loop, &(struct ptn_control_opts){.path = path, .mode = 0660, .owner = owner},
            &s->control);
    if (err != PTN_OK)
        ptn_log(&s->log, PTN_LOG_WARN, "there is no status socket: %s: %s", path,
                ptn_err_text(err));
}

bool server_watch_open(struct server *s, uint8_t control_owner, uint8_t http_owner)
{
    s->control_owner = control_owner;
    s->http_owner = http_owner;
    open_control(s, control_owner);
    return open_http(s, http_owner);
}

void server_watch_close(struct server *s)
{
    ptn_control_free(s->control);
    ptn_http_free(s->http);
    s->control = NULL;
    s->http = NULL;
}

/* ---- answers ---- */

static char *report(struct server *s, ptn_time now, char *(*print)(const struct server_view *v))
{
    struct server_counts *counts = malloc(sizeof *counts);
    char *text = NULL;

    if (!counts)
        return NULL;
    server_crew_counts(s, counts);
    text = print(&(struct server_view){.counts = counts,
                                       .up_s = (uint64_t)((now - s->started) / PTN_S(1)),
                                       .workers = s->crew.count,
                                       .certificate_until_s = s->certificate_until_s,
                                       .draining = s->draining,
                                       .redis_users = server_fleet_users_state(s),
                                       .redis_loads = server_fleet_loads_state(s),
                                       .relays = s->opts->turn.allocations_max > 0});
    free(counts);
    return text;
}

static void answer_line(struct server *s, ptn_time now, const struct ptn_control_line *line)
{
    json_t *request = json_loadb((const char *)line->text.data, line->text.size, 0, NULL);
    const char *command = json_string_value(json_object_get(request, "command"));
    char *text = NULL;

    if (command && strcmp(command, "status") == 0)
        text = report(s, now, server_report_status);
    ptn_control_send(s->control, line->client,
                     ptn_bytes_of_text(text ? text
                                            : "{\"ok\":false,\"error\":\"the only "
                                              "command is \\\"status\\\"\"}"));
    free(text);
    json_decref(request);
}

static void answer_http(struct server *s, ptn_time now, const struct ptn_http_request *r)
{
    if (strcmp(r->path, "/metrics") == 0) {
        char *text = report(s, now, server_report_metrics);
        ptn_http_answer(s->http, r->id, text ? 200 : 500, "text/plain; version=0.0.4",
                        ptn_bytes_of_text(text ? text : "out of memory\n"));
        free(text);
    } else if (strcmp(r->path, "/healthz") == 0) {
        ptn_http_answer(s->http, r->id, s->draining ? 503 : 200, "text/plain",
                        ptn_bytes_of_text(s->draining ? "draining\n" : "fine\n"));
    } else {
        ptn_http_answer(s->http, r->id, 404, "text/plain",
                        ptn_bytes_of_text("/metrics and /healthz are here\n"));
    }
}

void server_watch_ready(struct server *s, const struct ptn_ready *ready)
{
    if (s->control && ready->owner == s->control_owner)
        ptn_control_ready(s->control, ready);
    else if (s->http && ready->owner == s->http_owner)
        ptn_http_ready(s->http);
}

void server_watch_answer(struct server *s, ptn_time now)
{
    struct ptn_control_line line;
    struct ptn_http_request request;

    while (s->control && ptn_control_line(s->control, &line))
        answer_line(s, now, &line);
    if (!s->http)
        return;
    if (ptn_http_deadline(s->http, now) <= now)
        ptn_http_ready(s->http);
    while (ptn_http_request(s->http, &request))
        answer_http(s, now, &request);
}

ptn_time server_watch_deadline(const struct server *s, ptn_time now)
{
    return s->http ? ptn_http_deadline(s->http, now) : PTN_NEVER;
}

/* ---- the asking side ---- */

int server_watch_ask(const struct server_settings *settings, const char *program)
{
    char path[PTN_RUNTIME_PATH_SIZE];
    struct ptn_control_caller caller = {.fd = -1};
    struct ptn_bytes line;
    enum ptn_err err = PTN_OK;

    if (settings->status_socket[0])
        snprintf(path, sizeof path, "%.*s", (int)sizeof path - 1, settings->status_socket);
    else
        err = ptn_runtime_find("server", path);
    if (err == PTN_OK)
        err = ptn_control_call(path, &caller);
    if (err == PTN_OK)
        err = ptn_control_say(&caller, ptn_bytes_of_text("{\"command\":\"status\"}"));
    if (err == PTN_OK)
        err = ptn_control_hear(&caller, PATIENCE, &line);
    if (err == PTN_OK)
        printf("%s\n", (const char *)line.data);
    else
        fprintf(stderr, "%s: no server answers at %s: %s\n", program, path, ptn_err_text(err));
    ptn_control_hang_up(&caller);
    return err == PTN_OK ? PTN_CLI_FINE : SERVER_CANNOT_RUN;
}

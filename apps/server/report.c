/*
 * server/report.c - counters by their names. Labels are of closed sets: verdicts, ends, directions.
 */
#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void head(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(FILE *f, const char *name, const char *type, const char *help, uint64_t value)
{
    head(f, name, type, help);
    fprintf(f, "%s %" PRIu64 "\n", name, value);
}

static void print_messages(FILE *f, const struct server_counts *c)
{
    const char *name = "postern_messages_total";

    head(f, name, "counter", "Messages and data by what became of them.");
    for (unsigned v = 0; v < PTN_RELAY_VERDICTS; v++)
        fprintf(f, "%s{verdict=\"%s\"} %" PRIu64 "\n", name, ptn_relay_verdict_name(v),
                c->verdicts[v]);
}

static void print_datagrams(FILE *f, const struct server_counts *c)
{
    head(f, "postern_datagrams_total", "counter",
         "Datagrams that came, left, found no room in the kernel, or could not be sent.");
    fprintf(f,
            "postern_datagrams_total{fate=\"in\"} %" PRIu64 "\n"
            "postern_datagrams_total{fate=\"out\"} %" PRIu64 "\n"
            "postern_datagrams_total{fate=\"dropped\"} %" PRIu64 "\n"
            "postern_datagrams_total{fate=\"refused\"} %" PRIu64 "\n",
            c->sockets.in, c->sockets.out, c->sockets.dropped, c->sockets.refused);
    single(f, "postern_batches_total", "counter", "System calls that brought datagrams.",
           c->sockets.batches);
}

static void print_allocations(FILE *f, const struct server_counts *c)
{
    uint64_t sum = 0;

    single(f, "postern_allocations", "gauge", "Allocations now.", c->now.allocations);
    single(f, "postern_permissions", "gauge", "Permissions now.", c->now.permissions);
    single(f, "postern_channels", "gauge", "Channels now.", c->now.channels);
    single(f, "postern_allocations_begun_total", "counter", "Allocations ever.", c->now.begun);
    head(f, "postern_allocations_ended_total", "counter", "Allocations by why they ended.");
    for (unsigned e = 0; e < PTN_RELAY_ENDS; e++)
        fprintf(f, "postern_allocations_ended_total{reason=\"%s\"} %" PRIu64 "\n",
                ptn_relay_end_name(e), c->now.ended[e]);
    head(f, "postern_allocation_duration_seconds", "histogram", "How long allocations lasted.");
    for (unsigned i = 0; i < SERVER_DURATIONS; i++) {
        sum += c->durations[i];
        fprintf(f, "postern_allocation_duration_seconds_bucket{le=\"%u\"} %" PRIu64 "\n",
                server_durations_s[i], sum);
    }
    sum += c->durations[SERVER_DURATIONS];
    fprintf(f,
            "postern_allocation_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
            "postern_allocation_duration_seconds_sum %" PRIu64 "\n"
            "postern_allocation_duration_seconds_count %" PRIu64 "\n",
            sum, c->duration_sum_s, sum);
    head(f, "postern_relayed_bytes_total", "counter",
         "Payload from clients (up) and to them (down).");
    fprintf(f,
            "postern_relayed_bytes_total{direction=\"up\"} %" PRIu64 "\n"
            "postern_relayed_bytes_total{direction=\"down\"} %" PRIu64 "\n",
            c->now.bytes_up, c->now.bytes_down);
    single(f, "postern_relay_sockets_ready", "gauge", "Relay sockets in stock.", c->now.stock);
    single(f, "postern_relay_socket_failures_total", "counter",
           "Relay sockets that could not be opened.", c->now.stock_failures);
    single(
        f, "postern_private_relayed_total", "counter",
        "Allocations whose client is public and whose relayed address is private: external-ip is "
        "missing or wrong.",
        c->private_relayed);
}

static void print_connections(FILE *f, const struct server_counts *c)
{
    single(f, "postern_connections", "gauge", "Connections of clients now.", c->now.connections);
    single(f, "postern_peer_connections", "gauge", "Connections to peers now (RFC 6062).",
           c->now.peer_conns);
    single(f, "postern_connections_accepted_total", "counter", "TCP connections accepted.",
           c->host.accepted);
    head(f, "postern_handshakes_total", "counter", "TLS and DTLS handshakes by how they ended.");
    fprintf(f,
            "postern_handshakes_total{protocol=\"tls\",result=\"failed\"} %" PRIu64 "\n"
            "postern_handshakes_total{protocol=\"tls\",result=\"crowded\"} %" PRIu64 "\n"
            "postern_handshakes_total{protocol=\"dtls\",result=\"done\"} %" PRIu64 "\n"
            "postern_handshakes_total{protocol=\"dtls\",result=\"failed\"} %" PRIu64 "\n"
            "postern_handshakes_total{protocol=\"dtls\",result=\"crowded\"} %" PRIu64 "\n"
            "postern_handshakes_total{protocol=\"dtls\",result=\"full\"} %" PRIu64 "\n",
            c->host.handshakes_failed - c->host.handshakes_crowded, c->host.handshakes_crowded,
            c->dtls.shaken, c->dtls.failed - c->dtls.crowded, c->dtls.crowded, c->dtls.full);
    single(f, "postern_mail_lost_total", "counter",
           "Letters between workers that could not be delivered.", c->mail_lost);
}

static void print_redis(FILE *f, const struct server_view *v)
{
    if (v->redis_users.named || v->redis_loads.named)
        head(f, "postern_redis_up", "gauge", "1: Redis answers.");
    if (v->redis_users.named)
        fprintf(f, "postern_redis_up{holds=\"users\"} %d\n", v->redis_users.up);
    if (v->redis_loads.named)
        fprintf(f, "postern_redis_up{holds=\"loads\"} %d\n", v->redis_loads.up);
}

char *server_report_metrics(const struct server_view *v)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    single(f, "postern_uptime_seconds", "gauge", "Since the start.", v->up_s);
    single(f, "postern_workers", "gauge", "Threads that serve.", v->workers);
    single(f, "postern_draining", "gauge", "1: nobody is relayed for anew.", v->draining);
    if (v->certificate_until_s > 0)
        single(f, "postern_certificate_end_timestamp_seconds", "gauge",
               "When our certificate expires.", (uint64_t)v->certificate_until_s);
    print_messages(f, v->counts);
    print_datagrams(f, v->counts);
    print_allocations(f, v->counts);
    print_connections(f, v->counts);
    print_redis(f, v);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- JSON ---- */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *messages(const struct server_counts *c)
{
    json_t *all = json_object();

    for (unsigned v = 0; v < PTN_RELAY_VERDICTS; v++)
        if (c->verdicts[v] > 0)
            json_object_set_new(all, ptn_relay_verdict_name(v), number(c->verdicts[v]));
    return all;
}

static json_t *ended(const struct server_counts *c)
{
    json_t *all = json_object();

    for (unsigned e = 0; e < PTN_RELAY_ENDS; e++)
        json_object_set_new(all, ptn_relay_end_name(e), number(c->now.ended[e]));
    return all;
}

/* Only what the settings name. */
static json_t *redis(const struct server_view *v)
{
    json_t *all = json_object();

    if (v->redis_users.named)
        json_object_set_new(all, "users", json_boolean(v->redis_users.up));
    if (v->redis_loads.named)
        json_object_set_new(all, "loads", json_boolean(v->redis_loads.up));
    return all;
}

char *server_report_status(const struct server_view *v)
{
    const struct server_counts *c = v->counts;
    json_t *all = json_pack(
        "{s:b, s:o, s:i, s:b, s:b, s:{s:o, s:o, s:o, s:o, s:o}, s:{s:o, s:o}, s:{s:o, s:o}, "
        "s:{s:o, s:o, s:o, s:o}, s:o, s:o, s:o}",
        "ok", 1, "up_s", number(v->up_s), "workers", (int)v->workers, "draining", (int)v->draining,
        "relays", (int)v->relays, "allocations", "now", number(c->now.allocations), "begun",
        number(c->now.begun), "permissions", number(c->now.permissions), "channels",
        number(c->now.channels), "ended", ended(c), "relayed_bytes", "up", number(c->now.bytes_up),
        "down", number(c->now.bytes_down), "connections", "clients", number(c->now.connections),
        "peers", number(c->now.peer_conns), "datagrams", "in", number(c->sockets.in), "out",
        number(c->sockets.out), "dropped", number(c->sockets.dropped), "refused",
        number(c->sockets.refused), "messages", messages(c), "private_relayed",
        number(c->private_relayed), "redis", redis(v));
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;

    json_decref(all);
    return text;
}

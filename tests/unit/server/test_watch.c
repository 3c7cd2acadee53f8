/*
 * Those who look on: what HTTP and the status socket answer, to whom, and when.
 */
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/sockaddr.h"
#include "server/report.h"
#include "server/watch.h"
#include "support/test.h"
#include "unit/server/crew.h"

enum { OWNER_CONTROL = 1, OWNER_HTTP, REPLY_MAX = 1 << 16 };

/* A main thread without its loop. */
struct stage {
    struct server server;
    struct server_settings settings;
    struct ptn_addr http;
    char folder[32];
    char control[64];
};

static struct ptn_addr free_port(void)
{
    struct ptn_addr at = {.ip = {127, 0, 0, 1}, .family = PTN_IPV4};
    struct sockaddr_storage sa;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK_EQ(0, bind(fd, (struct sockaddr *)&sa, ptn_sockaddr_of(&at, &sa)));
    at = ptn_socket_local(fd);
    close(fd);
    return at;
}

static void open_stage(struct stage *s, const struct crew *crew)
{
    char port[8], why[PTN_CONF_WHY_SIZE];

    memset(s, 0, sizeof *s);
    strcpy(s->folder, "/tmp/postern-watch-XXXXXX");
    CHECK(mkdtemp(s->folder) != NULL);
    snprintf(s->control, sizeof s->control, "%s/status", s->folder);
    s->http = free_port();
    snprintf(port, sizeof port, "%u", s->http.port);
    ptn_conf_defaults(&server_settings_table, &s->settings);
    const char *const pairs[][2] = {
        {"prometheus", "yes"}, {"prometheus-port", port}, {"postern-status-socket", s->control}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        CHECK_EQ(PTN_CONF_SET_TAKEN,
                 ptn_conf_set(&server_settings_table, &s->settings, pairs[i][0], pairs[i][1], why));
    s->server.settings = &s->settings;
    s->server.opts = calloc(1, sizeof *s->server.opts);
    s->server.started = ptn_clock_now() - PTN_MS(7100);
    if (crew)
        s->server.crew = crew->is;
    CHECK(s->server.opts != NULL);
    CHECK_EQ(PTN_OK, ptn_loop_new(&s->server.loop));
    CHECK(server_watch_open(&s->server, OWNER_CONTROL, OWNER_HTTP));
}

static void close_stage(struct stage *s)
{
    server_watch_close(&s->server);
    ptn_loop_free(s->server.loop);
    free(s->server.opts);
    ptn_conf_fini(&server_settings_table, &s->settings);
    unlink(s->control);
    CHECK_EQ(0, rmdir(s->folder));
}

/* One round of the main thread's loop. */
static void turn(struct stage *s)
{
    struct ptn_ready ready[16];
    ptn_time now = ptn_clock_now();
    ptn_time until = ptn_time_min(now + PTN_MS(20), server_watch_deadline(&s->server, now));
    size_t count = ptn_loop_wait(s->server.loop, until, ready, 16);

    for (size_t i = 0; i < count; i++)
        server_watch_ready(&s->server, &ready[i]);
    server_watch_answer(&s->server, ptn_clock_now());
}

/* ---- HTTP ---- */

struct browser {
    int fd;
    size_t size;
    char reply[REPLY_MAX];
};

/* `from` NULL: any address. */
static void browse_from(struct stage *s, struct browser *b, const struct ptn_addr *from,
                        const char *method, const char *path)
{
    struct sockaddr_storage sa;
    char text[512];

    b->size = 0;
    b->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (from)
        CHECK_EQ(0, bind(b->fd, (struct sockaddr *)&sa, ptn_sockaddr_of(from, &sa)));
    CHECK_EQ(0, connect(b->fd, (struct sockaddr *)&sa, ptn_sockaddr_of(&s->http, &sa)));
    int size = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                        method, path);
    CHECK_EQ(size, send(b->fd, text, (size_t)size, MSG_NOSIGNAL));
}

static void browse(struct stage *s, struct browser *b, const char *method, const char *path)
{
    browse_from(s, b, NULL, method, path);
}

/* False as long as the reply is not over. */
static bool is_over(struct browser *b)
{
    ssize_t n = recv(b->fd, b->reply + b->size, REPLY_MAX - 1 - b->size, MSG_DONTWAIT);

    if (n > 0)
        b->size += (size_t)n;
    b->reply[b->size] = '\0';
    return n == 0;
}

/* The status; the body, or "". */
static unsigned wait_reply(struct stage *s, struct browser *b, const char **body)
{
    for (unsigned i = 0; i < 500 && !is_over(b); i++)
        turn(s);
    close(b->fd);
    const char *end = strstr(b->reply, "\r\n\r\n");
    CHECK(end != NULL);
    *body = end + 4;
    return (unsigned)strtoul(b->reply + strlen("HTTP/1.1 "), NULL, 10);
}

static struct browser one;

static unsigned get(struct stage *s, const char *path, const char **body)
{
    browse(s, &one, "GET", path);
    return wait_reply(s, &one, body);
}

TEST(a_server_is_healthy_until_it_drains)
{
    struct stage s;
    const char *body;

    open_stage(&s, NULL);
    CHECK_EQ(200, get(&s, "/healthz", &body));
    CHECK_STR("fine\n", body);
    s.server.draining = true;
    CHECK_EQ(503, get(&s, "/healthz", &body));
    CHECK_STR("draining\n", body);
    CHECK_EQ(200, get(&s, "/metrics", &body));
    CHECK(strstr(body, "\npostern_draining 1\n"));
    CHECK(strstr(body, "\npostern_uptime_seconds 7\n"));
    close_stage(&s);
}

TEST(metrics_are_what_all_workers_have_counted_at_this_moment)
{
    static const uint8_t binding[] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, [19] = 1};
    uint8_t buf[PTN_RELAY_ANSWER_MAX];
    struct crew c;
    struct stage s;
    const char *body;

    crew_begin(&c, 0, false);
    open_stage(&s, &c);
    CHECK_EQ(200, get(&s, "/metrics", &body));
    CHECK(strstr(one.reply, "Content-Type: text/plain; version=0.0.4\r\n"));
    CHECK(strstr(body, "\npostern_workers 2\n"));
    CHECK(strstr(body, "\npostern_messages_total{verdict=\"answered\"} 0\n"));
    for (unsigned i = 0; i < CREW_SIZE; i++) {
        struct ptn_relay_in in = {CREW_UDP, ptn_addr_v4(127, 0, 0, 9, 4000),
                                  ptn_bytes(binding, sizeof binding)};
        struct ptn_relay_out out = {.buf = buf, .capacity = sizeof buf};
        CHECK(ptn_relay_datagram(server_worker_relay(c.is.workers[i]), PTN_S(1), &in, &out));
    }
    CHECK_EQ(200, get(&s, "/metrics", &body));
    CHECK(strstr(body, "\npostern_messages_total{verdict=\"answered\"} 2\n"));
    close_stage(&s);
    crew_end(&c);
}

TEST(what_is_not_there_or_not_to_be_done_is_refused)
{
    static const struct {
        const char *method, *path;
        unsigned status;
        const char *body;
    } cases[] = {
        {"GET", "/", 404, "/metrics and /healthz are here\n"},
        {"GET", "/metrics/", 404, "/metrics and /healthz are here\n"},
        {"GET", "/../etc/passwd", 404, "/metrics and /healthz are here\n"},
        {"GET", "/healthz?verbose=1", 200, "fine\n"},
        {"HEAD", "/healthz", 200, ""},
        {"POST", "/healthz", 405, "GET only\n"},
        {"DELETE", "/metrics", 405, "GET only\n"},
    };
    struct stage s;
    const char *body;

    open_stage(&s, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        browse(&s, &one, cases[i].method, cases[i].path);
        CHECK_EQ(cases[i].status, wait_reply(&s, &one, &body));
        CHECK_STR(cases[i].body, body);
    }
    close_stage(&s);
}

TEST(a_path_of_any_length_is_no_trouble)
{
    struct stage s;
    const char *body;
    char path[400];

    open_stage(&s, NULL);
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    CHECK_EQ(404, get(&s, path, &body));
    close_stage(&s);
}

TEST(who_hangs_up_before_the_answer_takes_no_place_from_others)
{
    struct stage s;
    const char *body;

    open_stage(&s, NULL);
    for (unsigned i = 0; i < 3 * PTN_HTTP_CLIENTS_MAX; i++) {
        browse(&s, &one, "GET", "/metrics");
        close(one.fd);
        if (i % 3 == 0)
            turn(&s);
    }
    CHECK_EQ(200, get(&s, "/healthz", &body));
    close_stage(&s);
}

TEST(as_many_as_there_is_room_for_are_answered_at_a_time)
{
    static struct browser many[PTN_HTTP_EACH_MAX];
    struct stage s;
    const char *body;

    open_stage(&s, NULL);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < PTN_HTTP_EACH_MAX; i++)
            browse(&s, &many[i], "GET", "/healthz");
        for (unsigned i = 0; i < PTN_HTTP_EACH_MAX; i++)
            CHECK_EQ(200, wait_reply(&s, &many[i], &body));
    }
    close_stage(&s);
}

TEST(one_address_with_all_it_can_get_keeps_no_other_out)
{
    const struct ptn_addr other = {.ip = {127, 0, 0, 2}, .family = PTN_IPV4};
    struct sockaddr_storage sa;
    int silent[PTN_HTTP_EACH_MAX];
    struct stage s;
    const char *body;

    open_stage(&s, NULL);
    for (unsigned i = 0; i < PTN_HTTP_EACH_MAX; i++) {
        silent[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(0, connect(silent[i], (struct sockaddr *)&sa, ptn_sockaddr_of(&s.http, &sa)));
        turn(&s);
    }
    browse_from(&s, &one, &other, "GET", "/healthz");
    CHECK_EQ(200, wait_reply(&s, &one, &body));
    for (unsigned i = 0; i < PTN_HTTP_EACH_MAX; i++)
        close(silent[i]);
    close_stage(&s);
}

TEST(the_server_may_end_while_somebody_waits_for_an_answer)
{
    struct ptn_ready ready[4];
    struct stage s;

    open_stage(&s, NULL);
    browse(&s, &one, "GET", "/metrics");
    size_t count = ptn_loop_wait(s.server.loop, ptn_clock_now() + PTN_S(5), ready, 4);
    for (size_t i = 0; i < count; i++)
        server_watch_ready(&s.server, &ready[i]);
    close_stage(&s); /* the request was read, or was about to be */
    close(one.fd);
}

/* ---- the form of metrics ---- */

/* The name before a brace or blank, without a histogram's endings. */
static size_t name_size(const char *line)
{
    static const char *const endings[] = {"_bucket", "_sum", "_count"};
    size_t size = strcspn(line, "{ ");

    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(endings[i]);
        if (strstr(line, "_seconds_") && size > n && strncmp(line + size - n, endings[i], n) == 0)
            return size - n;
    }
    return size;
}

TEST(each_metric_has_one_help_and_one_type_and_its_samples_behind_them)
{
    static struct server_counts counts;
    const struct server_view view = {.counts = &counts,
                                     .workers = 1,
                                     .relays = true,
                                     .certificate_until_s = 1,
                                     .redis_users = {.named = true}};
    char name[100] = "", *rest;
    unsigned samples = 0, metrics = 0;

    char *text = server_report_metrics(&view);
    CHECK(text != NULL);
    char *copy = strdup(text);
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            char again[110];
            CHECK(metrics == 0 || samples > 0);
            snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 7, " "), line + 7);
            snprintf(again, sizeof again, "# HELP %s ", name);
            CHECK(strstr(strstr(text, again) + 1, again) == NULL);
            metrics++;
            samples = 0;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            CHECK_EQ(0, samples);
            CHECK_EQ(strlen(name), strcspn(line + 7, " "));
            CHECK(strncmp(name, line + 7, strlen(name)) == 0);
        } else {
            samples++;
            if (name_size(line) != strlen(name) || strncmp(line, name, strlen(name)) != 0)
                fail_msg("\"%s\" stands under %s", line, name);
        }
    }
    CHECK(metrics > 20);
    free(copy);
    free(text);
}

TEST(how_long_allocations_lasted_adds_up)
{
    static struct server_counts counts = {.duration_sum_s = 4321};
    const struct server_view view = {.counts = &counts};
    char line[200];
    unsigned sum = 0;

    for (unsigned i = 0; i <= SERVER_DURATIONS; i++)
        counts.durations[i] = i + 1;
    char *text = server_report_metrics(&view);
    CHECK(text != NULL);
    for (unsigned i = 0; i < SERVER_DURATIONS; i++) {
        sum += i + 1;
        snprintf(line, sizeof line, "postern_allocation_duration_seconds_bucket{le=\"%u\"} %u\n",
                 server_durations_s[i], sum);
        CHECK(strstr(text, line));
    }
    sum += SERVER_DURATIONS + 1;
    snprintf(line, sizeof line,
             "{le=\"+Inf\"} %u\npostern_allocation_duration_seconds_sum 4321\n"
             "postern_allocation_duration_seconds_count %u\n",
             sum, sum);
    CHECK(strstr(text, line));
    free(text);
}

TEST(a_redis_is_told_of_when_there_is_one)
{
    static struct server_counts counts;
    static const struct {
        struct server_redis_state users, loads;
        const char *metrics, *status;
    } cases[] = {
        {{false, false}, {false, false}, NULL, "\"redis\":{}"},
        {{true, true},
         {false, false},
         "Redis answers.\n# TYPE postern_redis_up gauge\n"
         "postern_redis_up{holds=\"users\"} 1\n",
         "\"redis\":{\"users\":true}"},
        {{true, true},
         {true, false},
         "postern_redis_up{holds=\"users\"} 1\n"
         "postern_redis_up{holds=\"loads\"} 0\n",
         "\"redis\":{\"users\":true,\"loads\":false}"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct server_view view = {
            .counts = &counts, .redis_users = cases[i].users, .redis_loads = cases[i].loads};
        char *metrics = server_report_metrics(&view), *status = server_report_status(&view);
        CHECK(metrics && status);
        CHECK(strstr(metrics, cases[i].metrics ? cases[i].metrics : "# HELP"));
        CHECK_EQ(cases[i].metrics != NULL, strstr(metrics, "redis") != NULL);
        CHECK(strstr(status, cases[i].status));
        free(metrics);
        free(status);
    }
}

/* ---- the status socket ---- */

static json_t *ask_status(struct stage *s, const char *request)
{
    static char reply[REPLY_MAX];
    struct ptn_control_caller caller = {.fd = -1};
    size_t size = 0;

    CHECK_EQ(PTN_OK, ptn_control_call(s->control, &caller));
    CHECK_EQ(PTN_OK, ptn_control_say(&caller, ptn_bytes_of_text(request)));
    for (unsigned i = 0; i < 500 && (size == 0 || reply[size - 1] != '\n'); i++) {
        turn(s);
        ssize_t n = recv(caller.fd, reply + size, sizeof reply - size, MSG_DONTWAIT);
        size += n > 0 ? (size_t)n : 0;
    }
    ptn_control_hang_up(&caller);
    return json_loadb(reply, size, 0, NULL);
}

TEST(the_status_socket_knows_one_command_and_says_so)
{
    static const char *const wrong[] = {
        "{\"command\":\"stop\"}", "{\"command\":7}", "{}", "[]", "status",
        "{\"command\":\"status\""};
    struct stage s;

    open_stage(&s, NULL);
    json_t *fine = ask_status(&s, "{\"command\":\"status\"}");
    CHECK(json_is_true(json_object_get(fine, "ok")));
    CHECK(json_is_false(json_object_get(fine, "draining")));
    CHECK_EQ(0, json_integer_value(json_object_get(json_object_get(fine, "allocations"), "now")));
    json_decref(fine);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *refused = ask_status(&s, wrong[i]);
        CHECK(json_is_false(json_object_get(refused, "ok")));
        CHECK_STR("the only command is \"status\"",
                  json_string_value(json_object_get(refused, "error")));
        json_decref(refused);
    }
    close_stage(&s);
}

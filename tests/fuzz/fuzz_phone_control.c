/*
 * fuzz_phone_control - lines for the control socket of a phone, without the socket.
 *
 * The phone has one account and a registrar that never answers; its sockets open, its time passes
 * by a second a line. Whatever a line is, it gets one answer that can be printed.
 */
#include <stdlib.h>
#include <string.h>

#include "phone/phone.h"

enum { LINES_MAX = 200, TURNS_MAX = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin(struct phone *p, struct ptn_machine *watched, ptn_time now)
{
    static struct phone_settings settings = {.instance = "phone"};
    struct ptn_ua_opts opts = {
        .locals = {{.addr = ptn_addr_v4(192, 0, 2, 1, 0)}},
        .local_count = 1,
        .sip_port = 5060,
        .rtp_port_min = 11780,
        .rtp_port_max = 11800,
        .accounts = {{.user = "1001",
                      .domain = "198.51.100.5",
                      .server = {.name = "198.51.100.5", .port = 5060},
                      .registers = true}},
        .account_count = 1,
        .dice = ptn_dice_seeded(1),
    };
    *p = (struct phone){.settings = &settings, .wiring = {.account_numbers = {3}}};
    if (ptn_ua_new(&opts, &p->ua) != PTN_OK)
        abort();
    struct ptn_machine ua = ptn_ua_machine(p->ua);
    p->watch.ends = ptn_ends_new(64);
    p->watch.trace = ptn_trace_new(PTN_TRACE_BYTES_MIN);
    if (!p->watch.ends || !p->watch.trace)
        abort();
    *watched = phone_watch_machine(&p->watch, &ua);
    ptn_ua_start(p->ua, now);
}

/* In the place of phone/capture.c: nothing that the lines name is written. */
const char *phone_capture_start(struct phone_watch *w, const char *path, uint64_t bytes_max)
{
    (void)w;
    return path[0] == '/' && bytes_max != 1 ? NULL : "it cannot be written";
}

bool phone_capture_stop(struct phone_watch *w)
{
    return w->capture != NULL;
}

void phone_capture_seen(struct phone_watch *w, uint64_t unix_ns, const struct ptn_seen *seen)
{
    (void)w;
    (void)unix_ns;
    (void)seen;
}

const char *phone_capture_flush(struct phone_watch *w, const struct ptn_log *log)
{
    (void)w;
    (void)log;
    return NULL;
}

bool phone_capture_size(const struct phone_watch *w, uint64_t *bytes, uint64_t *packets)
{
    *bytes = *packets = 1;
    return w->printed % 2 == 0;
}

static void pass_time(struct phone *p, const struct ptn_machine *m, ptn_time now)
{
    struct ptn_ask ask;
    struct ptn_ua_event ev;

    m->tick(m->self, now);
    for (unsigned i = 0; i < TURNS_MAX && m->output(m->self, now, &ask); i++)
        if (ask.kind == PTN_ASK_OPEN)
            m->input(m->self, now,
                     &(struct ptn_tell){.kind = PTN_TELL_OPENED,
                                        .id = ask.id,
                                        .transport = ask.transport,
                                        .local = ask.local});
    while (ptn_ua_event(p->ua, now, &ev))
        json_decref(phone_report_event(p, &ev));
}

static void say(struct phone *p, ptn_time now, struct ptn_bytes line)
{
    enum phone_follows follows;
    json_t *answer = phone_control_answer(p, now, line, &follows);
    json_t *ok = json_object_get(answer, "ok");
    char *text = json_dumps(answer, JSON_COMPACT);

    if (!text || !json_is_boolean(ok) || strchr(text, '\n') ||
        json_is_false(ok) != json_is_string(json_object_get(answer, "error")))
        abort();
    free(text);
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct phone p;
    struct ptn_machine watched;
    ptn_time now = PTN_S(1);

    begin(&p, &watched, now);
    for (unsigned i = 0; i < LINES_MAX && size > 0; i++, now += PTN_S(1)) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t line = end ? (size_t)(end - data) : size;
        pass_time(&p, &watched, now);
        say(&p, now, ptn_bytes(data, line));
        data += line + (end != NULL);
        size -= line + (end != NULL);
    }
    ptn_ua_free(p.ua);
    ptn_trace_free(p.watch.trace);
    ptn_ends_free(p.watch.ends);
    return 0;
}

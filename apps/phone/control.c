/*
 * phone/control.c - a line of JSON in, a line of JSON out.
 *
 *     {"command": "dial", "target": "1002", "id": 7}
 *     {"ok": true, "call": 1, "id": 7}
 *
 * Every request is answered once; "id" comes back as it was. After "events" the
 * client is also told what happens, in lines that have "event" instead of "ok".
 * What a line means needs no socket: only the end of this file knows of clients.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "os/limits.h"
#include "phone/phone.h"

/* An answer with "ok": false and a sentence. */
__attribute__((format(printf, 1, 2))) static json_t *refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *text = json_vsprintf(format, args);
    va_end(args);
    return json_pack("{s:b, s:o}", "ok", 0, "error", text ? text : json_string("refused"));
}

static json_t *done(void)
{
    return json_pack("{s:b}", "ok", 1);
}

static json_t *do_status(struct phone *p, ptn_time now, const json_t *request)
{
    (void)request;
    json_t *answer = phone_report_status(p, now);
    if (!answer)
        return refuse("%s", ptn_err_text(PTN_ERR_NO_MEMORY));
    json_object_set_new(answer, "ok", json_true());
    return answer;
}

/* The phone's own count of account.X; PTN_UA_ACCOUNTS_MAX when X is not in use. */
static unsigned account_index(const struct phone *p, json_int_t number)
{
    unsigned i = number > 0 ? 0 : PTN_UA_ACCOUNTS_MAX; /* places that are free have the number 0 */
    while (i < PTN_UA_ACCOUNTS_MAX && p->wiring.account_numbers[i] != number)
        i++;
    return i;
}

static json_t *do_dial(struct phone *p, ptn_time now, const json_t *request)
{
    const char *target = json_string_value(json_object_get(request, "target"));
    const json_t *number = json_object_get(request, "account");
    unsigned account = number ? account_index(p, json_integer_value(number)) : 0;
    ptn_ua_call_id call;

    if (!target)
        return refuse("dial needs a \"target\"");
    if (account == PTN_UA_ACCOUNTS_MAX)
        return refuse("account %lld is not in use", (long long)json_integer_value(number));
    switch (ptn_ua_dial(p->ua, now, account, target, &call)) {
    case PTN_OK: return json_pack("{s:b, s:I}", "ok", 1, "call", (json_int_t)call);
    case PTN_ERR_INVALID: return refuse("\"%s\" cannot be dialled", target);
    case PTN_ERR_NO_ROOM: return refuse("there are too many calls already");
    case PTN_ERR_UNREACHABLE:
        return refuse("the SIP server is not known yet, or cannot be reached");
    default: return refuse("the call could not be begun");
    }
}

enum call_to { CALL_TO_ANSWER, CALL_TO_END, CALL_TO_HOLD, CALL_TO_RESUME, CALL_TO_TRANSFER };

static bool is_meant(const struct ptn_ua_call_status *c, enum call_to to)
{
    switch (to) {
    case CALL_TO_ANSWER: return c->incoming && c->state == PTN_UA_CALL_RINGING;
    case CALL_TO_END: return c->state != PTN_UA_CALL_ENDING;
    case CALL_TO_TRANSFER: return c->state == PTN_UA_CALL_UP;
    case CALL_TO_HOLD: return c->state == PTN_UA_CALL_UP && !c->held;
    case CALL_TO_RESUME: return c->state == PTN_UA_CALL_UP && c->held;
    }
    return false;
}

/* The call that is named, or else the only one that can be meant; 0 when there is none. */
static ptn_ua_call_id call_meant(struct phone *p, ptn_time now, const json_t *request,
                                 enum call_to to)
{
    static struct ptn_ua_status s;
    const json_t *named = json_object_get(request, "call");
    json_int_t not_this = json_integer_value(json_object_get(request, "to_call"));
    ptn_ua_call_id found = 0;
    if (named) {
        json_int_t number = json_integer_value(named);
        return number > 0 && number <= UINT32_MAX ? (ptn_ua_call_id)number : 0;
    }
    ptn_ua_status(p->ua, now, &s);
    for (unsigned i = 0; i < s.call_count; i++) {
        if (!is_meant(&s.calls[i], to) || s.calls[i].id == not_this)
            continue;
        if (found)
            return 0;
        found = s.calls[i].id;
    }
    return found;
}

static json_t *on_call(ptn_ua_call_id call, bool done_so, const char *what)
{
    if (call == 0)
        return refuse("there is not exactly one call to %s: name it by its number", what);
    if (!done_so)
        return refuse("call %u is not there to %s", (unsigned)call, what);
    return json_pack("{s:b, s:I}", "ok", 1, "call", (json_int_t)call);
}

static json_t *do_answer(struct phone *p, ptn_time now, const json_t *request)
{
    ptn_ua_call_id call = call_meant(p, now, request, CALL_TO_ANSWER);
    return on_call(call, call && ptn_ua_answer(p->ua, now, call), "answer");
}

static json_t *do_reject(struct phone *p, ptn_time now, const json_t *request)
{
    ptn_ua_call_id call = call_meant(p, now, request, CALL_TO_ANSWER);
    const json_t *status = json_object_get(request, "status");
    json_int_t code = status ? json_integer_value(status) : 486;
    if (code < 400 || code > 699)
        return refuse("\"status\" is not a number from 400 to 699");
    return on_call(call, call && ptn_ua_reject(p->ua, now, call, (unsigned)code), "reject");
}

static json_t *hang_up_all(struct phone *p, ptn_time now)
{
    static struct ptn_ua_status s;
    json_int_t count = 0;
    ptn_ua_status(p->ua, now, &s);
    for (unsigned i = 0; i < s.call_count; i++)
        count += ptn_ua_hang_up(p->ua, now, s.calls[i].id);
    return json_pack("{s:b, s:I}", "ok", 1, "count", count);
}

static json_t *do_hang_up(struct phone *p, ptn_time now, const json_t *request)
{
    if (json_is_true(json_object_get(request, "all")))
        return hang_up_all(p, now);
    ptn_ua_call_id call = call_meant(p, now, request, CALL_TO_END);
    return on_call(call, call && ptn_ua_hang_up(p->ua, now, call), "hang up");
}

static json_t *hold(struct phone *p, ptn_time now, const json_t *request, bool hold)
{
    ptn_ua_call_id call = call_meant(p, now, request, hold ? CALL_TO_HOLD : CALL_TO_RESUME);
    return on_call(call, call && ptn_ua_hold(p->ua, now, call, hold), hold ? "hold" : "resume");
}

static json_t *do_hold(struct phone *p, ptn_time now, const json_t *request)
{
    return hold(p, now, request, true);
}

static json_t *do_resume(struct phone *p, ptn_time now, const json_t *request)
{
    return hold(p, now, request, false);
}

static json_t *do_transfer(struct phone *p, ptn_time now, const json_t *request)
{
    const char *target = json_string_value(json_object_get(request, "target"));
    ptn_ua_call_id other = (ptn_ua_call_id)json_integer_value(json_object_get(request, "to_call"));
    if (!target == !other)
        return refuse("transfer needs a \"target\" or a \"to_call\"");
    ptn_ua_call_id call = call_meant(p, now, request, CALL_TO_TRANSFER);
    return on_call(call, call && ptn_ua_transfer(p->ua, now, call, target, other), "transfer");
}

static json_t *do_message(struct phone *p, ptn_time now, const json_t *request)
{
    const char *target = json_string_value(json_object_get(request, "target"));
    const char *text = json_string_value(json_object_get(request, "text"));
    const json_t *number = json_object_get(request, "account");
    unsigned account = number ? account_index(p, json_integer_value(number)) : 0, message;

    if (!target || !text)
        return refuse("message needs a \"target\" and a \"text\"");
    if (account == PTN_UA_ACCOUNTS_MAX)
        return refuse("account %lld is not in use", (long long)json_integer_value(number));
    switch (ptn_ua_message(p->ua, now, account, target, text, &message)) {
    case PTN_OK: return json_pack("{s:b, s:I}", "ok", 1, "message", (json_int_t)message);
    case PTN_ERR_INVALID:
        return refuse("\"%s\" cannot be written to, or the text is empty or longer than %u bytes",
                      target, (unsigned)PTN_SIP_TEXT_BYTES_MAX);
    case PTN_ERR_UNREACHABLE:
        return refuse("the SIP server is not known yet, or cannot be reached");
    default: return refuse("the text could not be sent");
    }
}

static json_t *do_register(struct phone *p, ptn_time now, const json_t *request)
{
    (void)request;
    ptn_ua_register(p->ua, now);
    return done();
}

static json_t *do_unregister(struct phone *p, ptn_time now, const json_t *request)
{
    (void)request;
    ptn_ua_unregister(p->ua, now);
    return done();
}

static json_t *do_quit(struct phone *p, ptn_time now, const json_t *request)
{
    (void)now;
    (void)request;
    p->quit = true;
    return done();
}

static json_t *do_reload(struct phone *p, ptn_time now, const json_t *request)
{
    (void)now;
    (void)request;
    p->reread = true;
    return done();
}

/* ---- looking on ---- */

enum {
    ENTRIES_MAX = 100,        /* in one answer */
    ENTRY_BYTES_MAX = 1 << 17 /* of their texts: in JSON that may be six times as much */
};

/* So that a call is known by its number while it lasts; of those that ended, their end told. */
static void name_calls(struct phone *p, ptn_time now)
{
    static struct ptn_ua_status s;
    ptn_ua_status(p->ua, now, &s);
    for (unsigned i = 0; i < s.call_count; i++)
        ptn_trace_name(p->watch.trace, s.calls[i].call_id, s.calls[i].id);
}

static bool is_wanted(const struct ptn_trace_entry *e, json_int_t call)
{
    return call == 0 || (e->kind == PTN_TRACE_MESSAGE && e->call == call);
}

/* Counts that go on have no number: they are told once everything else is. */
static void append_counts(const struct ptn_trace *t, json_t *entries, json_int_t call)
{
    struct ptn_trace_entry e;
    for (unsigned i = 0; ptn_trace_counting(t, i, &e); i++)
        if (is_wanted(&e, call))
            json_array_append_new(entries, phone_report_entry(&e));
}

/* The entries behind number "after", as many as one answer takes: "more" tells of others. */
static json_t *do_trace(struct phone *p, ptn_time now, const json_t *request)
{
    json_int_t call = json_integer_value(json_object_get(request, "call"));
    json_int_t after = json_integer_value(json_object_get(request, "after"));
    uint64_t number = after > 0 ? (uint64_t)after : 0;
    json_t *entries = json_array();
    size_t bytes = 0;
    struct ptn_trace_entry e;
    bool more;

    name_calls(p, now);
    while ((more = ptn_trace_next(p->watch.trace, number, &e))) {
        bool full = json_array_size(entries) == ENTRIES_MAX ||
                    (bytes > 0 && bytes + e.text.size > ENTRY_BYTES_MAX);
        if (is_wanted(&e, call) && full)
            break;
        number = e.number;
        if (!is_wanted(&e, call))
            continue;
        bytes += e.text.size;
        json_array_append_new(entries, phone_report_entry(&e));
    }
    if (!more)
        append_counts(p->watch.trace, entries, call);
    return json_pack("{s:b, s:o, s:I, s:b}", "ok", 1, "entries", entries, "last",
                     (json_int_t)number, "more", more);
}

static json_t *do_capture_start(struct phone *p, ptn_time now, const json_t *request)
{
    const char *file = json_string_value(json_object_get(request, "file"));
    json_int_t bytes_max = json_integer_value(json_object_get(request, "bytes_max"));
    (void)now;
    if (!file)
        return refuse("capture_start needs a \"file\"");
    if (bytes_max < 0)
        return refuse("\"bytes_max\" is less than nothing");
    const char *why = phone_capture_start(&p->watch, file, (uint64_t)bytes_max);
    return why ? refuse("%s", why) : done();
}

static json_t *do_capture_stop(struct phone *p, ptn_time now, const json_t *request)
{
    uint64_t bytes = 0, packets = 0;
    (void)now;
    (void)request;
    if (!phone_capture_size(&p->watch, &bytes, &packets))
        return refuse("nothing is being captured");
    const char *why = phone_capture_flush(&p->watch, &p->log);
    if (why)
        return refuse("%s: %s", p->watch.capture_path, why);
    phone_capture_stop(&p->watch);
    return json_pack("{s:b, s:s, s:I, s:I}", "ok", 1, "file", p->watch.capture_path, "bytes",
                     (json_int_t)bytes, "packets", (json_int_t)packets);
}

static const struct {
    const char *name;
    json_t *(*run)(struct phone *p, ptn_time now, const json_t *request);
} commands[] = {
    {"status", do_status},
    {"dial", do_dial},
    {"answer", do_answer},
    {"reject", do_reject},
    {"hangup", do_hang_up},
    {"register", do_register},
    {"unregister", do_unregister},
    {"hold", do_hold},
    {"resume", do_resume},
    {"transfer", do_transfer},
    {"message", do_message},
    {"quit", do_quit},
    {"reload", do_reload},
    {"trace", do_trace},
    {"capture_start", do_capture_start},
    {"capture_stop", do_capture_stop},
};

static json_t *run_command(struct phone *p, ptn_time now, const json_t *request,
                           enum phone_follows *follows)
{
    const char *name = json_string_value(json_object_get(request, "command"));
    if (!name)
        return refuse("a request has a \"command\"");
    if (strcmp(name, "events") == 0) {
        *follows = PHONE_FOLLOWS_EVENTS;
        return done();
    }
    if (strcmp(name, "trace") == 0 && json_is_true(json_object_get(request, "follow")))
        *follows = PHONE_FOLLOWS_TRACE;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(p, now, request);
    return refuse("\"%s\" is no command", name);
}

json_t *phone_control_answer(struct phone *p, ptn_time now, struct ptn_bytes line,
                             enum phone_follows *follows)
{
    json_error_t error;
    json_t *request = json_loadb((const char *)line.data, line.size, 0, &error);
    *follows = PHONE_FOLLOWS_NOTHING;
    json_t *answer = json_is_object(request) ? run_command(p, now, request, follows)
                     : request               ? refuse("a request is a JSON object")
                                             : refuse("this is no JSON: %s", error.text);
    json_t *id = json_object_get(request, "id");
    if (id)
        json_object_set(answer, "id", id);
    json_decref(request);
    return answer;
}

/* ---- clients ---- */

static void send_json(struct phone *p, uint32_t client, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    /* Errors mean that the client is gone, or reads nothing: its own matter. */
    if (text)
        ptn_control_send(p->control, client, ptn_bytes_of_text(text));
    free(text);
}

/* Makes `client` one of those who are told; clients that have left make room. */
static void follow(struct phone *p, uint32_t client)
{
    uint32_t *place = NULL;
    for (size_t i = 0; i < PTN_CONTROL_CLIENTS_MAX; i++) {
        if (p->followers[i] == client)
            return;
        if (!place && !ptn_control_has(p->control, p->followers[i]))
            place = &p->followers[i];
    }
    /* There are as many places as the socket takes clients, so one is free. */
    if (place)
        *place = client;
}

/* The same for the trace, from the end of what the answer told. */
static void read_on(struct phone *p, uint32_t client, const json_t *answer)
{
    struct phone_reader *place = NULL;
    for (size_t i = 0; i < PTN_CONTROL_CLIENTS_MAX; i++) {
        struct phone_reader *r = &p->readers[i];
        if (r->client == client || (!place && !ptn_control_has(p->control, r->client)))
            place = r;
    }
    if (place)
        *place = (struct phone_reader){
            client, (uint64_t)json_integer_value(json_object_get(answer, "last"))};
}

void phone_control_line(struct phone *p, ptn_time now, const struct ptn_control_line *line)
{
    enum phone_follows follows;
    json_t *answer = phone_control_answer(p, now, line->text, &follows);
    if (follows == PHONE_FOLLOWS_EVENTS)
        follow(p, line->client);
    else if (follows == PHONE_FOLLOWS_TRACE)
        read_on(p, line->client, answer);
    send_json(p, line->client, answer);
    json_decref(answer);
    /* What a status or a trace is made of is the most that this program ever takes for a moment. */
    ptn_limits_give_back();
}

/* Takes the reference of `event`, which may be NULL. */
static void tell_followers(struct phone *p, json_t *event)
{
    for (size_t i = 0; event && i < PTN_CONTROL_CLIENTS_MAX; i++)
        if (ptn_control_has(p->control, p->followers[i]))
            send_json(p, p->followers[i], event);
    json_decref(event);
}

void phone_control_event(struct phone *p, const struct ptn_ua_event *ev)
{
    if (ev->call && ev->call_id)
        ptn_trace_name(p->watch.trace, ev->call_id, ev->call);
    tell_followers(p, phone_report_event(p, ev));
}

static void tell_reader(struct phone *p, struct phone_reader *r)
{
    struct ptn_trace_entry e;
    while (ptn_control_has(p->control, r->client) && ptn_trace_next(p->watch.trace, r->read, &e)) {
        json_t *entry = phone_report_entry(&e);
        json_object_set_new(entry, "event", json_string("trace"));
        r->read = e.number;
        send_json(p, r->client, entry);
        json_decref(entry);
    }
}

void phone_control_watch(struct phone *p)
{
    const char *why = phone_capture_flush(&p->watch, &p->log);
    if (why)
        tell_followers(p, json_pack("{s:s, s:s, s:s}", "event", "capture_ended", "file",
                                    p->watch.capture_path, "why", why));
    for (size_t i = 0; i < PTN_CONTROL_CLIENTS_MAX; i++)
        tell_reader(p, &p->readers[i]);
}

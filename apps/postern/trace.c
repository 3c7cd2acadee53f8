/*
 * postern/trace.c - the phone's entries, sorted by what they belong to, each group a ladder.
 *
 *     Registration of 1001@example.org      all with the same Call-ID
 *     Call 1 from 1002@… to 1001@…          the same
 *     Connections and keep-alives           what has no Call-ID
 *
 * What is followed comes as it happens, in one ladder.
 */
#include "postern/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/terminal.h"
#include "sight/glance.h"
#include "sight/ladder.h"

enum {
    WIDTH_USUAL = 80,
    REGISTRATION_SHOWN = 8, /* the last messages of a registration: two refreshments with 401 */
};

struct row {
    json_t *json; /* its texts are the entry's */
    struct ptn_trace_entry entry;
    const char *call_id; /* "": none */
    bool shown;
};

struct page {
    const struct trace *trace;
    struct ptn_ladder style;
    struct row *rows;
    size_t count, room;
    uint64_t last;
};

/* ---- reading ---- */

static struct ptn_addr addr_of(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));
    struct ptn_addr addr = {0};

    if (text)
        ptn_addr_parse(text, &addr);
    return addr;
}

static uint64_t unix_ns_of(const json_t *entry, const char *name)
{
    double s = json_number_value(json_object_get(entry, name));

    return s > 0 && s < 1e10 ? (uint64_t)(s * 1e6) * 1000u : 0;
}

static bool has_word(const json_t *entry, const char *name, const char *word)
{
    const char *text = json_string_value(json_object_get(entry, name));

    return text && strcmp(text, word) == 0;
}

static enum ptn_err err_of(const json_t *entry)
{
    for (int err = PTN_OK + 1; err <= PTN_ERR_IO; err++)
        if (has_word(entry, "why", ptn_err_text((enum ptn_err)err)))
            return (enum ptn_err)err;
    return PTN_OK;
}

static void read_entry(const json_t *json, struct ptn_trace_entry *e)
{
    const json_t *text = json_object_get(json, "text");

    *e = (struct ptn_trace_entry){
        .kind = has_word(json, "kind", "message")      ? PTN_TRACE_MESSAGE
                : has_word(json, "kind", "keepalives") ? PTN_TRACE_KEEPALIVES
                : has_word(json, "kind", "connected")  ? PTN_TRACE_UP
                : has_word(json, "kind", "closed")     ? PTN_TRACE_DOWN
                                                       : PTN_TRACE_FAILED,
        .number = (uint64_t)json_integer_value(json_object_get(json, "number")),
        .unix_ns = unix_ns_of(json, "time"),
        .until_ns = unix_ns_of(json, "until"),
        .sent = json_is_true(json_object_get(json, "sent")),
        .repeat = json_is_true(json_object_get(json, "repeat")),
        .transport = has_word(json, "transport", "tls")   ? PTN_TLS
                     : has_word(json, "transport", "tcp") ? PTN_TCP
                                                          : PTN_UDP,
        .local = addr_of(json, "local"),
        .far = addr_of(json, "far"),
        .why = err_of(json),
        .sent_count = (uint32_t)json_integer_value(json_object_get(json, "sent_count")),
        .received_count = (uint32_t)json_integer_value(json_object_get(json, "received_count")),
        .call = (uint32_t)json_integer_value(json_object_get(json, "call")),
    };
    if (text)
        e->text = ptn_bytes(json_string_value(text), json_string_length(text));
}

static bool add_row(struct page *p, json_t *json)
{
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 256;
        struct row *rows = realloc(p->rows, room * sizeof *rows);
        if (!rows)
            return false;
        p->rows = rows;
        p->room = room;
    }
    const char *call_id = json_string_value(json_object_get(json, "call_id"));
    struct row *row = &p->rows[p->count++];
    *row = (struct row){.json = json_incref(json), .call_id = call_id ? call_id : ""};
    read_entry(row->json, &row->entry);
    return true;
}

/* All that the phone has, answer by answer; the last one makes it tell what is new, if wanted. */
static int fetch(struct talk *t, struct page *p)
{
    bool more = true;

    while (more) {
        json_t *answer = NULL, *entry;
        size_t i;
        json_t *request =
            json_pack("{s:s, s:I, s:I, s:b}", "command", "trace", "after", (json_int_t)p->last,
                      "call", (json_int_t)p->trace->call, "follow", p->trace->follow);
        int code = talk_ask(t, request, &answer);
        if (code != POSTERN_FINE)
            return code;
        json_array_foreach(json_object_get(answer, "entries"), i, entry) if (!add_row(p, entry))
        {
            fprintf(stderr, "postern: %s\n", ptn_err_text(PTN_ERR_NO_MEMORY));
            return POSTERN_REFUSED;
        }
        p->last = (uint64_t)json_integer_value(json_object_get(answer, "last"));
        more = json_is_true(json_object_get(answer, "more"));
        json_decref(answer);
    }
    return POSTERN_FINE;
}

/* ---- printing ---- */

static void print_json(const json_t *entry)
{
    char *text = json_dumps(entry, JSON_COMPACT);

    puts(text ? text : "{}");
    free(text);
}

static void print_message(const struct page *p, struct ptn_bytes text)
{
    size_t size = 8 * text.size + 1; /* of each byte a character, and an indent before it */
    char *lines = malloc(size);

    if (!lines)
        return;
    struct ptn_writer w = ptn_writer(lines, size);
    ptn_ladder_print_text(&p->style, text, "    ", &w);
    (void)fwrite(lines, 1, ptn_writer_size(&w), stdout);
    free(lines);
}

static void print_entry(const struct page *p, struct ptn_ladder *l, const struct ptn_trace_entry *e)
{
    static char lines[PTN_LADDER_TEXT_MAX];
    struct ptn_writer w = ptn_writer(lines, sizeof lines);

    ptn_ladder_print(l, e, &w);
    (void)fwrite(lines, 1, ptn_writer_size(&w), stdout);
    if (p->trace->full && e->kind == PTN_TRACE_MESSAGE)
        print_message(p, e->text);
}

/* `first` is the first message of the group. */
static void print_title(const struct row *first)
{
    struct ptn_glance g;

    ptn_glance(first->entry.text, &g);
    if (!first->call_id[0])
        puts("Connections and keep-alives");
    else if (strcmp(g.method, "REGISTER") == 0)
        printf("Registration of %s\n", g.to);
    else if (first->entry.call)
        printf("Call %u from %s to %s\n", (unsigned)first->entry.call, g.from, g.to);
    else
        printf("%s from %s to %s\n", g.method, g.from, g.to);
}

static bool is_registration(const struct row *first)
{
    return has_word(first->json, "method", "REGISTER");
}

/* All rows with the Call-ID of row `first`. */
static void print_group(struct page *p, size_t first)
{
    const char *call_id = p->rows[first].call_id;
    struct ptn_ladder ladder = p->style;
    size_t count = 0, left_out = 0;

    for (size_t i = first; i < p->count; i++)
        if (strcmp(p->rows[i].call_id, call_id) == 0) {
            ptn_ladder_expect(&ladder, &p->rows[i].entry);
            count++;
        }
    if (is_registration(&p->rows[first]) && !p->trace->all && count > REGISTRATION_SHOWN)
        left_out = count - REGISTRATION_SHOWN;
    print_title(&p->rows[first]);
    if (left_out > 0)
        printf("(%zu earlier messages are left out; --all shows them)\n", left_out);
    for (size_t i = first; i < p->count; i++) {
        if (strcmp(p->rows[i].call_id, call_id) != 0)
            continue;
        p->rows[i].shown = true;
        if (left_out > 0)
            left_out--;
        else
            print_entry(p, &ladder, &p->rows[i].entry);
    }
}

static void print_groups(struct page *p)
{
    const char *between = "";

    for (size_t i = 0; i < p->count; i++) {
        if (p->rows[i].shown || !p->rows[i].call_id[0])
            continue;
        fputs(between, stdout);
        print_group(p, i);
        between = "\n";
    }
    for (size_t i = 0; i < p->count; i++)
        if (!p->rows[i].shown) {
            fputs(between, stdout);
            print_group(p, i);
        }
}

/* Counts that go on come when they end. */
static void print_past(const struct page *p, struct ptn_ladder *l, const struct ptn_trace_entry *e)
{
    if (e->number > 0)
        print_entry(p, l, e);
}

static void print_page(struct page *p)
{
    struct ptn_ladder ladder = p->style;

    if (p->trace->json)
        for (size_t i = 0; i < p->count; i++)
            print_json(p->rows[i].json);
    else if (p->trace->follow)
        for (size_t i = 0; i < p->count; i++)
            print_past(p, &ladder, &p->rows[i].entry);
    else
        print_groups(p);
    p->style = ladder;
}

static int follow(struct talk *t, struct page *p)
{
    struct ptn_ladder ladder = p->style;
    bool gone = false;
    json_t *event;

    while (fflush(stdout) == 0 && (event = talk_event(t, PTN_NEVER, &gone))) {
        struct ptn_trace_entry e;
        read_entry(event, &e);
        bool wanted = p->trace->call == 0 || e.call == (unsigned long)p->trace->call;
        if (wanted && p->trace->json)
            print_json(event);
        else if (wanted)
            print_entry(p, &ladder, &e);
        json_decref(event);
    }
    return POSTERN_FINE; /* the phone has ended, as one who follows may expect */
}

int trace_run(struct talk *t, const struct trace *trace)
{
    struct page p = {.trace = trace};
    int code = fetch(t, &p);

    if (code == POSTERN_FINE) {
        uint64_t last = p.count ? p.rows[p.count - 1].entry.unix_ns : 0;
        ptn_ladder_init(&p.style, ptn_terminal_width(STDOUT_FILENO, WIDTH_USUAL),
                        ptn_terminal_is_utf8(), ptn_terminal_utc_offset_s(last));
        print_page(&p);
        if (p.count == 0 && !trace->follow && !trace->json)
            puts(trace->call ? "no message of that call is kept" : "no message yet");
        if (trace->follow)
            code = follow(t, &p);
    }
    for (size_t i = 0; i < p.count; i++)
        json_decref(p.rows[i].json);
    free(p.rows);
    return code;
}

/*
 * sight/ladder.c - one line is put together in cells, one character each, and then printed.
 */
#include "sight/ladder.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "sight/glance.h"

enum {
    PHONE_AT = 14, /* column of the phone's line; the time stands before it */
    NOTE_AT = 6,   /* behind the phone's line */
};

#define DAY_S 86400u
#define MARCH_0 UINT64_C(719468) /* days before 1970 */

/* What lines are drawn with: ASCII, and box drawing. */
enum { LINE, DASH, CROSS, HEAD_RIGHT, HEAD_LEFT, CUT };
static const uint32_t pens[2][6] = {
    {'|', '-', '+', '>', '<', '~'},
    {0x2502, 0x2500, 0x253c, 0x25b6, 0x25c0, 0x2026},
};

struct row {
    uint32_t cells[PTN_LADDER_WIDTH_MAX]; /* 0 is a blank */
};

void ptn_ladder_init(struct ptn_ladder *l, unsigned width, bool utf8, int utc_offset_s)
{
    *l = (struct ptn_ladder){.width = width < PTN_LADDER_WIDTH_MIN   ? PTN_LADDER_WIDTH_MIN
                                      : width > PTN_LADDER_WIDTH_MAX ? PTN_LADDER_WIDTH_MAX
                                                                     : width,
                             .utf8 = utf8,
                             .utc_offset_s = utc_offset_s};
}

/* ---- cells ---- */

static uint32_t pen(const struct ptn_ladder *l, unsigned which)
{
    return pens[l->utf8][which];
}

/* The next character of clean UTF-8; what a terminal might obey becomes a blank. */
static uint32_t next_character(struct ptn_bytes *text)
{
    uint8_t c = text->data[0];
    size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t value = size == 1 ? c : c & (0x7fu >> size);

    if (size > text->size)
        size = 1, value = '?';
    for (size_t i = 1; i < size; i++)
        value = value << 6 | (text->data[i] & 0x3fu);
    *text = ptn_bytes(text->data + size, text->size - size);
    return value < 0x20 || (value >= 0x7f && value < 0xa0) ? ' ' : value;
}

/* Puts text into the cells from `at` up to `end`; what is longer ends in a mark. Answers where it
 * ends. */
static unsigned put(const struct ptn_ladder *l, struct row *row, unsigned at, unsigned end,
                    struct ptn_bytes text)
{
    while (text.size > 0 && at < end) {
        uint32_t c = next_character(&text);
        row->cells[at++] = !l->utf8 && c >= 0x80 ? '?' : c;
    }
    if (text.size > 0 && at > 0)
        row->cells[at - 1] = pen(l, CUT);
    return at;
}

static unsigned put_text(const struct ptn_ladder *l, struct row *row, unsigned at, unsigned end,
                         const char *text)
{
    return put(l, row, at, end, ptn_bytes_of_text(text));
}

static void write_character(struct ptn_writer *w, uint32_t c)
{
    if (c < 0x80) {
        ptn_write_u8(w, (uint8_t)c);
    } else if (c < 0x800) {
        ptn_write_u8(w, (uint8_t)(0xc0 | c >> 6));
        ptn_write_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        ptn_write_u8(w, (uint8_t)(0xe0 | c >> 12));
        ptn_write_u8(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        ptn_write_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        ptn_write_u8(w, (uint8_t)(0xf0 | c >> 18));
        ptn_write_u8(w, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        ptn_write_u8(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        ptn_write_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static void write_row(const struct ptn_ladder *l, const struct row *row, struct ptn_writer *w)
{
    unsigned size = l->width;

    while (size > 0 && (row->cells[size - 1] == 0 || row->cells[size - 1] == ' '))
        size--;
    for (unsigned i = 0; i < size; i++)
        write_character(w, row->cells[i] ? row->cells[i] : ' ');
    ptn_write_u8(w, '\n');
}

/* ---- columns ---- */

static unsigned place_of(const struct ptn_ladder *l, unsigned column)
{
    return PHONE_AT + (l->width - 1 - PHONE_AT) * (column + 1) / l->column_count;
}

static bool is_column(const struct ptn_ladder_column *c, const struct ptn_trace_entry *e)
{
    return c->transport == e->transport && ptn_addr_equal(&c->far, &e->far);
}

static unsigned column_of(const struct ptn_ladder *l, const struct ptn_trace_entry *e)
{
    unsigned i = 0;

    while (i < l->column_count && !is_column(&l->columns[i], e))
        i++;
    return i;
}

void ptn_ladder_expect(struct ptn_ladder *l, const struct ptn_trace_entry *e)
{
    unsigned i = column_of(l, e);

    if (i == l->column_count && i < PTN_LADDER_COLUMNS)
        l->columns[l->column_count++] =
            (struct ptn_ladder_column){.far = e->far, .transport = e->transport};
}

/* The column of the entry's far end, made now if it must be. */
static unsigned take_column(struct ptn_ladder *l, const struct ptn_trace_entry *e)
{
    unsigned i = column_of(l, e);

    if (i == l->column_count) {
        l->headed = false;
        if (i < PTN_LADDER_COLUMNS) {
            l->column_count++;
        } else {
            i = 0;
            for (unsigned other = 1; other < PTN_LADDER_COLUMNS; other++)
                if (l->columns[other].used < l->columns[i].used)
                    i = other;
        }
        l->columns[i] = (struct ptn_ladder_column){.far = e->far, .transport = e->transport};
    }
    l->columns[i].used = ++l->uses;
    return i;
}

static void draw_lines(const struct ptn_ladder *l, struct row *row)
{
    row->cells[PHONE_AT] = pen(l, LINE);
    for (unsigned i = 0; i < l->column_count; i++)
        row->cells[place_of(l, i)] = pen(l, LINE);
}

/* ---- times ---- */

/* Where the reader is, since the first of March of the year 0. */
static uint64_t local_s(const struct ptn_ladder *l, uint64_t unix_ns)
{
    return unix_ns / 1000000000u + MARCH_0 * DAY_S + (uint64_t)(int64_t)l->utc_offset_s;
}

void ptn_ladder_time(const struct ptn_ladder *l, uint64_t unix_ns, char buf[static 16])
{
    unsigned s = (unsigned)(local_s(l, unix_ns) % DAY_S);

    snprintf(buf, 16, "%02u:%02u:%02u.%03u", s / 3600 % 24, s / 60 % 60, s % 60,
             (unsigned)(unix_ns / 1000000u % 1000u));
}

/* The civil date, by counting in eras of 400 years that begin in March. */
static void date_text(uint64_t day, char buf[static 16])
{
    uint64_t era = day / 146097;
    unsigned in_era = (unsigned)(day % 146097);
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* from March */
    unsigned in_month = in_year - (153 * month + 2) / 5 + 1;
    unsigned civil = month < 10 ? month + 3 : month - 9;

    snprintf(buf, 16, "%04u-%02u-%02u", (unsigned)((era * 400 + year + (civil <= 2)) % 10000),
             civil % 100, in_month % 100);
}

/* ---- lines ---- */

static const char *transport_text(enum ptn_transport t)
{
    return t == PTN_TLS ? "TLS" : t == PTN_TCP ? "TCP" : "UDP";
}

/* Ends above the column's line; begins behind `end`, which it moves, even if it must be cut. */
static void put_label(const struct ptn_ladder *l, struct row *row, unsigned column, unsigned *end,
                      const char *label)
{
    unsigned stop = place_of(l, column) + 1, size = (unsigned)strlen(label);
    unsigned from = size < stop ? stop - size : 0;

    *end = put_text(l, row, from > *end + 1 ? from : *end + 1, stop, label);
}

/* The date and who stands where: at the beginning, when that changes, and on a new day. What
 * stands there goes on a line of its own where columns are narrow. */
static void write_head(struct ptn_ladder *l, uint64_t unix_ns, struct ptn_writer *w)
{
    bool narrow = l->column_count == PTN_LADDER_COLUMNS;
    uint64_t day = local_s(l, unix_ns) / DAY_S;
    struct row row = {0}, below = {0};
    unsigned end = PHONE_AT - 1, below_end = end;
    char date[16];

    if (l->headed && day == l->day)
        return;
    date_text(day, date);
    put_text(l, &row, 0, PHONE_AT, date);
    if (narrow)
        below_end = put_text(l, &below, PHONE_AT, l->width, "phone");
    else
        end = put_text(l, &row, PHONE_AT, l->width, "phone");
    for (unsigned i = 0; i < l->column_count; i++) {
        const char *transport = transport_text(l->columns[i].transport);
        char addr[PTN_ADDR_TEXT_MAX], label[PTN_ADDR_TEXT_MAX + 8];
        snprintf(label, sizeof label, "%s%s%s", ptn_addr_format(&l->columns[i].far, addr),
                 narrow ? "" : " ", narrow ? "" : transport);
        put_label(l, &row, i, &end, label);
        put_label(l, &below, i, &below_end, transport);
    }
    write_row(l, &row, w);
    if (narrow)
        write_row(l, &below, w);
    l->headed = true;
    l->day = day;
}

/* The arrow to or from column `to`, with words in it. `both`: a head at each end. */
static void write_arrow(const struct ptn_ladder *l, const struct ptn_trace_entry *e, unsigned to,
                        bool both, const char *words, struct ptn_writer *w)
{
    struct row row = {0};
    char time[16];
    unsigned far_at = place_of(l, to);

    ptn_ladder_time(l, e->unix_ns, time);
    put_text(l, &row, 0, PHONE_AT - 1, time);
    draw_lines(l, &row);
    for (unsigned at = PHONE_AT + 1; at < far_at; at++)
        row.cells[at] = pen(l, row.cells[at] ? CROSS : DASH);
    if (e->sent || both)
        row.cells[far_at - 1] = pen(l, HEAD_RIGHT);
    if (!e->sent || both)
        row.cells[PHONE_AT + 1] = pen(l, HEAD_LEFT);
    unsigned end = put_text(l, &row, PHONE_AT + 5, far_at - 4, words);
    row.cells[PHONE_AT + 4] = row.cells[end] = ' ';
    write_row(l, &row, w);
}

/* Beside the phone's line; the last far end's is the limit, those between give way. */
static void write_note(const struct ptn_ladder *l, const char *words, struct ptn_writer *w)
{
    struct row row = {0};

    draw_lines(l, &row);
    put_text(l, &row, PHONE_AT + NOTE_AT, l->width - 2, words);
    write_row(l, &row, w);
}

/* Only where it is news. */
static void write_seen_as(struct ptn_ladder *l, const char *seen_as, struct ptn_writer *w)
{
    char words[sizeof l->seen_as + 10];

    if (!seen_as[0] || strcmp(seen_as, l->seen_as) == 0)
        return;
    snprintf(l->seen_as, sizeof l->seen_as, "%s", seen_as);
    snprintf(words, sizeof words, "seen as %s", seen_as);
    write_note(l, words, w);
}

static void write_message(struct ptn_ladder *l, const struct ptn_trace_entry *e, unsigned column,
                          struct ptn_writer *w)
{
    static const char again[] = " again";
    struct ptn_glance glance;
    char words[sizeof glance.what + sizeof again];

    ptn_glance(e->text, &glance);
    snprintf(words, sizeof words, "%s%s", glance.what, e->repeat ? again : "");
    write_arrow(l, e, column, false, words, w);
    write_seen_as(l, glance.seen_as, w);
    for (unsigned i = 0; !e->repeat && i < glance.note_count; i++)
        write_note(l, glance.notes[i], w);
}

static void write_count(const struct ptn_ladder *l, const struct ptn_trace_entry *e,
                        unsigned column, struct ptn_writer *w)
{
    char words[128], until[16];

    ptn_ladder_time(l, e->until_ns, until);
    snprintf(words, sizeof words, "keep-alives: %u sent, %u received, last %.8s",
             (unsigned)e->sent_count, (unsigned)e->received_count, until);
    write_arrow(l, e, column, true, words, w);
}

static void write_turn(const struct ptn_ladder *l, const struct ptn_trace_entry *e, unsigned column,
                       struct ptn_writer *w)
{
    char words[160], local[PTN_ADDR_TEXT_MAX];
    const char *kind = transport_text(e->transport);

    ptn_addr_format(&e->local, local);
    if (e->kind == PTN_TRACE_UP)
        snprintf(words, sizeof words, "(%s: connected %s %s)", kind, e->sent ? "from" : "to",
                 local);
    else if (e->kind == PTN_TRACE_DOWN && e->why == PTN_OK)
        snprintf(words, sizeof words, "(%s: closed)", kind);
    else
        snprintf(words, sizeof words, "(%s: %s: %s)", kind,
                 e->kind == PTN_TRACE_DOWN ? "lost" : "not connected", ptn_err_text(e->why));
    write_arrow(l, e, column, false, words, w);
}

void ptn_ladder_print(struct ptn_ladder *l, const struct ptn_trace_entry *e, struct ptn_writer *w)
{
    unsigned column = take_column(l, e);

    write_head(l, e->unix_ns, w);
    switch (e->kind) {
    case PTN_TRACE_MESSAGE: write_message(l, e, column, w); break;
    case PTN_TRACE_KEEPALIVES: write_count(l, e, column, w); break;
    case PTN_TRACE_UP:
    case PTN_TRACE_DOWN:
    case PTN_TRACE_FAILED: write_turn(l, e, column, w); break;
    }
}

void ptn_ladder_print_text(const struct ptn_ladder *l, struct ptn_bytes text, const char *indent,
                           struct ptn_writer *w)
{
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        struct ptn_bytes line = {text.data,
                                 size > 0 && text.data[size - 1] == '\r' ? size - 1 : size};
        ptn_write(w, ptn_bytes_of_text(line.size ? indent : ""));
        while (line.size > 0) {
            uint32_t c = next_character(&line);
            write_character(w, !l->utf8 && c >= 0x80 ? '?' : c);
        }
        ptn_write_u8(w, '\n');
        size_t used = size + (end != NULL);
        text = ptn_bytes(text.data + used, text.size - used);
    }
}

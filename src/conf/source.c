/*
 * conf/source.c - what all ways of reading settings share: lines, pairs, notes, and the
 * rule for a key that comes twice.
 *
 * Within one plain file or command line a repeated list grows; any other repeated key is
 * worth a note. Across sources the later one replaces what the earlier said, lists too.
 */
#include "conf/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 1000 };

void ptn_conf_note(struct ptn_conf_report *r, enum ptn_conf_note_kind kind, const char *text)
{
    size_t count = r->note_count;

    r->counts[kind]++;
    if (count == NOTES_MAX)
        return;
    /* Grown whenever the count is a power of two. */
    if ((count & (count - 1)) == 0) {
        struct ptn_conf_note *grown = realloc(r->notes, (count ? 2 * count : 1) * sizeof *r->notes);
        if (!grown)
            return;
        r->notes = grown;
    }
    char *copy = malloc(strlen(text) + 1);
    if (copy)
        r->notes[r->note_count++] = (struct ptn_conf_note){kind, strcpy(copy, text)};
}

void ptn_conf_report_fini(struct ptn_conf_report *r)
{
    for (size_t i = 0; i < r->note_count; i++)
        free(r->notes[i].text);
    free(r->notes);
    ptn_conf_origins_free(r->origins);
    *r = (struct ptn_conf_report){0};
}

void ptn_conf_source_note(struct ptn_conf_source *s, enum ptn_conf_note_kind kind,
                          const char *format, ...)
{
    char text[1000];
    int used = 0;
    va_list args;

    if (s->file && s->line > 0)
        used = snprintf(text, sizeof text, "%.300s:%u: ", s->file, s->line);
    else if (s->file)
        used = snprintf(text, sizeof text, "%.300s: ", s->file);
    va_start(args, format);
    vsnprintf(text + used, sizeof text - (size_t)used, format, args);
    va_end(args);
    ptn_conf_note(s->report, kind, text);
}

static size_t slots_before(const struct ptn_conf_table *t, const struct ptn_conf_row *end)
{
    size_t slots = 0;

    for (const struct ptn_conf_row *row = t->rows; row != end; row++)
        slots += ptn_conf_slot_count(row);
    return slots;
}

size_t ptn_conf_member_number(const struct ptn_conf_table *t, const struct ptn_conf_member *m)
{
    return slots_before(t, m->row) + m->slot;
}

bool ptn_conf_source_init(struct ptn_conf_source *s)
{
    size_t slots = slots_before(s->table, s->table->rows + s->table->row_count);

    s->set_at = calloc(slots ? slots : 1, sizeof *s->set_at);
    if (!s->set_at)
        ptn_conf_source_note(s, PTN_CONF_WRONG, "out of memory");
    return s->set_at != NULL;
}

void ptn_conf_source_fini(struct ptn_conf_source *s)
{
    free(s->set_at);
    s->set_at = NULL;
}

/* Under another of its names it may not look like the same thing. */
static void note_again(struct ptn_conf_source *s, const struct ptn_conf_member *m, const char *key,
                       unsigned line)
{
    char today[PTN_CONF_TEXT_SIZE];

    ptn_conf_member_key(m, today, sizeof today);
    ptn_conf_source_note(s, PTN_CONF_REPEATED,
                         "%.200s: %s%s%swas already set in line %u; the last "
                         "one counts",
                         key, strcmp(key, today) != 0 ? "is " : "",
                         strcmp(key, today) != 0 ? today : "",
                         strcmp(key, today) != 0 ? " here, which " : "", line);
}

void ptn_conf_source_set(struct ptn_conf_source *s, const struct ptn_conf_member *m,
                         const char *key, const char *value)
{
    size_t number = ptn_conf_member_number(s->table, m);
    unsigned *set_at = &s->set_at[number];
    char why[PTN_CONF_WHY_SIZE];
    bool again = *set_at > 0,
         grow = s->lists_grow && (m->row->type == PTN_CONF_IPS || m->row->type == PTN_CONF_LIST);

    if (ptn_conf_member_set(m, s->values, value, again && grow, why) != PTN_CONF_SET_TAKEN) {
        ptn_conf_source_note(s, PTN_CONF_WRONG, "%.200s: %s", key, why);
        return;
    }
    if (again && !grow && s->file)
        note_again(s, m, key, *set_at);
    *set_at = s->line > 0 ? s->line : 1;
    ptn_conf_origins_set(s->report, number, s->file, s->line);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct ptn_bytes trimmed(struct ptn_bytes b)
{
    while (b.size > 0 && is_blank(b.data[0]))
        b = ptn_bytes(b.data + 1, b.size - 1);
    while (b.size > 0 && is_blank(b.data[b.size - 1]))
        b.size--;
    return b;
}

bool ptn_conf_source_line(struct ptn_conf_source *s, struct ptn_bytes *left, struct ptn_bytes *line)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};

    if (left->size == 0)
        return false;
    if (s->line++ == 0 && left->size >= sizeof mark && memcmp(left->data, mark, sizeof mark) == 0)
        *left = ptn_bytes(left->data + sizeof mark, left->size - sizeof mark);

    const uint8_t *end = left->size ? memchr(left->data, '\n', left->size) : NULL;
    size_t size = end ? (size_t)(end - left->data) : left->size;
    size_t used = end ? size + 1 : size;

    *line = trimmed(ptn_bytes(left->data, size));
    *left = ptn_bytes(left->data + used, left->size - used);
    return true;
}

static void copy_text(char *to, struct ptn_bytes b)
{
    if (b.size > 0)
        memcpy(to, b.data, b.size);
    to[b.size] = '\0';
}

bool ptn_conf_source_pair(struct ptn_conf_source *s, struct ptn_bytes line, bool blank_parts,
                          struct ptn_conf_pair *pair)
{
    size_t key_size = 0;

    if (line.size > PTN_CONF_LINE_MAX) {
        ptn_conf_source_note(s, PTN_CONF_WRONG, "the line is longer than %d bytes",
                             PTN_CONF_LINE_MAX);
        return false;
    }
    if (line.size > 0 && memchr(line.data, '\0', line.size)) {
        ptn_conf_source_note(s, PTN_CONF_WRONG, "the line holds a zero byte");
        return false;
    }
    while (key_size < line.size && line.data[key_size] != '=' &&
           !(blank_parts && is_blank(line.data[key_size])))
        key_size++;
    copy_text(pair->key, trimmed(ptn_bytes(line.data, key_size)));
    pair->has_value = key_size < line.size;
    struct ptn_bytes value = trimmed(ptn_bytes(line.data + key_size, line.size - key_size));
    if (value.size > 0 && value.data[0] == '=')
        value = trimmed(ptn_bytes(value.data + 1, value.size - 1));
    copy_text(pair->value, value);
    return true;
}

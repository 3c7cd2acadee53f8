/*
 * conf/table.c - from a key to the member it sets.
 *
 * A key with indices, "account.3.sip_server.1.port", belongs to the row
 * "account.#.sip_server.#.port", whose member is an array of arrays; its slots are
 * counted through both indices. The rows are looked through one after the other:
 * a few hundred of them for a few hundred lines is nothing, once in a program's life.
 */
#include "conf/parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number from 1, without leading zeros; moves `*at` behind it. */
static bool parse_index(const char **at, unsigned *out)
{
    unsigned value = 0;

    if (**at < '1' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        if (value > 99999)
            return false;
        value = value * 10 + (unsigned)(**at - '0');
    }
    *out = value;
    return true;
}

/* Does `key` have the form of `pattern`? Its numbers go to `indices`, at most two. */
static bool matches(const char *pattern, const char *key, unsigned indices[2])
{
    unsigned n = 0;

    for (; *pattern; pattern++) {
        if (*pattern == '#') {
            if (n == 2 || !parse_index(&key, &indices[n++]))
                return false;
        } else if (*pattern != *key++) {
            return false;
        }
    }
    return *key == '\0';
}

/* `pattern` with indices put in for '#', in order. */
static void fill_in(const char *pattern, const unsigned indices[2], char *buf, size_t size)
{
    size_t used = 0, n = 0;

    for (; *pattern && used + 1 < size; pattern++) {
        if (*pattern == '#' && n < 2)
            used += (size_t)snprintf(buf + used, size - used, "%u", indices[n++]);
        else
            buf[used++] = *pattern;
    }
    buf[used < size ? used : size - 1] = '\0';
}

unsigned ptn_conf_few(const struct ptn_conf_table *t, const char *key)
{
    for (size_t i = 0; i < t->row_count; i++) {
        const struct ptn_conf_row *row = &t->rows[i];
        unsigned at[2] = {1, 1};

        if (row->type == PTN_CONF_SECTION || !matches(row->key, key, at))
            continue;
        for (unsigned n = 0; n < 2; n++)
            if (row->counts[n] && at[n] > row->counts[n])
                return row->counts[n];
    }
    return 0;
}

static bool find_row(const struct ptn_conf_table *t, const char *key, struct ptn_conf_member *m)
{
    for (size_t i = 0; i < t->row_count; i++) {
        const struct ptn_conf_row *row = &t->rows[i];
        unsigned at[2] = {1, 1};

        if (row->type == PTN_CONF_SECTION || !matches(row->key, key, at))
            continue;
        if ((row->counts[0] && at[0] > row->counts[0]) ||
            (row->counts[1] && at[1] > row->counts[1]))
            return false;
        size_t width = row->counts[1] ? row->counts[1] : 1;
        *m = (struct ptn_conf_member){row, (at[0] - 1) * width + at[1] - 1};
        return true;
    }
    return false;
}

bool ptn_conf_find(const struct ptn_conf_table *t, const char *key, struct ptn_conf_member *m)
{
    if (find_row(t, key, m))
        return true;
    for (size_t i = 0; i < t->alias_count; i++) {
        unsigned at[2] = {1, 1};
        char today[PTN_CONF_TEXT_SIZE];

        if (!matches(t->aliases[i].key, key, at))
            continue;
        fill_in(t->aliases[i].stands_for, at, today, sizeof today);
        return find_row(t, today, m);
    }
    return false;
}

const struct ptn_conf_foreign *ptn_conf_find_foreign(const struct ptn_conf_table *t,
                                                     const char *key)
{
    for (size_t i = 0; i < t->foreign_count; i++) {
        unsigned at[2];
        if (matches(t->foreign[i].key, key, at))
            return &t->foreign[i];
    }
    return NULL;
}

size_t ptn_conf_slot_count(const struct ptn_conf_row *row)
{
    if (row->type == PTN_CONF_SECTION)
        return 0;
    return (size_t)(row->counts[0] ? row->counts[0] : 1) * (row->counts[1] ? row->counts[1] : 1);
}

void *ptn_conf_member(const struct ptn_conf_member *m, void *values)
{
    return (char *)values + m->row->offset + m->slot * ptn_conf_value_size(m->row);
}

static const void *member_of(const struct ptn_conf_member *m, const void *values)
{
    return (const char *)values + m->row->offset + m->slot * ptn_conf_value_size(m->row);
}

void ptn_conf_member_key(const struct ptn_conf_member *m, char *buf, size_t size)
{
    unsigned width = m->row->counts[1] ? m->row->counts[1] : 1;
    unsigned at[2] = {(unsigned)m->slot / width + 1, (unsigned)m->slot % width + 1};

    fill_in(m->row->key, at, buf, size);
}

/* What the user wrote, short and without bytes that would upset a terminal. */
static void quote(const char *value, char *buf, size_t size)
{
    size_t used = 0;

    for (; *value && used + 4 < size; value++)
        buf[used++] = (unsigned char)*value < ' ' || *value == 0x7f ? '?' : *value;
    snprintf(buf + used, size - used, "%s", *value ? "..." : "");
}

enum ptn_conf_verdict ptn_conf_member_set(const struct ptn_conf_member *m, void *values,
                                          const char *value, bool append,
                                          char why[static PTN_CONF_WHY_SIZE])
{
    char wanted[300], shown[100];

    if (!value && m->row->type == PTN_CONF_BOOL)
        value = "yes";
    if (!value && m->row->type == PTN_CONF_UINT_OR_BARE)
        value = m->row->fallback;
    if (value && ptn_conf_value_parse(m->row, value, append, ptn_conf_member(m, values)))
        return PTN_CONF_SET_TAKEN;

    ptn_conf_value_describe(m->row, wanted, sizeof wanted);
    if (!value) {
        snprintf(why, PTN_CONF_WHY_SIZE, "a value is missing: %s", wanted);
    } else if (m->row->type == PTN_CONF_SECRET ||
               (m->row->type == PTN_CONF_LIST && ptn_conf_list_is_secret(m->row))) {
        snprintf(why, PTN_CONF_WHY_SIZE, "the value is not %s", wanted);
    } else {
        quote(value, shown, sizeof shown);
        snprintf(why, PTN_CONF_WHY_SIZE, "\"%s\" is not %s", shown, wanted);
    }
    return PTN_CONF_SET_WRONG;
}

enum ptn_conf_verdict ptn_conf_set(const struct ptn_conf_table *t, void *values, const char *key,
                                   const char *value, char why[static PTN_CONF_WHY_SIZE])
{
    struct ptn_conf_member m;

    if (!ptn_conf_find(t, key, &m))
        return PTN_CONF_SET_UNKNOWN;
    return ptn_conf_member_set(&m, values, value, false, why);
}

bool ptn_conf_get(const struct ptn_conf_table *t, const void *values, const char *key, char *buf,
                  size_t size)
{
    struct ptn_conf_member m;

    if (!ptn_conf_find(t, key, &m))
        return false;
    ptn_conf_value_format(m.row, member_of(&m, values), buf, size);
    return true;
}

/* Writes nowhere where zeros are: of a program with 16 times 30 texts most stay empty, and memory
 * that nobody has written to is not there. */
static void clear(uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i])
            at[i] = 0;
}

static bool is_empty_text(const struct ptn_conf_row *row)
{
    return (row->type == PTN_CONF_TEXT || row->type == PTN_CONF_SECRET) && !row->fallback[0];
}

void ptn_conf_defaults(const struct ptn_conf_table *t, void *values)
{
    clear(values, t->size);
    for (size_t i = 0; i < t->row_count; i++)
        for (size_t slot = 0; slot < ptn_conf_slot_count(&t->rows[i]); slot++) {
            struct ptn_conf_member m = {&t->rows[i], slot};
            if (is_empty_text(m.row))
                continue;
            bool taken =
                ptn_conf_value_parse(m.row, m.row->fallback, false, ptn_conf_member(&m, values));
            assert(taken);
            (void)taken;
        }
}

void ptn_conf_fini(const struct ptn_conf_table *t, void *values)
{
    for (size_t i = 0; i < t->row_count; i++) {
        struct ptn_conf_member m = {&t->rows[i], 0};
        if (m.row->type != PTN_CONF_LIST)
            continue;
        struct ptn_conf_list *list = ptn_conf_member(&m, values);
        free(list->texts);
        *list = (struct ptn_conf_list){0};
    }
}

static void change_places(unsigned char *a, unsigned char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

void ptn_conf_take_live(const struct ptn_conf_table *t, void *values, void *fresh, const char *file,
                        struct ptn_conf_report *r)
{
    struct ptn_conf_source s = {.table = t, .values = values, .report = r, .file = file};

    for (size_t i = 0; i < t->row_count; i++)
        for (size_t slot = 0; slot < ptn_conf_slot_count(&t->rows[i]); slot++) {
            struct ptn_conf_member m = {&t->rows[i], slot};
            void *old = ptn_conf_member(&m, values);
            void *new = ptn_conf_member(&m, fresh);
            char key[PTN_CONF_TEXT_SIZE];

            if (m.row->when == PTN_CONF_COMMAND || ptn_conf_value_equal(m.row, old, new))
                continue;
            ptn_conf_member_key(&m, key, sizeof key);
            if (m.row->when == PTN_CONF_LIVE)
                change_places(old, new, ptn_conf_value_size(m.row));
            else
                ptn_conf_source_note(&s, PTN_CONF_LATER,
                                     "%s: has changed; that takes effect at the next start", key);
        }
}

/* How many single-byte insertions, removals and changes lie between two keys. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], b_size = strlen(b);

    if (b_size >= sizeof row / sizeof row[0])
        return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; *a; a++, i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < other ? change : other;
        }
    }
    return row[b_size];
}

/* The numbers between dots, at most two; 1 where there are fewer. */
static void read_indices(const char *key, unsigned indices[2])
{
    unsigned n = 0;

    indices[0] = indices[1] = 1;
    for (const char *dot = strchr(key, '.'); dot && n < 2; dot = strchr(dot + 1, '.')) {
        const char *at = dot + 1;
        n += parse_index(&at, &indices[n]) && (*at == '.' || *at == '\0');
    }
}

const char *ptn_conf_nearest(const struct ptn_conf_table *t, const char *key,
                             char buf[static PTN_CONF_TEXT_SIZE])
{
    size_t best = 3, size = strlen(key);
    char known[PTN_CONF_TEXT_SIZE];
    unsigned indices[2];

    if (size < 4 || size > 100)
        return NULL;
    read_indices(key, indices);
    for (size_t i = 0; i < t->row_count; i++) {
        if (t->rows[i].type == PTN_CONF_SECTION)
            continue;
        fill_in(t->rows[i].key, indices, known, sizeof known);
        if (strlen(known) > size + 2 || size > strlen(known) + 2)
            continue;
        size_t d = distance(key, known);
        if (d < best) {
            best = d;
            memcpy(buf, known, sizeof known);
        }
    }
    return best < 3 ? buf : NULL;
}

/*
 * conf/cfg.c - reading the configuration and boot files of desk phones.
 */
#include "conf/cfg.h"

#include <stdio.h>
#include <string.h>

#include "conf/parts.h"

static const char header[] = "#!version:1.0.0.1";

/* Reads the first line; says so when it is not the header. */
static bool read_header(struct ptn_conf_source *s, struct ptn_bytes *text)
{
    struct ptn_bytes line = {0};

    if (ptn_conf_source_line(s, text, &line) && ptn_bytes_equal(line, ptn_bytes_of_text(header)))
        return true;
    s->line = 1;
    ptn_conf_source_note(s, PTN_CONF_WRONG, "the first line is not %s", header);
    return false;
}

/* By the key as written, or with "static." put before it or taken away. */
static bool find(const struct ptn_conf_table *t, const char *key, struct ptn_conf_member *m)
{
    static const char prefix[] = "static.";
    const size_t prefix_size = sizeof prefix - 1;
    char longer[PTN_CONF_TEXT_SIZE];

    if (ptn_conf_find(t, key, m))
        return true;
    if (strncmp(key, prefix, prefix_size) == 0)
        return ptn_conf_find(t, key + prefix_size, m);
    if (strlen(key) + prefix_size >= sizeof longer)
        return false;
    memcpy(longer, prefix, prefix_size);
    memcpy(longer + prefix_size, key, strlen(key) + 1);
    return ptn_conf_find(t, longer, m);
}

/* By the key as written, or with "static." before it. */
static const char *nearest(const struct ptn_conf_table *t, const char *key,
                           char buf[static PTN_CONF_TEXT_SIZE])
{
    char longer[PTN_CONF_TEXT_SIZE];

    if (ptn_conf_nearest(t, key, buf))
        return buf;
    snprintf(longer, sizeof longer, "static.%.100s", key);
    return ptn_conf_nearest(t, longer, buf);
}

/* A phone's files are full of keys that are none here. What is worth a word: a slip of the finger,
 * one too many of something, and what this phone lacks while somebody counts on it. */
static void note_unknown(struct ptn_conf_source *s, const struct ptn_conf_pair *pair)
{
    const struct ptn_conf_foreign *f = ptn_conf_find_foreign(s->table, pair->key);
    unsigned few = ptn_conf_few(s->table, pair->key);
    char near[PTN_CONF_TEXT_SIZE];

    if (f && pair->value[0] && strcmp(pair->value, "0") != 0)
        ptn_conf_source_note(s, PTN_CONF_IGNORED, "%.200s: ignored: %s", pair->key, f->why);
    else if (few)
        ptn_conf_source_note(s, PTN_CONF_MISTYPED,
                             "%.200s: passed over: there are only %u of these", pair->key, few);
    else if (!f && nearest(s->table, pair->key, near))
        ptn_conf_source_note(s, PTN_CONF_MISTYPED, "%.200s: unknown; did you mean %s?", pair->key,
                             near);
    else
        ptn_conf_source_note(s, PTN_CONF_UNKNOWN, "%.200s: unknown", pair->key);
}

void ptn_conf_read_cfg(const struct ptn_conf_table *t, const char *file, struct ptn_bytes text,
                       void *values, struct ptn_conf_report *r)
{
    struct ptn_conf_source s = {.table = t, .values = values, .report = r, .file = file};
    struct ptn_bytes line;
    struct ptn_conf_pair pair;
    struct ptn_conf_member m;

    if (!ptn_conf_source_init(&s))
        return;
    if (!read_header(&s, &text))
        text.size = 0;
    while (ptn_conf_source_line(&s, &text, &line)) {
        if (line.size == 0 || line.data[0] == '#' || !ptn_conf_source_pair(&s, line, false, &pair))
            continue;
        if (!pair.has_value)
            ptn_conf_source_note(&s, PTN_CONF_WRONG, "%.200s: is not of the form key = value",
                                 pair.key);
        else if (strlen(pair.key) < 2 || !find(t, pair.key, &m))
            note_unknown(&s, &pair);
        else if (m.row->when == PTN_CONF_COMMAND)
            ptn_conf_source_note(&s, PTN_CONF_UNKNOWN, "%.200s: is for the command line only",
                                 pair.key);
        else if (strcmp(pair.value, "%NULL%") == 0)
            ptn_conf_source_set(&s, &m, pair.key, m.row->fallback);
        else if (strcmp(pair.value, "%EMPTY%") == 0)
            ptn_conf_source_set(&s, &m, pair.key, "");
        else if (pair.value[0] != '\0')
            ptn_conf_source_set(&s, &m, pair.key, pair.value);
    }
    ptn_conf_source_fini(&s);
}

/* "T46S" in "T46S,T48S"? */
static bool lists_model(struct ptn_bytes list, const char *model)
{
    struct ptn_bytes wanted = ptn_bytes_of_text(model);

    while (list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        size_t size = comma ? (size_t)(comma - list.data) : list.size;

        if (ptn_bytes_equal(ptn_bytes(list.data, size), wanted))
            return true;
        size += comma != NULL;
        list = ptn_bytes(list.data + size, list.size - size);
    }
    return false;
}

static bool skip(struct ptn_bytes *b, const char *text)
{
    size_t size = strlen(text);

    if (b->size < size || memcmp(b->data, text, size) != 0)
        return false;
    *b = ptn_bytes(b->data + size, b->size - size);
    return true;
}

static void skip_blanks(struct ptn_bytes *b)
{
    while (skip(b, " ") || skip(b, "\t"))
        continue;
}

/* What follows `include:config`: a name in double quotes, and nothing more. */
static void read_include(struct ptn_conf_source *s, struct ptn_bytes rest, bool ours,
                         struct ptn_conf_boot *boot)
{
    skip_blanks(&rest);
    if (rest.size < 3 || rest.size - 2 >= PTN_CONF_TEXT_SIZE || rest.data[0] != '"' ||
        memchr(rest.data + 1, '"', rest.size - 1) != rest.data + rest.size - 1 ||
        memchr(rest.data, '\0', rest.size)) {
        ptn_conf_source_note(s, PTN_CONF_WRONG, "include:config: needs a file name in quotes");
    } else if (ours && boot->file_count == PTN_CONF_BOOT_FILES_MAX) {
        ptn_conf_source_note(s, PTN_CONF_WRONG, "include:config: more than %d files",
                             PTN_CONF_BOOT_FILES_MAX);
    } else if (ours) {
        char *name = boot->files[boot->file_count++];
        memcpy(name, rest.data + 1, rest.size - 2);
        name[rest.size - 2] = '\0';
    }
}

static void read_overwrite(struct ptn_conf_source *s, const struct ptn_conf_pair *pair,
                           struct ptn_conf_boot *boot)
{
    if (strcmp(pair->value, "0") == 0 || strcmp(pair->value, "1") == 0)
        boot->overwrite = pair->value[0] == '1';
    else
        ptn_conf_source_note(s, PTN_CONF_WRONG, "overwrite_mode: \"%.60s\" is not 0 or 1",
                             pair->value);
}

bool ptn_conf_read_boot(const char *file, struct ptn_bytes text, const char *model,
                        struct ptn_conf_boot *boot, struct ptn_conf_report *r)
{
    struct ptn_conf_source s = {.report = r, .file = file};
    struct ptn_bytes line;
    struct ptn_conf_pair pair;

    *boot = (struct ptn_conf_boot){.overwrite = true};
    if (!read_header(&s, &text))
        return false;
    while (ptn_conf_source_line(&s, &text, &line)) {
        struct ptn_bytes rest = line;
        bool ours = true;

        if (line.size == 0 || line.data[0] == '#')
            continue;
        const uint8_t *end = line.data[0] == '[' ? memchr(line.data, ']', line.size) : NULL;
        if (end) {
            size_t list_size = (size_t)(end - line.data) - 1;
            ours = lists_model(ptn_bytes(line.data + 1, list_size), model);
            rest = ptn_bytes(end + 1, line.size - list_size - 2);
            skip_blanks(&rest);
        }
        if (skip(&rest, "include:config"))
            read_include(&s, rest, ours, boot);
        else if (ptn_conf_source_pair(&s, line, false, &pair)) {
            if (strcmp(pair.key, "overwrite_mode") == 0)
                read_overwrite(&s, &pair, boot);
            else
                ptn_conf_source_note(&s, PTN_CONF_UNKNOWN, "%.200s: unknown", pair.key);
        }
    }
    return true;
}

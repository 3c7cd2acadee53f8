/*
 * conf/plain.c - files as coturn reads them, and command lines: the same keys in both.
 */
#include "conf/parts.h"

#include <string.h>

static void unquote(char *value)
{
    size_t size = strlen(value);

    if (size >= 2 && value[0] == '"' && value[size - 1] == '"') {
        memmove(value, value + 1, size - 2);
        value[size - 2] = '\0';
    }
}

static void note_unknown(struct ptn_conf_source *s, const char *dashes, const char *key)
{
    char buf[PTN_CONF_TEXT_SIZE];
    const char *nearest = ptn_conf_nearest(s->table, key, buf);

    ptn_conf_source_note(s, PTN_CONF_UNKNOWN, "%s%.200s: unknown%s%s%s%s", dashes, key,
                         nearest ? "; did you mean " : "", nearest && *dashes ? "--" : "",
                         nearest ? nearest : "", nearest ? "?" : "");
}

/* True when it is a key of the trade that this program lacks; then that is noted. */
static bool note_foreign(struct ptn_conf_source *s, const char *dashes, const char *key,
                         const struct ptn_conf_foreign **found)
{
    const struct ptn_conf_foreign *f = ptn_conf_find_foreign(s->table, key);

    *found = f;
    if (f)
        ptn_conf_source_note(s, f->refused ? PTN_CONF_REFUSED : PTN_CONF_IGNORED, "%s%s: %s: %s",
                             dashes, key, f->refused ? "refused" : "ignored", f->why);
    return f != NULL;
}

void ptn_conf_read_plain(const struct ptn_conf_table *t, const char *file, struct ptn_bytes text,
                         void *values, struct ptn_conf_report *r)
{
    struct ptn_conf_source s = {
        .table = t, .values = values, .report = r, .file = file, .lists_grow = true};
    struct ptn_bytes line;
    struct ptn_conf_pair pair;
    struct ptn_conf_member m;
    const struct ptn_conf_foreign *foreign;

    if (!ptn_conf_source_init(&s))
        return;
    while (ptn_conf_source_line(&s, &text, &line)) {
        if (line.size == 0 || line.data[0] == '#' || !ptn_conf_source_pair(&s, line, true, &pair))
            continue;
        unquote(pair.value);
        /* One letter is a flag's short form; in a file it is more likely a slip. */
        if (strlen(pair.key) < 2 || !ptn_conf_find(t, pair.key, &m)) {
            if (!note_foreign(&s, "", pair.key, &foreign))
                note_unknown(&s, "", pair.key);
        } else if (m.row->when == PTN_CONF_COMMAND) {
            ptn_conf_source_note(&s, PTN_CONF_UNKNOWN, "%.200s: is for the command line only",
                                 pair.key);
        } else {
            ptn_conf_source_set(&s, &m, pair.key, pair.has_value ? pair.value : NULL);
        }
    }
    ptn_conf_source_fini(&s);
}

/* One flag; answers how many words it took. */
static int read_flag(struct ptn_conf_source *s, const char *word, const char *next)
{
    bool is_long = word[1] == '-';
    const char *dashes = is_long ? "--" : "-";
    char key[PTN_CONF_TEXT_SIZE], shown[PTN_CONF_TEXT_SIZE + 2];
    struct ptn_conf_member m;
    const struct ptn_conf_foreign *foreign;
    size_t key_size = strcspn(word + strlen(dashes), "=");
    const char *name = word + strlen(dashes), *value = name[key_size] ? name + key_size + 1 : NULL;

    if (key_size >= sizeof key - 1) {
        ptn_conf_source_note(s, PTN_CONF_UNKNOWN, "%.100s...: unknown", word);
        return 1;
    }
    memcpy(key, name, key_size);
    key[key_size] = '\0';
    if (is_long == (key_size == 1) || !ptn_conf_find(s->table, key, &m)) {
        if (note_foreign(s, dashes, key, &foreign))
            return foreign->takes_value && !value && next ? 2 : 1;
        note_unknown(s, dashes, key);
        return 1;
    }
    memcpy(shown, dashes, strlen(dashes));
    memcpy(shown + strlen(dashes), key, key_size + 1);
    if (value || m.row->type == PTN_CONF_BOOL) {
        ptn_conf_source_set(s, &m, shown, value);
        return 1;
    }
    ptn_conf_source_set(s, &m, shown, next);
    return next ? 2 : 1;
}

void ptn_conf_read_flags(const struct ptn_conf_table *t, int argc, char *const *argv, void *values,
                         const char **words, size_t *word_count, struct ptn_conf_report *r)
{
    struct ptn_conf_source s = {.table = t, .values = values, .report = r, .lists_grow = true};
    bool flags = true;

    *word_count = 0;
    if (!ptn_conf_source_init(&s))
        return;
    for (int i = 1; i < argc;) {
        const char *word = argv[i];

        if (flags && strcmp(word, "--") == 0) {
            flags = false;
            i++;
        } else if (flags && word[0] == '-' && word[1] != '\0') {
            i += read_flag(&s, word, i + 1 < argc ? argv[i + 1] : NULL);
        } else {
            words[(*word_count)++] = word;
            i++;
        }
    }
    ptn_conf_source_fini(&s);
}

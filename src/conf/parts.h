/*
 * conf/parts.h - what the files of this room share: one value, one key, one note.
 */
#ifndef PTN_CONF_PARTS_H
#define PTN_CONF_PARTS_H

#include "conf/conf.h"

/* -- value.c: one value as text and back ------------------------------------------- */

/* Reads `text` into the member at `value`; false leaves it alone. `append`: an IPS keeps
 * what it holds. */
bool ptn_conf_value_parse(const struct ptn_conf_row *row, const char *text, bool append,
                          void *value);

/* As text that parses back to the same value. */
void ptn_conf_value_format(const struct ptn_conf_row *row, const void *value, char *buf,
                           size_t size);

/* "a number from 1 to 65535", for "is not …" and for the manual. */
void ptn_conf_value_describe(const struct ptn_conf_row *row, char *buf, size_t size);

size_t ptn_conf_value_size(const struct ptn_conf_row *row);

bool ptn_conf_value_equal(const struct ptn_conf_row *row, const void *a, const void *b);

/* -- list.c: a LIST's entries ------------------------------------------------------- */

/* False: the entry has not the row's shape, or there is no memory. A blank text is no entry. */
bool ptn_conf_list_parse(const struct ptn_conf_row *row, const char *text, bool append,
                         struct ptn_conf_list *out);
void ptn_conf_list_describe(const struct ptn_conf_row *row, char *buf, size_t size);
bool ptn_conf_list_equal(const struct ptn_conf_list *a, const struct ptn_conf_list *b);
bool ptn_conf_list_is_secret(const struct ptn_conf_row *row);

/* -- table.c: finding a member by its key ------------------------------------------- */

/* One member: a row and which of its slots, counted from 0 through both indices. */
struct ptn_conf_member {
    const struct ptn_conf_row *row;
    size_t slot;
};

/* By key or alias; false when there is none. */
bool ptn_conf_find(const struct ptn_conf_table *t, const char *key, struct ptn_conf_member *m);

/* NULL: no such key either. */
const struct ptn_conf_foreign *ptn_conf_find_foreign(const struct ptn_conf_table *t,
                                                     const char *key);

/* How many members a row has; 0 for a SECTION. */
size_t ptn_conf_slot_count(const struct ptn_conf_row *row);

/* Where the member lives in the struct. */
void *ptn_conf_member(const struct ptn_conf_member *m, void *values);

/* The key with its indices in the place of '#'. */
void ptn_conf_member_key(const struct ptn_conf_member *m, char *buf, size_t size);

enum ptn_conf_verdict ptn_conf_member_set(const struct ptn_conf_member *m, void *values,
                                          const char *value, bool append,
                                          char why[static PTN_CONF_WHY_SIZE]);

/* The known key nearest to a mistyped one, in `buf`, or NULL when none is near. */
const char *ptn_conf_nearest(const struct ptn_conf_table *t, const char *key,
                             char buf[static PTN_CONF_TEXT_SIZE]);

/* How many there are of what `key` names one too many of; 0 when it is something else. */
unsigned ptn_conf_few(const struct ptn_conf_table *t, const char *key);

/* -- source.c: one file or command line while it is being read ----------------------- */

struct ptn_conf_source {
    const struct ptn_conf_table *table;
    void *values;
    struct ptn_conf_report *report;
    const char *file; /* NULL: flags, and there are no lines */
    bool lists_grow;  /* a list set again keeps what it holds */
    unsigned line;
    unsigned *set_at; /* the line each member was set at, 0 for not yet */
};

/* False when there is no memory; that is noted. */
bool ptn_conf_source_init(struct ptn_conf_source *s);
void ptn_conf_source_fini(struct ptn_conf_source *s);

/* Sets `m`, noting a wrong or repeated value under the name `key`. `value` NULL: a bare key. */
void ptn_conf_source_set(struct ptn_conf_source *s, const struct ptn_conf_member *m,
                         const char *key, const char *value);

/* -- origin.c ------------------------------------------------------------------------ */

/* A slot, counted through the whole table; `file` NULL: a flag. Without memory it is not known. */
void ptn_conf_origins_set(struct ptn_conf_report *r, size_t slot, const char *file, unsigned line);
void ptn_conf_origins_free(struct ptn_conf_origins *o);

/* Which slot of the whole table `m` is. */
size_t ptn_conf_member_number(const struct ptn_conf_table *t, const struct ptn_conf_member *m);

/* "file:line: " or, for flags, nothing, and then the sentence. */
__attribute__((format(printf, 3, 4))) void ptn_conf_source_note(struct ptn_conf_source *s,
                                                                enum ptn_conf_note_kind kind,
                                                                const char *format, ...);

/* The next line, without its end, blanks around it and a byte order mark. Counts it.
 * False at the end. */
bool ptn_conf_source_line(struct ptn_conf_source *s, struct ptn_bytes *left,
                          struct ptn_bytes *line);

/* Parts a line at the first '=' or, if `blank_parts`, at the first blank before it; copies both
 * sides without blanks. `*has_value` is false when nothing parts it. A line that is too long or
 * holds a zero byte is noted and false comes back. */
struct ptn_conf_pair {
    char key[PTN_CONF_LINE_MAX + 1], value[PTN_CONF_LINE_MAX + 1];
    bool has_value;
};
bool ptn_conf_source_pair(struct ptn_conf_source *s, struct ptn_bytes line, bool blank_parts,
                          struct ptn_conf_pair *pair);

#endif

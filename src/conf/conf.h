/*
 * conf/conf.h - settings: a table of rows, and everything that is a walk over it.
 *
 * A program lists its settings once, in settings.def, one row each:
 *
 *   SECTION("Ports")
 *   SETTING(field, "key", TYPE, "default", min, max, WHEN, "help")
 *   SETTING_EACH(field, "account.#.key", count, TYPE, …)              T field[count]
 *   SETTING_EACH_EACH(field, "account.#.server.#.key", n, m, TYPE, …)  T field[n][m]
 *   ALIAS("old.key", "key")     also "account.#.old" for "account.#.server.1.new", and
 *                               a single letter, which is a short flag only
 *   FOREIGN("key", VALUE, IGNORED, "why")  a key that another program of the trade has and this one
 *                               does not, so that its files can be read. VALUE or BARE: does the
 *                               flag take a value; IGNORED, or REFUSED where going on without it
 *                               would be less safe
 *
 * conf/as_fields.h turns the rows into the members of a struct, conf/as_rows.h into
 * the table below. Indices count from 1 in keys and from 0 in arrays.
 *
 * Types, the member each becomes, and the text it is read from:
 *
 *   BOOL          bool                    yes no true false on off 1 0
 *   UINT          uint32_t                digits; min to max
 *   UINT_OR_BARE  uint32_t                the same; a bare key means the default
 *   SECONDS       uint32_t, milliseconds  "0.5"; min to max in milliseconds
 *   TEXT          char[256]               min to max (at most 255) bytes, no control bytes
 *   SECRET        char[256]               as TEXT; never printed
 *   IP            struct ptn_addr         one address, port 0; blank is none
 *   IPS           struct ptn_conf_ips     addresses with commas or spaces between
 *   CHOICE("a|b") uint32_t, from 0        the word or its number
 *   LIST("shape") struct ptn_conf_list    one entry; a key that is repeated adds more. Shapes:
 *                                         text, secret (never printed), login (nor is that),
 *                                         range, mapping, endpoint
 *
 * WHEN: START (read once), LIVE (a re-read changes it), COMMAND (a flag, never in a file).
 *
 * This room reads no file: bytes come in, values and notes for the user go out.
 */
#ifndef PTN_CONF_CONF_H
#define PTN_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"

enum {
    PTN_CONF_TEXT_SIZE = 256, /* of a TEXT with its final zero */
    PTN_CONF_IPS_MAX = 32,
    PTN_CONF_WHY_SIZE = 512,  /* of one sentence to the user, with its final zero */
    PTN_CONF_LINE_MAX = 1500, /* bytes of a key and its value */
};

enum ptn_conf_type {
    PTN_CONF_SECTION,
    PTN_CONF_BOOL,
    PTN_CONF_UINT,
    PTN_CONF_UINT_OR_BARE,
    PTN_CONF_SECONDS,
    PTN_CONF_TEXT,
    PTN_CONF_SECRET,
    PTN_CONF_IP,
    PTN_CONF_IPS,
    PTN_CONF_CHOICE,
    PTN_CONF_LIST,
};

enum ptn_conf_when {
    PTN_CONF_START,
    PTN_CONF_LIVE,
    PTN_CONF_COMMAND,
};

struct ptn_conf_ips {
    uint32_t count;
    struct ptn_addr addrs[PTN_CONF_IPS_MAX];
};

/* Texts with a zero byte behind each, one after the other; in memory of its own (ptn_conf_fini). */
struct ptn_conf_list {
    uint32_t count;
    uint32_t size;
    char *texts;
};

typedef char ptn_conf_text[PTN_CONF_TEXT_SIZE];

struct ptn_conf_row {
    const char *key; /* '#' stands for an index */
    const char *help;
    const char *fallback; /* the default, as text */
    const char *words;    /* CHOICE: "one|two|three" */
    int64_t min, max;
    size_t offset; /* of the member in the struct */
    uint16_t counts[2];
    uint8_t type; /* enum ptn_conf_type */
    uint8_t when; /* enum ptn_conf_when */
};

struct ptn_conf_alias {
    const char *key, *stands_for;
};

struct ptn_conf_foreign {
    const char *key;
    bool takes_value, refused;
    const char *why; /* it is not needed, or what would be less safe without it */
};

struct ptn_conf_table {
    const struct ptn_conf_row *rows;
    size_t row_count;
    const struct ptn_conf_alias *aliases;
    size_t alias_count;
    const struct ptn_conf_foreign *foreign;
    size_t foreign_count;
    size_t size; /* of the struct */
};

enum ptn_conf_note_kind {
    PTN_CONF_WRONG,    /* the value was not taken; what was there before stays */
    PTN_CONF_UNKNOWN,  /* no such key */
    PTN_CONF_MISTYPED, /* the same, in a file that is full of them; but one that is known is near */
    PTN_CONF_REPEATED, /* set twice in one file: the last counts */
    PTN_CONF_LATER,    /* changed, but takes effect at the next start only */
    PTN_CONF_IGNORED,  /* a key of another program that is not needed here */
    PTN_CONF_REFUSED,  /* one without which it would be less safe to go on */
};

struct ptn_conf_note {
    enum ptn_conf_note_kind kind;
    char *text; /* "phone.cfg:12: sip.listen_port: "70000" is not a number from 1024 to 65535" */
};

/* Where each member was set last, by a file and its line. */
struct ptn_conf_origins;

/* Starts zeroed. Keeps the first thousand notes and counts them all. */
struct ptn_conf_report {
    struct ptn_conf_note *notes;
    size_t note_count;
    size_t counts[PTN_CONF_REFUSED + 1]; /* by kind */
    bool keeps_origins;                  /* set by whoever will ask for them */
    struct ptn_conf_origins *origins;
};

void ptn_conf_report_fini(struct ptn_conf_report *r);

/* A note of the program's own, say about a file it could not read. Copies `text`. */
void ptn_conf_note(struct ptn_conf_report *r, enum ptn_conf_note_kind kind, const char *text);

/* "phone.cfg:12: " of the line that set `key`, for a complaint about what it means together with
 * others; "" when none of the files read into `r` did, a flag has set it since, or `r` does not
 * keep them. */
const char *ptn_conf_origin(const struct ptn_conf_report *r, const struct ptn_conf_table *t,
                            const char *key, char buf[static PTN_CONF_WHY_SIZE]);

/* Every setting at its default. A default that its own row refuses is a bug (assert). */
void ptn_conf_defaults(const struct ptn_conf_table *t, void *values);

/* Frees the lists, which are empty then. A table without LIST rows does not need it. */
void ptn_conf_fini(const struct ptn_conf_table *t, void *values);

/* The entry behind `text`, the first one for NULL; NULL behind the last. */
const char *ptn_conf_list_next(const struct ptn_conf_list *list, const char *text);

/* The shapes of entries. "192.0.2.1", "192.0.2.1-192.0.2.9" or "192.0.2.0/24": both ends. */
bool ptn_conf_range_parse(const char *text, struct ptn_addr *first, struct ptn_addr *last);
/* "192.0.2.1" or "192.0.2.1/10.0.0.1": what the world sees and what it stands for, or none. */
bool ptn_conf_mapping_parse(const char *text, struct ptn_addr *seen, struct ptn_addr *own);
/* "192.0.2.1", "192.0.2.1:3478", "[2001:db8::1]:3478". */
bool ptn_conf_endpoint_parse(const char *text, struct ptn_addr *out);

enum ptn_conf_verdict {
    PTN_CONF_SET_TAKEN,
    PTN_CONF_SET_UNKNOWN, /* no such key, or an index beyond the table */
    PTN_CONF_SET_WRONG,   /* `why` says it: "\"70000\" is not a number from 1024 to 65535" */
};

/* Sets one value by its full key ("account.1.label") or an alias. `value` NULL is a bare
 * key: yes for a BOOL, wrong for others. A list is replaced. */
enum ptn_conf_verdict ptn_conf_set(const struct ptn_conf_table *t, void *values, const char *key,
                                   const char *value, char why[static PTN_CONF_WHY_SIZE]);

/* Puts the value of `key` as text into `buf`; false when there is no such key. A SECRET is
 * text here too: the caller decides who may see it. */
bool ptn_conf_get(const struct ptn_conf_table *t, const void *values, const char *key, char *buf,
                  size_t size);

/* A file of `key=value`, `key value` and bare `key` lines, as coturn reads them; `#` opens a
 * comment at the start of a line; one pair of double quotes around a value goes.
 * What is wrong, unknown or repeated is noted and the rest still read; `file` names it there.
 * COMMAND rows are unknown here. A list set here replaces what was there before. */
void ptn_conf_read_plain(const struct ptn_conf_table *t, const char *file, struct ptn_bytes text,
                         void *values, struct ptn_conf_report *r);

/* Flags: `--key value`, `--key=value`, `--key` (BOOL only), `-k` and `-k value` by the
 * one-letter aliases; `--` ends them. Words that are no flags go to `words` (room for `argc`
 * of them, borrowed from `argv`). `argv[0]` is skipped. */
void ptn_conf_read_flags(const struct ptn_conf_table *t, int argc, char *const *argv, void *values,
                         const char **words, size_t *word_count, struct ptn_conf_report *r);

/* The LIVE settings of `fresh` and `values` change places: once more, and all is as before. Notes
 * each START setting that differs and has therefore to wait. `file` is named in the notes. */
void ptn_conf_take_live(const struct ptn_conf_table *t, void *values, void *fresh, const char *file,
                        struct ptn_conf_report *r);

enum ptn_conf_print_kind {
    PTN_CONF_PRINT_HELP,   /* for --help */
    PTN_CONF_PRINT_VALUES, /* for --print-config: reads back as a file; secrets are left out */
    PTN_CONF_PRINT_SAMPLE, /* a commented file of defaults */
    PTN_CONF_PRINT_MANUAL, /* mdoc list items */
};

struct ptn_conf_printer {
    const struct ptn_conf_table *table;
    const void *values; /* VALUES only */
    enum ptn_conf_print_kind kind;
    const char *assign; /* between key and value: "=" or " = " */
    size_t row, slot;
};

/* The next lines, with their newlines, at most `size` - 1 bytes (2,000 are enough); false at
 * the end. Begin with `row` and `slot` 0. */
bool ptn_conf_print(struct ptn_conf_printer *p, char *buf, size_t size);

#endif

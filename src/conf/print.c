/*
 * conf/print.c - the rows as text for people: --help, --print-config, a sample file, a manual.
 *
 * One call gives what belongs to one row, or to one slot of it.
 */
#include <stdio.h>
#include <string.h>

#include "conf/parts.h"

enum { LINE_WIDTH = 79, TEXT_SIZE = 1500 };

static const char *value_name(const struct ptn_conf_row *row)
{
    switch ((enum ptn_conf_type)row->type) {
    case PTN_CONF_SECTION:
    case PTN_CONF_BOOL: return "";
    case PTN_CONF_UINT:
    case PTN_CONF_UINT_OR_BARE: return "number";
    case PTN_CONF_SECONDS: return "seconds";
    case PTN_CONF_TEXT:
    case PTN_CONF_SECRET: return "text";
    case PTN_CONF_IP: return "address";
    case PTN_CONF_IPS: return "addresses";
    case PTN_CONF_CHOICE: return "word";
    case PTN_CONF_LIST: return row->words;
    }
    return "";
}

/* The one-letter alias of a row, or 0. */
static char short_flag(const struct ptn_conf_table *t, const struct ptn_conf_row *row)
{
    for (size_t i = 0; i < t->alias_count; i++)
        if (t->aliases[i].key[1] == '\0' && strcmp(t->aliases[i].stands_for, row->key) == 0)
            return t->aliases[i].key[0];
    return 0;
}

/* "A number from 1 to 65535; 3478 when not set." */
static void explain(const struct ptn_conf_row *row, char *buf, size_t size)
{
    char wanted[300];

    ptn_conf_value_describe(row, wanted, sizeof wanted);
    if (row->when == PTN_CONF_COMMAND && row->type == PTN_CONF_BOOL)
        buf[0] = '\0';
    else
        snprintf(buf, size, "%c%s; %s when not set.", wanted[0] - 'a' + 'A', wanted + 1,
                 row->fallback[0] ? row->fallback : "none");
}

/* Appends the words of `text` to `buf`, in lines that begin with `indent`. */
static void wrap(const char *indent, const char *text, char *buf, size_t size)
{
    size_t used = strlen(buf), column = 0;

    while (*text) {
        size_t word = strcspn(text, " ");
        bool fits = column > 0 && column + 1 + word <= LINE_WIDTH;
        if (used + strlen(indent) + word + 3 > size)
            break;
        used += (size_t)snprintf(buf + used, size - used, "%s%s%.*s",
                                 fits         ? " "
                                 : column > 0 ? "\n"
                                              : "",
                                 fits ? "" : indent, (int)word, text);
        column = fits ? column + 1 + word : strlen(indent) + word;
        text += word + strspn(text + word, " ");
    }
    snprintf(buf + used, size - used, "\n");
}

static void print_help(const struct ptn_conf_table *t, const struct ptn_conf_row *row, char *buf,
                       size_t size)
{
    char letter = short_flag(t, row), more[400], flag[8] = "", all[TEXT_SIZE];
    const char *name = value_name(row);

    explain(row, more, sizeof more);
    if (letter)
        snprintf(flag, sizeof flag, "-%c, ", letter);
    snprintf(buf, size, "  %s--%s%s%s\n", flag, row->key, name[0] ? " " : "", name);
    snprintf(all, sizeof all, "%s%s%s", row->help, more[0] ? ". " : "", more);
    wrap("        ", all, buf, size);
}

static void print_sample(const struct ptn_conf_printer *p, const struct ptn_conf_row *row,
                         char *buf, size_t size)
{
    char more[400], all[TEXT_SIZE];

    explain(row, more, sizeof more);
    snprintf(all, sizeof all, "%s. %s%s", row->help, more,
             row->when == PTN_CONF_LIVE ? " Can be changed while running." : "");
    buf[0] = '\0';
    wrap("# ", all, buf, size);
    size_t used = strlen(buf);
    snprintf(buf + used, size - used, "#%s%s%s\n\n", row->key, p->assign, row->fallback);
}

static void print_manual(const struct ptn_conf_table *t, const struct ptn_conf_row *row, char *buf,
                         size_t size)
{
    char letter = short_flag(t, row), more[400], flag[24] = "";
    const char *name = value_name(row);

    explain(row, more, sizeof more);
    if (letter)
        snprintf(flag, sizeof flag, "Fl %c , ", letter);
    snprintf(buf, size, ".It %sFl Fl %s%s%s\n%s.\n%s%s%s", flag, row->key, name[0] ? " Ar " : "",
             name, row->help, more, more[0] ? "\n" : "",
             row->when == PTN_CONF_LIVE ? "Can be changed while running.\n" : "");
}

static const struct ptn_conf_list *list_of(const struct ptn_conf_printer *p,
                                           const struct ptn_conf_row *row)
{
    const char *values = p->values;

    return (const struct ptn_conf_list *)(const void *)(values + row->offset);
}

/* The slot-th entry of a LIST. */
static void print_entry(const struct ptn_conf_printer *p, const struct ptn_conf_row *row, char *buf,
                        size_t size)
{
    const struct ptn_conf_list *list = list_of(p, row);
    const char *entry = ptn_conf_list_next(list, NULL);

    for (size_t i = 0; i < p->slot && entry; i++)
        entry = ptn_conf_list_next(list, entry);
    if (!entry)
        snprintf(buf, size, "#%s%s\n", row->key, p->assign);
    else if (ptn_conf_list_is_secret(row))
        snprintf(buf, size, "#%s%s(set, not shown)\n", row->key, p->assign);
    else
        snprintf(buf, size, "%s%s%s\n", row->key, p->assign, entry);
}

/* How many lines --print-config may have for a row. */
static size_t line_count(const struct ptn_conf_printer *p, const struct ptn_conf_row *row)
{
    return row->type == PTN_CONF_LIST ? list_of(p, row)->count : ptn_conf_slot_count(row);
}

/* `key=value`, when it is worth a line: an array's members only where they differ. */
static void print_value(const struct ptn_conf_printer *p, const struct ptn_conf_member *m,
                        char *buf, size_t size)
{
    char key[PTN_CONF_TEXT_SIZE], value[PTN_CONF_LINE_MAX];
    bool is_default;

    if (m->row->type == PTN_CONF_LIST) {
        print_entry(p, m->row, buf, size);
        return;
    }
    ptn_conf_member_key(m, key, sizeof key);
    ptn_conf_get(p->table, p->values, key, value, sizeof value);
    is_default = strcmp(value, m->row->fallback) == 0;
    if ((is_default && m->row->counts[0]) || m->row->when == PTN_CONF_COMMAND)
        return;
    if (m->row->type == PTN_CONF_SECRET)
        snprintf(buf, size, "#%s%s%s\n", key, p->assign, is_default ? "" : "(set, not shown)");
    else if (value[0] == '\0')
        snprintf(buf, size, "#%s%s\n", key, p->assign);
    else
        snprintf(buf, size, "%s%s%s\n", key, p->assign, value);
}

static void print_section(const struct ptn_conf_printer *p, const char *title, char *buf,
                          size_t size)
{
    switch (p->kind) {
    case PTN_CONF_PRINT_HELP: snprintf(buf, size, "%s%s:\n", p->row ? "\n" : "", title); break;
    case PTN_CONF_PRINT_VALUES: buf[0] = '\0'; break;
    case PTN_CONF_PRINT_SAMPLE: snprintf(buf, size, "# ---- %s\n\n", title); break;
    case PTN_CONF_PRINT_MANUAL:
        snprintf(buf, size, "%s.Ss %s\n.Bl -tag -width Ds\n", p->row ? ".El\n" : "", title);
        break;
    }
}

static void print_row(const struct ptn_conf_printer *p, const struct ptn_conf_row *row, char *buf,
                      size_t size)
{
    switch (p->kind) {
    case PTN_CONF_PRINT_HELP: print_help(p->table, row, buf, size); break;
    case PTN_CONF_PRINT_VALUES:
        print_value(p, &(struct ptn_conf_member){row, p->slot}, buf, size);
        break;
    case PTN_CONF_PRINT_SAMPLE:
        if (row->when != PTN_CONF_COMMAND)
            print_sample(p, row, buf, size);
        break;
    case PTN_CONF_PRINT_MANUAL: print_manual(p->table, row, buf, size); break;
    }
}

bool ptn_conf_print(struct ptn_conf_printer *p, char *buf, size_t size)
{
    const struct ptn_conf_row *row = &p->table->rows[p->row];

    buf[0] = '\0';
    if (p->row == p->table->row_count) {
        bool list_is_open = p->kind == PTN_CONF_PRINT_MANUAL && p->slot == 0;
        if (list_is_open)
            snprintf(buf, size, ".El\n");
        p->slot = 1;
        return list_is_open;
    }
    if (row->type == PTN_CONF_SECTION)
        print_section(p, row->key, buf, size);
    else
        print_row(p, row, buf, size);
    if (p->kind == PTN_CONF_PRINT_VALUES && p->slot + 1 < line_count(p, row)) {
        p->slot++;
    } else {
        p->row++;
        p->slot = 0;
    }
    return true;
}

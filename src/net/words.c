/*
 * net/words.c - splitting, and reading the kinds of words a scenario has.
 */
#include "net/words.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

bool ptn_words_good(const struct ptn_words *w)
{
    return w->err == PTN_OK;
}

void ptn_words_fail(struct ptn_words *w, const char *format, ...)
{
    char text[PTN_SCENARIO_ERROR_MAX];
    unsigned line = w->count == 0 ? w->rest_line : w->lines[w->at > 0 ? w->at - 1 : 0];
    va_list args;

    if (!ptn_words_good(w))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    w->err = PTN_ERR_INVALID;
    snprintf(w->error, PTN_SCENARIO_ERROR_MAX, "%.100s:%u: %.20s: %.160s", w->s->file, line,
             w->count ? w->words[0] : "text", text);
}

void ptn_words_fail_not(struct ptn_words *w, const char *word, const char *what)
{
    if (*word)
        ptn_words_fail(w, "\"%.60s\" is not %s", word, what);
    else
        ptn_words_fail(w, "ends where %s is expected", what);
}

void ptn_words_fail_memory(struct ptn_words *w)
{
    if (!ptn_words_good(w))
        return;
    w->err = PTN_ERR_NO_MEMORY;
    snprintf(w->error, PTN_SCENARIO_ERROR_MAX, "%.100s: %s", w->s->file, ptn_err_text(w->err));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts one word out of a line that ends with zero, taking quotes away; NULL at its end. */
static char *cut_word(struct ptn_words *w, char **at)
{
    char *p = *at, quote = 0;

    while (is_blank(*p))
        p++;
    if (*p == '\0' || *p == '#')
        return NULL;
    char *word = p, *out = p;
    for (; *p && (quote || !is_blank(*p)); p++) {
        if (quote ? *p == quote : *p == '"' || *p == '\'')
            quote = quote ? 0 : *p;
        else
            *out++ = *p;
    }
    if (quote)
        ptn_words_fail(w, "the quote %c does not end on its line", quote);
    *at = *p ? p + 1 : p;
    *out = '\0';
    return word;
}

static char *cut_line(struct ptn_words *w)
{
    char *line = w->rest, *end = strchr(line, '\n');

    w->rest = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    w->rest_line++;
    return line;
}

static void add_words(struct ptn_words *w, char *line)
{
    for (char *word; ptn_words_good(w) && (word = cut_word(w, &line));) {
        if (w->count == PTN_WORDS_MAX) {
            ptn_words_fail(w, "has more than %d words", PTN_WORDS_MAX);
            return;
        }
        w->words[w->count] = word;
        w->lines[w->count++] = w->rest_line;
        w->at = w->count; /* a quote that does not end is an error about this line */
    }
}

bool ptn_words_statement(struct ptn_words *w)
{
    w->count = w->at = 0;
    while (ptn_words_good(w) && *w->rest && w->count == 0) {
        char *line = cut_line(w);
        bool indented = is_blank(*line);

        add_words(w, line);
        if (indented && w->count > 0)
            ptn_words_fail(w, "an indented line goes on with the one above, but there is none");
    }
    while (ptn_words_good(w) && *w->rest && strchr(" \t\r\n#", *w->rest))
        add_words(w, cut_line(w));
    w->at = 1;
    return ptn_words_good(w) && w->count > 0;
}

bool ptn_words_left(const struct ptn_words *w)
{
    return ptn_words_good(w) && w->at < w->count;
}

const char *ptn_words_peek(const struct ptn_words *w)
{
    return ptn_words_left(w) ? w->words[w->at] : "";
}

const char *ptn_words_next(struct ptn_words *w, const char *what)
{
    if (ptn_words_left(w))
        return w->words[w->at++];
    ptn_words_fail_not(w, "", what);
    return "";
}

bool ptn_words_take(struct ptn_words *w, const char *word)
{
    if (!ptn_words_left(w) || strcmp(w->words[w->at], word) != 0)
        return false;
    w->at++;
    return true;
}

/* A decimal number, possibly with a point, and where its unit begins; negative when there is
 * none. Not strtod(): that would accept "inf", "0x10" and the locale's comma. */
static double decimal(const char *word, const char **unit)
{
    double value = 0, place = 1;
    const char *p = word;

    for (; *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (*p - '0');
    if (p > word && p[0] == '.' && p[1] >= '0' && p[1] <= '9')
        for (p++; *p >= '0' && *p <= '9'; p++)
            value += (*p - '0') * (place /= 10);
    *unit = p;
    return p > word ? value : -1;
}

struct unit {
    const char *name;
    double factor;
};

/* The number before one of these units, in the smallest one; negative when it is none or above
 * `max`. A plain 0 needs no unit. */
static double measured(const char *word, const struct unit *units, unsigned count, double max)
{
    const char *name;
    double value = decimal(word, &name);

    if (value == 0 && *name == '\0')
        return 0;
    for (unsigned i = 0; i < count; i++)
        if (strcmp(units[i].name, name) == 0)
            return value * units[i].factor <= max ? value * units[i].factor : -1;
    return -1;
}

ptn_time ptn_words_time(struct ptn_words *w)
{
    static const struct unit units[] = {
        {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}};
    static const char what[] = "a time such as 20ms, 1.5s, 2min (at most 1000h)";
    const char *word = ptn_words_next(w, what);
    double value = measured(word, units, sizeof units / sizeof units[0], 1000 * 3600e9);

    if (value < 0)
        ptn_words_fail_not(w, word, what);
    return value < 0 ? 0 : (ptn_time)(value + 0.5);
}

double ptn_words_share(struct ptn_words *w)
{
    static const struct unit units[] = {{"%", 0.01}};
    static const char what[] = "a share from 0% to 100%";
    const char *word = ptn_words_next(w, what);
    double value = measured(word, units, 1, 1);

    if (value < 0)
        ptn_words_fail_not(w, word, what);
    return value < 0 ? 0 : value;
}

uint64_t ptn_words_rate(struct ptn_words *w)
{
    static const struct unit units[] = {{"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}};
    static const char what[] = "a rate such as 512kbit, 10Mbit (at least 8kbit)";
    const char *word = ptn_words_next(w, what);
    double value = measured(word, units, sizeof units / sizeof units[0], 1e12);

    if (value < 8e3)
        ptn_words_fail_not(w, word, what);
    return value < 8e3 ? 0 : (uint64_t)value;
}

unsigned ptn_words_number(struct ptn_words *w, unsigned min, unsigned max)
{
    char what[60];
    const char *unit;

    snprintf(what, sizeof what, "a number from %u to %u", min, max);
    const char *word = ptn_words_next(w, what);
    double value = strchr(word, '.') ? -1 : decimal(word, &unit);
    if (value >= min && value <= max && *unit == '\0')
        return (unsigned)value;
    ptn_words_fail_not(w, word, what);
    return min;
}

struct ptn_addr ptn_words_addr(struct ptn_words *w)
{
    static const char what[] = "an IP address";
    const char *word = ptn_words_next(w, what);
    struct ptn_addr a = {0};

    if (!ptn_addr_parse(word, &a) || a.port != 0 || word[0] == '[') {
        ptn_words_fail_not(w, word, what);
        return (struct ptn_addr){0};
    }
    return a;
}

unsigned ptn_words_choice(struct ptn_words *w, const char *const *names, unsigned count)
{
    char what[200] = "one of";
    size_t used = strlen(what);

    for (unsigned i = 0; i < count; i++)
        used += (size_t)snprintf(what + used, sizeof what - used, " %s", names[i]);
    const char *word = ptn_words_next(w, what);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    ptn_words_fail_not(w, word, what);
    return 0;
}

void *ptn_words_keep(struct ptn_words *w, size_t size)
{
    struct ptn_scenario_block *block = calloc(1, sizeof *block + size);

    if (!block) {
        ptn_words_fail_memory(w);
        return NULL;
    }
    block->next = w->s->blocks;
    w->s->blocks = block;
    return block->bytes;
}

void *ptn_words_grow(struct ptn_words *w, void *table, unsigned count, size_t row_size)
{
    char *grown = realloc(table, (count + (size_t)1) * row_size);

    if (!grown) {
        ptn_words_fail_memory(w);
        return NULL;
    }
    memset(grown + count * row_size, 0, row_size);
    return grown;
}

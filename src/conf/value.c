/*
 * conf/value.c - the types a setting can have: one function to read, one to print,
 * one to say in words what would have been right.
 */
#include "conf/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Digits with at most `decimals` more behind a point; the result counts in units of the last. */
static bool parse_digits(const char *at, unsigned decimals, int64_t *out)
{
    int64_t value = 0;
    unsigned digits = 0;
    bool point = false;

    for (; *at; at++) {
        if (*at == '.' && !point && digits > 0 && decimals > 0) {
            point = true;
            continue;
        }
        if (*at < '0' || *at > '9' || value > INT64_MAX / 100000 || (point && decimals == 0))
            return false;
        value = value * 10 + (*at - '0');
        digits++;
        decimals -= point;
    }
    for (; decimals > 0; decimals--)
        value *= 10;
    *out = value;
    return digits > 0;
}

static bool parse_number(const struct ptn_conf_row *row, const char *text, unsigned decimals,
                         uint32_t *out)
{
    int64_t value;

    if (!parse_digits(text, decimals, &value) || value < row->min || value > row->max)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"no", false},  {"1", true},    {"0", false},
                 {"on", true},  {"off", false}, {"true", true}, {"false", false}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i].word) == 0) {
            *out = words[i].value;
            return true;
        }
    return false;
}

/* A control byte in a name or password would end up inside a SIP header or a log line. */
static bool parse_text(const struct ptn_conf_row *row, const char *text, char *out)
{
    size_t size = strlen(text);

    if ((int64_t)size < row->min || (int64_t)size > row->max || size >= PTN_CONF_TEXT_SIZE)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    memset(out, 0, PTN_CONF_TEXT_SIZE);
    memcpy(out, text, size);
    return true;
}

static bool parse_ip(const char *text, struct ptn_addr *out)
{
    struct ptn_addr addr;

    if (*text == '\0') {
        *out = (struct ptn_addr){0};
        return true;
    }
    if (strpbrk(text, "[]") || !ptn_addr_parse(text, &addr) || addr.port != 0)
        return false;
    *out = addr;
    return true;
}

static bool parse_ips(const char *text, bool append, struct ptn_conf_ips *out)
{
    struct ptn_conf_ips ips = {0};
    char one[PTN_ADDR_TEXT_MAX];

    if (append)
        ips = *out;
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, ", \t");

        if (size >= sizeof one || (size > 0 && ips.count == PTN_CONF_IPS_MAX))
            return false;
        if (size > 0) {
            memcpy(one, at, size);
            one[size] = '\0';
            if (!parse_ip(one, &ips.addrs[ips.count++]))
                return false;
            at += size;
        } else {
            at++;
        }
    }
    *out = ips;
    return true;
}

/* The word at `at` and how long it is; NULL behind the last. */
static const char *next_word(const char *at, size_t *size)
{
    *size = at ? strcspn(at, "|") : 0;
    return at && *at ? at : NULL;
}

static const char *after_word(const char *at, size_t size)
{
    return at[size] == '|' ? at + size + 1 : at + size;
}

static bool parse_choice(const struct ptn_conf_row *row, const char *text, uint32_t *out)
{
    uint32_t index = 0;
    int64_t number;
    bool by_number = parse_digits(text, 0, &number);
    size_t size;

    for (const char *word = row->words; (word = next_word(word, &size));
         word = after_word(word, size), index++)
        if ((by_number && number == index) ||
            (strlen(text) == size && memcmp(text, word, size) == 0)) {
            *out = index;
            return true;
        }
    return false;
}

bool ptn_conf_value_parse(const struct ptn_conf_row *row, const char *text, bool append,
                          void *value)
{
    switch ((enum ptn_conf_type)row->type) {
    case PTN_CONF_SECTION: return false;
    case PTN_CONF_BOOL: return parse_bool(text, value);
    case PTN_CONF_UINT:
    case PTN_CONF_UINT_OR_BARE: return parse_number(row, text, 0, value);
    case PTN_CONF_SECONDS: return parse_number(row, text, 3, value);
    case PTN_CONF_TEXT:
    case PTN_CONF_SECRET: return parse_text(row, text, value);
    case PTN_CONF_IP: return parse_ip(text, value);
    case PTN_CONF_IPS: return parse_ips(text, append, value);
    case PTN_CONF_CHOICE: return parse_choice(row, text, value);
    case PTN_CONF_LIST: return ptn_conf_list_parse(row, text, append, value);
    }
    return false;
}

static void format_seconds(int64_t ms, char *buf, size_t size)
{
    int used = snprintf(buf, size, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));

    while (used > 0 && (size_t)used < size && buf[used - 1] == '0')
        buf[--used] = '\0';
    if (used > 0 && (size_t)used < size && buf[used - 1] == '.')
        buf[used - 1] = '\0';
}

static void format_ips(const struct ptn_conf_ips *ips, char *buf, size_t size)
{
    size_t used = 0;

    buf[0] = '\0';
    for (uint32_t i = 0; i < ips->count && used < size; i++) {
        char ip[PTN_ADDR_TEXT_MAX];
        used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? "," : "",
                                 ptn_addr_format_ip(&ips->addrs[i], ip));
    }
}

/* All of it is for a look only: entries are printed one by one (print.c). */
static void format_list(const struct ptn_conf_list *list, char *buf, size_t size)
{
    size_t used = 0;

    buf[0] = '\0';
    for (const char *e = NULL; (e = ptn_conf_list_next(list, e)) && used < size;)
        used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "," : "", e);
}

static void format_choice(const struct ptn_conf_row *row, uint32_t value, char *buf, size_t size)
{
    size_t word_size;
    const char *word = next_word(row->words, &word_size);

    for (; word && value > 0; value--)
        word = next_word(after_word(word, word_size), &word_size);
    snprintf(buf, size, "%.*s", (int)word_size, word ? word : "");
}

void ptn_conf_value_format(const struct ptn_conf_row *row, const void *value, char *buf,
                           size_t size)
{
    char ip[PTN_ADDR_TEXT_MAX];

    switch ((enum ptn_conf_type)row->type) {
    case PTN_CONF_SECTION: snprintf(buf, size, "%s", ""); break;
    case PTN_CONF_BOOL: snprintf(buf, size, "%s", *(const bool *)value ? "yes" : "no"); break;
    case PTN_CONF_UINT:
    case PTN_CONF_UINT_OR_BARE: snprintf(buf, size, "%" PRIu32, *(const uint32_t *)value); break;
    case PTN_CONF_SECONDS: format_seconds(*(const uint32_t *)value, buf, size); break;
    case PTN_CONF_TEXT:
    case PTN_CONF_SECRET: snprintf(buf, size, "%s", (const char *)value); break;
    case PTN_CONF_IP:
        snprintf(buf, size, "%s", ptn_addr_is_none(value) ? "" : ptn_addr_format_ip(value, ip));
        break;
    case PTN_CONF_IPS: format_ips(value, buf, size); break;
    case PTN_CONF_CHOICE: format_choice(row, *(const uint32_t *)value, buf, size); break;
    case PTN_CONF_LIST: format_list(value, buf, size); break;
    }
}

static void describe_choice(const struct ptn_conf_row *row, char *buf, size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "one of "), word_size;
    uint32_t index = 0;

    for (const char *word = row->words; (word = next_word(word, &word_size)) && used < size;
         word = after_word(word, word_size), index++)
        used += (size_t)snprintf(buf + used, size - used, "%s%.*s (%" PRIu32 ")", index ? ", " : "",
                                 (int)word_size, word, index);
}

void ptn_conf_value_describe(const struct ptn_conf_row *row, char *buf, size_t size)
{
    char low[32], high[32];

    switch ((enum ptn_conf_type)row->type) {
    case PTN_CONF_SECTION: snprintf(buf, size, "%s", "a setting"); break;
    case PTN_CONF_BOOL: snprintf(buf, size, "yes or no"); break;
    case PTN_CONF_UINT:
    case PTN_CONF_UINT_OR_BARE:
        snprintf(buf, size, "a number from %" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case PTN_CONF_SECONDS:
        format_seconds(row->min, low, sizeof low);
        format_seconds(row->max, high, sizeof high);
        snprintf(buf, size, "a number of seconds from %s to %s", low, high);
        break;
    case PTN_CONF_TEXT:
    case PTN_CONF_SECRET:
        if (row->min > 0)
            snprintf(buf, size, "a text of %" PRId64 " to %" PRId64 " plain characters", row->min,
                     row->max);
        else
            snprintf(buf, size, "a text of at most %" PRId64 " plain characters", row->max);
        break;
    case PTN_CONF_IP: snprintf(buf, size, "an IP address"); break;
    case PTN_CONF_IPS:
        snprintf(buf, size, "a list of at most %d IP addresses", PTN_CONF_IPS_MAX);
        break;
    case PTN_CONF_CHOICE: describe_choice(row, buf, size); break;
    case PTN_CONF_LIST: ptn_conf_list_describe(row, buf, size); break;
    }
}

size_t ptn_conf_value_size(const struct ptn_conf_row *row)
{
    switch ((enum ptn_conf_type)row->type) {
    case PTN_CONF_SECTION: return 0;
    case PTN_CONF_BOOL: return sizeof(bool);
    case PTN_CONF_UINT:
    case PTN_CONF_UINT_OR_BARE:
    case PTN_CONF_SECONDS:
    case PTN_CONF_CHOICE: return sizeof(uint32_t);
    case PTN_CONF_TEXT:
    case PTN_CONF_SECRET: return PTN_CONF_TEXT_SIZE;
    case PTN_CONF_IP: return sizeof(struct ptn_addr);
    case PTN_CONF_IPS: return sizeof(struct ptn_conf_ips);
    case PTN_CONF_LIST: return sizeof(struct ptn_conf_list);
    }
    return 0;
}

bool ptn_conf_value_equal(const struct ptn_conf_row *row, const void *a, const void *b)
{
    if (row->type == PTN_CONF_LIST)
        return ptn_conf_list_equal(a, b);
    return memcmp(a, b, ptn_conf_value_size(row)) == 0;
}

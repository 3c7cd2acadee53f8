/*
 * conf/list.c - the entries of a LIST, and the shapes they can have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/parts.h"

enum { ENTRY_MAX = 500, LIST_BYTES_MAX = 1 << 24 };

const char *ptn_conf_list_next(const struct ptn_conf_list *list, const char *text)
{
    const char *next = text ? text + strlen(text) + 1 : list->texts;

    return next && next < list->texts + list->size ? next : NULL;
}

/* ---- shapes ---- */

/* The part before `mark` into `first`, the part behind it into `second`; both are whole without. */
static bool part(const char *text, char mark, char first[static PTN_ADDR_TEXT_MAX],
                 char second[static PTN_ADDR_TEXT_MAX])
{
    const char *at = strchr(text, mark);
    size_t size = at ? (size_t)(at - text) : strlen(text);

    if (size >= PTN_ADDR_TEXT_MAX || (at && strlen(at + 1) >= PTN_ADDR_TEXT_MAX))
        return false;
    memcpy(first, text, size);
    first[size] = '\0';
    strcpy(second, at ? at + 1 : first);
    return true;
}

static bool parse_ip(const char *text, struct ptn_addr *out)
{
    return !strpbrk(text, "[]") && ptn_addr_parse(text, out) && out->port == 0;
}

/* The last address of the prefix, which `first` becomes the first of. */
static bool parse_prefix(const char *bits_text, struct ptn_addr *first, struct ptn_addr *last)
{
    char *end;
    size_t bytes = ptn_addr_ip_bytes(first);
    unsigned long bits = strtoul(bits_text, &end, 10);

    if (bits_text[0] < '0' || bits_text[0] > '9' || *end || bits > bytes * 8)
        return false;
    *last = *first;
    for (size_t i = 0; i < bytes; i++) {
        size_t kept = bits > i * 8 ? bits - i * 8 : 0;
        uint8_t host = kept >= 8 ? 0 : (uint8_t)(0xff >> kept);
        first->ip[i] &= (uint8_t)~host;
        last->ip[i] |= host;
    }
    return true;
}

bool ptn_conf_range_parse(const char *text, struct ptn_addr *first, struct ptn_addr *last)
{
    char from[PTN_ADDR_TEXT_MAX], to[PTN_ADDR_TEXT_MAX];
    bool prefix = strchr(text, '/') != NULL;

    if (!part(text, prefix ? '/' : '-', from, to) || !parse_ip(from, first))
        return false;
    if (prefix)
        return parse_prefix(to, first, last);
    return parse_ip(to, last) && first->family == last->family &&
           memcmp(first->ip, last->ip, sizeof first->ip) <= 0;
}

bool ptn_conf_mapping_parse(const char *text, struct ptn_addr *seen, struct ptn_addr *own)
{
    char first[PTN_ADDR_TEXT_MAX], second[PTN_ADDR_TEXT_MAX];

    *own = (struct ptn_addr){0};
    if (!part(text, '/', first, second) || !parse_ip(first, seen))
        return false;
    return !strchr(text, '/') || (parse_ip(second, own) && own->family == seen->family);
}

bool ptn_conf_endpoint_parse(const char *text, struct ptn_addr *out)
{
    return ptn_addr_parse(text, out);
}

static bool is_range(const char *text)
{
    struct ptn_addr a, b;

    return ptn_conf_range_parse(text, &a, &b);
}

static bool is_mapping(const char *text)
{
    struct ptn_addr a, b;

    return ptn_conf_mapping_parse(text, &a, &b);
}

static bool is_endpoint(const char *text)
{
    struct ptn_addr a;

    return ptn_conf_endpoint_parse(text, &a);
}

static bool is_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

/* "name:password"; the password may hold more colons, or be blank. */
static bool is_login(const char *text)
{
    return text[0] != ':' && strchr(text, ':') && is_text(text);
}

static const struct shape {
    const char *name, *words;
    bool (*fits)(const char *text);
    bool secret;
} shapes[] = {
    {"text", "a text of plain characters", is_text, false},
    {"secret", "a text of plain characters", is_text, true},
    {"login", "a name, a colon and a password", is_login, true},
    {"range", "an IP address, two with a dash between, or one with /bits", is_range, false},
    {"mapping", "an IP address, or the outer and the inner one with / between", is_mapping, false},
    {"endpoint", "an IP address, with or without a port", is_endpoint, false},
};

static const struct shape *shape_of(const struct ptn_conf_row *row)
{
    const struct shape *s = shapes;

    while (strcmp(s->name, row->words) != 0)
        s++;
    return s;
}

bool ptn_conf_list_is_secret(const struct ptn_conf_row *row)
{
    return shape_of(row)->secret;
}

void ptn_conf_list_describe(const struct ptn_conf_row *row, char *buf, size_t size)
{
    snprintf(buf, size, "%s", shape_of(row)->words);
}

/* ---- lists ---- */

/* Room is taken in powers of two: a hundred thousand users are added one by one. */
static size_t room_for(size_t size)
{
    size_t room = 64;

    while (room < size)
        room *= 2;
    return size > 0 ? room : 0;
}

bool ptn_conf_list_parse(const struct ptn_conf_row *row, const char *text, bool append,
                         struct ptn_conf_list *out)
{
    size_t size = strlen(text) + 1, kept = append ? out->size : 0;

    if (size > ENTRY_MAX || kept + size > LIST_BYTES_MAX)
        return false;
    if (!*text) {
        if (!append) {
            free(out->texts);
            *out = (struct ptn_conf_list){0};
        }
        return true;
    }
    if (!shape_of(row)->fits(text))
        return false;
    char *grown = out->texts;
    if (kept == 0 || room_for(kept + size) != room_for(kept))
        grown = realloc(out->texts, room_for(kept + size));
    if (!grown)
        return false;
    memcpy(grown + kept, text, size);
    *out = (struct ptn_conf_list){
        .count = append ? out->count + 1 : 1, .size = (uint32_t)(kept + size), .texts = grown};
    return true;
}

bool ptn_conf_list_equal(const struct ptn_conf_list *a, const struct ptn_conf_list *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->texts, b->texts, a->size) == 0);
}

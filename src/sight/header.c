/*
 * sight/header.c - line by line, up to the empty one.
 */
#include "sight/header.h"

#include <strings.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct ptn_bytes ptn_header_trim(struct ptn_bytes b)
{
    while (b.size > 0 && is_blank(b.data[b.size - 1]))
        b.size--;
    while (b.size > 0 && is_blank(b.data[0]))
        b = ptn_bytes(b.data + 1, b.size - 1);
    return b;
}

/* Where the value of a header of that name begins, behind the colon; 0: the line is none. */
static size_t value_at(struct ptn_bytes line, const char *name)
{
    size_t at = name ? strlen(name) : 0;

    if (at == 0 || line.size <= at || (line.data[0] | 0x20) != (name[0] | 0x20) ||
        strncasecmp((const char *)line.data, name, at) != 0)
        return 0;
    while (at < line.size && is_blank(line.data[at]))
        at++;
    return at < line.size && line.data[at] == ':' ? at + 1 : 0;
}

struct ptn_bytes ptn_header_find(struct ptn_bytes text, const char *name, const char *compact)
{
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        struct ptn_bytes line = {text.data, end ? (size_t)(end - text.data) : text.size};
        if (line.size == 0 || (is_blank(line.data[0]) && ptn_header_trim(line).size == 0))
            break;
        size_t at = value_at(line, name);
        if (at == 0)
            at = value_at(line, compact);
        if (at > 0)
            return ptn_header_trim(ptn_bytes(line.data + at, line.size - at));
        size_t used = line.size + (end != NULL);
        text = ptn_bytes(text.data + used, text.size - used);
    }
    return (struct ptn_bytes){0};
}

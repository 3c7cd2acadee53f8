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

static bool is_word(struct ptn_bytes b, const char *word)
{
    return word && b.size == strlen(word) && strncasecmp((const char *)b.data, word, b.size) == 0;
}

struct ptn_bytes ptn_header_find(struct ptn_bytes text, const char *name, const char *compact)
{
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        struct ptn_bytes line = {text.data, end ? (size_t)(end - text.data) : text.size};
        const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
        if (ptn_header_trim(line).size == 0)
            break;
        if (colon && !is_blank(line.data[0])) {
            size_t name_size = (size_t)(colon - line.data);
            struct ptn_bytes found = ptn_header_trim(ptn_bytes(line.data, name_size));
            if (is_word(found, name) || is_word(found, compact))
                return ptn_header_trim(ptn_bytes(colon + 1, line.size - name_size - 1));
        }
        size_t used = line.size + (end != NULL);
        text = ptn_bytes(text.data + used, text.size - used);
    }
    return (struct ptn_bytes){0};
}

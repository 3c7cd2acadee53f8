/*
 * base/bytes.h - a view of somebody else's bytes.
 */
#ifndef PTN_BASE_BYTES_H
#define PTN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ptn_bytes {
    const uint8_t *data; /* borrowed; may be NULL when size is 0 */
    size_t size;
};

static inline struct ptn_bytes ptn_bytes(const void *data, size_t size)
{
    return (struct ptn_bytes){data, size};
}

static inline struct ptn_bytes ptn_bytes_of_text(const char *text)
{
    return (struct ptn_bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool ptn_bytes_equal(struct ptn_bytes a, struct ptn_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif

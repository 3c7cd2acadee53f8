/*
 * server/fleet_load.c - loads as text, and compared.
 */
#include "fleet_load.h"

#include <stdio.h>

void server_load_format(const struct server_load *load, char buf[static SERVER_LOAD_TEXT_SIZE])
{
    snprintf(buf, SERVER_LOAD_TEXT_SIZE, "%u %u %d %u", load->allocations, load->capacity,
             load->draining, load->tls_port);
}

static bool read_number(struct ptn_bytes *text, uint32_t *out)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < text->size && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
        value = value * 10 + (uint64_t)(text->data[i] - '0');
        if (value > UINT32_MAX)
            return false;
    }
    if (i == 0 || (i < text->size && text->data[i] != ' ') || i + 1 == text->size)
        return false; /* a blank has something behind it */
    size_t used = i < text->size ? i + 1 : i;
    *text = ptn_bytes(text->data + used, text->size - used);
    *out = (uint32_t)value;
    return true;
}

bool server_load_parse(struct ptn_bytes text, struct server_load *load)
{
    uint32_t draining, tls_port;

    if (!read_number(&text, &load->allocations) || !read_number(&text, &load->capacity) ||
        !read_number(&text, &draining) || !read_number(&text, &tls_port) || text.size > 0 ||
        draining > 1 || tls_port > UINT16_MAX)
        return false;
    load->draining = draining == 1;
    load->tls_port = (uint16_t)tls_port;
    return true;
}

bool server_load_is_full(const struct server_load *load)
{
    return (uint64_t)load->allocations * 20 >= (uint64_t)load->capacity * 19;
}

bool server_load_is_lighter(const struct server_load *a, const struct server_load *b)
{
    return (uint64_t)a->allocations * b->capacity < (uint64_t)b->allocations * a->capacity ||
           ((uint64_t)a->allocations * b->capacity == (uint64_t)b->allocations * a->capacity &&
            a->capacity > b->capacity);
}

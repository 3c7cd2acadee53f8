/*
 * sip/text.c - lists, quotes, numbers and tokens as SIP writes them.
 */
#include "sip/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ptn_sip_printf(struct ptn_writer *w, const char *format, ...)
{
    va_list args;
    size_t left = ptn_writer_left(w);

    va_start(args, format);
    int size = vsnprintf((char *)w->at, left, format, args);
    va_end(args);
    /* vsnprintf wants room for its final zero, which the next print overwrites. */
    if (size < 0 || (size_t)size >= left)
        w->bad = true;
    else
        w->at += size;
}

void ptn_sip_print_quoted(struct ptn_writer *w, const char *text)
{
    ptn_write_u8(w, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            ptn_write_u8(w, '\\');
        ptn_write_u8(w, (uint8_t)*text);
    }
    ptn_write_u8(w, '"');
}

char *ptn_sip_dup(struct pl text)
{
    char *copy = malloc(text.l + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < text.l; i++) {
        char c = text.p[i];
        copy[i] = c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    }
    copy[text.l] = '\0';
    return copy;
}

bool ptn_sip_replace(char **to, struct pl text)
{
    char *copy = ptn_sip_dup(text);

    if (!copy)
        return false;
    free(*to);
    *to = copy;
    return true;
}

struct pl ptn_pl(const char *text)
{
    return (struct pl){text ? text : "", text ? strlen(text) : 0};
}

struct pl ptn_pl_bytes(struct ptn_bytes b)
{
    return (struct pl){(const char *)b.data, b.size};
}

bool ptn_pl_is(struct pl a, const char *b)
{
    return a.l == strlen(b) && (a.l == 0 || memcmp(a.p, b, a.l) == 0);
}

int ptn_sip_hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool ptn_sip_user_is(struct pl a, const char *user)
{
    size_t i = 0;

    if (ptn_pl_is(a, user))
        return true;
    for (; *user && i < a.l; user++, i++) {
        int high = a.p[i] == '%' && i + 2 < a.l ? ptn_sip_hex_digit(a.p[i + 1]) : -1;
        int low = high < 0 ? -1 : ptn_sip_hex_digit(a.p[i + 2]);
        unsigned char c = low < 0 ? (unsigned char)a.p[i] : (unsigned char)(16 * high + low);
        if (c != (unsigned char)*user)
            return false;
        i += low < 0 ? 0 : 2;
    }
    return !*user && i == a.l;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct pl trimmed(struct pl text)
{
    while (text.l > 0 && is_blank(text.p[0]))
        text.p++, text.l--;
    while (text.l > 0 && is_blank(text.p[text.l - 1]))
        text.l--;
    return text;
}

/* Bytes up to the first comma that separates elements. */
static size_t element_size(struct pl list)
{
    bool quoted = false, bracketed = false;
    size_t i;

    for (i = 0; i < list.l; i++) {
        char c = list.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"' && !bracketed)
            quoted = !quoted;
        else if (!quoted && (c == '<' || c == '>'))
            bracketed = c == '<';
        else if (c == ',' && !quoted && !bracketed)
            break;
    }
    return i < list.l ? i : list.l;
}

bool ptn_sip_list_next(struct pl *list, struct pl *element)
{
    while (list->l > 0) {
        size_t size = element_size(*list), skip = size < list->l ? size + 1 : size;
        *element = trimmed((struct pl){list->p, size});
        list->p += skip;
        list->l -= skip;
        if (element->l > 0)
            return true;
    }
    return false;
}

bool ptn_sip_list_has(struct pl list, const char *token)
{
    struct pl element;

    while (ptn_sip_list_next(&list, &element))
        if (pl_strcasecmp(&element, token) == 0)
            return true;
    return false;
}

bool ptn_sip_number(struct pl text, uint32_t max, uint32_t *out)
{
    uint64_t n = 0;

    if (text.l == 0)
        return false;
    for (size_t i = 0; i < text.l; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.p[i] - '0');
        if (n > max)
            return false;
    }
    *out = (uint32_t)n;
    return true;
}

void ptn_sip_token(struct ptn_dice *dice, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t byte = 0;

    for (size_t i = 0; i + 1 < size; i++) {
        if (i % 2 == 0)
            ptn_dice_fill(dice, &byte, 1);
        out[i] = digits[i % 2 ? byte >> 4 : byte & 15];
    }
    out[size - 1] = '\0';
}

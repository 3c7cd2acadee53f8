/*
 * sight/mask.c - line by line, by what a line begins with.
 */
#include "sight/mask.h"

#include <strings.h>

#include "sight/header.h"

static const char HIDDEN[] = "(hidden)";

/* In these headers only the words of a digest that are no secret are left. */
static const char *const credentials[] = {
    "Authorization:",
    "Proxy-Authorization:",
    "Authentication-Info:",
    "Proxy-Authentication-Info:",
};

/* Lines of a body of which nothing but the beginning is left. */
static const char *const keys[] = {
    "a=crypto:",
    "a=key-mgmt:",
    "a=ice-pwd:",
    "k=",
};

static bool starts_with(struct ptn_bytes line, const char *word)
{
    size_t size = strlen(word);

    return line.size >= size && strncasecmp((const char *)line.data, word, size) == 0;
}

/* "Authorization :" is the same header. */
static bool is_header(struct ptn_bytes line, const char *name, size_t *value_at)
{
    size_t size = strlen(name) - 1, at = size;

    if (line.size <= size || strncasecmp((const char *)line.data, name, size) != 0)
        return false;
    while (at < line.size && (line.data[at] == ' ' || line.data[at] == '\t'))
        at++;
    *value_at = at + 1;
    return at < line.size && line.data[at] == ':';
}

/* The length of the UTF-8 character at the front, 0 when it is none. RFC 3629 §4. */
static size_t utf8_size(struct ptn_bytes b)
{
    uint8_t c = b.data[0], low = 0x80, high = 0xbf;
    size_t size = c < 0x80 ? 1 : c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : 4;

    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || size > b.size)
        return 0;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < size; i++, low = 0x80, high = 0xbf)
        if (b.data[i] < low || b.data[i] > high)
            return 0;
    return size;
}

/* Plain ASCII, which is nearly all, goes in one piece. */
static size_t ascii_size(struct ptn_bytes b)
{
    size_t size = 0;

    while (size < b.size && b.data[size] < 0x80)
        size++;
    return size;
}

static void copy(struct ptn_writer *w, struct ptn_bytes b)
{
    while (b.size > 0) {
        size_t size = ascii_size(b);
        size = size > 0 ? size : utf8_size(b);
        if (size > 0)
            ptn_write(w, ptn_bytes(b.data, size));
        else
            ptn_write_u8(w, '?');
        size += size == 0;
        b = ptn_bytes(b.data + size, b.size - size);
    }
}

/* Where the element that begins at `at` ends: at a comma outside quotes. */
static size_t element_end(struct ptn_bytes b, size_t at)
{
    bool quoted = false;

    for (; at < b.size && (quoted || b.data[at] != ','); at++) {
        if (quoted && b.data[at] == '\\')
            at++;
        else if (b.data[at] == '"')
            quoted = !quoted;
    }
    return at < b.size ? at : b.size;
}

/* Words of a digest that prove nothing; of any others the value is not shown. */
static bool may_be_shown(struct ptn_bytes name)
{
    static const char *const words[] = {"username", "realm", "nonce", "uri",       "algorithm",
                                        "cnonce",   "qop",   "nc",    "nextnonce", "opaque"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (name.size == strlen(words[i]) && starts_with(name, words[i]))
            return true;
    return false;
}

/* One word, or one quoted string and nothing behind it: else another value may hide in it. */
static bool is_one_value(struct ptn_bytes value)
{
    bool quoted = value.size > 1 && value.data[0] == '"' && value.data[value.size - 1] == '"';

    for (size_t i = quoted; i + quoted < value.size; i++)
        if (value.data[i] == '"' || value.data[i] == '\\')
            return false;
    return true;
}

static void mask_element(struct ptn_writer *w, struct ptn_bytes element)
{
    const uint8_t *equals = element.size ? memchr(element.data, '=', element.size) : NULL;
    size_t value_at = equals ? (size_t)(equals - element.data) + 1 : 0;
    struct ptn_bytes value =
        ptn_header_trim(ptn_bytes(element.data + value_at, element.size - value_at));

    if (equals && may_be_shown(ptn_header_trim(ptn_bytes(element.data, value_at - 1))) &&
        is_one_value(value)) {
        copy(w, element);
        return;
    }
    /* A name with a quote in it would put those behind it out of order. */
    if (value_at > 0 && !memchr(element.data, '"', value_at))
        copy(w, ptn_bytes(element.data, value_at));
    ptn_write(w, ptn_bytes_of_text(HIDDEN));
}

/* `value` begins behind the colon: a scheme, where there is one, then a list. */
static void mask_credentials(struct ptn_writer *w, struct ptn_bytes value, bool has_scheme)
{
    size_t at = 0;

    while (at < value.size && (value.data[at] == ' ' || value.data[at] == '\t'))
        at++;
    while (has_scheme && at < value.size && value.data[at] != ' ' && value.data[at] != '\t')
        at++;
    copy(w, ptn_bytes(value.data, at));
    while (at < value.size) {
        size_t end = element_end(value, at);
        mask_element(w, ptn_bytes(value.data + at, end - at));
        if (end < value.size)
            ptn_write_u8(w, ',');
        at = end + 1;
    }
}

static bool is_folded(struct ptn_bytes rest)
{
    return rest.size > 0 && (rest.data[0] == ' ' || rest.data[0] == '\t');
}

/* A line without its line break; of headers with those that continue it. */
static struct ptn_bytes next_line(struct ptn_bytes rest, bool in_body, size_t *break_size)
{
    size_t at = 0;

    for (;;) {
        const uint8_t *end = at < rest.size ? memchr(rest.data + at, '\n', rest.size - at) : NULL;
        size_t next = end ? (size_t)(end - rest.data) + 1 : rest.size;
        size_t size = end ? next - 1 : next;
        if (end && size > at && rest.data[size - 1] == '\r')
            size--;
        *break_size = next - size;
        if (in_body || size == 0 || !is_folded(ptn_bytes(rest.data + next, rest.size - next)))
            return ptn_bytes(rest.data, size);
        at = next;
    }
}

static void mask_line(struct ptn_writer *w, struct ptn_bytes line, bool in_body)
{
    size_t at = 0;

    for (size_t i = 0; in_body && i < sizeof keys / sizeof *keys; i++)
        if (starts_with(line, keys[i])) {
            ptn_write(w, ptn_bytes(line.data, strlen(keys[i])));
            ptn_write(w, ptn_bytes_of_text(HIDDEN));
            return;
        }
    for (size_t i = 0; !in_body && i < sizeof credentials / sizeof *credentials; i++)
        if (is_header(line, credentials[i], &at)) {
            copy(w, ptn_bytes(line.data, at));
            mask_credentials(w, ptn_bytes(line.data + at, line.size - at), i < 2);
            return;
        }
    copy(w, line);
}

void ptn_mask(struct ptn_writer *w, struct ptn_bytes message)
{
    bool in_body = false;

    while (message.size > 0) {
        size_t break_size;
        struct ptn_bytes line = next_line(message, in_body, &break_size);
        mask_line(w, line, in_body);
        copy(w, ptn_bytes(line.data + line.size, break_size));
        in_body = in_body || line.size == 0;
        size_t used = line.size + break_size;
        message = ptn_bytes(message.data + used, message.size - used);
    }
}

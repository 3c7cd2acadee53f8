/*
 * tests/sim/middlebox.c - rewrites the topmost Via of answers, or the Contact of REGISTERs.
 */
#include "middlebox.h"

#include <stdio.h>
#include <string.h>

const char *const MIDDLEBOX_NAMES[MIDDLEBOX_KINDS] = {
    "no middlebox",
    "a middlebox that lies about rport",
    "a middlebox that lies about received and rport",
    "a middlebox that shows its private network",
    "a middlebox that strips received and rport",
    "an ALG that rewrites Contact",
};

/* Replaces `size` characters at `at` within m->text; what does not fit is cut off. */
static void replace(struct middlebox *m, size_t at, size_t size, const char *by)
{
    char rest[sizeof m->text];

    snprintf(rest, sizeof rest, "%s", m->text + at + size);
    snprintf(m->text + at, sizeof m->text - at, "%s%s", by, rest);
}

/* The value of `name` (";rport=") in the line that begins with `line`. */
static bool find(const struct middlebox *m, const char *line, const char *name, size_t *at,
                 size_t *size)
{
    const char *begin = strstr(m->text, line), *end = begin ? strstr(begin + 2, "\r\n") : NULL;
    const char *value = begin ? strstr(begin, name) : NULL;

    if (!value || !end || value > end)
        return false;
    value += strlen(name);
    *at = (size_t)(value - m->text);
    *size = strcspn(value, ";,>\r\n");
    return true;
}

static unsigned any_port(struct middlebox *m)
{
    return 1024 + ptn_dice_below(&m->dice, 60000);
}

static void lie(struct middlebox *m)
{
    char port[8], addr[20];
    size_t at, size;

    snprintf(port, sizeof port, "%u", any_port(m));
    snprintf(addr, sizeof addr, m->kind == MIDDLEBOX_LIES_PRIVATE ? "10.1.0.%u" : "203.0.113.%u",
             100 + ptn_dice_below(&m->dice, 100));
    if (m->kind == MIDDLEBOX_STRIPS) {
        if (find(m, "\r\nVia:", ";rport=", &at, &size))
            replace(m, at - 1, size + 1, "");
        if (find(m, "\r\nVia:", ";received=", &at, &size))
            replace(m, at - 10, size + 10, "");
        return;
    }
    if (find(m, "\r\nVia:", ";rport=", &at, &size))
        replace(m, at, size, port);
    if (m->kind != MIDDLEBOX_LIES_PORT && find(m, "\r\nVia:", ";received=", &at, &size))
        replace(m, at, size, addr);
}

static void rewrite_contact(struct middlebox *m)
{
    char host[40];
    size_t at, size;

    snprintf(host, sizeof host, "203.0.113.99:%u", any_port(m));
    if (find(m, "\r\nContact:", "@", &at, &size))
        replace(m, at, size, host);
}

static bool reads(const struct middlebox *m, const struct ptn_addr *who, struct ptn_bytes bytes)
{
    return m->kind != MIDDLEBOX_NONE && !ptn_addr_same_ip(who, &m->spared) && bytes.size > 20 &&
           bytes.size < sizeof m->text;
}

static void take(struct middlebox *m, struct ptn_bytes bytes)
{
    memcpy(m->text, bytes.data, bytes.size);
    m->text[bytes.size] = '\0';
}

static void input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct middlebox *m = self;
    struct ptn_tell changed = *tell;

    if (m->kind == MIDDLEBOX_ALG && tell->kind == PTN_TELL_DATAGRAM &&
        reads(m, &tell->from, tell->bytes)) {
        take(m, tell->bytes);
        if (strncmp(m->text, "REGISTER ", 9) == 0)
            rewrite_contact(m);
        changed.bytes = ptn_bytes_of_text(m->text);
    }
    m->inner.input(m->inner.self, now, &changed);
}

static void tick(void *self, ptn_time now)
{
    struct middlebox *m = self;

    m->inner.tick(m->inner.self, now);
}

static bool output(void *self, ptn_time now, struct ptn_ask *ask)
{
    struct middlebox *m = self;

    if (!m->inner.output(m->inner.self, now, ask))
        return false;
    if (m->kind == MIDDLEBOX_ALG || ask->kind != PTN_ASK_DATAGRAM ||
        !reads(m, &ask->to, ask->bytes))
        return true;
    take(m, ask->bytes);
    if (strncmp(m->text, "SIP/2.0 ", 8) == 0)
        lie(m);
    ask->bytes = ptn_bytes_of_text(m->text);
    return true;
}

static ptn_time deadline(const void *self)
{
    const struct middlebox *m = self;

    return m->inner.deadline(m->inner.self);
}

struct ptn_machine middlebox_machine(struct middlebox *m, const struct ptn_machine *inner)
{
    m->inner = *inner;
    return (struct ptn_machine){m, input, tick, output, deadline};
}

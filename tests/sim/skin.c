/*
 * tests/sim/skin.c - sleep, and the reading of what is sent.
 */
#include "skin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- what is told ---------------------------------------------------------------------------- */

static void *copied(const void *bytes, size_t size)
{
    void *copy = size > 0 ? malloc(size) : NULL;

    if (size > 0 && !copy)
        abort();
    if (copy)
        memcpy(copy, bytes, size);
    return copy;
}

static void keep(struct skin *s, const struct ptn_tell *tell)
{
    struct skin_kept *k = &s->kept[s->kept_count++];

    if (s->kept_count > SKIN_KEPT_MAX)
        abort();
    *k = (struct skin_kept){.tell = *tell};
    if (tell->kind == PTN_TELL_STREAM) {
        k->copy = copied(tell->bytes.data, tell->bytes.size);
        k->tell.bytes = ptn_bytes(k->copy, tell->bytes.size);
    } else if (tell->kind == PTN_TELL_ADDRESSES) {
        k->copy = copied(tell->addrs, tell->addr_count * sizeof *tell->addrs);
        k->tell.addrs = k->copy;
    } else if (tell->kind == PTN_TELL_RESOLVED) {
        /* The name server's datagram was lost like any other. */
        k->tell.kind = PTN_TELL_FAILED;
        k->tell.why = PTN_ERR_TIMED_OUT;
    }
}

static void remember(struct skin *s, ptn_id id, const struct ptn_addr *to)
{
    s->conns[s->conn_count++ % SKIN_CONNS_MAX] = (struct skin_conn){id, *to};
}

static void input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct skin *s = self;

    if (tell->kind == PTN_TELL_ACCEPTED)
        remember(s, tell->id, &tell->from);
    if (!s->asleep)
        s->inner.input(s->inner.self, now, tell);
    else if (tell->kind != PTN_TELL_DATAGRAM && tell->kind != PTN_TELL_ICMP_ERROR)
        keep(s, tell);
}

static void forget(struct skin *s)
{
    for (unsigned i = 0; i < s->kept_count; i++)
        free(s->kept[i].copy);
    s->kept_count = 0;
}

void skin_sleep(struct skin *s)
{
    s->asleep = true;
}

void skin_wake(struct skin *s, ptn_time now)
{
    if (!s->asleep)
        return;
    s->asleep = false;
    for (unsigned i = 0; i < s->kept_count; i++)
        s->inner.input(s->inner.self, now, &s->kept[i].tell);
    forget(s);
}

/* -- what is said ---------------------------------------------------------------------------- */

static const struct ptn_addr *receiver(const struct skin *s, const struct ptn_ask *ask)
{
    if (ask->kind == PTN_ASK_DATAGRAM)
        return &ask->to;
    for (unsigned i = 0; i < SKIN_CONNS_MAX; i++)
        if (s->conns[i].id == ask->id)
            return &s->conns[i].to;
    return NULL;
}

/* The first address in the text that is of no use in public: no part of a longer number. */
static bool shows_private(const char *text)
{
    static const char digits[] = "0123456789.";

    for (const char *p = text; *p;) {
        size_t size = strspn(p, digits);
        char word[16];
        struct ptn_addr addr;
        if (size >= 7 && size < sizeof word) {
            snprintf(word, sizeof word, "%.*s", (int)size, p);
            if (ptn_addr_parse(word, &addr) && ptn_addr_kind(&addr) != PTN_ADDR_PUBLIC)
                return true;
        }
        p += size ? size : 1;
    }
    return false;
}

static uint32_t hash_of_branch(const char *text)
{
    const char *at = strstr(text, ";branch=");
    uint32_t h = 2166136261u;

    for (at = at ? at + 8 : ""; *at && !strchr(";\r\n", *at); at++)
        h = (h ^ (uint8_t)*at) * 16777619u;
    return h;
}

static void count_register(struct skin *s, ptn_time now, const char *text)
{
    uint32_t branch = hash_of_branch(text);

    for (unsigned i = 0; i < sizeof s->branches / sizeof s->branches[0]; i++)
        if (s->branches[i] == branch)
            return;
    s->branches[s->branch_count++ % (sizeof s->branches / sizeof s->branches[0])] = branch;
    if (s->register_count < SKIN_REGISTERS_MAX)
        s->registers[s->register_count] = now;
    s->register_count++;
}

static void look(struct skin *s, ptn_time now, const struct ptn_ask *ask)
{
    static char text[70000];
    const struct ptn_addr *to = receiver(s, ask);
    struct ptn_bytes b = ask->bytes;

    /* STUN, RTP and RTCP begin otherwise; a keep-alive is shorter. */
    if (b.size < 20 || b.size >= sizeof text || b.data[0] < 'A' || b.data[0] > 'Z')
        return;
    memcpy(text, b.data, b.size);
    text[b.size] = '\0';
    if (strncmp(text, "REGISTER ", 9) == 0)
        count_register(s, now, text);
    if (!to || ptn_addr_kind(to) != PTN_ADDR_PUBLIC)
        return;
    s->messages++;
    if (!shows_private(text))
        return;
    if (s->private_shown++ == 0) {
        snprintf(s->shown, sizeof s->shown, "%.2000s", text);
        s->shown_at = now;
    }
}

static void tick(void *self, ptn_time now)
{
    struct skin *s = self;

    if (!s->asleep)
        s->inner.tick(s->inner.self, now);
}

static bool output(void *self, ptn_time now, struct ptn_ask *ask)
{
    struct skin *s = self;

    if (s->asleep || !s->inner.output(s->inner.self, now, ask))
        return false;
    if (ask->kind == PTN_ASK_CONNECT)
        remember(s, ask->id, &ask->to);
    else if (ask->kind == PTN_ASK_DATAGRAM || ask->kind == PTN_ASK_STREAM)
        look(s, now, ask);
    return true;
}

static ptn_time deadline(const void *self)
{
    const struct skin *s = self;

    return s->asleep ? PTN_NEVER : s->inner.deadline(s->inner.self);
}

struct ptn_machine skin_machine(struct skin *s, const struct ptn_machine *inner)
{
    s->inner = *inner;
    return (struct ptn_machine){s, input, tick, output, deadline};
}

void skin_fini(struct skin *s)
{
    forget(s);
}

unsigned skin_registers_within(const struct skin *s, ptn_time span)
{
    unsigned count =
        s->register_count < SKIN_REGISTERS_MAX ? s->register_count : SKIN_REGISTERS_MAX;
    unsigned most = 0;

    for (unsigned first = 0, i = 0; i < count; i++) {
        while (s->registers[i] - s->registers[first] >= span)
            first++;
        if (i - first + 1 > most)
            most = i - first + 1;
    }
    return most;
}

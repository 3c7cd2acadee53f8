/*
 * ice/words.c - reading and writing ICE's lines.
 *
 * A reader is generous with what it need not understand (names, transports, kinds and extensions
 * that came later) and strict with what it uses.
 */
#include "ice/words.h"

#include <string.h>

/* The next word, words being separated by blanks. Empty at the end. */
static struct ptn_bytes word(struct ptn_bytes *text)
{
    struct ptn_bytes w;

    while (text->size > 0 && *text->data == ' ')
        text->data++, text->size--;
    w = ptn_bytes(text->data, 0);
    while (text->size > 0 && *text->data != ' ')
        text->data++, text->size--, w.size++;
    return w;
}

static bool is_word(struct ptn_bytes w, const char *text)
{
    return ptn_bytes_equal(w, ptn_bytes_of_text(text));
}

static bool is_word_any_case(struct ptn_bytes w, const char *lower)
{
    if (w.size != strlen(lower))
        return false;
    for (size_t i = 0; i < w.size; i++)
        if ((w.data[i] >= 'A' && w.data[i] <= 'Z' ? w.data[i] + 32 : w.data[i]) != lower[i])
            return false;
    return true;
}

static bool parse_number(struct ptn_bytes w, uint32_t max, uint32_t *out)
{
    uint64_t n = 0;

    *out = 0;

    if (w.size == 0 || w.size > 10)
        return false;
    for (size_t i = 0; i < w.size; i++) {
        if (w.data[i] < '0' || w.data[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(w.data[i] - '0');
    }
    *out = (uint32_t)n;
    return n <= max;
}

static bool is_ice_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* 1 to `max` ice-chars, with a final zero. */
static bool take_ice_chars(struct ptn_bytes w, size_t min, size_t max, char *out)
{
    if (w.size < min || w.size > max)
        return false;
    for (size_t i = 0; i < w.size; i++)
        if (!is_ice_char(w.data[i]))
            return false;
    memcpy(out, w.data, w.size);
    out[w.size] = '\0';
    return true;
}

/* An IP address and no name; its port is left alone. */
static bool parse_ip(struct ptn_bytes w, struct ptn_addr *out)
{
    char text[PTN_ADDR_TEXT_MAX];
    struct ptn_addr a;

    if (w.size == 0 || w.size >= sizeof text || w.data[0] == '[')
        return false;
    memcpy(text, w.data, w.size);
    text[w.size] = '\0';
    if (!ptn_addr_parse(text, &a) || a.port)
        return false;
    *out = ptn_addr_with_port(a, out->port);
    return true;
}

static bool parse_kind(struct ptn_bytes w, uint8_t *out)
{
    for (unsigned k = 0; k < PTN_ICE_KINDS; k++)
        if (is_word(w, ptn_ice_kind_word((enum ptn_ice_kind)k))) {
            *out = (uint8_t)k;
            return true;
        }
    return false;
}

/* raddr, rport and what came later, in pairs. */
static bool parse_extensions(struct ptn_bytes text, struct ptn_addr *related)
{
    struct ptn_bytes name;

    while ((name = word(&text)).size > 0) {
        struct ptn_bytes value = word(&text);
        uint32_t port;
        if (value.size == 0)
            return false;
        if (is_word(name, "raddr")) {
            /* Told for diagnosis only: a name does no harm there. */
            parse_ip(value, related);
        } else if (is_word(name, "rport")) {
            if (!parse_number(value, 65535, &port))
                return false;
            related->port = (uint16_t)port;
        }
    }
    if (ptn_addr_is_none(related))
        *related = (struct ptn_addr){0};
    return true;
}

enum ptn_ice_word_verdict ptn_ice_parse_candidate(struct ptn_bytes value,
                                                  struct ptn_ice_candidate *out)
{
    struct ptn_ice_candidate c = {0};
    uint32_t component, port;

    bool fine = take_ice_chars(word(&value), 1, PTN_ICE_FOUNDATION_MAX, c.foundation);
    fine &= parse_number(word(&value), 256, &component) && component > 0;
    struct ptn_bytes transport = word(&value);
    fine &= parse_number(word(&value), UINT32_MAX, &c.priority);
    struct ptn_bytes host = word(&value);
    fine &= parse_number(word(&value), 65535, &port) && is_word(word(&value), "typ");
    struct ptn_bytes kind = word(&value);
    if (!fine || kind.size == 0 || !parse_extensions(value, &c.related))
        return PTN_ICE_WORD_MALFORMED;
    c.addr.port = (uint16_t)port;
    if (!is_word_any_case(transport, "udp") || !parse_kind(kind, &c.kind) ||
        !parse_ip(host, &c.addr) || component > PTN_ICE_COMPONENTS_MAX || port == 0)
        return PTN_ICE_WORD_SKIPPED;
    c.component = (uint8_t)component;
    *out = c;
    return PTN_ICE_WORD_OK;
}

/* ---- lines ---- */

static void count(struct ptn_ice_description *d, enum ptn_ice_word_verdict verdict)
{
    d->skipped += verdict == PTN_ICE_WORD_SKIPPED;
    d->malformed += verdict == PTN_ICE_WORD_MALFORMED;
}

static void read_candidate(struct ptn_ice_description *d, struct ptn_bytes value)
{
    struct ptn_ice_candidate c;
    enum ptn_ice_word_verdict verdict = ptn_ice_parse_candidate(value, &c);

    count(d, verdict);
    if (verdict != PTN_ICE_WORD_OK)
        return;
    if (d->count == PTN_ICE_REMOTES_MAX)
        d->left_out++;
    else
        d->candidates[d->count++] = c;
}

static void read_options(struct ptn_ice_description *d, struct ptn_bytes value)
{
    struct ptn_bytes option;

    while ((option = word(&value)).size > 0) {
        d->trickle |= is_word(option, "trickle");
        d->ice2 |= is_word(option, "ice2");
    }
}

/* "1 192.0.2.1 4000 2 192.0.2.1 4001" */
static void read_remote(struct ptn_ice_description *d, struct ptn_bytes value)
{
    struct ptn_bytes first;
    uint32_t component, port;

    while ((first = word(&value)).size > 0) {
        struct ptn_addr addr = {0};
        struct ptn_bytes host = word(&value);
        if (!parse_number(first, 256, &component) || component == 0 ||
            !parse_number(word(&value), 65535, &port)) {
            count(d, PTN_ICE_WORD_MALFORMED);
            return;
        }
        addr.port = (uint16_t)port;
        if (component <= PTN_ICE_COMPONENTS_MAX && parse_ip(host, &addr))
            d->remote[component - 1] = addr;
    }
}

static void read_line(struct ptn_ice_description *d, struct ptn_bytes line)
{
    const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
    size_t size = colon ? (size_t)(colon - line.data) : line.size;
    struct ptn_bytes name = ptn_bytes(line.data, size), value = {0};
    bool fine = true;
    uint32_t pacing_ms;

    if (colon)
        value = ptn_bytes(colon + 1, line.size - size - 1);
    if (is_word(name, "candidate"))
        read_candidate(d, value);
    else if (is_word(name, "ice-ufrag"))
        fine = take_ice_chars(value, 4, PTN_ICE_UFRAG_MAX, d->far.creds.ufrag);
    else if (is_word(name, "ice-pwd"))
        fine = take_ice_chars(value, 22, PTN_ICE_PWD_MAX, d->far.creds.pwd);
    else if (is_word(name, "ice-options"))
        read_options(d, value);
    else if (is_word(name, "ice-lite"))
        d->far.lite = true;
    else if (is_word(name, "ice-mismatch"))
        d->mismatch = true;
    else if (is_word(name, "end-of-candidates"))
        d->ended = true;
    else if (is_word(name, "remote-candidates"))
        read_remote(d, value);
    else if (is_word(name, "ice-pacing")) {
        fine = parse_number(value, 10000, &pacing_ms);
        if (fine)
            d->far.pacing_ms = pacing_ms;
    }
    if (!fine)
        count(d, PTN_ICE_WORD_MALFORMED);
}

void ptn_ice_read_lines(struct ptn_ice_description *d, struct ptn_bytes lines)
{
    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t size = end ? (size_t)(end - lines.data) : lines.size, skip = size + (end != NULL);
        struct ptn_bytes line = ptn_bytes(lines.data, size);
        if (line.size > 0 && line.data[line.size - 1] == '\r')
            line.size--;
        read_line(d, line);
        lines.data += skip, lines.size -= skip;
    }
}

/* ---- writing ---- */

static void put(struct ptn_writer *w, const char *text)
{
    ptn_write(w, ptn_bytes_of_text(text));
}

static void put_number(struct ptn_writer *w, uint32_t n)
{
    char digits[11];
    char *at = digits + sizeof digits - 1;

    *at = '\0';
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    put(w, at);
}

static void put_addr(struct ptn_writer *w, const char *before, const struct ptn_addr *a,
                     const char *between)
{
    char text[PTN_ADDR_TEXT_MAX];

    put(w, before);
    put(w, ptn_addr_format_ip(a, text));
    put(w, between);
    put_number(w, a->port);
}

void ptn_ice_format_candidate(const struct ptn_ice_candidate *c, struct ptn_writer *w)
{
    put(w, c->foundation);
    put(w, " ");
    put_number(w, c->component);
    put(w, " UDP ");
    put_number(w, c->priority);
    put_addr(w, " ", &c->addr, " ");
    put(w, " typ ");
    put(w, ptn_ice_kind_word((enum ptn_ice_kind)c->kind));
    /* RFC 8839 §5.1: for others than host it must be there, even when nothing is told. */
    if (!ptn_addr_is_none(&c->related))
        put_addr(w, " raddr ", &c->related, " rport ");
    else if (c->kind != PTN_ICE_HOST)
        put(w, c->addr.family == PTN_IPV6 ? " raddr :: rport 9" : " raddr 0.0.0.0 rport 9");
}

void ptn_ice_write_lines(const struct ptn_ice_description *d, struct ptn_writer *w)
{
    bool first = true;

    if (d->far.lite)
        put(w, "ice-lite\n");
    if (ptn_ice_speaks(d)) {
        put(w, "ice-ufrag:");
        put(w, d->far.creds.ufrag);
        put(w, "\nice-pwd:");
        put(w, d->far.creds.pwd);
        put(w, "\n");
    }
    if (d->trickle || d->ice2)
        put(w, d->trickle && d->ice2 ? "ice-options:trickle ice2\n"
               : d->ice2             ? "ice-options:ice2\n"
                                     : "ice-options:trickle\n");
    if (d->far.pacing_ms) {
        put(w, "ice-pacing:");
        put_number(w, d->far.pacing_ms);
        put(w, "\n");
    }
    for (unsigned i = 0; i < d->count; i++) {
        put(w, "candidate:");
        ptn_ice_format_candidate(&d->candidates[i], w);
        put(w, "\n");
    }
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++) {
        if (ptn_addr_is_none(&d->remote[i]))
            continue;
        put(w, first ? "remote-candidates:" : " ");
        put_number(w, i + 1);
        put_addr(w, " ", &d->remote[i], " ");
        first = false;
    }
    put(w, first ? "" : "\n");
    if (d->mismatch)
        put(w, "ice-mismatch\n");
    if (d->ended)
        put(w, "end-of-candidates\n");
}

/* ---- defaults ---- */

bool ptn_ice_speaks(const struct ptn_ice_description *d)
{
    return d->far.creds.ufrag[0] && d->far.creds.pwd[0];
}

static unsigned worth(const struct ptn_ice_candidate *c)
{
    /* RFC 8839 §4.2.1.2: the likelier to be reached by anybody, the better. */
    static const uint8_t of_kind[PTN_ICE_KINDS] = {
        [PTN_ICE_HOST] = 0,
        [PTN_ICE_PEER_REFLEXIVE] = 1,
        [PTN_ICE_SERVER_REFLEXIVE] = 2,
        [PTN_ICE_RELAYED] = 3,
    };

    return of_kind[c->kind] * 2u + (c->addr.family == PTN_IPV4);
}

const struct ptn_ice_candidate *ptn_ice_default(const struct ptn_ice_candidate *candidates,
                                                unsigned count, unsigned component)
{
    const struct ptn_ice_candidate *best = NULL;

    for (unsigned i = 0; i < count; i++) {
        const struct ptn_ice_candidate *c = &candidates[i];
        if (c->component == component &&
            (!best || worth(c) > worth(best) ||
             (worth(c) == worth(best) && c->priority > best->priority)))
            best = c;
    }
    return best;
}

bool ptn_ice_is_mismatch(const struct ptn_ice_description *d, unsigned component,
                         const struct ptn_addr *dest)
{
    bool unknown = ptn_addr_is_none(dest) || dest->port == PTN_ICE_DEFAULT_PORT ||
                   ptn_addr_kind(dest) == PTN_ADDR_UNSPECIFIED;

    for (unsigned i = 0; i < d->count; i++)
        if (d->candidates[i].component == component && ptn_addr_equal(&d->candidates[i].addr, dest))
            return false;
    /* Who trickles may not know yet, and a name among the candidates may be its own. */
    return !(unknown && (d->trickle || d->skipped > 0));
}

/*
 * sight/glance.c - the start line, who with whom, addresses told, and headers that explain.
 */
#include "sight/glance.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "sight/header.h"
#include "sip/sdp.h"

/* Shown as they are, in this order. */
static const struct {
    const char *name, *compact;
} telling[] = {
    {"Expires", NULL},        {"Min-Expires", NULL}, {"Retry-After", NULL},
    {"Reason", NULL},         {"Warning", NULL},     {"Refer-To", "r"},
    {"Replaces", NULL},       {"Event", "o"},        {"Subscription-State", NULL},
    {"Session-Expires", "x"}, {"Min-SE", NULL},      {"Require", NULL},
    {"Unsupported", NULL},
};

static bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

/* A copy of as much as fits, never half a character. Also the controls of U+0080 to U+009F go. */
static void copy(char *to, size_t size, struct ptn_bytes from)
{
    size_t n = 0;

    for (size_t i = 0; i < from.size && n + 1 < size; i++)
        to[n++] = is_control(from.data[i]) ? ' ' : (char)from.data[i];
    if (n + 1 == size && n < from.size)
        while (n > 0 && ((uint8_t)from.data[n] & 0xc0) == 0x80)
            n--;
    to[n] = '\0';
    for (size_t i = 0; i + 1 < n; i++)
        if ((uint8_t)to[i] == 0xc2 && (uint8_t)to[i + 1] < 0xa0)
            to[i] = to[i + 1] = ' ';
}

__attribute__((format(printf, 2, 3))) static void note(struct ptn_glance *g, const char *format,
                                                       ...)
{
    char line[sizeof g->notes[0]];
    va_list args;

    if (g->note_count == PTN_GLANCE_NOTES_MAX)
        return;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (size < 0)
        return;
    size_t kept = (size_t)size < sizeof line ? (size_t)size : sizeof line - 1;
    while (kept > 0 && (size_t)size > kept && ((uint8_t)line[kept - 1] & 0xc0) == 0x80)
        kept--;
    if (kept > 0 && (size_t)size >= sizeof line && (uint8_t)line[kept - 1] >= 0xc0)
        kept--;
    copy(g->notes[g->note_count++], sizeof g->notes[0], ptn_bytes(line, kept));
}

static struct ptn_bytes first_line(struct ptn_bytes text)
{
    const uint8_t *end = text.size ? memchr(text.data, '\n', text.size) : NULL;
    size_t size = end ? (size_t)(end - text.data) : text.size;

    if (size > 0 && text.data[size - 1] == '\r')
        size--;
    return ptn_bytes(text.data, size);
}

static struct ptn_bytes skip(struct ptn_bytes b, size_t n)
{
    return n < b.size ? ptn_bytes(b.data + n, b.size - n) : ptn_bytes(b.data, 0);
}

static size_t until(struct ptn_bytes b, const char *stops)
{
    size_t n = 0;

    while (n < b.size && !strchr(stops, b.data[n]))
        n++;
    return n;
}

/* `"Alice" <sip:1001@example.org;x=y>;tag=1` is 1001@example.org. */
static void copy_who(char *to, size_t size, struct ptn_bytes value)
{
    size_t open = until(value, "<");

    if (open < value.size)
        value = skip(value, open + 1);
    if (value.size > 4 && strncasecmp((const char *)value.data, "sip:", 4) == 0)
        value = skip(value, 4);
    else if (value.size > 5 && strncasecmp((const char *)value.data, "sips:", 5) == 0)
        value = skip(value, 5);
    copy(to, size, ptn_bytes(value.data, until(value, ">;? ")));
}

static void look_at_start(struct ptn_bytes text, struct ptn_glance *g)
{
    static const char version[] = "SIP/2.0";
    struct ptn_bytes line = first_line(text), cseq = ptn_header_find(text, "CSeq", NULL);
    const size_t size = sizeof version - 1;
    char what[96];

    copy(g->method, sizeof g->method, skip(cseq, until(cseq, " \t") + 1));
    if (line.size > size && memcmp(line.data, version, size) == 0) {
        line = skip(line, size + 1);
        for (size_t i = 0; i < 3 && i < line.size && line.data[i] >= '0' && line.data[i] <= '9';
             i++)
            g->status = 10 * g->status + (line.data[i] - '0');
        copy(what, sizeof what, line);
        if (g->method[0])
            snprintf(g->what, sizeof g->what, "%s (%s)", what, g->method);
        else
            snprintf(g->what, sizeof g->what, "%s", what);
        return;
    }
    if (line.size > size && memcmp(line.data + line.size - size, version, size) == 0)
        line.size -= size + 1;
    copy(g->what, sizeof g->what, line);
}

static const char *direction_text(enum ptn_sdp_direction d)
{
    switch (d) {
    case PTN_SDP_SENDRECV: return "";
    case PTN_SDP_SENDONLY: return ", sendonly";
    case PTN_SDP_RECVONLY: return ", recvonly";
    case PTN_SDP_INACTIVE: return ", inactive";
    }
    return "";
}

static void look_at_media(const struct ptn_sdp_media *m, struct ptn_glance *g)
{
    char addr[PTN_ADDR_TEXT_MAX] = "a host name", codecs[80] = "";
    const char *kind = strcmp(m->kind, "audio") == 0 ? "sound" : m->kind;

    for (unsigned i = 0; i < m->codec_count && i < 6; i++) {
        size_t used = strlen(codecs);
        snprintf(codecs + used, sizeof codecs - used, " %s", m->codecs[i].name);
    }
    if (!ptn_addr_is_none(&m->rtp))
        ptn_addr_format(&m->rtp, addr);
    if (!ptn_addr_is_none(&m->rtp) && m->rtp.port == 0)
        note(g, "no %s", kind);
    else
        note(g, "%s at %s%s%s%s", kind, addr, codecs[0] ? "," : "", codecs,
             direction_text(m->direction));
}

static struct ptn_bytes body_of(struct ptn_bytes text)
{
    while (text.size > 0) {
        struct ptn_bytes line = first_line(text);
        text = skip(text, line.size + 1 + (line.size < text.size && text.data[line.size] == '\r'));
        if (line.size == 0)
            break;
    }
    return text;
}

static void look_at_body(struct ptn_bytes text, struct ptn_glance *g)
{
    static const char sdp_type[] = "application/sdp";
    struct ptn_bytes type = ptn_header_find(text, "Content-Type", "c"), body = body_of(text);
    struct ptn_sdp sdp;
    char words[64];

    type.size = until(type, "; ");
    if (body.size == 0 || type.size == 0)
        return;
    if (type.size != sizeof sdp_type - 1 ||
        strncasecmp((const char *)type.data, sdp_type, type.size) != 0) {
        copy(words, sizeof words, type);
        note(g, "%zu bytes of %s", body.size, words);
    } else if (ptn_sdp_parse(body, &sdp) != PTN_SDP_OK) {
        note(g, "a session description that cannot be read");
    } else {
        for (unsigned i = 0; i < sdp.media_count; i++)
            look_at_media(&sdp.media[i], g);
    }
}

/* The value of ";name=value"; empty when it is not there. */
static struct ptn_bytes param(struct ptn_bytes value, const char *name)
{
    size_t size = strlen(name);

    for (value = skip(value, until(value, ";,")); value.size > 0 && value.data[0] == ';';
         value = skip(value, until(value, ";,"))) {
        value = skip(value, 1);
        if (value.size > size && strncasecmp((const char *)value.data, name, size) == 0 &&
            value.data[size] == '=') {
            value = skip(value, size + 1);
            return ptn_bytes(value.data, until(value, ";, \t"));
        }
    }
    return ptn_bytes(value.data, 0);
}

/* What the far end says it saw of us: RFC 3581. */
static void look_at_via(struct ptn_bytes text, struct ptn_glance *g)
{
    struct ptn_bytes via = ptn_header_find(text, "Via", "v");
    struct ptn_bytes received = param(via, "received"), rport = param(via, "rport");
    char ip[64], port[8];

    copy(ip, sizeof ip, received);
    copy(port, sizeof port, rport);
    if (g->status == 0 || (!ip[0] && !port[0]))
        return;
    snprintf(g->seen_as, sizeof g->seen_as, "%s%s%s", ip[0] ? ip : "the address it was told",
             port[0] ? ", port " : "", port);
}

static void look_at_credentials(struct ptn_bytes text, struct ptn_glance *g)
{
    static const char *const asked[] = {"WWW-Authenticate", "Proxy-Authenticate"};
    static const char *const given[] = {"Authorization", "Proxy-Authorization"};
    char words[100];
    bool any = false;

    for (size_t i = 0; i < 2; i++) {
        struct ptn_bytes value = ptn_header_find(text, asked[i], NULL);
        copy(words, sizeof words, ptn_bytes(value.data, until(value, ",")));
        if (value.size > 0)
            note(g, "asks for credentials: %s", words);
        any = any || ptn_header_find(text, given[i], NULL).size > 0;
    }
    if (any)
        note(g, "with credentials");
}

/* The first one's URI and for how long; which phone and flow it is does not explain a call. */
static void look_at_contact(struct ptn_bytes text, struct ptn_glance *g)
{
    struct ptn_bytes value = ptn_header_find(text, "Contact", "m");
    size_t open = until(value, "<"), close = until(value, ">");
    bool bracketed = open < close && close < value.size;
    char uri[120], expires[16];

    if (value.size == 0)
        return;
    if (bracketed)
        copy(uri, sizeof uri, ptn_bytes(value.data + open, close - open + 1));
    else
        copy(uri, sizeof uri, ptn_bytes(value.data, until(value, ";,")));
    copy(expires, sizeof expires, param(skip(value, bracketed ? close : 0), "expires"));
    note(g, "Contact: %s%s%s", uri, expires[0] ? ";expires=" : "", expires);
}

static void look_at_headers(struct ptn_bytes text, struct ptn_glance *g)
{
    char words[140];

    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++) {
        struct ptn_bytes value = ptn_header_find(text, telling[i].name, telling[i].compact);
        copy(words, sizeof words, value);
        if (value.size > 0)
            note(g, "%s: %s", telling[i].name, words);
    }
}

void ptn_glance(struct ptn_bytes text, struct ptn_glance *out)
{
    *out = (struct ptn_glance){0};
    look_at_start(text, out);
    copy(out->call_id, sizeof out->call_id, ptn_header_find(text, "Call-ID", "i"));
    copy_who(out->from, sizeof out->from, ptn_header_find(text, "From", "f"));
    copy_who(out->to, sizeof out->to, ptn_header_find(text, "To", "t"));
    look_at_body(text, out);
    look_at_via(text, out);
    look_at_credentials(text, out);
    look_at_contact(text, out);
    look_at_headers(text, out);
}

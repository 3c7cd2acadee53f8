#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/crypto.h"
#include "support/test.h"
#include "unit/ua/world.h"

/* A message as lines; good enough for what our own agent writes. */
enum { LINES = 64, LINE = 700 };

struct text {
    char start[LINE];
    char lines[LINES][LINE];
    unsigned count;
    const char *body;
    size_t body_size;
};

static void split(struct text *t, const char *message, size_t size)
{
    const char *at = message, *end = message + size;

    memset(t, 0, sizeof *t);
    for (bool first = true; at < end; first = false) {
        const char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
        CHECK(eol != NULL);
        if (eol == at) {
            t->body = at + 2;
            t->body_size = (size_t)(end - t->body);
            return;
        }
        CHECK(t->count < LINES && eol - at < LINE);
        snprintf(first ? t->start : t->lines[t->count++], LINE, "%.*s", (int)(eol - at), at);
        at = eol + 2;
    }
    fail_msg("a message without an empty line");
}

static char *header(struct text *t, const char *name)
{
    size_t size = strlen(name);

    for (unsigned i = 0; i < t->count; i++)
        if (strncasecmp(t->lines[i], name, size) == 0 && t->lines[i][size] == ':')
            return t->lines[i];
    return NULL;
}

static void remove_line(struct text *t, const char *line)
{
    unsigned i = (unsigned)((line - t->lines[0]) / LINE);

    memmove(t->lines[i], t->lines[i + 1], (size_t)(t->count - i - 1) * LINE);
    t->count--;
}

static void insert_line(struct text *t, unsigned at, const char *line)
{
    CHECK(t->count < LINES);
    memmove(t->lines[at + 1], t->lines[at], (size_t)(t->count - at) * LINE);
    snprintf(t->lines[at], LINE, "%s", line);
    t->count++;
}

static unsigned line_number(const struct text *t, const char *line)
{
    return (unsigned)((line - t->lines[0]) / LINE);
}

static void send_text(struct world *w, const struct text *t, const struct ptn_addr *to)
{
    static char buf[8192];
    int used = snprintf(buf, sizeof buf, "%s\r\n", t->start);

    for (unsigned i = 0; i < t->count; i++)
        used += snprintf(buf + used, sizeof buf - (size_t)used, "%s\r\n", t->lines[i]);
    used += snprintf(buf + used, sizeof buf - (size_t)used, "\r\n");
    memcpy(buf + used, t->body, t->body_size);
    world_send(w, &WORLD_REGISTRAR, to, buf, (size_t)used + t->body_size);
}

/* The address in a URI or Via: the first "digits.dots[:port]" after `from`. */
static struct ptn_addr address_after(const char *from, const char *mark)
{
    const char *at = strstr(from, mark);
    char text[64];
    struct ptn_addr addr = {0};

    CHECK(at != NULL);
    at += strlen(mark);
    snprintf(text, sizeof text, "%.*s", (int)strspn(at, "0123456789.:"), at);
    CHECK(ptn_addr_parse(text, &addr));
    if (addr.port == 0)
        addr.port = 5060;
    return addr;
}

/* RFC 3581: fills received and rport into the top Via. */
static void stamp_via(struct text *t, const struct ptn_addr *from)
{
    char *via = header(t, "Via"), copy[LINE], ip[PTN_ADDR_TEXT_MAX];
    char *rport = via ? strstr(via, ";rport") : NULL;

    CHECK(via != NULL);
    if (!rport || rport[6] == '=')
        return;
    snprintf(copy, sizeof copy, "%s", rport + 6);
    snprintf(rport, LINE - (size_t)(rport - via), ";received=%s;rport=%u%s",
             ptn_addr_format_ip(from, ip), from->port, copy);
}

static struct ptn_addr reply_to(struct text *t)
{
    char *via = header(t, "Via"), *rport = strstr(via, ";rport="),
         *received = strstr(via, "received=");

    if (rport && received)
        return ptn_addr_with_port(address_after(via, "received="), (uint16_t)atoi(rport + 7));
    return address_after(via, "UDP ");
}

/* Only what a response copies. */
static void respond(struct world *w, struct text *t, const char *status, const char *extra)
{
    struct text r = {.body = ""};
    static const char *const copied[] = {"Via", "From", "To", "Call-ID", "CSeq"};

    snprintf(r.start, sizeof r.start, "SIP/2.0 %s", status);
    for (unsigned i = 0; i < t->count; i++)
        for (unsigned k = 0; k < 5; k++)
            if (strncasecmp(t->lines[i], copied[k], strlen(copied[k])) == 0 &&
                t->lines[i][strlen(copied[k])] == ':')
                insert_line(&r, r.count, t->lines[i]);
    char *to = header(&r, "To");
    if (!strstr(to, ";tag="))
        snprintf(to + strlen(to), LINE - strlen(to), ";tag=reg%u", w->registrar->registers);
    if (extra)
        insert_line(&r, r.count, extra);
    insert_line(&r, r.count, "Content-Length: 0");
    struct ptn_addr dest = reply_to(&r);
    send_text(w, &r, &dest);
}

static void hex_md5(const char *text, char out[33])
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes part = ptn_bytes_of_text(text);
    uint8_t digest[PTN_DIGEST_BYTES_MAX];

    ptn_crypto_digest(c, PTN_MD5, &part, 1, digest);
    for (unsigned i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    ptn_crypto_free(c);
}

static void parameter(const char *line, const char *name, char out[LINE])
{
    char mark[40];

    snprintf(mark, sizeof mark, "%s=", name);
    const char *at = line;
    while ((at = strstr(at, mark)) && at > line && at[-1] != ' ' && at[-1] != ',')
        at++;
    out[0] = '\0';
    if (!at)
        return;
    at += strlen(mark);
    bool quoted = *at == '"';
    at += quoted;
    snprintf(out, LINE, "%.*s", (int)strcspn(at, quoted ? "\"" : ", "), at);
}

/* RFC 2617 with qop=auth. */
static bool authorized(struct text *t, const char *user)
{
    static char uri[LINE], nonce[LINE], nc[LINE], cnonce[LINE], response[LINE], text[6 * LINE];
    char ha1[33], ha2[33], want[33];
    const char *line = header(t, "Authorization");

    if (!line)
        return false;
    parameter(line, "uri", uri);
    parameter(line, "nonce", nonce);
    parameter(line, "nc", nc);
    parameter(line, "cnonce", cnonce);
    parameter(line, "response", response);
    snprintf(text, sizeof text, "%s:example:%ss secret", user, user);
    hex_md5(text, ha1);
    snprintf(text, sizeof text, "REGISTER:%s", uri);
    hex_md5(text, ha2);
    snprintf(text, sizeof text, "%s:%s:%s:%s:auth:%s", ha1, nonce, nc, cnonce, ha2);
    hex_md5(text, want);
    return strcmp(want, response) == 0;
}

static void user_of(const char *line, char out[64])
{
    const char *at = strstr(line, "sip:");

    CHECK(at != NULL);
    snprintf(out, 64, "%.*s", (int)strcspn(at + 4, "@>;"), at + 4);
}

/* One "<uri>;parameters" of a Contact line; it binds unless it, or the request, expires now. */
static bool bind_entry(struct world *w, unsigned slot, const char *entry, char answer[LINE])
{
    struct registrar *r = w->registrar;
    const char *open = strchr(entry, '<');

    if (!open || strstr(entry, "expires=0"))
        return false;
    snprintf(r->bindings[slot].contact, sizeof r->bindings[slot].contact, "%.*s",
             (int)strcspn(open + 1, ">"), open + 1);
    r->bindings[slot].addr = address_after(open, "@");
    snprintf(answer, LINE, "Contact: <%s>;expires=600", r->bindings[slot].contact);
    return true;
}

static void bind(struct world *w, struct text *t, const char *user)
{
    struct registrar *r = w->registrar;
    unsigned slot = 0, bound = 0;
    const char *expires = header(t, "Expires");
    bool none = expires && atoi(strchr(expires, ':') + 1) == 0;
    char answer[LINE], entry[LINE];

    while (slot < r->binding_count && strcmp(r->bindings[slot].user, user) != 0)
        slot++;
    if (slot == r->binding_count)
        r->binding_count++;
    snprintf(r->bindings[slot].user, sizeof r->bindings[slot].user, "%s", user);
    r->bindings[slot].contact[0] = '\0';
    for (unsigned i = 0; i < t->count; i++) {
        if (strncasecmp(t->lines[i], "Contact:", 8) != 0)
            continue;
        for (const char *at = t->lines[i] + 8; *at; at += strspn(at, ",")) {
            snprintf(entry, sizeof entry, "%.*s", (int)strcspn(at, ","), at);
            at += strcspn(at, ",");
            bound += !none && bind_entry(w, slot, entry, answer);
        }
    }
    if (bound > r->max_bound)
        r->max_bound = bound;
    r->unregisters += bound == 0;
    respond(w, t, "200 OK", bound ? answer : NULL);
}

static void registration(struct world *w, struct text *t)
{
    char user[64];

    user_of(header(t, "To"), user);
    if (!header(t, "Authorization")) {
        w->registrar->challenges++;
        respond(w, t, "401 Unauthorized",
                "WWW-Authenticate: Digest realm=\"example\", nonce=\"n1\", qop=\"auth\"");
        return;
    }
    if (!authorized(t, user)) {
        w->registrar->refused++;
        respond(w, t, "403 Forbidden", NULL);
        return;
    }
    w->registrar->registers++;
    bind(w, t, user);
}

/* Our own Route entry, if we are the first one. */
static bool strip_route(struct text *t)
{
    char *route = header(t, "Route");

    if (!route || !strstr(route, "198.51.100.5"))
        return route != NULL;
    remove_line(t, route);
    return true;
}

static void forward_request(struct world *w, struct text *t)
{
    struct registrar *r = w->registrar;
    char user[64], via[LINE], method[16];
    struct ptn_addr to = {0};
    bool in_dialog = strip_route(t);

    CHECK_EQ(1, sscanf(t->start, "%15s", method));
    user_of(t->start, user);
    if (in_dialog || strchr(t->start, '@') == NULL || !strstr(t->start, "example.org")) {
        to = address_after(t->start, "@");
    } else {
        for (unsigned i = 0; i < r->binding_count; i++)
            if (strcmp(r->bindings[i].user, user) == 0 && r->bindings[i].contact[0]) {
                to = r->bindings[i].addr;
                snprintf(t->start, sizeof t->start, "%s %s SIP/2.0", method,
                         r->bindings[i].contact);
            }
        if (ptn_addr_is_none(&to)) {
            if (strcmp(method, "ACK") != 0)
                respond(w, t, "404 Not Found", NULL);
            return;
        }
    }
    /* A stateless proxy derives its branch from the one it got, so that CANCEL and ACK match. */
    const char *branch = strstr(header(t, "Via"), "branch=");
    CHECK(branch != NULL);
    snprintf(via, sizeof via, "Via: SIP/2.0/UDP 198.51.100.5:5060;branch=z9hG4bKp%.*s",
             (int)strcspn(branch + 7, ";\r"), branch + 7);
    insert_line(t, line_number(t, header(t, "Via")), via);
    if (strcmp(method, "INVITE") == 0 && !in_dialog)
        insert_line(t, 1, "Record-Route: <sip:198.51.100.5:5060;lr>");
    send_text(w, t, &to);
}

void registrar_input(struct world *w, const struct ptn_addr *from, const char *message, size_t size)
{
    static struct text t;
    struct ptn_addr to;

    if (size < 20)
        return;
    split(&t, message, size);
    if (strncmp(t.start, "SIP/2.0", 7) == 0) {
        remove_line(&t, header(&t, "Via"));
        to = reply_to(&t);
        send_text(w, &t, &to);
        return;
    }
    stamp_via(&t, from);
    if (strncmp(t.start, "REGISTER", 8) == 0)
        registration(w, &t);
    else if (strncmp(t.start, "OPTIONS", 7) == 0)
        respond(w, &t, "200 OK", NULL);
    else
        forward_request(w, &t);
}

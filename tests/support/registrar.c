/*
 * tests/support/registrar.c - a small SIP registrar and proxy: sockets, credentials, whom to send
 * to.
 *
 * Socket ids: local i has UDP socket i + 1, TCP listener i + 1 + REGISTRAR_LOCALS_MAX and TLS
 * listener i + 1 + 2 * REGISTRAR_LOCALS_MAX.
 */
#include "support/registrar.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/digest.h"
#include "support/registrar_parts.h"

enum { CONNECTIONS_MAX = 64, USERS_MAX = 32, NONCES_MAX = 64, ASKS_MAX = 64, TAG_SIZE = 17 };

static const char OUR_TAG[] = "proxy-"; /* tags of answers that are ours: their ACKs end here */

struct connection {
    ptn_id id;
    enum ptn_transport transport;
    struct ptn_addr local, far;
    struct ptn_sip_stream stream;
};

struct nonce {
    char text[33];
    ptn_time issued;
};

struct pending {
    struct ptn_ask ask;
    uint8_t *bytes;
};

struct registrar {
    struct registrar_opts opts;
    struct ptn_crypto *crypto;
    struct registrar_binding bindings[USERS_MAX]; /* as opts.users; "" is none */
    struct connection connections[CONNECTIONS_MAX];
    struct nonce nonces[NONCES_MAX];
    unsigned next_nonce;
    struct pending asks[ASKS_MAX];
    unsigned ask_first, ask_count;
    uint8_t *given; /* bytes of the ask last given out */
    unsigned counts[REGISTRAR_WHATS];
};

static void ask(struct registrar *r, const struct ptn_ask *a)
{
    if (r->ask_count == ASKS_MAX) {
        r->counts[REGISTRAR_DROPPED]++;
        return;
    }
    struct pending *p = &r->asks[(r->ask_first + r->ask_count++) % ASKS_MAX];
    *p = (struct pending){.ask = *a};
    if (a->bytes.size == 0)
        return;
    p->bytes = malloc(a->bytes.size);
    if (!p->bytes)
        abort();
    memcpy(p->bytes, a->bytes.data, a->bytes.size);
    p->ask.bytes.data = p->bytes;
}

struct registrar *registrar_new(const struct registrar_opts *opts)
{
    struct registrar *r = calloc(1, sizeof *r);

    if (!r || opts->user_count > USERS_MAX)
        abort();
    r->opts = *opts;
    r->crypto = ptn_crypto_new();
    if (r->opts.expires_max_s == 0)
        r->opts.expires_max_s = 3600;
    for (unsigned i = 0; i < opts->local_count; i++) {
        ask(r, &(struct ptn_ask){.kind = PTN_ASK_OPEN, .id = i + 1, .local = opts->locals[i]});
        ask(r, &(struct ptn_ask){.kind = PTN_ASK_LISTEN,
                                 .id = i + 1 + REGISTRAR_LOCALS_MAX,
                                 .transport = PTN_TCP,
                                 .local = opts->locals[i]});
        if (opts->tls)
            ask(r, &(struct ptn_ask){
                       .kind = PTN_ASK_LISTEN,
                       .id = i + 1 + 2 * REGISTRAR_LOCALS_MAX,
                       .transport = PTN_TLS,
                       .local = ptn_addr_with_port(opts->locals[i], opts->locals[i].port + 1)});
    }
    return r;
}

void registrar_free(struct registrar *r)
{
    if (!r)
        return;
    for (; r->ask_count > 0; r->ask_count--)
        free(r->asks[(r->ask_first + r->ask_count - 1) % ASKS_MAX].bytes);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        ptn_sip_stream_fini(&r->connections[i].stream);
    free(r->given);
    ptn_crypto_free(r->crypto);
    free(r);
}

/* -- hops ------------------------------------------------------------------------------------ */

static void leave(struct registrar *r, const struct hop *hop, const struct ptn_writer *w)
{
    if (w->bad || hop->socket == 0) {
        r->counts[REGISTRAR_DROPPED]++;
        return;
    }
    ask(r, &(struct ptn_ask){.kind = hop->transport == PTN_UDP ? PTN_ASK_DATAGRAM : PTN_ASK_STREAM,
                             .id = hop->socket,
                             .to = hop->to,
                             .bytes = ptn_bytes(w->start, ptn_writer_size(w))});
}

static struct connection *connection_to(struct registrar *r, const struct ptn_addr *far)
{
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (r->connections[i].id && ptn_addr_equal(&r->connections[i].far, far))
            return &r->connections[i];
    return NULL;
}

static struct connection *connection_by_id(struct registrar *r, ptn_id id)
{
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (r->connections[i].id == id)
            return &r->connections[i];
    return NULL;
}

/* Towards an address: by the connection there is, or the UDP socket of its family. */
static struct hop hop_to(struct registrar *r, enum ptn_transport transport,
                         const struct ptn_addr *to)
{
    struct hop hop = {.transport = transport, .to = *to};

    if (transport != PTN_UDP) {
        struct connection *c = connection_to(r, to);
        hop.socket = c ? c->id : 0;
        hop.local = c ? c->local : r->opts.locals[0];
        return hop;
    }
    for (unsigned i = r->opts.local_count; i > 0; i--) {
        if (r->opts.locals[i - 1].family != to->family)
            continue;
        hop.socket = i;
        hop.local = r->opts.locals[i - 1];
    }
    return hop;
}

/* -- answers of our own ---------------------------------------------------------------------- */

static void respond(struct registrar *r, const struct hop *back, const struct ptn_sip_in *in,
                    unsigned status, const char *contact, const char *headers)
{
    uint8_t buf[4096];
    char tag[sizeof OUR_TAG + TAG_SIZE];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);

    if (ptn_sip_in_is(in, "ACK"))
        return;
    struct ptn_sip_in seen = *in;
    if (r->opts.shows_any_port)
        seen.from.port = (uint16_t)(1024 + ptn_dice_below(&r->opts.dice, 60000));
    memcpy(tag, OUR_TAG, sizeof OUR_TAG - 1);
    ptn_sip_token(&r->opts.dice, tag + sizeof OUR_TAG - 1, TAG_SIZE);
    ptn_sip_print_response(
        &w, &seen,
        &(struct ptn_sip_response){
            .status = status, .tag = tag, .contact = contact, .headers = headers});
    if (status >= 400 && status != 401 && status != 407)
        r->counts[REGISTRAR_REFUSED]++;
    leave(r, back, &w);
}

static void challenge(struct registrar *r, ptn_time now, const struct hop *back,
                      const struct ptn_sip_in *in, bool proxy, bool stale)
{
    static const char *const names[] = {[PTN_MD5] = "MD5", [PTN_SHA256] = "SHA-256"}; /* RFC 8760 */
    struct nonce *n = &r->nonces[r->next_nonce++ % NONCES_MAX];
    char line[300];

    ptn_sip_token(&r->opts.dice, n->text, sizeof n->text);
    n->issued = now;
    snprintf(line, sizeof line,
             "%s-Authenticate: Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s\r\n",
             proxy ? "Proxy" : "WWW", r->opts.domain, n->text, names[r->opts.algorithm],
             stale ? ", stale=true" : "");
    r->counts[REGISTRAR_CHALLENGED]++;
    respond(r, back, in, proxy ? 407 : 401, NULL, line);
}

/* -- credentials ----------------------------------------------------------------------------- */

/* One parameter of "Digest name=value, …", quotes taken away; "" when it is not there. */
static void parameter(struct pl list, const char *name, char *out, size_t size)
{
    struct pl element;
    size_t length = strlen(name);

    out[0] = '\0';
    struct pl scheme = {list.p, sizeof "Digest"};
    if (list.l > scheme.l && pl_strcasecmp(&scheme, "Digest ") == 0)
        pl_advance(&list, (ssize_t)scheme.l);
    while (ptn_sip_list_next(&list, &element)) {
        struct pl key = {element.p, length};
        if (element.l <= length || element.p[length] != '=' || pl_strcasecmp(&key, name) != 0)
            continue;
        struct pl value = {element.p + length + 1, element.l - length - 1};
        if (value.l >= 2 && value.p[0] == '"')
            value.p++, value.l -= 2;
        if (pl_strcpy(&value, out, size) != 0)
            out[0] = '\0';
    }
}

enum credentials { RIGHT, WRONG, STALE, NONE };

static enum credentials check_nonce(const struct registrar *r, ptn_time now, const char *nonce)
{
    for (unsigned i = 0; i < NONCES_MAX; i++)
        if (nonce[0] && strcmp(r->nonces[i].text, nonce) == 0)
            return r->opts.nonce_lifetime && now - r->nonces[i].issued > r->opts.nonce_lifetime
                       ? STALE
                       : RIGHT;
    return STALE;
}

/* Whether the request proves to be of `user`. */
static enum credentials check(struct registrar *r, ptn_time now, const struct ptn_sip_in *in,
                              bool proxy, const char *user, const char *password)
{
    struct pl value =
        ptn_sip_in_value(in, proxy ? SIP_HDR_PROXY_AUTHORIZATION : SIP_HDR_AUTHORIZATION);
    struct ptn_sip_challenge c = {.algorithm = r->opts.algorithm, .qop = true, .said = true};
    char realm[128], nonce[512], name[100], uri[300], cnonce[100], count[20], method[20],
        response[80];
    char expected[2 * PTN_DIGEST_BYTES_MAX + 1];

    if (value.l == 0)
        return NONE;
    parameter(value, "username", name, sizeof name);
    parameter(value, "realm", realm, sizeof realm);
    parameter(value, "nonce", nonce, sizeof nonce);
    parameter(value, "uri", uri, sizeof uri);
    parameter(value, "cnonce", cnonce, sizeof cnonce);
    parameter(value, "nc", count, sizeof count);
    parameter(value, "response", response, sizeof response);
    if (strcmp(name, user) != 0 || strcmp(realm, r->opts.domain) != 0 ||
        pl_strcpy(&in->msg->met, method, sizeof method) != 0)
        return WRONG;
    c.realm = ptn_bytes_of_text(realm);
    c.nonce = ptn_bytes_of_text(nonce);
    ptn_sip_digest_response(r->crypto, &c, &(struct ptn_sip_credentials){user, password}, method,
                            uri, (uint32_t)strtoul(count, NULL, 16), cnonce, expected);
    return strcmp(expected, response) == 0 ? check_nonce(r, now, nonce) : WRONG;
}

/* The row of the user in a URI, or user_count. */
static unsigned user_of(const struct registrar *r, const struct pl *user)
{
    unsigned i = 0;

    while (i < r->opts.user_count && pl_strcmp(user, r->opts.users[i].name) != 0)
        i++;
    return i;
}

/* True when the request may go on; else it has been answered. */
static bool admit(struct registrar *r, ptn_time now, const struct hop *back,
                  const struct ptn_sip_in *in, bool proxy)
{
    unsigned user = user_of(r, proxy ? &in->msg->from.uri.user : &in->msg->to.uri.user);

    if (user == r->opts.user_count) {
        respond(r, back, in, proxy ? 403 : 404, NULL, NULL);
        return false;
    }
    const struct registrar_user *u = &r->opts.users[user];
    switch (check(r, now, in, proxy, u->name, u->password)) {
    case RIGHT: return true;
    case WRONG: respond(r, back, in, 403, NULL, NULL); return false;
    case STALE: challenge(r, now, back, in, proxy, true); return false;
    case NONE: challenge(r, now, back, in, proxy, false); return false;
    }
    return false;
}

/* -- REGISTER -------------------------------------------------------------------------------- */

static uint32_t expires_of(const struct registrar *r, const struct ptn_sip_in *in,
                           struct pl contact)
{
    uint32_t expires = r->opts.expires_max_s;
    struct pl value;

    if (re_regex(contact.p, contact.l, ";expires=[0-9]+", &value) != 0)
        value = ptn_sip_in_value(in, SIP_HDR_EXPIRES);
    if (!ptn_sip_number(value, UINT32_MAX, &expires) || expires > r->opts.expires_max_s)
        return r->opts.expires_max_s;
    return expires;
}

/* How many contacts a REGISTER binds; those that it withdraws do not count. */
static unsigned count_bound(struct pl contacts)
{
    struct pl entry, expires;
    unsigned count = 0;

    while (ptn_sip_list_next(&contacts, &entry))
        count +=
            re_regex(entry.p, entry.l, ";expires=[0-9]+", &expires) != 0 || pl_u32(&expires) != 0;
    return count;
}

static void take_register(struct registrar *r, ptn_time now, const struct hop *back,
                          const struct ptn_sip_in *in)
{
    char contact[REGISTRAR_CONTACT_MAX + 40] = "";
    struct pl value = ptn_sip_in_value(in, SIP_HDR_CONTACT), uri;

    if (!admit(r, now, back, in, false))
        return;
    struct registrar_binding *b = &r->bindings[user_of(r, &in->msg->to.uri.user)];
    uint32_t expires = expires_of(r, in, value);
    bool all = pl_strcmp(&value, "*") == 0;
    if (value.l > 0 && (all || expires == 0)) {
        *b = (struct registrar_binding){0};
        r->counts[REGISTRAR_UNREGISTERED]++;
    } else if (value.l > 0) {
        if (re_regex(value.p, value.l, "<[^>]+>", &uri) != 0 ||
            pl_strcpy(&uri, b->contact, sizeof b->contact) != 0) {
            respond(r, back, in, 400, NULL, NULL);
            return;
        }
        b->source = in->from;
        b->socket = in->socket;
        b->transport = in->transport;
        b->until = now + PTN_S(expires);
        r->counts[REGISTRAR_REGISTERED]++;
        r->counts[REGISTRAR_DOUBLED] += count_bound(value) > 1;
    }
    if (b->contact[0] && r->opts.shows_any_contact)
        snprintf(contact, sizeof contact, "<sip:x@192.168.1.1:%u>;expires=%u",
                 1024 + ptn_dice_below(&r->opts.dice, 60000), expires);
    else if (b->contact[0])
        snprintf(contact, sizeof contact, "<%s>;expires=%u", b->contact, expires);
    respond(r, back, in, 200, contact, NULL);
}

const struct registrar_binding *registrar_binding(const struct registrar *r, const char *user,
                                                  ptn_time now)
{
    for (unsigned i = 0; i < r->opts.user_count; i++)
        if (strcmp(r->opts.users[i].name, user) == 0)
            return r->bindings[i].contact[0] && now < r->bindings[i].until ? &r->bindings[i] : NULL;
    return NULL;
}

struct ptn_addr registrar_contact(const struct registrar *r, const char *user, ptn_time now)
{
    const struct registrar_binding *b = registrar_binding(r, user, now);
    struct ptn_addr addr;

    return b && registrar_uri_addr(ptn_pl(b->contact), &addr) ? addr : (struct ptn_addr){0};
}

/* -- messages that pass ---------------------------------------------------------------------- */

static bool is_for_us(const struct registrar *r, const struct uri *uri, struct pl whole)
{
    return pl_strcasecmp(&uri->host, r->opts.domain) == 0 || registrar_is_ours(&r->opts, whole);
}

/* Where a request that leaves us goes: 0, or the status that says why it cannot. A phone that
 * registered over TCP is reached by its connection, whatever address its Contact holds. */
static unsigned find_hop(struct registrar *r, ptn_time now, const struct ptn_sip_in *in,
                         struct pl *uri, struct hop *out)
{
    struct pl route = registrar_next_route(&r->opts, in), target = in->msg->ruri;
    struct ptn_addr to;

    if (is_for_us(r, &in->msg->uri, target)) {
        unsigned user = user_of(r, &in->msg->uri.user);
        if (user == r->opts.user_count)
            return 404;
        const struct registrar_binding *b = registrar_binding(r, r->opts.users[user].name, now);
        if (!b)
            return 480;
        target = ptn_pl(b->contact);
    }
    *uri = target;
    for (unsigned i = 0; i < r->opts.user_count && route.l == 0; i++) {
        const struct registrar_binding *b = &r->bindings[i];
        if (pl_strcmp(&target, b->contact) != 0 || b->transport == PTN_UDP)
            continue;
        *out = hop_to(r, b->transport, &b->source);
        return out->socket ? 0 : 480;
    }
    if (!registrar_uri_addr(route.l ? route : target, &to))
        return 404; /* a name: the simulator's proxy asks nobody */
    *out = hop_to(r, PTN_UDP, &to);
    return out->socket ? 0 : 480;
}

static void take_request(struct registrar *r, ptn_time now, const struct hop *back,
                         const struct ptn_sip_in *in, struct ptn_bytes bytes)
{
    static uint8_t buf[PTN_SIP_MSG_MAX + 2048];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);
    bool begins = in->msg->to.tag.l == 0;
    struct hop out;
    struct passage p = {.in = back, .out = &out};

    if (ptn_sip_in_is(in, "REGISTER")) {
        take_register(r, now, back, in);
        return;
    }
    struct pl tag = {in->msg->to.tag.p, sizeof OUR_TAG - 1};
    if (ptn_sip_in_is(in, "ACK") && in->msg->to.tag.l > tag.l && pl_strcmp(&tag, OUR_TAG) == 0)
        return; /* of a refusal of ours */
    if (ptn_sip_in_is(in, "OPTIONS") && begins && in->msg->uri.user.l == 0 &&
        is_for_us(r, &in->msg->uri, in->msg->ruri)) {
        respond(r, back, in, 200, NULL, NULL);
        return;
    }
    if (pl_strcmp(&in->msg->maxfwd, "0") == 0) {
        respond(r, back, in, 483, NULL, NULL);
        return;
    }
    if (r->opts.challenges_calls && begins && ptn_sip_in_is(in, "INVITE") &&
        !admit(r, now, back, in, true))
        return;
    unsigned status = find_hop(r, now, in, &p.uri, &out);
    if (status) {
        respond(r, back, in, status, NULL, NULL);
        return;
    }
    p.record_route = begins && ptn_sip_in_is(in, "INVITE");
    registrar_write_request(&w, &r->opts, bytes, in, &p);
    r->counts[REGISTRAR_FORWARDED]++;
    leave(r, &out, &w);
}

static enum ptn_transport transport_of(enum sip_transp via)
{
    return via == SIP_TRANSP_TCP ? PTN_TCP : via == SIP_TRANSP_TLS ? PTN_TLS : PTN_UDP;
}

static void take_response(struct registrar *r, struct ptn_bytes bytes)
{
    static uint8_t buf[PTN_SIP_MSG_MAX];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);
    struct ptn_sip_in next = {0};
    struct ptn_addr to;

    if (!registrar_write_response(&w, &r->opts, bytes) || w.bad ||
        ptn_sip_in_decode(ptn_bytes(buf, ptn_writer_size(&w)), &next) != PTN_SIP_TAKEN ||
        !ptn_sip_in_reflexive(&next, &to)) {
        r->counts[REGISTRAR_DROPPED]++;
    } else {
        struct hop out = hop_to(r, transport_of(next.msg->via.tp), &to);
        r->counts[REGISTRAR_FORWARDED]++;
        leave(r, &out, &w);
    }
    ptn_sip_in_fini(&next);
}

static void take_message(struct registrar *r, ptn_time now, struct ptn_bytes bytes,
                         const struct hop *back)
{
    struct ptn_sip_in in = {.socket = back->socket, .transport = back->transport, .from = back->to};

    enum ptn_sip_verdict verdict = ptn_sip_in_decode(bytes, &in);
    if (verdict == PTN_SIP_TAKEN && in.msg->req) {
        struct hop answer = *back;
        if (back->transport == PTN_UDP)
            answer.to = ptn_sip_in_reply_to(&in);
        take_request(r, now, &answer, &in, bytes);
    } else if (verdict == PTN_SIP_TAKEN) {
        take_response(r, bytes);
    } else if (verdict != PTN_SIP_KEEPALIVE_BYTES) {
        r->counts[REGISTRAR_DROPPED]++;
    }
    ptn_sip_in_fini(&in);
}

/* -- the machine ----------------------------------------------------------------------------- */

static void take_stream(struct registrar *r, ptn_time now, struct connection *c,
                        struct ptn_bytes bytes)
{
    struct hop back = {.socket = c->id, .transport = c->transport, .local = c->local, .to = c->far};
    struct ptn_bytes message;

    if (!ptn_sip_stream_input(&c->stream, bytes))
        return;
    for (;;) {
        switch (ptn_sip_stream_take(&c->stream, &message)) {
        case PTN_SIP_STREAM_MESSAGE: take_message(r, now, message, &back); break;
        case PTN_SIP_STREAM_PING:
            r->counts[REGISTRAR_PINGED]++;
            ask(r, &(struct ptn_ask){
                       .kind = PTN_ASK_STREAM, .id = c->id, .bytes = ptn_bytes_of_text("\r\n")});
            break;
        case PTN_SIP_STREAM_PONG: break;
        case PTN_SIP_STREAM_BROKEN:
            ask(r, &(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = c->id});
            ptn_sip_stream_fini(&c->stream);
            *c = (struct connection){0};
            return;
        case PTN_SIP_STREAM_MORE: return;
        }
    }
}

static void input(void *self, ptn_time now, const struct ptn_tell *t)
{
    struct registrar *r = self;
    struct connection *c;
    struct hop back = {.socket = t->id, .transport = PTN_UDP, .local = t->local, .to = t->from};

    switch (t->kind) {
    case PTN_TELL_DATAGRAM:
        back.local = r->opts.locals[t->id - 1];
        take_message(r, now, t->bytes, &back);
        return;
    case PTN_TELL_ACCEPTED:
        c = connection_by_id(r, 0);
        r->counts[REGISTRAR_CONNECTED]++;
        if (c)
            *c = (struct connection){
                .id = t->id, .transport = t->transport, .local = t->local, .far = t->from};
        return;
    case PTN_TELL_STREAM:
        c = connection_by_id(r, t->id);
        if (c)
            take_stream(r, now, c, t->bytes);
        return;
    case PTN_TELL_CLOSED:
        c = connection_by_id(r, t->id);
        if (!c)
            return;
        ptn_sip_stream_fini(&c->stream);
        *c = (struct connection){0};
        return;
    default: return;
    }
}

static void tick(void *self, ptn_time now)
{
    (void)self, (void)now;
}

static bool output(void *self, ptn_time now, struct ptn_ask *out)
{
    struct registrar *r = self;

    (void)now;
    free(r->given);
    r->given = NULL;
    if (r->ask_count == 0)
        return false;
    struct pending *p = &r->asks[r->ask_first];
    r->ask_first = (r->ask_first + 1) % ASKS_MAX;
    r->ask_count--;
    *out = p->ask;
    r->given = p->bytes;
    return true;
}

static ptn_time deadline(const void *self)
{
    (void)self;
    return PTN_NEVER;
}

struct ptn_machine registrar_machine(struct registrar *r)
{
    return (struct ptn_machine){r, input, tick, output, deadline};
}

void registrar_inherit(struct registrar *r, const struct registrar *from)
{
    memcpy(r->bindings, from->bindings, sizeof r->bindings);
}

void registrar_set_users(struct registrar *r, const struct registrar_user *users, unsigned count)
{
    if (count > r->opts.user_count)
        abort();
    r->opts.users = users;
    r->opts.user_count = count;
}

unsigned registrar_count(const struct registrar *r, enum registrar_what what)
{
    return r->counts[what];
}

/*
 * registrar/registrar.c - a small SIP registrar and proxy: sockets, credentials, whom to send
 * to.
 *
 * Socket ids: local i has UDP socket i + 1, TCP listener i + 1 + PTN_REGISTRAR_LOCALS_MAX and TLS
 * listener i + 1 + 2 * PTN_REGISTRAR_LOCALS_MAX.
 */
#include "registrar/registrar.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "registrar/parts.h"

static const char OUR_TAG[] = "proxy-"; /* tags of answers that are ours: their ACKs end here */

static void ask(struct ptn_registrar *r, const struct ptn_ask *a)
{
    uint8_t *bytes = a->bytes.size ? malloc(a->bytes.size) : NULL;

    if (r->ask_count == ASKS_MAX || (a->bytes.size && !bytes)) {
        r->counts[PTN_REGISTRAR_DROPPED]++;
        free(bytes);
        return;
    }
    struct pending *p = &r->asks[(r->ask_first + r->ask_count++) % ASKS_MAX];
    *p = (struct pending){.ask = *a, .bytes = bytes};
    if (bytes)
        memcpy(bytes, a->bytes.data, a->bytes.size);
    p->ask.bytes.data = bytes;
}

struct ptn_registrar *ptn_registrar_new(const struct ptn_registrar_opts *opts)
{
    assert(opts->user_count <= USERS_MAX);

    struct ptn_registrar *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->opts = *opts;
    r->crypto = ptn_crypto_new();
    if (!r->crypto) {
        free(r);
        return NULL;
    }
    if (r->opts.expires_max_s == 0)
        r->opts.expires_max_s = 3600;
    for (unsigned i = 0; i < opts->local_count; i++) {
        ask(r, &(struct ptn_ask){.kind = PTN_ASK_OPEN, .id = i + 1, .local = opts->locals[i]});
        ask(r, &(struct ptn_ask){.kind = PTN_ASK_LISTEN,
                                 .id = i + 1 + PTN_REGISTRAR_LOCALS_MAX,
                                 .transport = PTN_TCP,
                                 .local = opts->locals[i]});
        if (opts->tls)
            ask(r, &(struct ptn_ask){
                       .kind = PTN_ASK_LISTEN,
                       .id = i + 1 + 2 * PTN_REGISTRAR_LOCALS_MAX,
                       .transport = PTN_TLS,
                       .local = ptn_addr_with_port(opts->locals[i], opts->locals[i].port + 1)});
    }
    return r;
}

void ptn_registrar_free(struct ptn_registrar *r)
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

static void leave(struct ptn_registrar *r, const struct hop *hop, const struct ptn_writer *w)
{
    if (w->bad || hop->socket == 0) {
        r->counts[PTN_REGISTRAR_DROPPED]++;
        return;
    }
    ask(r, &(struct ptn_ask){.kind = hop->transport == PTN_UDP ? PTN_ASK_DATAGRAM : PTN_ASK_STREAM,
                             .id = hop->socket,
                             .to = hop->to,
                             .bytes = ptn_bytes(w->start, ptn_writer_size(w))});
}

static struct connection *connection_to(struct ptn_registrar *r, const struct ptn_addr *far)
{
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (r->connections[i].id && ptn_addr_equal(&r->connections[i].far, far))
            return &r->connections[i];
    return NULL;
}

static struct connection *connection_by_id(struct ptn_registrar *r, ptn_id id)
{
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (r->connections[i].id == id)
            return &r->connections[i];
    return NULL;
}

/* Towards an address: by the connection there is, or the UDP socket of its family. */
static struct hop hop_to(struct ptn_registrar *r, enum ptn_transport transport,
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

void ptn_registrar_respond(struct ptn_registrar *r, const struct hop *back,
                           const struct ptn_sip_in *in, unsigned status, const char *contact,
                           const char *headers)
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
        r->counts[PTN_REGISTRAR_REFUSED]++;
    leave(r, back, &w);
}

/* -- REGISTER -------------------------------------------------------------------------------- */

static uint32_t expires_of(const struct ptn_registrar *r, const struct ptn_sip_in *in,
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

static void take_register(struct ptn_registrar *r, ptn_time now, const struct hop *back,
                          const struct ptn_sip_in *in)
{
    char contact[PTN_REGISTRAR_CONTACT_MAX + 40] = "";
    struct pl value = ptn_sip_in_value(in, SIP_HDR_CONTACT), uri;

    if (!ptn_registrar_admit(r, now, back, in, false))
        return;
    struct ptn_registrar_binding *b =
        &r->bindings[ptn_registrar_user_row(r, &in->msg->to.uri.user)];
    uint32_t expires = expires_of(r, in, value);
    bool all = pl_strcmp(&value, "*") == 0;
    if (value.l > 0 && (all || expires == 0)) {
        *b = (struct ptn_registrar_binding){0};
        r->counts[PTN_REGISTRAR_UNREGISTERED]++;
    } else if (value.l > 0) {
        if (re_regex(value.p, value.l, "<[^>]+>", &uri) != 0 ||
            pl_strcpy(&uri, b->contact, sizeof b->contact) != 0) {
            ptn_registrar_respond(r, back, in, 400, NULL, NULL);
            return;
        }
        b->source = in->from;
        b->socket = in->socket;
        b->transport = in->transport;
        b->until = now + PTN_S(expires);
        r->counts[PTN_REGISTRAR_REGISTERED]++;
        r->counts[PTN_REGISTRAR_DOUBLED] += count_bound(value) > 1;
    }
    if (b->contact[0] && r->opts.shows_any_contact)
        snprintf(contact, sizeof contact, "<sip:x@192.168.1.1:%u>;expires=%u",
                 1024 + ptn_dice_below(&r->opts.dice, 60000), expires);
    else if (b->contact[0])
        snprintf(contact, sizeof contact, "<%s>;expires=%u", b->contact, expires);
    ptn_registrar_respond(r, back, in, 200, contact, NULL);
}

const struct ptn_registrar_binding *ptn_registrar_binding(const struct ptn_registrar *r,
                                                          const char *user, ptn_time now)
{
    for (unsigned i = 0; i < r->opts.user_count; i++)
        if (strcmp(r->opts.users[i].name, user) == 0)
            return r->bindings[i].contact[0] && now < r->bindings[i].until ? &r->bindings[i] : NULL;
    return NULL;
}

struct ptn_addr ptn_registrar_contact(const struct ptn_registrar *r, const char *user, ptn_time now)
{
    const struct ptn_registrar_binding *b = ptn_registrar_binding(r, user, now);
    struct ptn_addr addr;

    return b && ptn_registrar_uri_addr(ptn_pl(b->contact), &addr) ? addr : (struct ptn_addr){0};
}

/* -- messages that pass ---------------------------------------------------------------------- */

static bool is_for_us(const struct ptn_registrar *r, const struct uri *uri, struct pl whole)
{
    return pl_strcasecmp(&uri->host, r->opts.domain) == 0 || ptn_registrar_is_ours(&r->opts, whole);
}

/* Where a request that leaves us goes: 0, or the status that says why it cannot. A phone that
 * registered over TCP is reached by its connection, whatever address its Contact holds. */
static unsigned find_hop(struct ptn_registrar *r, ptn_time now, const struct ptn_sip_in *in,
                         struct pl *uri, struct hop *out)
{
    struct pl route = ptn_registrar_next_route(&r->opts, in), target = in->msg->ruri;
    struct ptn_addr to;

    if (is_for_us(r, &in->msg->uri, target)) {
        unsigned user = ptn_registrar_user_row(r, &in->msg->uri.user);
        if (user == r->opts.user_count)
            return 404;
        const struct ptn_registrar_binding *b =
            ptn_registrar_binding(r, r->opts.users[user].name, now);
        if (!b)
            return 480;
        target = ptn_pl(b->contact);
    }
    *uri = target;
    for (unsigned i = 0; i < r->opts.user_count && route.l == 0; i++) {
        const struct ptn_registrar_binding *b = &r->bindings[i];
        if (pl_strcmp(&target, b->contact) != 0 || b->transport == PTN_UDP)
            continue;
        *out = hop_to(r, b->transport, &b->source);
        return out->socket ? 0 : 480;
    }
    if (!ptn_registrar_uri_addr(route.l ? route : target, &to))
        return 404; /* a name: the simulator's proxy asks nobody */
    *out = hop_to(r, PTN_UDP, &to);
    return out->socket ? 0 : 480;
}

static void take_request(struct ptn_registrar *r, ptn_time now, const struct hop *back,
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
        ptn_registrar_respond(r, back, in, 200, NULL, NULL);
        return;
    }
    if (pl_strcmp(&in->msg->maxfwd, "0") == 0) {
        ptn_registrar_respond(r, back, in, 483, NULL, NULL);
        return;
    }
    if (r->opts.challenges_calls && begins && ptn_sip_in_is(in, "INVITE") &&
        !ptn_registrar_admit(r, now, back, in, true))
        return;
    unsigned status = find_hop(r, now, in, &p.uri, &out);
    if (status) {
        ptn_registrar_respond(r, back, in, status, NULL, NULL);
        return;
    }
    p.record_route = begins && ptn_sip_in_is(in, "INVITE");
    ptn_registrar_write_request(&w, &r->opts, bytes, in, &p);
    r->counts[PTN_REGISTRAR_FORWARDED]++;
    leave(r, &out, &w);
}

static enum ptn_transport transport_of(enum sip_transp via)
{
    return via == SIP_TRANSP_TCP ? PTN_TCP : via == SIP_TRANSP_TLS ? PTN_TLS : PTN_UDP;
}

static void take_response(struct ptn_registrar *r, struct ptn_bytes bytes)
{
    static uint8_t buf[PTN_SIP_MSG_MAX];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);
    struct ptn_sip_in next = {0};
    struct ptn_addr to;

    if (!ptn_registrar_write_response(&w, &r->opts, bytes) || w.bad ||
        ptn_sip_in_decode(ptn_bytes(buf, ptn_writer_size(&w)), &next) != PTN_SIP_TAKEN ||
        !ptn_sip_in_reflexive(&next, &to)) {
        r->counts[PTN_REGISTRAR_DROPPED]++;
    } else {
        struct hop out = hop_to(r, transport_of(next.msg->via.tp), &to);
        r->counts[PTN_REGISTRAR_FORWARDED]++;
        leave(r, &out, &w);
    }
    ptn_sip_in_fini(&next);
}

static void take_message(struct ptn_registrar *r, ptn_time now, struct ptn_bytes bytes,
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
        r->counts[PTN_REGISTRAR_DROPPED]++;
    }
    ptn_sip_in_fini(&in);
}

/* -- the machine ----------------------------------------------------------------------------- */

static void take_stream(struct ptn_registrar *r, ptn_time now, struct connection *c,
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
            r->counts[PTN_REGISTRAR_PINGED]++;
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
    struct ptn_registrar *r = self;
    struct connection *c;
    struct hop back = {.socket = t->id, .transport = PTN_UDP, .local = t->local, .to = t->from};

    switch (t->kind) {
    case PTN_TELL_DATAGRAM:
        back.local = r->opts.locals[t->id - 1];
        take_message(r, now, t->bytes, &back);
        return;
    case PTN_TELL_ACCEPTED:
        c = connection_by_id(r, 0);
        r->counts[PTN_REGISTRAR_CONNECTED]++;
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
    struct ptn_registrar *r = self;

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

struct ptn_machine ptn_registrar_machine(struct ptn_registrar *r)
{
    return (struct ptn_machine){r, input, tick, output, deadline};
}

void ptn_registrar_inherit(struct ptn_registrar *r, const struct ptn_registrar *from)
{
    memcpy(r->bindings, from->bindings, sizeof r->bindings);
}

void ptn_registrar_set_users(struct ptn_registrar *r, const struct ptn_registrar_user *users,
                             unsigned count)
{
    assert(count <= r->opts.user_count);
    r->opts.users = users;
    r->opts.user_count = count;
}

unsigned ptn_registrar_count(const struct ptn_registrar *r, enum ptn_registrar_what what)
{
    return r->counts[what];
}

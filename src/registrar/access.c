/*
 * registrar/access.c - who may: digest, for REGISTER and for calls.
 */
#include <stdio.h>
#include <stdlib.h>

#include "registrar/parts.h"
#include "sip/digest.h"

static void challenge(struct ptn_registrar *r, ptn_time now, const struct hop *back,
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
    r->counts[PTN_REGISTRAR_CHALLENGED]++;
    ptn_registrar_respond(r, back, in, proxy ? 407 : 401, NULL, line);
}

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

static enum credentials check_nonce(const struct ptn_registrar *r, ptn_time now, const char *nonce)
{
    for (unsigned i = 0; i < NONCES_MAX; i++)
        if (nonce[0] && strcmp(r->nonces[i].text, nonce) == 0)
            return r->opts.nonce_lifetime && now - r->nonces[i].issued > r->opts.nonce_lifetime
                       ? STALE
                       : RIGHT;
    return STALE;
}

/* Whether the request proves to be of `user`. */
static enum credentials check(struct ptn_registrar *r, ptn_time now, const struct ptn_sip_in *in,
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

unsigned ptn_registrar_user_row(const struct ptn_registrar *r, const struct pl *user)
{
    unsigned i = 0;

    while (i < r->opts.user_count && pl_strcmp(user, r->opts.users[i].name) != 0)
        i++;
    return i;
}

bool ptn_registrar_admit(struct ptn_registrar *r, ptn_time now, const struct hop *back,
                         const struct ptn_sip_in *in, bool proxy)
{
    unsigned user =
        ptn_registrar_user_row(r, proxy ? &in->msg->from.uri.user : &in->msg->to.uri.user);

    if (user == r->opts.user_count) {
        ptn_registrar_respond(r, back, in, proxy ? 403 : 404, NULL, NULL);
        return false;
    }
    const struct ptn_registrar_user *u = &r->opts.users[user];
    switch (check(r, now, in, proxy, u->name, u->password)) {
    case RIGHT: return true;
    case WRONG: ptn_registrar_respond(r, back, in, 403, NULL, NULL); return false;
    case STALE: challenge(r, now, back, in, proxy, true); return false;
    case NONE: challenge(r, now, back, in, proxy, false); return false;
    }
    return false;
}

/*
 * sip/digest.c - challenges in, Authorization lines out.
 */
#include "sip/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/text.h"

/* Rounds of one request: proxy, its neighbour and the registrar may each ask, and each may
 * find its nonce stale once. */
enum { ROUNDS_MAX = 5, CNONCE_SIZE = 17, REALM_MAX = 127, NONCE_MAX = 511, OPAQUE_MAX = 255 };

/* Strongest last. SHA-512-256 is missing in `crypto`, and nobody offers it alone. */
static const struct {
    const char *name;
    enum ptn_digest digest;
    bool session;
} algorithms[] = {
    {"MD5", PTN_MD5, false},
    {"MD5-sess", PTN_MD5, true},
    {"SHA-256", PTN_SHA256, false},
    {"SHA-256-sess", PTN_SHA256, true},
};

static const char *algorithm_name(const struct ptn_sip_challenge *c)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (algorithms[i].digest == c->algorithm && algorithms[i].session == c->session)
            return algorithms[i].name;
    return "MD5";
}

/* "name = value" or "name = "quoted"": quotes are taken off, escapes stay. */
static bool split_parameter(struct pl element, struct pl *name, struct pl *value)
{
    const char *equals = pl_strchr(&element, '=');

    if (!equals)
        return false;
    *name = (struct pl){element.p, (size_t)(equals - element.p)};
    *value = (struct pl){equals + 1, element.l - name->l - 1};
    while (name->l > 0 && name->p[name->l - 1] == ' ')
        name->l--;
    while (value->l > 0 && *value->p == ' ')
        value->p++, value->l--;
    if (value->l >= 2 && value->p[0] == '"' && value->p[value->l - 1] == '"')
        value->p++, value->l -= 2;
    return true;
}

/* Quoted texts go back into our answer as they came: whole, or not at all. */
static bool take_text(struct ptn_bytes *to, size_t size_max, struct pl value)
{
    if (value.l > size_max)
        return false;
    for (size_t i = 0; i < value.l; i++)
        if ((unsigned char)value.p[i] < ' ')
            return false;
    *to = ptn_bytes(value.p, value.l);
    return true;
}

static bool take_algorithm(struct ptn_sip_challenge *c, struct pl value)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (pl_strcasecmp(&value, algorithms[i].name) == 0) {
            c->algorithm = algorithms[i].digest;
            c->session = algorithms[i].session;
            return c->said = true;
        }
    return false;
}

static bool take_parameter(struct ptn_sip_challenge *c, struct pl name, struct pl value)
{
    if (pl_strcasecmp(&name, "realm") == 0)
        return take_text(&c->realm, REALM_MAX, value);
    if (pl_strcasecmp(&name, "nonce") == 0)
        return take_text(&c->nonce, NONCE_MAX, value);
    if (pl_strcasecmp(&name, "opaque") == 0)
        return take_text(&c->opaque, OPAQUE_MAX, value);
    if (pl_strcasecmp(&name, "algorithm") == 0)
        return take_algorithm(c, value);
    if (pl_strcasecmp(&name, "stale") == 0)
        c->stale = pl_strcasecmp(&value, "true") == 0;
    else if (pl_strcasecmp(&name, "qop") == 0)
        return c->qop = ptn_sip_list_has(value, "auth");
    return true;
}

bool ptn_sip_challenge_parse(struct ptn_bytes value, bool proxy, struct ptn_sip_challenge *out)
{
    struct pl list = ptn_pl_bytes(value), element, name, parameter;

    *out = (struct ptn_sip_challenge){.proxy = proxy, .algorithm = PTN_MD5};
    if (list.l < 7 || strncasecmp(list.p, "Digest", 6) != 0 || strchr(" \t\r\n", list.p[6]) == NULL)
        return false;
    pl_advance(&list, 7);
    while (ptn_sip_list_next(&list, &element))
        if (!split_parameter(element, &name, &parameter) || !take_parameter(out, name, parameter))
            return false;
    return out->realm.size > 0 && out->nonce.size > 0;
}

static bool same_realm(const struct ptn_sip_challenge *a, const struct ptn_sip_challenge *b)
{
    return a->proxy == b->proxy && ptn_bytes_equal(a->realm, b->realm);
}

/* The slot of its realm, or else a free one; REALMS_MAX: there is none. */
static unsigned slot_of(const struct ptn_sip_auth *auth, const struct ptn_sip_challenge *c)
{
    unsigned free_one = PTN_SIP_REALMS_MAX;

    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX; i++) {
        if (auth->realms[i] && same_realm(&auth->realms[i]->challenge, c))
            return i;
        if (!auth->realms[i] && free_one == PTN_SIP_REALMS_MAX)
            free_one = i;
    }
    return free_one;
}

static void copy_text(struct ptn_bytes *text, uint8_t **at)
{
    if (text->size > 0)
        memcpy(*at, text->data, text->size);
    text->data = *at;
    *at += text->size;
}

/* In the place of what the slot held, some of which `c` may borrow. False: no memory. */
static bool remember(struct ptn_sip_realm **slot, const struct ptn_sip_challenge *c)
{
    struct ptn_sip_realm *realm =
        malloc(sizeof *realm + c->realm.size + c->nonce.size + c->opaque.size);
    uint8_t *at;

    if (!realm)
        return false;
    *realm = (struct ptn_sip_realm){.challenge = *c};
    at = realm->texts;
    copy_text(&realm->challenge.realm, &at);
    copy_text(&realm->challenge.nonce, &at);
    copy_text(&realm->challenge.opaque, &at);
    free(*slot);
    *slot = realm;
    return true;
}

static void forget(struct ptn_sip_realm **slot)
{
    free(*slot);
    *slot = NULL;
}

void ptn_sip_auth_fini(struct ptn_sip_auth *auth)
{
    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX; i++)
        forget(&auth->realms[i]);
}

/* Is there, among the same 401's challenges, a stronger one for the realm of `c`? */
static bool outdone(const struct ptn_sip_challenge *all, size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++)
        if (i != at && same_realm(&all[i], &all[at]) &&
            (all[i].algorithm > all[at].algorithm ||
             (all[i].algorithm == all[at].algorithm && i < at)))
            return true;
    return false;
}

bool ptn_sip_auth_challenged(struct ptn_sip_auth *auth, struct ptn_sip_auth_chain *chain,
                             const struct ptn_sip_challenge *challenges, size_t count)
{
    bool again = false;

    if (++chain->rounds > ROUNDS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct ptn_sip_challenge *c = &challenges[i];
        unsigned slot = slot_of(auth, c);
        if (outdone(challenges, count, i) || slot == PTN_SIP_REALMS_MAX)
            continue;
        unsigned bit = 1u << slot;
        if (chain->answered & bit && !c->stale) {
            /* Refused. Forget it, or every later request would be refused as well. */
            forget(&auth->realms[slot]);
            return false;
        }
        if (!remember(&auth->realms[slot], c))
            continue;
        chain->answered |= bit;
        again = true;
    }
    return again;
}

void ptn_sip_auth_info(struct ptn_sip_auth *auth, struct ptn_bytes info)
{
    struct pl list = ptn_pl_bytes(info), element, name, value;
    struct ptn_sip_realm **only = NULL;

    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX; i++)
        if (auth->realms[i]) {
            if (only)
                return;
            only = &auth->realms[i];
        }
    while (only && ptn_sip_list_next(&list, &element)) {
        struct ptn_sip_challenge next = (*only)->challenge;
        if (split_parameter(element, &name, &value) && pl_strcasecmp(&name, "nextnonce") == 0 &&
            value.l > 0 && take_text(&next.nonce, NONCE_MAX, value))
            remember(only, &next);
    }
}

static void hash(struct ptn_crypto *crypto, enum ptn_digest digest, const struct ptn_bytes *parts,
                 size_t count, char *hex)
{
    uint8_t out[PTN_DIGEST_BYTES_MAX];

    ptn_crypto_digest(crypto, digest, parts, count, out);
    for (size_t i = 0; i < ptn_digest_bytes(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", out[i]);
}

/* RFC 7616 §3.4: H(H(A1) : nonce : nc : cnonce : qop : H(A2)) */
void ptn_sip_digest_response(struct ptn_crypto *crypto, const struct ptn_sip_challenge *c,
                             const struct ptn_sip_credentials *who, const char *method,
                             const char *uri, uint32_t nonce_count, const char *cnonce,
                             char out[static 2 * PTN_DIGEST_BYTES_MAX + 1])
{
    const struct ptn_bytes colon = ptn_bytes_of_text(":");
    char a1[2 * PTN_DIGEST_BYTES_MAX + 1], a2[2 * PTN_DIGEST_BYTES_MAX + 1], middle[64] = ":";

    hash(crypto, c->algorithm,
         (struct ptn_bytes[]){ptn_bytes_of_text(who->user), colon, c->realm, colon,
                              ptn_bytes_of_text(who->password)},
         5, a1);
    if (c->session)
        hash(crypto, c->algorithm,
             (struct ptn_bytes[]){ptn_bytes_of_text(a1), colon, c->nonce, colon,
                                  ptn_bytes_of_text(cnonce)},
             5, a1);
    hash(crypto, c->algorithm,
         (struct ptn_bytes[]){ptn_bytes_of_text(method), colon, ptn_bytes_of_text(uri)}, 3, a2);
    if (nonce_count > 0)
        snprintf(middle, sizeof middle, ":%08x:%s:auth:", nonce_count, cnonce);
    hash(crypto, c->algorithm,
         (struct ptn_bytes[]){ptn_bytes_of_text(a1), colon, c->nonce, ptn_bytes_of_text(middle),
                              ptn_bytes_of_text(a2)},
         5, out);
}

/* The realm was given quoted with its escapes, RFC 7616 hashes it without them; SIP servers
 * hash what they sent. They agree wherever no escape occurs, which is everywhere. */
static void print_line(struct ptn_sip_realm *realm, struct ptn_crypto *crypto,
                       struct ptn_dice *dice, const struct ptn_sip_credentials *who,
                       const char *method, const char *uri, struct ptn_writer *w)
{
    const struct ptn_sip_challenge *c = &realm->challenge;
    struct pl name = ptn_pl_bytes(c->realm), nonce = ptn_pl_bytes(c->nonce);
    struct pl opaque = ptn_pl_bytes(c->opaque);
    uint32_t nonce_count = c->qop ? ++realm->nonce_count : 0;
    char cnonce[CNONCE_SIZE], response[2 * PTN_DIGEST_BYTES_MAX + 1];

    ptn_sip_token(dice, cnonce, sizeof cnonce);
    ptn_sip_digest_response(crypto, c, who, method, uri, nonce_count, cnonce, response);
    ptn_sip_printf(w, "%s: Digest username=", c->proxy ? "Proxy-Authorization" : "Authorization");
    ptn_sip_print_quoted(w, who->user);
    ptn_sip_printf(w, ", realm=\"%.*s\", nonce=\"%.*s\", uri=\"%s\", response=\"%s\"", PTN_PL(name),
                   PTN_PL(nonce), uri, response);
    if (c->said)
        ptn_sip_printf(w, ", algorithm=%s", algorithm_name(c));
    if (c->qop || c->session)
        ptn_sip_printf(w, ", cnonce=\"%s\"", cnonce);
    if (c->qop)
        ptn_sip_printf(w, ", qop=auth, nc=%08x", nonce_count);
    if (opaque.l > 0)
        ptn_sip_printf(w, ", opaque=\"%.*s\"", PTN_PL(opaque));
    ptn_sip_printf(w, "\r\n");
}

void ptn_sip_auth_print(struct ptn_sip_auth *auth, struct ptn_crypto *crypto, struct ptn_dice *dice,
                        const struct ptn_sip_credentials *who, const char *method, const char *uri,
                        struct ptn_writer *w)
{
    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX && who->password; i++)
        if (auth->realms[i])
            print_line(auth->realms[i], crypto, dice, who, method, uri, w);
}

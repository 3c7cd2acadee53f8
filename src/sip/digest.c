/*
 * sip/digest.c - challenges in, Authorization lines out.
 */
#include "sip/digest.h"

#include <stdio.h>
#include <string.h>

#include "sip/text.h"

/* Rounds of one request: proxy, its neighbour and the registrar may each ask, and each may
 * find its nonce stale once. */
enum { ROUNDS_MAX = 5, CNONCE_SIZE = 17 };

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
static bool keep(char *to, size_t size, struct pl value)
{
    if (value.l >= size)
        return false;
    for (size_t i = 0; i < value.l; i++)
        if ((unsigned char)value.p[i] < ' ')
            return false;
    memcpy(to, value.p, value.l);
    to[value.l] = '\0';
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
        return keep(c->realm, sizeof c->realm, value);
    if (pl_strcasecmp(&name, "nonce") == 0)
        return keep(c->nonce, sizeof c->nonce, value);
    if (pl_strcasecmp(&name, "opaque") == 0)
        return keep(c->opaque, sizeof c->opaque, value);
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
    return out->realm[0] && out->nonce[0];
}

static struct ptn_sip_realm *find(struct ptn_sip_auth *auth, const struct ptn_sip_challenge *c)
{
    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX; i++)
        if (auth->realms[i].challenge.proxy == c->proxy &&
            strcmp(auth->realms[i].challenge.realm, c->realm) == 0)
            return &auth->realms[i];
    return NULL;
}

static struct ptn_sip_realm *free_slot(struct ptn_sip_auth *auth)
{
    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX; i++)
        if (auth->realms[i].challenge.realm[0] == '\0')
            return &auth->realms[i];
    return NULL;
}

/* Is there, among the same 401's challenges, a stronger one for the realm of `c`? */
static bool outdone(const struct ptn_sip_challenge *all, size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++)
        if (i != at && all[i].proxy == all[at].proxy && strcmp(all[i].realm, all[at].realm) == 0 &&
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
        struct ptn_sip_realm *realm = find(auth, c);
        if (outdone(challenges, count, i) || (!realm && !(realm = free_slot(auth))))
            continue;
        unsigned bit = 1u << (realm - auth->realms);
        if (chain->answered & bit && !c->stale) {
            /* Refused. Forget it, or every later request would be refused as well. */
            *realm = (struct ptn_sip_realm){0};
            return false;
        }
        *realm = (struct ptn_sip_realm){.challenge = *c};
        chain->answered |= bit;
        again = true;
    }
    return again;
}

void ptn_sip_auth_info(struct ptn_sip_auth *auth, struct ptn_bytes info)
{
    struct pl list = ptn_pl_bytes(info), element, name, value;
    struct ptn_sip_realm *only = NULL;

    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX; i++)
        if (auth->realms[i].challenge.realm[0]) {
            if (only)
                return;
            only = &auth->realms[i];
        }
    while (only && ptn_sip_list_next(&list, &element))
        if (split_parameter(element, &name, &value) && pl_strcasecmp(&name, "nextnonce") == 0 &&
            value.l > 0 && keep(only->challenge.nonce, sizeof only->challenge.nonce, value))
            only->nonce_count = 0;
}

static void hash(struct ptn_crypto *crypto, enum ptn_digest digest, const char *const *texts,
                 size_t count, char *hex)
{
    struct ptn_bytes parts[8];
    uint8_t out[PTN_DIGEST_BYTES_MAX];

    for (size_t i = 0; i < count; i++)
        parts[i] = ptn_bytes_of_text(texts[i]);
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
    char a1[2 * PTN_DIGEST_BYTES_MAX + 1], a2[2 * PTN_DIGEST_BYTES_MAX + 1], middle[64] = ":";

    hash(crypto, c->algorithm, (const char *[]){who->user, ":", c->realm, ":", who->password}, 5,
         a1);
    if (c->session)
        hash(crypto, c->algorithm, (const char *[]){a1, ":", c->nonce, ":", cnonce}, 5, a1);
    hash(crypto, c->algorithm, (const char *[]){method, ":", uri}, 3, a2);
    if (nonce_count > 0)
        snprintf(middle, sizeof middle, ":%08x:%s:auth:", nonce_count, cnonce);
    hash(crypto, c->algorithm, (const char *[]){a1, ":", c->nonce, middle, a2}, 5, out);
}

/* The realm was given quoted with its escapes, RFC 7616 hashes it without them; SIP servers
 * hash what they sent. They agree wherever no escape occurs, which is everywhere. */
static void print_line(struct ptn_sip_realm *realm, struct ptn_crypto *crypto,
                       struct ptn_dice *dice, const struct ptn_sip_credentials *who,
                       const char *method, const char *uri, struct ptn_writer *w)
{
    const struct ptn_sip_challenge *c = &realm->challenge;
    uint32_t nonce_count = c->qop ? ++realm->nonce_count : 0;
    char cnonce[CNONCE_SIZE], response[2 * PTN_DIGEST_BYTES_MAX + 1];

    ptn_sip_token(dice, cnonce, sizeof cnonce);
    ptn_sip_digest_response(crypto, c, who, method, uri, nonce_count, cnonce, response);
    ptn_sip_printf(w, "%s: Digest username=", c->proxy ? "Proxy-Authorization" : "Authorization");
    ptn_sip_print_quoted(w, who->user);
    ptn_sip_printf(w, ", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"", c->realm,
                   c->nonce, uri, response);
    if (c->said)
        ptn_sip_printf(w, ", algorithm=%s", algorithm_name(c));
    if (c->qop || c->session)
        ptn_sip_printf(w, ", cnonce=\"%s\"", cnonce);
    if (c->qop)
        ptn_sip_printf(w, ", qop=auth, nc=%08x", nonce_count);
    if (c->opaque[0])
        ptn_sip_printf(w, ", opaque=\"%s\"", c->opaque);
    ptn_sip_printf(w, "\r\n");
}

void ptn_sip_auth_print(struct ptn_sip_auth *auth, struct ptn_crypto *crypto, struct ptn_dice *dice,
                        const struct ptn_sip_credentials *who, const char *method, const char *uri,
                        struct ptn_writer *w)
{
    for (unsigned i = 0; i < PTN_SIP_REALMS_MAX && who->password; i++)
        if (auth->realms[i].challenge.realm[0])
            print_line(&auth->realms[i], crypto, dice, who, method, uri, w);
}

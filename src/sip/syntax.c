/*
 * sip/syntax.c - the form of a message, as a table of what breaks it.
 *
 * Who asks in a broken way learns why, as far as he can be answered at all: what matters is
 * that nothing is guessed. A number that does not fit, or a header that is there twice, would
 * be read differently by the proxy before us than by us.
 */
#include "sip/syntax.h"

#include <string.h>
#include <strings.h>

enum { CSEQ_MAX = 0x7fffffff, FORWARDS_MAX = 255 };
enum { OF_REQUEST = 1, OF_RESPONSE = 2 };

/* ---- headers ---- */

static bool has_other_method(const struct ptn_sip_in *in)
{
    return pl_cmp(&in->msg->met, &in->msg->cseq.met) != 0;
}

static bool has_odd_status(const struct ptn_sip_in *in)
{
    return in->msg->scode < 100 || in->msg->scode > 699;
}

/* libre counts modulo 2^32. */
static bool has_odd_cseq(const struct ptn_sip_in *in)
{
    struct pl value = ptn_sip_in_value(in, SIP_HDR_CSEQ), number = value;
    uint32_t cseq;

    for (number.l = 0; number.l < value.l && strchr(" \t\r\n", value.p[number.l]) == NULL;)
        number.l++;
    return !ptn_sip_number(number, CSEQ_MAX, &cseq);
}

static bool has_odd_max_forwards(const struct ptn_sip_in *in)
{
    struct pl value = ptn_sip_in_value(in, SIP_HDR_MAX_FORWARDS);
    uint32_t hops;

    return value.p && !ptn_sip_number(value, FORWARDS_MAX, &hops);
}

static bool has_odd_uri(const struct ptn_sip_in *in)
{
    struct pl uri = in->msg->ruri;

    for (size_t i = 0; i < uri.l; i++)
        if (strchr("<>\"", uri.p[i]))
            return true;
    return false;
}

static unsigned count(const struct ptn_sip_in *in, enum sip_hdrid id)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, id);
    struct pl value;
    unsigned found = 0;

    while (ptn_sip_walk_value(&walk, &value))
        found++;
    return found;
}

static bool says_twice(const struct ptn_sip_in *in)
{
    static const enum sip_hdrid single[] = {
        SIP_HDR_FROM,         SIP_HDR_TO,           SIP_HDR_CALL_ID,       SIP_HDR_CSEQ,
        SIP_HDR_MAX_FORWARDS, SIP_HDR_CONTENT_TYPE, SIP_HDR_CONTENT_LENGTH};

    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        if (count(in, single[i]) > 1)
            return true;
    return false;
}

static bool is_quoted_well(struct pl value)
{
    bool quoted = false;

    for (size_t i = 0; i < value.l; i++)
        if (value.p[i] == '"')
            quoted = !quoted;
        else if (quoted && value.p[i] == '\\')
            i++;
    return !quoted;
}

static bool has_open_quotes(const struct ptn_sip_in *in)
{
    return !is_quoted_well(in->msg->from.val) || !is_quoted_well(in->msg->to.val);
}

/* The rest of what RFC 4475 breaks is broken for libre, too, or harms nobody. */
static const struct {
    unsigned of;
    bool (*broken)(const struct ptn_sip_in *in);
} rules[] = {
    {OF_REQUEST, has_odd_uri},
    {OF_REQUEST, has_other_method},
    {OF_RESPONSE, has_odd_status},
    {OF_REQUEST | OF_RESPONSE, has_odd_cseq},
    {OF_REQUEST, has_odd_max_forwards},
    /* Of answers these are taken: a call is worth more than its far end's form. */
    {OF_REQUEST, says_twice},
    {OF_REQUEST, has_open_quotes},
};

enum ptn_sip_verdict ptn_sip_syntax_judge(const struct ptn_sip_in *in)
{
    const struct sip_msg *m = in->msg;

    if (!pl_isset(&m->via.sentby) || !pl_isset(&m->from.auri) || !pl_isset(&m->to.auri) ||
        !pl_isset(&m->callid) || !pl_isset(&m->cseq.met))
        return PTN_SIP_NOT_SIP;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].of & (m->req ? OF_REQUEST : OF_RESPONSE) && rules[i].broken(in))
            return PTN_SIP_BAD_HEADER;
    return PTN_SIP_TAKEN;
}

/* ---- the first line ---- */

static bool is_token(struct pl text)
{
    for (size_t i = 0; i < text.l; i++) {
        char c = text.p[i], lower = (char)(c | 32);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr("-.!%*_+`'~", c)))
            return false;
    }
    return text.l > 0;
}

/* "scheme:…", with nothing in it that a URI cannot have. */
static bool is_uri_of_others(struct pl uri)
{
    const char *colon = memchr(uri.p, ':', uri.l);
    struct pl scheme = {uri.p, colon ? (size_t)(colon - uri.p) : 0};

    for (size_t i = 0; i < uri.l; i++)
        if ((unsigned char)uri.p[i] <= ' ' || strchr("<>\"", uri.p[i]))
            return false;
    return is_token(scheme) && pl_strcasecmp(&scheme, "sip") != 0 &&
           pl_strcasecmp(&scheme, "sips") != 0;
}

/* Why a first line that has a method and a version at its ends cannot be read; 0: it has not. */
static unsigned why_broken(struct pl line, struct pl *method)
{
    const char *blank = memchr(line.p, ' ', line.l), *version = line.p + line.l;

    *method = (struct pl){line.p, blank ? (size_t)(blank - line.p) : 0};
    while (version > line.p && version[-1] == ' ')
        version--;
    line.l = (size_t)(version - line.p);
    while (version > line.p && version[-1] != ' ')
        version--;
    struct pl said = {version, line.l - (size_t)(version - line.p)};
    if (!is_token(*method) || version < line.p + method->l + 2 || said.l < 5 ||
        strncasecmp(said.p, "SIP/", 4) != 0)
        return 0;
    if (pl_strcasecmp(&said, "SIP/2.0") != 0)
        return 505;
    struct pl uri = {line.p + method->l + 1, (size_t)(version - line.p) - method->l - 2};
    return uri.l > 0 && is_uri_of_others(uri) ? 416 : 400;
}

struct mbuf *ptn_sip_syntax_mend(struct ptn_bytes bytes, unsigned *status)
{
    const char *text = (const char *)bytes.data, *end = memchr(text, '\n', bytes.size);
    size_t size = end ? (size_t)(end - text) : 0;
    struct pl line = {text, size > 0 && text[size - 1] == '\r' ? size - 1 : size}, method;

    *status = line.l > 0 ? why_broken(line, &method) : 0;
    struct mbuf *mb = *status ? mbuf_alloc(bytes.size + 32) : NULL;
    if (!mb)
        return NULL;
    int err = mbuf_printf(mb, "%r sip:x SIP/2.0\r\n", &method);
    err |= mbuf_write_mem(mb, bytes.data + size + 1, bytes.size - size - 1);
    mb->pos = 0;
    return err ? mem_deref(mb) : mb;
}

/*
 * sip/sdp.c - session descriptions, line by line.
 *
 * A line is a letter, '=' and a value; what follows an m= line belongs to it. Our own
 * reader rather than libre's, for the reasons in sip/libre.h; it allocates nothing.
 */
#include "sip/sdp.h"

#include <string.h>
#include <strings.h>

#include "sip/text.h"

/* RFC 3551 §6: the payload types that need no rtpmap and that a voice phone may meet. */
static const struct {
    uint8_t payload_type;
    const char *name;
    uint32_t rate_hz;
} static_types[] = {
    {0, "PCMU", 8000}, {3, "GSM", 8000}, {4, "G723", 8000},  {8, "PCMA", 8000},
    {9, "G722", 8000}, {13, "CN", 8000}, {15, "G728", 8000}, {18, "G729", 8000},
};

static const char *const direction_names[] = {
    [PTN_SDP_SENDRECV] = "sendrecv",
    [PTN_SDP_SENDONLY] = "sendonly",
    [PTN_SDP_RECVONLY] = "recvonly",
    [PTN_SDP_INACTIVE] = "inactive",
};

struct parser {
    struct ptn_sdp *sdp;
    struct ptn_sdp_media *media; /* the m= line we are in, NULL before the first */
    struct ptn_addr session_addr;
    enum ptn_sdp_direction session_direction;
    bool media_addr[PTN_SDP_MEDIA_MAX]; /* has a c= of its own */
    bool rtcp[PTN_SDP_MEDIA_MAX], rtcp_addr[PTN_SDP_MEDIA_MAX];
    bool connection, owner;
    bool ice_of_media; /* a media line has shown ICE's */
    enum ptn_sdp_verdict verdict;
};

/* The next word of `text`, words being separated by blanks or by `separator`. */
static struct pl word(struct pl *text, char separator)
{
    struct pl w;

    while (text->l > 0 && *text->p == ' ')
        text->p++, text->l--;
    w = (struct pl){text->p, 0};
    while (text->l > 0 && *text->p != ' ' && *text->p != separator)
        text->p++, text->l--, w.l++;
    if (text->l > 0 && *text->p == separator)
        text->p++, text->l--;
    return w;
}

static bool take(char *to, size_t size, struct pl text)
{
    if (text.l >= size)
        return false;
    memcpy(to, text.p, text.l);
    to[text.l] = '\0';
    return true;
}

static void fail(struct parser *p, enum ptn_sdp_verdict verdict)
{
    if (p->verdict == PTN_SDP_OK)
        p->verdict = verdict;
}

/* "IN IP4 192.0.2.1" (with "/ttl" perhaps). A host name is no error, but no address either. */
static bool parse_connection(struct pl value, struct ptn_addr *addr)
{
    char text[PTN_ADDR_TEXT_MAX];
    struct pl net = word(&value, ' '), type = word(&value, ' '), host = word(&value, '/');

    *addr = (struct ptn_addr){0};
    if (pl_strcasecmp(&net, "IN") || host.l == 0 ||
        (pl_strcasecmp(&type, "IP4") && pl_strcasecmp(&type, "IP6")))
        return false;
    if (take(text, sizeof text, host) && ptn_addr_parse(text, addr) && addr->port)
        *addr = (struct ptn_addr){0};
    return true;
}

static void parse_owner(struct parser *p, struct pl value)
{
    uint64_t numbers[2] = {0};

    word(&value, ' '); /* user name */
    for (unsigned i = 0; i < 2; i++) {
        struct pl n = word(&value, ' ');
        /* RFC 8866 §5.2: digits of any length; ours only tells whether it changed. */
        for (size_t k = 0; k < n.l; k++) {
            if (n.p[k] < '0' || n.p[k] > '9')
                return fail(p, PTN_SDP_MALFORMED);
            numbers[i] = numbers[i] * 10 + (uint64_t)(n.p[k] - '0');
        }
    }
    p->sdp->id = numbers[0];
    p->sdp->version = numbers[1];
    p->owner = true;
    if (!parse_connection(value, &p->sdp->owner))
        fail(p, PTN_SDP_MALFORMED);
}

static void add_codec(struct ptn_sdp_media *m, uint32_t payload_type)
{
    if (m->codec_count == PTN_SDP_CODECS_MAX)
        return;
    struct ptn_sdp_codec *c = &m->codecs[m->codec_count++];
    *c = (struct ptn_sdp_codec){.payload_type = (uint8_t)payload_type, .channels = 1};
    for (size_t i = 0; i < sizeof static_types / sizeof static_types[0]; i++)
        if (static_types[i].payload_type == payload_type) {
            strcpy(c->name, static_types[i].name);
            c->rate_hz = static_types[i].rate_hz;
        }
}

static void parse_media(struct parser *p, struct pl value)
{
    struct pl kind = word(&value, ' '), port = word(&value, ' '), proto = word(&value, ' ');
    struct pl first = word(&port, '/'), format;
    uint32_t number;

    if (p->sdp->media_count == PTN_SDP_MEDIA_MAX)
        return fail(p, PTN_SDP_TOO_BIG);
    if (!ptn_sip_number(first, 65535, &number) || kind.l == 0 || proto.l == 0)
        return fail(p, PTN_SDP_MALFORMED);
    p->media = &p->sdp->media[p->sdp->media_count++];
    p->media->direction = p->session_direction;
    p->media->rtp.port = (uint16_t)number;
    if (!take(p->media->kind, sizeof p->media->kind, kind) ||
        !take(p->media->proto, sizeof p->media->proto, proto))
        return fail(p, PTN_SDP_TOO_BIG);
    while ((format = word(&value, ' ')).l > 0)
        if (ptn_sip_number(format, 127, &number))
            add_codec(p->media, number);
}

static struct ptn_sdp_codec *codec_of_type(struct ptn_sdp_media *m, struct pl payload_type)
{
    uint32_t number;

    if (ptn_sip_number(payload_type, 127, &number))
        for (unsigned i = 0; i < m->codec_count; i++)
            if (m->codecs[i].payload_type == number)
                return &m->codecs[i];
    return NULL;
}

/* "101 telephone-event/8000" or "96 opus/48000/2" */
static void parse_rtpmap(struct parser *p, struct pl value)
{
    struct ptn_sdp_codec *c = codec_of_type(p->media, word(&value, ' '));
    struct pl name = word(&value, '/'), rate = word(&value, '/'), channels = word(&value, '/');
    uint32_t rate_hz, count = 1;

    if (!c)
        return;
    if (!ptn_sip_number(rate, 1000000, &rate_hz) || rate_hz == 0 ||
        (channels.l && (!ptn_sip_number(channels, 255, &count) || count == 0)))
        return fail(p, PTN_SDP_MALFORMED);
    /* A name longer than we keep is none of the codecs we know. */
    if (!take(c->name, sizeof c->name, name))
        c->name[0] = '\0';
    c->rate_hz = rate_hz;
    c->channels = (uint8_t)count;
}

static void parse_fmtp(struct parser *p, struct pl value)
{
    struct ptn_sdp_codec *c = codec_of_type(p->media, word(&value, ' '));

    while (value.l > 0 && *value.p == ' ')
        value.p++, value.l--;
    if (c && !take(c->params, sizeof c->params, value))
        c->params[0] = '\0';
}

/* RFC 3605 §2.1: "53020" or "53020 IN IP4 126.16.64.4" */
static void parse_rtcp(struct parser *p, struct pl value)
{
    unsigned i = p->sdp->media_count - 1;
    struct pl port = word(&value, ' ');
    uint32_t number;

    if (!ptn_sip_number(port, 65535, &number))
        return fail(p, PTN_SDP_MALFORMED);
    if (value.l > 0) {
        if (!parse_connection(value, &p->media->rtcp))
            return fail(p, PTN_SDP_MALFORMED);
        p->rtcp_addr[i] = true;
    }
    p->media->rtcp.port = (uint16_t)number;
    p->rtcp[i] = true;
}

/* RFC 8839 §5, RFC 8840 §8. */
static bool is_of_ice(struct pl name)
{
    static const char *const names[] = {
        "candidate",  "ice-ufrag",    "ice-pwd",           "ice-options",       "ice-lite",
        "ice-pacing", "ice-mismatch", "end-of-candidates", "remote-candidates",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (pl_strcmp(&name, names[i]) == 0)
            return true;
    return false;
}

static void keep_ice(struct parser *p, struct pl line)
{
    size_t used = strlen(p->sdp->ice);

    if (p->media) {
        unsigned number = p->sdp->media_count - 1;
        if (p->ice_of_media && p->sdp->ice_media != number)
            return;
        p->ice_of_media = true;
        p->sdp->ice_media = number;
    }
    if (used + line.l + 1 > PTN_SDP_ICE_MAX)
        return;
    memcpy(p->sdp->ice + used, line.p, line.l);
    p->sdp->ice[used + line.l] = '\n';
}

static void parse_attribute(struct parser *p, struct pl value)
{
    struct pl line = value, name = word(&value, ':');
    uint32_t number;

    if (is_of_ice(name)) {
        keep_ice(p, line);
        return;
    }

    for (unsigned d = 0; d < sizeof direction_names / sizeof direction_names[0]; d++)
        if (pl_strcmp(&name, direction_names[d]) == 0)
            *(p->media ? &p->media->direction : &p->session_direction) = (enum ptn_sdp_direction)d;
    if (!p->media)
        return;
    if (pl_strcmp(&name, "rtpmap") == 0)
        parse_rtpmap(p, value);
    else if (pl_strcmp(&name, "fmtp") == 0)
        parse_fmtp(p, value);
    else if (pl_strcmp(&name, "rtcp") == 0)
        parse_rtcp(p, value);
    else if (pl_strcmp(&name, "ptime") == 0 && ptn_sip_number(value, 1000, &number))
        p->media->ptime_ms = number;
}

static void parse_line(struct parser *p, char letter, struct pl value)
{
    struct ptn_addr addr;

    switch (letter) {
    case 'o': parse_owner(p, value); break;
    case 'm': parse_media(p, value); break;
    case 'a': parse_attribute(p, value); break;
    case 'c':
        if (!parse_connection(value, &addr)) {
            fail(p, PTN_SDP_MALFORMED);
        } else if (p->media) {
            addr.port = p->media->rtp.port;
            p->media->rtp = addr;
            p->media_addr[p->sdp->media_count - 1] = true;
        } else {
            p->session_addr = addr;
            p->connection = true;
        }
        break;
    default: break;
    }
}

/* What a line may inherit is known only when all have been read. */
static void complete(struct parser *p)
{
    for (unsigned i = 0; i < p->sdp->media_count; i++) {
        struct ptn_sdp_media *m = &p->sdp->media[i];
        uint16_t port = m->rtp.port, rtcp_port = m->rtcp.port;

        if (!p->media_addr[i]) {
            if (!p->connection && port != 0)
                fail(p, PTN_SDP_MALFORMED);
            m->rtp = ptn_addr_with_port(p->session_addr, port);
        }
        if (!p->rtcp[i])
            rtcp_port = port && port < 65535 ? (uint16_t)(port + 1) : 0;
        if (!p->rtcp_addr[i])
            m->rtcp = ptn_addr_with_port(m->rtp, rtcp_port);
        if (rtcp_port == 0 || ptn_addr_is_none(&m->rtcp))
            m->rtcp = (struct ptn_addr){0};
    }
    if (!p->owner)
        fail(p, PTN_SDP_MALFORMED);
}

enum ptn_sdp_verdict ptn_sdp_parse(struct ptn_bytes text, struct ptn_sdp *out)
{
    struct parser p = {.sdp = out};
    struct pl rest = ptn_pl_bytes(text);
    bool first = true;

    *out = (struct ptn_sdp){0};
    while (rest.l > 0 && p.verdict == PTN_SDP_OK) {
        struct pl line = {rest.p, 0};
        while (line.l < rest.l && rest.p[line.l] != '\n')
            line.l++;
        size_t skip = line.l < rest.l ? line.l + 1 : line.l;
        rest.p += skip, rest.l -= skip;
        if (line.l > 0 && line.p[line.l - 1] == '\r')
            line.l--;
        if (line.l == 0)
            continue;
        /* RFC 8866 §9: any byte but these within a line. */
        if (line.l < 2 || line.p[1] != '=' || (first && line.p[0] != 'v') ||
            memchr(line.p, '\0', line.l) || memchr(line.p, '\r', line.l))
            fail(&p, PTN_SDP_MALFORMED);
        else
            parse_line(&p, line.p[0], (struct pl){line.p + 2, line.l - 2});
        first = false;
    }
    if (p.verdict == PTN_SDP_OK)
        complete(&p);
    if (p.verdict != PTN_SDP_OK)
        *out = (struct ptn_sdp){0};
    return p.verdict;
}

static void print_connection(struct ptn_writer *w, const struct ptn_addr *addr)
{
    char text[PTN_ADDR_TEXT_MAX];

    if (ptn_addr_is_none(addr))
        ptn_sip_printf(w, "IN IP4 0.0.0.0");
    else
        ptn_sip_printf(w, "IN IP%d %s", addr->family, ptn_addr_format_ip(addr, text));
}

static void print_ice(struct ptn_writer *w, const char *lines)
{
    for (size_t size; *lines; lines += size + 1) {
        size = strcspn(lines, "\n");
        ptn_sip_printf(w, "a=%.*s\r\n", (int)size, lines);
        if (!lines[size])
            return;
    }
}

static void print_media(struct ptn_writer *w, const struct ptn_sdp *sdp,
                        const struct ptn_sdp_media *m)
{
    ptn_sip_printf(w, "m=%s %u %s", m->kind, m->rtp.port, m->proto);
    for (unsigned i = 0; i < m->codec_count; i++)
        ptn_sip_printf(w, " %u", m->codecs[i].payload_type);
    /* The grammar wants one format, and a refused line may have lost all of its own. */
    ptn_sip_printf(w, "%s\r\n", m->codec_count ? "" : " 0");
    if (m->rtp.port == 0)
        return;
    if (!ptn_addr_same_ip(&m->rtp, &sdp->owner)) {
        ptn_sip_printf(w, "c=");
        print_connection(w, &m->rtp);
        ptn_sip_printf(w, "\r\n");
    }
    for (unsigned i = 0; i < m->codec_count; i++) {
        const struct ptn_sdp_codec *c = &m->codecs[i];
        if (c->name[0] && c->channels > 1)
            ptn_sip_printf(w, "a=rtpmap:%u %s/%u/%u\r\n", c->payload_type, c->name, c->rate_hz,
                           c->channels);
        else if (c->name[0])
            ptn_sip_printf(w, "a=rtpmap:%u %s/%u\r\n", c->payload_type, c->name, c->rate_hz);
        if (c->params[0])
            ptn_sip_printf(w, "a=fmtp:%u %s\r\n", c->payload_type, c->params);
    }
    if (m->ptime_ms)
        ptn_sip_printf(w, "a=ptime:%u\r\n", m->ptime_ms);
    if (m->rtcp.port) {
        ptn_sip_printf(w, "a=rtcp:%u", m->rtcp.port);
        if (!ptn_addr_same_ip(&m->rtcp, &m->rtp)) {
            ptn_sip_printf(w, " ");
            print_connection(w, &m->rtcp);
        }
        ptn_sip_printf(w, "\r\n");
    }
    ptn_sip_printf(w, "a=%s\r\n", direction_names[m->direction]);
    if (m == &sdp->media[sdp->ice_media])
        print_ice(w, sdp->ice);
}

void ptn_sdp_print(const struct ptn_sdp *sdp, struct ptn_writer *w)
{
    ptn_sip_printf(w, "v=0\r\no=- %llu %llu ", (unsigned long long)sdp->id,
                   (unsigned long long)sdp->version);
    print_connection(w, &sdp->owner);
    ptn_sip_printf(w, "\r\ns=-\r\nc=");
    print_connection(w, &sdp->owner);
    ptn_sip_printf(w, "\r\nt=0 0\r\n");
    for (unsigned i = 0; i < sdp->media_count; i++)
        print_media(w, sdp, &sdp->media[i]);
}

enum ptn_sdp_direction ptn_sdp_direction_reversed(enum ptn_sdp_direction d)
{
    return d == PTN_SDP_SENDONLY ? PTN_SDP_RECVONLY : d == PTN_SDP_RECVONLY ? PTN_SDP_SENDONLY : d;
}

const struct ptn_sdp_codec *ptn_sdp_find_codec(const struct ptn_sdp_media *media, const char *name,
                                               uint32_t rate_hz)
{
    for (unsigned i = 0; i < media->codec_count; i++)
        if (media->codecs[i].rate_hz == rate_hz && strcasecmp(media->codecs[i].name, name) == 0)
            return &media->codecs[i];
    return NULL;
}

/*
 * sip/msg.c - what makes bytes a message that can be worked with.
 */
#include "sip/msg.h"

#include <stdio.h>
#include <string.h>

#include "sip/body.h"
#include "sip/stream.h"
#include "sip/syntax.h"

/* Headers are echoed in answers: beyond this an answer could not be written. */
enum { SDP_BYTES_MAX = 16384, HEADER_BYTES_MAX = 16384, RETRY_AFTER_MAX_S = 3600 };

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {100, "Trying"},
    {180, "Ringing"},
    {183, "Session Progress"},
    {200, "OK"},
    {202, "Accepted"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {413, "Request Entity Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Unsupported URI Scheme"},
    {420, "Bad Extension"},
    {421, "Extension Required"},
    {422, "Session Interval Too Small"},
    {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"},
    {482, "Loop Detected"},
    {483, "Too Many Hops"},
    {486, "Busy Here"},
    {487, "Request Terminated"},
    {488, "Not Acceptable Here"},
    {489, "Bad Event"},
    {491, "Request Pending"},
    {500, "Server Internal Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Server Time-out"},
    {505, "Version Not Supported"},
    {600, "Busy Everywhere"},
    {603, "Decline"},
};

const char *ptn_sip_reason(unsigned status)
{
    static const char *const classes[] = {"Progress", "Success", "Redirection",
                                          "Refused",  "Failure", "Refused Everywhere"};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return status >= 100 && status < 700 ? classes[status / 100 - 1] : "Unknown";
}

const char *ptn_sip_transport_name(enum ptn_transport transport)
{
    return transport == PTN_TLS ? "TLS" : transport == PTN_TCP ? "TCP" : "UDP";
}

const char *ptn_sip_hostport(const struct ptn_addr *addr, char buf[static PTN_ADDR_TEXT_MAX + 8])
{
    struct ptn_addr named = *addr;

    /* Port 0 would vanish from the text, and with it the brackets of IPv6. */
    if (named.port == 0)
        named.port = 5060;
    return ptn_addr_format(&named, buf);
}

/* ---- reading ---- */

/* §18.3: over UDP a body may be followed by rubbish, and must not be shorter than said. */
static enum ptn_sip_verdict find_body(struct ptn_sip_in *in)
{
    uint32_t size;

    in->body = ptn_bytes(mbuf_buf(in->msg->mb), mbuf_get_left(in->msg->mb));
    if (!pl_isset(&in->msg->clen))
        return PTN_SIP_TAKEN;
    if (!ptn_sip_number(in->msg->clen, PTN_SIP_MSG_MAX, &size))
        return PTN_SIP_BAD_HEADER;
    if (size > in->body.size)
        return PTN_SIP_TRUNCATED;
    in->body.size = size;
    return PTN_SIP_TAKEN;
}

static bool is_keepalive(struct ptn_bytes b)
{
    for (size_t i = 0; i < b.size; i++)
        if (b.data[i] != '\r' && b.data[i] != '\n' && b.data[i] != 0)
            return false;
    return true;
}

/* libre's view of the bytes, mended where only the first line is broken. */
static enum ptn_sip_verdict read_message(struct ptn_bytes bytes, struct ptn_sip_in *out)
{
    struct mbuf *mb = mbuf_alloc(bytes.size);

    if (!mb)
        return PTN_SIP_NO_ROOM;
    mbuf_write_mem(mb, bytes.data, bytes.size);
    mb->pos = 0;
    int err = sip_msg_decode(&out->msg, mb);
    mem_deref(mb); /* the message holds it now */
    if (err == 0)
        return PTN_SIP_TAKEN;
    mb = ptn_sip_syntax_mend(bytes, &out->refusal);
    if (!mb || sip_msg_decode(&out->msg, mb)) {
        out->msg = NULL;
        mem_deref(mb);
        return err == ENODATA ? PTN_SIP_TRUNCATED : PTN_SIP_NOT_SIP;
    }
    mem_deref(mb);
    return PTN_SIP_BAD_HEADER;
}

enum ptn_sip_verdict ptn_sip_in_decode(struct ptn_bytes bytes, struct ptn_sip_in *out)
{
    out->msg = NULL;
    out->body = (struct ptn_bytes){0};
    out->refusal = 400;
    if (is_keepalive(bytes))
        return PTN_SIP_KEEPALIVE_BYTES;
    if (bytes.size > PTN_SIP_MSG_MAX)
        return PTN_SIP_TOO_LONG;
    enum ptn_sip_verdict verdict = read_message(bytes, out);
    if (!out->msg)
        return verdict;
    enum ptn_sip_verdict form = ptn_sip_syntax_judge(out), body = find_body(out);
    if (verdict == PTN_SIP_TAKEN || form == PTN_SIP_NOT_SIP)
        verdict = form;
    if (verdict == PTN_SIP_TAKEN)
        verdict = body;
    if (out->msg->mb->pos > HEADER_BYTES_MAX) {
        ptn_sip_in_fini(out);
        return PTN_SIP_TOO_LONG;
    }
    /* A refusal is made of Via, From, To, Call-ID and CSeq. */
    if (verdict == PTN_SIP_NOT_SIP || (verdict != PTN_SIP_TAKEN && !out->msg->req))
        ptn_sip_in_fini(out);
    return verdict;
}

void ptn_sip_in_fini(struct ptn_sip_in *in)
{
    in->msg = mem_deref(in->msg);
    in->body = (struct ptn_bytes){0};
}

void ptn_sip_in_move(struct ptn_sip_in *to, struct ptn_sip_in *from)
{
    *to = *from;
    from->msg = NULL;
}

struct pl ptn_sip_in_value(const struct ptn_sip_in *in, enum sip_hdrid id)
{
    const struct sip_hdr *h = sip_msg_hdr(in->msg, id);

    return h ? h->val : (struct pl){0};
}

struct ptn_sip_walk ptn_sip_walk(const struct ptn_sip_in *in, enum sip_hdrid id)
{
    return (struct ptn_sip_walk){.le = in->msg->hdrl.head, .id = id};
}

bool ptn_sip_walk_value(struct ptn_sip_walk *walk, struct pl *value)
{
    while (walk->le) {
        const struct sip_hdr *h = walk->le->data;
        walk->le = walk->le->next;
        if (h->id == walk->id) {
            *value = h->val;
            return true;
        }
    }
    return false;
}

bool ptn_sip_walk_element(struct ptn_sip_walk *walk, struct pl *element)
{
    while (!ptn_sip_list_next(&walk->rest, element))
        if (!ptn_sip_walk_value(walk, &walk->rest))
            return false;
    return true;
}

bool ptn_sip_in_lists(const struct ptn_sip_in *in, enum sip_hdrid id, const char *token)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, id);
    struct pl value;

    while (ptn_sip_walk_value(&walk, &value))
        if (ptn_sip_list_has(value, token))
            return true;
    return false;
}

bool ptn_sip_in_is(const struct ptn_sip_in *in, const char *method)
{
    return ptn_pl_is(in->msg->cseq.met, method);
}

ptn_time ptn_sip_in_retry_after(const struct ptn_sip_in *in)
{
    struct pl after = ptn_sip_in_value(in, SIP_HDR_RETRY_AFTER);
    uint32_t seconds = 0;

    /* "120", "120 (maintenance)", "120;duration=60" */
    for (size_t i = 0; i < after.l; i++)
        if (after.p[i] < '0' || after.p[i] > '9')
            after.l = i;
    return ptn_sip_number(after, RETRY_AFTER_MAX_S, &seconds) ? PTN_S(seconds) : 0;
}

/* A host as in Via: perhaps in brackets, never a name. */
static bool parse_ip(struct pl text, struct ptn_addr *addr)
{
    char buf[PTN_ADDR_TEXT_MAX];

    if (text.l >= 2 && text.p[0] == '[' && text.p[text.l - 1] == ']')
        text.p++, text.l -= 2;
    return text.l > 0 && pl_strcpy(&text, buf, sizeof buf) == 0 && ptn_addr_parse(buf, addr) &&
           addr->port == 0;
}

bool ptn_sip_in_reflexive(const struct ptn_sip_in *in, struct ptn_addr *addr)
{
    const struct sip_via *via = &in->msg->via;
    struct pl received, rport, host, port = {0};
    uint32_t number = 0;

    bool has_received = msg_param_decode(&via->params, "received", &received) == 0;
    bool has_rport = msg_param_decode(&via->params, "rport", &rport) == 0 && rport.l > 0;
    if ((!has_received && !has_rport) || uri_decode_hostport(&via->sentby, &host, &port))
        return false;
    if (!parse_ip(has_received ? received : host, addr))
        return false;
    if (!ptn_sip_number(has_rport ? rport : port, 65535, &number) || number == 0)
        return false;
    addr->port = (uint16_t)number;
    return true;
}

struct ptn_addr ptn_sip_in_reply_to(const struct ptn_sip_in *in)
{
    const struct sip_via *via = &in->msg->via;
    struct pl end, host, port = {0};
    uint32_t number = 5060;

    if (msg_param_exists(&via->params, "rport", &end) == 0)
        return in->from;
    /* Never to sent-by's host or maddr: that is how a phone is made to shoot at others. */
    if (uri_decode_hostport(&via->sentby, &host, &port) == 0 && port.l > 0 &&
        (!ptn_sip_number(port, 65535, &number) || number == 0))
        number = 5060;
    return ptn_addr_with_port(in->from, (uint16_t)number);
}

/* §20.11: a body that may be passed over where it is not understood. */
static bool is_optional(const struct ptn_sip_in *in)
{
    struct pl value = ptn_sip_in_value(in, SIP_HDR_CONTENT_DISPOSITION), handling;

    return msg_param_decode(&value, "handling", &handling) == 0 &&
           pl_strcasecmp(&handling, "optional") == 0;
}

const struct ptn_sdp *ptn_sip_in_sdp(const struct ptn_sip_in *in, struct ptn_sdp *room,
                                     bool *unsupported, bool *bad)
{
    *unsupported = *bad = false;
    if (in->body.size == 0)
        return NULL;
    struct ptn_bytes text = ptn_sip_body_part(in, "application", "sdp");
    if (!text.data)
        *unsupported = !is_optional(in);
    else if (ptn_sdp_parse(text, room) != PTN_SDP_OK)
        *bad = true;
    else
        return room;
    return NULL;
}

/* ---- writing ---- */

static void print_body(struct ptn_writer *w, const struct ptn_sdp *sdp)
{
    char text[SDP_BYTES_MAX];
    struct ptn_writer body = ptn_writer(text, sizeof text);

    if (!sdp) {
        ptn_sip_printf(w, "Content-Length: 0\r\n\r\n");
        return;
    }
    ptn_sdp_print(sdp, &body);
    w->bad = w->bad || body.bad;
    ptn_sip_printf(w, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n",
                   ptn_writer_size(&body));
    ptn_write(w, ptn_bytes(text, ptn_writer_size(&body)));
}

static void print_optional(struct ptn_writer *w, const char *name, const char *value)
{
    if (value && value[0])
        ptn_sip_printf(w, "%s: %s\r\n", name, value);
}

/* The sender's Via with what we saw of him: §18.2.1, RFC 3581 §4. */
static void print_top_via(struct ptn_writer *w, const struct ptn_sip_in *in, struct pl value)
{
    char from[PTN_ADDR_TEXT_MAX];
    struct pl host, port, rport;
    struct ptn_addr said = {0};
    bool asked = msg_param_exists(&in->msg->via.params, "rport", &rport) == 0;

    ptn_sip_printf(w, "Via: ");
    if (asked && rport.p >= value.p && rport.p + rport.l <= value.p + value.l) {
        size_t before = (size_t)(rport.p - value.p);
        ptn_write(w, ptn_bytes(value.p, before));
        ptn_sip_printf(w, ";rport=%u", in->from.port);
        ptn_write(w, ptn_bytes(rport.p + rport.l, value.l - before - rport.l));
    } else {
        ptn_write(w, ptn_bytes(value.p, value.l));
    }
    bool same = uri_decode_hostport(&in->msg->via.sentby, &host, &port) == 0 &&
                parse_ip(host, &said) && ptn_addr_same_ip(&said, &in->from);
    if (asked || !same)
        ptn_sip_printf(w, ";received=%s", ptn_addr_format_ip(&in->from, from));
    ptn_sip_printf(w, "\r\n");
}

static void print_all(struct ptn_writer *w, const struct ptn_sip_in *in, enum sip_hdrid id,
                      const char *name)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, id);
    struct pl value;

    while (ptn_sip_walk_value(&walk, &value))
        ptn_sip_printf(w, "%s: %.*s\r\n", name, PTN_PL(value));
}

void ptn_sip_print_response(struct ptn_writer *w, const struct ptn_sip_in *request,
                            const struct ptn_sip_response *r)
{
    const struct sip_msg *m = request->msg;
    struct ptn_sip_walk vias = ptn_sip_walk(request, SIP_HDR_VIA);
    struct pl value;
    bool top = true;

    ptn_sip_printf(w, "SIP/2.0 %u %s\r\n", r->status, ptn_sip_reason(r->status));
    for (; ptn_sip_walk_value(&vias, &value); top = false)
        if (top)
            print_top_via(w, request, value);
        else
            ptn_sip_printf(w, "Via: %.*s\r\n", PTN_PL(value));
    if (r->record_route)
        print_all(w, request, SIP_HDR_RECORD_ROUTE, "Record-Route");
    ptn_sip_printf(w, "From: %.*s\r\nTo: %.*s", PTN_PL(m->from.val), PTN_PL(m->to.val));
    if (r->tag && !pl_isset(&m->to.tag))
        ptn_sip_printf(w, ";tag=%s", r->tag);
    ptn_sip_printf(w, "\r\nCall-ID: %.*s\r\nCSeq: %u %.*s\r\n", PTN_PL(m->callid), m->cseq.num,
                   PTN_PL(m->cseq.met));
    print_optional(w, "Contact", r->contact);
    print_optional(w, "Server", r->software);
    if (r->headers)
        ptn_sip_printf(w, "%s", r->headers);
    print_body(w, r->sdp);
}

/* The name that RFC 3323 §4.1.1.3 has for this. */
const char *ptn_sip_sent_by(const struct ptn_addr *addr, bool veiled,
                            char buf[static PTN_ADDR_TEXT_MAX + 8])
{
    if (!veiled)
        return ptn_sip_hostport(addr, buf);
    snprintf(buf, PTN_ADDR_TEXT_MAX + 8, "anonymous.invalid:%u", addr->port);
    return buf;
}

void ptn_sip_print_request(struct ptn_writer *w, const struct ptn_sip_request *r)
{
    char via[PTN_ADDR_TEXT_MAX + 8];

    ptn_sip_printf(w, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s%s\r\nMax-Forwards: 70\r\n",
                   r->method, r->uri, ptn_sip_transport_name(r->transport),
                   ptn_sip_sent_by(&r->via, r->veiled, via), r->branch,
                   r->no_rport ? "" : ";rport");
    print_optional(w, "Route", r->routes);
    ptn_sip_printf(w, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n", r->from, r->to,
                   r->call_id, r->cseq, r->method);
    print_optional(w, "Contact", r->contact);
    print_optional(w, "User-Agent", r->software);
    if (r->headers)
        ptn_sip_printf(w, "%s", r->headers);
    if (r->text)
        ptn_sip_printf(w, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", r->type,
                       strlen(r->text), r->text);
    else
        print_body(w, r->sdp);
}

void ptn_sip_print_like_invite(struct ptn_writer *w, const struct ptn_sip_in *invite,
                               const char *method, struct pl to)
{
    const struct sip_msg *m = invite->msg;

    ptn_sip_printf(w, "%s %.*s SIP/2.0\r\nVia: %.*s\r\nMax-Forwards: 70\r\n", method,
                   PTN_PL(m->ruri), PTN_PL(m->via.val));
    print_all(w, invite, SIP_HDR_ROUTE, "Route");
    ptn_sip_printf(w, "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\n",
                   PTN_PL(m->from.val), PTN_PL(to.l ? to : m->to.val), PTN_PL(m->callid),
                   m->cseq.num, method);
    print_body(w, NULL);
}

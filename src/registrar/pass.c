/*
 * registrar/pass.c - messages that pass through the registrar, rewritten line by
 * line.
 *
 * What need not change is passed on as it stands, so that what a phone said is what the other
 * phone reads.
 */
#include "registrar/parts.h"

struct line {
    struct pl whole, name, value; /* whole without its line break */
};

/* The next line of the head; false at the empty one. */
static bool next_line(struct ptn_bytes *rest, struct line *line)
{
    const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;

    if (!end)
        return false;
    size_t size = (size_t)(end - rest->data), used = size + 1;
    if (size > 0 && rest->data[size - 1] == '\r')
        size--;
    line->whole = (struct pl){(const char *)rest->data, size};
    *rest = ptn_bytes(rest->data + used, rest->size - used);
    const char *colon = size ? memchr(line->whole.p, ':', size) : NULL;
    line->name = (struct pl){line->whole.p, colon ? (size_t)(colon - line->whole.p) : 0};
    line->value = (struct pl){colon ? colon + 1 : NULL, colon ? size - line->name.l - 1 : 0};
    while (line->name.l > 0 && line->name.p[line->name.l - 1] == ' ')
        line->name.l--;
    while (line->value.l > 0 && *line->value.p == ' ')
        line->value.p++, line->value.l--;
    return size > 0;
}

static bool is(const struct line *line, const char *name, const char *compact)
{
    return pl_strcasecmp(&line->name, name) == 0 ||
           (compact && pl_strcasecmp(&line->name, compact) == 0);
}

bool ptn_registrar_uri_addr(struct pl uri, struct ptn_addr *addr)
{
    struct uri decoded;
    char text[PTN_ADDR_TEXT_MAX];

    if (uri_decode(&decoded, &uri) || pl_strcpy(&decoded.host, text, sizeof text) ||
        !ptn_addr_parse(text, addr))
        return false;
    addr->port = decoded.port ? decoded.port : 5060;
    return true;
}

bool ptn_registrar_is_ours(const struct ptn_registrar_opts *opts, struct pl uri)
{
    struct ptn_addr addr;

    if (!ptn_registrar_uri_addr(uri, &addr))
        return false;
    for (unsigned i = 0; i < opts->local_count; i++)
        if (ptn_addr_equal(&addr, &opts->locals[i]) ||
            (opts->tls && ptn_addr_same_ip(&addr, &opts->locals[i]) &&
             addr.port == opts->locals[i].port + 1))
            return true;
    return false;
}

/* "Name <uri>;params" or a bare URI. */
static struct pl uri_within(struct pl entry)
{
    struct pl uri = entry;

    if (re_regex(entry.p, entry.l, "<[^>]+>", &uri) != 0)
        return entry;
    return uri;
}

struct pl ptn_registrar_next_route(const struct ptn_registrar_opts *opts,
                                   const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_ROUTE);
    struct pl entry;

    while (ptn_sip_walk_element(&walk, &entry))
        if (!ptn_registrar_is_ours(opts, uri_within(entry)))
            return uri_within(entry);
    return (struct pl){0};
}

/* What is left of a Route header when our own entries at its front are gone. */
static void write_route(struct ptn_writer *w, const struct ptn_registrar_opts *opts,
                        struct pl value, bool *at_front)
{
    struct pl entry;
    bool begun = false;

    while (ptn_sip_list_next(&value, &entry)) {
        if (*at_front && ptn_registrar_is_ours(opts, uri_within(entry)))
            continue;
        *at_front = false;
        ptn_sip_printf(w, "%s%.*s", begun ? ", " : "Route: ", PTN_PL(entry));
        begun = true;
    }
    if (begun)
        ptn_sip_printf(w, "\r\n");
}

/* RFC 3261 §18.2.1 and RFC 3581 §4: where the request really came from. */
static void write_via_with_source(struct ptn_writer *w, struct pl value,
                                  const struct ptn_addr *from)
{
    char ip[PTN_ADDR_TEXT_MAX];
    struct pl top, rport;

    if (!ptn_sip_list_next(&value, &top))
        return;
    ptn_sip_printf(w, "Via: ");
    if (re_regex(top.p, top.l, ";rport[^=;]*", &rport) == 0 &&
        (rport.p + rport.l == top.p + top.l || rport.p[rport.l] == ';'))
        ptn_sip_printf(w, "%.*s=%u%.*s", (int)(rport.p - top.p), top.p, from->port,
                       (int)(top.p + top.l - rport.p), rport.p);
    else
        ptn_sip_printf(w, "%.*s", PTN_PL(top));
    ptn_sip_printf(w, ";received=%s", ptn_addr_format_ip(from, ip));
    if (value.l > 0)
        ptn_sip_printf(w, ", %.*s", PTN_PL(value));
    ptn_sip_printf(w, "\r\n");
}

static void write_own_via(struct ptn_writer *w, const struct ptn_sip_in *in, const struct hop *out)
{
    char local[PTN_ADDR_TEXT_MAX + 8];
    uint64_t hash = 14695981039346656037u;

    /* RFC 3261 §16.11: the same for the same transaction, its CANCEL and its ACK. */
    for (size_t i = 0; i < in->msg->via.branch.l; i++)
        hash = (hash ^ (uint8_t)in->msg->via.branch.p[i]) * 1099511628211u;
    for (size_t i = 0; i < in->msg->via.sentby.l; i++)
        hash = (hash ^ (uint8_t)in->msg->via.sentby.p[i]) * 1099511628211u;
    ptn_sip_printf(w, "Via: SIP/2.0/%s %s;branch=z9hG4bK%016llx\r\n",
                   ptn_sip_transport_name(out->transport), ptn_sip_hostport(&out->local, local),
                   (unsigned long long)hash);
}

static void write_own_route(struct ptn_writer *w, const struct hop *hop)
{
    char local[PTN_ADDR_TEXT_MAX + 8];

    ptn_sip_printf(w, "Record-Route: <sip:%s%s;lr>\r\n", ptn_sip_hostport(&hop->local, local),
                   hop->transport == PTN_TCP   ? ";transport=tcp"
                   : hop->transport == PTN_TLS ? ";transport=tls"
                                               : "");
}

void ptn_registrar_write_request(struct ptn_writer *w, const struct ptn_registrar_opts *opts,
                                 struct ptn_bytes bytes, const struct ptn_sip_in *in,
                                 const struct passage *p)
{
    bool first_via = true, front_route = true;
    uint32_t forwards;
    struct line line;

    next_line(&bytes, &line);
    ptn_sip_printf(w, "%.*s %.*s SIP/2.0\r\n", PTN_PL(in->msg->met), PTN_PL(p->uri));
    write_own_via(w, in, p->out);
    if (p->record_route)
        write_own_route(w, p->out);
    /* Two sides of us that differ are two entries (RFC 5658). */
    if (p->record_route &&
        (p->out->transport != p->in->transport || !ptn_addr_equal(&p->out->local, &p->in->local)))
        write_own_route(w, p->in);
    while (next_line(&bytes, &line)) {
        if (is(&line, "Via", "v") && first_via) {
            write_via_with_source(w, line.value, &in->from);
            first_via = false;
        } else if (is(&line, "Route", NULL)) {
            write_route(w, opts, line.value, &front_route);
        } else if (is(&line, "Max-Forwards", NULL) && ptn_sip_number(line.value, 255, &forwards) &&
                   forwards > 0) {
            ptn_sip_printf(w, "Max-Forwards: %u\r\n", forwards - 1);
        } else {
            ptn_sip_printf(w, "%.*s\r\n", PTN_PL(line.whole));
        }
    }
    ptn_sip_printf(w, "\r\n");
    ptn_write(w, bytes);
}

bool ptn_registrar_write_response(struct ptn_writer *w, const struct ptn_registrar_opts *opts,
                                  struct ptn_bytes bytes)
{
    struct line line;
    bool found = false;

    next_line(&bytes, &line);
    ptn_sip_printf(w, "%.*s\r\n", PTN_PL(line.whole));
    while (next_line(&bytes, &line)) {
        struct pl rest = line.value, top, sent_by;
        if (found || !is(&line, "Via", "v")) {
            ptn_sip_printf(w, "%.*s\r\n", PTN_PL(line.whole));
            continue;
        }
        found = true;
        char uri[PTN_ADDR_TEXT_MAX + 8];
        struct ptn_writer u = ptn_writer(uri, sizeof uri);
        if (!ptn_sip_list_next(&rest, &top) ||
            re_regex(top.p, top.l, "SIP/2.0/[A-Z]+ [^;]+", NULL, &sent_by) != 0)
            return false;
        ptn_sip_printf(&u, "sip:%.*s", PTN_PL(sent_by));
        if (u.bad || !ptn_registrar_is_ours(opts, (struct pl){uri, ptn_writer_size(&u)}))
            return false;
        if (rest.l > 0)
            ptn_sip_printf(w, "Via: %.*s\r\n", PTN_PL(rest));
    }
    ptn_sip_printf(w, "\r\n");
    ptn_write(w, bytes);
    return found;
}

/*
 * net/server.c - the scripted name server: answers, is slow, lies, fails or is gone.
 *
 * It is a host without a host's programs: what is not a DNS query on UDP port 53
 * gets what a closed port gives.
 */
#include "net/dns.h"
#include "net/state.h"

enum { DNS_PORT = 53, ANSWER_RECORDS_MAX = 64 };

/* "*.example.test" answers for everything below it that has no record of its own (RFC 4592, as far
 * as a test needs it). */
static bool covers(const char *wildcard, const char *name)
{
    size_t size = strlen(name), tail = strlen(wildcard) - 1;

    return wildcard[0] == '*' && wildcard[1] == '.' && size > tail &&
           strcmp(name + size - tail, wildcard + 1) == 0;
}

static bool has_own(const struct ptn_net_nameserver *ns, const char *name)
{
    for (unsigned i = 0; i < ns->record_count; i++)
        if (strcmp(ns->records[i].name, name) == 0)
            return true;
    return false;
}

/* The records that answer; `known` says whether the name exists at all. */
static size_t look_up(const struct ptn_net_nameserver *ns, const struct ptn_net_dns_query *q,
                      const struct ptn_dns_record *found[static ANSWER_RECORDS_MAX], bool *known)
{
    bool own = has_own(ns, q->name);
    size_t count = 0;

    *known = own;
    for (unsigned i = 0; i < ns->record_count && count < ANSWER_RECORDS_MAX; i++) {
        const struct ptn_scenario_record *r = &ns->records[i];
        if (own ? strcmp(r->name, q->name) != 0 : !covers(r->name, q->name))
            continue;
        *known = true;
        if (ptn_net_dns_number(r->record.type) == q->type)
            found[count++] = &r->record;
    }
    return count;
}

static size_t lie(const struct ptn_net_nameserver *ns, const struct ptn_net_dns_query *q,
                  struct ptn_dns_record *record, const struct ptn_dns_record **found)
{
    bool v6 = q->type == ptn_net_dns_number(PTN_DNS_AAAA);

    if (ptn_addr_is_none(&ns->dns.lie[v6]))
        return 0;
    *record = (struct ptn_dns_record){
        .type = v6 ? PTN_DNS_AAAA : PTN_DNS_A, .ttl_s = 300, .addr = ns->dns.lie[v6]};
    found[0] = record;
    return 1;
}

static void write_answer(const struct ptn_net_nameserver *ns, const struct ptn_net_dns_query *q,
                         struct ptn_writer *w)
{
    const struct ptn_dns_record *found[ANSWER_RECORDS_MAX];
    struct ptn_dns_record lied;
    bool known = true;
    size_t count = 0;

    if (ns->dns.mode == PTN_DNS_FAILS) {
        ptn_net_dns_write_answer(w, q, PTN_NET_DNS_SERVER_FAILED, NULL, 0);
        return;
    }
    if (ns->dns.mode == PTN_DNS_LIES &&
        (q->type == ptn_net_dns_number(PTN_DNS_A) || q->type == ptn_net_dns_number(PTN_DNS_AAAA)))
        count = lie(ns, q, &lied, found);
    else
        count = look_up(ns, q, found, &known);
    ptn_net_dns_write_answer(w, q, known ? PTN_NET_DNS_FINE : PTN_NET_DNS_NO_SUCH_NAME, found,
                             count);
}

static void answer_query(struct ptn_net *n, ptn_time now, const struct ptn_net_place *at,
                         const struct ptn_ip *ip)
{
    const struct ptn_net_nameserver *ns = &n->nameservers[at->index];
    struct ptn_ip_head head = {.from = ip->ends.to, .to = ip->ends.from};
    uint8_t text[PTN_NET_DNS_SIZE_MAX];
    struct ptn_writer message = ptn_writer(text, sizeof text);
    struct ptn_net_dns_query query;

    if (ns->dns.mode == PTN_DNS_GONE || !ptn_net_dns_read_query(ip->payload, &query))
        return;
    write_answer(ns, &query, &message);
    struct ptn_net_slot *slot = message.bad ? NULL : ptn_net_take_slot(n);
    if (!slot)
        return;
    struct ptn_writer packet = ptn_writer(slot->bytes, sizeof slot->bytes);
    ptn_ip_build_udp(&packet, &head, ptn_bytes(text, ptn_writer_size(&message)));
    slot->what = PTN_SLOT_SETS_OUT;
    slot->place = *at;
    slot->size = ptn_writer_size(&packet);
    ptn_net_schedule(n, slot, ptn_time_add(now, ns->dns.delay));
}

void ptn_net_at_nameserver(struct ptn_net *n, ptn_time now, const struct ptn_net_place *at,
                           struct ptn_bytes packet)
{
    struct ptn_ip ip;

    if (ptn_ip_parse(packet, &ip) != PTN_IP_FINE || !ptn_ip_checksums_hold(packet, &ip)) {
        ptn_net_end(n, PTN_NET_MALFORMED);
        return;
    }
    struct ptn_net_origin origin = {.back = *at, .packet = packet, .ip = &ip};
    ptn_net_end(n, PTN_NET_TO_BOX);
    if (ip.is_fragment || ptn_net_answer_echo(n, now, at, &ip))
        return;
    if (ip.ends.proto == PTN_IP_UDP && ip.ends.to.port == DNS_PORT)
        answer_query(n, now, at, &ip);
    else if (ip.ends.proto == PTN_IP_UDP || ip.ends.proto == PTN_IP_TCP)
        ptn_net_answer_error(n, now, &origin, PTN_ICMP_PORT_UNREACHABLE, 0);
}

/*
 * A life in a net: packets as they come or built from a few choices, events, and time.
 *
 * Each step is an op byte and its arguments. Raw packets get a source that is their sender's, with
 * checksums mended, since all others stop at the first gate.
 */
#include <stdlib.h>

#include "ip/ip.h"
#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "wire core 203.0.113.0/24 2001:db8::/64 unknown reject\n"
    "wire home 192.168.1.0/24 2001:db8:a::/64 mtu 1280\n"
    "wire carrier 100.64.0.0/24\n"
    "nat outer address-restricted inside carrier outside core 203.0.113.10 203.0.113.11\n"
    "    range 5000 5020 unasked reject sessions 40 mappings 30\n"
    "nat inner full-cone inside home outside carrier 100.64.0.20 timeout 2s refresh both\n    "
    "mappings 64 sessions 128\n"
    "firewall gate only ipv6 inside home outside core mappings 64 sessions 128\n"
    "host alice home 192.168.1.10 2001:db8:a::10\n"
    "host carol carrier 100.64.0.30\n"
    "host server core 203.0.113.5 2001:db8::5\n"
    "nameserver dns core 203.0.113.53\n"
    "record a.test A 203.0.113.5\n";

static const char *const events[] = {
    "0 reboot inner",
    "0 reboot outer",
    "0 address outer 203.0.113.12",
    "0 address alice 192.168.1.11",
    "0 down home",
    "0 up home",
    "0 link core duplicate 50%",
    "0 dns dns fails",
    "0 record dns a.test A 203.0.113.6",
};

static const char *const ends[] = {
    "192.168.1.10",   "2001:db8:a::10", "100.64.0.30", "203.0.113.5", "2001:db8::5",
    "203.0.113.10",   "203.0.113.11",   "100.64.0.20", "192.168.1.1", "203.0.113.53",
    "2001:db8:a::99", "203.0.113.99",   "224.0.0.1",   "0.0.0.0",
};

enum { END_COUNT = sizeof ends / sizeof ends[0], EVENT_COUNT = sizeof events / sizeof events[0] };

struct life {
    struct ptn_scenario *s;
    struct ptn_net *n;
    ptn_time now;
    struct ptn_reader r;
    const struct ptn_scenario_event *events[EVENT_COUNT];
    uint8_t last[1600]; /* what was delivered last */
    size_t last_size;
    unsigned last_host;
};

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void drain(struct life *l)
{
    struct ptn_net_output out;
    struct ptn_net_event ev;
    struct ptn_ip ip;

    ptn_net_tick(l->n, l->now);
    while (ptn_net_output(l->n, &out)) {
        must(out.kind == PTN_NET_TAP || out.host < l->s->host_count);
        must(ptn_ip_parse(out.packet, &ip) == PTN_IP_FINE);
        if (out.packet.size > sizeof l->last)
            continue;
        memcpy(l->last, out.packet.data, out.packet.size);
        l->last_size = out.packet.size;
        l->last_host = out.kind == PTN_NET_DELIVER ? out.host : 0;
    }
    while (ptn_net_event(l->n, &ev))
        must(ev.at <= l->now);
}

static struct ptn_addr read_end(struct life *l)
{
    struct ptn_addr a;

    must(ptn_addr_parse(ends[ptn_read_u8(&l->r) % END_COUNT], &a));
    a.port = (uint16_t)(4998 + ptn_read_u8(&l->r) % 30);
    return a;
}

/* A host and its address in this family. */
static unsigned read_host(struct life *l, uint8_t family, struct ptn_addr *from)
{
    unsigned host = ptn_read_u8(&l->r) % l->s->host_count;
    const struct ptn_scenario_host *h = ptn_net_host(l->n, host);

    for (unsigned i = 0; i < h->leg_count; i++)
        if (h->legs[i].addr.family == family)
            *from = ptn_addr_with_port(h->legs[i].addr, from->port);
    return host;
}

static void send_raw(struct life *l)
{
    size_t size = ptn_read_u16(&l->r) % 3000;
    struct ptn_bytes bytes =
        ptn_read(&l->r, size < ptn_reader_left(&l->r) ? size : ptn_reader_left(&l->r));
    struct ptn_ip ip;
    uint8_t packet[3000];

    memcpy(packet, bytes.size ? bytes.data : packet, bytes.size);
    bool fine = ptn_ip_parse(ptn_bytes(packet, bytes.size), &ip) == PTN_IP_FINE;
    struct ptn_addr from = fine ? ip.ends.from : (struct ptn_addr){0};
    unsigned host = read_host(l, from.family, &from);
    if (fine)
        ptn_ip_rewrite(packet, &ip, &from, &ip.ends.to);
    ptn_net_input(l->n, l->now, host, ptn_bytes(packet, bytes.size));
}

static void send_built(struct life *l, unsigned kind)
{
    static const uint8_t data[3000];
    uint8_t packet[3100];
    struct ptn_writer w = ptn_writer(packet, sizeof packet);
    struct ptn_ip_head head = {.to = read_end(l), .ttl = ptn_read_u8(&l->r)};
    uint8_t flags = ptn_read_u8(&l->r);
    struct ptn_bytes payload = {data, (size_t)(flags >> 6) * 900};

    head.from.port = (uint16_t)(4998 + ptn_read_u8(&l->r) % 30);
    unsigned host = read_host(l, head.to.family, &head.from);
    if (ptn_addr_is_none(&head.from))
        return;
    head.id = flags;
    if (kind == 0)
        ptn_ip_build_udp(&w, &head, payload);
    else if (kind == 1)
        ptn_ip_build_tcp(&w, &head, &(struct ptn_tcp){.flags = flags & 0x1f}, payload);
    else
        ptn_ip_build_echo(&w, &head, flags & 1, 1, payload);
    ptn_net_input(l->n, l->now, host, ptn_bytes(packet, ptn_writer_size(&w)));
}

/* A host complains about what it was last sent. */
static void send_error(struct life *l)
{
    uint8_t packet[1280];
    struct ptn_writer w = ptn_writer(packet, sizeof packet);
    struct ptn_ip ip;

    if (l->last_size == 0 || ptn_ip_parse(ptn_bytes(l->last, l->last_size), &ip) != PTN_IP_FINE)
        return;
    struct ptn_addr from = ptn_addr_with_port(ip.ends.to, 0);
    if (ptn_ip_build_error(&w, &from, PTN_ICMP_PORT_UNREACHABLE, 0,
                           ptn_bytes(l->last, l->last_size), &ip))
        ptn_net_input(l->n, l->now, l->last_host, ptn_bytes(packet, ptn_writer_size(&w)));
}

static void step(struct life *l)
{
    switch (ptn_read_u8(&l->r) % 8) {
    case 0: send_raw(l); break;
    case 1:
    case 2: send_built(l, 0); break;
    case 3: send_built(l, 1); break;
    case 4: send_built(l, 2); break;
    case 5: send_error(l); break;
    case 6: ptn_net_apply(l->n, l->now, l->events[ptn_read_u8(&l->r) % EVENT_COUNT]); break;
    case 7: l->now += PTN_MS(ptn_read_u8(&l->r) * 20); break;
    }
    drain(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    struct life l = {.r = ptn_reader(ptn_bytes(data, size))};

    must(ptn_scenario_new(&l.s, "fuzz.net", ptn_bytes_of_text(text), error) == PTN_OK);
    for (unsigned i = 0; i < EVENT_COUNT; i++)
        must((l.events[i] = ptn_scenario_event(l.s, events[i], error)) != NULL);
    struct ptn_net_opts opts = {
        .scenario = l.s, .seed = 1, .packets_max = 64, .whole_packets = size % 2};
    must(ptn_net_new(&l.n, &opts) == PTN_OK);
    ptn_net_tap(l.n, 0, true);
    while (ptn_reader_left(&l.r) > 0)
        step(&l);
    ptn_net_free(l.n);
    ptn_scenario_free(l.s);
    return 0;
}

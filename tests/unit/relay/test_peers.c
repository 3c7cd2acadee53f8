#include "support/turn_rig.h"

#include "relay/policy.h"
#include "support/test.h"

/* Each a way to write an address that nobody out there may reach through us. */
static const char *const forbidden[] = {
    /* this host, this network */
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "127.0.0.1",
    "127.0.0.53",
    "127.255.255.254",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0.0.0.0",
    "64:ff9b::127.0.0.1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::1",
    "2001:0:5102:4501::80ff:fffe",
    "2a02:9::5efe:127.0.0.1",
    "2a02:9::200:5efe:127.0.0.1",
    /* private */
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "::10.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:192.168.0.1",
    "::ffff:100.64.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::192.168.0.1",
    "64:ff9b:1::8.8.8.8",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2001:0:a00:1::1",
    "2001:0:5102:4501::f5ff:fffe",
    "2a02:9::5efe:10.0.0.1",
    "fc00::1",
    "fd12:3456::1",
    "fdff:ffff::1",
    "fec0::1",
    /* link-local, metadata */
    "169.254.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
    "fe80::1",
    "febf::1",
    "fd00:ec2::254",
    /* multicast, broadcast, reserved */
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:224.0.0.1",
    "64:ff9b::255.255.255.255",
    "2002:e000:1::1",
    "ff02::1",
    "ff0e::1",
    /* special purposes */
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:db8::1",
    "2001:20::1",
    "3fff::1",
    "5f00::1",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "2002:808:808::1",
    /* ourselves: where we listen */
    "81.2.69.1",
    "2a02:1::1",
    "::ffff:81.2.69.1",
    "64:ff9b::81.2.69.1",
    "64:ff9b::81.2.69.2",
};

enum { FORBIDDEN = sizeof forbidden / sizeof *forbidden };

static struct ptn_addr parsed(const char *text, uint16_t port)
{
    struct ptn_addr a;

    CHECK(ptn_addr_parse(text, &a));
    return ptn_addr_with_port(a, port);
}

static void allocate_both(struct rig *g, struct rig_client *c, uint32_t protocol)
{
    struct rig_request q;

    rig_begin(&q, c, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, protocol << 24);
    ptn_stun_put_u32(&q.o, PTN_STUN_ADDITIONAL_ADDRESS_FAMILY, 2u << 24);
    CHECK_EQ(0, rig_ask(g, &q));
}

static unsigned connect_to(struct rig *g, struct rig_client *c, const struct ptn_addr *peer)
{
    struct rig_request q;

    rig_begin(&q, c, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    return rig_ask(g, &q);
}

static bool send_to(struct rig *g, struct rig_client *c, const struct ptn_addr *peer)
{
    uint8_t buf[200];
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42}};
    struct ptn_stun_out o;
    struct ptn_bytes message;
    struct ptn_relay_out out;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_INDICATION, PTN_STUN_SEND, &id);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    ptn_stun_put(&o, PTN_STUN_DATA, ptn_bytes("data", 4));
    CHECK(ptn_stun_end(&o, &message));
    return rig_datagram(g, c->path, &c->addr, message, &out);
}

TEST(no_spelling_of_a_forbidden_address_is_a_peer_by_any_request)
{
    struct rig *g = rig_new(NULL);
    struct rig_client udp = rig_client(40000), tcp = rig_stream_client(g, PTN_ID_WORLD + 1);

    CHECK(FORBIDDEN >= 60);
    allocate_both(g, &udp, 17);
    allocate_both(g, &tcp, 6);
    for (unsigned i = 0; i < FORBIDDEN; i++) {
        struct ptn_addr peer = parsed(forbidden[i], 3478), relayed;
        struct ptn_relay_out out;
        unsigned codes[] = {rig_permit(g, &udp, &peer), rig_permit(g, &tcp, &peer),
                            rig_bind(g, &udp, 0x4000, &peer), connect_to(g, &tcp, &peer)};

        for (unsigned k = 0; k < 4; k++)
            if (codes[k] != 403)
                fail_msg("%s by request %u: %u", forbidden[i], k, codes[k]);
        if (send_to(g, &udp, &peer))
            fail_msg("%s by Send", forbidden[i]);
        /* And what comes from there is not let in. */
        relayed = peer.family == PTN_IPV4 ? g->begun.relayed[0] : g->begun.relayed[1];
        ptn_id socket = rig_socket(g, &relayed);
        if (socket && rig_datagram(g, socket, &peer, ptn_bytes("data", 4), &out))
            fail_msg("%s as a source", forbidden[i]);
    }
    CHECK_EQ(FORBIDDEN, rig_count(g, PTN_RELAY_PEER_DENIED));
    CHECK_EQ(0, ptn_relay_now(g->relay).permissions);
    CHECK_EQ(0, ptn_relay_now(g->relay).channels);
    CHECK_EQ(0, ptn_relay_now(g->relay).peer_conns);
    rig_free(g);
}

TEST(public_addresses_are_peers_and_so_is_nat64_of_one)
{
    static const char *const peers[] = {
        "8.8.8.8",      "1.1.1.1",         "9.255.255.255", "11.0.0.1",         "172.15.255.255",
        "172.32.0.1",   "192.0.1.1",       "192.167.0.1",   "100.63.255.255",   "100.128.0.1",
        "169.253.0.1",  "198.17.0.1",      "198.20.0.1",    "223.255.255.255",  "128.0.0.1",
        "2a00:1450::1", "2606:4700::1111", "2400::1",       "64:ff9b::8.8.8.8", "2003::1",
        "2001:200::1",  "2001:4860::8"};
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);

    allocate_both(g, &c, 17);
    for (unsigned i = 0; i < sizeof peers / sizeof *peers; i++) {
        struct ptn_addr peer = parsed(peers[i], 1000);
        if (rig_permit(g, &c, &peer) != 0)
            fail_msg("%s", peers[i]);
        CHECK(send_to(g, &c, &peer));
    }
    rig_free(g);
}

TEST(what_is_allowed_is_allowed_in_each_sense_of_the_address)
{
    static const struct {
        const char *low, *high, *peer;
        bool multicast;
        unsigned code;
    } cases[] = {
        {"10.0.0.0", "10.0.0.255", "10.0.0.7", false, 0},
        {"10.0.0.0", "10.0.0.255", "10.0.1.0", false, 403},
        {"10.0.0.0", "10.0.0.255", "::ffff:10.0.0.7", false, 403},
        {"10.0.0.0", "10.0.0.255", "64:ff9b::10.0.0.7", false, 0},
        {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002:808:808::1", false, 0},
        {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002:a00:1::1", false, 403},
        {"127.0.0.1", "127.0.0.1", "127.0.0.1", false, 0},
        {"0.0.0.0", "255.255.255.255", "0.0.0.0", false, 403},
        {"0.0.0.0", "255.255.255.255", "255.255.255.255", true, 403},
        {"0.0.0.0", "255.255.255.255", "224.0.0.5", false, 403},
        {"0.0.0.0", "255.255.255.255", "224.0.0.5", true, 0},
        {"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", false, 403},
        {"fd00::", "fd00::ffff", "fd00::5", false, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ptn_relay_range range = {parsed(cases[i].low, 0), parsed(cases[i].high, 0)};
        struct ptn_relay_opts opts = rig_opts();
        opts.turn.peers = (struct ptn_relay_peers){
            .allowed = &range, .allowed_count = 1, .allow_multicast = cases[i].multicast};
        struct rig *g = rig_new(&opts);
        struct rig_client c = rig_client(40000);
        struct ptn_addr peer = parsed(cases[i].peer, 1000);

        allocate_both(g, &c, 17);
        unsigned code = rig_permit(g, &c, &peer);
        if (code != cases[i].code)
            fail_msg("%s to %s, %s: %u", cases[i].low, cases[i].high, cases[i].peer, code);
        rig_free(g);
    }
}

TEST(denied_ranges_are_denied_also_where_they_hide)
{
    const struct ptn_relay_range denied = {parsed("8.8.0.0", 0), parsed("8.8.255.255", 0)};
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.peers = (struct ptn_relay_peers){.denied = &denied, .denied_count = 1};
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);
    struct ptn_addr in = parsed("8.8.4.4", 1), hidden = parsed("64:ff9b::8.8.4.4", 1),
                    out = parsed("8.9.0.1", 1);

    allocate_both(g, &c, 17);
    CHECK_EQ(403, rig_permit(g, &c, &in));
    CHECK_EQ(403, rig_permit(g, &c, &hidden));
    CHECK_EQ(0, rig_permit(g, &c, &out));
    rig_free(g);
}

TEST(our_own_relayed_addresses_may_be_reached_and_no_other_port_there)
{
    struct rig *g = rig_new(NULL);
    struct rig_client a = rig_client(40000), b = rig_client(40001);
    struct ptn_addr at_a, at_b;

    CHECK_EQ(0, rig_allocate(g, &a, &at_a));
    CHECK_EQ(0, rig_allocate(g, &b, &at_b));
    struct ptn_addr ssh = ptn_addr_with_port(at_b, 22);
    CHECK_EQ(0, rig_permit(g, &a, &at_b));
    CHECK(send_to(g, &a, &at_b));
    CHECK(!send_to(g, &a, &ssh));
    CHECK_EQ(403, rig_bind(g, &a, 0x4000, &ssh));
    CHECK_EQ(0, rig_bind(g, &a, 0x4000, &at_b));
    rig_free(g);
}

/* A small server: everything is on one address. */
TEST(with_one_address_for_all_our_listening_port_is_denied_and_relayed_ones_are_not)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.addresses[0].local = ptn_addr_v4(81, 2, 69, 1, 0);
    struct rig *g = rig_new(&opts);
    struct rig_client a = rig_client(40000), b = rig_client(40001);
    struct ptn_addr at_b, here = ptn_addr_v4(81, 2, 69, 1, 3478);

    CHECK_EQ(0, rig_allocate(g, &a, NULL));
    CHECK_EQ(0, rig_allocate(g, &b, &at_b));
    CHECK_EQ(0, rig_permit(g, &a, &at_b));
    CHECK(send_to(g, &a, &at_b));
    CHECK(!send_to(g, &a, &here));
    CHECK_EQ(403, rig_bind(g, &a, 0x4000, &here));
    rig_free(g);
}

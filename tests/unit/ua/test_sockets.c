/*
 * tests/unit/ua/test_sockets.c - which sockets a phone opens, and how their packets are marked.
 */
#include "support/test.h"
#include "ua/ua.h"

/* What a phone asks at its start, answered as far as opening goes. */
struct opened {
    unsigned sip, media; /* sockets and listeners */
    unsigned sip_marked, media_marked;
};

static struct opened open_phone(uint8_t sip_dscp, uint8_t rtp_dscp)
{
    struct ptn_ua_opts opts = {
        .locals = {{.addr = ptn_addr_v4(192, 0, 2, 1, 0)}},
        .local_count = 1,
        .sip_port = 5060,
        .tls_port = 5061,
        .tcp = true,
        .tls = true,
        .rtp_port_min = 11780,
        .rtp_port_max = 11799,
        .accounts = {{.user = "1001", .server = {.name = "192.0.2.9", .transport = PTN_TCP}}},
        .account_count = 1,
        .no_discovery = true,
        .sip_dscp = sip_dscp,
        .rtp_dscp = rtp_dscp,
        .dice = ptn_dice_seeded(1),
    };
    struct opened seen = {0};
    struct ptn_ask ask;
    struct ptn_ua *ua;

    opts.accounts[0].registers = true;
    CHECK_EQ(PTN_OK, ptn_ua_new(&opts, &ua));
    ptn_ua_start(ua, PTN_S(1));
    for (ptn_time now = PTN_S(1); now < PTN_S(3);) {
        if (!ptn_ua_output(ua, now, &ask)) {
            now += PTN_MS(500);
            ptn_ua_tick(ua, now);
            continue;
        }
        bool media = ask.kind == PTN_ASK_OPEN && ask.local.port >= 11780;
        bool sip = !media && (ask.kind == PTN_ASK_OPEN || ask.kind == PTN_ASK_LISTEN);
        seen.media += media;
        seen.sip += sip || ask.kind == PTN_ASK_CONNECT;
        seen.media_marked += media && ask.dscp == rtp_dscp;
        seen.sip_marked += (sip || ask.kind == PTN_ASK_CONNECT) && ask.dscp == sip_dscp;
        if (sip || media)
            ptn_ua_input(
                ua, PTN_S(1),
                &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = ask.id, .local = ask.local});
    }
    ptn_ua_free(ua);
    return seen;
}

TEST(sip_and_sound_are_marked_as_set_on_every_transport)
{
    struct opened seen = open_phone(26, 46);

    /* UDP, TCP and TLS, and the connection to the server; RTP and RTCP. */
    CHECK_EQ(4, seen.sip);
    CHECK_EQ(4, seen.sip_marked);
    CHECK_EQ(2, seen.media);
    CHECK_EQ(2, seen.media_marked);
    seen = open_phone(0, 0);
    CHECK_EQ(4, seen.sip_marked);
    CHECK_EQ(2, seen.media_marked);
}

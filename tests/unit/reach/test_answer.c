#include "reach/reach.h"

#include "support/test.h"

static struct ptn_addr addr(const char *text)
{
    struct ptn_addr a = {0};

    if (text)
        CHECK(ptn_addr_parse(text, &a));
    return a;
}

#define PHONE "192.168.1.10:5060"
#define REGISTRAR "198.51.100.5:5060"
#define OTHER_REGISTRAR "198.51.100.6:5060"
#define STUN_1 "203.0.113.1:3478"
#define STUN_2 "203.0.113.2:3478"

static void see(struct ptn_reach *r, ptn_time now, enum ptn_reach_sight_kind kind,
                const char *server, const char *seen)
{
    if (seen)
        ptn_reach_see(r, now, &(struct ptn_reach_sight){kind, addr(server), addr(seen)});
}

static struct ptn_reach reach_at(const char *local, const char *manual)
{
    struct ptn_reach r;
    struct ptn_reach_opts opts = PTN_REACH_DEFAULTS;

    opts.local = addr(local);
    opts.manual = addr(manual);
    ptn_reach_init(&r, &opts);
    return r;
}

/* One row: what is known, in the order in which it was learnt, and what is answered. */
struct row {
    const char *name;
    const char *local, *manual;
    const char *stun_1, *stun_2; /* what STUN_1 and STUN_2 saw */
    const char *rport;           /* what REGISTRAR saw */
    const char *signal;          /* the IP REGISTRAR saw at the socket beside this one */
    const char *to;
    enum ptn_reach_policy policy;
    bool no_rport;
    const char *answer;
    enum ptn_reach_why why;
    bool private_to_public;
};

static const struct row rows[] = {
    {"nothing known", PHONE, .to = REGISTRAR, .answer = PHONE, .why = PTN_REACH_BY_INTERFACE,
     .private_to_public = true},
    {"nothing known, public host", "192.0.2.9:5060", .to = REGISTRAR, .answer = "192.0.2.9:5060",
     .why = PTN_REACH_BY_INTERFACE},
    {"nothing known, destination unknown", PHONE, .answer = PHONE, .why = PTN_REACH_BY_INTERFACE,
     .private_to_public = true},
    {"an unknown destination may be public", PHONE, .stun_1 = "192.0.2.1:40000",
     .answer = "192.0.2.1:40000", .why = PTN_REACH_BY_STUN},
    {"stun", PHONE, .stun_1 = "192.0.2.1:40000", .to = REGISTRAR, .answer = "192.0.2.1:40000",
     .why = PTN_REACH_BY_STUN},
    {"stun finds no NAT", "192.0.2.9:5060", .stun_1 = "192.0.2.9:5060", .to = REGISTRAR,
     .answer = "192.0.2.9:5060", .why = PTN_REACH_BY_NO_NAT},
    {"stun by name", PHONE, .stun_1 = "192.0.2.1:40000", .to = REGISTRAR, .policy = PTN_REACH_STUN,
     .answer = "192.0.2.1:40000", .why = PTN_REACH_BY_STUN},
    {"stun and rport agree", PHONE, .stun_1 = "192.0.2.1:40000", .rport = "192.0.2.1:40000",
     .to = REGISTRAR, .answer = "192.0.2.1:40000", .why = PTN_REACH_BY_STUN},
    {"rport alone", PHONE, .rport = "192.0.2.1:40001", .to = REGISTRAR, .answer = "192.0.2.1:40001",
     .why = PTN_REACH_BY_RPORT},
    {"rport of another server", PHONE, .rport = "192.0.2.1:40001", .to = OTHER_REGISTRAR,
     .answer = "192.0.2.1:40001", .why = PTN_REACH_BY_OTHER_RPORT},
    {"rport switched off", PHONE, .rport = "192.0.2.1:40001", .to = REGISTRAR, .no_rport = true,
     .answer = PHONE, .why = PTN_REACH_BY_INTERFACE, .private_to_public = true},
    {"rport contradicts stun: it is the truth", PHONE, .stun_1 = "192.0.2.1:40000",
     .rport = "192.0.2.1:40001", .to = REGISTRAR, .answer = "192.0.2.1:40001",
     .why = PTN_REACH_BY_RPORT_ONLY},
    {"and no other server may use it", PHONE, .stun_1 = "192.0.2.1:40000",
     .rport = "192.0.2.1:40001", .to = OTHER_REGISTRAR, .answer = "192.0.2.1:5060",
     .why = PTN_REACH_BY_SYMMETRIC},
    {"two stun servers contradict: no mapping is told", PHONE, .stun_1 = "192.0.2.1:40000",
     .stun_2 = "192.0.2.1:40001", .to = REGISTRAR, .answer = "192.0.2.1:5060",
     .why = PTN_REACH_BY_SYMMETRIC},
    {"a server at the peer's own host has seen what may be true for the peer", PHONE,
     .stun_1 = "192.0.2.1:40000", .stun_2 = "192.0.2.1:40001", .to = "203.0.113.2:7000",
     .answer = "192.0.2.1:40001", .why = PTN_REACH_BY_SAME_HOST},
    {"also when it was asked for another port of that host by SIP", PHONE,
     .stun_1 = "192.0.2.1:40000", .rport = "192.0.2.1:40001", .to = "198.51.100.5:7000",
     .answer = "192.0.2.1:40001", .why = PTN_REACH_BY_SAME_HOST},
    {"but not where rport is switched off", PHONE, .stun_1 = "192.0.2.1:40000",
     .rport = "192.0.2.1:40001", .to = "198.51.100.5:7000", .no_rport = true,
     .answer = "192.0.2.1:5060", .why = PTN_REACH_BY_SYMMETRIC},
    {"two stun servers agree", PHONE, .stun_1 = "192.0.2.1:40000", .stun_2 = "192.0.2.1:40000",
     .to = REGISTRAR, .answer = "192.0.2.1:40000", .why = PTN_REACH_BY_STUN},
    {"only the signalling's address is known", PHONE, .signal = "192.0.2.1", .to = REGISTRAR,
     .answer = "192.0.2.1:5060", .why = PTN_REACH_BY_SIGNAL},
    {"signalling has moved since stun", PHONE, .stun_1 = "192.0.2.1:40000", .signal = "192.0.2.7",
     .to = REGISTRAR, .answer = "192.0.2.7:5060", .why = PTN_REACH_BY_SIGNAL},
    {"disabled is obeyed", PHONE, .manual = "192.0.2.1", .stun_1 = "192.0.2.1:40000",
     .to = REGISTRAR, .policy = PTN_REACH_OFF, .answer = PHONE, .why = PTN_REACH_BY_DISABLED,
     .private_to_public = true},
    {"disabled on a LAN needs no warning", PHONE, .to = "192.168.1.1:5060", .policy = PTN_REACH_OFF,
     .answer = PHONE, .why = PTN_REACH_BY_DISABLED},
    {"manual wins over stun and rport", PHONE, .manual = "192.0.2.99:7000",
     .stun_1 = "192.0.2.1:40000", .rport = "192.0.2.1:40001", .to = REGISTRAR,
     .answer = "192.0.2.99:7000", .why = PTN_REACH_BY_MANUAL},
    {"manual without a port means the socket's", PHONE, .manual = "192.0.2.99", .to = REGISTRAR,
     .policy = PTN_REACH_MANUAL, .answer = "192.0.2.99:5060", .why = PTN_REACH_BY_MANUAL},
    {"manual that is not set is automatic", PHONE, .stun_1 = "192.0.2.1:40000", .to = REGISTRAR,
     .policy = PTN_REACH_MANUAL, .answer = "192.0.2.1:40000", .why = PTN_REACH_BY_STUN},
    {"manual is not for neighbours", PHONE, .manual = "192.0.2.99", .to = "192.168.1.1:5060",
     .policy = PTN_REACH_MANUAL, .answer = PHONE, .why = PTN_REACH_BY_NEIGHBOUR},
    {"neighbours see the interface", PHONE, .stun_1 = "192.0.2.1:40000", .to = "192.168.1.20:5060",
     .answer = PHONE, .why = PTN_REACH_BY_NEIGHBOUR},
    {"private peer elsewhere: what public servers see is the wrong side", PHONE,
     .stun_1 = "192.0.2.1:40000", .to = "10.9.9.9:5060", .answer = PHONE,
     .why = PTN_REACH_BY_ROUTE},
    {"loopback", "127.0.0.1:5060", .to = "127.0.0.2:5060", .answer = "127.0.0.1:5060",
     .why = PTN_REACH_BY_NEIGHBOUR},
    {"a private mapping is nothing for public peers", PHONE, .stun_1 = "10.0.0.7:40000",
     .to = REGISTRAR, .answer = PHONE, .why = PTN_REACH_BY_INTERFACE, .private_to_public = true},
    {"rport rewritten to private by a helpful router", PHONE, .stun_1 = "192.0.2.1:40000",
     .rport = "192.168.1.10:5060", .to = REGISTRAR, .answer = "192.0.2.1:40000",
     .why = PTN_REACH_BY_STUN},
    {"a server in public that sees our own address is no public peer", PHONE, .rport = PHONE,
     .to = REGISTRAR, .answer = PHONE, .why = PTN_REACH_BY_NO_NAT},
    {"the same, told by the signalling beside", PHONE, .signal = PHONE, .to = REGISTRAR,
     .answer = PHONE, .why = PTN_REACH_BY_NO_NAT},
    {"what one server sees is nothing for another", PHONE, .rport = PHONE, .to = "192.0.2.200:5060",
     .answer = PHONE, .why = PTN_REACH_BY_INTERFACE, .private_to_public = true},
    {"multicast is no mapping", PHONE, .stun_1 = "224.0.0.1:40000", .to = REGISTRAR,
     .answer = PHONE, .why = PTN_REACH_BY_INTERFACE, .private_to_public = true},
    {"loopback is no mapping", PHONE, .stun_1 = "127.0.0.1:40000", .to = "127.9.9.9:5060",
     .answer = PHONE, .why = PTN_REACH_BY_NEIGHBOUR},
    {"a mapping of another family is none", PHONE, .stun_1 = "[2001:db8::1]:4000", .to = REGISTRAR,
     .answer = PHONE, .why = PTN_REACH_BY_INTERFACE, .private_to_public = true},
    {"IPv6 without NAT", "[2001:db8::9]:5060", .stun_1 = "[2001:db8::9]:5060",
     .to = "[2001:db8:5::1]:5060", .answer = "[2001:db8::9]:5060", .why = PTN_REACH_BY_NO_NAT},
    {"unique local IPv6 with a public peer", "[fd00::9]:5060", .to = "[2001:db8:5::1]:5060",
     .answer = "[fd00::9]:5060", .why = PTN_REACH_BY_INTERFACE, .private_to_public = true},
};

TEST(the_best_evidence_for_the_destination_is_answered)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct ptn_reach r = reach_at(row->local, row->manual);
        see(&r, PTN_MS(1), PTN_REACH_SAW_STUN, STUN_1, row->stun_1);
        see(&r, PTN_MS(2), PTN_REACH_SAW_STUN, STUN_2, row->stun_2);
        see(&r, PTN_MS(3), PTN_REACH_SAW_RPORT, REGISTRAR, row->rport);
        see(&r, PTN_MS(4), PTN_REACH_SAW_SIGNAL, REGISTRAR, row->signal);
        struct ptn_reach_answer got = ptn_reach_answer(
            &r, &(struct ptn_reach_ask){addr(row->to), row->policy, row->no_rport});
        struct ptn_addr want = addr(row->answer);
        print_message("# %s: %s\n", row->name, ptn_reach_why_text(got.why));
        CHECK_ADDR(&want, &got.addr);
        CHECK_EQ(row->why, got.why);
        CHECK_EQ(row->private_to_public, got.private_to_public);
    }
}

TEST(a_server_in_the_same_private_network_is_believed_for_peers_there)
{
    struct ptn_reach r = reach_at(PHONE, NULL);

    see(&r, 0, PTN_REACH_SAW_STUN, "10.0.0.2:3478", "10.0.0.77:5060");
    see(&r, 0, PTN_REACH_SAW_STUN, STUN_1, "192.0.2.1:40000");

    struct ptn_reach_answer in =
        ptn_reach_answer(&r, &(struct ptn_reach_ask){.to = addr("10.0.0.5:5060")});
    struct ptn_reach_answer out =
        ptn_reach_answer(&r, &(struct ptn_reach_ask){.to = addr(REGISTRAR)});
    struct ptn_addr want_in = addr("10.0.0.77:5060"), want_out = addr("192.0.2.1:40000");
    CHECK_ADDR(&want_in, &in.addr);
    CHECK_ADDR(&want_out, &out.addr);
    /* Two realms see two addresses: that is no symmetric NAT. */
    CHECK_EQ(PTN_REACH_NAT_SOME, r.nat);
}

TEST(no_combination_of_evidence_gives_a_private_address_where_a_public_one_is_known)
{
    static const char *const views[] = {NULL, "192.0.2.1:40000", "192.0.2.1:40001",
                                        "10.0.0.7:40000", PHONE};
    enum { VIEWS = sizeof views / sizeof views[0] };

    for (unsigned i = 0; i < VIEWS * VIEWS * VIEWS * VIEWS; i++) {
        const char *stun_1 = views[i % VIEWS], *stun_2 = views[i / VIEWS % VIEWS];
        const char *rport = views[i / VIEWS / VIEWS % VIEWS];
        const char *signal = views[i / VIEWS / VIEWS / VIEWS];
        struct ptn_reach r = reach_at(PHONE, NULL);
        bool known = false;
        for (unsigned n = 0; n < 4; n++) {
            const char *view = (const char *const[]){stun_1, stun_2, rport, signal}[n];
            known |= view && strncmp(view, "192.0.2.", 8) == 0;
        }
        see(&r, PTN_MS(1), PTN_REACH_SAW_STUN, STUN_1, stun_1);
        see(&r, PTN_MS(2), PTN_REACH_SAW_STUN, STUN_2, stun_2);
        see(&r, PTN_MS(3), PTN_REACH_SAW_RPORT, REGISTRAR, rport);
        see(&r, PTN_MS(4), PTN_REACH_SAW_SIGNAL, REGISTRAR, signal);
        struct ptn_reach_answer got =
            ptn_reach_answer(&r, &(struct ptn_reach_ask){.to = addr(REGISTRAR)});
        /* A server that sees our own address has no NAT before it: that one is of use to it. */
        bool own = (rport && strcmp(rport, PHONE) == 0) || (signal && strcmp(signal, PHONE) == 0);
        CHECK_EQ(known ? PTN_ADDR_PUBLIC : PTN_ADDR_PRIVATE, ptn_addr_kind(&got.addr));
        CHECK_EQ(!known && !own, got.private_to_public);
    }
}

TEST(every_why_and_every_kind_of_nat_has_words)
{
    for (unsigned i = 0; i < PTN_REACH_WHYS; i++)
        for (unsigned k = 0; k < i; k++)
            CHECK(strcmp(ptn_reach_why_text(i), ptn_reach_why_text(k)) != 0);
    for (unsigned i = 1; i <= PTN_REACH_NAT_PER_DESTINATION; i++)
        CHECK(strcmp("unknown", ptn_reach_nat_text(i)) != 0);
}

/* A relayed address is told where it is the only one that leads here, and to whom it may be of use.
 */
TEST(a_relayed_address_is_told_when_no_other_would_be_reached_and_only_then)
{
    static const struct {
        const char *name;
        const char *stun_1, *stun_2, *manual, *to;
        bool silent, always;
        enum ptn_reach_policy policy;
        enum ptn_reach_why why;
    } cases[] = {
        {.name = "a mapping for all",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40000",
         .to = REGISTRAR,
         .why = PTN_REACH_BY_STUN},
        {.name = "a mapping for each",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40001",
         .to = REGISTRAR,
         .why = PTN_REACH_BY_RELAY},
        {.name = "the same, destination unknown",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40001",
         .why = PTN_REACH_BY_RELAY},
        {.name = "the same, set by hand",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40001",
         .manual = "192.0.2.1",
         .to = REGISTRAR,
         .why = PTN_REACH_BY_MANUAL},
        {.name = "the same, disabled",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40001",
         .to = REGISTRAR,
         .policy = PTN_REACH_OFF,
         .why = PTN_REACH_BY_DISABLED},
        {.name = "the same, a neighbour",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40001",
         .to = "192.168.1.7:5060",
         .why = PTN_REACH_BY_NEIGHBOUR},
        {.name = "the same, a private network beyond",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40001",
         .to = "10.1.2.3:5060",
         .why = PTN_REACH_BY_ROUTE},
        {.name = "STUN is silent", .silent = true, .to = REGISTRAR, .why = PTN_REACH_BY_RELAY},
        {.name = "STUN has fallen silent",
         .stun_1 = "192.0.2.1:40000",
         .silent = true,
         .to = REGISTRAR,
         .why = PTN_REACH_BY_RELAY},
        {.name = "always",
         .stun_1 = "192.0.2.1:40000",
         .stun_2 = "192.0.2.1:40000",
         .to = REGISTRAR,
         .always = true,
         .why = PTN_REACH_BY_RELAY},
        {.name = "always, a neighbour",
         .to = "192.168.1.7:5060",
         .always = true,
         .why = PTN_REACH_BY_RELAY},
        {.name = "always, but disabled",
         .to = REGISTRAR,
         .always = true,
         .policy = PTN_REACH_OFF,
         .why = PTN_REACH_BY_DISABLED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_reach r = reach_at(PHONE, cases[i].manual);
        struct ptn_addr relayed = addr("203.0.113.5:50000"), none = {0};
        struct ptn_reach_ask ask = {.to = addr(cases[i].to), .policy = cases[i].policy};
        r.opts.relay_always = cases[i].always;
        see(&r, 0, PTN_REACH_SAW_STUN, STUN_1, cases[i].stun_1);
        see(&r, 0, PTN_REACH_SAW_STUN, STUN_2, cases[i].stun_2);
        ptn_reach_see_silence(&r, cases[i].silent);
        CHECK(ptn_reach_answer(&r, &ask).why != PTN_REACH_BY_RELAY);
        ptn_reach_set_relayed(&r, &relayed);
        print_message("# %s\n", cases[i].name);
        struct ptn_reach_answer answer = ptn_reach_answer(&r, &ask);
        CHECK_EQ(cases[i].why, answer.why);
        CHECK(!answer.private_to_public || cases[i].policy == PTN_REACH_OFF);
        if (answer.why == PTN_REACH_BY_RELAY)
            CHECK_ADDR(&relayed, &answer.addr);
        ptn_reach_set_relayed(&r, &none);
        CHECK(ptn_reach_answer(&r, &ask).why != PTN_REACH_BY_RELAY);
    }
}

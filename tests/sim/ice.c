/*
 * tests/sim/ice.c - calls by ICE between two homes behind any two NATs.
 *
 * Alice and Bob both have 192.168.1.10, so that the candidate of the one is an address of the
 * other's own home. The offer takes 50 ms, the answer as long; Bob's checks begin with his answer
 * and thus come to Alice's NAT before she has sent anything.
 */
#include <stdio.h>
#include <stdlib.h>

#include "relay/relay.h"
#include "support/ice_end.h"
#include "support/puppet.h"
#include "support/test.h"

enum { ALICE, BOB, HOMES };

struct call_opts {
    const char *box[HOMES];  /* its kind and properties; NULL: none; "firewall …" */
    const char *link[HOMES]; /* of the home's wire; NULL: "delay 10ms" */
    bool no_turn;
    bool both_follow, both_lead;
    bool one_home;           /* Bob lives at Alice's */
    const char *gate[HOMES]; /* IPv6 beside IPv4, behind a firewall with these properties */
    unsigned components;
};

struct call {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_relay *relay;
    struct ptn_crypto *crypto;
    struct ice_end *ends[HOMES];
    ptn_sim_machine numbers[HOMES];
    ptn_time started; /* when the answer came */
};

static const char *const names[HOMES] = {"alice", "bob"};

static void write_home(const struct call_opts *o, unsigned i, char *text, size_t size)
{
    const char *link = o->link[i] ? o->link[i] : "delay 10ms", *box = o->box[i];
    bool is_firewall = box && strncmp(box, "firewall ", 9) == 0, is_nat = box && !is_firewall;
    char x = (char)('a' + i), prefix[32];
    size_t used = strlen(text);

    if (i == BOB && o->one_home) {
        snprintf(text + used, size - used, "host bob home-a 192.168.1.11\n");
        return;
    }
    if (o->gate[i]) {
        snprintf(text + used, size - used,
                 "wire home-%c 192.168.1.0/24 2001:db8:%c::/64 %s\n"
                 "host %s home-%c 192.168.1.10 2001:db8:%c::10\n"
                 "nat box-%c %s inside home-%c outside core 91.198.174.%u\n"
                 "firewall gate-%c only ipv6 %s inside home-%c outside core 2001:db8::%c\n",
                 x, x, link, names[i], x, x, x, box, x, 10 * (i + 1), x, o->gate[i], x, x);
        return;
    }
    snprintf(prefix, sizeof prefix, is_nat ? "192.168.1" : "91.198.%u", 100 + i);
    used += (size_t)snprintf(text + used, size - used,
                             "wire home-%c %s.0/24 %s\nhost %s home-%c %s.10\n", x, prefix, link,
                             names[i], x, prefix);
    if (is_nat)
        snprintf(text + used, size - used,
                 "nat box-%c %s inside home-%c outside core 91.198.174.%u\n", x, box, x,
                 10 * (i + 1));
    else if (is_firewall)
        snprintf(text + used, size - used,
                 "firewall box-%c %s inside home-%c outside core 91.198.174.%u\n", x, box + 9, x,
                 10 * (i + 1));
    else
        snprintf(text + used, size - used, "router box-%c home-%c core 91.198.174.%u\n", x, x,
                 10 * (i + 1));
}

static void add_relay(struct call *c)
{
    static const struct ptn_relay_user user = {.name = {(const uint8_t *)"ann", 3},
                                               .password = {(const uint8_t *)"pass", 4}};
    struct ptn_addr here = ptn_addr_v4(81, 2, 69, 1, 3478);
    struct ptn_relay_opts opts = {.listeners = {{1, PTN_UDP, here}},
                                  .listener_count = 1,
                                  .turn = {.realm = "town",
                                           .users = &user,
                                           .user_count = 1,
                                           .addresses = {{.local = ptn_addr_with_port(here, 0)}},
                                           .address_count = 1,
                                           .allocations_max = 8,
                                           .stock = 4}};
    struct ptn_machine machine;
    ptn_sim_machine number;

    opts.dice = ptn_sim_dice(c->w);
    c->relay = ptn_relay_new(&opts);
    machine = ptn_relay_machine(c->relay);
    ptn_relay_start(c->relay);
    CHECK_EQ(PTN_OK,
             ptn_sim_add(c->w, (unsigned)ptn_scenario_host(c->s, "server"), &machine, &number));
}

static void add_end(struct call *c, const struct call_opts *o, unsigned i)
{
    unsigned host = (unsigned)ptn_scenario_host(c->s, names[i]);
    struct ptn_addr server = ptn_addr_v4(81, 2, 69, 1, 3478);
    struct ptn_machine machine;
    struct ice_end_opts opts = {
        .addrs = {c->s->hosts[host].legs[0].addr, c->s->hosts[host].legs[1].addr},
        .addr_count = c->s->hosts[host].leg_count,
        .components = o->components ? o->components : 1,
        .controlling = o->both_lead || (i == ALICE && !o->both_follow),
        .stun = server,
        .user = {"ann", "pass"},
        .crypto = c->crypto,
        .dice = ptn_sim_dice(c->w),
    };

    if (!o->no_turn)
        opts.turn = server;
    c->ends[i] = malloc(sizeof *c->ends[i]);
    CHECK(c->ends[i]);
    ice_end_init(c->ends[i], &opts);
    c->ends[i]->talks = true;
    machine = ice_end_machine(c->ends[i]);
    CHECK_EQ(PTN_OK, ptn_sim_add(c->w, host, &machine, &c->numbers[i]));
}

static void pass_time(struct call *c, ptn_time span)
{
    ptn_sim_run(c->w, ptn_sim_now(c->w) + span);
}

/* Both have gathered. */
static struct call call_open(const struct call_opts *o, uint64_t seed)
{
    char text[2000] = "wire core 81.2.69.0/24 91.198.174.0/24 2001:db8::/64 delay 5ms\n"
                      "host server core 81.2.69.1\n";
    struct call c = {.crypto = ptn_crypto_new()};

    write_home(o, ALICE, text, sizeof text);
    write_home(o, BOB, text, sizeof text);
    c.s = puppet_scenario(text);
    c.w = puppet_world(c.s, seed);
    add_relay(&c);
    add_end(&c, o, ALICE);
    add_end(&c, o, BOB);
    for (unsigned i = 0; i < 100; i++)
        if (!ice_end_gathered(c.ends[ALICE]) || !ice_end_gathered(c.ends[BOB]))
            pass_time(&c, PTN_MS(100));
    CHECK(ice_end_gathered(c.ends[ALICE]) && ice_end_gathered(c.ends[BOB]));
    return c;
}

static void call_close(struct call *c)
{
    ptn_sim_free(c->w);
    ptn_scenario_free(c->s);
    ptn_relay_free(c->relay);
    for (unsigned i = 0; i < HOMES; i++) {
        ice_end_fini(c->ends[i]);
        free(c->ends[i]);
    }
    ptn_crypto_free(c->crypto);
}

/* What one says comes to the other. */
static void carry(struct call *c, unsigned from)
{
    char words[ICE_END_WORDS_MAX];
    size_t size = ice_end_say(c->ends[from], words);

    pass_time(c, PTN_MS(50));
    CHECK(ice_end_hear(c->ends[!from], ptn_sim_now(c->w), ptn_bytes(words, size)));
    ptn_sim_wake(c->w, c->numbers[!from]);
}

static void offer_and_answer(struct call *c)
{
    carry(c, ALICE);
    carry(c, BOB);
    c->started = ptn_sim_now(c->w);
}

static struct call call_play(const struct call_opts *o, uint64_t seed, ptn_time span)
{
    struct call c = call_open(o, seed);

    offer_and_answer(&c);
    pass_time(&c, span);
    return c;
}

static bool is_direct(const struct call *c)
{
    for (unsigned i = 0; i < HOMES; i++)
        if (!c->ends[i]->route.nominated || c->ends[i]->route.local_kind == PTN_ICE_RELAYED ||
            c->ends[i]->route.remote_kind == PTN_ICE_RELAYED)
            return false;
    return true;
}

/* From the answer until both may send. */
static ptn_time time_to_first(const struct call *c)
{
    ptn_time first = 0;

    for (unsigned i = 0; i < HOMES; i++)
        first = ptn_time_max(first, c->ends[i]->at[1][PTN_ICE_PATH] - c->started);
    return first;
}

static unsigned told(const struct call *c, unsigned end, enum ptn_ice_event_kind kind)
{
    return c->ends[end]->events[0][kind] + c->ends[end]->events[1][kind];
}

/* ---- what physics allows ---- */

enum { KINDS = 12 };

static const struct kind {
    const char *box;
    bool translates;
    enum ptn_nat_sees mapping, filtering;
} kinds[KINDS] = {
    {NULL, false, PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_NOTHING},
    {"firewall filtering address", false, PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_ADDR},
    {"firewall filtering port", false, PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_PORT},
    {"mapping nothing filtering nothing", true, PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_NOTHING},
    {"mapping nothing filtering address", true, PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_ADDR},
    {"mapping nothing filtering port", true, PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_PORT},
    {"mapping address filtering nothing ports random", true, PTN_NAT_SEES_ADDR,
     PTN_NAT_SEES_NOTHING},
    {"mapping address filtering address ports random", true, PTN_NAT_SEES_ADDR, PTN_NAT_SEES_ADDR},
    {"mapping address filtering port ports random", true, PTN_NAT_SEES_ADDR, PTN_NAT_SEES_PORT},
    {"mapping port filtering nothing ports random", true, PTN_NAT_SEES_PORT, PTN_NAT_SEES_NOTHING},
    {"mapping port filtering address ports random", true, PTN_NAT_SEES_PORT, PTN_NAT_SEES_ADDR},
    {"symmetric", true, PTN_NAT_SEES_PORT, PTN_NAT_SEES_PORT},
};

/* Packets of `b`, whose mapping depends on whom it speaks to, come to `a`'s mapped address from
 * a port that nobody told of. */
static bool lets_in_a_new_port(const struct kind *a)
{
    return a->filtering != PTN_NAT_SEES_PORT;
}

/* Both mappings depend on the far end: one side must let in anybody, so that the other's first
 * packet comes through; that one must let in a new port of an address it has sent to; and one of
 * them must have one port towards the other's address, or each answer makes a new one. */
static bool dependent_mappings_meet(const struct kind *a, const struct kind *b)
{
    return a->filtering == PTN_NAT_SEES_NOTHING && lets_in_a_new_port(b) &&
           (a->mapping == PTN_NAT_SEES_ADDR || b->mapping == PTN_NAT_SEES_ADDR);
}

/* RFC 5128 §3.3 and, beyond it, what follows from RFC 4787's terms. */
static bool may_be_direct(const struct kind *a, const struct kind *b)
{
    bool a_independent = a->mapping == PTN_NAT_SEES_NOTHING;
    bool b_independent = b->mapping == PTN_NAT_SEES_NOTHING;

    if (a_independent && b_independent)
        return true;
    if (a_independent)
        return lets_in_a_new_port(a);
    if (b_independent)
        return lets_in_a_new_port(b);
    return dependent_mappings_meet(a, b) || dependent_mappings_meet(b, a);
}

static struct call_opts opts_of(unsigned a, unsigned b)
{
    return (struct call_opts){.box = {kinds[a].box, kinds[b].box}};
}

static void name_pair(const char *what, unsigned a, unsigned b)
{
    print_error("# %s: %s and %s\n", what, kinds[a].box ? kinds[a].box : "none",
                kinds[b].box ? kinds[b].box : "none");
}

TEST(behind_every_pair_of_nats_that_physics_allows_the_call_is_direct_and_else_relayed)
{
    unsigned direct = 0;

    for (unsigned a = 0; a < KINDS; a++)
        for (unsigned b = 0; b < KINDS; b++) {
            struct call_opts o = opts_of(a, b);
            struct call c = call_play(&o, 1 + a * KINDS + b, PTN_S(5));
            if (is_direct(&c) != may_be_direct(&kinds[a], &kinds[b]))
                name_pair(is_direct(&c) ? "direct" : "not direct", a, b);
            CHECK_EQ(may_be_direct(&kinds[a], &kinds[b]), is_direct(&c));
            direct += is_direct(&c);
            CHECK(time_to_first(&c) <= PTN_MS(600));
            for (unsigned i = 0; i < HOMES; i++) {
                CHECK_EQ(1, told(&c, i, PTN_ICE_COMPLETED));
                CHECK_EQ(0, told(&c, i, PTN_ICE_LOST));
                /* From the first word on no gap, whatever was found later. */
                CHECK(c.ends[i]->heard.count > 180);
                CHECK(c.ends[i]->heard.gap_max <= PTN_MS(60));
                CHECK_EQ(0, c.ends[i]->heard.foreign);
            }
            call_close(&c);
        }
    print_message("# %u of %u pairs are direct\n", direct, KINDS * KINDS);
    CHECK(direct > KINDS * KINDS / 2);
}

TEST(without_a_relay_the_same_pairs_are_direct_and_the_others_are_told_that_they_failed)
{
    for (unsigned a = 0; a < KINDS; a++)
        for (unsigned b = a; b < KINDS; b++) {
            struct call_opts o = opts_of(a, b);
            o.no_turn = true;
            struct call c = call_play(&o, 1 + a * KINDS + b, PTN_S(5));
            bool direct = may_be_direct(&kinds[a], &kinds[b]);
            if (is_direct(&c) != direct)
                name_pair(is_direct(&c) ? "direct" : "not direct", a, b);
            CHECK_EQ(direct, is_direct(&c));
            if (!direct)
                pass_time(&c, PTN_S(120));
            for (unsigned i = 0; i < HOMES; i++)
                CHECK_EQ(!direct, told(&c, i, PTN_ICE_FAILED));
            call_close(&c);
        }
}

static int by_time(const void *a, const void *b)
{
    ptn_time x = *(const ptn_time *)a, y = *(const ptn_time *)b;

    return (x > y) - (x < y);
}

/* Both gather anew and tell each other, as a re-INVITE does. */
static void restart(struct call *c)
{
    for (unsigned i = 0; i < HOMES; i++) {
        ice_end_restart(c->ends[i], ptn_sim_now(c->w));
        ptn_sim_wake(c->w, c->numbers[i]);
    }
    for (unsigned i = 0;
         i < 300 && !(ice_end_gathered(c->ends[ALICE]) && ice_end_gathered(c->ends[BOB])); i++)
        pass_time(c, PTN_MS(100));
    offer_and_answer(c);
}

/* What a table of calls has shown. */
struct weather {
    ptn_time firsts[KINDS * KINDS * 4];
    unsigned count, allowed, direct, late;
};

static void play_in_weather(struct weather *w, const char *link, unsigned a, unsigned b,
                            uint64_t seed)
{
    struct call_opts o = opts_of(a, b);

    o.link[ALICE] = o.link[BOB] = link;
    struct call c = call_play(&o, seed, PTN_S(10));
    for (unsigned i = 0; i < HOMES; i++) {
        CHECK_EQ(1, told(&c, i, PTN_ICE_COMPLETED));
        CHECK_EQ(0, told(&c, i, PTN_ICE_LOST));
    }
    w->firsts[w->count++] = time_to_first(&c);
    if (may_be_direct(&kinds[a], &kinds[b])) {
        w->allowed++;
        w->direct += is_direct(&c);
        /* The relayed pair was nominated, and a direct one proven too late for that: a phone that
         * is told of it restarts. */
        if (!is_direct(&c) && told(&c, ALICE, PTN_ICE_BETTER) + told(&c, BOB, PTN_ICE_BETTER)) {
            restart(&c);
            pass_time(&c, PTN_S(10));
            w->late += is_direct(&c);
        }
    } else {
        CHECK(!is_direct(&c));
    }
    call_close(&c);
}

/* All pairs, `rounds` times, on wires that lose, delay and reorder. */
static void play_weather(const char *name, const char *link, unsigned rounds, ptn_time median_max,
                         ptn_time last_max)
{
    static struct weather w;

    w = (struct weather){0};
    CHECK(rounds <= 4);
    for (unsigned i = 0; i < KINDS * KINDS * rounds; i++)
        play_in_weather(&w, link, i / KINDS % KINDS, i % KINDS, 1 + i);
    qsort(w.firsts, w.count, sizeof w.firsts[0], by_time);
    ptn_time median = w.firsts[w.count / 2], last = w.firsts[w.count - 1 - w.count / 100];
    print_message("# %s: %u calls, direct at once %u, after a restart %u, of %u that may be; first "
                  "valid pair after %lld ms (median), %lld ms (99 %%), %lld ms (longest)\n",
                  name, w.count, w.direct, w.late, w.allowed, (long long)ptn_time_ms(median),
                  (long long)ptn_time_ms(last), (long long)ptn_time_ms(w.firsts[w.count - 1]));
    CHECK(median <= median_max);
    CHECK(last <= last_max);
    CHECK_EQ(w.allowed, w.direct + w.late);
    CHECK(w.late * 100 <= w.allowed);
}

TEST(on_wires_that_reorder_calls_are_as_direct_and_as_fast)
{
    play_weather("reordered", "delay 20ms jitter 10ms reorder 10% 30ms", 3, PTN_MS(250),
                 PTN_MS(500));
}

TEST(on_wires_that_lose_a_twentieth_calls_are_direct)
{
    play_weather("5 % lost each way", "delay 20ms jitter 5ms loss 2.5%", 4, PTN_MS(250), PTN_S(1));
}

TEST(on_wires_that_lose_a_tenth_calls_are_direct)
{
    play_weather("10 % lost each way", "delay 20ms jitter 5ms loss 5% reorder 2% 30ms", 4,
                 PTN_MS(300), PTN_S(2));
}

TEST(whoever_thinks_that_he_leads_the_call_is_direct)
{
    for (unsigned lead = 0; lead < 2; lead++)
        for (unsigned a = 3; a < KINDS; a++)
            for (unsigned b = a; b < KINDS; b++) {
                struct call_opts o = opts_of(a, b);
                o.both_lead = lead;
                o.both_follow = !lead;
                struct call c = call_play(&o, 1 + a * KINDS + b, PTN_S(8));
                CHECK_EQ(may_be_direct(&kinds[a], &kinds[b]), is_direct(&c));
                CHECK(ptn_ice_controlling(c.ends[ALICE]->ice) !=
                      ptn_ice_controlling(c.ends[BOB]->ice));
                CHECK_EQ(1, told(&c, ALICE, PTN_ICE_ROLE) + told(&c, BOB, PTN_ICE_ROLE));
                call_close(&c);
            }
}

TEST(two_phones_in_one_home_speak_there_whatever_their_router_does)
{
    static const char *const hairpins[] = {"off", "internal", "external"};

    for (unsigned k = 3; k < KINDS; k++)
        for (unsigned h = 0; h < 3; h++) {
            char box[100];
            snprintf(box, sizeof box, "%s hairpin %s", kinds[k].box, hairpins[h]);
            struct call_opts o = {.box = {box}, .one_home = true};
            struct call c = call_play(&o, 1 + k, PTN_S(5));
            CHECK(is_direct(&c));
            for (unsigned i = 0; i < HOMES; i++) {
                CHECK_EQ(PTN_ICE_HOST, c.ends[i]->route.local_kind);
                CHECK_EQ(PTN_ICE_HOST, c.ends[i]->route.remote_kind);
            }
            call_close(&c);
        }
}

TEST(with_both_families_ipv6_is_taken_where_it_works_and_costs_nothing_where_it_does_not)
{
    for (unsigned broken = 0; broken < 3; broken++)
        for (unsigned k = 3; k < KINDS; k++) {
            const char *shut = "blocks udp", *open = "filtering port";
            struct call_opts o = {.box = {kinds[k].box, kinds[3].box},
                                  .gate = {broken & 1 ? shut : open, broken & 2 ? shut : open}};
            struct call c = call_play(&o, 1 + k, PTN_S(5));
            CHECK(is_direct(&c));
            for (unsigned i = 0; i < HOMES; i++)
                CHECK_EQ(broken ? PTN_IPV4 : PTN_IPV6, c.ends[i]->route.to.family);
            CHECK(time_to_first(&c) <= PTN_MS(300));
            call_close(&c);
        }
}

TEST(rtcp_finds_a_way_of_its_own)
{
    for (unsigned a = 3; a < KINDS; a += 2)
        for (unsigned b = a; b < KINDS; b += 2) {
            struct call_opts o = opts_of(a, b);
            struct ptn_ice_route route;
            o.components = 2;
            struct call c = call_play(&o, 1 + a * KINDS + b, PTN_S(6));
            CHECK_EQ(may_be_direct(&kinds[a], &kinds[b]), is_direct(&c));
            for (unsigned i = 0; i < HOMES; i++) {
                CHECK_EQ(1, told(&c, i, PTN_ICE_COMPLETED));
                CHECK(ptn_ice_route(c.ends[i]->ice, ptn_sim_now(c.w), 2, &route));
                CHECK(route.nominated);
                CHECK_EQ(is_direct(&c), route.local_kind != PTN_ICE_RELAYED &&
                                            route.remote_kind != PTN_ICE_RELAYED);
            }
            call_close(&c);
        }
}

TEST(a_restart_in_a_call_that_works_costs_no_packet)
{
    for (unsigned a = 3; a < KINDS; a++) {
        struct call_opts o = opts_of(a, 5);
        struct call c = call_play(&o, a, PTN_S(5));
        for (unsigned i = 0; i < HOMES; i++)
            c.ends[i]->heard = (struct ice_end_heard){0};
        restart(&c);
        pass_time(&c, PTN_S(40));
        for (unsigned i = 0; i < HOMES; i++) {
            CHECK_EQ(2, told(&c, i, PTN_ICE_COMPLETED));
            CHECK_EQ(0, told(&c, i, PTN_ICE_LOST));
            CHECK(c.ends[i]->heard.count > 1900);
            CHECK(c.ends[i]->heard.gap_max <= PTN_MS(60));
        }
        call_close(&c);
    }
}

static bool both_hear(const struct call *c)
{
    for (unsigned i = 0; i < HOMES; i++)
        if (c->ends[i]->heard.last + PTN_MS(200) < ptn_sim_now(c->w))
            return false;
    return true;
}

/* A router that is switched off and on has forgotten all that it knew. */
TEST(when_one_nat_has_forgotten_everything_the_call_finds_another_way_or_is_told_to_restart)
{
    unsigned healed = 0;
    ptn_time longest = 0;

    for (unsigned a = 3; a < KINDS; a++)
        for (unsigned b = 3; b < KINDS; b++) {
            struct call_opts o = opts_of(a, b);
            struct call c = call_play(&o, a * KINDS + b, PTN_S(5));
            for (unsigned i = 0; i < HOMES; i++)
                c.ends[i]->heard = (struct ice_end_heard){0};
            puppet_event(c.w, c.s, "0s reboot box-b");
            pass_time(&c, PTN_S(40));
            if (both_hear(&c)) {
                healed++;
                for (unsigned i = 0; i < HOMES; i++)
                    longest = ptn_time_max(longest, c.ends[i]->heard.gap_max);
            } else {
                CHECK(told(&c, ALICE, PTN_ICE_LOST) || told(&c, BOB, PTN_ICE_LOST));
                restart(&c);
                pass_time(&c, PTN_S(6));
                CHECK(both_hear(&c));
            }
            call_close(&c);
        }
    print_message("# %u of 81 found another way, within %lld ms\n", healed,
                  (long long)ptn_time_ms(longest));
    CHECK(healed > 70);
    CHECK(longest < PTN_S(25));
}

TEST(when_both_nats_have_forgotten_everything_consent_ends_and_a_restart_brings_the_call_back)
{
    unsigned restarts = 0;

    for (unsigned a = 3; a < KINDS; a++)
        for (unsigned b = 3; b < KINDS; b++) {
            struct call_opts o = opts_of(a, b);
            struct call c = call_play(&o, a * KINDS + b, PTN_S(5));
            puppet_event(c.w, c.s, "0s address box-a 91.198.174.11");
            puppet_event(c.w, c.s, "0s address box-b 91.198.174.21");
            pass_time(&c, PTN_S(33));
            if (!both_hear(&c)) {
                CHECK(told(&c, ALICE, PTN_ICE_LOST) && told(&c, BOB, PTN_ICE_LOST));
                CHECK(told(&c, ALICE, PTN_ICE_DOUBTED) && told(&c, BOB, PTN_ICE_DOUBTED));
                restarts++;
                restart(&c);
                pass_time(&c, PTN_S(6));
                CHECK_EQ(may_be_direct(&kinds[a], &kinds[b]), is_direct(&c));
                CHECK(both_hear(&c));
            }
            call_close(&c);
        }
    print_message("# %u of 81 calls needed the restart\n", restarts);
    CHECK(restarts > 40);
}

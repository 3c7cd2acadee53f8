#include "relay/budget.h"

#include "support/turn_rig.h"

#include "support/test.h"

static const uint8_t modern[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1};
static const uint8_t classic[20] = {0, 1, 0, 0, 9, 9, 9, 9, 1};
static const uint8_t empty_change[28] = {0, 1, 0, 8, 9, 9, 9, 9, 1, [20] = 0, 3, 0, 4};

enum { A1 = 1, A2, B1, B2 };

/* Two addresses times two ports, as behaviour discovery wants them. */
static struct ptn_relay *relay_with(const struct ptn_relay_budget *budget, unsigned workers)
{
    struct ptn_relay_opts opts = {.listener_count = 4,
                                  .behaviour_discovery = true,
                                  .dice = ptn_dice_seeded(3),
                                  .workers = workers};

    for (unsigned i = 0; i < 4; i++)
        opts.listeners[i] = (struct ptn_relay_listener){
            .id = A1 + i,
            .transport = PTN_UDP,
            .local = ptn_addr_v4(81, 2, 69, (uint8_t)(1 + i / 2), (uint16_t)(3478 + i % 2)),
            .group = 1};
    if (budget)
        opts.budget = *budget;
    return ptn_relay_new(&opts);
}

/* The size of the answer, 0: none. */
static size_t ask(struct ptn_relay *r, ptn_time now, const struct ptn_addr *from,
                  const void *request, size_t size)
{
    uint8_t buf[PTN_RELAY_ANSWER_MAX];
    struct ptn_relay_in in = {A1, *from, ptn_bytes(request, size)};
    struct ptn_relay_out out = {.buf = buf, .capacity = sizeof buf};

    return ptn_relay_datagram(r, now, &in, &out) ? out.bytes.size : 0;
}

static struct ptn_addr phone(uint16_t port)
{
    return ptn_addr_v4(91, 198, 174, 10, port);
}

/* Three sockets each, one request every 25 s: and that ten times as often, for an hour. */
TEST(five_hundred_phones_behind_one_address_at_ten_times_their_rate_lose_nothing)
{
    for (unsigned dialect = 0; dialect < 2; dialect++) {
        struct ptn_relay *r = relay_with(NULL, 1);
        ptn_time step = PTN_S(25) / (500 * 3 * 10), now = 0;

        for (unsigned i = 0; i < 500 * 3 * 10 * 144; i++, now += step) {
            struct ptn_addr from = phone((uint16_t)(1024 + i % 1500));
            size_t size = dialect ? ask(r, now, &from, classic, sizeof classic)
                                  : ask(r, now, &from, modern, sizeof modern);
            if (size != (dialect ? 56 : 32))
                fail_msg("request %u got %zu bytes", i, size);
        }
        ptn_relay_free(r);
    }
}

/* 30 requests each within two seconds: four of them to be answered from elsewhere. */
TEST(an_office_of_five_hundred_phones_that_powers_up_at_once_is_served)
{
    static const uint8_t change[28] = {0, 1, 0, 8, 9, 9, 9, 9, 1, [20] = 0, 3, 0, 4, 0, 0, 0, 6};
    struct ptn_relay *r = relay_with(NULL, 1);
    ptn_time now = PTN_S(5);

    for (unsigned i = 0; i < 500 * 30; i++, now += PTN_S(2) / (500 * 30)) {
        struct ptn_addr from = phone((uint16_t)(1024 + i % 500));
        size_t size = i / 500 % 7 == 3 ? ask(r, now, &from, change, sizeof change)
                                       : ask(r, now, &from, empty_change, sizeof empty_change);
        if (size != 56)
            fail_msg("request %u got %zu bytes", i, size);
    }
    ptn_relay_free(r);
}

TEST(a_flood_in_one_name_gets_less_and_then_what_its_budget_earns)
{
    struct ptn_relay_budget budget = {.address_rate = 1200, .address_burst = 12000};
    struct ptn_relay *r = relay_with(&budget, 1);
    struct ptn_addr victim = phone(5060), neighbour = ptn_addr_v4(91, 198, 174, 11, 5060);
    unsigned full = 0, less = 0;
    size_t size;

    while ((size = ask(r, 0, &victim, classic, sizeof classic)) > 0) {
        full += size == 56;
        less += size == 32;
        CHECK(full + less < 10000);
    }
    CHECK_EQ(12000 * 3 / 4 / 36, full);       /* three quarters for the long form */
    CHECK_EQ((12000 - full * 36) / 12, less); /* the rest for the short one */
    CHECK_EQ(less, ptn_relay_count(r, PTN_RELAY_ANSWERED_LESS));
    CHECK_EQ(1, ptn_relay_count(r, PTN_RELAY_OVER_BUDGET));
    CHECK_EQ(0, ask(r, 0, &victim, modern, sizeof modern));
    CHECK_EQ(56, ask(r, 0, &neighbour, classic, sizeof classic)); /* not his fault */
    /* No ban: a second later there is a second's worth. */
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQ(32, ask(r, PTN_S(1) + 1, &victim, modern, sizeof modern));
    CHECK_EQ(0, ask(r, PTN_S(1) + 1, &victim, modern, sizeof modern));
    /* And some seconds later all of it. */
    CHECK_EQ(56, ask(r, PTN_S(20), &victim, classic, sizeof classic));
    ptn_relay_free(r);
}

TEST(a_flood_in_the_names_of_a_whole_prefix_is_held_by_the_prefix)
{
    struct ptn_relay_budget budget = {.prefix_rate = 1200, .prefix_burst = 12000};
    const struct {
        struct ptn_addr from;
        unsigned byte; /* that differs */
        size_t answer;
    } cases[] = {
        {ptn_addr_v4(91, 198, 174, 0, 5060), 3, 12},
        {{.ip = {0x2a, 2, 0, 1, 0, 0, 7}, .port = 1, .family = PTN_IPV6}, 7, 24},
    };

    for (size_t c = 0; c < 2; c++) {
        struct ptn_relay *r = relay_with(&budget, 1);
        struct ptn_addr from = cases[c].from;
        unsigned answered = 0;

        for (unsigned i = 0; i < 2560; i++) {
            from.ip[cases[c].byte] = (uint8_t)i;
            answered += ask(r, 0, &from, modern, sizeof modern) > 0;
        }
        CHECK_EQ(12000 / cases[c].answer, answered);
        from.ip[cases[c].byte - 1]++; /* the next prefix */
        CHECK(ask(r, 0, &from, modern, sizeof modern) > 0);
        ptn_relay_free(r);
    }
}

TEST(when_the_global_budget_is_spent_everybody_gets_the_short_form_and_nobody_nothing)
{
    struct ptn_relay_budget budget = {.global_rate = 1000, .global_burst = 24000};
    struct ptn_relay *r = relay_with(&budget, 1);
    struct ptn_dice dice = ptn_dice_seeded(7);
    uint64_t in = 0, out = 0, full = 0;

    for (unsigned i = 0; i < 100000; i++) {
        uint32_t ip = (uint32_t)ptn_dice_u64(&dice);
        struct ptn_addr from = ptn_addr_v4((uint8_t)(11 + ip % 100), (uint8_t)(ip >> 8),
                                           (uint8_t)(ip >> 16), (uint8_t)(ip >> 24), 4000);
        bool plain = i % 3 == 0;
        size_t size = plain ? ask(r, 0, &from, modern, sizeof modern)
                            : ask(r, 0, &from, classic, sizeof classic);
        if (size == 0)
            fail_msg("request %u got nothing", i);
        full += size == 56;
        if (full == 1000 && size != 56) {
            in += 20;
            out += size;
        }
    }
    CHECK_EQ(24000 / 24, full);
    CHECK(out * 10 <= in * 16);
    CHECK(in > 0);
    ptn_relay_free(r);
}

TEST(while_more_is_asked_for_than_is_forgiven_the_global_budget_stays_spent)
{
    struct ptn_relay_budget budget = {.global_rate = 2400, .global_burst = 24000};
    static const uint8_t change[28] = {0, 1, 0, 8, 9, 9, 9, 9, 1, [20] = 0, 3, 0, 4, 0, 0, 0, 2};
    struct ptn_relay *r = relay_with(&budget, 1);
    ptn_time now = 0;

    for (unsigned i = 0; i < 20000; i++, now += PTN_MS(1)) { /* 24,000 bytes a second for 20 s */
        size_t size =
            ask(r, now, &(struct ptn_addr){{11, 0, (uint8_t)(i >> 8), (uint8_t)i}, 4000, PTN_IPV4},
                classic, sizeof classic);
        CHECK_EQ(i < 1111 ? 56 : 32, size);
    }
    struct ptn_addr from = phone(1);
    CHECK_EQ(0, ask(r, now, &from, change, sizeof change));
    now += PTN_S(1); /* nobody asks: the little above is forgiven */
    CHECK_EQ(56, ask(r, now, &from, change, sizeof change));
    CHECK_EQ(56, ask(r, now, &from, classic, sizeof classic));
    ptn_relay_free(r);
}

TEST(answers_from_elsewhere_have_a_stricter_budget)
{
    static const uint8_t change[28] = {0, 1, 0, 8, 9, 9, 9, 9, 1, [20] = 0, 3, 0, 4, 0, 0, 0, 2};
    struct ptn_relay_budget budget = {.change_rate = 100, .change_burst = 560};
    struct ptn_relay *r = relay_with(&budget, 1);
    struct ptn_addr from = phone(1);
    unsigned answered = 0;

    for (unsigned i = 0; i < 30; i++)
        answered += ask(r, 0, &from, change, sizeof change) > 0;
    CHECK_EQ(10, answered);
    CHECK_EQ(56, ask(r, 0, &from, empty_change, sizeof empty_change));
    ptn_relay_free(r);
}

TEST(workers_share_the_budget_among_them)
{
    struct ptn_relay_budget budget = {.address_rate = 1200, .address_burst = 12000};

    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        struct ptn_relay *r = relay_with(&budget, workers);
        struct ptn_addr from = phone(1);
        unsigned answered = 0;
        while (ask(r, 0, &from, modern, sizeof modern) > 0)
            answered++;
        CHECK_EQ(1000 / workers, answered);
        ptn_relay_free(r);
    }
}

TEST(refusals_to_strangers_are_capped_and_users_are_not)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.budget = (struct ptn_relay_budget){.refusals_rate = 10, .refusals_burst = 20};
    struct rig *g = rig_new(&opts);
    struct rig_client known = rig_client(39999);
    unsigned answered = 0;

    CHECK_EQ(0, rig_allocate(g, &known, NULL)); /* the first refusal */
    for (uint16_t i = 0; i < 100; i++) {
        struct rig_client c = rig_client((uint16_t)(40000 + i));
        struct rig_request q;
        c.addr.ip[3] = (uint8_t)i;
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        answered += rig_ask_plainly(g, &q) == 401;
    }
    CHECK_EQ(19, answered);
    CHECK_EQ(81, rig_count(g, PTN_RELAY_OVER_BUDGET));
    CHECK_EQ(0, rig_refresh(g, &known, 600));
    rig_free(g);
}

TEST(who_floods_does_not_lose_his_debt_by_flooding_in_other_names)
{
    struct ptn_relay_budget budget = {
        .address_rate = 1, .address_burst = 12000, .prefix_burst = 2000000000, .prefix_rate = 1};
    struct ptn_relay *r = relay_with(&budget, 1);
    struct ptn_addr victim = phone(1);
    struct ptn_dice dice = ptn_dice_seeded(9);

    while (ask(r, 0, &victim, modern, sizeof modern) > 0)
        ;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t ip = (uint32_t)ptn_dice_u64(&dice);
        struct ptn_addr from = ptn_addr_v4((uint8_t)(11 + ip % 50), (uint8_t)(ip >> 8),
                                           (uint8_t)(ip >> 16), (uint8_t)(ip >> 24), 1);
        ask(r, 0, &from, modern, sizeof modern);
    }
    CHECK_EQ(0, ask(r, 0, &victim, modern, sizeof modern));
    ptn_relay_free(r);
}

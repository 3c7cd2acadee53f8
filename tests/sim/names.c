/*
 * tests/sim/names.c - stories of the name server: asked from behind a NAT, slow, gone, lying.
 */
#include "support/puppet.h"
#include "support/test.h"

static const char HOME[] = "wire internet 198.51.100.0/24 203.0.113.0/24 delay 10ms\n"
                           "wire lan 192.168.1.0/24\n"
                           "host alice lan 192.168.1.10\n"
                           "nat nat-a port-restricted inside lan outside internet 203.0.113.1\n"
                           "nameserver dns internet 198.51.100.53\n"
                           "record sip.example ttl 60 A 198.51.100.1 198.51.100.2\n"
                           "record sip.example AAAA 2001:db8::1\n"
                           "record _sip._udp.example SRV 10 20 5060 sip.example\n"
                           "record example NAPTR 1 2 s SIP+D2U _sip._udp.example\n";

TEST(every_type_is_resolved_with_its_lifetime)
{
    struct puppet_home h = puppet_home_open(HOME, 1);

    puppet_resolve(h.alice, 1, "SIP.example", PTN_DNS_A | PTN_DNS_AAAA);
    ptn_sim_run(h.w, PTN_S(1));
    const struct ptn_tell *told = puppet_last(h.alice, PTN_TELL_RESOLVED);
    CHECK(told);
    CHECK_EQ(1, told->id);
    CHECK_EQ(3, told->record_count);
    CHECK_EQ(20, ptn_time_ms(puppet_last_at(h.alice, PTN_TELL_RESOLVED)));
    unsigned v4 = 0, v6 = 0;
    for (size_t i = 0; i < told->record_count; i++) {
        v4 += told->records[i].type == PTN_DNS_A && told->records[i].ttl_s == 60;
        v6 += told->records[i].type == PTN_DNS_AAAA && told->records[i].ttl_s == 300;
    }
    CHECK_EQ(2, v4);
    CHECK_EQ(1, v6);

    puppet_resolve(h.alice, 2, "_sip._udp.example", PTN_DNS_SRV);
    ptn_sim_run(h.w, PTN_S(2));
    told = puppet_last(h.alice, PTN_TELL_RESOLVED);
    CHECK_EQ(2, told->id);
    CHECK_EQ(1, told->record_count);
    CHECK_EQ(5060, told->records[0].port);
    CHECK_EQ(10, told->records[0].priority);
    CHECK_STR("sip.example", told->records[0].target);

    puppet_resolve(h.alice, 3, "example", PTN_DNS_NAPTR);
    ptn_sim_run(h.w, PTN_S(3));
    told = puppet_last(h.alice, PTN_TELL_RESOLVED);
    CHECK_EQ(3, told->id);
    CHECK_EQ(1, told->record_count);
    CHECK_STR("_sip._udp.example", told->records[0].target);
    puppet_home_close(&h);
}

TEST(a_literal_address_needs_no_server_and_an_unknown_name_has_no_records)
{
    struct puppet_home h = puppet_home_open(HOME, 1);

    puppet_resolve(h.alice, 1, "192.0.2.7", PTN_DNS_A | PTN_DNS_AAAA);
    const struct ptn_tell *told = puppet_last(h.alice, PTN_TELL_RESOLVED);
    CHECK(told);
    CHECK_EQ(1, told->record_count);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(192, 0, 2, 7, 0)}[0], &told->records[0].addr);

    puppet_resolve(h.alice, 2, "nobody.example", PTN_DNS_A);
    ptn_sim_run(h.w, PTN_S(1));
    told = puppet_last(h.alice, PTN_TELL_RESOLVED);
    CHECK_EQ(2, told->id);
    CHECK_EQ(0, told->record_count);
    puppet_home_close(&h);
}

TEST(a_slow_server_is_waited_for_and_a_silent_one_given_up)
{
    struct puppet_home h = puppet_home_open(HOME, 1);

    puppet_event(h.w, h.s, "0s dns dns answers delay 1500ms");
    puppet_resolve(h.alice, 1, "sip.example", PTN_DNS_A);
    ptn_sim_run(h.w, PTN_S(5));
    CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_RESOLVED));
    CHECK_EQ(1520, ptn_time_ms(puppet_last_at(h.alice, PTN_TELL_RESOLVED)));

    puppet_event(h.w, h.s, "5s dns dns gone");
    puppet_resolve(h.alice, 2, "sip.example", PTN_DNS_A);
    ptn_sim_run(h.w, PTN_S(30));
    CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_FAILED));
    CHECK_EQ(2, puppet_last(h.alice, PTN_TELL_FAILED)->id);
    CHECK_EQ(PTN_ERR_NAMES_SILENT, puppet_last(h.alice, PTN_TELL_FAILED)->why);

    /* Silence for one question, then an answer: it was repeated. */
    puppet_resolve(h.alice, 3, "sip.example", PTN_DNS_A);
    ptn_sim_run(h.w, PTN_S(31));
    puppet_event(h.w, h.s, "31s dns dns answers");
    ptn_sim_run(h.w, PTN_S(60));
    CHECK_EQ(3, puppet_last(h.alice, PTN_TELL_RESOLVED)->id);
    puppet_home_close(&h);
}

TEST(a_failing_server_is_an_error_and_a_lying_one_is_believed)
{
    struct puppet_home h = puppet_home_open(HOME, 1);

    puppet_event(h.w, h.s, "0s dns dns fails");
    puppet_resolve(h.alice, 1, "sip.example", PTN_DNS_A);
    ptn_sim_run(h.w, PTN_S(10));
    CHECK_EQ(PTN_ERR_NAMES_FAILED, puppet_last(h.alice, PTN_TELL_FAILED)->why);
    puppet_event(h.w, h.s, "10s dns dns lies 203.0.113.66");
    puppet_resolve(h.alice, 2, "sip.example", PTN_DNS_A);
    ptn_sim_run(h.w, PTN_S(20));
    const struct ptn_tell *told = puppet_last(h.alice, PTN_TELL_RESOLVED);
    CHECK_EQ(1, told->record_count);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(203, 0, 113, 66, 0)}[0], &told->records[0].addr);
    puppet_home_close(&h);
}

TEST(a_question_that_is_closed_is_never_answered)
{
    struct puppet_home h = puppet_home_open(HOME, 1);

    puppet_resolve(h.alice, 1, "sip.example", PTN_DNS_A);
    puppet_close(h.alice, 1);
    ptn_sim_run(h.w, PTN_S(30));
    CHECK_EQ(0, puppet_count(h.alice, PTN_TELL_RESOLVED));
    CHECK_EQ(0, puppet_count(h.alice, PTN_TELL_FAILED));
    puppet_home_close(&h);
}

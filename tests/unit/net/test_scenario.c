#include "net/scenario.h"

#include <stdio.h>

#include "support/test.h"

static struct ptn_scenario *parsed(const char *text)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    struct ptn_scenario *s;

    ptn_scenario_new(&s, "a.net", ptn_bytes_of_text(text), error);
    CHECK_STR("", error);
    CHECK(s != NULL);
    return s;
}

#define TWO "wire core 203.0.113.0/24\nwire home 192.168.1.0/24\n"
#define NAT TWO "nat n inside home outside core 203.0.113.10\n"
#define HOST NAT "host alice home 192.168.1.10\n"

TEST(a_wrong_word_is_named_with_its_line_and_what_was_expected)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"wires x", "a.net:1: wires: is none of wire host router nat firewall nameserver record at "
                    "run forward capture"},
        {"\n\n  wire x 10.0.0.0/8",
         "a.net:3: wire: an indented line goes on with the one above, but there is none"},
        {"wire", "a.net:1: wire: ends where a name (letters, digits, - and _, at most 31) is "
                 "expected"},
        {"wire a.b 10.0.0.0/8",
         "a.net:1: wire: \"a.b\" is not a name (letters, digits, - and _, at most 31)"},
        {"wire a 10.0.0.0", "a.net:1: wire: \"10.0.0.0\" is not a prefix such as 192.168.1.0/24"},
        {"wire a 10.0.0.0/33",
         "a.net:1: wire: \"10.0.0.0/33\" is not a prefix such as 192.168.1.0/24"},
        {"wire a 10.0.0.0/8\n  delay\n  20",
         "a.net:3: wire: \"20\" is not a time such as 20ms, 1.5s, 2min (at most 1000h)"},
        {"wire a 10.0.0.0/8 loss 101%", "a.net:1: wire: \"101%\" is not a share from 0% to 100%"},
        {"wire a 10.0.0.0/8 rate 1bit", "a.net:1: wire: \"1bit\" is not a rate such as 512kbit, "
                                        "10Mbit (at least 8kbit)"},
        {"wire a 10.0.0.0/8 mtu 1501", "a.net:1: wire: \"1501\" is not a number from 576 to 1500"},
        {"wire a fd00::/8 mtu 1279", "a.net:1: wire: \"1279\" is not a number from 1280 to 1500"},
        {"wire a 10.0.0.0/8 colour red", "a.net:1: wire: \"colour\" is not expected here"},
        {"wire a 10.0.0.0/8\nhost a a 10.0.0.1",
         "a.net:2: host: \"a\" is the name of something else already"},
        {TWO "host h nowhere 10.0.0.1", "a.net:3: host: \"nowhere\" is not a wire"},
        {TWO "host h home", "a.net:3: host: ends where an IP address is expected"},
        {TWO "host h home 192.168.1.300", "a.net:3: host: \"192.168.1.300\" is not an IP address"},
        {TWO "host h home 192.168.2.1",
         "a.net:3: host: 192.168.2.1 does not lie in a prefix of home"},
        {NAT "host h home 192.168.1.1", "a.net:4: host: 192.168.1.1 on home belongs to n already"},
        {TWO "nat n inside home", "a.net:3: nat: \"n\" has no outside"},
        {TWO "nat n outside core 203.0.113.10", "a.net:3: nat: \"n\" has no inside"},
        {TWO "nat n inside home outside home 192.168.1.2",
         "a.net:3: nat: inside and outside of \"n\" are one wire"},
        {TWO "nat n inside home outside core",
         "a.net:3: nat: ends where an IP address is expected"},
        {TWO "nat n mapping everything", "a.net:3: nat: \"everything\" is not one of nothing "
                                         "address port"},
        {TWO "nat n range 5000 4000", "a.net:3: nat: \"4000\" is not a number from 5000 to 65535"},
        {TWO "nat n timeout 0", "a.net:3: nat: a timeout is at least 1ms"},
        {TWO "firewall f hairpin off", "a.net:3: firewall: \"hairpin\" is not expected here"},
        {"record a A 1.2.3.4",
         "a.net:1: record: belongs to the nameserver above it, but there is none"},
        {TWO "nameserver d core 203.0.113.53\nrecord a AAAA 1.2.3.4",
         "a.net:4: record: that address does not fit the record's type"},
        {TWO "nameserver d core 203.0.113.53\nrecord a..b A 1.2.3.4",
         "a.net:4: record: \"a..b\" is not a domain name"},
        {NAT "at 5s explode n",
         "a.net:4: at: \"explode\" is not one of reboot address down up link dns record"},
        {NAT "at 5s reboot home", "a.net:4: at: \"home\" is not a router, NAT or firewall"},
        {NAT "at 5s address n 203.0.114.1",
         "a.net:4: at: 203.0.114.1 does not lie in a prefix of core"},
        {NAT "at 5s address n", "a.net:4: at: ends where an IP address is expected"},
        {NAT "at 5s link home", "a.net:4: at: ends where one of delay jitter loss duplicate "
                                "reorder rate queue is expected"},
        {HOST "run bob x", "a.net:5: run: \"bob\" is not a host"},
        {HOST "run alice background", "a.net:5: run: ends where a command is expected"},
        {HOST "run alice after bob says hi x",
         "a.net:5: run: \"bob\" is not a time or a program above"},
        {HOST "run alice echo 'a", "a.net:5: run: the quote ' does not end on its line"},
        {HOST "forward alice 70000", "a.net:5: forward: \"70000\" is not a number from 1 to 65535"},
        {HOST "capture alice x", "a.net:5: capture: \"alice\" is not a wire"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char error[PTN_SCENARIO_ERROR_MAX];
        struct ptn_scenario *s;

        CHECK_EQ(PTN_ERR_INVALID,
                 ptn_scenario_new(&s, "a.net", ptn_bytes_of_text(cases[i].text), error));
        CHECK(s == NULL);
        CHECK_STR(cases[i].error, error);
    }
}

TEST(a_zero_byte_is_an_error_and_not_the_end)
{
    static const char text[] = "wire core 203.0.113.0/24\n\0wire x";
    char error[PTN_SCENARIO_ERROR_MAX];
    struct ptn_scenario *s;

    CHECK_EQ(PTN_ERR_INVALID, ptn_scenario_new(&s, "a.net", ptn_bytes(text, sizeof text), error));
}

TEST(a_kind_of_nat_is_a_name_for_properties_and_each_can_be_changed)
{
    static const struct {
        const char *words;
        enum ptn_nat_sees mapping, filtering;
        enum ptn_nat_ports ports;
    } cases[] = {
        {"", PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_PORT, PTN_NAT_PORTS_PRESERVE},
        {"full-cone", PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_NOTHING, PTN_NAT_PORTS_PRESERVE},
        {"address-restricted", PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_ADDR, PTN_NAT_PORTS_PRESERVE},
        {"port-restricted", PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_PORT, PTN_NAT_PORTS_PRESERVE},
        {"symmetric", PTN_NAT_SEES_PORT, PTN_NAT_SEES_PORT, PTN_NAT_PORTS_RANDOM},
        {"symmetric mapping address filtering nothing ports sequential by 2", PTN_NAT_SEES_ADDR,
         PTN_NAT_SEES_NOTHING, PTN_NAT_PORTS_SEQUENTIAL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        snprintf(text, sizeof text, TWO "nat n %s inside home outside core 203.0.113.10",
                 cases[i].words);
        struct ptn_scenario *s = parsed(text);
        CHECK_EQ(cases[i].mapping, s->boxes[0].nat.mapping);
        CHECK_EQ(cases[i].filtering, s->boxes[0].nat.filtering);
        CHECK_EQ(cases[i].ports, s->boxes[0].nat.ports);
        ptn_scenario_free(s);
    }
}

TEST(every_property_of_a_nat_reaches_its_options)
{
    struct ptn_scenario *s =
        parsed(TWO "nat n inside home 192.168.1.254\n"
                   "  outside core 203.0.113.10 203.0.113.11\n"
                   "  ports sequential by 3 parity keep range 5000 6000 pooling arbitrary\n"
                   "  hairpin internal timeout 30s tcp-timeouts 1s 2min 3h icmp-timeout 5s\n"
                   "  refresh both blocks tcp unasked reject fragments drop mappings 10\n"
                   "  sessions 20 mappings-per-host 5\n");
    const struct ptn_scenario_box *b = &s->boxes[0];
    const struct ptn_nat_opts *o = &b->nat;

    CHECK(o->translates);
    CHECK_EQ(1, b->inside_count);
    CHECK_EQ(254, b->inside[0].addr.ip[3]);
    CHECK_EQ(2, o->pool_count);
    CHECK_EQ(11, o->pool[1].ip[3]);
    CHECK_EQ(3, o->port_step);
    CHECK(o->keep_parity);
    CHECK_EQ(5000, o->port_min);
    CHECK_EQ(6000, o->port_max);
    CHECK_EQ(PTN_NAT_ARBITRARY, o->pooling);
    CHECK_EQ(PTN_NAT_HAIRPIN_INTERNAL, o->hairpin);
    CHECK_EQ(PTN_S(30), o->udp_timeout);
    CHECK_EQ(PTN_S(1), o->tcp_opening_timeout);
    CHECK_EQ(PTN_S(120), o->tcp_established_timeout);
    CHECK_EQ(PTN_S(10800), o->tcp_closing_timeout);
    CHECK_EQ(PTN_S(5), o->icmp_timeout);
    CHECK(o->refresh_inbound);
    CHECK(o->blocks[PTN_NAT_TCP] && !o->blocks[PTN_NAT_UDP]);
    CHECK_EQ(PTN_UNASKED_REJECT, b->unasked);
    CHECK(b->drops_fragments);
    CHECK_EQ(10, o->mappings_max);
    CHECK_EQ(20, o->sessions_max);
    CHECK_EQ(5, o->host_mappings_max);
    ptn_scenario_free(s);
}

TEST(a_wires_properties_count_both_ways_until_a_way_is_named)
{
    struct ptn_scenario *s =
        parsed("wire a 10.1.2.3/8 fd00::/8 delay 1.5s loss 0.5% duplicate 1%\n"
               "  up reorder 2% 30ms rate 512kbit down queue 50ms jitter 250us "
               "mtu 1400 unknown reject");
    const struct ptn_scenario_wire *w = &s->wires[0];
    const struct ptn_scenario_link *up = &w->link[PTN_WAY_UP], *down = &w->link[PTN_WAY_DOWN];

    CHECK_EQ(2, w->prefix_count);
    CHECK_EQ(0, w->prefixes[0].addr.ip[3]);
    CHECK_EQ(PTN_MS(1500), up->delay);
    CHECK_EQ(PTN_MS(1500), down->delay);
    CHECK(up->loss == 0.005 && down->loss == 0.005);
    CHECK(up->reorder == 0.02 && down->reorder == 0);
    CHECK_EQ(PTN_MS(30), up->reorder_by);
    CHECK_EQ(512000, up->rate);
    CHECK_EQ(0, down->rate);
    CHECK_EQ(PTN_MS(200), up->queue);
    CHECK_EQ(PTN_MS(50), down->queue);
    CHECK_EQ(PTN_US(250), down->jitter);
    CHECK_EQ(1400, w->mtu);
    CHECK_EQ(PTN_UNASKED_REJECT, w->unknown);
    ptn_scenario_free(s);
}

TEST(events_come_in_the_order_of_their_times_and_know_what_was_written)
{
    struct ptn_scenario *s = parsed(HOST "nameserver d core 203.0.113.53\n"
                                         "at 9s address alice none # leaves\n"
                                         "at 2s link home   up loss 5%\n"
                                         "at 2s dns d lies 203.0.113.66 fd00::1 delay 3s\n"
                                         "at 1min reboot n\n"
                                         "at 5s address n 203.0.113.10\n");

    CHECK_EQ(5, s->event_count);
    CHECK_STR("link home up loss 5%", s->events[0].text);
    CHECK_EQ(PTN_LINK_LOSS, s->events[0].link_sets[PTN_WAY_UP]);
    CHECK_EQ(0, s->events[0].link_sets[PTN_WAY_DOWN]);
    CHECK_EQ(PTN_DNS_LIES, s->events[1].dns.mode);
    CHECK_EQ(PTN_S(3), s->events[1].dns.delay);
    CHECK_EQ(PTN_IPV6, s->events[1].dns.lie[1].family);
    CHECK_EQ(PTN_ACTION_BOX_ADDRESS, s->events[2].action);
    CHECK_EQ(PTN_ACTION_HOST_ADDRESS, s->events[3].action);
    CHECK_EQ(0, s->events[3].leg_count);
    CHECK_EQ(PTN_S(60), s->events[4].at);
    ptn_scenario_free(s);
}

TEST(programs_keep_their_words_and_options)
{
    struct ptn_scenario *s = parsed(
        HOST "run alice background /usr/sbin/server --name 'a b' \"# no comment\" # comment\n"
             "run alice as caller after 2s after server says \"is ready\" until 30s exit 3 "
             "sh -c until\n"
             "forward alice 80 8080\nforward alice 443\ncapture home out.pcapng\n");
    const struct ptn_scenario_program *p = s->programs;

    CHECK_EQ(2, s->program_count);
    CHECK_STR("server", p[0].name);
    CHECK(p[0].background);
    CHECK_EQ(4, p[0].argc);
    CHECK_STR("a b", p[0].argv[2]);
    CHECK_STR("# no comment", p[0].argv[3]);
    CHECK(p[0].argv[4] == NULL);
    CHECK_EQ(PTN_NEVER, p[0].stop);
    CHECK_EQ(PTN_SCENARIO_NONE, p[0].wait_for);
    CHECK_STR("caller", p[1].name);
    CHECK_EQ(PTN_S(2), p[1].start);
    CHECK_EQ(0, p[1].wait_for);
    CHECK_STR("is ready", p[1].wait_text);
    CHECK_EQ(PTN_S(30), p[1].stop);
    CHECK_EQ(3, p[1].exit_expected);
    CHECK_STR("until", p[1].argv[2]);
    CHECK_EQ(8080, s->forwards[0].local_port);
    CHECK_EQ(443, s->forwards[1].local_port);
    CHECK_STR("out.pcapng", s->captures[0].file);
    ptn_scenario_free(s);
}

TEST(a_nat_and_a_firewall_for_ipv6_stand_side_by_side_without_sharing_an_address)
{
    struct ptn_scenario *s = parsed("wire core 203.0.113.0/24 2001:db8::/64\n"
                                    "wire home 192.168.1.0/24 2001:db8:a::/64\n"
                                    "nat n inside home outside core 203.0.113.10\n"
                                    "firewall f inside home outside core 2001:db8::a only ipv6\n");

    CHECK_EQ(1, s->boxes[0].inside_count);
    CHECK_EQ(PTN_IPV4, s->boxes[0].inside[0].addr.family);
    CHECK_EQ(1, s->boxes[1].inside_count);
    CHECK_EQ(PTN_IPV6, s->boxes[1].inside[0].addr.family);
    ptn_scenario_free(s);
}

TEST(an_event_can_be_read_later_and_a_wrong_one_says_why)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    struct ptn_scenario *s = parsed(HOST);
    const struct ptn_scenario_event *ev = ptn_scenario_event(s, "3s down home", error);

    CHECK(ev != NULL);
    CHECK_EQ(PTN_S(3), ev->at);
    CHECK_STR("down home", ev->text);
    CHECK(ptn_scenario_event(s, "3s down nowhere", error) == NULL);
    CHECK_STR("a.net:1: at: \"nowhere\" is not a wire", error);
    CHECK(ptn_scenario_event(s, "3s down home home", error) == NULL);
    CHECK(ptn_scenario_event(s, "", error) == NULL);
    ptn_scenario_free(s);
}

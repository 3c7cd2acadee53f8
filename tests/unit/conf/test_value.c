#include "support/test.h"
#include "unit/conf/sample.h"

/* 16 accounts do not belong on a stack of a test. */
static struct sample s;

static void check_set(const char *key, const char *value)
{
    char why[PTN_CONF_WHY_SIZE] = "";

    if (ptn_conf_set(&sample_table, &s, key, value, why) != PTN_CONF_SET_TAKEN)
        print_error("# %s: %s\n", key, why);
    CHECK_STR("", why);
}

static void check_wrong(const char *key, const char *value, const char *sentence)
{
    char why[PTN_CONF_WHY_SIZE] = "";

    CHECK_EQ(PTN_CONF_SET_WRONG, ptn_conf_set(&sample_table, &s, key, value, why));
    CHECK_STR(sentence, why);
}

TEST(defaults_fill_every_member_of_every_array)
{
    memset(&s, 0xff, sizeof s);
    ptn_conf_defaults(&sample_table, &s);
    CHECK_EQ(3478, s.port);
    CHECK_EQ(500, s.timer_ms);
    CHECK_EQ(0, s.ips.count);
    CHECK(ptn_addr_is_none(&s.outside));
    CHECK_STR("", s.label[15]);
    CHECK_EQ(3, s.nat[0]);
    CHECK_EQ(3, s.nat[15]);
    CHECK_EQ(3600, s.expires[0][0]);
    CHECK_EQ(3600, s.expires[15][1]);
}

TEST(each_type_takes_what_it_should)
{
    ptn_conf_defaults(&sample_table, &s);
    check_set("listening-port", "1");
    CHECK_EQ(1, s.port);
    check_set("listening-port", "65535");
    CHECK_EQ(65535, s.port);
    check_set("sip.timer_t1", "10");
    CHECK_EQ(10000, s.timer_ms);
    check_set("sip.timer_t1", "0.75");
    CHECK_EQ(750, s.timer_ms);
    check_set("no-udp", "on");
    CHECK(s.no_udp);
    check_set("no-udp", "0");
    CHECK(!s.no_udp);
    check_set("no-udp", NULL);
    CHECK(s.no_udp);
    check_set("account.2.nat.nat_traversal", "2");
    CHECK_EQ(2, s.nat[1]);
    check_set("account.2.nat.nat_traversal", "stun");
    CHECK_EQ(1, s.nat[1]);
    check_set("account.1.label", "Empfang \xc3\xa4");
    CHECK_STR("Empfang \xc3\xa4", s.label[0]);

    struct ptn_addr v6;
    CHECK(ptn_addr_parse("2001:db8::1", &v6));
    check_set("static.network.static_nat.addr", "2001:db8::1");
    CHECK_ADDR(&v6, &s.outside);
    check_set("static.network.static_nat.addr", "");
    CHECK(ptn_addr_is_none(&s.outside));
    check_set("listening-ip", "192.0.2.1, 192.0.2.2 ,2001:db8::1");
    CHECK_EQ(3, s.ips.count);
    CHECK_ADDR(&v6, &s.ips.addrs[2]);
}

TEST(an_index_leads_to_its_own_member)
{
    ptn_conf_defaults(&sample_table, &s);
    check_set("account.3.sip_server.2.address", "b.example");
    check_set("account.16.sip_server.1.expires", "60");
    CHECK_STR("b.example", s.host[2][1]);
    CHECK_STR("", s.host[2][0]);
    CHECK_STR("", s.host[1][1]);
    CHECK_EQ(60, s.expires[15][0]);
    CHECK_EQ(3600, s.expires[15][1]);
}

TEST(an_alias_sets_what_it_stands_for)
{
    ptn_conf_defaults(&sample_table, &s);
    check_set("account.4.sip_server_host", "old.example");
    CHECK_STR("old.example", s.host[3][0]);
    check_set("account.9.sip_listen_port", "5070");
    CHECK_EQ(5070, s.port);
}

TEST(keys_that_are_none_are_unknown)
{
    static const char *const keys[] = {
        "",
        "Ports",
        "listening-por",
        "listening-port ",
        "account.0.label",
        "account.17.label",
        "account.01.label",
        "account..label",
        "account.#.label",
        "account.1.label.2",
        "account.99999999999999999999.label",
        "account.1.sip_server.3.address",
        "account.17.sip_server_host",
    };
    char why[PTN_CONF_WHY_SIZE];

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        CHECK_EQ(PTN_CONF_SET_UNKNOWN, ptn_conf_set(&sample_table, &s, keys[i], "1", why));
}

TEST(a_wrong_value_is_refused_in_words_and_changes_nothing)
{
    static struct sample before;
    char long_text[300];

    ptn_conf_defaults(&sample_table, &s);
    check_set("listening-ip", "192.0.2.1");
    before = s;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';

    check_wrong("listening-port", "70000", "\"70000\" is not a number from 1 to 65535");
    check_wrong("listening-port", "0", "\"0\" is not a number from 1 to 65535");
    check_wrong("listening-port", "", "\"\" is not a number from 1 to 65535");
    check_wrong("listening-port", "-1", "\"-1\" is not a number from 1 to 65535");
    check_wrong("listening-port", "12a", "\"12a\" is not a number from 1 to 65535");
    check_wrong("listening-port", "3478.0", "\"3478.0\" is not a number from 1 to 65535");
    check_wrong("listening-port", "99999999999999999999999",
                "\"99999999999999999999999\" is not a number from 1 to 65535");
    check_wrong("listening-port", NULL, "a value is missing: a number from 1 to 65535");
    check_wrong("sip.timer_t1", "0.4", "\"0.4\" is not a number of seconds from 0.5 to 10");
    check_wrong("sip.timer_t1", "1.2345", "\"1.2345\" is not a number of seconds from 0.5 to 10");
    check_wrong("sip.timer_t1", "1.2.3", "\"1.2.3\" is not a number of seconds from 0.5 to 10");
    check_wrong("sip.timer_t1", ".5", "\".5\" is not a number of seconds from 0.5 to 10");
    check_wrong("no-udp", "maybe", "\"maybe\" is not yes or no");
    check_wrong("static.network.static_nat.addr", "192.0.2.1:80",
                "\"192.0.2.1:80\" is not an IP address");
    check_wrong("static.network.static_nat.addr", "example.org",
                "\"example.org\" is not an IP address");
    check_wrong("listening-ip", "192.0.2.2,nonsense",
                "\"192.0.2.2,nonsense\" is not a list of at most 32 IP addresses");
    check_wrong("account.1.nat.nat_traversal", "4",
                "\"4\" is not one of disabled (0), stun (1), manual (2), auto (3)");
    check_wrong("account.1.nat.nat_traversal", "stu",
                "\"stu\" is not one of disabled (0), stun (1), manual (2), auto (3)");
    check_wrong("account.1.label", "a\nContact: b",
                "\"a?Contact: b\" is not a text of at most 255 plain characters");
    check_wrong("account.1.password", long_text,
                "the value is not a text of at most 255 plain characters");
    CHECK_BYTES(&before, &s, sizeof s);
}

TEST(a_long_wrong_value_is_shown_shortened)
{
    char long_text[300], why[PTN_CONF_WHY_SIZE];

    memset(long_text, '9', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    CHECK_EQ(PTN_CONF_SET_WRONG, ptn_conf_set(&sample_table, &s, "listening-port", long_text, why));
    CHECK(strlen(why) < 150);
    CHECK(strstr(why, "999...\" is not a number from 1 to 65535"));
}

TEST(a_list_has_room_for_32_addresses_and_no_more)
{
    char list[1000] = "", why[PTN_CONF_WHY_SIZE];

    for (unsigned i = 0; i < 32; i++)
        strcat(list, "192.0.2.1,");
    check_set("listening-ip", list);
    CHECK_EQ(32, s.ips.count);
    strcat(list, "192.0.2.1");
    CHECK_EQ(PTN_CONF_SET_WRONG, ptn_conf_set(&sample_table, &s, "listening-ip", list, why));
}

TEST(what_get_says_set_takes)
{
    static const char *const pairs[][2] = {
        {"listening-port", "99"},
        {"sip.timer_t1", "0.505"},
        {"sip.timer_t1", "10"},
        {"no-udp", "yes"},
        {"static.network.static_nat.addr", "192.0.2.7"},
        {"listening-ip", "192.0.2.1,2001:db8::1"},
        {"account.16.label", "Reception"},
        {"account.1.nat.nat_traversal", "manual"},
        {"account.1.nat.nat_traversal", "auto"},
    };
    char text[200];

    ptn_conf_defaults(&sample_table, &s);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        check_set(pairs[i][0], pairs[i][1]);
        CHECK(ptn_conf_get(&sample_table, &s, pairs[i][0], text, sizeof text));
        CHECK_STR(pairs[i][1], text);
    }
    CHECK(!ptn_conf_get(&sample_table, &s, "nothing", text, sizeof text));
}

TEST(only_live_settings_are_taken_over_and_the_others_are_named)
{
    static struct sample fresh;
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    check_set("listening-port", "5000");
    check_set("account.2.label", "two");
    check_set("config", "/etc/x.conf");
    fresh = s;
    ptn_conf_defaults(&sample_table, &s);

    ptn_conf_take_live(&sample_table, &s, &fresh, "x.conf", &r);
    CHECK_EQ(3478, s.port);
    CHECK_STR("two", s.label[1]);
    CHECK_STR("", s.config);
    CHECK_EQ(1, r.note_count);
    CHECK_EQ(1, r.counts[PTN_CONF_LATER]);
    CHECK_STR("x.conf: listening-port: has changed; that takes effect at the next start",
              r.notes[0].text);

    ptn_conf_take_live(&sample_table, &s, &fresh, "x.conf", &r);
    CHECK_STR("", s.label[1]);
    CHECK_STR("two", fresh.label[1]);
    ptn_conf_report_fini(&r);
}

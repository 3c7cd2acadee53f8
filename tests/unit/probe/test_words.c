/*
 * Servers as words, messages in words, and results as exit codes.
 */
#include "probe/report.h"
#include "probe/trace.h"
#include "stun/msg.h"
#include "support/test.h"

TEST(a_server_is_a_name_or_an_address_perhaps_with_a_port)
{
    static const struct {
        const char *word, *name;
        uint16_t port;
    } cases[] = {
        {"stun.example.org", "stun.example.org", 0},
        {"stun.example.org:3479", "stun.example.org", 3479},
        {"stun:stun.example.org", "stun.example.org", 0},
        {"192.0.2.1", "192.0.2.1", 0},
        {"stun:192.0.2.1:65535", "192.0.2.1", 65535},
        {"2001:db8::1", "2001:db8::1", 0},
        {"[2001:db8::1]:1", "2001:db8::1", 1},
    };
    struct probe_servers servers;
    char why[PTN_CONF_WHY_SIZE];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(probe_take_servers(&cases[i].word, 1, &servers, why));
        CHECK_STR(cases[i].name, servers.names[0]);
        CHECK_EQ(cases[i].port, servers.ports[0]);
    }
}

TEST(what_is_no_server_is_refused)
{
    static char long_word[400];
    const char *const words[] = {"",
                                 ":3478",
                                 "host:",
                                 "host:0",
                                 "host:65536",
                                 "host:1x",
                                 "a b",
                                 "stun:",
                                 "host:-1",
                                 "[2001:db8::1",
                                 "a/b",
                                 "a:1:2",
                                 "host:99999999999999",
                                 long_word};
    const char *const nine[9] = {"a", "a", "a", "a", "a", "a", "a", "a", "a"};
    struct probe_servers servers;
    char why[PTN_CONF_WHY_SIZE];

    memset(long_word, 'a', sizeof long_word - 1);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        CHECK(!probe_take_servers(&words[i], 1, &servers, why));
    CHECK(!probe_take_servers(NULL, 0, &servers, why));
    CHECK(probe_take_servers(nine, 8, &servers, why));
    CHECK(!probe_take_servers(nine, 9, &servers, why));
}

TEST(the_way_is_looked_for_towards_the_first_server_that_is_an_address)
{
    static struct probe_settings s;
    const char *const words[] = {"name.example", "198.51.100.7", "2001:db8::7"};
    struct probe_servers servers;
    char why[PTN_CONF_WHY_SIZE];

    ptn_conf_defaults(&probe_settings_table, &s);
    CHECK(probe_take_servers(words, 3, &servers, why));
    struct ptn_addr target = probe_target(&s, &servers);
    CHECK_EQ(198, target.ip[0]);
    CHECK(probe_take_servers(words, 1, &servers, why));
    CHECK_EQ(PTN_IPV4, probe_target(&s, &servers).family);
    s.ipv6 = true;
    CHECK_EQ(PTN_IPV6, probe_target(&s, &servers).family);
}

TEST(messages_are_described_by_kind_dialect_and_attributes)
{
    struct ptn_dice dice = ptn_dice_seeded(1);
    struct ptn_stun_id id = ptn_stun_id_new(&dice, PTN_STUN_MODERN);
    struct ptn_addr addr = ptn_addr_v4(203, 0, 113, 7, 40000);
    struct ptn_stun_out o;
    struct ptn_bytes message;
    uint8_t buf[300];
    char text[600];

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &id);
    ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, 6);
    CHECK(ptn_stun_end(&o, &message));
    probe_trace_describe(message, text, sizeof text);
    CHECK_STR("Binding Request, modern, 28 bytes: CHANGE-REQUEST (address, port)", text);

    id = ptn_stun_id_new(&dice, PTN_STUN_CLASSIC);
    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &id);
    ptn_stun_put_addr(&o, PTN_STUN_MAPPED_ADDRESS, &addr);
    ptn_stun_put(&o, PTN_STUN_SOFTWARE, ptn_bytes("a\033[31m", 6));
    ptn_stun_put(&o, (enum ptn_stun_attr)0xc001, ptn_bytes("x", 1));
    CHECK(ptn_stun_end(&o, &message));
    probe_trace_describe(message, text, sizeof text);
    CHECK_STR("Binding Success Response, classic, 52 bytes: MAPPED-ADDRESS 203.0.113.7:40000, "
              "SOFTWARE \"a?[31m\", 0xc001",
              text);

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_ERROR, 0x003, &id);
    ptn_stun_put_error(&o, 400);
    CHECK(ptn_stun_end(&o, &message));
    probe_trace_describe(message, text, sizeof text);
    CHECK(strstr(text, "method 0x003 Error Response, classic"));
    CHECK(strstr(text, "ERROR-CODE 400 Bad Request"));

    probe_trace_describe(ptn_bytes("\xff", 1), text, sizeof text);
    CHECK_STR("not-stun, 1 bytes", text);
    probe_trace_describe(message, text, 10);
    CHECK_EQ(9, strlen(text));
}

TEST(each_outcome_has_its_exit_code)
{
    static const struct {
        enum ptn_discover_type type;
        bool mapped;
        int code;
    } cases[] = {
        {PTN_DISCOVER_OPEN, true, 0},
        {PTN_DISCOVER_UDP_FIREWALL, true, 0},
        {PTN_DISCOVER_FULL_CONE, true, 0},
        {PTN_DISCOVER_ADDRESS_RESTRICTED, true, 0},
        {PTN_DISCOVER_PORT_RESTRICTED, true, 0},
        {PTN_DISCOVER_TYPE_UNKNOWN, false, PROBE_NO_SERVER},
        {PTN_DISCOVER_UDP_BLOCKED, false, PROBE_UDP_BLOCKED},
        {PTN_DISCOVER_SYMMETRIC, true, PROBE_SYMMETRIC},
        {PTN_DISCOVER_TYPE_UNKNOWN, true, PROBE_UNSURE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_discover_result r = {.type = cases[i].type};
        if (cases[i].mapped)
            r.mapped = ptn_addr_v4(203, 0, 113, 7, 1);
        CHECK_EQ(cases[i].code, probe_exit_code(&r));
    }
}

/* What is printed as advice. */
static const char *advice(const struct ptn_discover_result *r, const struct probe_servers *servers)
{
    static char text[2000];
    FILE *f = tmpfile();

    CHECK(f);
    probe_advise(r, servers, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

TEST(each_nat_has_lines_for_a_phones_file)
{
    static const struct {
        enum ptn_discover_type type;
        const char *has, *has_not;
    } cases[] = {
        {PTN_DISCOVER_OPEN, "Nothing needs to be set", "account"},
        {PTN_DISCOVER_UDP_FIREWALL, "\n    account.1.nat.udp_update_enable = 1\n", "nat_stun"},
        {PTN_DISCOVER_FULL_CONE, "\n    static.sip.nat_stun.server = b.example\n", "nat_turn"},
        {PTN_DISCOVER_ADDRESS_RESTRICTED, "\n    static.sip.nat_stun.port = 3479\n", "nat_turn"},
        {PTN_DISCOVER_PORT_RESTRICTED, "\n    account.1.nat.nat_traversal = 1\n", "nat_turn"},
        {PTN_DISCOVER_SYMMETRIC, "\n    account.1.nat.rport = 1\n",
         "\n    account.1.nat.nat_traversal"},
        {PTN_DISCOVER_SYMMETRIC, "\n    static.sip.nat_turn.enable = 1\n", "nat_stun"},
        {PTN_DISCOVER_UDP_BLOCKED, "\n    account.1.sip_server.1.transport_type = 1\n", "nat_stun"},
    };
    const char *const words[] = {"a.example", "b.example:3479"};
    struct probe_servers servers;
    char why[PTN_CONF_WHY_SIZE];

    CHECK(probe_take_servers(words, 2, &servers, why));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_discover_result r = {.type = cases[i].type, .server_count = 2};
        r.servers[0].state = PTN_DISCOVER_SERVER_SILENT;
        r.servers[1].state = PTN_DISCOVER_SERVER_ANSWERED;
        CHECK(strstr(advice(&r, &servers), cases[i].has));
        CHECK(!strstr(advice(&r, &servers), cases[i].has_not));
    }
}

TEST(where_nothing_was_learned_it_is_said_where_to_look)
{
    const char *const words[] = {"a.example"};
    struct ptn_discover_result r = {.type = PTN_DISCOVER_TYPE_UNKNOWN, .server_count = 1};
    struct probe_servers servers;
    char why[PTN_CONF_WHY_SIZE];

    CHECK(probe_take_servers(words, 1, &servers, why));
    r.servers[0].state = PTN_DISCOVER_SERVER_UNRESOLVED;
    CHECK(strstr(advice(&r, &servers), "are they spelled right"));
    r.servers[0].state = PTN_DISCOVER_SERVER_REFUSED;
    CHECK(strstr(advice(&r, &servers), "do not answer strangers"));
    r.mapped = ptn_addr_v4(203, 0, 113, 7, 1);
    CHECK(strstr(advice(&r, &servers), "two servers at once"));
    /* One that is silent may simply not run; it takes two to blame the network. */
    r = (struct ptn_discover_result){.type = PTN_DISCOVER_UDP_BLOCKED, .server_count = 1};
    CHECK(strstr(advice(&r, &servers), "Either no STUN server runs there"));
}

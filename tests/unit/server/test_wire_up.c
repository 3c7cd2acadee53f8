/*
 * Which sockets a server serves on, and which stand in for which.
 */
#include "server/wire_up.h"

#include "support/test.h"

static struct server_settings s;
static struct ptn_relay_opts opts;
static char why[PTN_CONF_WHY_SIZE];

static void set(const char *key, const char *value)
{
    CHECK_EQ(PTN_CONF_SET_TAKEN, ptn_conf_set(&server_settings_table, &s, key, value, why));
}

static struct ptn_addr ip(const char *text)
{
    struct ptn_addr a;

    CHECK(ptn_addr_parse(text, &a));
    return a;
}

/* The group of the UDP listener on this address and port; 0 when there is none. */
static unsigned group(const char *text)
{
    struct ptn_addr a = ip(text);

    for (size_t i = 0; i < opts.listener_count; i++)
        if (opts.listeners[i].transport == PTN_UDP && ptn_addr_equal(&opts.listeners[i].local, &a))
            return opts.listeners[i].group;
    return 0;
}

static bool wire(const struct ptn_addr *found, size_t count)
{
    return server_wire_up(&s, found, count, &opts, why);
}

TEST(each_address_gets_both_ports_and_both_transports)
{
    ptn_conf_defaults(&server_settings_table, &s);
    set("listening-ip", "192.0.2.1,192.0.2.2");
    CHECK(wire(NULL, 0));
    CHECK_EQ(8, opts.listener_count);
    CHECK(group("192.0.2.1:3478") != 0);
    CHECK_EQ(group("192.0.2.1:3478"), group("192.0.2.1:3479"));
    CHECK_EQ(group("192.0.2.1:3478"), group("192.0.2.2:3479"));
    for (size_t i = 0; i < opts.listener_count; i++) {
        CHECK(opts.listeners[i].id != 0);
        for (size_t k = 0; k < i; k++)
            CHECK(opts.listeners[i].id != opts.listeners[k].id);
    }
    CHECK(opts.behaviour_discovery && !opts.always_extras && !opts.mapped_in_modern);
    CHECK_EQ(PTN_S(60), opts.connection_idle);
}

TEST(named_addresses_pair_in_their_order_within_a_family)
{
    ptn_conf_defaults(&server_settings_table, &s);
    set("listening-ip", "192.0.2.1,2001:db8::1,10.0.0.1,192.0.2.2,2001:db8::2");
    CHECK(wire(NULL, 0));
    CHECK_EQ(group("192.0.2.1:3478"), group("10.0.0.1:3478"));
    CHECK_EQ(group("[2001:db8::1]:3478"), group("[2001:db8::2]:3478"));
    CHECK(group("192.0.2.2:3478") != group("192.0.2.1:3478"));
    CHECK(group("192.0.2.2:3478") != group("[2001:db8::1]:3478"));
}

TEST(found_addresses_pair_with_their_kind_only)
{
    struct ptn_addr found[] = {ip("127.0.0.1"), ip("192.0.2.1"), ip("10.0.0.1"), ip("192.0.2.2"),
                               ip("::1")};

    ptn_conf_defaults(&server_settings_table, &s);
    CHECK(wire(found, 5));
    CHECK_EQ(20, opts.listener_count);
    CHECK_EQ(group("192.0.2.1:3478"), group("192.0.2.2:3478"));
    CHECK(group("127.0.0.1:3478") != group("192.0.2.1:3478"));
    CHECK(group("10.0.0.1:3478") != group("192.0.2.1:3478"));
    CHECK(group("10.0.0.1:3478") != group("127.0.0.1:3478"));
}

TEST(what_is_switched_off_is_not_listened_on)
{
    struct ptn_addr found[] = {ip("192.0.2.1")};

    ptn_conf_defaults(&server_settings_table, &s);
    set("no-rfc5780", NULL);
    CHECK(wire(found, 1));
    CHECK_EQ(2, opts.listener_count);
    CHECK(!opts.behaviour_discovery);
    set("no-tcp", NULL);
    CHECK(wire(found, 1));
    CHECK_EQ(1, opts.listener_count);
    CHECK_EQ(PTN_UDP, opts.listeners[0].transport);
    CHECK_EQ(0, opts.connections_max);
    set("no-udp", NULL);
    CHECK(!wire(found, 1));
    CHECK_STR("there is nothing to listen on", why);
}

TEST(the_other_port_is_the_next_one_or_a_chosen_one_and_never_the_same)
{
    struct ptn_addr found[] = {ip("192.0.2.1")};

    ptn_conf_defaults(&server_settings_table, &s);
    set("alt-listening-port", "5000");
    CHECK(wire(found, 1));
    CHECK(group("192.0.2.1:5000") != 0);
    set("alt-listening-port", "3478");
    CHECK(!wire(found, 1));
    CHECK_STR("alt-listening-port: 3478 cannot be the other port of listening-port 3478", why);
    set("alt-listening-port", "0");
    set("listening-port", "65535");
    CHECK(!wire(found, 1));
    set("no-rfc5780", NULL);
    CHECK(wire(found, 1));
}

TEST(more_addresses_than_the_relay_serves_are_refused)
{
    struct ptn_addr found[PTN_RELAY_LISTENERS_MAX / 4 + 1];

    ptn_conf_defaults(&server_settings_table, &s);
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++)
        found[i] = ptn_addr_v4(192, 0, 2, (uint8_t)(i + 1), 0);
    CHECK(wire(found, PTN_RELAY_LISTENERS_MAX / 4));
    CHECK(!wire(found, PTN_RELAY_LISTENERS_MAX / 4 + 1));
    CHECK(strstr(why, "more addresses than the server can serve"));
}

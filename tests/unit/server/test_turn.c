/*
 * Who may relay, from where and to whom, out of the settings; and loads of a fleet.
 */
#include <stdio.h>

#include "server/fleet_load.h"
#include "server/wire_up.h"
#include "support/test.h"

static struct server_settings s;
static struct ptn_relay_opts opts;
static struct server_turn_parts parts;
static char why[PTN_CONF_WHY_SIZE];

static void begin(void)
{
    ptn_conf_defaults(&server_settings_table, &s);
    parts = (struct server_turn_parts){.host_name = "host.example"};
}

static void set(const char *key, const char *value)
{
    CHECK_EQ(PTN_CONF_SET_TAKEN, ptn_conf_set(&server_settings_table, &s, key, value, why));
}

static bool wire(uint32_t sockets)
{
    struct ptn_addr found[] = {ptn_addr_v4(127, 0, 0, 1, 0), ptn_addr_v4(10, 0, 0, 5, 0)};

    server_turn_parts_fini(&parts);
    CHECK(server_wire_up(&s, found, 2, &opts, why));
    return server_wire_turn(&s, sockets, &parts, &opts, why);
}

static void end(void)
{
    server_turn_parts_fini(&parts);
    ptn_conf_fini(&server_settings_table, &s);
}

TEST(without_credentials_nobody_is_relayed_for)
{
    begin();
    set("lt-cred-mech", "yes");
    set("realm", "north.gov");
    CHECK(wire(1000));
    CHECK_EQ(0, opts.turn.allocations_max);
    set("user", "a:b");
    set("stun-only", "yes");
    CHECK(wire(1000));
    CHECK_EQ(0, opts.turn.allocations_max);
    end();
}

TEST(users_have_passwords_or_keys)
{
    begin();
    set("user", "gorst:0x7da2270ccfa49786e0115366d3a3d14d");
    CHECK(wire(1000));
    CHECK_EQ(1, opts.turn.user_count);
    CHECK_EQ(16, opts.turn.users[0].key.size);
    CHECK_EQ(0x7d, opts.turn.users[0].key.data[0]);
    CHECK_EQ(0, opts.turn.users[0].password.size);
    CHECK_STR("host.example", opts.turn.realm);
    set("user", "gorst:0x7da2:and more");
    CHECK(wire(1000));
    CHECK_EQ(0, opts.turn.users[0].key.size);
    CHECK_EQ(strlen("0x7da2:and more"), opts.turn.users[0].password.size);
    CHECK_EQ(PTN_CONF_SET_WRONG,
             ptn_conf_set(&server_settings_table, &s, "user", "no-password", why));
    CHECK_STR("the value is not a name, a colon and a password", why);
    char name[300] = {0};
    memset(name, 'n', 255);
    strcat(name, ":b");
    set("user", name);
    CHECK(!wire(1000));
    CHECK_STR("user: a name is longer than 254 bytes", why);
    end();
}

TEST(there_are_at_most_eight_secrets_and_redis_fills_what_is_left)
{
    struct ptn_conf_report r = {0};
    char text[400] = "", secret[300] = "";
    struct server_settings redis;

    begin();
    for (unsigned i = 1; i <= 9; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "static-auth-secret=s%u\n", i);
    ptn_conf_read_plain(&server_settings_table, "x", ptn_bytes_of_text(text), &s, &r);
    CHECK_EQ(9, s.static_auth_secret.count);
    CHECK(!wire(1000));
    CHECK_STR("static-auth-secret: there can be 8 at a time, each of at most 256 bytes", why);

    redis = s; /* its list is what Redis holds */
    ptn_conf_defaults(&server_settings_table, &s);
    set("static-auth-secret", "first");
    parts.more_secrets = &redis.static_auth_secret;
    CHECK(wire(1000));
    CHECK_EQ(8, opts.turn.secret_count);
    CHECK(ptn_bytes_equal(opts.turn.secrets[0], ptn_bytes_of_text("first")));
    CHECK(ptn_bytes_equal(opts.turn.secrets[7], ptn_bytes_of_text("s7")));

    memset(secret, 'x', 257);
    set("static-auth-secret", secret);
    CHECK(!wire(1000));
    ptn_conf_fini(&server_settings_table, &redis);
    end();
}

TEST(keys_are_md5_or_sha256_in_hexadecimal)
{
    uint8_t key[32];

    CHECK_EQ(16, server_parse_key("0x7DA2270ccfa49786e0115366d3a3d14d", key));
    CHECK_EQ(32,
             server_parse_key("0x"
                              "7da2270ccfa49786e0115366d3a3d14d7da2270ccfa49786e0115366d3a3d14d",
                              key));
    CHECK_EQ(0, server_parse_key("7da2270ccfa49786e0115366d3a3d14d", key));
    CHECK_EQ(0, server_parse_key("0x7da2270ccfa49786e0115366d3a3d14", key));
    CHECK_EQ(0, server_parse_key("0x7da2270ccfa49786e0115366d3a3d14g", key));
    CHECK_EQ(0, server_parse_key("0x", key));
}

TEST(relay_addresses_are_those_listened_on_but_loopback)
{
    begin();
    set("user", "a:b");
    set("external-ip", "192.0.2.1/10.0.0.5");
    CHECK(wire(1000));
    CHECK_EQ(1, opts.turn.address_count);
    struct ptn_addr local = ptn_addr_v4(10, 0, 0, 5, 0), seen = ptn_addr_v4(192, 0, 2, 1, 0);
    CHECK_ADDR(&local, &opts.turn.addresses[0].local);
    CHECK_ADDR(&seen, &opts.turn.addresses[0].announced);
    for (size_t i = 0; i < opts.listener_count; i++)
        CHECK(ptn_addr_is_none(&opts.listeners[i].announced) ==
              (opts.listeners[i].local.ip[0] == 127));
    end();
}

TEST(there_are_no_more_allocations_than_ports_descriptors_or_the_quota)
{
    begin();
    set("user", "a:b");
    set("min-port", "50000");
    set("max-port", "50099");
    CHECK(wire(1000));
    CHECK_EQ(100, opts.turn.allocations_max);
    CHECK(wire(60));
    CHECK_EQ(60, opts.turn.allocations_max);
    set("total-quota", "7");
    CHECK(wire(60));
    CHECK_EQ(7, opts.turn.allocations_max);
    set("min-port", "50100");
    CHECK(!wire(60));
    CHECK_STR("min-port: 50100 is above max-port, which is 50099", why);
    end();
}

TEST(loopback_peers_are_allowed_only_when_asked_for)
{
    begin();
    set("user", "a:b");
    set("denied-peer-ip", "192.0.2.0/24");
    CHECK(wire(1000));
    CHECK_EQ(0, opts.turn.peers.allowed_count);
    CHECK_EQ(1, opts.turn.peers.denied_count);
    set("allow-loopback-peers", "yes");
    CHECK(wire(1000));
    CHECK_EQ(2, opts.turn.peers.allowed_count);
    end();
}

TEST(addresses_of_this_computer_are_no_peers_and_what_serves_the_server_is_guarded)
{
    static const struct server_surroundings around = {
        .own = {{.ip = {8, 8, 4, 4}, .port = 7, .family = PTN_IPV4}},
        .own_count = 1,
        .guarded = {{.ip = {10, 0, 0, 9}, .port = 6379, .family = PTN_IPV4}},
        .guarded_count = 1,
    };
    begin();
    set("user", "a:b");
    set("denied-peer-ip", "192.0.2.0/24");
    parts.around = &around;
    CHECK(wire(1000));
    CHECK_EQ(2, opts.turn.peers.denied_count);
    const struct ptn_addr own = ptn_addr_v4(8, 8, 4, 4, 0);
    CHECK_ADDR(&own, &opts.turn.peers.denied[1].low);
    CHECK_ADDR(&own, &opts.turn.peers.denied[1].high);
    CHECK_EQ(1, opts.turn.peers.guarded_count);
    CHECK_ADDR(&around.guarded[0], &opts.turn.peers.guarded[0]);
    end();
}

TEST(a_secret_that_is_asked_for_must_be_there)
{
    begin();
    set("use-auth-secret", "yes");
    CHECK(!wire(1000));
    CHECK(strstr(why, "there is no static-auth-secret"));
    set("static-auth-secret", "north");
    CHECK(wire(1000));
    CHECK_EQ(1, opts.turn.secret_count);
    end();
}

TEST(a_load_reads_back_and_nothing_else_does)
{
    static const char *const wrong[] = {"",
                                        "1",
                                        "1 2",
                                        "1 2 0",
                                        "1 2 2 0",
                                        "1 2 0 0 ",
                                        "1  2 0 0",
                                        " 1 2 0 0",
                                        "a 2 0 0",
                                        "1 2 0 65536",
                                        "4294967296 2 0 0",
                                        "1 2 0 0 0",
                                        "18446744073709551617 2 0 0"};
    struct server_load load = {12, 4294967295u, true, 5349}, back;
    char text[SERVER_LOAD_TEXT_SIZE];

    server_load_format(&load, text);
    CHECK_STR("12 4294967295 1 5349", text);
    CHECK(server_load_parse(ptn_bytes_of_text(text), &back));
    CHECK(back.allocations == 12 && back.capacity == 4294967295u && back.draining &&
          back.tls_port == 5349);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (server_load_parse(ptn_bytes_of_text(wrong[i]), &back))
            fail_msg("\"%s\"", wrong[i]);
}

TEST(the_lighter_server_is_the_one_with_more_room_in_parts_of_its_own)
{
    struct server_load small = {50, 100, false}, large = {400, 1000, false},
                       idle_small = {0, 10, false}, idle_large = {0, 1000, false},
                       none = {0, 0, false};

    CHECK(server_load_is_lighter(&large, &small) && !server_load_is_lighter(&small, &large));
    CHECK(server_load_is_lighter(&idle_large, &idle_small));
    CHECK(!server_load_is_lighter(&idle_small, &idle_large));
    CHECK(server_load_is_full(&none));
    CHECK(server_load_is_full(&(struct server_load){95, 100, false}));
    CHECK(!server_load_is_full(&(struct server_load){94, 100, false}));
}

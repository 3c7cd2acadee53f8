/*
 * The settings of postern-phone from command line and files to the options of the
 * machine. What the table of rows itself can do is tested in tests/unit/conf.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "phone/phone.h"
#include "support/test.h"

static struct phone_settings s;
static struct ptn_ua_opts opts;
static struct phone_wiring wiring;
static char said[4000];

static void remember(void *self, enum ptn_log_level level, const char *line)
{
    (void)self;
    (void)level;
    size_t used = strlen(said);
    snprintf(said + used, sizeof said - used, "%s\n", line);
}

static const struct ptn_log LOG = {.write = remember, .max = PTN_LOG_DEBUG};

/* ---- files ---- */

static char folder[64];

static const char *write_file(const char *name, const char *lines)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    if (!folder[0]) {
        strcpy(folder, "/tmp/postern-settings-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
    }
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    CHECK(f && fprintf(f, "#!version:1.0.0.1\n%s", lines) > 0 && fclose(f) == 0);
    return path;
}

static void remove_files(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK_EQ(0, system(command));
    folder[0] = '\0';
}

static bool load(struct ptn_conf_report *r, unsigned count, const char **words)
{
    char *argv[12] = {strdup("postern-phone")};
    for (unsigned i = 0; i < count; i++)
        argv[i + 1] = strdup(words[i]);
    *r = (struct ptn_conf_report){.keeps_origins = true};
    bool ok = phone_settings_load(&s, (int)count + 1, argv, r);
    for (unsigned i = 0; i <= count; i++)
        free(argv[i]);
    return ok;
}

#define LOAD(r, ...)                                                                               \
    load(r, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

TEST(later_files_win_and_the_command_line_wins_over_all)
{
    struct ptn_conf_report r;
    const char *common = write_file("common.cfg", "sip.listen_port = 5070\n"
                                                  "sip.nat_stun.server = stun.example\n"
                                                  "phone_setting.ring_type = Ring1.wav\n"
                                                  "static.network.port.min_rtpport = 20000\n");
    const char *mine = write_file("001565aabbcc.cfg", "sip.listen_port = 5080\n"
                                                      "account.1.enable = 1\n"
                                                      "account.1.user_name = 1001\n");
    CHECK(LOAD(&r, "--config", common, "-c", mine, "--static.network.port.min_rtpport=30000"));
    CHECK_EQ(5080, s.sip_port);
    CHECK_STR("stun.example", s.stun_server);
    CHECK_EQ(30000, s.rtp_port_min);
    CHECK_EQ(1, r.counts[PTN_CONF_UNKNOWN]);
    CHECK_EQ(0, r.counts[PTN_CONF_WRONG]);
    ptn_conf_report_fini(&r);
    remove_files();
}

TEST(a_boot_file_names_files_beside_it)
{
    struct ptn_conf_report r;
    write_file("a.cfg", "sip.listen_port = 5070\n");
    write_file("b.cfg", "sip.listen_port = 5090\n");
    const char *boot = write_file("y000000000000.boot", "include:config \"a.cfg\"\n"
                                                        "[CP860]include:config \"b.cfg\"\n");
    CHECK(LOAD(&r, "--boot", boot));
    CHECK_EQ(5070, s.sip_port);
    ptn_conf_report_fini(&r);
    CHECK(LOAD(&r, "--boot", boot, "--model", "CP860"));
    CHECK_EQ(5090, s.sip_port);
    ptn_conf_report_fini(&r);
    remove_files();
}

TEST(what_is_wrong_is_named_by_file_and_line)
{
    struct ptn_conf_report r;
    const char *file = write_file("a.cfg", "\nsip.listen_port = 70000\n");
    CHECK(LOAD(&r, "--config", file));
    CHECK_EQ(1, r.counts[PTN_CONF_WRONG]);
    CHECK_EQ(5060, s.sip_port);
    char expected[300];
    snprintf(expected, sizeof expected,
             "%s:3: sip.listen_port: \"70000\" is not a number from 1024 to 65535", file);
    CHECK_STR(expected, r.notes[0].text);
    ptn_conf_report_fini(&r);
    remove_files();
}

TEST(a_wrong_command_line_and_a_missing_file_end_it)
{
    struct ptn_conf_report r;
    CHECK(!LOAD(&r, "--config", "/nowhere/at/all.cfg"));
    ptn_conf_report_fini(&r);
    CHECK(!LOAD(&r, "--no-such-flag"));
    ptn_conf_report_fini(&r);
    CHECK(!LOAD(&r, "word"));
    ptn_conf_report_fini(&r);
    CHECK(!LOAD(&r, "--mac", "12:34"));
    ptn_conf_report_fini(&r);
    CHECK(!LOAD(&r, "--instance", "../x"));
    ptn_conf_report_fini(&r);
}

TEST(names_of_all_firmware_generations_are_known)
{
    static const char *const names[][2] = {
        {"account.2.nat.stun_server", "static.sip.nat_stun.server"},
        {"account.1.nat.stun_port", "static.sip.nat_stun.port"},
        {"account.3.sip_listen_port", "sip.listen_port"},
        {"account.2.sip_server_host", "account.2.sip_server.1.address"},
        {"account.2.sip_server_port", "account.2.sip_server.1.port"},
        {"account.1.transport", "account.1.sip_server.1.transport_type"},
        {"account.1.expires", "account.1.sip_server.1.expires"},
        {"account.1.outbound_host", "account.1.outbound_proxy.1.address"},
        {"account.4.outbound_port", "account.4.outbound_proxy.1.port"},
        {"account.1.advanced.timer_t2", "sip.timer_t2"},
        {"account.1.codec.pcma.priority", "account.1.codec.2.priority"},
        {"static.network.qos.audiotos", "static.network.qos.rtptos"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char why[PTN_CONF_WHY_SIZE], got[PTN_CONF_TEXT_SIZE];
        const char *value = strstr(names[i][0], "transport") ? "1"
                            : strstr(names[i][0], "port")    ? "5555"
                                                             : "33";
        ptn_conf_defaults(&phone_settings_table, &s);
        CHECK_EQ(PTN_CONF_SET_TAKEN,
                 ptn_conf_set(&phone_settings_table, &s, names[i][0], value, why));
        CHECK(ptn_conf_get(&phone_settings_table, &s, names[i][1], got, sizeof got));
        CHECK_STR(strcmp(value, "1") == 0 ? "tcp" : value, got);
    }
}

TEST(a_mac_address_is_read_in_every_spelling)
{
    char digits[13];
    CHECK(phone_mac_digits("00:15:65:AA:bb:Cc", digits));
    CHECK_STR("001565aabbcc", digits);
    CHECK(phone_mac_digits("00-15-65-AA-BB-CC", digits));
    CHECK(phone_mac_digits("001565aabbcc", digits));
    CHECK(!phone_mac_digits("001565aabbc", digits));
    CHECK(!phone_mac_digits("001565aabbccd", digits));
    CHECK(!phone_mac_digits("001565aabbcg", digits));
}

/* ---- wiring ---- */

static void set(const char *key, const char *value)
{
    char why[PTN_CONF_WHY_SIZE];
    CHECK_EQ(PTN_CONF_SET_TAKEN, ptn_conf_set(&phone_settings_table, &s, key, value, why));
}

static void begin(void)
{
    ptn_conf_defaults(&phone_settings_table, &s);
    set("account.1.enable", "1");
    set("account.1.user_name", "1001");
    set("account.1.sip_server.1.address", "sip.example.org");
}

static const struct ptn_conf_report *known_report;

static bool wire(void)
{
    const struct ptn_addr interfaces[] = {ptn_addr_v4(192, 168, 1, 9, 0),
                                          ptn_addr_v4(127, 0, 0, 1, 0)};
    said[0] = '\0';
    opts = (struct ptn_ua_opts){0};
    return phone_wire_up(&s, interfaces, 2, &wiring, &opts,
                         &(struct phone_complaints){&LOG, known_report});
}

TEST(one_account_and_its_server_are_enough)
{
    begin();
    CHECK(wire());
    CHECK_STR("", said);
    CHECK_EQ(1, opts.account_count);
    CHECK_STR("1001", opts.accounts[0].user);
    CHECK_STR("sip.example.org", opts.accounts[0].server.name);
    CHECK_EQ(5060, opts.accounts[0].server.port);
    CHECK_EQ(PTN_UDP, opts.accounts[0].server.transport);
    CHECK(opts.accounts[0].proxy.name == NULL && opts.accounts[0].password == NULL);
    CHECK(opts.accounts[0].registers && !opts.accounts[0].no_rport);
    CHECK_EQ(3600, opts.accounts[0].server.expires_s);
    CHECK_EQ(PTN_REACH_AUTO, opts.accounts[0].nat);
    CHECK_EQ(PTN_SIP_KEEPALIVE_CRLF, opts.accounts[0].keepalive);
    CHECK_EQ(PTN_S(25), opts.accounts[0].keepalive_every);
    CHECK_EQ(20, opts.accounts[0].ptime_ms);
    CHECK_EQ(PTN_S(30), opts.accounts[0].retry_max);
    CHECK(!opts.accounts[0].stays_registered);
    CHECK_EQ(2, opts.accounts[0].codec_count);
    CHECK_EQ(PTN_CODEC_PCMU, opts.accounts[0].codecs[0]);
    CHECK_EQ(0, opts.stun_count);
    CHECK_EQ(1, opts.local_count); /* not loopback */
    CHECK_EQ(9, opts.locals[0].addr.ip[3]);
    CHECK_EQ(5060, opts.sip_port);
    CHECK_EQ(PTN_MS(500), opts.t1);
    CHECK(opts.instance == NULL);
    CHECK(opts.register_within == 0 && !opts.no_outbound && opts.reports_nat);
}

TEST(without_a_mac_address_the_instance_is_of_this_machine_and_its_name)
{
    char first[PHONE_INSTANCE_SIZE], again[PHONE_INSTANCE_SIZE];
    struct ptn_bytes id = ptn_bytes_of_text("0123456789abcdef0123456789abcdef");

    CHECK(phone_identity_format(id, "phone", first));
    CHECK(phone_identity_format(id, "phone", again));
    CHECK_STR(first, again);
    CHECK_EQ(45, strlen(first));
    CHECK(strncmp(first, "urn:uuid:", 9) == 0 && first[23] == '8');
    CHECK(!strstr(first, "01234567"));
    CHECK(phone_identity_format(id, "kitchen", again));
    CHECK(strcmp(first, again) != 0);
    CHECK(phone_identity_format(ptn_bytes_of_text("another"), "phone", again));
    CHECK(strcmp(first, again) != 0);
}

TEST(two_servers_and_two_proxies_reach_the_account_with_their_rules)
{
    begin();
    set("account.1.sip_server_host", "one.example");
    set("account.1.sip_server.1.port", "5070");
    set("account.1.sip_server.1.retry_counts", "0");
    set("account.1.sip_server.1.failback_mode", "3");
    set("account.1.sip_server.1.failback_timeout", "59");
    set("account.1.sip_server.1.expires", "600");
    set("account.1.sip_server.2.address", "two.example");
    set("account.1.sip_server.2.transport_type", "3");
    set("account.1.sip_server.2.failback_mode", "registration");
    set("account.1.sip_server.2.register_on_enable", "1");
    CHECK(wire());
    const struct ptn_ua_account *a = &opts.accounts[0];
    CHECK_STR("one.example", a->server.name);
    CHECK_EQ(1, a->server.sends_max);
    CHECK_EQ(600, a->server.expires_s);
    CHECK_EQ(PTN_SIP_FAILBACK_AFTER, a->server.failback);
    CHECK_EQ(PTN_S(60), a->server.failback_after);
    CHECK(strstr(said, "sip_server.1.failback_timeout: 59 is raised to 60"));
    CHECK_STR("two.example", a->server_2.name);
    CHECK(a->server_2.by_naptr && a->server_2.port == 0 && a->server_2.register_first);
    CHECK_EQ(4, a->server_2.sends_max);
    CHECK_EQ(PTN_SIP_FAILBACK_REFRESH, a->server_2.failback);
    CHECK(!a->proxy.name && !a->proxy_2.name && a->registers);

    begin();
    set("account.1.sip_server.1.failback_timeout", "0");
    set("account.1.outbound_proxy_enable", "1");
    set("account.1.outbound_host", "192.0.2.7");
    set("account.1.backup_outbound_host", "192.0.2.8");
    set("account.1.backup_outbound_port", "5099");
    set("account.1.fallback.timeout", "120");
    set("account.1.fallback.redundancy_type", "0");
    CHECK(wire());
    a = &opts.accounts[0];
    CHECK_STR("192.0.2.8", a->proxy_2.name);
    CHECK_EQ(5099, a->proxy_2.port);
    CHECK(a->dialogs_by_proxy && a->registers_with_both);
    CHECK_EQ(PTN_SIP_FAILBACK_AFTER, a->server.failback);
    CHECK_EQ(PTN_S(120), a->server.failback_after);
    CHECK_STR("", said);

    begin();
    set("account.1.sip_server.1.address", "");
    set("account.1.sip_server.2.address", "two.example");
    set("sip.use_out_bound_in_dialog", "0");
    CHECK(wire());
    CHECK(!opts.accounts[0].server_2.name && !opts.accounts[0].dialogs_by_proxy);
    CHECK(strstr(said, "there is no sip_server.1"));
}

TEST(each_setting_reaches_its_option)
{
    begin();
    set("account.3.enable", "1");
    set("account.3.user_name", "3003");
    set("account.3.auth_name", "three");
    set("account.3.password", "secret");
    set("account.3.display_name", "Three");
    set("account.3.sip_server.1.transport_type", "1");
    set("account.3.outbound_proxy_enable", "1");
    set("account.3.outbound_proxy.1.address", "192.0.2.7");
    set("account.3.outbound_proxy.1.port", "5099");
    set("account.3.nat.rport", "0");
    set("account.3.nat.udp_update_enable", "3");
    set("sip.reg_surge_prevention", "30");
    set("postern.outbound", "no");
    set("postern.nat.report", "no");
    set("account.3.nat.udp_update_time", "60");
    set("account.3.ptime", "3");
    set("account.3.unregister_on_reboot", "0");
    set("account.3.reg_fail_retry_interval", "90");
    set("account.3.session_timer.enable", "1");
    set("account.3.sip_trust_ctrl", "1");
    set("account.3.100rel_enable", "1");
    set("account.3.subscribe_mwi", "1");
    set("account.3.subscribe_mwi_to_vm", "1");
    set("account.3.subscribe_mwi_expires", "900");
    set("voice_mail.number.3", "*97");
    set("account.3.session_timer.expires", "600");
    set("account.3.session_timer.refresher", "1");
    set("account.3.codec.1.priority", "9");
    set("sip.listen_port", "5062");
    set("features.rtp_symmetric.enable", "1");
    set("postern.listen", "127.0.0.2,10.0.0.1");
    set("postern.calls_max", "2");
    set("postern.stun.dialect", "classic");
    set("phone_setting.ringing_timeout", "20");
    set("phone_setting.ringback_time_out", "0");
    set("sip.timer_t1", "1.5");
    snprintf(s.mac, sizeof s.mac, "00:15:65:00:00:01");
    CHECK(wire());
    CHECK_EQ(2, opts.account_count);
    CHECK_EQ(3, wiring.account_numbers[1]);
    const struct ptn_ua_account *a = &opts.accounts[1];
    CHECK_STR("three", a->auth_user);
    CHECK_STR("secret", a->password);
    CHECK_STR("Three", a->display_name);
    CHECK_STR("192.0.2.7", a->proxy.name);
    CHECK_EQ(5099, a->proxy.port);
    CHECK_EQ(PTN_TCP, a->proxy.transport);
    CHECK(opts.tcp && a->no_rport && !a->registers);
    CHECK(a->reliable && !opts.accounts[0].reliable);
    CHECK_STR("*97", a->mailbox);
    CHECK_EQ(900, a->mailbox_expires_s);
    CHECK(!opts.accounts[0].mailbox);
    CHECK_EQ(PTN_SIP_KEEPALIVE_NOTIFY, a->keepalive);
    CHECK_EQ(PTN_S(30), opts.register_within);
    CHECK(opts.no_outbound && !opts.reports_nat);
    CHECK_EQ(PTN_S(60), a->keepalive_every);
    CHECK_EQ(30, a->ptime_ms);
    CHECK(a->stays_registered);
    CHECK_EQ(600, a->session_expires_s);
    CHECK(a->session_refresher_uas);
    CHECK(a->trusts_server_only && !opts.accounts[0].trusts_server_only);
    CHECK_EQ(0, opts.accounts[0].session_expires_s);
    CHECK_EQ(PTN_S(90), a->retry_max);
    CHECK_EQ(PTN_CODEC_PCMA, a->codecs[0]);
    CHECK_EQ(PTN_CODEC_PCMU, a->codecs[1]);
    CHECK_EQ(5062, opts.sip_port);
    CHECK_EQ(PTN_S(20), opts.ringing_max);
    CHECK_EQ(PTN_NEVER, opts.ringback_max);
    CHECK_EQ(PTN_UA_SYMMETRIC_SAME_IP, opts.symmetric);
    CHECK_EQ(2, opts.local_count);
    CHECK_EQ(127, opts.locals[0].addr.ip[0]);
    CHECK_EQ(2, opts.calls_max);
    CHECK_EQ(PTN_UA_STUN_CLASSIC, opts.stun_dialect);
    CHECK_EQ(PTN_MS(1500), opts.t1);
    CHECK_STR("urn:uuid:00000000-0000-1000-8000-001565000001", opts.instance);
}

TEST(stun_is_used_when_a_server_is_set_unless_it_is_switched_off)
{
    begin();
    set("static.sip.nat_stun.server", "stun.example");
    set("postern.stun.servers", "192.0.2.1 192.0.2.2:5000, other.example:0,[2001:db8::1]:99");
    CHECK(wire());
    CHECK_EQ(4, opts.stun_count);
    CHECK(strstr(said, "[2001:db8::1]") || strstr(said, "2001:db8::1"));
    CHECK_STR("stun.example", opts.stun[0].name);
    CHECK_EQ(3478, opts.stun[0].port);
    CHECK_STR("192.0.2.2", opts.stun[2].name);
    CHECK_EQ(5000, opts.stun[2].port);
    CHECK_EQ(0, opts.stun[3].port);
    set("static.sip.nat_stun.enable", "0");
    CHECK(wire());
    CHECK_EQ(0, opts.stun_count);
}

TEST(turn_is_used_when_a_server_is_set_unless_it_is_switched_off)
{
    begin();
    CHECK(wire());
    CHECK_EQ(0, opts.turn.server_count);
    set("static.sip.nat_turn.server", "turn.example");
    set("static.sip.nat_turn.username", "phone");
    set("static.sip.nat_turn.password", "secret");
    set("account.1.nat.nat_traversal", "1");
    CHECK(wire());
    CHECK_STR("", said); /* where UDP leads to it, it answers as STUN servers do */
    CHECK_EQ(1, opts.turn.server_count);
    CHECK_STR("turn.example", opts.turn.servers[0].name);
    CHECK_EQ(3478, opts.turn.servers[0].port);
    CHECK_EQ(5349, opts.turn.servers[0].tls_port);
    CHECK_STR("phone", opts.turn.user);
    CHECK_STR("secret", opts.turn.password);
    CHECK_EQ(PTN_RELAYS_BY_ANY, opts.turn.by);
    CHECK(!opts.turn.always);
    set("static.sip.nat_turn.port", "3479");
    set("postern.turn.second_server", "192.0.2.9");
    set("postern.turn.tls_port", "443");
    set("postern.turn.transport", "tls");
    set("postern.turn.use", "always");
    CHECK(wire());
    CHECK_EQ(2, opts.turn.server_count);
    CHECK_STR("192.0.2.9", opts.turn.servers[1].name);
    CHECK_EQ(3479, opts.turn.servers[1].port);
    CHECK_EQ(443, opts.turn.servers[1].tls_port);
    CHECK_EQ(PTN_RELAYS_BY_TLS, opts.turn.by);
    CHECK(opts.turn.always);
    CHECK(strstr(said, "account.1.nat.nat_traversal is stun") != NULL);
    set("static.sip.nat_turn.enable", "0");
    CHECK(wire());
    CHECK_EQ(0, opts.turn.server_count);
}

TEST(nat_traversal_means_what_it_says_and_manual_wins_over_auto)
{
    static const struct {
        const char *traversal, *enable, *addr;
        enum ptn_reach_policy policy;
    } cases[] = {
        {"0", "0", "", PTN_REACH_OFF},
        {"0", "1", "192.0.2.9", PTN_REACH_OFF},
        {"1", "1", "192.0.2.9", PTN_REACH_STUN},
        {"2", "0", "192.0.2.9", PTN_REACH_MANUAL},
        {"auto", "0", "192.0.2.9", PTN_REACH_AUTO},
        {"auto", "1", "192.0.2.9", PTN_REACH_MANUAL},
        {"auto", "1", "", PTN_REACH_AUTO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        set("account.1.nat.nat_traversal", cases[i].traversal);
        set("static.network.static_nat.enable", cases[i].enable);
        set("static.network.static_nat.addr", cases[i].addr);
        CHECK(wire());
        CHECK_EQ(cases[i].policy, opts.accounts[0].nat);
    }
}

TEST(half_of_a_pair_of_settings_is_warned_of)
{
    static const struct {
        const char *key, *value, *warning;
    } cases[] = {
        {"account.1.nat.nat_traversal", "1", "account.1.nat.nat_traversal is stun"},
        {"account.1.nat.nat_traversal", "2", "static.network.static_nat.addr is empty"},
        {"static.sip.nat_stun.enable", "1", "no STUN"},
        {"static.sip.nat_turn.enable", "1", "no TURN"},
        {"static.sip.nat_turn.server", "turn.example", "the user name is empty"},
        {"static.network.static_nat.enable", "1", "nothing is set by hand"},
        {"static.network.port.max_rtpport", "11783", "are enough for 2 calls only"},
        {"static.network.static_nat.addr", "192.168.1.5", "192.168.1.5 is not a public address"},
        {"account.1.user_name", "1001@example.org", "what stands before it is wanted here"},
        {"account.1.outbound_proxy_enable", "1", "outbound_proxy.1.address is empty: no proxy"},
        {"account.1.outbound_proxy.1.address", "p.example", "outbound_proxy_enable is not 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        set(cases[i].key, cases[i].value);
        CHECK(wire());
        CHECK(strstr(said, cases[i].warning) != NULL);
    }
}

TEST(what_settings_mean_together_is_said_with_file_and_line)
{
    static const char FILE_1[] = "account.1.enable = 1\naccount.1.user_name = 1001\n"
                                 "account.1.sip_server.1.address = sip.example.org\n"
                                 "account.1.nat.nat_traversal = 1\n"
                                 "network.static_nat.enable = 1\n";
    static const char FILE_2[] = "sip.nat_stun.enable = 1\n\naccount.1.sip_server_host = x.org\n"
                                 "account.1.transport = 2\n";
    const char *path_1 = write_file("one.cfg", FILE_1), *path_2 = write_file("two.cfg", FILE_2);
    const char *words[] = {"--config", path_1, "--config", path_2,
                           "--static.network.port.max_rtpport=11783"};
    struct ptn_conf_report r;
    char wanted[300];

    CHECK(load(&r, 5, words));
    known_report = &r;
    CHECK(wire());
    snprintf(wanted, sizeof wanted, "%s:5: account.1.nat.nat_traversal is stun", path_1);
    CHECK(strstr(said, wanted));
    snprintf(wanted, sizeof wanted, "%s:6: static.network.static_nat.enable is 1", path_1);
    CHECK(strstr(said, wanted));
    snprintf(wanted, sizeof wanted, "%s:2: static.sip.nat_stun.enable is 1", path_2);
    CHECK(strstr(said, wanted));
    /* A default, and a flag: there is no line to name. */
    CHECK(strstr(said, "\naccount.1: TLS to port 5060") ||
          strstr(said, "account.1: TLS to") == said);
    CHECK(strstr(said, "\nports 11780 to 11783") || strstr(said, "ports 11780") == said);
    known_report = NULL;
    ptn_conf_report_fini(&r);
    remove_files();
}

TEST(tls_and_the_ports_of_streams_are_taken_from_their_keys)
{
    begin();
    CHECK(wire());
    CHECK_EQ(5061, opts.tls_port);
    CHECK(!opts.tls);
    CHECK_EQ(PTN_UA_PORT_FIXED, opts.stream_port);
    begin();
    set("account.1.sip_server.1.transport_type", "2");
    set("sip.tls_listen_port", "5071");
    set("sip.tcp_port_random_mode", "1");
    CHECK(wire());
    CHECK(opts.tls && opts.tcp);
    CHECK_EQ(PTN_TLS, opts.accounts[0].server.transport);
    CHECK_EQ(5071, opts.tls_port);
    CHECK_EQ(PTN_UA_PORT_RANDOM, opts.stream_port);
    CHECK(strstr(said, "TLS to port 5060"));
    begin();
    set("sip.tcp_port_random_mode", "0");
    CHECK(wire());
    CHECK_EQ(PTN_UA_PORT_RANDOM_SOURCE, opts.stream_port);
}

TEST(what_cannot_work_is_refused_with_its_key)
{
    static const struct {
        const char *key, *value, *error;
    } cases[] = {
        {"account.1.enable", "0", "account.1.enable"},
        {"account.1.user_name", "", "account.1.user_name"},
        {"sip.tls_listen_port", "5060", "sip.tls_listen_port are the same"},
        {"static.network.port.max_rtpport", "11780", "max_rtpport"},
        {"postern.stun.servers", "a:b", "postern.stun.servers"},
        {"postern.listen", "0.0.0.0", "postern.listen"},
        {"account.1.user_name", "10 01", "\"10 01\" is no user"},
        {"account.1.user_name", "sip:1001", "\"sip:1001\" is no user"},
        {"account.1.sip_server.1.address", "sip:example.org", "without \"sip:\", a name or"},
        {"account.1.sip_server.2.address", "example.org:5070",
         "the port belongs to account.1.sip_server.2.port"},
        {"account.1.outbound_proxy.1.address", "192.0.2.1:5070",
         "the port belongs to account.1.outbound_proxy.1.port"},
        {"account.1.sip_server.1.address", "300.1.1.1", "\"300.1.1.1\" is no IPv4 address"},
        {"account.1.sip_server.1.address", "exa mple.org", "is no name and no address"},
        {"static.sip.nat_stun.server", "stun:stun.example", "without \"stun:\", a name or"},
        {"static.sip.nat_stun.server", "stun.example:3479",
         "the port belongs to static.sip.nat_stun.port"},
        {"static.sip.nat_turn.server", "turns:turn.example", "without \"turns:\", a name or"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        set(cases[i].key, cases[i].value);
        CHECK(!wire());
        CHECK(strstr(said, cases[i].error) != NULL);
    }
    static const char *const fine[] = {"2001:db8::1", "[2001:db8::1]", "192.0.2.1", "a-b.example"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        begin();
        set("account.1.sip_server.1.address", fine[i]);
        CHECK(wire());
        CHECK_STR("", said);
    }
    begin();
    set("account.1.codec.1.enable", "0");
    set("account.1.codec.2.payload_type", "G729");
    CHECK(!wire());
    CHECK(strstr(said, "account.1.codec") != NULL);
}

TEST(what_is_played_is_silence_a_tone_or_a_file)
{
    static const struct {
        const char *value;
        bool ok;
        enum ptn_source_kind kind;
    } cases[] = {
        {"silence", true, PTN_SOURCE_SILENCE},    {"tone:440", true, PTN_SOURCE_TONE},
        {"tone:440@-20", true, PTN_SOURCE_TONE},  {"tone:", false, PTN_SOURCE_SILENCE},
        {"tone:5000", false, PTN_SOURCE_SILENCE}, {"tone:440@3", false, PTN_SOURCE_SILENCE},
        {"tone:440x", false, PTN_SOURCE_SILENCE}, {"file:/nowhere.wav", false, PTN_SOURCE_SILENCE},
        {"noise", false, PTN_SOURCE_SILENCE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct phone_sound sound;
        begin();
        set("postern.sound.play", cases[i].value);
        said[0] = '\0';
        CHECK_EQ(cases[i].ok,
                 phone_sound_init(&sound, &s, &(struct phone_complaints){.log = &LOG}));
        CHECK_EQ(cases[i].kind, sound.source.kind);
        CHECK(cases[i].ok || strstr(said, "postern.sound.play") != NULL);
        phone_sound_fini(&sound);
    }
}

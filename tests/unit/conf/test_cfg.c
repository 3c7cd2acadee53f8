#include "support/test.h"
#include "unit/conf/sample.h"
#include <stdio.h>

#define HEADER "#!version:1.0.0.1\n"

static struct sample s;

static void read_text(const char *file, const char *text, struct ptn_conf_report *r)
{
    ptn_conf_read_cfg(&sample_table, file, ptn_bytes_of_text(text), &s, r);
}

TEST(common_file_then_mac_file_the_later_one_wins)
{
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    read_text("y000000000000.cfg",
              HEADER "# common\nlistening-port = 5062\nstatic.network.static_nat.addr = 192.0.2.1\n"
                     "account.1.label = Common\naccount.1.sip_server.1.expires = 120\n"
                     "account.2.label = Two\n",
              &r);
    read_text("001565aabbcc.cfg",
              HEADER "account.1.label = Reception desk\r\naccount.1.password =  p w=#x\n"
                     "account.1.sip_server_host = sip.example\n"
                     "account.1.sip_server.1.expires = %NULL%\naccount.2.label = %EMPTY%\n",
              &r);
    CHECK_EQ(0, r.note_count);
    CHECK_EQ(5062, s.port);
    CHECK_STR("Reception desk", s.label[0]);
    CHECK_STR("p w=#x", s.password[0]);
    CHECK_STR("sip.example", s.host[0][0]);
    CHECK_EQ(3600, s.expires[0][0]);
    CHECK_STR("", s.label[1]);
}

TEST(a_blank_value_leaves_the_setting_alone)
{
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    read_text("a", HEADER "account.1.label = A\nlistening-port = 5000\n", &r);
    read_text("b", HEADER "account.1.label =\nlistening-port =   \n", &r);
    CHECK_EQ(0, r.note_count);
    CHECK_STR("A", s.label[0]);
    CHECK_EQ(5000, s.port);
    ptn_conf_report_fini(&r);
}

TEST(null_and_empty_work_for_lists_and_empty_is_wrong_for_numbers)
{
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    read_text("a", HEADER "listening-ip = 192.0.2.1\nlistening-ip = %EMPTY%\n", &r);
    CHECK_EQ(0, s.ips.count);
    CHECK_EQ(1, r.counts[PTN_CONF_REPEATED]);
    read_text("b", HEADER "listening-port = %EMPTY%\n", &r);
    CHECK_STR("b:2: listening-port: \"\" is not a number from 1 to 65535", r.notes[1].text);
    ptn_conf_report_fini(&r);
}

TEST(the_static_prefix_may_be_there_or_not)
{
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    read_text("a", HEADER "network.static_nat.addr = 192.0.2.1\nstatic.sip.timer_t1 = 2\n", &r);
    CHECK_EQ(0, r.note_count);
    CHECK_EQ(1, s.outside.ip[3]);
    CHECK_EQ(2000, s.timer_ms);
}

TEST(unknown_keys_of_real_phones_are_counted_not_wrong)
{
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    read_text("p.cfg",
              HEADER "phone_setting.backlight_time = 60\naccount.17.label = x\n"
                     "linekey.1.type = 15\nlistening-port = 70000\nnonsense\nconfig = x\n",
              &r);
    CHECK_EQ(3, r.counts[PTN_CONF_UNKNOWN]);
    CHECK_EQ(1, r.counts[PTN_CONF_MISTYPED]);
    CHECK_EQ(2, r.counts[PTN_CONF_WRONG]);
    CHECK_STR("p.cfg:2: phone_setting.backlight_time: unknown", r.notes[0].text);
    CHECK_STR("p.cfg:5: listening-port: \"70000\" is not a number from 1 to 65535",
              r.notes[3].text);
    CHECK_STR("p.cfg:6: nonsense: is not of the form key = value", r.notes[4].text);
    ptn_conf_report_fini(&r);
}

TEST(what_is_worth_a_word_among_unknown_keys_gets_one)
{
    static const struct {
        const char *line, *note;
        enum ptn_conf_note_kind kind;
    } cases[] = {
        {"account.2.passwrd = x", "account.2.passwrd: unknown; did you mean account.2.password?",
         PTN_CONF_MISTYPED},
        {"account.3.sip_server.2.adress = x",
         "account.3.sip_server.2.adress: unknown; did you mean account.3.sip_server.2.address?",
         PTN_CONF_MISTYPED},
        {"network.static_nat.adr = x",
         "network.static_nat.adr: unknown; did you mean static.network.static_nat.addr?",
         PTN_CONF_MISTYPED},
        {"account.17.label = x", "account.17.label: passed over: there are only 16 of these",
         PTN_CONF_MISTYPED},
        {"account.1.sip_server.3.address = x",
         "account.1.sip_server.3.address: passed over: there are only 2 of these",
         PTN_CONF_MISTYPED},
        {"account.1.secrecy = 2", "account.1.secrecy: ignored: everybody hears everything",
         PTN_CONF_IGNORED},
        {"account.1.secrecy = 0", "account.1.secrecy: unknown", PTN_CONF_UNKNOWN},
        {"account.1.dial_tone = x", "account.1.dial_tone: unknown", PTN_CONF_UNKNOWN},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_conf_report r = {0};
        char text[200], wanted[200];
        ptn_conf_defaults(&sample_table, &s);
        snprintf(text, sizeof text, HEADER "%s\n", cases[i].line);
        snprintf(wanted, sizeof wanted, "p.cfg:2: %s", cases[i].note);
        read_text("p.cfg", text, &r);
        CHECK_EQ(1, r.note_count);
        CHECK_STR(wanted, r.notes[0].text);
        CHECK_EQ(cases[i].kind, r.notes[0].kind);
        ptn_conf_report_fini(&r);
    }
}

TEST(another_name_of_what_was_set_already_says_so)
{
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    read_text("p.cfg",
              HEADER "account.1.sip_listen_port = 5060\naccount.2.sip_listen_port = 5062\n", &r);
    CHECK_EQ(1, r.note_count);
    CHECK_STR(
        "p.cfg:3: account.2.sip_listen_port: is listening-port here, which was already set in "
        "line 2; the last one counts",
        r.notes[0].text);
    CHECK_EQ(5062, s.port);
    ptn_conf_report_fini(&r);
}

TEST(a_file_without_the_header_is_not_read)
{
    static const char *const texts[] = {"", "\n#!version:1.0.0.1\n", "listening-port = 1\n",
                                        "#!version:1.0.0.2\nlistening-port = 1\n",
                                        "#!version:1.0.0.1 x\nlistening-port = 1\n"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ptn_conf_report r = {0};
        ptn_conf_defaults(&sample_table, &s);
        read_text("f.cfg", texts[i], &r);
        CHECK_EQ(1, r.note_count);
        CHECK_STR("f.cfg:1: the first line is not #!version:1.0.0.1", r.notes[0].text);
        CHECK_EQ(3478, s.port);
        ptn_conf_report_fini(&r);
    }
}

TEST(a_boot_file_lists_what_is_for_this_model_in_order)
{
    static struct ptn_conf_boot boot;
    struct ptn_conf_report r = {0};
    const char *text = HEADER "# boot\ninclude:config \"common.cfg\"\n"
                              "[T46S]include:config \"t46.cfg\"\n"
                              "[T42S,T46S] include:config  \"both.cfg\"\n"
                              "[T4]include:config \"other.cfg\"\n"
                              "include:config \"https://example.org/a b.cfg\"\n"
                              "overwrite_mode = 0\n";

    CHECK(ptn_conf_read_boot("y.boot", ptn_bytes_of_text(text), "T46S", &boot, &r));
    CHECK_EQ(0, r.note_count);
    CHECK_EQ(4, boot.file_count);
    CHECK_STR("common.cfg", boot.files[0]);
    CHECK_STR("t46.cfg", boot.files[1]);
    CHECK_STR("both.cfg", boot.files[2]);
    CHECK_STR("https://example.org/a b.cfg", boot.files[3]);
    CHECK(!boot.overwrite);
}

TEST(a_boot_files_faults_are_named)
{
    static struct ptn_conf_boot boot;
    struct ptn_conf_report r = {0};
    static const char *const texts[] = {
        "y.boot:2: include:config: needs a file name in quotes",
        "y.boot:3: include:config: needs a file name in quotes",
        "y.boot:4: include:config: needs a file name in quotes",
        "y.boot:5: overwrite_mode: \"2\" is not 0 or 1",
        "y.boot:6: color: unknown",
        "y.boot:7: [T46S: unknown",
    };
    const char *text = HEADER "include:config common.cfg\ninclude:config \"\"\n"
                              "include:config \"a\" \"b\"\noverwrite_mode = 2\ncolor = 1\n[T46S\n";

    CHECK(ptn_conf_read_boot("y.boot", ptn_bytes_of_text(text), "T46S", &boot, &r));
    CHECK_EQ(6, r.note_count);
    for (size_t i = 0; i < r.note_count; i++)
        CHECK_STR(texts[i], r.notes[i].text);
    CHECK_EQ(0, boot.file_count);
    CHECK(boot.overwrite);
    ptn_conf_report_fini(&r);

    CHECK(!ptn_conf_read_boot("y.boot", ptn_bytes_of_text("x"), "T46S", &boot, &r));
    ptn_conf_report_fini(&r);
}

TEST(a_boot_file_has_room_for_64_files)
{
    static struct ptn_conf_boot boot;
    static char text[70 * 30];
    struct ptn_conf_report r = {0};

    strcpy(text, HEADER);
    for (unsigned i = 0; i < 65; i++)
        strcat(text, "include:config \"a.cfg\"\n");
    CHECK(ptn_conf_read_boot("y", ptn_bytes_of_text(text), "", &boot, &r));
    CHECK_EQ(64, boot.file_count);
    CHECK_EQ(1, r.counts[PTN_CONF_WRONG]);
    ptn_conf_report_fini(&r);
}

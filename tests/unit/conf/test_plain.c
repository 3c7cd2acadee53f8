#include "support/test.h"
#include "unit/conf/sample.h"

static struct sample s;

static void read_file(const char *text, struct ptn_conf_report *r)
{
    ptn_conf_defaults(&sample_table, &s);
    ptn_conf_read_plain(&sample_table, "server.conf", ptn_bytes_of_text(text), &s, r);
}

TEST(a_file_as_coturn_writes_it_is_read)
{
    struct ptn_conf_report r = {0};

    read_file("\xef\xbb\xbf# ports\n"
              "\n"
              "listening-port=5000\r\n"
              "   listening-ip=192.0.2.1\n"
              "listening-ip = 192.0.2.2\n"
              "no-udp\n"
              "\taccount.1.label \"Front desk\"  \n"
              "#listening-port=6000\n"
              "account.1.password=a#b=c",
              &r);
    CHECK_EQ(0, r.note_count);
    CHECK_EQ(5000, s.port);
    CHECK_EQ(2, s.ips.count);
    CHECK(s.no_udp);
    CHECK_STR("Front desk", s.label[0]);
    CHECK_STR("a#b=c", s.password[0]);
}

TEST(every_fault_is_named_by_file_and_line_and_the_rest_is_read)
{
    struct ptn_conf_report r = {0};
    static const char *const texts[] = {
        "server.conf:2: listening-port: \"70000\" is not a number from 1 to 65535",
        "server.conf:3: lisening-port: unknown; did you mean listening-port?",
        "server.conf:4: whatever: unknown",
        "server.conf:5: listening-port: a value is missing: a number from 1 to 65535",
        "server.conf:7: no-udp: was already set in line 6; the last one counts",
        "server.conf:8: config: is for the command line only",
        "server.conf:9: p: unknown",
    };

    read_file("# x\nlistening-port=70000\nlisening-port=1\nwhatever=1\nlistening-port\n"
              "no-udp\nno-udp=no\nconfig=a\np=1\naccount.1.label=end\n",
              &r);
    CHECK_EQ(sizeof texts / sizeof texts[0], r.note_count);
    for (size_t i = 0; i < r.note_count; i++)
        CHECK_STR(texts[i], r.notes[i].text);
    CHECK_EQ(2, r.counts[PTN_CONF_WRONG]);
    CHECK_EQ(4, r.counts[PTN_CONF_UNKNOWN]);
    CHECK_EQ(1, r.counts[PTN_CONF_REPEATED]);
    CHECK_EQ(3478, s.port);
    CHECK(!s.no_udp);
    CHECK_STR("end", s.label[0]);
    ptn_conf_report_fini(&r);
}

TEST(a_line_too_long_or_with_a_zero_byte_is_named_not_read)
{
    static char text[4000];
    struct ptn_conf_report r = {0};

    strcpy(text, "account.1.label=");
    memset(text + strlen(text), 'x', 3000);
    strcat(text, "\nno-udp\n");
    read_file(text, &r);
    CHECK_EQ(1, r.note_count);
    CHECK_STR("server.conf:1: the line is longer than 1500 bytes", r.notes[0].text);
    CHECK(s.no_udp);
    ptn_conf_report_fini(&r);

    ptn_conf_read_plain(&sample_table, "z", ptn_bytes("no-udp\0=no\n", 11), &s, &r);
    CHECK_EQ(1, r.note_count);
    CHECK_STR("z:1: the line holds a zero byte", r.notes[0].text);
    ptn_conf_report_fini(&r);
}

TEST(a_thousand_notes_are_kept_and_all_are_counted)
{
    static char text[1500 * 8 + 1];
    struct ptn_conf_report r = {0};

    for (unsigned i = 0; i < 1500; i++)
        memcpy(text + 8 * i, "what=ab\n", 8);
    read_file(text, &r);
    CHECK_EQ(1000, r.note_count);
    CHECK_EQ(1500, r.counts[PTN_CONF_UNKNOWN]);
    ptn_conf_report_fini(&r);
}

TEST(flags_set_the_same_keys_and_replace_what_the_file_said)
{
    char *argv[] = {"prog",
                    "--listening-ip=192.0.2.9",
                    "--account.1.label",
                    "a=b",
                    "first",
                    "--no-udp",
                    "-p",
                    "77",
                    "-",
                    "--listening-ip",
                    "192.0.2.8",
                    "--",
                    "--last",
                    NULL};
    const char *words[14];
    size_t count;
    struct ptn_conf_report r = {0};

    read_file("listening-ip=192.0.2.1\nlistening-ip=192.0.2.2\nlistening-port=5000\n", &r);
    ptn_conf_read_flags(&sample_table, 13, argv, &s, words, &count, &r);
    CHECK_EQ(0, r.note_count);
    CHECK_EQ(2, s.ips.count);
    CHECK_EQ(9, s.ips.addrs[0].ip[3]);
    CHECK_STR("a=b", s.label[0]);
    CHECK(s.no_udp);
    CHECK_EQ(77, s.port);
    CHECK_EQ(3, count);
    CHECK_STR("first", words[0]);
    CHECK_STR("-", words[1]);
    CHECK_STR("--last", words[2]);
}

TEST(wrong_flags_are_named_as_they_were_written)
{
    char long_flag[400] = "--";
    char *argv[] = {"prog",    "--listening-prt", "-p",       "x", "-listening-port", "--p", "-z",
                    long_flag, "--no-udp=maybe",  "--config", NULL};
    static const char *const texts[] = {
        "--listening-prt: unknown; did you mean --listening-port?",
        "-p: \"x\" is not a number from 1 to 65535",
        "-listening-port: unknown; did you mean --listening-port?",
        "--p: unknown",
        "-z: unknown",
        NULL,
        "--no-udp: \"maybe\" is not yes or no",
        "--config: a value is missing: a text of at most 255 plain characters",
    };
    const char *words[11];
    size_t count;
    struct ptn_conf_report r = {0};

    memset(long_flag + 2, 'y', sizeof long_flag - 3);
    ptn_conf_defaults(&sample_table, &s);
    ptn_conf_read_flags(&sample_table, 10, argv, &s, words, &count, &r);
    CHECK_EQ(8, r.note_count);
    for (size_t i = 0; i < 8; i++)
        if (texts[i])
            CHECK_STR(texts[i], r.notes[i].text);
    CHECK(strncmp(r.notes[5].text, "--yyy", 5) == 0);
    ptn_conf_report_fini(&r);
}

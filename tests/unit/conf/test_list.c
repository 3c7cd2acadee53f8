/*
 * Keys that are repeated, and keys of another program.
 */
#include "conf/conf.h"
#include "support/test.h"

struct lists {
#define PTN_CONF_DEF "unit/conf/lists.def"
#include "conf/as_fields.h"
};

extern const struct ptn_conf_table lists_table;

#define PTN_CONF_DEF "unit/conf/lists.def"
#define PTN_CONF_STRUCT struct lists
#define PTN_CONF_TABLE lists_table
#include "conf/as_rows.h"

static void read_file(struct lists *l, const char *text, struct ptn_conf_report *r)
{
    ptn_conf_defaults(&lists_table, l);
    ptn_conf_read_plain(&lists_table, "server.conf", ptn_bytes_of_text(text), l, r);
}

static const char *entry(const struct ptn_conf_list *list, unsigned i)
{
    const char *e = ptn_conf_list_next(list, NULL);

    while (e && i-- > 0)
        e = ptn_conf_list_next(list, e);
    return e;
}

TEST(a_repeated_key_adds_an_entry)
{
    struct ptn_conf_report r = {0};
    struct lists l;

    read_file(&l, "user=a:1\nuser=b:2\nuser=\nuser=c:3=4\nexternal-ip=192.0.2.1/10.0.0.1\n", &r);
    CHECK_EQ(0, r.note_count);
    CHECK_EQ(3, l.users.count);
    CHECK_STR("a:1", entry(&l.users, 0));
    CHECK_STR("c:3=4", entry(&l.users, 2));
    CHECK(!entry(&l.users, 3));
    CHECK_EQ(1, l.external.count);
    ptn_conf_fini(&lists_table, &l);
    CHECK(!entry(&l.users, 0));
    ptn_conf_report_fini(&r);
}

TEST(a_number_that_may_stand_bare_does)
{
    struct ptn_conf_report r = {0};
    struct lists l;

    read_file(&l, "stale-nonce\n", &r);
    CHECK_EQ(600, l.nonce_s);
    read_file(&l, "stale-nonce=60\n", &r);
    CHECK_EQ(60, l.nonce_s);
    CHECK_EQ(0, r.note_count);
    ptn_conf_report_fini(&r);
}

TEST(flags_replace_the_list_of_the_file)
{
    static char *const argv[] = {"server", "--user", "x:1", "--user=y:2", NULL};
    struct ptn_conf_report r = {0};
    const char *words[4];
    size_t word_count;
    struct lists l;

    read_file(&l, "user=a:1\nuser=b:2\nuser=c:3\n", &r);
    ptn_conf_read_flags(&lists_table, 4, argv, &l, words, &word_count, &r);
    CHECK_EQ(0, r.note_count);
    CHECK_EQ(2, l.users.count);
    CHECK_STR("x:1", entry(&l.users, 0));
    CHECK_STR("y:2", entry(&l.users, 1));
    ptn_conf_fini(&lists_table, &l);
    ptn_conf_report_fini(&r);
}

TEST(an_entry_must_have_its_shape)
{
    static const struct {
        const char *key, *value;
        bool fits;
    } cases[] = {
        {"denied-peer-ip", "10.0.0.0-10.255.255.255", true},
        {"denied-peer-ip", "10.0.0.1", true},
        {"denied-peer-ip", "10.0.0.0/8", true},
        {"denied-peer-ip", "2001:db8::/32", true},
        {"denied-peer-ip", "::-ffff::", true},
        {"denied-peer-ip", "10.0.0.9-10.0.0.1", false},
        {"denied-peer-ip", "10.0.0.0-ffff::", false},
        {"denied-peer-ip", "10.0.0.0/33", false},
        {"denied-peer-ip", "10.0.0.0/", false},
        {"denied-peer-ip", "10.0.0.1:80", false},
        {"denied-peer-ip", "example.com", false},
        {"external-ip", "192.0.2.1", true},
        {"external-ip", "192.0.2.1/10.0.0.1", true},
        {"external-ip", "192.0.2.1/2001:db8::1", false},
        {"external-ip", "192.0.2.1/", false},
        {"aux-server", "192.0.2.1:33478", true},
        {"aux-server", "[2001:db8::1]:33478", true},
        {"aux-server", "example.com:3478", false},
        {"user", "a:b", true},
        {"user", "a:b:c", true},
        {"user", "a:", true},
        {"user", "a", false},
        {"user", ":b", false},
        {"user", "a:with\ttab", false},
    };
    char why[PTN_CONF_WHY_SIZE];
    struct lists l;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ptn_conf_defaults(&lists_table, &l);
        enum ptn_conf_verdict v = ptn_conf_set(&lists_table, &l, cases[i].key, cases[i].value, why);
        if ((v == PTN_CONF_SET_TAKEN) != cases[i].fits)
            fail_msg("%s=%s", cases[i].key, cases[i].value);
        ptn_conf_fini(&lists_table, &l);
    }
}

TEST(a_range_has_both_its_ends)
{
    struct ptn_addr first, last;
    char text[PTN_ADDR_TEXT_MAX];

    CHECK(ptn_conf_range_parse("172.16.5.9/12", &first, &last));
    CHECK_STR("172.16.0.0", ptn_addr_format(&first, text));
    CHECK_STR("172.31.255.255", ptn_addr_format(&last, text));
    CHECK(ptn_conf_range_parse("2001:db8::/33", &first, &last));
    CHECK_STR("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", ptn_addr_format(&last, text));
    CHECK(ptn_conf_range_parse("192.0.2.1", &first, &last));
    CHECK(ptn_addr_equal(&first, &last));
}

TEST(keys_of_another_program_are_named_as_ignored_or_refused)
{
    static char *const argv[] = {"server", "--cli-port", "5766", "--oauth", "word", NULL};
    struct ptn_conf_report r = {0};
    const char *words[5];
    size_t word_count;
    struct lists l;

    read_file(&l, "cli-port=5766\noauth\n", &r);
    ptn_conf_read_flags(&lists_table, 5, argv, &l, words, &word_count, &r);
    CHECK_EQ(4, r.note_count);
    CHECK_STR("server.conf:1: cli-port: ignored: there is no such console", r.notes[0].text);
    CHECK_STR("server.conf:2: oauth: refused: clients with tokens would be turned away",
              r.notes[1].text);
    CHECK_STR("--cli-port: ignored: there is no such console", r.notes[2].text);
    CHECK_EQ(2, r.counts[PTN_CONF_IGNORED]);
    CHECK_EQ(2, r.counts[PTN_CONF_REFUSED]);
    CHECK_EQ(1, word_count);
    CHECK_STR("word", words[0]);
    ptn_conf_report_fini(&r);
    ptn_conf_fini(&lists_table, &l);
}

TEST(lists_print_entry_by_entry_and_secrets_not_at_all)
{
    struct ptn_conf_report r = {0};
    struct lists l;
    struct ptn_conf_printer p = {
        .table = &lists_table, .values = &l, .kind = PTN_CONF_PRINT_VALUES, .assign = "="};
    char lines[2000], all[4000] = "";

    read_file(&l, "user=a:1\ndenied-peer-ip=10.0.0.1\ndenied-peer-ip=10.0.0.2\n", &r);
    while (ptn_conf_print(&p, lines, sizeof lines))
        strcat(all, lines);
    CHECK_STR("stale-nonce=600\n#realm=\n#user=(set, not shown)\ndenied-peer-ip=10.0.0.1\ndenied-peer-ip=10.0.0.2\n"
              "#external-ip=\n#aux-server=\n",
              all);
    ptn_conf_fini(&lists_table, &l);
    ptn_conf_report_fini(&r);
}

TEST(a_live_list_changes_and_others_wait)
{
    struct ptn_conf_report r = {0};
    struct lists old, fresh;

    read_file(&old, "user=a:1\nexternal-ip=192.0.2.1\n", &r);
    read_file(&fresh, "user=a:1\nuser=b:2\nexternal-ip=192.0.2.2\n", &r);
    ptn_conf_take_live(&lists_table, &old, &fresh, "settings", &r);
    CHECK_EQ(2, old.users.count);
    CHECK_STR("192.0.2.1", entry(&old.external, 0));
    CHECK_EQ(1, r.counts[PTN_CONF_LATER]);

    /* Once more, for what could not be done: all is as before. */
    ptn_conf_take_live(&lists_table, &old, &fresh, "settings", &r);
    CHECK_EQ(1, old.users.count);
    CHECK_EQ(2, fresh.users.count);
    ptn_conf_report_fini(&r);
    ptn_conf_fini(&lists_table, &old);
    ptn_conf_fini(&lists_table, &fresh);
}

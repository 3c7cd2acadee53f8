#include "support/test.h"
#include "unit/conf/sample.h"

static struct sample s, again;
static char text[20000];

static void print(enum ptn_conf_print_kind kind, const char *assign)
{
    struct ptn_conf_printer p = {
        .table = &sample_table, .values = &s, .kind = kind, .assign = assign};
    char lines[2000];

    text[0] = '\0';
    while (ptn_conf_print(&p, lines, sizeof lines))
        strcat(text, lines);
    CHECK(!ptn_conf_print(&p, lines, sizeof lines));
}

TEST(printed_values_read_back_equal)
{
    struct ptn_conf_report r = {0};
    char why[PTN_CONF_WHY_SIZE];

    ptn_conf_defaults(&sample_table, &s);
    ptn_conf_set(&sample_table, &s, "account.3.label", "Three", why);
    ptn_conf_set(&sample_table, &s, "account.3.sip_server.2.expires", "99", why);
    ptn_conf_set(&sample_table, &s, "account.3.nat.nat_traversal", "0", why);
    ptn_conf_set(&sample_table, &s, "listening-ip", "192.0.2.1,::1", why);
    print(PTN_CONF_PRINT_VALUES, "=");
    CHECK_STR("listening-port=3478\n"
              "sip.timer_t1=0.5\n"
              "listening-ip=192.0.2.1,::1\n"
              "#static.network.static_nat.addr=\n"
              "no-udp=no\n"
              "account.3.label=Three\n"
              "account.3.nat.nat_traversal=disabled\n"
              "account.3.sip_server.2.expires=99\n",
              text);
    ptn_conf_defaults(&sample_table, &again);
    ptn_conf_read_plain(&sample_table, "x", ptn_bytes_of_text(text), &again, &r);
    CHECK_EQ(0, r.note_count);
    CHECK_BYTES(&s, &again, sizeof s);
}

TEST(a_secret_is_never_printed)
{
    char why[PTN_CONF_WHY_SIZE];

    ptn_conf_defaults(&sample_table, &s);
    ptn_conf_set(&sample_table, &s, "account.1.password", "hunter2", why);
    print(PTN_CONF_PRINT_VALUES, " = ");
    CHECK(!strstr(text, "hunter2"));
    CHECK(strstr(text, "#account.1.password = (set, not shown)\n"));
}

TEST(help_says_flag_meaning_range_and_default)
{
    print(PTN_CONF_PRINT_HELP, "=");
    CHECK(strstr(text, "Ports:\n"
                       "  -p, --listening-port number\n"
                       "        UDP and TCP port. A number from 1 to 65535; 3478 when not set.\n"));
    CHECK(strstr(text, "\nCommands:\n  -c, --config text\n"));
    CHECK(strstr(text, "  --check-config\n        check the settings and end\n"));
    /* A line that is full to its last column. */
    CHECK(strstr(text,
                 "        do not listen on UDP, not even where somebody should come by it at dawn\n"
                 "        and dusk. Yes or no; no when not set.\n"));
}

TEST(a_sample_holds_every_default_as_a_comment_and_no_command)
{
    struct ptn_conf_report r = {0};

    print(PTN_CONF_PRINT_SAMPLE, " = ");
    CHECK(strstr(text, "# ---- Accounts\n\n"));
    CHECK(strstr(text, "# first repeat after so long. A number of seconds from 0.5 to 10; 0.5 when "
                       "not\n# set. Can be changed while running.\n#sip.timer_t1 = 0.5\n\n"));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        CHECK(strcspn(line, "\n") <= 79);
    CHECK(!strstr(text, "check-config"));
    ptn_conf_read_plain(&sample_table, "x", ptn_bytes_of_text(text), &again, &r);
    CHECK_EQ(0, r.note_count);
}

TEST(the_manual_is_a_list_for_each_section)
{
    print(PTN_CONF_PRINT_MANUAL, "=");
    CHECK(strncmp(text,
                  ".Ss Ports\n.Bl -tag -width Ds\n.It Fl p , Fl Fl listening-port Ar number\n"
                  "UDP and TCP port.\nA number from 1 to 65535; 3478 when not set.\n",
                  100) == 0);
    CHECK(strstr(text, ".El\n.Ss Accounts\n"));
    CHECK_STR(".El\n", text + strlen(text) - 4);
}

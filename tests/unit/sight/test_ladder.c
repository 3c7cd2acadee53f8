/*
 * What a person sees: sight/glance and sight/ladder.
 */
#include "sight/ladder.h"

#include <stdio.h>

#include "sight/glance.h"
#include "support/test.h"

static const struct ptn_addr HERE = {.ip = {192, 0, 2, 1}, .port = 5060, .family = PTN_IPV4};
static char drawn[PTN_LADDER_TEXT_MAX];

/* 2026-11-27 12:00:00 UTC */
#define NOON_NS (1795780800u * (uint64_t)1000000000)

static struct ptn_trace_entry entry(bool sent, uint8_t far, const char *text)
{
    return (struct ptn_trace_entry){.kind = PTN_TRACE_MESSAGE,
                                    .unix_ns = NOON_NS + 1234567890,
                                    .until_ns = NOON_NS + 61000000000,
                                    .sent = sent,
                                    .transport = PTN_UDP,
                                    .local = HERE,
                                    .far = ptn_addr_v4(203, 0, 113, far, 5060),
                                    .text = ptn_bytes_of_text(text)};
}

static const char *draw(struct ptn_ladder *l, const struct ptn_trace_entry *e)
{
    struct ptn_writer w = ptn_writer(drawn, sizeof drawn - 1);
    ptn_ladder_print(l, e, &w);
    CHECK(!w.bad);
    *w.at = '\0';
    return drawn;
}

static const char INVITE[] =
    "INVITE sip:1002@example.org SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n"
    "From: \"Alice\" <sip:1001@example.org>;tag=1\r\nTo: <sip:1002@example.org>\r\n"
    "Call-ID: abc\r\nCSeq: 7 INVITE\r\nContact: <sip:1001@203.0.113.10:3856>\r\n"
    "Proxy-Authorization: Digest response=(hidden)\r\n"
    "Content-Type: application/sdp\r\nContent-Length: 100\r\n\r\n"
    "v=0\r\no=- 1 1 IN IP4 203.0.113.10\r\ns=-\r\nc=IN IP4 203.0.113.10\r\nt=0 0\r\n"
    "m=audio 34472 RTP/AVP 0 8\r\na=sendonly\r\n";

static const char TRYING[] =
    "SIP/2.0 100 Trying\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport=3856;received=203.0.113.10\r\n"
    "From: <sip:1001@example.org>;tag=1\r\nTo: <sip:1002@example.org>\r\n"
    "Call-ID: abc\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n";

TEST(one_far_end_stands_at_the_right_edge)
{
    struct ptn_ladder l;
    struct ptn_trace_entry e = entry(true, 7, INVITE);
    ptn_ladder_init(&l, 80, false, 3600);
    CHECK_STR("2026-11-27    phone                                         203.0.113.7:5060 UDP\n"
              "13:00:01.234  |--- INVITE sip:1002@example.org ------------------------------->|\n"
              "              |     sound at 203.0.113.10:34472, PCMU PCMA, sendonly           |\n"
              "              |     with credentials                                           |\n"
              "              |     Contact: <sip:1001@203.0.113.10:3856>                      |\n",
              draw(&l, &e));
    e = entry(false, 7, TRYING);
    CHECK_STR("13:00:01.234  |<-- 100 Trying (INVITE) ----------------------------------------|\n"
              "              |     seen as 203.0.113.10, port 3856                            |\n",
              draw(&l, &e));
    e.repeat = true;
    CHECK_STR("13:00:01.234  |<-- 100 Trying (INVITE) again ----------------------------------|\n",
              draw(&l, &e));
}

TEST(a_utf8_locale_gets_lines_and_other_ones_dashes)
{
    struct ptn_ladder l;
    struct ptn_trace_entry e = entry(true, 7, "ACK sip:caf\xc3\xa9 SIP/2.0\r\n\r\n");
    ptn_ladder_init(&l, 60, true, 0);
    CHECK(strstr(draw(&l, &e), "│─── ACK sip:café ───────"));
    CHECK(strstr(drawn, "──▶│\n"));
    ptn_ladder_init(&l, 60, false, 0);
    CHECK(strstr(draw(&l, &e), "|--- ACK sip:caf? -------"));
    CHECK(strstr(drawn, "-->|\n"));
}

TEST(several_far_ends_stand_side_by_side_and_a_new_one_is_named)
{
    struct ptn_ladder l;
    struct ptn_trace_entry one = entry(true, 7, "ACK sip:a SIP/2.0\r\n\r\n");
    struct ptn_trace_entry two = entry(false, 8, "BYE sip:b SIP/2.0\r\n\r\n");
    ptn_ladder_init(&l, 80, false, 0);
    ptn_ladder_expect(&l, &one);
    ptn_ladder_expect(&l, &two);
    CHECK_STR("2026-11-27    phone        203.0.113.7:5060 UDP             203.0.113.8:5060 UDP\n"
              "12:00:01.234  |--- ACK sip:a ---------------->|                                |\n",
              draw(&l, &one));
    CHECK_STR("12:00:01.234  |<-- BYE sip:b -----------------+--------------------------------|\n",
              draw(&l, &two));
    two = entry(true, 9, "BYE sip:c SIP/2.0\r\n\r\n");
    CHECK_STR("2026-11-27          203.0.113.7:5060      203.0.113.8:5060      203.0.113.9:5060\n"
              "              phone              UDP                   UDP                   UDP\n"
              "12:00:01.234  |--- BYE sip:c ------+---------------------+-------------------->|\n",
              draw(&l, &two));
    /* A fourth takes the place of the first, which was silent for longest. */
    two = entry(true, 10, "BYE sip:d SIP/2.0\r\n\r\n");
    CHECK(strstr(draw(&l, &two), " 203.0.113.10:5060 "));
    CHECK_EQ(3, l.column_count);
}

TEST(counts_and_turns_of_connections_have_words_of_their_own)
{
    static const struct {
        enum ptn_trace_kind kind;
        bool sent;
        enum ptn_err why;
        const char *words;
    } cases[] = {
        {PTN_TRACE_KEEPALIVES, true, PTN_OK,
         "|<-- keep-alives: 12 sent, 11 received, last 12:01:01 ---------->|\n"},
        {PTN_TRACE_UP, true, PTN_OK, "|--- (TLS: connected from 192.0.2.1:5060) ----"},
        {PTN_TRACE_UP, false, PTN_OK, "|<-- (TLS: connected to 192.0.2.1:5060) ----"},
        {PTN_TRACE_DOWN, false, PTN_OK, "|<-- (TLS: closed) ----"},
        {PTN_TRACE_DOWN, false, PTN_ERR_RESET, "|<-- (TLS: lost: connection reset) ----"},
        {PTN_TRACE_FAILED, false, PTN_ERR_NOT_TRUSTED,
         "|<-- (TLS: not connected: certificate not trusted) ----"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_ladder l;
        struct ptn_trace_entry e = entry(cases[i].sent, 7, "");
        e.kind = cases[i].kind;
        e.why = cases[i].why;
        e.transport = PTN_TLS;
        e.sent_count = 12;
        e.received_count = 11;
        ptn_ladder_init(&l, 80, false, 0);
        CHECK(strstr(draw(&l, &e), cases[i].words) != NULL);
    }
}

TEST(the_date_is_said_again_on_a_new_day)
{
    static const struct {
        uint64_t unix_s;
        int offset_s;
        const char *date;
    } cases[] = {
        {0, 0, "1970-01-01"},          {0, -3600, "1969-12-31"},      {951782400, 0, "2000-02-29"},
        {1795780800, 0, "2026-11-27"}, {1735689599, 0, "2024-12-31"}, {1735689599, 1, "2025-01-01"},
        {4102444800, 0, "2100-01-01"}, {1709164800, 0, "2024-02-29"},
    };
    struct ptn_ladder l;
    struct ptn_trace_entry e = entry(true, 7, "ACK sip:a SIP/2.0\r\n\r\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ptn_ladder_init(&l, 80, false, cases[i].offset_s);
        e.unix_ns = cases[i].unix_s * 1000000000u;
        draw(&l, &e);
        drawn[10] = '\0';
        CHECK_STR(cases[i].date, drawn);
    }
    CHECK(!strstr(draw(&l, &e), "phone"));
    e.unix_ns += 86400 * (uint64_t)1000000000;
    CHECK(strstr(draw(&l, &e), "2024-03-01    phone"));
}

TEST(a_far_end_cannot_write_to_the_terminal)
{
    struct ptn_ladder l;
    struct ptn_trace_entry e = entry(false, 7,
                                     "SIP/2.0 200 \x1b[2J\x07\xc2\x9b"
                                     "31m\r\nWarning: \x1b]0;x\x07\r\n\r\n\x1b\x7f");
    ptn_ladder_init(&l, 80, true, 0);
    CHECK(!strpbrk(draw(&l, &e), "\x1b\x07\x7f") && !strstr(drawn, "\xc2\x9b"));
    struct ptn_writer w = ptn_writer(drawn, sizeof drawn - 1);
    ptn_ladder_print_text(&l, e.text, "  ", &w);
    *w.at = '\0';
    CHECK(!strpbrk(drawn, "\x1b\x07\x7f\r") && !strstr(drawn, "\xc2\x9b"));
    CHECK_STR("  SIP/2.0 200  [2J  31m\n  Warning:  ]0;x \n\n    \n", drawn);
}

TEST(no_line_is_wider_than_the_diagram)
{
    char text[800];
    for (unsigned width = 40; width <= 220; width += 20)
        for (uint8_t far = 1; far <= 4; far++) {
            struct ptn_ladder l;
            ptn_ladder_init(&l, width, false, 0);
            CHECK(l.width >= PTN_LADDER_WIDTH_MIN && l.width <= PTN_LADDER_WIDTH_MAX);
            snprintf(text, sizeof text, "REGISTER sip:%0300d SIP/2.0\r\nContact: %0300d\r\n\r\n", 1,
                     2);
            for (uint8_t i = 1; i <= far; i++) {
                struct ptn_trace_entry e = entry(true, i, text);
                CHECK(ptn_addr_parse("[2001:db8:1111:2222:3333:4444:5555:6666]:65535", &e.far));
                e.far.ip[15] = i;
                draw(&l, &e);
                for (const char *line = drawn; *line; line += strcspn(line, "\n") + 1)
                    CHECK(strcspn(line, "\n") <= l.width);
            }
        }
}

TEST(a_glance_reads_what_no_parser_would_take)
{
    static const struct {
        const char *text, *what, *method, *from;
        unsigned status;
    } cases[] = {
        {INVITE, "INVITE sip:1002@example.org", "INVITE", "1001@example.org", 0},
        {TRYING, "100 Trying (INVITE)", "INVITE", "1001@example.org", 100},
        {"SIP/2.0 486", "486", "", "", 486},
        {"SIP/2.0", "SIP/2.0", "", "", 0},
        {"SIP/2.0 ", "", "", "", 0},
        {"NONSENSE", "NONSENSE", "", "", 0},
        {"X SIP/2.0\r\nf: sips:a@b;tag=1\r\nCSeq: 1\r\n", "X", "", "a@b", 0},
        {"", "", "", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_glance g;
        ptn_glance(ptn_bytes_of_text(cases[i].text), &g);
        CHECK_STR(cases[i].what, g.what);
        CHECK_STR(cases[i].method, g.method);
        CHECK_STR(cases[i].from, g.from);
        CHECK_EQ(cases[i].status, g.status);
    }
}

TEST(a_glance_tells_what_explains_a_call)
{
    static const struct {
        const char *text, *note;
    } cases[] = {
        {"A SIP/2.0\r\nReason: Q.850;cause=16\r\n\r\n", "Reason: Q.850;cause=16"},
        {"SIP/2.0 423 Interval\r\nMin-Expires: 60\r\n\r\n", "Min-Expires: 60"},
        {"SIP/2.0 401 No\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n\r\n",
         "asks for credentials: Digest realm=\"a\""},
        {"A SIP/2.0\r\nm: <sip:a@b>\r\n\r\n", "Contact: <sip:a@b>"},
        {"A SIP/2.0\r\nm: \"A\" <sip:a@b;x>;+sip.instance=\"<urn:1>\";expires=60, "
         "<sip:c@d>\r\n\r\n",
         "Contact: <sip:a@b;x>;expires=60"},
        {"A SIP/2.0\r\nm: sip:a@b;expires=0\r\n\r\n", "Contact: sip:a@b;expires=0"},
        {"A SIP/2.0\r\nm: *\r\n\r\n", "Contact: *"},
        {"A SIP/2.0\r\nc: text/plain;charset=x\r\n\r\nhello", "5 bytes of text/plain"},
        {"A SIP/2.0\r\nc: application/sdp\r\n\r\nv=7", "a session description that cannot be read"},
        {"A SIP/2.0\r\nc: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
         "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n",
         "no sound"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_glance g;
        ptn_glance(ptn_bytes_of_text(cases[i].text), &g);
        CHECK_EQ(1, g.note_count);
        CHECK_STR(cases[i].note, g.notes[0]);
    }
}

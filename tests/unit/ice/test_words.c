#include "ice/words.h"

#include "support/test.h"
#include "world.h"

TEST(candidate_lines_are_read_and_written_alike)
{
    static const char *const lines[] = {
        /* Both of RFC 8839's example, and the other kinds. */
        "1 1 UDP 2130706431 203.0.113.141 8998 typ host",
        "2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
        "H76f/+ 2 UDP 16777214 198.51.100.1 50001 typ relay raddr 192.0.2.3 rport 45665",
        "3 1 UDP 1862270975 192.0.2.3 45666 typ prflx raddr 10.0.0.1 rport 4000",
        "4 1 UDP 2130706431 2001:db8::1 8998 typ host",
        "5 1 UDP 1 2001:db8::1 8998 typ relay raddr :: rport 9",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct ptn_ice_candidate c;
        char out[200];
        struct ptn_writer w = ptn_writer(out, sizeof out);
        CHECK_EQ(PTN_ICE_WORD_OK, ptn_ice_parse_candidate(ptn_bytes_of_text(lines[i]), &c));
        ptn_ice_format_candidate(&c, &w);
        ptn_write_u8(&w, 0);
        CHECK(!w.bad);
        CHECK_STR(lines[i], out);
    }
}

TEST(candidate_lines_with_what_we_do_not_know_are_skipped_and_broken_ones_told_apart)
{
    static const struct {
        const char *line;
        enum ptn_ice_word_verdict verdict;
    } cases[] = {
        {"1 1 udp 1 192.0.2.1 4000 typ host", PTN_ICE_WORD_OK},
        {"1 1 UDP 1 192.0.2.1 4000 typ host generation 0 network-id 3 ufrag x", PTN_ICE_WORD_OK},
        {"  1   1 UDP 1  192.0.2.1 4000 typ host ", PTN_ICE_WORD_OK},
        {"1 1 UDP 4294967295 192.0.2.1 4000 typ host", PTN_ICE_WORD_OK},
        {"1 1 UDP 1 192.0.2.1 4000 typ srflx raddr x.local rport 0", PTN_ICE_WORD_OK},
        {"1 1 TCP 1 192.0.2.1 9 typ host tcptype active", PTN_ICE_WORD_SKIPPED},
        {"1 1 DCCP 1 192.0.2.1 4000 typ host", PTN_ICE_WORD_SKIPPED},
        {"1 1 UDP 1 8f3e9c1a-2d6e.local 4000 typ host", PTN_ICE_WORD_SKIPPED},
        {"1 1 UDP 1 fe80::1%eth0 4000 typ host", PTN_ICE_WORD_SKIPPED},
        {"1 1 UDP 1 192.0.2.1 4000 typ token", PTN_ICE_WORD_SKIPPED},
        {"1 3 UDP 1 192.0.2.1 4000 typ host", PTN_ICE_WORD_SKIPPED},
        {"1 1 UDP 1 192.0.2.1 0 typ host", PTN_ICE_WORD_SKIPPED},
        {"", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP 1 192.0.2.1 4000", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP 1 192.0.2.1 4000 typ", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP 1 192.0.2.1 4000 type host", PTN_ICE_WORD_MALFORMED},
        {"1 0 UDP 1 192.0.2.1 4000 typ host", PTN_ICE_WORD_MALFORMED},
        {"1 257 UDP 1 192.0.2.1 4000 typ host", PTN_ICE_WORD_MALFORMED},
        {"1 x UDP 1 192.0.2.1 4000 typ host", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP 4294967296 192.0.2.1 4000 typ host", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP -1 192.0.2.1 4000 typ host", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP 1 192.0.2.1 65536 typ host", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP 1 192.0.2.1 4000 typ host generation", PTN_ICE_WORD_MALFORMED},
        {"1 1 UDP 1 192.0.2.1 4000 typ srflx raddr 1.2.3.4 rport x", PTN_ICE_WORD_MALFORMED},
        {"$ 1 UDP 1 192.0.2.1 4000 typ host", PTN_ICE_WORD_MALFORMED},
        {"123456789012345678901234567890123 1 UDP 1 192.0.2.1 4000 typ host",
         PTN_ICE_WORD_MALFORMED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_ice_candidate c;
        if (cases[i].verdict != ptn_ice_parse_candidate(ptn_bytes_of_text(cases[i].line), &c))
            print_error("# %s\n", cases[i].line);
        CHECK_EQ(cases[i].verdict, ptn_ice_parse_candidate(ptn_bytes_of_text(cases[i].line), &c));
    }
}

static struct ptn_ice_description described(const char *lines)
{
    struct ptn_ice_description d = {0};

    ptn_ice_read_lines(&d, ptn_bytes_of_text(lines));
    return d;
}

TEST(a_description_is_read_from_its_lines_and_written_back)
{
    static const char lines[] = "ice-lite\n"
                                "ice-ufrag:8hhY\n"
                                "ice-pwd:asd88fgpdd777uzjYhagZg\n"
                                "ice-options:trickle ice2\n"
                                "ice-pacing:20\n"
                                "candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\n"
                                "candidate:1 2 UDP 2130706430 203.0.113.141 8999 typ host\n"
                                "remote-candidates:1 192.0.2.1 4000 2 192.0.2.1 4001\n"
                                "ice-mismatch\n"
                                "end-of-candidates\n";
    struct ptn_ice_description d = described(lines);
    char out[sizeof lines];
    struct ptn_writer w = ptn_writer(out, sizeof out);

    CHECK(ptn_ice_speaks(&d));
    CHECK(d.far.lite && d.trickle && d.ice2 && d.ended && d.mismatch);
    CHECK_EQ(20, d.far.pacing_ms);
    CHECK_EQ(2, d.count);
    CHECK_EQ(4001, d.remote[1].port);
    CHECK_EQ(0, d.skipped + d.malformed + d.left_out);
    ptn_ice_write_lines(&d, &w);
    ptn_write_u8(&w, 0);
    CHECK(!w.bad);
    CHECK_STR(lines, out);
    /* One byte less, and it says so. */
    w = ptn_writer(out, sizeof out - 2);
    ptn_ice_write_lines(&d, &w);
    CHECK(w.bad);
}

TEST(credentials_out_of_their_bounds_are_none)
{
    static const char *const pairs[] = {
        "ice-ufrag:abc\nice-pwd:asd88fgpdd777uzjYhagZg\n",
        "ice-ufrag:abcd\nice-pwd:tooshort\n",
        "ice-ufrag:ab d\nice-pwd:asd88fgpdd777uzjYhagZg\n",
        "ice-ufrag:abcd\n",
        "",
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct ptn_ice_description d = described(pairs[i]);
        CHECK(!ptn_ice_speaks(&d));
    }
}

TEST(later_lines_of_a_media_stream_replace_those_of_the_session)
{
    struct ptn_ice_description d = described("ice-ufrag:sess\r\nice-pwd:sessionsessionsession1\r\n"
                                             "ice-ufrag:medi\r\nice-pwd:mediamediamediamediam1\r\n"
                                             "rtpmap:0 PCMU/8000\r\n\r\n");

    CHECK_STR("medi", d.far.creds.ufrag);
    CHECK_STR("mediamediamediamediam1", d.far.creds.pwd);
    CHECK_EQ(0, d.malformed);
}

TEST(more_candidates_than_there_is_room_for_are_counted)
{
    struct ptn_ice_description d = {0};

    for (unsigned i = 0; i < 50; i++)
        ptn_ice_read_lines(
            &d, ptn_bytes_of_text("candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host"));
    CHECK_EQ(PTN_ICE_REMOTES_MAX, d.count);
    CHECK_EQ(50 - PTN_ICE_REMOTES_MAX, d.left_out);
}

TEST(the_default_is_what_most_probably_works_for_everybody)
{
    struct ptn_ice_description d =
        described("candidate:1 1 UDP 2130706431 192.0.2.1 1 typ host\n"
                  "candidate:2 1 UDP 2130706175 2001:db8::1 2 typ host\n"
                  "candidate:3 1 UDP 1694498815 192.0.2.3 3 typ srflx raddr 192.0.2.1 rport 1\n"
                  "candidate:4 1 UDP 16777215 2001:db8::4 4 typ relay raddr :: rport 9\n"
                  "candidate:5 1 UDP 16777214 198.51.100.1 5 typ relay raddr :: rport 9\n"
                  "candidate:1 2 UDP 2130706430 192.0.2.1 6 typ host\n");

    CHECK_EQ(5, ptn_ice_default(d.candidates, d.count, 1)->addr.port);
    CHECK_EQ(3, ptn_ice_default(d.candidates, 3, 1)->addr.port);
    CHECK_EQ(1, ptn_ice_default(d.candidates, 2, 1)->addr.port);
    CHECK_EQ(6, ptn_ice_default(d.candidates, d.count, 2)->addr.port);
    CHECK(!ptn_ice_default(d.candidates, 2, 2));
}

TEST(a_default_destination_that_is_no_candidate_is_a_mismatch)
{
    static const struct {
        const char *lines, *dest;
        bool mismatch;
    } cases[] = {
        {"candidate:1 1 UDP 1 192.0.2.1 4000 typ host\n", "192.0.2.1:4000", false},
        {"candidate:1 1 UDP 1 192.0.2.1 4000 typ host\n", "203.0.113.1:4000", true},
        {"candidate:1 1 UDP 1 192.0.2.1 4000 typ host\n", "192.0.2.1:4002", true},
        {"candidate:1 2 UDP 1 192.0.2.1 4000 typ host\n", "192.0.2.1:4000", true},
        {"ice-options:trickle\n", "0.0.0.0:9", false},
        {"ice-options:trickle\n", "203.0.113.1:4000", true},
        {"candidate:1 1 UDP 1 x.local 4000 typ host\n", "0.0.0.0:9", false},
        {"", "0.0.0.0:9", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_ice_description d = described(cases[i].lines);
        struct ptn_addr dest = world_addr(cases[i].dest);
        CHECK_EQ(cases[i].mismatch, ptn_ice_is_mismatch(&d, 1, &dest));
    }
}

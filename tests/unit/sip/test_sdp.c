/*
 * tests/unit/sip/test_sdp.c - descriptions of phones seen in the field, and broken ones.
 */
#include "sip/sdp.h"

#include "support/test.h"

#define HEAD "v=0\r\no=- 12 34 IN IP4 192.0.2.1\r\ns=-\r\n"
#define SESSION HEAD "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static enum ptn_sdp_verdict parse(const char *text, struct ptn_sdp *sdp)
{
    return ptn_sdp_parse(ptn_bytes_of_text(text), sdp);
}

TEST(an_offer_is_read_with_its_codecs_addresses_and_direction)
{
    struct ptn_sdp sdp;
    struct ptn_addr rtp = ptn_addr_v4(203, 0, 113, 9, 4000), rtcp = ptn_addr_v4(203, 0, 113, 9, 61);

    CHECK_EQ(PTN_SDP_OK,
             parse(SESSION "m=audio 4000 RTP/AVP 8 0 96 101\r\n"
                           "c=IN IP4 203.0.113.9\r\n"
                           "b=AS:80\r\n"
                           "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;stereo=0\r\n"
                           "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
                           "a=rtcp:61\r\na=ptime:20\r\na=sendonly\r\na=candidate:x\r\n",
                   &sdp));
    const struct ptn_sdp_media *m = &sdp.media[0];
    CHECK_EQ(12, sdp.id);
    CHECK_EQ(34, sdp.version);
    CHECK_EQ(1, sdp.media_count);
    CHECK_STR("audio", m->kind);
    CHECK_STR("RTP/AVP", m->proto);
    CHECK_ADDR(&rtp, &m->rtp);
    CHECK_ADDR(&rtcp, &m->rtcp);
    CHECK_EQ(PTN_SDP_SENDONLY, m->direction);
    CHECK_EQ(20, m->ptime_ms);
    CHECK_EQ(4, m->codec_count);
    CHECK_STR("PCMA", m->codecs[0].name);
    CHECK_EQ(8000, m->codecs[0].rate_hz);
    CHECK_EQ(2, m->codecs[2].channels);
    CHECK_STR("useinbandfec=1;stereo=0", m->codecs[2].params);
    CHECK_EQ(101, ptn_sdp_find_codec(m, "Telephone-Event", 8000)->payload_type);
    CHECK(ptn_sdp_find_codec(m, "opus", 8000) == NULL);
}

TEST(rtcp_has_its_own_address_or_the_next_port)
{
    static const struct {
        const char *media;
        const char *rtcp;
    } cases[] = {
        {"m=audio 4000 RTP/AVP 0\r\n", "192.0.2.1:4001"},
        {"m=audio 4000 RTP/AVP 0\r\na=rtcp:7 IN IP4 198.51.100.2\r\n", "198.51.100.2:7"},
        {"m=audio 4000 RTP/AVP 0\r\na=rtcp:7 IN IP6 2001:db8::2\r\n", "[2001:db8::2]:7"},
        {"m=audio 4000 RTP/AVP 0\r\na=rtcp:7\r\nc=IN IP4 198.51.100.3\r\n", "198.51.100.3:7"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[500], got[PTN_ADDR_TEXT_MAX];
        struct ptn_sdp sdp;
        strcpy(text, SESSION);
        strcat(text, cases[i].media);
        CHECK_EQ(PTN_SDP_OK, parse(text, &sdp));
        CHECK_STR(cases[i].rtcp, ptn_addr_format(&sdp.media[0].rtcp, got));
    }
}

TEST(directions_are_inherited_from_the_session_and_reversed_for_the_answer)
{
    struct ptn_sdp sdp;

    CHECK_EQ(PTN_SDP_OK, parse(SESSION "a=inactive\r\nm=audio 1 RTP/AVP 0\r\n"
                                       "m=audio 3 RTP/AVP 0\r\na=recvonly\r\n",
                               &sdp));
    CHECK_EQ(PTN_SDP_INACTIVE, sdp.media[0].direction);
    CHECK_EQ(PTN_SDP_RECVONLY, sdp.media[1].direction);
    CHECK_EQ(PTN_SDP_SENDONLY, ptn_sdp_direction_reversed(PTN_SDP_RECVONLY));
    CHECK_EQ(PTN_SDP_RECVONLY, ptn_sdp_direction_reversed(PTN_SDP_SENDONLY));
    CHECK_EQ(PTN_SDP_SENDRECV, ptn_sdp_direction_reversed(PTN_SDP_SENDRECV));
}

TEST(refused_lines_ports_with_counts_and_holds_are_read)
{
    struct ptn_sdp sdp;

    CHECK_EQ(PTN_SDP_OK, parse(HEAD "t=0 0\r\nm=video 0 RTP/AVP 31\r\n", &sdp));
    CHECK_EQ(0, sdp.media[0].rtp.port);
    CHECK_EQ(0, sdp.media[0].rtcp.port);
    CHECK_EQ(PTN_SDP_OK, parse(SESSION "m=audio 49170/2 RTP/AVP 0\r\n", &sdp));
    CHECK_EQ(49170, sdp.media[0].rtp.port);
    CHECK_EQ(PTN_SDP_OK, parse(HEAD "c=IN IP4 0.0.0.0\r\nm=audio 9 RTP/AVP 0\r\n", &sdp));
    CHECK_EQ(PTN_ADDR_UNSPECIFIED, ptn_addr_kind(&sdp.media[0].rtp));
    CHECK_EQ(PTN_SDP_OK, parse(SESSION "m=application 5 UDP/BFCP *\r\n", &sdp));
    CHECK_EQ(0, sdp.media[0].codec_count);
    CHECK_EQ(PTN_SDP_OK, parse(SESSION "m=audio 65535 RTP/AVP 0\r\n", &sdp));
    CHECK_EQ(0, sdp.media[0].rtcp.port);
}

TEST(a_host_name_is_no_address_and_no_hold)
{
    struct ptn_sdp sdp;

    CHECK_EQ(PTN_SDP_OK, parse(HEAD "c=IN IP4 phone.example\r\nm=audio 9 RTP/AVP 0\r\n", &sdp));
    CHECK(ptn_addr_is_none(&sdp.media[0].rtp));
    CHECK_EQ(9, sdp.media[0].rtp.port);
}

TEST(lines_may_end_with_a_newline_alone_and_the_last_one_with_nothing)
{
    struct ptn_sdp sdp;

    CHECK_EQ(PTN_SDP_OK, parse("v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\n"
                               "m=audio 4 RTP/AVP 0\na=rtcp:9",
                               &sdp));
    CHECK_EQ(9, sdp.media[0].rtcp.port);
}

TEST(broken_descriptions_have_a_verdict_and_leave_nothing)
{
    static const struct {
        const char *text;
        enum ptn_sdp_verdict verdict;
    } cases[] = {
        {"", PTN_SDP_MALFORMED},
        {"hello", PTN_SDP_MALFORMED},
        {"o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n", PTN_SDP_MALFORMED},
        {"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n", PTN_SDP_MALFORMED},
        {HEAD "m=audio 1 RTP/AVP 0\r\n", PTN_SDP_MALFORMED},
        {SESSION "m=audio 70000 RTP/AVP 0\r\n", PTN_SDP_MALFORMED},
        {SESSION "m=audio x RTP/AVP 0\r\n", PTN_SDP_MALFORMED},
        {SESSION "m=audio 1\r\n", PTN_SDP_MALFORMED},
        {SESSION "nonsense\r\n", PTN_SDP_MALFORMED},
        {SESSION "c=IN IP9 192.0.2.1\r\n", PTN_SDP_MALFORMED},
        {SESSION "m=audio 1 RTP/AVP 96\r\na=rtpmap:96 x/0\r\n", PTN_SDP_MALFORMED},
        {SESSION "m=audio 1 RTP/AVP 0\r\na=rtcp:x\r\n", PTN_SDP_MALFORMED},
        {SESSION "m=averyveryverylongkind 1 RTP/AVP 0\r\n", PTN_SDP_TOO_BIG},
        {SESSION "m=a 1 R 0\r\nm=a 1 R 0\r\nm=a 1 R 0\r\nm=a 1 R 0\r\nm=a 1 R 0\r\n",
         PTN_SDP_TOO_BIG},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_sdp sdp;
        CHECK_EQ(cases[i].verdict, parse(cases[i].text, &sdp));
        CHECK_EQ(0, sdp.media_count);
    }
}

TEST(a_zero_byte_ends_no_word_but_the_description)
{
    static const char text[] = SESSION "m=au\0dio 1 RTP/AVP 0\r\n";
    struct ptn_sdp sdp;

    CHECK_EQ(PTN_SDP_MALFORMED, ptn_sdp_parse(ptn_bytes(text, sizeof text - 1), &sdp));
}

TEST(what_is_printed_is_read_back_the_same)
{
    struct ptn_sdp sdp, again;
    char text[2000];
    struct ptn_writer w = ptn_writer(text, sizeof text);

    CHECK_EQ(PTN_SDP_OK, parse(SESSION "m=audio 4000 RTP/AVP 8 0 96 101\r\n"
                                       "c=IN IP6 2001:db8::9\r\n"
                                       "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
                                       "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
                                       "a=rtcp:61 IN IP4 198.51.100.1\r\na=ptime:30\r\n"
                                       "a=recvonly\r\n"
                                       "m=video 0 RTP/AVP 31\r\n",
                               &sdp));
    ptn_sdp_print(&sdp, &w);
    CHECK(!w.bad);
    CHECK_EQ(PTN_SDP_OK, ptn_sdp_parse(ptn_bytes(text, ptn_writer_size(&w)), &again));
    CHECK_BYTES(&sdp.media[0], &again.media[0], sizeof sdp.media[0]);
    CHECK_STR("video", again.media[1].kind);
    CHECK_EQ(0, again.media[1].rtp.port);
    CHECK_EQ(sdp.version, again.version);
}

TEST(what_is_said_of_ice_is_kept_for_the_first_media_line_that_says_it_and_printed_back)
{
    static const char ice[] = "ice-options:ice2\n"
                              "ice-ufrag:8hhY\n"
                              "ice-pwd:asd88fgpdd777uzjYhagZg\n"
                              "candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\n"
                              "end-of-candidates\n";
    struct ptn_sdp sdp, again;
    char text[2000];
    struct ptn_writer w = ptn_writer(text, sizeof text);

    CHECK_EQ(PTN_SDP_OK,
             parse(SESSION "a=ice-options:ice2\r\n"
                           "m=audio 4000 RTP/AVP 8\r\n"
                           "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ptime:20\r\n"
                           "a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\n"
                           "a=end-of-candidates\r\n"
                           "m=video 4002 RTP/AVP 31\r\na=ice-ufrag:9xxY\r\n",
                   &sdp));
    CHECK_STR(ice, sdp.ice);
    CHECK_EQ(0, sdp.ice_media);
    ptn_sdp_print(&sdp, &w);
    CHECK(!w.bad);
    CHECK_EQ(PTN_SDP_OK, ptn_sdp_parse(ptn_bytes(text, ptn_writer_size(&w)), &again));
    CHECK_STR(ice, again.ice);
    CHECK_EQ(20, again.media[0].ptime_ms);
}

TEST(ice_lines_that_find_no_room_are_left_out_whole)
{
    char text[6000] = SESSION "m=audio 4000 RTP/AVP 8\r\n";
    struct ptn_sdp sdp;

    for (unsigned i = 0; i < 50; i++)
        strcat(text, "a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host generation 0\r\n");
    CHECK_EQ(PTN_SDP_OK, parse(text, &sdp));
    CHECK(strlen(sdp.ice) > PTN_SDP_ICE_MAX - 70);
    CHECK_STR("generation 0\n", sdp.ice + strlen(sdp.ice) - strlen("generation 0\n"));
}

TEST(printing_into_too_little_room_turns_the_writer_bad)
{
    struct ptn_sdp sdp;
    char text[400];

    CHECK_EQ(PTN_SDP_OK, parse(SESSION "m=audio 4000 RTP/AVP 8 0\r\n", &sdp));
    struct ptn_writer whole = ptn_writer(text, sizeof text);
    ptn_sdp_print(&sdp, &whole);
    for (size_t room = 0; room < ptn_writer_size(&whole); room++) {
        struct ptn_writer w = ptn_writer(text, room);
        ptn_sdp_print(&sdp, &w);
        CHECK(w.bad);
    }
}

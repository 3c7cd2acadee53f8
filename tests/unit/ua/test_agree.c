#include "ua/agree.h"

#include <stdio.h>

#include "support/test.h"

static const struct ptn_agree_ours OURS = {
    .id = 1,
    .version = 1,
    .rtp = {{192, 0, 2, 1}, 40000, PTN_IPV4, 0},
    .rtcp = {{192, 0, 2, 1}, 40007, PTN_IPV4, 0},
    .codecs = {PTN_CODEC_PCMU, PTN_CODEC_PCMA},
    .codec_count = 2,
    .ptime_ms = 20,
    .direction = PTN_SDP_SENDRECV,
};

static void parse(const char *text, struct ptn_sdp *out)
{
    CHECK_EQ(PTN_SDP_OK, ptn_sdp_parse(ptn_bytes_of_text(text), out));
}

#define HEAD "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n"

TEST(an_offer_names_both_addresses_and_our_codecs_in_our_order)
{
    struct ptn_sdp offer;
    char text[2000];
    struct ptn_writer w = ptn_writer(text, sizeof text - 1);

    ptn_agree_offer(&OURS, &offer);
    ptn_sdp_print(&offer, &w);
    *w.at = '\0';
    CHECK(strstr(text, "c=IN IP4 192.0.2.1\r\n") != NULL);
    CHECK(strstr(text, "m=audio 40000 RTP/AVP 0 8\r\n") != NULL);
    CHECK(strstr(text, "a=rtcp:40007") != NULL);
    CHECK(strstr(text, "a=rtpmap:8 PCMA/8000\r\n") != NULL);
}

/* The offer's media lines, and what becomes of them. */
TEST(the_offerers_first_codec_that_is_ours_wins)
{
    static const struct {
        const char *lines;
        bool taken;
        enum ptn_codec codec;
        uint8_t payload_type;
        bool we_send, we_receive;
        unsigned ptime_ms;
    } rows[] = {
        {"m=audio 5000 RTP/AVP 8 0\r\n", true, PTN_CODEC_PCMA, 8, true, true, 20},
        {"m=audio 5000 RTP/AVP 0 8\r\n", true, PTN_CODEC_PCMU, 0, true, true, 20},
        {"m=audio 5000 RTP/AVP 9 96\r\na=rtpmap:96 pcma/8000\r\n", true, PTN_CODEC_PCMA, 96, true,
         true, 20},
        {"m=audio 5000 RTP/AVP 0\r\na=ptime:30\r\n", true, PTN_CODEC_PCMU, 0, true, true, 30},
        {"m=audio 5000 RTP/AVP 0\r\na=ptime:35\r\n", true, PTN_CODEC_PCMU, 0, true, true, 20},
        {"m=audio 5000 RTP/AVP 0\r\na=sendonly\r\n", true, PTN_CODEC_PCMU, 0, false, true, 20},
        {"m=audio 5000 RTP/AVP 0\r\na=recvonly\r\n", true, PTN_CODEC_PCMU, 0, true, false, 20},
        {"m=audio 5000 RTP/AVP 0\r\na=inactive\r\n", true, PTN_CODEC_PCMU, 0, false, false, 20},
        {"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", true, PTN_CODEC_PCMU, 0, false, true,
         20},
        {"m=video 5002 RTP/AVP 31\r\nm=audio 5000 RTP/AVP 0\r\n", true, PTN_CODEC_PCMU, 0, true,
         true, 20},
        {"m=audio 5000 RTP/AVP 9 18\r\n", false, 0, 0, false, false, 0},
        {"m=audio 0 RTP/AVP 0\r\n", false, 0, 0, false, false, 0},
        {"m=audio 5000 RTP/SAVP 0\r\n", false, 0, 0, false, false, 0},
        {"m=video 5000 RTP/AVP 31\r\n", false, 0, 0, false, false, 0},
        {"", false, 0, 0, false, false, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ptn_sdp offer, answer;
        struct ptn_agreed got = {0};
        char text[1000];
        snprintf(text, sizeof text, HEAD "%s", rows[i].lines);
        parse(text, &offer);
        CHECK_EQ(rows[i].taken, ptn_agree_answer(&OURS, &offer, &answer, &got));
        CHECK_EQ(offer.media_count, answer.media_count);
        if (!rows[i].taken)
            continue;
        CHECK_EQ(rows[i].codec, got.send.codec);
        CHECK_EQ(rows[i].payload_type, got.send.payload_type);
        CHECK_EQ(rows[i].payload_type, got.accept[0].payload_type);
        CHECK_EQ(rows[i].we_send, got.we_send);
        CHECK_EQ(rows[i].we_receive, got.we_receive);
        CHECK_EQ(rows[i].ptime_ms, got.ptime_ms);
        /* The line that was taken has our port, all others are refused. */
        for (unsigned m = 0; m < answer.media_count; m++)
            CHECK_EQ(strcmp(answer.media[m].kind, "audio") == 0 ? 40000 : 0,
                     answer.media[m].rtp.port);
    }
}

TEST(only_one_of_two_audio_lines_is_taken)
{
    struct ptn_sdp offer, answer;
    struct ptn_agreed got;

    parse(HEAD "m=audio 5000 RTP/AVP 0\r\nm=audio 5002 RTP/AVP 0\r\n", &offer);
    CHECK(ptn_agree_answer(&OURS, &offer, &answer, &got));
    CHECK_EQ(40000, answer.media[0].rtp.port);
    CHECK_EQ(0, answer.media[1].rtp.port);
    CHECK_EQ(5000, got.rtp.port);
    CHECK_EQ(5001, got.rtcp.port);
}

TEST(an_answer_tells_what_to_send_where)
{
    struct ptn_sdp answer;
    struct ptn_agreed got;

    parse(HEAD "m=audio 6000 RTP/AVP 8\r\na=rtcp:6009\r\n", &answer);
    CHECK(ptn_agree_read_answer(&OURS, &answer, &got));
    CHECK_EQ(PTN_CODEC_PCMA, got.send.codec);
    CHECK_EQ(6000, got.rtp.port);
    CHECK_EQ(6009, got.rtcp.port);
    CHECK_EQ(2, got.accept_count);
    CHECK(got.we_send && got.we_receive);

    parse(HEAD "m=audio 0 RTP/AVP 8\r\n", &answer);
    CHECK(!ptn_agree_read_answer(&OURS, &answer, &got));
    parse(HEAD "m=audio 6000 RTP/AVP 9\r\n", &answer);
    CHECK(!ptn_agree_read_answer(&OURS, &answer, &got));
    parse(HEAD, &answer);
    CHECK(!ptn_agree_read_answer(&OURS, &answer, &got));
}

TEST(where_an_offer_wishes_to_receive_is_its_first_usable_line)
{
    struct ptn_sdp offer;
    struct ptn_addr want = {{198, 51, 100, 9}, 5000, PTN_IPV4, 0};

    parse(HEAD "m=video 5002 RTP/AVP 31\r\nm=audio 5000 RTP/AVP 0\r\n", &offer);
    struct ptn_addr got = ptn_agree_their_rtp(&offer);
    CHECK_ADDR(&want, &got);
    parse(HEAD "m=video 5002 RTP/AVP 31\r\n", &offer);
    got = ptn_agree_their_rtp(&offer);
    CHECK(ptn_addr_is_none(&got));
}

/* Nobody can make us send sound to a group of many, or to ourselves. */
TEST(sound_goes_to_one_other_host_only)
{
    static const struct {
        const char *where;
        bool taken;
    } rows[] = {
        {"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 198.51.100.7\r\n", true},
        {"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 10.0.0.7\r\n", true},
        {"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 239.1.2.3\r\n", false},
        {"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 255.255.255.255\r\n", false},
        {"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n", false},
        {"m=audio 5000 RTP/AVP 0\r\nc=IN IP6 ff02::1\r\n", false},
        {"m=audio 40000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n", false},
        {"m=audio 40002 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n", true},
        {"m=audio 5000 RTP/AVP 0\r\na=rtcp:5001 IN IP4 239.1.2.3\r\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ptn_sdp offer, answer;
        struct ptn_agreed agreed;
        char text[400];

        snprintf(text, sizeof text, HEAD "%s", rows[i].where);
        parse(text, &offer);
        CHECK_EQ(rows[i].taken, ptn_agree_answer(&OURS, &offer, &answer, &agreed));
        CHECK_EQ(rows[i].taken, ptn_agree_read_answer(&OURS, &offer, &agreed));
    }
}

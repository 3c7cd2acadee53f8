/*
 * tests/unit/sip/test_stream.c - messages cut out of a stream, however it was cut up.
 */
#include "sip/stream.h"

#include "support/test.h"

#define ONE "OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"
#define TWO "SIP/2.0 200 OK\r\nVia: x\r\nl :0\r\n\r\n"

static void input(struct ptn_sip_stream *s, const char *text)
{
    CHECK(ptn_sip_stream_input(s, ptn_bytes_of_text(text)));
}

static void check_message(struct ptn_sip_stream *s, const char *text)
{
    struct ptn_bytes got;

    CHECK_EQ(PTN_SIP_STREAM_MESSAGE, ptn_sip_stream_take(s, &got));
    CHECK_EQ(strlen(text), got.size);
    CHECK_BYTES(text, got.data, got.size);
}

static void check_step(struct ptn_sip_stream *s, enum ptn_sip_stream_step step)
{
    struct ptn_bytes got;

    CHECK_EQ(step, ptn_sip_stream_take(s, &got));
}

TEST(messages_and_pings_come_out_in_order)
{
    struct ptn_sip_stream s = {0};

    check_step(&s, PTN_SIP_STREAM_MORE);
    input(&s, ONE TWO "\r\n\r\n" ONE "\r\n" TWO);
    check_message(&s, ONE);
    check_message(&s, TWO);
    check_step(&s, PTN_SIP_STREAM_PING);
    check_message(&s, ONE);
    check_step(&s, PTN_SIP_STREAM_PONG);
    check_message(&s, TWO);
    check_step(&s, PTN_SIP_STREAM_MORE);
    ptn_sip_stream_fini(&s);
}

TEST(a_message_may_come_byte_by_byte)
{
    struct ptn_sip_stream s = {0};
    const char *text = ONE TWO;

    for (size_t i = 0; i < strlen(text); i++) {
        CHECK(ptn_sip_stream_input(&s, ptn_bytes(text + i, 1)));
        if (i + 1 == strlen(ONE))
            check_message(&s, ONE);
        else if (i + 1 == strlen(text))
            check_message(&s, TWO);
        else
            check_step(&s, PTN_SIP_STREAM_MORE);
    }
    ptn_sip_stream_fini(&s);
}

TEST(a_single_line_break_is_a_pong_and_half_a_ping_is_waited_for)
{
    struct ptn_sip_stream s = {0};

    input(&s, "\r");
    check_step(&s, PTN_SIP_STREAM_MORE);
    input(&s, "\n");
    check_step(&s, PTN_SIP_STREAM_PONG);
    input(&s, "\r\n\r");
    check_step(&s, PTN_SIP_STREAM_MORE);
    input(&s, "\n");
    check_step(&s, PTN_SIP_STREAM_PING);
    check_step(&s, PTN_SIP_STREAM_MORE);
    ptn_sip_stream_fini(&s);
}

TEST(what_cannot_be_framed_breaks_the_stream)
{
    static const char *const texts[] = {
        "OPTIONS sip:a SIP/2.0\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 65535\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ptn_sip_stream s = {0};
        input(&s, texts[i]);
        check_step(&s, PTN_SIP_STREAM_BROKEN);
        ptn_sip_stream_fini(&s);
    }
}

TEST(a_header_without_end_breaks_the_stream_before_it_fills_memory)
{
    struct ptn_sip_stream s = {0};
    static uint8_t much[PTN_SIP_MSG_MAX + 1];

    memset(much, 'x', sizeof much);
    CHECK(ptn_sip_stream_input(&s, ptn_bytes(much, sizeof much)));
    check_step(&s, PTN_SIP_STREAM_BROKEN);
    CHECK(!ptn_sip_stream_input(&s, ptn_bytes(much, sizeof much)));
    ptn_sip_stream_fini(&s);
}

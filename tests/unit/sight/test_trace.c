/*
 * What is kept of the messages, without their secrets: sight/trace and sight/mask.
 */
#include "sight/trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "sight/header.h"
#include "sight/mask.h"
#include "support/test.h"

static const struct ptn_addr HERE = {.ip = {192, 0, 2, 1}, .port = 5060, .family = PTN_IPV4};
static const struct ptn_addr THERE = {.ip = {192, 0, 2, 9}, .port = 5060, .family = PTN_IPV4};
static const struct ptn_addr ELSEWHERE = {.ip = {192, 0, 2, 8}, .port = 5060, .family = PTN_IPV4};

static struct ptn_trace *trace;
static uint64_t now;

static void begin(void)
{
    trace = ptn_trace_new(PTN_TRACE_BYTES_MIN);
    now = 0;
    CHECK(trace != NULL);
}

static void see(enum ptn_seen_kind kind, bool sent, const struct ptn_addr *far, const char *text)
{
    ptn_trace_add(trace, ++now,
                  &(struct ptn_seen){.kind = kind,
                                     .sent = sent,
                                     .id = 1,
                                     .transport = kind == PTN_SEEN_DATAGRAM ? PTN_UDP : PTN_TCP,
                                     .local = HERE,
                                     .far = *far,
                                     .bytes = ptn_bytes_of_text(text)});
}

static void sent(const char *text)
{
    see(PTN_SEEN_DATAGRAM, true, &THERE, text);
}

static void received(const char *text)
{
    see(PTN_SEEN_DATAGRAM, false, &THERE, text);
}

static const char *message(const char *start, const char *call_id, unsigned cseq,
                           const char *method)
{
    static char text[4][2000];
    static unsigned next;
    char *to = text[next++ % 4];
    snprintf(to, sizeof text[0],
             "%s\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\nCall-ID: %s\r\n"
             "CSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
             start, call_id, cseq, method);
    return to;
}

static const char *invite(const char *call_id)
{
    return message("INVITE sip:1002@example.org SIP/2.0", call_id, 1, "INVITE");
}

/* The entries in order, one word each: a message's first word, or what else it is. */
static const char *kept(void)
{
    static char words[2000];
    static const char *const kinds[] = {"", "keep", "up", "down", "failed"};
    struct ptn_trace_entry e;
    words[0] = '\0';
    for (uint64_t n = 0; ptn_trace_next(trace, n, &e); n = e.number) {
        size_t used = strlen(words);
        const char *text = (const char *)e.text.data;
        int size = e.kind == PTN_TRACE_MESSAGE ? (int)strcspn(text, " ") : 0;
        snprintf(words + used, sizeof words - used, "%s%s%.*s%s", used ? " " : "", kinds[e.kind],
                 size, size ? text : "", e.repeat ? "*" : "");
    }
    return words;
}

TEST(messages_are_kept_in_order_and_what_is_no_sip_is_not)
{
    begin();
    sent(invite("a"));
    received("\x01\x01\x00\x0c stun INVITE x SIP/2.0\r\n\r\n");
    received("\x80\x00 rtp");
    received("GET / HTTP/1.1\r\n\r\n");
    received(message("SIP/2.0 100 Trying", "a", 1, "INVITE"));
    sent("BROKEN");
    CHECK_STR("INVITE SIP/2.0", kept());
    ptn_trace_free(trace);
}

TEST(a_message_that_comes_again_is_marked_and_one_that_goes_the_other_way_is_not)
{
    begin();
    sent(invite("a"));
    sent(invite("a"));
    received(invite("a"));
    sent(invite("b"));
    CHECK_STR("INVITE INVITE* INVITE INVITE", kept());
    ptn_trace_free(trace);
}

TEST(what_keeps_the_way_open_is_counted_until_something_happens_there)
{
    struct ptn_trace_entry e;
    begin();
    for (unsigned i = 0; i < 3; i++) {
        sent("\r\n\r\n");
        sent(message("OPTIONS sip:example.org SIP/2.0", "o", i, "OPTIONS"));
        received(message("SIP/2.0 200 OK", "o", i, "OPTIONS"));
        see(PTN_SEEN_DATAGRAM, true, &ELSEWHERE, "\r\n\r\n");
    }
    CHECK_STR("", kept());
    CHECK(ptn_trace_counting(trace, 0, &e));
    CHECK_EQ(6, e.sent_count);
    CHECK_EQ(3, e.received_count);
    CHECK_ADDR(&THERE, &e.far);
    CHECK_EQ(1, e.unix_ns);
    CHECK_EQ(11, e.until_ns);
    CHECK_EQ(0, e.number);
    CHECK(ptn_trace_counting(trace, 1, &e));
    CHECK(!ptn_trace_counting(trace, 2, &e));
    sent(invite("a"));
    CHECK_STR("keep INVITE", kept());
    CHECK(ptn_trace_counting(trace, 0, &e));
    CHECK_ADDR(&ELSEWHERE, &e.far);
    CHECK(!ptn_trace_counting(trace, 1, &e));
    ptn_trace_free(trace);
}

TEST(notify_keep_alive_is_counted_with_its_answer_and_other_notify_is_kept)
{
    begin();
    sent("NOTIFY sip:example.org SIP/2.0\r\nCall-ID: k\r\nCSeq: 1 NOTIFY\r\nEvent: "
         "keep-alive\r\n\r\n");
    received(message("SIP/2.0 489 Bad Event", "k", 1, "NOTIFY"));
    CHECK_STR("", kept());
    received("NOTIFY sip:1001@192.0.2.1 SIP/2.0\r\ni: m\r\nCSeq: 1 NOTIFY\r\no: "
             "message-summary\r\n\r\n");
    sent(message("SIP/2.0 200 OK", "m", 1, "NOTIFY"));
    CHECK_STR("keep NOTIFY SIP/2.0", kept());
    ptn_trace_free(trace);
}

TEST(messages_of_a_stream_are_found_however_they_are_cut_and_its_turns_are_told)
{
    char half[200];
    const char *whole = invite("a");
    begin();
    see(PTN_SEEN_UP, true, &THERE, "");
    snprintf(half, sizeof half, "%.*s", 40, whole);
    see(PTN_SEEN_STREAM, false, &THERE, half);
    see(PTN_SEEN_STREAM, true, &THERE, message("SIP/2.0 100 Trying", "b", 1, "INVITE"));
    see(PTN_SEEN_STREAM, false, &THERE, whole + 40);
    see(PTN_SEEN_STREAM, true, &THERE, "\r\n\r\n");
    see(PTN_SEEN_STREAM, false, &THERE, "\r\n");
    see(PTN_SEEN_DOWN, false, &THERE, "");
    CHECK_STR("up SIP/2.0 INVITE keep down", kept());
    see(PTN_SEEN_FAILED, true, &THERE, "");
    CHECK_STR("up SIP/2.0 INVITE keep down failed", kept());
    ptn_trace_free(trace);
}

TEST(a_stream_of_something_else_is_let_be_and_one_under_its_id_later_is_not)
{
    begin();
    see(PTN_SEEN_UP, true, &THERE, "");
    see(PTN_SEEN_STREAM, true, &THERE, "no length\r\n\r\n");
    see(PTN_SEEN_STREAM, true, &THERE, invite("a"));
    see(PTN_SEEN_DOWN, true, &THERE, "");
    see(PTN_SEEN_UP, true, &THERE, "");
    see(PTN_SEEN_STREAM, true, &THERE, invite("a"));
    CHECK_STR("up down up INVITE", kept());
    ptn_trace_free(trace);
}

TEST(connections_of_stun_are_none_of_sip)
{
    begin();
    see(PTN_SEEN_UP, true, &THERE, "");
    see(PTN_SEEN_STREAM, true, &THERE, "\x01\x01stun");
    see(PTN_SEEN_STREAM, false, &THERE, "\x01\x01stun");
    see(PTN_SEEN_DOWN, true, &THERE, "");
    CHECK_STR("", kept());
    see(PTN_SEEN_UP, true, &THERE, "");
    CHECK_STR("", kept());
    see(PTN_SEEN_DOWN, true, &THERE, "");
    CHECK_STR("up down", kept());
    ptn_trace_free(trace);
}

TEST(the_oldest_give_way_to_the_newest)
{
    struct ptn_trace_entry e;
    char call_id[32];
    unsigned seen = 0;
    uint64_t first = 0, last = 0;
    begin();
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(call_id, sizeof call_id, "call-%u", i);
        sent(invite(call_id));
        if (i % 7 == 0)
            see(PTN_SEEN_FAILED, true, &THERE, "");
    }
    for (uint64_t n = 0; ptn_trace_next(trace, n, &e); n = e.number) {
        first = first ? first : e.number;
        CHECK(last == 0 || e.number == last + 1);
        last = e.number;
        if (e.kind != PTN_TRACE_MESSAGE)
            continue;
        seen++;
        CHECK(memcmp(e.text.data, "INVITE ", 7) == 0);
        CHECK_BYTES("\r\n\r\n", e.text.data + e.text.size - 4, 4);
    }
    CHECK_EQ(3000 + 429, last);
    CHECK(first > 1 && seen > 300); /* 128 KiB, some 160 bytes each */
    ptn_trace_free(trace);
}

TEST(a_message_larger_than_all_others_drives_them_out)
{
    static char large[60000];
    begin();
    for (unsigned i = 0; i < 4; i++) {
        int size = snprintf(large, sizeof large, "%s",
                            message("MESSAGE sip:a SIP/2.0", "m", i, "MESSAGE"));
        memset(large + size, 'x', sizeof large - 1 - (size_t)size);
        sent(invite("a"));
        sent(large);
    }
    CHECK_STR("INVITE* MESSAGE INVITE* MESSAGE", kept());
    ptn_trace_free(trace);
}

TEST(messages_get_the_number_of_their_call_before_and_after_it_is_known)
{
    struct ptn_trace_entry e;
    begin();
    sent(invite("a"));
    sent(invite("b"));
    ptn_trace_name(trace, "a", 7);
    ptn_trace_name(trace, "", 8);
    received(message("SIP/2.0 200 OK", "a", 1, "INVITE"));
    CHECK(ptn_trace_next(trace, 0, &e) && e.call == 7);
    CHECK(ptn_trace_next(trace, 1, &e) && e.call == 0);
    CHECK(ptn_trace_next(trace, 2, &e) && e.call == 7);
    for (unsigned i = 0; i < 200; i++) {
        char call_id[32];
        snprintf(call_id, sizeof call_id, "other-%u", i);
        ptn_trace_name(trace, call_id, 100 + i);
    }
    sent(invite("other-199"));
    CHECK(ptn_trace_next(trace, 3, &e) && e.call == 299);
    ptn_trace_free(trace);
}

TEST(headers_are_found_by_both_their_names_and_only_before_the_body)
{
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"x\r\nCall-ID: a b \r\n\r\n", "a b"}, {"x\r\nI:a\r\n\r\n", "a"},
        {"x\r\ncall-id \t:a\n\n", "a"},        {"x\r\nSubject: 1\r\nCall-ID: a", "a"},
        {"x\r\n\r\nCall-ID: a\r\n", ""},       {"x\r\nX-Call-ID: a\r\n\r\n", ""},
        {"x\r\n Call-ID: a\r\n\r\n", ""},      {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_bytes value = ptn_header_find(ptn_bytes_of_text(cases[i].text), "Call-ID", "i");
        CHECK(ptn_bytes_equal(ptn_bytes_of_text(cases[i].value), value));
    }
}

/* ---- secrets ---- */

static const char *masked(const char *text)
{
    static char out[2000];
    struct ptn_writer w = ptn_writer(out, sizeof out - 1);
    ptn_mask(&w, ptn_bytes_of_text(text));
    CHECK(!w.bad);
    *w.at = '\0';
    return out;
}

TEST(secrets_are_hidden_and_the_rest_stays_as_it_is)
{
    static const struct {
        const char *text, *masked;
    } cases[] = {
        {"A\r\nAuthorization: Digest username=\"a,b\", response=\"0123\", nc=1\r\nX: y\r\n\r\n",
         "A\r\nAuthorization: Digest username=\"a,b\", response=(hidden), nc=1\r\nX: y\r\n\r\n"},
        {"A\r\nproxy-authorization :Digest response=\"0123\"\r\n\r\n",
         "A\r\nproxy-authorization :Digest response=(hidden)\r\n\r\n"},
        /* folded, and in the case of somebody's own */
        {"A\r\nAuthorization: Digest nc=1,\r\n RESPONSE = \"01\"\r\n\r\n",
         "A\r\nAuthorization: Digest nc=1,\r\n RESPONSE =(hidden)\r\n\r\n"},
        {"A\r\nAuthorization: Basic YTpi\r\n\r\n", "A\r\nAuthorization: Basic(hidden)\r\n\r\n"},
        {"A\r\nAuthorization: Bearer abc=, x\r\n\r\n",
         "A\r\nAuthorization: Bearer abc=(hidden),(hidden)\r\n\r\n"},
        {"A\r\nAuthentication-Info: rspauth=\"01\", nc=1\r\n\r\n",
         "A\r\nAuthentication-Info: rspauth=(hidden), nc=1\r\n\r\n"},
        /* a quote that does not end hides what follows */
        {"A\r\nAuthorization: Digest response=\"01, nc=1\r\n\r\n",
         "A\r\nAuthorization: Digest response=(hidden)\r\n\r\n"},
        /* nor does one that ends too early show it */
        {"A\r\nAuthorization: Digest nonce=x\", response=\"01\"\r\n\r\n",
         "A\r\nAuthorization: Digest nonce=(hidden)\r\n\r\n"},
        {"A\r\nAuthorization: Digest re\"s=01, nc=1\r\n\r\n",
         "A\r\nAuthorization: Digest(hidden)\r\n\r\n"},
        {"A\r\nWWW-Authenticate: Digest nonce=\"1\"\r\n\r\n",
         "A\r\nWWW-Authenticate: Digest nonce=\"1\"\r\n\r\n"},
        {"A\r\n\r\nm=audio 1 RTP/SAVP 0\r\na=crypto:1 AES "
         "inline:abc\r\nA=ICE-PWD:x\r\na=rtcp:2\r\n",
         "A\r\n\r\nm=audio 1 RTP/SAVP "
         "0\r\na=crypto:(hidden)\r\nA=ICE-PWD:(hidden)\r\na=rtcp:2\r\n"},
        {"A\r\n\r\nAuthorization: Digest response=\"not a header\"\r\n",
         "A\r\n\r\nAuthorization: Digest response=\"not a header\"\r\n"},
        {"caf\xc3\xa9 \xff \xc3( \xe2\x82\xac \xed\xa0\x80 \xf0\x9f\x98\x80 \xf4\x90\x80\x80 "
         "\xe0\x80\x80",
         "caf\xc3\xa9 ? ?( \xe2\x82\xac ??? \xf0\x9f\x98\x80 ???? ???"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_STR(cases[i].masked, masked(cases[i].text));
}

TEST(what_the_ring_keeps_has_no_secret)
{
    struct ptn_trace_entry e;
    begin();
    sent("REGISTER sip:a SIP/2.0\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n"
         "Authorization: Digest response=\"5ec7e7\"\r\n\r\n");
    CHECK(ptn_trace_next(trace, 0, &e));
    CHECK(e.text.size > 0 && !memmem(e.text.data, e.text.size, "5ec7e7", 6));
    ptn_trace_free(trace);
}

/*
 * tests/unit/sip/test_msg.c - what an agent makes of messages, well formed and not.
 */
#include <stdio.h>

#include "world.h"

/* Method, then headers after the five that every request has, then the body. */
static const char *request(const char *method, const char *uri, const char *to_tag,
                           const char *headers, const char *body)
{
    static char text[WORLD_TEXT];
    static unsigned count;

    count++;
    snprintf(text, sizeof text,
             "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK%u;rport\r\n"
             "From: <sip:p@x>;tag=p\r\nTo: <sip:bob@y>%s\r\nCall-ID: c%u\r\nCSeq: 1 %s\r\n"
             "%sContent-Length: %zu\r\n\r\n%s",
             method, uri, count, to_tag, count, method, headers, strlen(body), body);
    return text;
}

static struct world *begin(void)
{
    struct world *w = world_new(50);

    world_plain_account(w, BOB, "bob");
    return w;
}

TEST(requests_are_answered_as_rfc_3261_8_2_says)
{
#define CONTACT "Contact: <sip:p@192.0.2.9>\r\n"
#define SDP "Content-Type: application/sdp\r\n"
    static const struct {
        const char *method, *uri, *to_tag, *headers, *body, *answer, *header;
    } cases[] = {
        {"OPTIONS", "sip:192.0.2.2", "", "", "", "SIP/2.0 200", "Allow: INVITE"},
        {"OPTIONS", "sip:bob@192.0.2.2", "", "", "", "SIP/2.0 200", "Accept: application/sdp"},
        {"BYE", "sip:bob@192.0.2.2", ";tag=1", "", "", "SIP/2.0 481", ""},
        {"BYE", "sip:bob@192.0.2.2", "", "", "", "SIP/2.0 481", ""},
        {"INFO", "sip:bob@192.0.2.2", "", "", "", "SIP/2.0 481", ""},
        {"UPDATE", "sip:bob@192.0.2.2", ";tag=1", CONTACT, "", "SIP/2.0 481", ""},
        {"UPDATE", "sip:bob@192.0.2.2", "", CONTACT, "", "SIP/2.0 481", ""},
        {"INVITE", "sip:bob@192.0.2.2", ";tag=1", CONTACT, "", "SIP/2.0 481", ""},
        {"CANCEL", "sip:bob@192.0.2.2", "", "", "", "SIP/2.0 481", ""},
        {"NOTIFY", "sip:bob@192.0.2.2", "", "Event: x\r\n", "", "SIP/2.0 489", ""},
        {"MESSAGE", "sip:bob@192.0.2.2", "", "Content-Type: image/png\r\n", "x", "SIP/2.0 415",
         "Accept: text/plain"},
        {"MESSAGE", "sip:eve@192.0.2.2", "", "", "", "SIP/2.0 404", ""},
        {"PUBLISH", "sip:bob@192.0.2.2", "", "", "", "SIP/2.0 405", "Allow: "},
        {"REFER", "sip:bob@192.0.2.2", "", "Refer-To: <sip:x@y>\r\n", "", "SIP/2.0 403", ""},
        {"REGISTER", "sip:192.0.2.2", "", "", "", "SIP/2.0 405", ""},
        {"DANCE", "sip:bob@192.0.2.2", "", "", "", "SIP/2.0 501", "Allow: "},
        {"INVITE", "sip:bob@192.0.2.2", "", CONTACT "Require: y, 100rel, timer, x\r\n", "",
         "SIP/2.0 420", "Unsupported: y\r\nUnsupported: x"},
        {"PRACK", "sip:bob@192.0.2.2", ";tag=1", "RAck: 1 1 INVITE\r\n", "", "SIP/2.0 481", ""},
        {"PRACK", "sip:bob@192.0.2.2", "", "RAck: 1 1 INVITE\r\n", "", "SIP/2.0 481", ""},
        {"INVITE", "sip:eve@192.0.2.2", "", CONTACT, "", "SIP/2.0 404", ""},
        {"INVITE", "sip:bob@192.0.2.2", "", "", "", "SIP/2.0 400", ""},
        {"INVITE", "sip:bob@192.0.2.2", "", CONTACT "Content-Type: text/plain\r\n", "hi",
         "SIP/2.0 415", "Accept: application/sdp"},
        {"INVITE", "sip:bob@192.0.2.2", "", CONTACT SDP, "hi", "SIP/2.0 400", ""},
        {"INVITE", "tel:+123@x", "", CONTACT, "", "SIP/2.0 416", ""},
        {"INVITE", "sip:bob@192.0.2.2", "", CONTACT, "", "SIP/2.0 100", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = begin();
        world_send(w, BOB,
                   request(cases[i].method, cases[i].uri, cases[i].to_tag, cases[i].headers,
                           cases[i].body));
        const char *answer = world_receive(w, "SIP/2.0");
        CHECK(strncmp(answer, cases[i].answer, strlen(cases[i].answer)) == 0);
        CHECK(strstr(answer, cases[i].header));
        CHECK_STR("test", header_of(answer, "Server"));
        world_free(w);
    }
}

TEST(an_answer_goes_where_via_and_rport_say)
{
    static const struct {
        const char *via;
        const char *to; /* whether the peer at :5060 gets it, or another port */
        const char *answered;
    } cases[] = {
        {"192.0.2.9;branch=z9hG4bK1", "192.0.2.9:5060", "192.0.2.9;branch=z9hG4bK1"},
        {"192.0.2.9:7777;branch=z9hG4bK1;rport", "192.0.2.9:5060",
         "192.0.2.9:7777;branch=z9hG4bK1;rport=5060;received=192.0.2.9"},
        {"10.0.0.1:7777;rport;branch=z9hG4bK1", "192.0.2.9:5060",
         "10.0.0.1:7777;rport=5060;branch=z9hG4bK1;received=192.0.2.9"},
        {"10.0.0.1;branch=z9hG4bK1", "192.0.2.9:5060",
         "10.0.0.1;branch=z9hG4bK1;received=192.0.2.9"},
        /* Neither maddr nor a name in sent-by is followed. */
        {"victim.example;maddr=203.0.113.9;branch=z9hG4bK1", "192.0.2.9:5060",
         "victim.example;maddr=203.0.113.9;branch=z9hG4bK1;received=192.0.2.9"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = begin();
        char text[1000], via[300];
        snprintf(text, sizeof text,
                 "OPTIONS sip:192.0.2.2 SIP/2.0\r\nv: SIP/2.0/UDP %s,\r\n"
                 " SIP/2.0/TCP far.example;branch=z9hG4bK2\r\nf: <sip:p@x>;tag=p\r\n"
                 "t: <sip:b@y>\r\ni: c\r\nCSeq: 1 OPTIONS\r\n\r\n",
                 cases[i].via);
        world_send(w, BOB, text);
        const char *answer = world_receive(w, "SIP/2.0 200");
        snprintf(via, sizeof via, "\r\nVia: SIP/2.0/UDP %s\r\nVia: SIP/2.0/TCP far.example",
                 cases[i].answered);
        CHECK(strstr(answer, via));
        world_free(w);
    }
}

TEST(a_repeated_request_gets_the_same_answer_and_is_served_once)
{
    struct world *w = begin();
    char invite[WORLD_TEXT], first[WORLD_TEXT];

    snprintf(invite, sizeof invite, "%s",
             request("INVITE", "sip:bob@192.0.2.2", "", "Contact: <sip:p@192.0.2.9>\r\n", ""));
    world_send(w, BOB, invite);
    ptn_sip_id call = world_expect(w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_progress(w->agents[BOB], w->now, call, 180, NULL, NULL);
    snprintf(first, sizeof first, "%s", world_receive(w, "SIP/2.0 180"));
    world_send(w, BOB, invite);
    CHECK_STR(first, world_receive(w, "SIP/2.0 180"));
    world_expect_none(w, BOB, PTN_SIP_INCOMING, PTN_S(1));

    /* Another branch with the same Call-ID, From and CSeq is a loop or a fork that met itself. */
    char *branch = strstr(invite, "z9hG4bK");
    branch[7] = 'm';
    world_send(w, BOB, invite);
    world_receive(w, "SIP/2.0 482");
    world_free(w);
}

TEST(broken_bytes_are_counted_and_never_answered_wildly)
{
    static const struct {
        const char *text;
        enum ptn_sip_verdict verdict;
        bool answered;
    } cases[] = {
        {"\r\n\r\n", PTN_SIP_KEEPALIVE_BYTES, false},
        {"\r\n", PTN_SIP_KEEPALIVE_BYTES, false},
        {"hello", PTN_SIP_TRUNCATED, false},
        {"\x01\x02\r\n\r\n", PTN_SIP_TRUNCATED, false},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", PTN_SIP_NOT_SIP, false},
        {"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z\r\n", PTN_SIP_TRUNCATED,
         false},
        {"OPTIONS sip:a SIP/2.0\r\n\r\n", PTN_SIP_TRUNCATED, false},
        {"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z\r\nFrom: <sip:a@b>;tag=1\r\n"
         "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
         PTN_SIP_NOT_SIP, false},
        {"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z\r\nFrom: <sip:a@b>;tag=1\r\n"
         "To: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
         PTN_SIP_BAD_HEADER, true},
        {"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z\r\nFrom: <sip:a@b>;tag=1\r\n"
         "To: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 9\r\n\r\nabc",
         PTN_SIP_TRUNCATED, true},
        {"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z\r\nFrom: <sip:a@b>;tag=1\r\n"
         "To: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: -9\r\n\r\nabc",
         PTN_SIP_BAD_HEADER, true},
        {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKno\r\n"
         "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
         PTN_SIP_STRAY_RESPONSE, false},
        {"ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKno\r\n"
         "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 ACK\r\n\r\n",
         PTN_SIP_STRAY_ACK, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = begin();
        world_send(w, BOB, cases[i].text);
        if (cases[i].answered)
            world_receive(w, "SIP/2.0 400");
        else
            world_receive_none(w, PTN_S(1));
        unsigned got = 0;
        while (got < PTN_SIP_VERDICTS && ptn_sip_count(w->agents[BOB], got) == 0)
            got++;
        CHECK_EQ(cases[i].verdict, got);
        CHECK_EQ(1, ptn_sip_count(w->agents[BOB], got));
        world_free(w);
    }
    CHECK_STR("stray ACK", ptn_sip_verdict_text(PTN_SIP_STRAY_ACK));
}

TEST(headers_that_no_answer_could_echo_are_dropped)
{
    static char text[30000];
    struct world *w = begin();
    size_t used = (size_t)snprintf(text, sizeof text,
                                   "OPTIONS sip:x@y SIP/2.0\r\n"
                                   "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\r\n"
                                   "From: <sip:p@x>;tag=p\r\nTo: <sip:b@y>\r\nCall-ID: c\r\n"
                                   "CSeq: 1 OPTIONS\r\n");

    while (used < 17000)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "Via: SIP/2.0/UDP far.example;branch=z9hG4bKa\r\n");
    strcat(text, "\r\n");
    world_send(w, BOB, text);
    world_receive_none(w, PTN_S(1));
    CHECK_EQ(1, ptn_sip_count(w->agents[BOB], PTN_SIP_TOO_LONG));
    world_free(w);
}

TEST(when_the_table_is_full_the_answered_are_forgotten_and_then_requests_turned_away)
{
    struct world *w = begin();
    struct ptn_sip_opts opts = {
        .id_first = 100, .id_count = 10, .transactions_max = 4, .dice = ptn_dice_seeded(1)};

    ptn_sip_free(w->agents[BOB]);
    CHECK_EQ(PTN_OK, ptn_sip_new(&opts, &w->agents[BOB]));
    w->udp[BOB] = ptn_sip_listen(w->agents[BOB], w->now, PTN_UDP, &w->addr[BOB]);
    world_run(w, PTN_MS(1));
    world_plain_account(w, BOB, "bob");
    /* A flood of requests that are answered at once stops nobody. */
    for (unsigned i = 0; i < 20; i++) {
        world_send(w, BOB, request("OPTIONS", "sip:x@192.0.2.2", "", "", ""));
        world_receive(w, "SIP/2.0 200");
    }
    CHECK_EQ(16, ptn_sip_count(w->agents[BOB], PTN_SIP_NO_ROOM));
    /* Those that wait for the owner are not forgotten. */
    for (unsigned i = 0; i < 4; i++) {
        world_send(
            w, BOB,
            request("INVITE", "sip:bob@192.0.2.2", "", "Contact: <sip:p@192.0.2.9>\r\n", ""));
        world_receive(w, "SIP/2.0 100");
    }
    world_send(w, BOB, request("OPTIONS", "sip:x@192.0.2.2", "", "", ""));
    world_receive(w, "SIP/2.0 503");
    ptn_sip_call_reject(w->agents[BOB], w->now, world_expect(w, BOB, PTN_SIP_INCOMING)->event.call,
                        486);
    world_receive(w, "SIP/2.0 486");
    world_send(w, BOB, request("OPTIONS", "sip:x@192.0.2.2", "", "", ""));
    world_receive(w, "SIP/2.0 200");
    world_free(w);
}

TEST(requests_of_a_call_out_of_order_are_refused)
{
    struct world *w = begin();
    char invite[WORLD_TEXT], bye[WORLD_TEXT], to[200];

    snprintf(invite, sizeof invite,
             "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKi\r\n"
             "From: <sip:p@x>;tag=p\r\nTo: <sip:bob@y>\r\nCall-ID: order\r\nCSeq: 10 INVITE\r\n"
             "Contact: <sip:p@192.0.2.9>\r\nContent-Length: 0\r\n\r\n");
    world_send(w, BOB, invite);
    ptn_sip_id call = world_expect(w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_progress(w->agents[BOB], w->now, call, 180, NULL, NULL);
    snprintf(to, sizeof to, "%s", header_of(world_receive(w, "SIP/2.0 180"), "To"));
    static const struct {
        unsigned cseq;
        const char *answer;
    } cases[] = {{9, "SIP/2.0 500"}, {10, "SIP/2.0 500"}, {11, "SIP/2.0 200"}};
    for (size_t i = 0; i < 3; i++) {
        snprintf(bye, sizeof bye,
                 "BYE sip:bob@192.0.2.2 SIP/2.0\r\n"
                 "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb%zu\r\n"
                 "From: <sip:p@x>;tag=p\r\nTo: %s\r\nCall-ID: order\r\nCSeq: %u BYE\r\n\r\n",
                 i, to, cases[i].cseq);
        world_send(w, BOB, bye);
        world_receive(w, cases[i].answer);
    }
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, world_expect(w, BOB, PTN_SIP_ENDED)->event.ended);
    world_free(w);
}

#define PART(kind, text) "--b 1\r\nContent-Type: " kind "\r\n\r\n" text "\r\n"
#define MULTIPART "Content-Type: multipart/mixed; boundary=\"b 1\"\r\n"
#define LINES                                                                                      \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 7000 "       \
    "RTP/AVP 8"

/* What carriers send: a description, and beside it what their switches say. */
TEST(a_description_is_found_among_several_parts)
{
    static const struct {
        const char *type, *body;
        bool found;
    } rows[] = {
        {MULTIPART,
         PART("application/isup;version=x", "\x01\x02")
             PART("Application/SDP", LINES) "--b 1--\r\n",
         true},
        {MULTIPART, "words before it\r\n" PART("application/sdp", LINES) "--b 1--", true},
        {MULTIPART,
         "--b 1\r\nContent-Disposition: session\r\nContent-type:application/sdp\r\n\r\n" LINES
         "\r\n--b 1--\r\n",
         true},
        {"Content-Type: multipart/alternative;boundary=b\r\n",
         "--b\r\nContent-Type: application/sdp\r\n\r\n" LINES "\r\n--b--\r\n", true},
        {MULTIPART, PART("text/plain", "hi") "--b 1--\r\n", false},
        {MULTIPART, "--b 1\r\n\r\n" LINES "\r\n--b 1--\r\n", false},
        {MULTIPART,
         "--b 1\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/sdp\r\n\r\n" LINES
         "\r\n--b 1--\r\n",
         false},
        {MULTIPART, "--b 1--\r\n" PART("application/sdp", LINES), false},
        {MULTIPART, "--b 1", false},
        {MULTIPART, "--b 1\r\nContent-Type: application/sdp\r\n", false},
        {MULTIPART, PART("application/sdp", LINES), false}, /* it does not end */
        {"Content-Type: multipart/mixed\r\n", PART("application/sdp", LINES) "--b 1--", false},
        {"Content-Type: multipart/mixed;boundary=\"\"\r\n", "--\r\n", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = begin();
        char headers[300];
        snprintf(headers, sizeof headers, CONTACT "%s", rows[i].type);
        world_send(w, BOB, request("INVITE", "sip:bob@192.0.2.2", "", headers, rows[i].body));
        if (rows[i].found) {
            const struct seen *seen = world_expect(w, BOB, PTN_SIP_INCOMING);
            CHECK(seen->has_sdp && seen->sdp.media[0].rtp.port == 7000);
        } else {
            world_receive(w, "SIP/2.0 415");
        }
        world_free(w);
    }
}

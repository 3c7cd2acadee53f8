/*
 * tests/vectors/torture.h - messages that are hard to read, or should not be read at all.
 *
 * Written after the sections of RFC 4475, which say what each is about; the messages are our own.
 * They go to the phone of user "bob" at 192.0.2.2:5060, from 192.0.2.9:5060 over UDP. `answer` is
 * the beginning of what comes back; "" where nothing may. `verdict` is what it is counted as.
 */
#ifndef PTN_VECTORS_TORTURE_H
#define PTN_VECTORS_TORTURE_H

#include "sip/sip.h"

struct torture {
    const char *section, *about;
    const char *text;
    size_t size; /* 0: all of it */
    const char *answer;
    enum ptn_sip_verdict verdict;
};

#define TORTURE_SDP                                                                                \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"                    \
    "m=audio 7000 RTP/AVP 8\r\n"
#define TORTURE_SDP_SIZE "87"
#define TORTURE_VIA "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK"
/* What every request has beside its first line: a transaction of its own, and a way back. */
#define TORTURE_HEAD(name, method)                                                                 \
    TORTURE_VIA name "\r\nMax-Forwards: 70\r\nFrom: <sip:eve@example.net>;tag=t" name              \
                     "\r\nTo: <sip:bob@example.org>\r\nCall-ID: " name                             \
                     "@192.0.2.9\r\nCSeq: 8 " method "\r\nContact: <sip:eve@192.0.2.9>\r\n"
#define TORTURE_NO_BODY "Content-Length: 0\r\n\r\n"
#define TORTURE_OFFER                                                                              \
    "Content-Type: application/sdp\r\nContent-Length: " TORTURE_SDP_SIZE "\r\n\r\n" TORTURE_SDP

static const struct torture torture[] = {
    /* ---- 3.1.1: odd, and right ---- */
    {"3.1.1.1", "blanks, folds, short names and mixed case wherever they are allowed",
     "INVITE sip:bob@192.0.2.2;unknown SIP/2.0\r\n"
     "TO :\r\n  sip:bob@example.org   ;  x\r\n"
     "from   : \"E. \\\\\\\" Ve\"\r\n   <sip:eve@example.net>\r\n  ;\r\n  tag  = 98asj\r\n"
     "MaX-fOrWaRdS: 0068\r\nCall-ID: wide.1@192.0.2.9\r\nContent-Length   : " TORTURE_SDP_SIZE
     "\r\n"
     "cseq: 0009\r\n  INVITE\r\nv:  SIP / 2.0\r\n / UDP\r\n   192.0.2.9 ;branch=z9hG4bK3111\r\n"
     "S :\r\nNewFangled:   a value;with=\"\r\n   folds\" \r\n"
     "Contact : \"Q\\\"uote\" <sip:eve@192.0.2.9;newparam>;q=0.7\r\n"
     "C: application/sdp\r\n\r\n" TORTURE_SDP,
     0, "SIP/2.0 100", PTN_SIP_TAKEN},
    {"3.1.1.2", "every character that a token may have",
     "!odd-Method0123456789_*+`.%~' sip:1_unusual.URI~(but!OK)&=+$,;?/:pw@192.0.2.2 "
     "SIP/2.0\r\n" TORTURE_HEAD("3112", "!odd-Method0123456789_*+`.%~'") TORTURE_NO_BODY,
     0, "SIP/2.0 501", PTN_SIP_TAKEN},
    {"3.1.1.3", "the user of the URI is written with escapes",
     "INVITE sip:%62o%62@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("3113", "INVITE") TORTURE_OFFER, 0,
     "SIP/2.0 100", PTN_SIP_TAKEN},
    {"3.1.1.4", "an escaped zero does not end a name",
     "INVITE sip:bob%00@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("3114", "INVITE") TORTURE_OFFER, 0,
     "SIP/2.0 404", PTN_SIP_TAKEN},
    {"3.1.1.5", "a percent sign in a method is no escape",
     "OPT%49ONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("3115", "OPT%49ONS") TORTURE_NO_BODY, 0,
     "SIP/2.0 501", PTN_SIP_TAKEN},
    {"3.1.1.6", "no blank between a name and its address",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "3116\r\nMax-Forwards: 70\r\n"
     "From: eve<sip:eve@example.net>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: 3116\r\n"
     "CSeq: 1 OPTIONS\r\n\r\n",
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.1.1.7", "long values, and many Vias",
     "OPTIONS "
     "sip:bob@192.0.2.2;long=0123456789012345678901234567890123456789012345678901234567890123"
     "456789012345678901234567890123456789012345678901234567890123456789012345678901 "
     "SIP/2.0\r\n" TORTURE_HEAD("3117",
                                "OPTIONS") "Via: SIP/2.0/TCP one.example.com\r\nVia: SIP/2.0/TCP "
                                           "two.example.com, SIP/2.0/TCP "
                                           "three.example.com, SIP/2.0/TCP four.example.com\r\n"
                                           "Unknown-Long-long-long-long-long-long-long-long-long-"
                                           "long-long-long-long-long-Name: x\r\n" TORTURE_NO_BODY,
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.1.1.8", "what follows the message in its datagram does not count",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("3118", "OPTIONS") TORTURE_NO_BODY
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("3118b", "INVITE") TORTURE_NO_BODY,
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.1.1.9", "semicolons in the user of a URI",
     "INVITE sip:bob;par=u%40example.net@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("3119", "INVITE")
         TORTURE_OFFER,
     0, "SIP/2.0 404", PTN_SIP_TAKEN},
    {"3.1.1.10", "transports of all kinds below the topmost Via",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "31110", "OPTIONS") "Via: SIP/2.0/SCTP 192.0.2.52;branch=z9hG4bK2\r\nVia: SIP/2.0/UNKNOWN "
                             "192.0.2.53\r\n" TORTURE_NO_BODY,
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.1.1.11", "a body of several parts, none of which we have",
     "MESSAGE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "31111",
         "MESSAGE") "Content-Type: multipart/mixed;boundary=q\r\nContent-Length: 46\r\n\r\n"
                    "--q\r\nContent-Type: text/plain\r\n\r\nHello\r\n--q--\r\n\r\n",
     0, "SIP/2.0 415", PTN_SIP_TAKEN},
    {"3.1.1.12", "a reason phrase in another script",
     "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\r\n" TORTURE_HEAD(
         "31112", "INVITE") TORTURE_NO_BODY,
     0, "", PTN_SIP_STRAY_RESPONSE},
    {"3.1.1.13", "no reason phrase at all",
     "SIP/2.0 100 \r\n" TORTURE_HEAD("31113", "INVITE") TORTURE_NO_BODY, 0, "",
     PTN_SIP_STRAY_RESPONSE},
    /* ---- 3.1.2: wrong ---- */
    {"3.1.2.1", "separators without anything between them",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "3121", "INVITE") "Route: ,,;;,\r\nRequire: ,\r\n" TORTURE_OFFER,
     0, "SIP/2.0 100", PTN_SIP_TAKEN},
    {"3.1.2.2", "a length of more than there is",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "3122",
         "INVITE") "Content-Type: application/sdp\r\nContent-Length: 9999\r\n\r\n" TORTURE_SDP,
     0, "SIP/2.0 400", PTN_SIP_TRUNCATED},
    {"3.1.2.3", "a negative length",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "3123",
         "INVITE") "Content-Type: application/sdp\r\nContent-Length: -999\r\n\r\n" TORTURE_SDP,
     0, "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.4", "a sequence number beyond any",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "3124\r\nFrom: <sip:eve@x>;tag=1\r\n"
     "To: <sip:bob@x>\r\nCall-ID: 3124\r\nCSeq: 36893488147419103232 OPTIONS\r\n\r\n",
     0, "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.4", "more hops to go than there can be",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "3124b\r\nFrom: <sip:eve@x>;tag=1\r\n"
     "To: <sip:bob@x>\r\nCall-ID: 3124b\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 300\r\n\r\n",
     0, "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.5", "an answer with a number beyond any",
     "SIP/2.0 200 OK\r\n" TORTURE_VIA "3125\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:eve@x>;tag=2\r\n"
     "Call-ID: 3125\r\nCSeq: 9292394834772304023312 OPTIONS\r\nRetry-After: "
     "949302838503028349304\r\n"
     "\r\n",
     0, "", PTN_SIP_BAD_HEADER},
    {"3.1.2.6", "a quote that does not end",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA
     "3126\r\nFrom: \"Mr. Eve <sip:eve@x>;tag=1\r\n"
     "To: <sip:bob@x>\r\nCall-ID: 3126\r\nCSeq: 1 INVITE\r\nContact: <sip:eve@192.0.2.9>\r\n\r\n",
     0, "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.7", "angle brackets around the URI",
     "INVITE <sip:bob@192.0.2.2> SIP/2.0\r\n" TORTURE_HEAD("3127", "INVITE") TORTURE_OFFER, 0,
     "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.8", "a blank within the URI",
     "INVITE sip:bob@192.0.2.2; lr SIP/2.0\r\n" TORTURE_HEAD("3128", "INVITE") TORTURE_OFFER, 0,
     "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.9", "more than one blank in the first line",
     "INVITE  sip:bob@192.0.2.2  SIP/2.0\r\n" TORTURE_HEAD("3129", "INVITE") TORTURE_OFFER, 0,
     "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.10", "blanks after the first line",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0  \r\n" TORTURE_HEAD("31210", "OPTIONS") TORTURE_NO_BODY, 0,
     "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.11", "headers within the URI change nothing of the request",
     "INVITE sip:bob@192.0.2.2?Route=%3Csip:example.com%3E SIP/2.0\r\n" TORTURE_HEAD(
         "31211", "INVITE") TORTURE_OFFER,
     0, "SIP/2.0 100", PTN_SIP_TAKEN},
    {"3.1.2.12", "a date of no calendar",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "31212", "OPTIONS") "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n" TORTURE_NO_BODY,
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.1.2.13", "a contact with a question mark and no brackets",
     "REGISTER sip:192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "31213\r\nFrom: <sip:eve@x>;tag=1\r\n"
     "To: <sip:bob@x>\r\nCall-ID: 31213\r\nCSeq: 1 REGISTER\r\n"
     "Contact: sip:eve@192.0.2.9?Route=%3Csip:x%3E\r\n\r\n",
     0, "SIP/2.0 405", PTN_SIP_TAKEN},
    {"3.1.2.14", "blanks within the brackets of an address harm nobody",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "31214\r\nFrom: <sip:eve@x>;tag=1\r\n"
     "To: \"Watson, Thomas\" < sip:bob@example.org >\r\nCall-ID: 31214\r\nCSeq: 1 OPTIONS\r\n\r\n",
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.1.2.15", "a name with a comma and without quotes",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "31215\r\n"
     "From: Bell, Alexander <sip:eve@x>;tag=1\r\nTo: <sip:bob@x>\r\nCall-ID: 31215\r\n"
     "CSeq: 1 OPTIONS\r\n\r\n",
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.1.2.16", "a version yet to come",
     "OPTIONS sip:bob@192.0.2.2 SIP/7.0\r\n" TORTURE_HEAD("31216", "OPTIONS") TORTURE_NO_BODY, 0,
     "SIP/2.0 505", PTN_SIP_BAD_HEADER},
    {"3.1.2.17", "two methods",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("31217", "INVITE") TORTURE_NO_BODY, 0,
     "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.18", "two methods, neither known",
     "NEWMETHOD sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("31218", "OTHERMETHOD") TORTURE_NO_BODY,
     0, "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.1.2.19", "a status beyond any",
     "SIP/2.0 4294967301 better not break the receiver\r\n" TORTURE_HEAD("31219", "INVITE")
         TORTURE_NO_BODY,
     0, "", PTN_SIP_BAD_HEADER},
    /* ---- 3.2: transactions ---- */
    {"3.2.1", "a branch that says nothing but its magic",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("", "OPTIONS") TORTURE_NO_BODY, 0,
     "SIP/2.0 200", PTN_SIP_TAKEN},
    /* ---- 3.3: whom and what it is about ---- */
    {"3.3.1", "no Call-ID, From or To: nothing to answer with",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA
     "331\r\nCSeq: 193942 INVITE\r\n" TORTURE_OFFER,
     0, "", PTN_SIP_NOT_SIP},
    {"3.3.2", "a scheme that nobody knows",
     "OPTIONS nobodyKnowsThisScheme:totallyopaque SIP/2.0\r\n" TORTURE_HEAD("332", "OPTIONS")
         TORTURE_NO_BODY,
     0, "SIP/2.0 416", PTN_SIP_TAKEN},
    {"3.3.3", "a scheme of something else",
     "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\n" TORTURE_HEAD("333", "OPTIONS")
         TORTURE_NO_BODY,
     0, "SIP/2.0 416", PTN_SIP_TAKEN},
    {"3.3.3", "one that cannot even be read",
     "OPTIONS x: SIP/2.0\r\n" TORTURE_HEAD("333b", "OPTIONS") TORTURE_NO_BODY, 0, "SIP/2.0 416",
     PTN_SIP_BAD_HEADER},
    {"3.3.4", "telephone numbers and books instead of SIP addresses",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "334\r\nFrom: <tel:+4930123;x=y>;tag=3\r\n"
     "To: <isbn:2983792873>\r\nCall-ID: 334\r\nCSeq: 1 OPTIONS\r\nContact: <name:John_Smith>\r\n"
     "\r\n",
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.3.4", "an address in From that libre cannot read",
     "REGISTER sip:192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "334b\r\nFrom: <http://www.example.com>;tag=3"
     "\r\nTo: <sip:bob@x>\r\nCall-ID: 334b\r\nCSeq: 1 REGISTER\r\n\r\n",
     0, "", PTN_SIP_NOT_SIP},
    {"3.3.5", "extensions that nothing supports",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "335", "OPTIONS") "Proxy-Require: noProxiesSupportThis\r\nRequire: nothingSupportsThis, "
                           "nothingSupportsThisEither\r\n" TORTURE_NO_BODY,
     0, "SIP/2.0 420", PTN_SIP_TAKEN},
    {"3.3.6", "a body of an unknown kind",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "336",
         "INVITE") "Content-Type: application/unknownformat\r\nContent-Length: 5\r\n\r\nhello",
     0, "SIP/2.0 415", PTN_SIP_TAKEN},
    {"3.3.6", "one of an unknown kind that may be passed over",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "336b", "INVITE") "Content-Type: application/unknownformat\r\nContent-Disposition: "
                           "session;handling=optional\r\n"
                           "Content-Length: 5\r\n\r\nhello",
     0, "SIP/2.0 100", PTN_SIP_TAKEN},
    {"3.3.6", "one that is packed",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "336c", "INVITE") "Content-Encoding: gzip\r\n" TORTURE_OFFER,
     0, "SIP/2.0 415", PTN_SIP_TAKEN},
    {"3.3.7", "credentials of an unknown kind",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "337",
         "OPTIONS") "Authorization: NoOneKnowsThisScheme opaque-data=here\r\n" TORTURE_NO_BODY,
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.3.8", "headers twice that may be there once",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "338", "INVITE") "CSeq: 59 INVITE\r\nCall-ID: 338b\r\nMax-Forwards: 5\r\n" TORTURE_OFFER,
     0, "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.3.9", "two lengths",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "339", "OPTIONS") "Content-Length: 13\r\nContent-Length: 5\r\n\r\nThere's no way to know",
     0, "SIP/2.0 400", PTN_SIP_BAD_HEADER},
    {"3.3.10", "an answer that would go to everybody",
     "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK3310\r\nFrom: "
     "<sip:a@x>;tag=1\r\n"
     "To: <sip:b@x>;tag=2\r\nCall-ID: 3310\r\nCSeq: 35 INVITE\r\n\r\n",
     0, "", PTN_SIP_STRAY_RESPONSE},
    {"3.3.11", "no hops to go, but it is here",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "3311\r\nMax-Forwards: 0\r\n"
     "From: <sip:eve@x>;tag=1\r\nTo: <sip:bob@x>\r\nCall-ID: 3311\r\nCSeq: 1 OPTIONS\r\n\r\n",
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"3.3.15", "a caller who takes no description",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "3315", "INVITE") "Accept: text/nobodyKnowsThis\r\n" TORTURE_NO_BODY,
     0, "SIP/2.0 406", PTN_SIP_TAKEN},
    {"3.3.15", "one who takes anything",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "3315b", "INVITE") "Accept: text/plain, */*;q=0.1\r\n" TORTURE_NO_BODY,
     0, "SIP/2.0 100", PTN_SIP_TAKEN},
    /* ---- 3.4: the SIP before this one ---- */
    {"3.4.1", "an INVITE of RFC 2543: a branch without magic, no tag, no length",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=1\r\nFrom: "
     "<sip:eve@x>\r\n"
     "To: <sip:bob@x>\r\nCall-ID: 341\r\nCSeq: 1 INVITE\r\nContact: sip:eve@192.0.2.9\r\n"
     "Content-Type: application/sdp\r\n\r\n" TORTURE_SDP,
     0, "SIP/2.0 100", PTN_SIP_TAKEN},
    {"3.4.1", "one still older, without any branch",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060\r\nFrom: <sip:eve@x>\r\n"
     "To: <sip:bob@x>\r\nCall-ID: 341b\r\nCSeq: 1 INVITE\r\nContact: sip:eve@192.0.2.9\r\n"
     "Content-Type: application/sdp\r\n\r\n" TORTURE_SDP,
     0, "", PTN_SIP_NOT_SIP},
    /* ---- beside the RFC: what phones have met ---- */
    {"more", "a zero within a header",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "m1\r\nFrom: <sip:eve@x>;tag=1\r\n"
     "To: <sip:bob@x>\r\nCall-ID: m\0"
     "1\r\nCSeq: 1 OPTIONS\r\n\r\n",
     sizeof "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "m1\r\nFrom: <sip:eve@x>;tag=1\r\n"
            "To: <sip:bob@x>\r\nCall-ID: m\0"
            "1\r\nCSeq: 1 OPTIONS\r\n\r\n" -
         1,
     "SIP/2.0 200", PTN_SIP_TAKEN},
    {"more", "lines that end in a newline alone",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKm2\n"
     "From: <sip:eve@x>;tag=1\nTo: <sip:bob@x>\nCall-ID: m2\nCSeq: 1 OPTIONS\n\n",
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"more", "an IPv6 Via without its brackets' end",
     "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::1;branch=z9hG4bKm3\r\n"
     "From: <sip:eve@x>;tag=1\r\nTo: <sip:bob@x>\r\nCall-ID: m3\r\nCSeq: 1 OPTIONS\r\n\r\n",
     0, "SIP/2.0 200", PTN_SIP_TAKEN},
    {"more", "a call from nowhere: an INVITE without a contact",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_VIA "m4\r\nFrom: <sip:eve@x>;tag=1\r\n"
     "To: <sip:bob@x>\r\nCall-ID: m4\r\nCSeq: 1 INVITE\r\n\r\n",
     0, "SIP/2.0 400", PTN_SIP_TAKEN},
    {"more", "a description cut short",
     "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD(
         "m5", "INVITE") "Content-Type: application/sdp\r\nContent-Length: 9\r\n\r\nv=0\r\no=- ",
     0, "SIP/2.0 400", PTN_SIP_TAKEN},
};

enum { TORTURE_COUNT = sizeof torture / sizeof torture[0] };

#endif

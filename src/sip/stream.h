/*
 * sip/stream.h - where messages begin and end on a TCP or TLS connection.
 *
 * Keeps the bytes of one unfinished message. Content-Length is required on streams
 * (RFC 3261 §18.3); lines between messages are keep-alives (RFC 5626 §3.5.1).
 */
#ifndef PTN_SIP_STREAM_H
#define PTN_SIP_STREAM_H

#include "base/bytes.h"

enum { PTN_SIP_MSG_MAX = 65535 };

/* Begins as zeros. */
struct ptn_sip_stream {
    uint8_t *data;
    size_t start, end, room; /* what is not yet taken: data[start] to data[end] */
    size_t line;             /* where, from start, the first header line not looked at begins */
    uint32_t body;           /* Content-Length, once known */
    bool known;
};

enum ptn_sip_stream_step {
    PTN_SIP_STREAM_MORE,    /* nothing whole is there */
    PTN_SIP_STREAM_MESSAGE, /* `out` until the next call */
    PTN_SIP_STREAM_PING,    /* a double CRLF: answer with one CRLF */
    PTN_SIP_STREAM_PONG,    /* a single CRLF */
    PTN_SIP_STREAM_BROKEN,  /* too long, or not to be framed: close the connection */
};

/* Appends what has come. False: memory is short, or more than two messages' worth waits. */
bool ptn_sip_stream_input(struct ptn_sip_stream *s, struct ptn_bytes bytes);

/* Call until it answers MORE or BROKEN. */
enum ptn_sip_stream_step ptn_sip_stream_take(struct ptn_sip_stream *s, struct ptn_bytes *out);

void ptn_sip_stream_fini(struct ptn_sip_stream *s);

#endif

/*
 * sip/msg.h - one message: read through libre, judged by us, answered and written as text.
 *
 * A received message is a counted copy of its bytes with libre's view of them. What
 * is printed goes into a writer; nothing here sends.
 *
 * RFC 3261 §7, §8.1, §8.2.6, §17.1.1.3, §18.2; RFC 3581.
 */
#ifndef PTN_SIP_MSG_H
#define PTN_SIP_MSG_H

#include "base/effect.h"
#include "sip/sdp.h"
#include "sip/sip.h"
#include "sip/text.h"

struct ptn_sip_in {
    struct sip_msg *msg; /* libre's; NULL: none */
    struct ptn_bytes body;
    ptn_id socket; /* UDP socket or connection it came by */
    enum ptn_transport transport;
    struct ptn_addr from;
    unsigned refusal; /* of a request that is not TAKEN: the status it is answered with */
};

/* TAKEN: `out->msg` is set and belongs to the caller; the rest of `out` but `body` is his.
 * BAD_HEADER, TRUNCATED: the same where there is enough to answer the request; else NULL.
 */
enum ptn_sip_verdict ptn_sip_in_decode(struct ptn_bytes bytes, struct ptn_sip_in *out);
void ptn_sip_in_fini(struct ptn_sip_in *in);

/* Takes the message over; `from` is empty afterwards. */
void ptn_sip_in_move(struct ptn_sip_in *to, struct ptn_sip_in *from);

/* The first header of that kind; empty when there is none. */
struct pl ptn_sip_in_value(const struct ptn_sip_in *in, enum sip_hdrid id);

/* Walks all headers of one kind; whole values, or the elements of comma-separated lists. */
struct ptn_sip_walk {
    struct le *le;
    enum sip_hdrid id;
    struct pl rest;
};
struct ptn_sip_walk ptn_sip_walk(const struct ptn_sip_in *in, enum sip_hdrid id);
bool ptn_sip_walk_value(struct ptn_sip_walk *walk, struct pl *value);
bool ptn_sip_walk_element(struct ptn_sip_walk *walk, struct pl *element);

/* Is `token` in the lists of those headers, compared without case? */
bool ptn_sip_in_lists(const struct ptn_sip_in *in, enum sip_hdrid id, const char *token);

bool ptn_sip_in_is(const struct ptn_sip_in *in, const char *method);

/* What Retry-After asks for, at most an hour; 0: nothing. */
ptn_time ptn_sip_in_retry_after(const struct ptn_sip_in *in);

/* The address in "received" and "rport" of the topmost Via of a response, completed from its
 * sent-by; false where the server said nothing. RFC 3581 §4. */
bool ptn_sip_in_reflexive(const struct ptn_sip_in *in, struct ptn_addr *addr);

/* Where a response to the request goes over UDP: §18.2.2, RFC 3581 §4. */
struct ptn_addr ptn_sip_in_reply_to(const struct ptn_sip_in *in);

/* NULL: no body or not a description (`*unsupported`), or one that cannot be read (`*bad`). */
const struct ptn_sdp *ptn_sip_in_sdp(const struct ptn_sip_in *in, struct ptn_sdp *room,
                                     bool *unsupported, bool *bad);

struct ptn_sip_response {
    unsigned status;
    const char *tag;     /* for To where the request has none; NULL: no tag */
    const char *contact; /* header value; NULL: none */
    const char *headers; /* further whole lines; NULL: none */
    bool record_route;   /* repeat Record-Route: the response makes a dialog */
    const struct ptn_sdp *sdp;
    const char *software;
};

void ptn_sip_print_response(struct ptn_writer *w, const struct ptn_sip_in *request,
                            const struct ptn_sip_response *r);

struct ptn_sip_request {
    const char *method, *uri;
    enum ptn_transport transport;
    struct ptn_addr via;
    bool veiled; /* Via names no address: where we are seen is for the server to say */
    const char *branch;
    bool no_rport;
    const char *routes; /* NULL or "": none */
    const char *from, *to, *call_id;
    uint32_t cseq;
    const char *contact, *headers; /* as above */
    const struct ptn_sdp *sdp;
    const char *type, *text; /* a body that is no description; NULL: none */
    const char *software;
};

/* For Via: "192.0.2.1:5060", or a name that shows nothing. */
const char *ptn_sip_sent_by(const struct ptn_addr *addr, bool veiled,
                            char buf[static PTN_ADDR_TEXT_MAX + 8]);

void ptn_sip_print_request(struct ptn_writer *w, const struct ptn_sip_request *r);

/* CANCEL, or the ACK of a refused INVITE: made from the INVITE as sent (§9.1, §17.1.1.3).
 * `to` is the To of the response for ACK, empty for CANCEL. */
void ptn_sip_print_like_invite(struct ptn_writer *w, const struct ptn_sip_in *invite,
                               const char *method, struct pl to);

/* "OK"; a word for the class where the status is unknown. */
const char *ptn_sip_reason(unsigned status);

/* "UDP", "TCP", "TLS" */
const char *ptn_sip_transport_name(enum ptn_transport transport);

/* "192.0.2.1:5060" for Via and URIs; the port is always said. */
const char *ptn_sip_hostport(const struct ptn_addr *addr, char buf[static PTN_ADDR_TEXT_MAX + 8]);

#endif

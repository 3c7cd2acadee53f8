/*
 * flow/flow.h - one media component: an RTP or RTCP socket behind one mouth.
 *
 * Tells apart what arrives (RFC 7983), keeps the socket's mapped address known and
 * open from the first second (RFC 6263), sends media to where the far end really
 * is. The socket is its owner's, who hands datagrams in and sends what comes out.
 */
#ifndef PTN_FLOW_FLOW_H
#define PTN_FLOW_FLOW_H

#include "base/effect.h"
#include "flow/anchor.h"
#include "flow/latch.h"
#include "ice/ice.h"
#include "turn/turn.h"

/* Set in an ICE path's id where it goes by way of the TURN client of the socket. */
#define PTN_FLOW_BY_RELAY 0x40000000u

struct ptn_flow_opts {
    ptn_id socket;
    bool rtcp;
    enum ptn_latch_mode latch;
    ptn_time keepalive;            /* the longest silence towards the far end; 0: 15 s */
    struct ptn_anchor_opts anchor; /* its binding's socket and dice are set here */
    struct ptn_dice dice;
};

enum ptn_flow_verdict {
    PTN_FLOW_MEDIA, /* from the far end: for the stream */
    PTN_FLOW_STUN,  /* taken */
    PTN_FLOW_RELAY, /* of the TURN server: what it brings is taken by ptn_flow_relayed() */
    PTN_FLOW_OTHER, /* DTLS, ChannelData, ZRTP: nobody here speaks it */
    PTN_FLOW_NO_MEDIA,
    PTN_FLOW_NOT_PROVED,
    PTN_FLOW_FOREIGN,
    PTN_FLOW_NO_CALL, /* media while no far end is expected */
    PTN_FLOW_VERDICTS,
};

struct ptn_flow {
    struct ptn_flow_opts opts;
    struct ptn_anchor anchor;
    struct ptn_latch latch;
    ptn_time sent_at;          /* to the far end; PTN_NEVER: not yet */
    struct ptn_turn *turn;     /* lent by the owner; NULL: there is none */
    bool relayed;              /* media goes by way of it */
    struct ptn_addr permitted; /* whom the SDP named when the client was told of peers last */
    struct ptn_ice *ice;       /* lent (meet.h); NULL: there is none */
    unsigned component;        /* there */
    bool meets;                /* it decides where media goes and from where it is taken */
    ptn_time lost_at;     /* the relayed address, which is told on for a while; PTN_NEVER: no */
    struct ptn_addr also; /* another address of the far end; none: none is known */
    uint64_t counts[PTN_FLOW_VERDICTS];
    struct ptn_dice dice;
    uint8_t keepalive[PTN_STUN_HEADER_BYTES];
};

void ptn_flow_init(struct ptn_flow *f, const struct ptn_flow_opts *opts);

/* Who the far end is by its SDP; none: no call. A keep-alive is due at once, which opens the
 * way for what the far end sends. */
void ptn_flow_expect(struct ptn_flow *f, const struct ptn_addr *signalled,
                     const struct ptn_latch_formats *formats);

/* The owner lends a TURN client for this socket, or takes it back (NULL). It is driven by what is
 * called here; its address goes to `reach`. */
void ptn_flow_lend(struct ptn_flow *f, struct ptn_turn *turn);

/* An ICE agent is lent, or taken back (NULL). STUN goes to it first. `decides`: the far end speaks
 * ICE too. */
void ptn_flow_meet(struct ptn_flow *f, struct ptn_ice *ice, unsigned component, bool decides);

/* By which way media goes: what was told to the far end decides. */
void ptn_flow_go_relayed(struct ptn_flow *f, bool relayed);

/* Another IP address of the far end, known from elsewhere: relayed media may come from there, too,
 * as a server lets in none from addresses that it was not told of. */
void ptn_flow_expect_also(struct ptn_flow *f, const struct ptn_addr *ip);

/* The way may be no more: asks about it now. */
void ptn_flow_doubt(struct ptn_flow *f, ptn_time now);

/* Would waiting teach nothing more about its addresses? */
bool ptn_flow_settled(const struct ptn_flow *f);

/* DATAGRAM and ICMP_ERROR of the socket, and what is told about the TURN client's connection. */
enum ptn_flow_verdict ptn_flow_input(struct ptn_flow *f, ptn_time now, const struct ptn_tell *tell);

/* After RELAY, until false: media from the far end that came by way of the server. The view holds
 * as long as the tell's bytes do, until the next call. */
bool ptn_flow_relayed(struct ptn_flow *f, ptn_time now, struct ptn_bytes *media);

void ptn_flow_tick(struct ptn_flow *f, ptn_time now);

/* STUN, TURN and keep-alives. */
bool ptn_flow_output(struct ptn_flow *f, ptn_time now, struct ptn_ask *ask);

/* Media to the far end: fills `ask`, or false while there is nobody to send to, or no way. `room`
 * as in ptn_turn_send(). */
bool ptn_flow_send(struct ptn_flow *f, ptn_time now, struct ptn_bytes media, uint8_t *room,
                   struct ptn_ask *ask);

ptn_time ptn_flow_deadline(const struct ptn_flow *f);

/* For counters: "media", "stun", …. */
const char *ptn_flow_verdict_name(enum ptn_flow_verdict v);

#endif

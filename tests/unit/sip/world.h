/*
 * tests/unit/sip/world.h - two agents, a peer who says what the test says, and a net between.
 *
 * Alice is agent 0 at 192.0.2.1:5060, Bob agent 1 at 192.0.2.2:5060; the peer is an address
 * without a machine at 192.0.2.9:5060, and so are those up to 192.0.2.15, for who needs several
 * servers. Time is virtual; loss, delay and order come from a seed.
 */
#ifndef PTN_TEST_SIP_WORLD_H
#define PTN_TEST_SIP_WORLD_H

#include "sip/sip.h"
#include "support/test.h"

enum { ALICE, BOB, AGENTS };
enum {
    WORLD_PACKETS = 512,
    WORLD_EVENTS = 256,
    WORLD_TEXT = 4096,
    WORLD_RECORDS = 16,
    WORLD_PEERS = 16
};

struct seen {
    struct ptn_sip_event event; /* its texts below, its description in `sdp` */
    char peer[128], peer_name[64], called[1024];
    char text[256];
    struct ptn_sdp sdp;
    bool has_sdp;
};

struct record {
    const char *name;
    struct ptn_dns_record record;
};

struct packet {
    ptn_time at;
    struct ptn_tell tell; /* its bytes below */
    int to;               /* agent, or AGENTS: the peer */
    uint8_t *bytes;
};

/* A connection between two agents: ids on either side, 0 when closed. */
struct wire {
    ptn_id id[AGENTS];
    bool used;
};

struct world {
    struct ptn_sip *agents[AGENTS];
    struct ptn_addr addr[AGENTS], peer;
    ptn_id udp[AGENTS], tcp[AGENTS];
    ptn_time now, delay, jitter;
    unsigned loss_percent;
    bool tcp_refused, tcp_silent, dns_gone;
    bool streams_lost; /* what is sent over connections, and nobody says so */
    unsigned connects;
    unsigned dns_deaf; /* the types that it never answers */
    struct ptn_dice dice;
    struct packet packets[WORLD_PACKETS];
    unsigned packet_count;
    struct seen events[AGENTS][WORLD_EVENTS];
    unsigned event_count[AGENTS], event_read[AGENTS];
    struct record records[WORLD_RECORDS];
    struct wire wires[16];
    ptn_id next_accepted;
    unsigned sent[AGENTS]; /* datagrams, from the agent's own port */
    ptn_id elsewhere;      /* another UDP socket from which the last one came; 0: none has */
    unsigned sent_elsewhere;
    bool stuck; /* what Alice sends from her own port gets lost */
    unsigned resolves;
    struct ptn_ask connect; /* the last one; its name below */
    char connect_name[64];
    char received[WORLD_TEXT]; /* by the peer, last */
    unsigned received_by;      /* the last byte of the address */
    bool deaf[WORLD_PEERS];    /* what is sent to this peer is lost */
    bool icmp[WORLD_PEERS];    /* and that is said */
    size_t received_size;
    char last_sent[AGENTS][WORLD_TEXT];
};

/* Both agents listening on UDP and TCP, their first events taken. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);

/* Runs for that long. */
void world_run(struct world *w, ptn_time span);

/* Runs until the agent has the event; others before it are skipped. Fails after 300 s. */
const struct seen *world_expect(struct world *w, int agent, enum ptn_sip_event_kind kind);

/* Runs for that long; none of that kind may come (or wait). */
void world_expect_none(struct world *w, int agent, enum ptn_sip_event_kind kind, ptn_time span);

/* Runs until the peer gets a datagram beginning so; CRLF keep-alives too. Fails after 300 s. */
const char *world_receive(struct world *w, const char *beginning);

/* The same for a STUN request; answered with `mapped` unless that is NULL. */
void world_receive_stun(struct world *w, const struct ptn_addr *mapped);

/* Nothing reaches the peer for that long. */
void world_receive_none(struct world *w, ptn_time span);

/* From the peer's address, at once. */
void world_send(struct world *w, int agent, const char *text);

/* The peer answers `request`; `to_tag` NULL: none added. `headers` whole lines or "", `body` "". */
void world_reply(struct world *w, int agent, const char *request, const char *status,
                 const char *to_tag, const char *headers, const char *body);

/* A header's value in a message, in a static buffer; "" when it has none. */
const char *header_of(const char *message, const char *name);

/* An account of the agent that needs no server: others are called by URI. */
ptn_sip_id world_plain_account(struct world *w, int agent, const char *user);

/* Alice dials from this account, with world_sdp(). */
ptn_sip_id world_dial(struct world *w, ptn_sip_id account, const char *target);

/* Alice, with an account that shows 100rel or does not, has called the peer, who has the INVITE. */
struct world_dialled {
    ptn_sip_id account, id;
    char invite[WORLD_TEXT];
};
struct world_dialled world_dial_peer(struct world *w, bool reliable, const char *password);

/* One that registers with the peer. */
ptn_sip_id world_registering_account(struct world *w, int agent,
                                     const struct ptn_sip_account *with);

/* One audio line with G.711, at the agent's address. */
struct ptn_sdp world_sdp(int agent, enum ptn_sdp_direction direction);
extern const char *const WORLD_SDP_TEXT;

/* Alice calls Bob and he answers; both ids. */
void world_call(struct world *w, ptn_sip_id account, ptn_sip_id *at_alice, ptn_sip_id *at_bob);

#endif

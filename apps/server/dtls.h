/*
 * server/dtls.h - the clients of one worker that came by DTLS.
 *
 * A stranger who has shown that he is where he says becomes a session; when hands are shaken
 * the relay is told ACCEPTED, and what his records hold are datagrams with the session's
 * id as socket. Sessions whose handshake is under way are few and have little time.
 */
#ifndef PTN_SERVER_DTLS_H
#define PTN_SERVER_DTLS_H

#include "os/dtls.h"
#include "relay/relay.h"

struct server_dtls;
struct server_sockets;

struct server_dtls_counts {
    uint64_t knocks; /* strangers' datagrams */
    uint64_t shaken, failed, full;
    uint64_t crowded; /* of those that failed: given up to make room */
};

/* NULL: no memory. */
struct server_dtls *server_dtls_new(struct ptn_relay *relay, uint32_t sessions_max);
void server_dtls_free(struct server_dtls *d);

/* Takes the rules, for those who come from now on; NULL: nobody may. */
void server_dtls_set_rules(struct server_dtls *d, struct ptn_dtls_rules *rules);

/* A datagram came by a listener. */
void server_dtls_record(struct server_dtls *d, struct server_sockets *s, ptn_time now,
                        ptn_id listener, const struct ptn_addr *from, struct ptn_bytes datagram);

/* The relay says something to a session. */
void server_dtls_send(struct server_dtls *d, struct server_sockets *s, ptn_time now, ptn_id id,
                      struct ptn_bytes bytes);

/* The relay closes it; false: it is none of these. */
bool server_dtls_close(struct server_dtls *d, struct server_sockets *s, ptn_time now, ptn_id id);

/* Repeats what was lost of handshakes, ends those that take too long. */
void server_dtls_tick(struct server_dtls *d, struct server_sockets *s, ptn_time now);
ptn_time server_dtls_deadline(const struct server_dtls *d);

const struct server_dtls_counts *server_dtls_counts(const struct server_dtls *d);

#endif

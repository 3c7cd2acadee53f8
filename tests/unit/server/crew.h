/*
 * unit/server/crew.h - two workers of a server on real loopback sockets, and clients of theirs.
 *
 * Each worker has ports of its own, so that a client chooses whom he lands at; the kernel, which
 * chooses otherwise, has no part in it.
 */
#ifndef PTN_TEST_SERVER_CREW_H
#define PTN_TEST_SERVER_CREW_H

#include <sys/time.h>

#include "server/worker.h"
#include "stun/msg.h"

enum { CREW_SIZE = 2, CREW_UDP = 1, CREW_TCP };

/* What is waited for comes sooner, or never. */
static const struct timeval crew_patience = {.tv_sec = 10};

struct crew {
    struct server_crew is;
    struct ptn_addr udp[CREW_SIZE], tcp[CREW_SIZE];
    struct ptn_relay_shared *shared;
};

/* Both listen; `running` have a thread. Users are asked for, or alice with "secret" is known. */
void crew_begin(struct crew *c, unsigned running, bool ask_for_users);
void crew_end(struct crew *c);

/* What one of them, or all, have counted. */
struct server_counts crew_counts(struct crew *c, unsigned worker);

/* A client of one worker; what it waits for must come within seconds. */
struct caller {
    int fd;
    bool stream;
    size_t nonce_size;
    uint8_t nonce[128], received[2048], serial;
    struct ptn_stun_msg answer; /* of `received` */
    struct ptn_crypto *crypto;
};

void caller_begin(struct caller *c, const struct ptn_addr *to, bool stream);
void caller_end(struct caller *c);

/* A request of alice's, which is then sealed and sent, with `more` behind it. */
struct ptn_stun_out caller_request(struct caller *c, uint8_t buf[static 1024], uint16_t method);
void caller_send(struct caller *c, struct ptn_stun_out *o, const char *more);

/* The answer's error code; 0 is success. */
unsigned caller_hear(struct caller *c);
unsigned caller_ask(struct caller *c, struct ptn_stun_out *o);

unsigned caller_allocate(struct caller *c, unsigned transport);

#endif

/*
 * server/streams.h - a worker's connections on the generic host, and how those that are joined
 * (RFC 6062) wait for each other and for max_bps.
 */
#ifndef PTN_SERVER_STREAMS_H
#define PTN_SERVER_STREAMS_H

#include "os/host.h"
#include "relay/relay.h"

struct server_streams {
    struct ptn_relay *relay;
    struct ptn_host *host;
    uint32_t machine; /* the relay's number there */
};

/* What the relay asks of a connection. */
void server_streams_ask(struct server_streams *s, ptn_time now, const struct ptn_ask *ask);

/* What the host tells. */
void server_streams_tell(struct server_streams *s, ptn_time now, const struct ptn_tell *tell);

#endif

/*
 * relay/core.h - what the files of this room share: the relay whole, and one message on its way.
 */
#ifndef PTN_RELAY_CORE_H
#define PTN_RELAY_CORE_H

#include "relay/allocs.h"
#include "relay/budget.h"
#include "relay/channels.h"
#include "relay/conns.h"
#include "relay/listeners.h"
#include "relay/news.h"
#include "relay/nonce.h"
#include "relay/peer_conns.h"
#include "relay/permissions.h"
#include "relay/policy.h"
#include "relay/queue.h"
#include "relay/sockets.h"
#include "relay/users.h"
#include "relay/waiting.h"

/* What ends by itself, each kind in a range of the heap's items. */
enum ptn_relay_timer {
    PTN_RELAY_TIMER_ALLOC,
    PTN_RELAY_TIMER_PERMISSION,
    PTN_RELAY_TIMER_CHANNEL,
    PTN_RELAY_TIMER_SOCKET,    /* a reservation */
    PTN_RELAY_TIMER_PEER_CONN, /* nobody binds it, or it does not come up */
    PTN_RELAY_TIMERS,
};

struct ptn_relay {
    struct ptn_relay_opts opts; /* defaults filled in; nothing it points to is looked at again */
    struct ptn_relay_listeners listeners;
    struct ptn_relay_conns conns;
    struct ptn_relay_limits limits;
    struct ptn_dice dice;
    uint64_t counts[PTN_RELAY_VERDICTS];
    bool to_open; /* listeners that have not been asked for */

    /* TURN; all of it zero when there is none. */
    bool turn;
    struct ptn_crypto *crypto;
    struct ptn_relay_nonces nonces;
    struct ptn_relay_users users;
    struct ptn_relay_policy policy;
    struct ptn_relay_sockets sockets;
    struct ptn_relay_allocs allocs;
    struct ptn_relay_permissions permissions;
    struct ptn_relay_channels channels;
    struct ptn_relay_peer_conns peer_conns;
    struct ptn_heap timers;
    uint32_t timer_base[PTN_RELAY_TIMERS + 1];
    struct ptn_relay_shared *shared, *own_shared;
    struct ptn_relay_alternate alternate;
    bool draining;
    int64_t wall_offset_s;
    uint64_t begun, ended[PTN_RELAY_ENDS], bytes_up, bytes_down;

    struct ptn_relay_news news;
    struct ptn_relay_waiting waiting;
    struct ptn_relay_queue queue;
};

/* One message of a client, while it is answered. */
struct ptn_relay_request {
    ptn_time now;
    const struct ptn_relay_source *source;
    const struct ptn_stun_msg *m;
    struct ptn_relay_out *out;
    uint32_t alloc;  /* the client's, or NONE */
    uint32_t given;  /* row of a socket that another worker had reserved for him, or NONE */
    bool redirected; /* another worker has been asked already */
    struct ptn_bytes name;
    struct ptn_relay_key key; /* that sealed it; size 0 before it is authenticated */
    bool sealed_sha256;       /* by MESSAGE-INTEGRITY-SHA256 */
};

static inline int64_t ptn_relay_wall_s(const struct ptn_relay *r, ptn_time now)
{
    return now / PTN_S(1) + r->wall_offset_s;
}

static inline void ptn_relay_timer(struct ptn_relay *r, enum ptn_relay_timer kind, uint32_t row,
                                   ptn_time at)
{
    ptn_heap_set(&r->timers, r->timer_base[kind] + row, at);
}

/* Where a relay socket's port is counted. */
static inline struct ptn_relay_place ptn_relay_place_of(const struct ptn_relay_socket *socket)
{
    return (struct ptn_relay_place){socket->address, socket->kind == PTN_RELAY_LISTEN,
                                    socket->local.port};
}

static inline void ptn_relay_close(struct ptn_relay *r, ptn_id id)
{
    ptn_relay_queue_ask(&r->queue, &(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = id});
}

/* The allocation's socket of a family, or NONE. */
static inline uint32_t ptn_relay_socket_of(const struct ptn_relay *r,
                                           const struct ptn_relay_alloc *a, uint8_t family)
{
    for (unsigned i = 0; i < 2; i++)
        if (a->sockets[i] != PTN_RELAY_NONE &&
            r->sockets.rows[a->sockets[i]].local.family == family)
            return a->sockets[i];
    return PTN_RELAY_NONE;
}

/* relay.c: any message or ChannelData of a client. The verdict has not been counted. */
enum ptn_relay_verdict ptn_relay_message(struct ptn_relay *r, ptn_time now,
                                         const struct ptn_relay_source *source,
                                         struct ptn_bytes message, struct ptn_relay_out *out);

/* turn.c: a request or indication of TURN. */
enum ptn_relay_verdict ptn_relay_turn(struct ptn_relay *r, struct ptn_relay_request *q);

/* auth.c: GRANTED with name, key and sealed_sha256 set; else what was answered instead. */
enum ptn_relay_verdict ptn_relay_authenticate(struct ptn_relay *r, struct ptn_relay_request *q);

/* allocate.c, permit.c, connect.c: authenticated requests. */
enum ptn_relay_verdict ptn_relay_allocate(struct ptn_relay *r, struct ptn_relay_request *q);
enum ptn_relay_verdict ptn_relay_refresh(struct ptn_relay *r, struct ptn_relay_request *q);
enum ptn_relay_verdict ptn_relay_create_permission(struct ptn_relay *r,
                                                   struct ptn_relay_request *q);
enum ptn_relay_verdict ptn_relay_channel_bind(struct ptn_relay *r, struct ptn_relay_request *q);
enum ptn_relay_verdict ptn_relay_connect(struct ptn_relay *r, struct ptn_relay_request *q);
enum ptn_relay_verdict ptn_relay_connection_bind(struct ptn_relay *r, struct ptn_relay_request *q);

/* data.c */
enum ptn_relay_verdict ptn_relay_send(struct ptn_relay *r, struct ptn_relay_request *q);
enum ptn_relay_verdict ptn_relay_channel_data(struct ptn_relay *r, ptn_time now,
                                              const struct ptn_relay_source *source,
                                              struct ptn_bytes message, struct ptn_relay_out *out);
enum ptn_relay_verdict ptn_relay_peer_data(struct ptn_relay *r, ptn_time now,
                                           const struct ptn_relay_in *in,
                                           struct ptn_relay_out *out);
void ptn_relay_icmp(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell);

/* connect.c: what the world tells of connections with peers. False: it is not of one. */
bool ptn_relay_peer_told(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell);
/* A client's connection that is joined with a peer's spoke, or closed. */
void ptn_relay_joined_data(struct ptn_relay *r, ptn_time now, struct ptn_relay_conn *conn,
                           struct ptn_bytes bytes);
void ptn_relay_joined_closed(struct ptn_relay *r, struct ptn_relay_conn *conn);
void ptn_relay_end_peer_conn(struct ptn_relay *r, uint32_t row);

/* late.c: a relay socket is open, which a request may be waiting for. */
void ptn_relay_socket_came(struct ptn_relay *r, ptn_time now);

/* late.c: there are none to be had of one kind, so that nobody waits for them any more. */
void ptn_relay_stock_dry(struct ptn_relay *r, ptn_time now);

/* life.c: how allocations and what hangs on them end. */
/* What is to be told of an allocation that has begun. */
struct ptn_relay_event ptn_relay_news_of(const struct ptn_relay *r,
                                         const struct ptn_relay_alloc *a);
void ptn_relay_end(struct ptn_relay *r, ptn_time now, uint32_t alloc, enum ptn_relay_end why);
/* It has come to its end by itself. */
void ptn_relay_end_due(struct ptn_relay *r, ptn_time now, uint32_t alloc);
void ptn_relay_end_permission(struct ptn_relay *r, uint32_t row);
void ptn_relay_end_channel(struct ptn_relay *r, uint32_t row);
void ptn_relay_drop_socket(struct ptn_relay *r, uint32_t row);
void ptn_relay_expire(struct ptn_relay *r, ptn_time now);

#endif

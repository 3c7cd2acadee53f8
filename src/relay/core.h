/*
 * relay/core.h - what the files of this room share: the relay whole, and one message on its way.
 */
#ifndef PTN_RELAY_CORE_H
#define PTN_RELAY_CORE_H

#include "relay/conns.h"
#include "relay/listeners.h"
#include "relay/queue.h"
#include "relay/sockets.h"

struct ptn_relay {
    struct ptn_relay_opts opts; /* nothing it points to is looked at after new() and change() */
    struct ptn_relay_listeners listeners;
    struct ptn_relay_conns conns;
    struct ptn_relay_sockets sockets;
    struct ptn_relay_shared *shared, *own_shared;
    struct ptn_dice dice;
    struct ptn_addr alternate;
    bool draining;
    int64_t wall_offset_s;
    uint64_t counts[PTN_RELAY_VERDICTS];
    struct ptn_relay_queue queue;
};

#endif

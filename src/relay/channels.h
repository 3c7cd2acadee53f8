/*
 * relay/channels.h - channels (RFC 8656 §12): a number between client and server for a peer.
 *
 * Found with one look from either side: by client, path and number on the way up, by
 * allocation and peer on the way down.
 */
#ifndef PTN_RELAY_CHANNELS_H
#define PTN_RELAY_CHANNELS_H

#include "relay/allocs.h"

/* RFC 8656 §12 ends at 0x4fff; clients of RFC 5766 go on to 0x7fff, and nothing speaks against it
 * here. */
#define PTN_RELAY_CHANNEL_MIN 0x4000u
#define PTN_RELAY_CHANNEL_MAX 0x7fffu

enum { PTN_RELAY_CHANNELS_EACH = 1024 }; /* of one allocation, at most */

struct ptn_relay_channel {
    struct ptn_addr peer;
    uint32_t alloc;  /* row */
    uint32_t socket; /* row of the allocation's for this family */
    uint32_t next;   /* of the same allocation, or NONE */
    uint16_t number;
    ptn_time expires;
};

struct ptn_relay_channels {
    struct ptn_relay_channel *rows;
    struct ptn_relay_pool pool;
    struct ptn_hash by_number, by_peer;
    uint32_t key;
};

enum ptn_err ptn_relay_channels_init(struct ptn_relay_channels *c, uint32_t max,
                                     struct ptn_dice *dice);
void ptn_relay_channels_fini(struct ptn_relay_channels *c);

/* Row, or NONE. */
uint32_t ptn_relay_channels_by_number(const struct ptn_relay_channels *c,
                                      const struct ptn_relay_allocs *allocs,
                                      const struct ptn_addr *client, ptn_id path, uint16_t number);
uint32_t ptn_relay_channels_by_peer(const struct ptn_relay_channels *c, uint32_t alloc,
                                    const struct ptn_addr *peer);

/* One more for the allocation of this row. NONE when all rows, or all that one allocation may have,
 * are taken. */
uint32_t ptn_relay_channels_add(struct ptn_relay_channels *c, struct ptn_relay_allocs *allocs,
                                uint32_t alloc, uint32_t socket, uint16_t number,
                                const struct ptn_addr *peer);
void ptn_relay_channels_remove(struct ptn_relay_channels *c, struct ptn_relay_allocs *allocs,
                               uint32_t row);

#endif

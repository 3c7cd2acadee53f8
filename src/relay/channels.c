/*
 * relay/channels.c - a table, its two indices, and a list for each allocation.
 */
#include "relay/channels.h"

static uint32_t number_key(const struct ptn_relay_channels *c, const struct ptn_addr *client,
                           ptn_id path, uint16_t number)
{
    return ptn_hash_addr(c->key ^ path ^ (uint32_t)number << 16, client);
}

static uint32_t peer_key(const struct ptn_relay_channels *c, uint32_t alloc,
                         const struct ptn_addr *peer)
{
    return ptn_hash_addr(c->key ^ alloc, peer);
}

enum ptn_err ptn_relay_channels_init(struct ptn_relay_channels *c, uint32_t max,
                                     struct ptn_dice *dice)
{
    *c = (struct ptn_relay_channels){.key = (uint32_t)ptn_dice_u64(dice)};
    c->rows = calloc(max, sizeof *c->rows);
    return c->rows && ptn_relay_pool_init(&c->pool, max) == PTN_OK &&
                   ptn_hash_init(&c->by_number, max) == PTN_OK &&
                   ptn_hash_init(&c->by_peer, max) == PTN_OK
               ? PTN_OK
               : PTN_ERR_NO_MEMORY;
}

void ptn_relay_channels_fini(struct ptn_relay_channels *c)
{
    free(c->rows);
    ptn_relay_pool_fini(&c->pool);
    ptn_hash_fini(&c->by_number);
    ptn_hash_fini(&c->by_peer);
    *c = (struct ptn_relay_channels){0};
}

uint32_t ptn_relay_channels_by_number(const struct ptn_relay_channels *c,
                                      const struct ptn_relay_allocs *allocs,
                                      const struct ptn_addr *client, ptn_id path, uint16_t number)
{
    uint32_t at = ptn_hash_first(&c->by_number, number_key(c, client, path, number));

    for (; at; at = ptn_hash_next(&c->by_number, at)) {
        const struct ptn_relay_channel *channel = &c->rows[at - 1];
        const struct ptn_relay_alloc *alloc = &allocs->rows[channel->alloc];
        if (channel->number == number && alloc->path == path &&
            ptn_addr_equal(&alloc->client, client))
            return at - 1;
    }
    return PTN_RELAY_NONE;
}

uint32_t ptn_relay_channels_by_peer(const struct ptn_relay_channels *c, uint32_t alloc,
                                    const struct ptn_addr *peer)
{
    uint32_t at = ptn_hash_first(&c->by_peer, peer_key(c, alloc, peer));

    for (; at; at = ptn_hash_next(&c->by_peer, at))
        if (c->rows[at - 1].alloc == alloc && ptn_addr_equal(&c->rows[at - 1].peer, peer))
            return at - 1;
    return PTN_RELAY_NONE;
}

uint32_t ptn_relay_channels_add(struct ptn_relay_channels *c, struct ptn_relay_allocs *allocs,
                                uint32_t alloc, uint32_t socket, uint16_t number,
                                const struct ptn_addr *peer)
{
    struct ptn_relay_alloc *a = &allocs->rows[alloc];
    uint32_t row =
        a->channel_count < PTN_RELAY_CHANNELS_EACH ? ptn_relay_pool_take(&c->pool) : PTN_RELAY_NONE;

    if (row == PTN_RELAY_NONE)
        return row;
    c->rows[row] = (struct ptn_relay_channel){
        .peer = *peer, .alloc = alloc, .socket = socket, .next = a->channels, .number = number};
    a->channels = row;
    a->channel_count++;
    ptn_hash_add(&c->by_number, number_key(c, &a->client, a->path, number), row);
    ptn_hash_add(&c->by_peer, peer_key(c, alloc, peer), row);
    return row;
}

void ptn_relay_channels_remove(struct ptn_relay_channels *c, struct ptn_relay_allocs *allocs,
                               uint32_t row)
{
    struct ptn_relay_channel *channel = &c->rows[row];
    struct ptn_relay_alloc *a = &allocs->rows[channel->alloc];
    uint32_t *at = &a->channels;

    while (*at != row)
        at = &c->rows[*at].next;
    *at = channel->next;
    a->channel_count--;
    ptn_hash_remove(&c->by_number, number_key(c, &a->client, a->path, channel->number), row);
    ptn_hash_remove(&c->by_peer, peer_key(c, channel->alloc, &channel->peer), row);
    ptn_relay_pool_give(&c->pool, row);
}

/*
 * relay_churn - a day of a relay: clients come, refresh or do not, talk, move on, vanish.
 *
 *   sim_relay_churn HOURS SEED     with POSTERN_LONG in the environment: 24 hours, another seed
 * each time
 *
 * Every client's peers are his own and nobody else's ever, so whatever reaches him from another's
 * peer, or leaves for one, has taken a wrong turn: an id that was used again too early.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/turn_rig.h"

enum { CLIENTS = 400, STEPS_PER_S = 12 };

struct person {
    struct rig_client c;
    bool has;       /* an allocation, as far as he knows */
    ptn_time until; /* it lives if nothing is done */
    struct ptn_addr relayed, peer;
    ptn_time permitted_until, bound_until;
    uint16_t channel;
    struct ptn_addr old_relayed, old_peer; /* of the one before, which ended at */
    ptn_time old_until;
};

static struct person people[CLIENTS];
static uint32_t peers_made;
static uint64_t relayed_up, relayed_down, refused_old;

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("not ok 1 - a_day_of_allocations_leaves_nothing_behind\n# %s\n", what);
    exit(1);
}

static struct ptn_addr new_peer(void)
{
    uint32_t n = ++peers_made;
    return ptn_addr_v4(20, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 7000);
}

static void allocate(struct rig *g, struct person *p)
{
    unsigned code = rig_allocate(g, &p->c, &p->relayed);

    must(code == 0 || code == 437 || code == 508 || code == 486, "Allocate");
    must((code == 437) == (p->has && p->until > g->now), "437 when there is one, and only then");
    if (code)
        return;
    p->has = true;
    p->until = g->now + PTN_S(600);
    p->peer = new_peer();
    p->permitted_until = p->bound_until = 0;
}

static void forget(struct person *p)
{
    p->has = false;
    p->old_until = p->until;
    p->old_relayed = p->relayed;
    p->old_peer = p->peer;
}

static void refresh(struct rig *g, struct person *p, uint32_t lifetime_s)
{
    unsigned code = rig_refresh(g, &p->c, lifetime_s);
    bool alive = p->has && p->until > g->now;

    must(code == (alive ? 0u : 437u), "Refresh");
    if (alive && lifetime_s)
        p->until = g->now + PTN_S(lifetime_s < 600 ? 600 : lifetime_s);
    else if (p->has) {
        p->until = ptn_time_min(p->until, g->now);
        forget(p);
    }
}

static void bind(struct rig *g, struct person *p, struct ptn_dice *dice)
{
    if (ptn_addr_is_none(&p->peer))
        return;
    if (p->bound_until <= g->now)
        p->channel = (uint16_t)(0x4000 + ptn_dice_below(dice, 0x4000));
    unsigned code = rig_bind(g, &p->c, p->channel, &p->peer);
    bool alive = p->has && p->until > g->now;

    must(code == (alive ? 0u : 437u), "ChannelBind");
    if (!alive)
        return;
    p->bound_until = g->now + PTN_S(600);
    p->permitted_until = g->now + PTN_S(300);
}

static void talk(struct rig *g, struct person *p)
{
    uint8_t data[] = {(uint8_t)(p->channel >> 8), (uint8_t)p->channel, 0, 4, 'd', 'a', 't', 'a'};
    bool alive = p->has && p->until > g->now, bound = alive && p->bound_until > g->now;
    struct ptn_relay_out out;

    bool sent = rig_datagram(g, p->c.path, &p->c.addr, ptn_bytes(data, sizeof data), &out);
    must(sent == bound, "up by a channel that is bound, and only so");
    if (sent)
        must(ptn_addr_equal(&out.to, &p->peer) && out.socket == rig_socket(g, &p->relayed),
             "up to his peer by his socket");
    relayed_up += sent;
    if (!alive)
        return;
    sent = rig_datagram(g, rig_socket(g, &p->relayed), &p->peer, ptn_bytes("back", 4), &out);
    must(sent == (bound || p->permitted_until > g->now), "down with permission, and only so");
    if (sent)
        must(ptn_addr_equal(&out.to, &p->c.addr), "down to him");
    relayed_down += sent;
}

/* His last peer still talks to the address he had, which may be another's now. */
static void haunt(struct rig *g, struct person *p)
{
    ptn_id socket = rig_socket(g, &p->old_relayed);
    struct ptn_relay_out out;

    if (socket == 0 || ptn_addr_is_none(&p->old_relayed) || p->old_until > g->now)
        return;
    must(!rig_datagram(g, socket, &p->old_peer, ptn_bytes("boo", 3), &out),
         "nothing from another's peer");
    refused_old++;
}

static void act(struct rig *g, struct ptn_dice *dice)
{
    struct person *p = &people[ptn_dice_below(dice, CLIENTS)];

    if (p->has && p->until <= g->now)
        forget(p); /* he let it lapse, or was not there */
    switch (ptn_dice_below(dice, 10)) {
    case 0:
    case 1: allocate(g, p); break;
    case 2: refresh(g, p, ptn_dice_below(dice, 1200)); break;
    case 3: refresh(g, p, 0); break;
    case 4: bind(g, p, dice); break;
    case 5:
        if (p->has && rig_permit(g, &p->c, &p->peer) == 0)
            p->permitted_until = g->now + PTN_S(300);
        break;
    case 6: /* behind a NAT that forgot: he is somebody else now */
        if (p->has)
            forget(p);
        p->c.addr.port = (uint16_t)(1024 + ptn_dice_below(dice, 60000));
        p->c.addr.ip[2] = (uint8_t)ptn_dice_below(dice, 200);
        break;
    case 7: haunt(g, p); break;
    default: talk(g, p);
    }
    must(!p->has || p->until <= g->now || rig_socket(g, &p->relayed) != 0, "his socket is open");
}

static void make_people(void)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        people[i].c = rig_client((uint16_t)(2000 + i));
        people[i].c.addr.ip[3] = (uint8_t)i;
        people[i].c.addr.ip[1] = (uint8_t)(100 + i / 256);
    }
}

static size_t memory(void)
{
    return mallinfo2().uordblks;
}

int main(int argc, char **argv)
{
    bool longer = getenv("POSTERN_LONG") != NULL;
    unsigned hours = longer ? 24 : argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    uint64_t seed = longer ? (uint64_t)time(NULL) : argc > 2 ? (uint64_t)atoi(argv[2]) : 1;
    struct ptn_dice dice = ptn_dice_seeded(seed);
    struct ptn_relay_opts opts = rig_opts();
    size_t before = 0;

    printf("1..1\n# seed %llu, %u hours\n", (unsigned long long)seed, hours);
    opts.turn.allocations_max = 300; /* fewer than would like to */
    opts.turn.stock = 16;
    opts.dice = ptn_dice_split(&dice);
    struct rig *g = rig_new(&opts);
    unsigned stock = g->open_count;
    make_people();
    uint64_t steps = (uint64_t)hours * 3600 * STEPS_PER_S;
    for (uint64_t i = 0; i < steps; i++) {
        rig_sleep(g, ptn_dice_below(&dice, 2 * (uint32_t)(PTN_S(1) / STEPS_PER_S)));
        act(g, &dice);
        if (i == steps / 10)
            before = memory();
    }
    must(memory() <= before, "memory is flat");
    rig_sleep(g, PTN_S(3600));
    struct ptn_relay_now now = ptn_relay_now(g->relay);
    must(now.allocations == 0 && now.permissions == 0 && now.channels == 0 && now.users == 1,
         "nothing is left");
    must(now.begun == g->ended_count && now.begun == g->begun_count, "each that began has ended");
    must(g->open_count == stock, "only the stock is open");
    must(now.begun > hours * 500 && relayed_up > hours * 100 && relayed_down > hours * 100 &&
             refused_old > 0,
         "something happened");
    printf("ok 1 - a_day_of_allocations_leaves_nothing_behind\n"
           "# %llu allocations, %llu datagrams up, %llu down, %llu from old peers kept out\n",
           (unsigned long long)now.begun, (unsigned long long)relayed_up,
           (unsigned long long)relayed_down, (unsigned long long)refused_old);
    rig_free(g);
    return 0;
}

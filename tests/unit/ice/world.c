/*
 * tests/unit/ice/world.c - wires without surprises.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "stun/msg.h"

struct ptn_addr world_addr(const char *text)
{
    struct ptn_addr a;

    if (!ptn_addr_parse(text, &a))
        abort();
    return a;
}

void world_open(struct world *w, const struct ptn_ice_opts *ann, const struct ptn_ice_opts *bob)
{
    const struct ptn_ice_opts *given[ENDS] = {ann, bob};

    *w = (struct world){.crypto = ptn_crypto_new(),
                        .delay = PTN_MS(10),
                        .now = PTN_S(1),
                        .dice = ptn_dice_seeded(9)};
    for (unsigned i = 0; i < ENDS; i++) {
        struct ptn_ice_opts opts = {.components = 1, .controlling = i == ANN};
        if (given[i])
            opts = *given[i];
        opts.crypto = w->crypto;
        opts.dice = ptn_dice_seeded(i + 1);
        w->ends[i].ice = ptn_ice_new(&opts);
    }
}

void world_close(struct world *w)
{
    for (unsigned i = 0; i < ENDS; i++)
        ptn_ice_free(w->ends[i].ice);
    ptn_crypto_free(w->crypto);
}

struct world_path *world_add(struct world *w, unsigned end, enum ptn_ice_kind kind,
                             unsigned component, const char *local, const char *outside)
{
    struct world_end *e = &w->ends[end];
    struct world_path *p = &e->paths[e->path_count++];

    *p = (struct world_path){.id = e->path_count, .local = world_addr(local)};
    if (outside)
        p->outside = world_addr(outside);
    ptn_ice_add_local(e->ice, w->now,
                      &(struct ptn_ice_local){
                          .kind = kind, .component = component, .path = p->id, .addr = p->local});
    return p;
}

void world_tell_creds(struct world *w, unsigned end)
{
    struct ptn_ice_far far = {.creds = *ptn_ice_creds(w->ends[!end].ice)};

    if (!ptn_ice_set_far(w->ends[end].ice, w->now, &far))
        abort();
}

void world_tell_candidates(struct world *w, unsigned end)
{
    const struct ptn_ice_candidate *c;

    for (unsigned i = 0; (c = ptn_ice_local(w->ends[!end].ice, i)); i++)
        ptn_ice_add_remote(w->ends[end].ice, w->now, c);
}

void world_introduce(struct world *w)
{
    for (unsigned i = 0; i < ENDS; i++) {
        world_tell_creds(w, i);
        world_tell_candidates(w, i);
        ptn_ice_end_local(w->ends[i].ice);
        ptn_ice_end_remote(w->ends[i].ice);
    }
}

static void send_on(struct world *w, unsigned end, const struct ptn_ask *ask)
{
    struct world_end *e = &w->ends[end], *other = &w->ends[!end];
    const struct world_path *p = &e->paths[ask->id - 1];
    struct ptn_stun_msg m;

    e->sent++;
    if (ptn_stun_decode(&m, ask->bytes) == PTN_STUN_OK && m.class == PTN_STUN_REQUEST) {
        e->sent_to[e->requests % 1000] = ask->to;
        e->sent_at[e->requests++ % 1000] = w->now;
    }
    if (p->dumb || ptn_dice_below(&w->dice, 100) < w->loss_percent)
        return;
    for (unsigned i = 0; i < other->path_count; i++) {
        const struct world_path *q = &other->paths[i];
        const struct ptn_addr *q_addr = ptn_addr_is_none(&q->outside) ? &q->local : &q->outside;
        if (q->deaf || !ptn_addr_equal(q_addr, &ask->to))
            continue;
        struct world_flight *f = &w->flights[w->flight_count++];
        if (w->flight_count > WORLD_FLIGHTS || ask->bytes.size > sizeof f->bytes)
            abort();
        *f = (struct world_flight){.at = w->now + w->delay,
                                   .end = !end,
                                   .path = q->id,
                                   .from = ptn_addr_is_none(&p->outside) ? p->local : p->outside,
                                   .size = ask->bytes.size};
        memcpy(f->bytes, ask->bytes.data, f->size);
    }
}

static void drive(struct world *w, unsigned end)
{
    struct world_end *e = &w->ends[end];
    struct ptn_ice_event ev;
    struct ptn_ask ask;

    ptn_ice_tick(e->ice, w->now);
    while (ptn_ice_output(e->ice, w->now, &ask))
        send_on(w, end, &ask);
    while (ptn_ice_event(e->ice, &ev)) {
        e->events[ev.component][ev.kind]++;
        e->at[ev.component][ev.kind] = w->now;
    }
}

static void land(struct world *w)
{
    for (unsigned i = 0; i < w->flight_count;) {
        struct world_flight f = w->flights[i];
        if (f.at > w->now) {
            i++;
            continue;
        }
        memmove(&w->flights[i], &w->flights[i + 1], (--w->flight_count - i) * sizeof w->flights[0]);
        struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM,
                                .id = f.path,
                                .from = f.from,
                                .bytes = ptn_bytes(f.bytes, f.size)};
        ptn_ice_input(w->ends[f.end].ice, w->now, &tell);
    }
}

void world_run(struct world *w, ptn_time span)
{
    ptn_time until = w->now + span;

    for (unsigned turns = 0;; turns++) {
        land(w);
        drive(w, ANN);
        drive(w, BOB);
        ptn_time next =
            ptn_time_min(ptn_ice_deadline(w->ends[ANN].ice), ptn_ice_deadline(w->ends[BOB].ice));
        for (unsigned i = 0; i < w->flight_count; i++)
            next = ptn_time_min(next, w->flights[i].at);
        if (next > until)
            break;
        if (next <= w->now && turns > 100000)
            abort(); /* due for ever */
        w->now = ptn_time_max(next, w->now);
    }
    w->now = until;
}

struct ptn_addr world_target(const struct world *w, unsigned end, unsigned component)
{
    struct ptn_ice_route route;

    if (!ptn_ice_route(w->ends[end].ice, w->now, component, &route))
        return (struct ptn_addr){0};
    return route.to;
}

/*
 * tests/support/ice_end.c - one end of a call by ICE.
 */
#include "support/ice_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_EVERY PTN_MS(20)
enum { RELAY_PATH = 100, CONNECTION = 200 };

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "ice_end: %s\n", what);
    abort();
}

void ice_end_init(struct ice_end *e, const struct ice_end_opts *opts)
{
    *e = (struct ice_end){.opts = *opts, .gathering = true};
    e->ice = ptn_ice_new(&(struct ptn_ice_opts){.crypto = opts->crypto,
                                                .dice = ptn_dice_split(&e->opts.dice),
                                                .controlling = opts->controlling,
                                                .components = opts->components});
    must(e->ice, "no memory");
    uint16_t preferences[ICE_END_ADDRS_MAX];
    ptn_ice_preferences(opts->addrs, opts->addr_count, preferences);
    for (unsigned i = 0; i < opts->addr_count; i++)
        for (unsigned c = 1; c <= opts->components; c++) {
            struct ice_end_path *p = &e->paths[e->path_count++];
            *p = (struct ice_end_path){
                .id = e->path_count, .component = c, .preference = preferences[i]};
        }
}

void ice_end_fini(struct ice_end *e)
{
    for (unsigned i = 0; i < e->path_count; i++)
        free(e->paths[i].turn);
    ptn_ice_free(e->ice);
}

/* ---- gathering ---- */

static void tell_host(struct ice_end *e, ptn_time now, const struct ice_end_path *p)
{
    ptn_ice_add_local(e->ice, now,
                      &(struct ptn_ice_local){.kind = PTN_ICE_HOST,
                                              .component = p->component,
                                              .path = p->id,
                                              .addr = p->local,
                                              .preference = p->preference});
}

static void opened(struct ice_end *e, ptn_time now, struct ice_end_path *p,
                   const struct ptn_addr *local)
{
    p->local = *local;
    tell_host(e, now, p);
    if (local->family == e->opts.stun.family) {
        ptn_stun_binding_init(
            &p->binding, &(struct ptn_stun_binding_opts){.socket = p->id,
                                                         .servers = {e->opts.stun},
                                                         .server_count = 1,
                                                         .dialect = PTN_STUN_BINDING_MODERN,
                                                         .budget = PTN_S(2),
                                                         .dice = ptn_dice_split(&e->opts.dice)});
        ptn_stun_binding_start(&p->binding, now);
        p->has_binding = true;
    }
    if (local->family == e->opts.turn.family) {
        p->turn = malloc(sizeof *p->turn);
        must(p->turn, "no memory");
        ptn_turn_init(p->turn, &(struct ptn_turn_opts){.socket = p->id,
                                                       .connection = CONNECTION + p->id,
                                                       .local = *local,
                                                       .user = &e->opts.user,
                                                       .crypto = e->opts.crypto,
                                                       .dice = ptn_dice_split(&e->opts.dice)});
        ptn_turn_start(p->turn, now,
                       &(struct ptn_turn_ways){
                           .count = 1, .ways = {{.server = e->opts.turn, .transport = PTN_UDP}}});
    }
}

/* Mapped and relayed addresses that are known now. */
static void tell_servers(struct ice_end *e, ptn_time now, struct ice_end_path *p)
{
    struct ptn_ice_local l = {.component = p->component, .preference = p->preference};

    if (p->has_binding && ptn_stun_binding_mapped(&p->binding, &l.addr)) {
        l.kind = PTN_ICE_SERVER_REFLEXIVE;
        l.path = p->id;
        l.base = p->local;
        l.server = e->opts.stun;
        ptn_ice_add_local(e->ice, now, &l);
    }
    if (p->turn && ptn_turn_relayed(p->turn)) {
        l.kind = PTN_ICE_RELAYED;
        l.path = RELAY_PATH + p->id;
        l.addr = *ptn_turn_relayed(p->turn);
        l.server = e->opts.turn;
        l.base = (struct ptn_addr){0};
        ptn_ice_add_local(e->ice, now, &l);
    }
}

static void gather(struct ice_end *e, ptn_time now)
{
    struct ptn_stun_binding_event bev;
    struct ptn_turn_event tev;
    bool settled = true;

    for (unsigned i = 0; i < e->path_count; i++) {
        struct ice_end_path *p = &e->paths[i];
        while (p->has_binding && ptn_stun_binding_event(&p->binding, &bev))
            p->settled |= bev.kind == PTN_STUN_BINDING_SETTLED;
        while (p->turn && ptn_turn_event(p->turn, &tev))
            ;
        settled &= !ptn_addr_is_none(&p->local) && (!p->has_binding || p->settled) &&
                   (!p->turn || ptn_turn_settled(p->turn));
    }
    if (!e->gathering || !settled)
        return;
    for (unsigned i = 0; i < e->path_count; i++)
        tell_servers(e, now, &e->paths[i]);
    e->gathering = false;
    e->gathered = true;
    ptn_ice_end_local(e->ice);
}

bool ice_end_gathered(const struct ice_end *e)
{
    return e->gathered;
}

void ice_end_restart(struct ice_end *e, ptn_time now)
{
    ptn_ice_restart(e->ice, now);
    for (unsigned i = 0; i < e->path_count; i++) {
        struct ice_end_path *p = &e->paths[i];
        tell_host(e, now, p);
        p->settled = false;
        if (p->has_binding) {
            ptn_stun_binding_stop(&p->binding);
            ptn_stun_binding_start(&p->binding, now);
        }
        if (p->turn)
            ptn_turn_doubt(p->turn, now);
    }
    e->gathering = true;
    e->gathered = false;
}

size_t ice_end_say(const struct ice_end *e, char out[static ICE_END_WORDS_MAX])
{
    struct ptn_ice_description d = {.far.creds = *ptn_ice_creds(e->ice), .ice2 = true};
    struct ptn_writer w = ptn_writer(out, ICE_END_WORDS_MAX);
    const struct ptn_ice_candidate *c;

    while ((c = ptn_ice_local(e->ice, d.count)))
        d.candidates[d.count++] = *c;
    d.ended = e->gathered;
    ptn_ice_write_lines(&d, &w);
    must(!w.bad, "no room for its words");
    return ptn_writer_size(&w);
}

/* Before anything is sent there, so that the other's first check finds the relay open. */
static void permit(struct ice_end *e, ptn_time now, const struct ptn_addr *peer)
{
    struct ptn_addr any_port = ptn_addr_with_port(*peer, 0);

    for (unsigned i = 0; i < e->path_count; i++)
        if (e->paths[i].turn && peer->family == e->paths[i].local.family)
            ptn_turn_permit(e->paths[i].turn, now, &any_port);
}

bool ice_end_hear(struct ice_end *e, ptn_time now, struct ptn_bytes lines)
{
    struct ptn_ice_description d = {0};

    ptn_ice_read_lines(&d, lines);
    if (ptn_ice_speaks(&d) && !ptn_ice_set_far(e->ice, now, &d.far))
        return false;
    for (unsigned i = 0; i < d.count; i++) {
        ptn_ice_add_remote(e->ice, now, &d.candidates[i]);
        permit(e, now, &d.candidates[i].addr);
    }
    /* Who does not trickle has said all. */
    if (d.ended || !d.trickle)
        ptn_ice_end_remote(e->ice);
    return true;
}

/* ---- the machine ---- */

static struct ice_end_path *path_of(struct ice_end *e, ptn_id id)
{
    return id >= 1 && id <= e->path_count ? &e->paths[id - 1] : NULL;
}

static void take_media(struct ice_end *e, ptn_time now, const struct ptn_tell *tell)
{
    struct ice_end_heard *h = &e->heard;

    if (!ptn_ice_knows(e->ice, tell->id, &tell->from)) {
        h->foreign++;
        return;
    }
    if (h->count++ == 0)
        h->first = now;
    else
        h->gap_max = ptn_time_max(h->gap_max, now - h->last);
    h->last = now;
}

static void take_datagram(struct ice_end *e, ptn_time now, const struct ptn_tell *tell)
{
    if (ptn_ice_input(e->ice, now, tell) == PTN_ICE_NOT_OURS && tell->bytes.size > 0 &&
        tell->bytes.data[0] >> 6 == 2)
        take_media(e, now, tell);
}

static void input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct ice_end *e = self;
    struct ice_end_path *p = path_of(e, tell->id);

    if (!p)
        return;
    if (tell->kind == PTN_TELL_FAILED) {
        fprintf(stderr, "ice_end: a socket was not opened: %s\n", ptn_err_text(tell->why));
        abort();
    }
    if (tell->kind == PTN_TELL_OPENED) {
        opened(e, now, p, &tell->local);
        return;
    }
    if (p->turn && ptn_turn_input(p->turn, now, tell)) {
        struct ptn_tell inner = {.kind = PTN_TELL_DATAGRAM, .id = RELAY_PATH + p->id};
        while (ptn_turn_data(p->turn, now, &inner.from, &inner.bytes))
            take_datagram(e, now, &inner);
        return;
    }
    if (p->has_binding && ptn_stun_binding_input(&p->binding, now, tell))
        return;
    if (tell->kind == PTN_TELL_DATAGRAM)
        take_datagram(e, now, tell);
    else
        ptn_ice_input(e->ice, now, tell);
}

static void tick(void *self, ptn_time now)
{
    struct ice_end *e = self;
    struct ptn_ice_event ev;

    for (unsigned i = 0; i < e->path_count; i++) {
        struct ice_end_path *p = &e->paths[i];
        if (p->has_binding)
            ptn_stun_binding_tick(&p->binding, now);
        if (p->turn)
            ptn_turn_tick(p->turn, now);
    }
    gather(e, now);
    ptn_ice_tick(e->ice, now);
    while (ptn_ice_event(e->ice, &ev)) {
        if (e->events[ev.component][ev.kind]++ == 0)
            e->at[ev.component][ev.kind] = now;
        if (ev.component == 1)
            ptn_ice_route(e->ice, now, 1, &e->route);
        if (ev.kind == PTN_ICE_PATH && ev.component == 1 && e->events[1][PTN_ICE_PATH] == 1)
            e->next_packet = now;
    }
}

/* By its path, which may be a relay's. */
static bool send_by(struct ice_end *e, ptn_time now, const struct ptn_ask *what,
                    struct ptn_ask *ask)
{
    struct ptn_addr peer = ptn_addr_with_port(what->to, 0);

    *ask = *what;
    if (what->id < RELAY_PATH)
        return true;
    struct ptn_turn *turn = path_of(e, what->id - RELAY_PATH)->turn;
    return ptn_turn_permit(turn, now, &peer) &&
           ptn_turn_send(turn, now, &what->to, what->bytes, NULL, ask);
}

static bool output_media(struct ice_end *e, ptn_time now, struct ptn_ask *ask)
{
    struct ptn_ice_route route;

    if (!e->talks || now < e->next_packet || !ptn_ice_route(e->ice, now, 1, &route))
        return false;
    e->next_packet = now + PACKETS_EVERY;
    memcpy(e->packet, "\x80media", 6);
    memcpy(e->packet + 8, &e->sent, sizeof e->sent);
    e->sent++;
    struct ptn_ask media = {.kind = PTN_ASK_DATAGRAM,
                            .id = route.path,
                            .to = route.to,
                            .bytes = ptn_bytes(e->packet, sizeof e->packet)};
    return send_by(e, now, &media, ask);
}

static bool output(void *self, ptn_time now, struct ptn_ask *ask)
{
    struct ice_end *e = self;
    struct ptn_ask inner;

    if (e->opens < e->path_count) {
        unsigned i = e->opens++;
        *ask = (struct ptn_ask){.kind = PTN_ASK_OPEN,
                                .id = e->paths[i].id,
                                .transport = PTN_UDP,
                                .local = e->opts.addrs[i / e->opts.components]};
        return true;
    }
    for (unsigned i = 0; i < e->path_count; i++) {
        struct ice_end_path *p = &e->paths[i];
        if ((p->has_binding && ptn_stun_binding_output(&p->binding, now, ask)) ||
            (p->turn && ptn_turn_output(p->turn, now, ask)))
            return true;
    }
    while (ptn_ice_output(e->ice, now, &inner))
        if (send_by(e, now, &inner, ask))
            return true;
    return output_media(e, now, ask);
}

static ptn_time deadline(const void *self)
{
    const struct ice_end *e = self;
    ptn_time due = ptn_ice_deadline(e->ice);
    struct ptn_ice_route route;

    for (unsigned i = 0; i < e->path_count; i++) {
        const struct ice_end_path *p = &e->paths[i];
        if (p->has_binding)
            due = ptn_time_min(due, ptn_stun_binding_deadline(&p->binding));
        if (p->turn)
            due = ptn_time_min(due, ptn_turn_deadline(p->turn));
    }
    if (e->talks && ptn_ice_route(e->ice, e->next_packet, 1, &route))
        due = ptn_time_min(due, e->next_packet);
    return due;
}

struct ptn_machine ice_end_machine(struct ice_end *e)
{
    return (struct ptn_machine){e, input, tick, output, deadline};
}

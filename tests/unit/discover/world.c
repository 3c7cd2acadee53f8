#include "world.h"

#include <stdlib.h>

#include "support/test.h"

struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    w->dice = ptn_dice_seeded(seed);
    w->one_way = PTN_MS(20);
    w->host = ptn_addr_v4(203, 0, 113, 77, 0);
    w->server_count = 1;
    w->servers[0].a = ptn_addr_v4(192, 0, 2, 1, 3478);
    w->servers[0].b = ptn_addr_v4(192, 0, 2, 2, 3479);
    return w;
}

void world_free(struct world *w)
{
    free(w);
}

struct layer *world_add_firewall(struct world *w, enum ptn_discover_sees filtering)
{
    struct layer *l = &w->layers[w->layer_count++];

    *l = (struct layer){.filtering = filtering, .mapping = PTN_DISCOVER_ENDPOINT_INDEPENDENT};
    return l;
}

struct layer *world_add_nat(struct world *w, enum ptn_discover_sees mapping,
                            enum ptn_discover_sees filtering)
{
    struct layer *l = world_add_firewall(w, filtering);

    l->translates = true;
    l->mapping = mapping;
    l->outside = ptn_addr_v4(198, 51, 100, (uint8_t)w->layer_count, 0);
    w->host = ptn_addr_v4(192, 168, 1, 10, 0);
    return l;
}

/* ---- NAT ---- */

static struct ptn_addr key_of(const struct layer *l, const struct ptn_addr *far)
{
    switch (l->mapping) {
    case PTN_DISCOVER_ADDRESS_DEPENDENT: return ptn_addr_with_port(*far, 0);
    case PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT: return *far;
    default: return (struct ptn_addr){0};
    }
}

static bool outer_taken(const struct layer *l, const struct ptn_addr *outer)
{
    for (unsigned i = 0; i < l->entry_count; i++)
        if (ptn_addr_equal(&l->entries[i].outer, outer))
            return true;
    return false;
}

static struct entry *map(struct world *w, struct layer *l, const struct ptn_addr *inner,
                         const struct ptn_addr *far)
{
    struct ptn_addr key = key_of(l, far);

    for (unsigned i = 0; i < l->entry_count; i++)
        if (ptn_addr_equal(&l->entries[i].inner, inner) && ptn_addr_equal(&l->entries[i].key, &key))
            return &l->entries[i];
    CHECK(l->entry_count < ENTRIES_MAX);
    struct entry *e = &l->entries[l->entry_count];
    *e = (struct entry){.inner = *inner, .key = key, .outer = *inner};
    if (l->translates) {
        e->outer = ptn_addr_with_port(l->outside, inner->port);
        while (!l->preserves_ports || outer_taken(l, &e->outer)) {
            e->outer.port = (uint16_t)(1024 + ptn_dice_below(&w->dice, 60000));
            if (!outer_taken(l, &e->outer))
                break;
        }
    }
    l->entry_count++;
    return e;
}

/* Outwards through one layer; the far end may answer from now on. */
static struct ptn_addr out(struct world *w, struct layer *l, struct ptn_addr from,
                           const struct ptn_addr *to)
{
    struct entry *e = map(w, l, &from, to);

    for (unsigned i = 0; i < e->sent_count; i++)
        if (ptn_addr_equal(&e->sent_to[i], to))
            return e->outer;
    CHECK(e->sent_count < 32);
    e->sent_to[e->sent_count++] = *to;
    return e->outer;
}

/* Inwards: false when it is filtered. */
static bool in(const struct layer *l, const struct ptn_addr *from, struct ptn_addr *to)
{
    bool mapped = false;

    for (unsigned i = 0; i < l->entry_count; i++) {
        const struct entry *e = &l->entries[i];
        if (!ptn_addr_equal(&e->outer, to))
            continue;
        mapped = true;
        for (unsigned k = 0; k < e->sent_count; k++)
            if (l->filtering == PTN_DISCOVER_ENDPOINT_INDEPENDENT ||
                ptn_addr_equal(&e->sent_to[k], from) ||
                (l->filtering == PTN_DISCOVER_ADDRESS_DEPENDENT &&
                 ptn_addr_same_ip(&e->sent_to[k], from))) {
                *to = e->inner;
                return true;
            }
    }
    /* A firewall that filters nothing lets in what nobody asked for. */
    return !mapped && !l->translates && l->filtering == PTN_DISCOVER_ENDPOINT_INDEPENDENT;
}

/* ---- servers ---- */

static bool lost(struct world *w)
{
    return ptn_dice_unit(&w->dice) < w->loss;
}

static void deliver(struct world *w, ptn_time delay, struct ptn_addr from, struct ptn_addr to,
                    struct ptn_bytes bytes, unsigned from_layer)
{
    for (unsigned i = from_layer; i-- > 0;)
        if (!in(&w->layers[i], &from, &to))
            return;
    for (unsigned i = 0; i < w->socket_count; i++) {
        if (!w->sockets[i].open || !ptn_addr_equal(&w->sockets[i].local, &to))
            continue;
        CHECK(w->flight_count < FLIGHT_MAX && bytes.size <= 200);
        unsigned k = w->flight_count++;
        w->flight[k].at = w->now + delay;
        w->flight[k].kind = PTN_TELL_DATAGRAM;
        w->flight[k].socket = w->sockets[i].id;
        w->flight[k].from = from;
        w->flight[k].size = bytes.size;
        memcpy(w->flight[k].bytes, bytes.data, bytes.size);
    }
}

static bool speaks(const struct server *s, const struct ptn_stun_msg *m)
{
    return m->dialect == PTN_STUN_CLASSIC ? s->speaks != SPEAKS_MODERN
                                          : s->speaks != SPEAKS_CLASSIC;
}

static void put_addresses(const struct server *s, const struct ptn_stun_msg *m,
                          struct ptn_stun_out *o, const struct ptn_addr *mapped, bool asked)
{
    bool classic = m->dialect == PTN_STUN_CLASSIC || s->speaks == SPEAKS_CLASSIC_ECHOES;

    ptn_stun_put_addr(o, classic ? PTN_STUN_MAPPED_ADDRESS : PTN_STUN_XOR_MAPPED_ADDRESS, mapped);
    if (!ptn_addr_is_none(&s->b) && (classic || asked || s->tells_other_always))
        ptn_stun_put_addr(o, classic ? PTN_STUN_CHANGED_ADDRESS : PTN_STUN_OTHER_ADDRESS, &s->b);
}

/* An answer to a request that came in at `at`: what and from where. */
static bool serve(const struct server *s, const struct ptn_addr *at, const struct ptn_addr *mapped,
                  struct ptn_bytes request, uint8_t *buf, size_t size, struct ptn_bytes *answer,
                  struct ptn_addr *from)
{
    struct ptn_stun_msg m;
    struct ptn_stun_out o;
    uint32_t change = 0;
    bool asked;

    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, request));
    asked = ptn_stun_get_u32(&m, PTN_STUN_CHANGE_REQUEST, &change);
    if (s->dead || m.class != PTN_STUN_REQUEST || !speaks(s, &m) ||
        (s->silent_on_change && asked) || (s->second_dead && ptn_addr_same_ip(at, &s->b)))
        return false;
    *from = *at;
    if (s->refuses || (change && ptn_addr_is_none(&s->b) && !s->ignores_change)) {
        ptn_stun_begin(&o, buf, size, PTN_STUN_ERROR, PTN_STUN_BINDING, &m.id);
        ptn_stun_put_error(&o, s->refuses ? s->refuses : 420);
        return ptn_stun_end(&o, answer);
    }
    if (!s->ignores_change && change & PTN_STUN_CHANGE_IP)
        memcpy(from->ip, ptn_addr_same_ip(at, &s->a) ? s->b.ip : s->a.ip, sizeof from->ip);
    if (!s->ignores_change && change & PTN_STUN_CHANGE_PORT)
        from->port = at->port == s->a.port ? s->b.port : s->a.port;
    if (s->second_dead && ptn_addr_same_ip(from, &s->b))
        return false;
    ptn_stun_begin(&o, buf, size, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &m.id);
    put_addresses(s, &m, &o, mapped, asked);
    return ptn_stun_end(&o, answer);
}

static bool is_at(const struct server *s, const struct ptn_addr *to)
{
    return (ptn_addr_same_ip(to, &s->a) || ptn_addr_same_ip(to, &s->b)) &&
           (to->port == s->a.port || (!ptn_addr_is_none(&s->b) && to->port == s->b.port));
}

static void arrive(struct world *w, struct ptn_addr from, const struct ptn_addr *to,
                   struct ptn_bytes bytes)
{
    for (unsigned i = 0; i < w->server_count; i++) {
        struct ptn_addr source;
        struct ptn_bytes answer;
        uint8_t buf[200];
        if (is_at(&w->servers[i], to) &&
            serve(&w->servers[i], to, &from, bytes, buf, sizeof buf, &answer, &source) && !lost(w))
            deliver(w, 2 * w->one_way, source, from, answer, w->layer_count);
    }
}

static void send_out(struct world *w, const struct ptn_ask *ask)
{
    struct ptn_addr from = {0};

    w->sent++;
    for (unsigned i = 0; i < w->socket_count; i++)
        if (w->sockets[i].id == ask->id)
            from = w->sockets[i].local;
    CHECK(!ptn_addr_is_none(&from));
    if (w->blocked && w->says_so) {
        unsigned k = w->flight_count++;
        w->flight[k].at = w->now + PTN_MS(1);
        w->flight[k].kind = PTN_TELL_ICMP_ERROR;
        w->flight[k].socket = ask->id;
        w->flight[k].from = ask->to;
        w->flight[k].size = 0;
    }
    if (w->blocked || lost(w))
        return;
    for (unsigned i = 0; i < w->layer_count; i++) {
        struct layer *l = &w->layers[i];
        from = out(w, l, from, &ask->to);
        if (l->translates && ptn_addr_same_ip(&ask->to, &l->outside)) {
            if (l->hairpin)
                deliver(w, PTN_MS(1), from, ask->to, ask->bytes, i + 1);
            return;
        }
    }
    arrive(w, from, &ask->to, ask->bytes);
}

/* ---- the machine's host ---- */

static void tell(struct world *w, struct ptn_discover *d, const struct ptn_tell *t)
{
    ptn_discover_input(d, w->now, t);
}

static void open_socket(struct world *w, struct ptn_discover *d, const struct ptn_ask *ask)
{
    if (w->refuse_sockets) {
        tell(w, d,
             &(struct ptn_tell){
                 .kind = PTN_TELL_FAILED, .id = ask->id, .why = PTN_ERR_NOT_PERMITTED});
        return;
    }
    CHECK(w->socket_count < 16);
    struct ptn_addr local = ptn_addr_with_port(w->host, (uint16_t)(40000 + 7 * w->socket_count));
    unsigned i = w->socket_count++;
    w->sockets[i].id = ask->id;
    w->sockets[i].local = local;
    w->sockets[i].open = true;
    w->opened++;
    tell(w, d, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = ask->id, .local = local});
}

static void resolve(struct world *w, struct ptn_discover *d, const struct ptn_ask *ask)
{
    struct ptn_tell t = {.kind = PTN_TELL_RESOLVED, .id = ask->id};

    if (!w->resolve)
        return; /* a name server that is gone */
    t.records = w->resolve(ask->name, ask->types, &t.record_count);
    tell(w, d, &t);
}

static void drain(struct world *w, struct ptn_discover *d)
{
    struct ptn_ask ask;

    while (ptn_discover_output(d, w->now, &ask))
        switch (ask.kind) {
        case PTN_ASK_OPEN: open_socket(w, d, &ask); break;
        case PTN_ASK_CLOSE: w->closed++; break;
        case PTN_ASK_DATAGRAM: send_out(w, &ask); break;
        case PTN_ASK_RESOLVE: resolve(w, d, &ask); break;
        default: CHECK(false);
        }
}

static unsigned next_flight(const struct world *w)
{
    unsigned best = 0;

    for (unsigned i = 1; i < w->flight_count; i++)
        if (w->flight[i].at < w->flight[best].at)
            best = i;
    return best;
}

static bool done(struct ptn_discover *d, struct ptn_discover_result *result)
{
    struct ptn_discover_event ev;

    while (ptn_discover_event(d, &ev))
        if (ev.kind == PTN_DISCOVER_DONE) {
            *result = *ev.result;
            return true;
        }
    return false;
}

struct ptn_discover_result world_discover_with(struct world *w, struct ptn_discover_opts opts)
{
    struct ptn_discover_result result;

    opts.first_id = 1000;
    opts.local = w->host;
    opts.dice = ptn_dice_split(&w->dice);
    struct ptn_discover *d = ptn_discover_new(&opts);
    w->socket_count = 0;
    ptn_discover_start(d, w->now);
    drain(w, d);
    while (!done(d, &result)) {
        ptn_time due = ptn_discover_deadline(d);
        unsigned next = next_flight(w);
        if (w->flight_count > 0 && w->flight[next].at <= due) {
            w->now = w->flight[next].at;
            tell(w, d,
                 &(struct ptn_tell){.kind = w->flight[next].kind,
                                    .id = w->flight[next].socket,
                                    .from = w->flight[next].from,
                                    .bytes =
                                        ptn_bytes(w->flight[next].bytes, w->flight[next].size)});
            w->flight[next] = w->flight[--w->flight_count];
        } else {
            CHECK(due < PTN_NEVER);
            w->now = due > w->now ? due : w->now;
            ptn_discover_tick(d, w->now);
        }
        drain(w, d);
    }
    drain(w, d);
    CHECK_EQ(w->opened, w->closed);
    ptn_discover_free(d);
    return result;
}

struct ptn_discover_result world_discover(struct world *w, enum ptn_discover_dialect dialect)
{
    static char names[WORLD_SERVERS_MAX][PTN_ADDR_TEXT_MAX];
    struct ptn_discover_opts opts = {.server_count = w->server_count, .dialect = dialect};

    for (unsigned i = 0; i < w->server_count; i++) {
        opts.servers[i].name = ptn_addr_format_ip(&w->servers[i].a, names[i]);
        opts.servers[i].port = w->servers[i].a.port;
    }
    return world_discover_with(w, opts);
}

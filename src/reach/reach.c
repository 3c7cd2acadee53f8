/*
 * reach/reach.c - evidence in slots, one for each kind and server, and a ranking over them.
 *
 * What a server sees of us tells also how far away it is: a server in the same
 * private network sees a private address, and that is right for peers there and
 * wrong for public ones. So evidence is used only where it fits the destination.
 */
#include "reach/reach.h"

#include <assert.h>

const struct ptn_reach_opts PTN_REACH_DEFAULTS = {
    .hold = PTN_S(10),
    .changes_per = PTN_S(600),
    .changes_max = 6,
};

/* How widely an address is valid; 0 is "not an address of a host". */
static unsigned width(const struct ptn_addr *a)
{
    switch (ptn_addr_kind(a)) {
    case PTN_ADDR_PUBLIC: return 5;
    case PTN_ADDR_SHARED: return 4;
    case PTN_ADDR_PRIVATE: return 3;
    case PTN_ADDR_LINK_LOCAL: return 2;
    case PTN_ADDR_LOOPBACK: return 1;
    case PTN_ADDR_UNSPECIFIED:
    case PTN_ADDR_MULTICAST:
    case PTN_ADDR_RESERVED: break;
    }
    return 0;
}

enum { WIDTH_PUBLIC = 5, WIDTH_LINK_LOCAL = 2 };

void ptn_reach_init(struct ptn_reach *r, const struct ptn_reach_opts *opts)
{
    assert(opts->changes_max > 0);

    *r = (struct ptn_reach){.opts = *opts};
    if (r->opts.prefix_bits == 0)
        r->opts.prefix_bits = opts->local.family == PTN_IPV6 ? 64 : 24;
    if (!ptn_addr_is_none(&r->opts.manual) && r->opts.manual.port == 0)
        r->opts.manual.port = opts->local.port;
}

/* --- evidence --- */

static bool slot_used(const struct ptn_reach_slot *s)
{
    return !ptn_addr_is_none(&s->sight.seen);
}

static bool sight_usable(const struct ptn_reach *r, const struct ptn_reach_sight *sight)
{
    if (sight->seen.family != r->opts.local.family || width(&sight->seen) == 0)
        return false;
    if (sight->seen.port == 0 && sight->kind != PTN_REACH_SAW_SIGNAL)
        return false;
    /* Nobody beyond this host, or beyond this wire, sees us under such an address. */
    if (width(&sight->seen) <= WIDTH_LINK_LOCAL)
        return ptn_addr_same_ip(&sight->seen, &r->opts.local);
    return true;
}

/* The slot for this kind and server, else a free one, else the one not seen for longest. */
static struct ptn_reach_slot *slot_for(struct ptn_reach *r, const struct ptn_reach_sight *sight)
{
    struct ptn_reach_slot *best = &r->slots[0];

    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++) {
        struct ptn_reach_slot *s = &r->slots[i];
        if (slot_used(s) && s->sight.kind == sight->kind &&
            ptn_addr_equal(&s->sight.server, &sight->server))
            return s;
        if (slot_used(best) && (!slot_used(s) || s->seen_at < best->seen_at))
            best = s;
    }
    *best = (struct ptn_reach_slot){.sight = {.kind = sight->kind, .server = sight->server}};
    return best;
}

/* Sights that can be held against each other: of the port too, by servers equally far away. */
static bool comparable(const struct ptn_reach *r, const struct ptn_reach_slot *a,
                       const struct ptn_reach_slot *b)
{
    return slot_used(a) && slot_used(b) && a->sight.kind != PTN_REACH_SAW_SIGNAL &&
           b->sight.kind != PTN_REACH_SAW_SIGNAL && a->seen_at >= r->changed_at &&
           b->seen_at >= r->changed_at && width(&a->sight.server) == width(&b->sight.server) &&
           width(&a->sight.seen) == width(&b->sight.seen);
}

/* Compares the slot just seen with the others. A NAT that maps per address shows itself only
 * between two IP addresses, so agreement needs those; disagreement is one at any rate. */
static void judge_nat(struct ptn_reach *r, const struct ptn_reach_slot *fresh)
{
    enum ptn_reach_nat nat = ptn_addr_equal(&fresh->sight.seen, &r->opts.local)
                                 ? PTN_REACH_NAT_NONE
                                 : PTN_REACH_NAT_SOME;

    if (fresh->sight.kind == PTN_REACH_SAW_SIGNAL)
        return;
    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++) {
        const struct ptn_reach_slot *s = &r->slots[i];
        if (s == fresh || !comparable(r, s, fresh))
            continue;
        r->compared = true;
        if (!ptn_addr_equal(&s->sight.seen, &fresh->sight.seen)) {
            nat = PTN_REACH_NAT_PER_DESTINATION;
            break;
        }
        if (nat == PTN_REACH_NAT_SOME && !ptn_addr_same_ip(&s->sight.server, &fresh->sight.server))
            nat = PTN_REACH_NAT_SAME_FOR_ALL;
    }
    /* A single view says less than what was found before; only the absence of a NAT is news. */
    if (nat != PTN_REACH_NAT_SOME || r->nat <= PTN_REACH_NAT_NONE)
        r->nat = nat;
}

/* Of windows of whom always has something new to say. */
enum { WINDOWS_MAX = 6 };

static ptn_time window_end(const struct ptn_reach *r, const struct ptn_reach_slot *s)
{
    return ptn_time_add(s->window_start, s->windows * r->opts.changes_per);
}

static bool may_change(const struct ptn_reach *r, struct ptn_reach_slot *s, ptn_time now)
{
    if (now >= window_end(r, s)) {
        bool spent = s->changes >= r->opts.changes_max;
        s->windows = !spent ? 1 : s->windows < WINDOWS_MAX / 2 ? 2 * s->windows : WINDOWS_MAX;
        s->window_start = now;
        s->changes = 0;
    }
    return now >= s->hold_until && s->changes < r->opts.changes_max;
}

static void believe(struct ptn_reach *r, struct ptn_reach_slot *s, ptn_time now)
{
    s->sight.seen = s->pending;
    s->seen_at = s->pending_at;
    s->pending = (struct ptn_addr){0};
    s->hold_until = ptn_time_add(now, r->opts.hold);
    s->changes++;
    r->changed_at = s->seen_at;
    judge_nat(r, s);
}

bool ptn_reach_see(struct ptn_reach *r, ptn_time now, const struct ptn_reach_sight *sight)
{
    enum ptn_reach_nat nat = r->nat;
    struct ptn_addr seen = sight->seen;

    if (!sight_usable(r, sight))
        return false;
    if (sight->kind == PTN_REACH_SAW_SIGNAL)
        seen.port = 0;

    struct ptn_reach_slot *s = slot_for(r, sight);
    if (!slot_used(s)) {
        s->sight.seen = seen;
        s->seen_at = s->window_start = now;
        s->windows = 1;
        judge_nat(r, s);
        return true;
    }
    if (ptn_addr_equal(&s->sight.seen, &seen)) {
        s->pending = (struct ptn_addr){0};
        s->seen_at = now;
        judge_nat(r, s);
        return r->nat != nat;
    }
    s->pending = seen;
    s->pending_at = now;
    if (!may_change(r, s, now))
        return false;
    believe(r, s, now);
    return true;
}

/* Than the same server saw last, believed or not. */
static bool differs(const struct ptn_reach *r, const struct ptn_reach_sight *sight)
{
    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++) {
        const struct ptn_reach_slot *s = &r->slots[i];
        if (slot_used(s) && s->sight.kind == sight->kind &&
            ptn_addr_equal(&s->sight.server, &sight->server))
            return !ptn_addr_equal(&sight->seen,
                                   ptn_addr_is_none(&s->pending) ? &s->sight.seen : &s->pending);
    }
    return false;
}

bool ptn_reach_see_doubting(struct ptn_reach *r, ptn_time now, const struct ptn_reach_sight *sight,
                            bool *doubtful)
{
    bool moved = differs(r, sight), per_destination = r->nat == PTN_REACH_NAT_PER_DESTINATION;
    bool news = ptn_reach_see(r, now, sight);

    *doubtful = moved || (!per_destination && r->nat == PTN_REACH_NAT_PER_DESTINATION);
    return news;
}

bool ptn_reach_see_nat(struct ptn_reach *r, enum ptn_reach_nat nat)
{
    if (nat == r->nat || r->compared)
        return false;
    r->nat = nat;
    return true;
}

void ptn_reach_set_relayed(struct ptn_reach *r, const struct ptn_addr *relayed)
{
    r->relayed = *relayed;
}

void ptn_reach_see_silence(struct ptn_reach *r, bool silent)
{
    r->silent = silent;
}

void ptn_reach_see_unreached(struct ptn_reach *r)
{
    r->unreached = true;
}

/* What was set by hand may be a port forwarded, so it is tried whatever the NAT is. */
bool ptn_reach_needs_relay(const struct ptn_reach *r)
{
    return r->opts.relay_always ||
           (ptn_addr_is_none(&r->opts.manual) &&
            (r->silent || r->unreached || r->nat == PTN_REACH_NAT_PER_DESTINATION));
}

bool ptn_reach_tick(struct ptn_reach *r, ptn_time now)
{
    bool changed = false;

    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++) {
        struct ptn_reach_slot *s = &r->slots[i];
        if (ptn_addr_is_none(&s->pending) || !may_change(r, s, now))
            continue;
        believe(r, s, now);
        changed = true;
    }
    return changed;
}

bool ptn_reach_is_held_back(const struct ptn_reach *r)
{
    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++)
        if (!ptn_addr_is_none(&r->slots[i].pending) && r->slots[i].changes >= r->opts.changes_max)
            return true;
    return false;
}

ptn_time ptn_reach_deadline(const struct ptn_reach *r)
{
    ptn_time deadline = PTN_NEVER;

    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++) {
        const struct ptn_reach_slot *s = &r->slots[i];
        if (ptn_addr_is_none(&s->pending))
            continue;
        ptn_time due = s->hold_until;
        if (s->changes >= r->opts.changes_max)
            due = ptn_time_max(due, window_end(r, s));
        deadline = ptn_time_min(deadline, due);
    }
    return deadline;
}

/* --- ranking --- */

/* Of a destination: one that is not known may be anywhere. */
static unsigned width_towards(const struct ptn_addr *to)
{
    return ptn_addr_is_none(to) ? WIDTH_PUBLIC : width(to);
}

/* Public peers need a public address. Others: what their own kind of server sees, for a
 * public STUN server's view of a private network's host is the far side of its NAT. */
static bool fits(const struct ptn_reach_slot *s, const struct ptn_addr *to)
{
    if (width_towards(to) == WIDTH_PUBLIC)
        return width(&s->sight.seen) == WIDTH_PUBLIC;
    return width(&s->sight.server) == width(to);
}

/* The sight of one kind seen last that fits `to`; with `from`, only that server's. */
static const struct ptn_reach_slot *latest(const struct ptn_reach *r,
                                           enum ptn_reach_sight_kind kind,
                                           const struct ptn_addr *to, const struct ptn_addr *from)
{
    const struct ptn_reach_slot *best = NULL;

    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++) {
        const struct ptn_reach_slot *s = &r->slots[i];
        if (!slot_used(s) || s->sight.kind != kind || !fits(s, to))
            continue;
        if (from && !ptn_addr_equal(&s->sight.server, from))
            continue;
        if (!best || s->seen_at > best->seen_at)
            best = s;
    }
    return best;
}

/* The same of any kind that tells a port, by a server at the IP address of `to`. */
static const struct ptn_reach_slot *latest_near(const struct ptn_reach *r,
                                                const struct ptn_reach_ask *ask)
{
    const struct ptn_reach_slot *best = NULL;

    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++) {
        const struct ptn_reach_slot *s = &r->slots[i];
        if (!slot_used(s) || s->sight.kind == PTN_REACH_SAW_SIGNAL || !fits(s, &ask->to) ||
            (ask->no_rport && s->sight.kind == PTN_REACH_SAW_RPORT) ||
            !ptn_addr_same_ip(&s->sight.server, &ask->to))
            continue;
        if (!best || s->seen_at > best->seen_at)
            best = s;
    }
    return best;
}

static const struct ptn_reach_slot *later(const struct ptn_reach_slot *a,
                                          const struct ptn_reach_slot *b)
{
    return !a ? b : !b ? a : b->seen_at > a->seen_at ? b : a;
}

/* What the outside world saw; {0} when nobody who counts for `to` saw anything. */
static struct ptn_reach_answer seen_from(const struct ptn_reach *r, const struct ptn_reach_ask *ask)
{
    const struct ptn_reach_slot *stun = latest(r, PTN_REACH_SAW_STUN, &ask->to, NULL);
    const struct ptn_reach_slot *signal = latest(r, PTN_REACH_SAW_SIGNAL, &ask->to, NULL);
    const struct ptn_reach_slot *own = NULL, *other = NULL;
    bool per_destination = r->nat == PTN_REACH_NAT_PER_DESTINATION;

    if (!ask->no_rport) {
        own = latest(r, PTN_REACH_SAW_RPORT, &ask->to, &ask->to);
        other = latest(r, PTN_REACH_SAW_RPORT, &ask->to, NULL);
    }
    if (own && per_destination)
        return (struct ptn_reach_answer){own->sight.seen, PTN_REACH_BY_RPORT_ONLY, false};

    if (per_destination) {
        const struct ptn_reach_slot *near = latest_near(r, ask);
        if (near)
            return (struct ptn_reach_answer){near->sight.seen, PTN_REACH_BY_SAME_HOST, false};
        const struct ptn_reach_slot *any = later(later(stun, other), signal);
        if (!any)
            return (struct ptn_reach_answer){0};
        struct ptn_addr guess = ptn_addr_with_port(any->sight.seen, r->opts.local.port);
        return (struct ptn_reach_answer){guess, PTN_REACH_BY_SYMMETRIC, false};
    }
    /* The signalling came from elsewhere since STUN was last heard: the NAT has moved. */
    if (stun && signal && signal->seen_at > stun->seen_at &&
        !ptn_addr_same_ip(&stun->sight.seen, &signal->sight.seen))
        stun = NULL;
    if (stun && (!own || own->seen_at <= stun->seen_at ||
                 ptn_addr_equal(&own->sight.seen, &stun->sight.seen)))
        return (struct ptn_reach_answer){stun->sight.seen, PTN_REACH_BY_STUN, false};
    if (own)
        return (struct ptn_reach_answer){own->sight.seen, PTN_REACH_BY_RPORT, false};
    if (other)
        return (struct ptn_reach_answer){other->sight.seen, PTN_REACH_BY_OTHER_RPORT, false};
    if (signal)
        return (struct ptn_reach_answer){ptn_addr_with_port(signal->sight.seen, r->opts.local.port),
                                         PTN_REACH_BY_SIGNAL, false};
    return (struct ptn_reach_answer){0};
}

/* A server with a public address behind which no NAT stands: in a company's own network. */
static bool sees_own(const struct ptn_reach *r, const struct ptn_addr *to)
{
    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++)
        if (slot_used(&r->slots[i]) && ptn_addr_equal(&r->slots[i].sight.server, to) &&
            ptn_addr_same_ip(&r->slots[i].sight.seen, &r->opts.local))
            return true;
    return false;
}

struct ptn_reach_answer ptn_reach_answer(const struct ptn_reach *r, const struct ptn_reach_ask *ask)
{
    const struct ptn_addr *local = &r->opts.local, *to = &ask->to;
    bool to_public = width_towards(to) == WIDTH_PUBLIC;
    struct ptn_reach_answer own = {*local, PTN_REACH_BY_INTERFACE,
                                   to_public &&
                                       (ptn_addr_is_none(to) || to->family == local->family) &&
                                       width(local) != WIDTH_PUBLIC};

    if (ask->policy == PTN_REACH_OFF) {
        own.why = PTN_REACH_BY_DISABLED;
        return own;
    }
    bool is_relayed = !ptn_addr_is_none(&r->relayed) && ptn_reach_needs_relay(r);
    if (is_relayed && r->opts.relay_always)
        return (struct ptn_reach_answer){r->relayed, PTN_REACH_BY_RELAY, false};
    if (ptn_addr_in_prefix(to, local, r->opts.prefix_bits) ||
        ptn_addr_kind(to) == PTN_ADDR_LOOPBACK) {
        own.why = PTN_REACH_BY_NEIGHBOUR;
        own.private_to_public = false;
        return own;
    }
    if (!ptn_addr_is_none(&r->opts.manual) && (to_public || ask->policy == PTN_REACH_MANUAL))
        return (struct ptn_reach_answer){r->opts.manual, PTN_REACH_BY_MANUAL, false};

    if (is_relayed && to_public)
        return (struct ptn_reach_answer){r->relayed, PTN_REACH_BY_RELAY, false};
    struct ptn_reach_answer seen = seen_from(r, ask);
    if (ptn_addr_is_none(&seen.addr)) {
        if (!to_public) {
            own.why = PTN_REACH_BY_ROUTE;
        } else if (sees_own(r, to)) {
            own.why = PTN_REACH_BY_NO_NAT;
            own.private_to_public = false;
        }
        return own;
    }
    if (ptn_addr_equal(&seen.addr, local))
        seen.why = PTN_REACH_BY_NO_NAT;
    return seen;
}

bool ptn_reach_evidence(const struct ptn_reach *r, unsigned *at, struct ptn_reach_evidence *out)
{
    for (; *at < PTN_REACH_SIGHTS_MAX; ++*at) {
        const struct ptn_reach_slot *s = &r->slots[*at];
        if (!slot_used(s))
            continue;
        *out = (struct ptn_reach_evidence){s->sight, s->seen_at, s->pending, s->changes};
        ++*at;
        return true;
    }
    return false;
}

const struct ptn_addr *ptn_reach_mapped(const struct ptn_reach *r)
{
    const struct ptn_reach_slot *best = NULL;

    for (unsigned i = 0; i < PTN_REACH_SIGHTS_MAX; i++)
        if (slot_used(&r->slots[i]) && r->slots[i].sight.kind == PTN_REACH_SAW_STUN)
            best = later(best, &r->slots[i]);
    return best ? &best->sight.seen : NULL;
}

const char *ptn_reach_why_text(enum ptn_reach_why why)
{
    static const char *const texts[PTN_REACH_WHYS] = {
        [PTN_REACH_BY_INTERFACE] = "interface address, nothing better is known",
        [PTN_REACH_BY_NO_NAT] = "interface address, seen unchanged from outside",
        [PTN_REACH_BY_NEIGHBOUR] = "interface address, the peer is on the same network",
        [PTN_REACH_BY_ROUTE] = "interface address, the peer is in a private network too",
        [PTN_REACH_BY_DISABLED] = "interface address, NAT traversal is disabled",
        [PTN_REACH_BY_MANUAL] = "set by hand",
        [PTN_REACH_BY_STUN] = "mapped address from STUN",
        [PTN_REACH_BY_RPORT] = "as the server sees us (rport)",
        [PTN_REACH_BY_RPORT_ONLY] =
            "as the server sees us (rport); symmetric NAT, STUN does not apply",
        [PTN_REACH_BY_SAME_HOST] =
            "as another port of the peer's host sees us; symmetric NAT, STUN does not apply",
        [PTN_REACH_BY_OTHER_RPORT] = "as another server sees us (rport)",
        [PTN_REACH_BY_SIGNAL] = "public address of the signalling with our own port",
        [PTN_REACH_BY_SYMMETRIC] =
            "public address, own port (a guess); symmetric NAT, STUN does not apply",
        [PTN_REACH_BY_RELAY] = "relayed address from TURN",
    };

    return why < PTN_REACH_WHYS ? texts[why] : "unknown";
}

const char *ptn_reach_sight_text(enum ptn_reach_sight_kind kind)
{
    switch (kind) {
    case PTN_REACH_SAW_STUN: return "stun";
    case PTN_REACH_SAW_RPORT: return "rport";
    case PTN_REACH_SAW_SIGNAL: return "signal";
    }
    return "unknown";
}

const char *ptn_reach_nat_text(enum ptn_reach_nat nat)
{
    switch (nat) {
    case PTN_REACH_NAT_UNKNOWN: break;
    case PTN_REACH_NAT_NONE: return "no NAT";
    case PTN_REACH_NAT_SOME: return "a NAT, seen by one server only";
    case PTN_REACH_NAT_SAME_FOR_ALL: return "a NAT with one mapping for all destinations";
    case PTN_REACH_NAT_PER_DESTINATION: return "a NAT that maps per destination (symmetric)";
    }
    return "unknown";
}

/*
 * flow/flow.c - the first byte decides who gets a datagram.
 *
 *   0 … 3      STUN         the TURN client, else the ICE agent, else the anchor (RFC 7983 §7)
 *   64 … 79    ChannelData  the TURN client
 *   16 … 63    ZRTP, DTLS: not spoken
 *   128 … 191  RTP, RTCP    the latch, then the stream
 *
 * Relayed media bears the address of the far end, not of the server, so the latch knows no
 * difference. It goes back by the way that was told in our SDP: a far end behind a NAT has opened
 * that for us, and no other. With ICE the agent knows both: which ways were proven, and who proved
 * them; the latch is not asked.
 */
#include "flow/flow.h"

#define KEEPALIVE_DEFAULT PTN_S(15)
#define TOLD_ON PTN_S(4)

void ptn_flow_init(struct ptn_flow *f, const struct ptn_flow_opts *opts)
{
    *f = (struct ptn_flow){.opts = *opts, .sent_at = PTN_NEVER, .lost_at = PTN_NEVER};
    if (f->opts.keepalive == 0)
        f->opts.keepalive = KEEPALIVE_DEFAULT;
    f->dice = opts->dice;
    f->opts.anchor.binding.socket = opts->socket;
    f->opts.anchor.binding.dice = ptn_dice_split(&f->dice);
    ptn_anchor_init(&f->anchor, &f->opts.anchor);
    ptn_latch_init(&f->latch, opts->latch, opts->rtcp);
}

void ptn_flow_expect(struct ptn_flow *f, const struct ptn_addr *signalled,
                     const struct ptn_latch_formats *formats)
{
    struct ptn_addr before = f->latch.signalled;

    ptn_latch_expect(&f->latch, signalled, formats);
    if (!ptn_addr_equal(&before, signalled))
        f->sent_at = PTN_NEVER;
}

void ptn_flow_lend(struct ptn_flow *f, struct ptn_turn *turn)
{
    struct ptn_addr none = {0};

    f->turn = turn;
    f->permitted = none;
    f->lost_at = PTN_NEVER;
    if (!turn)
        ptn_reach_set_relayed(&f->anchor.reach, &none);
}

void ptn_flow_meet(struct ptn_flow *f, struct ptn_ice *ice, unsigned component, bool decides)
{
    if (f->meets != decides)
        f->sent_at = PTN_NEVER;
    f->ice = ice;
    f->component = component;
    f->meets = decides;
}

void ptn_flow_go_relayed(struct ptn_flow *f, bool relayed)
{
    if (f->relayed != relayed)
        f->sent_at = PTN_NEVER;
    f->relayed = relayed;
}

void ptn_flow_expect_also(struct ptn_flow *f, const struct ptn_addr *ip)
{
    f->also = ptn_addr_with_port(*ip, 0);
}

void ptn_flow_doubt(struct ptn_flow *f, ptn_time now)
{
    ptn_anchor_doubt(&f->anchor, now);
    if (f->turn)
        ptn_turn_doubt(f->turn, now);
}

bool ptn_flow_settled(const struct ptn_flow *f)
{
    return ptn_anchor_settled(&f->anchor) && (!f->turn || ptn_turn_settled(f->turn));
}

static enum ptn_flow_verdict take_media(struct ptn_flow *f, ptn_time now, ptn_id path,
                                        const struct ptn_addr *from, struct ptn_bytes datagram)
{
    if (f->meets)
        return ptn_ice_knows(f->ice, path, from) ? PTN_FLOW_MEDIA : PTN_FLOW_FOREIGN;
    switch (ptn_latch_take(&f->latch, now, from, datagram)) {
    case PTN_LATCH_MOVED:
        f->sent_at = PTN_NEVER; /* the new way has to be opened, too */
        return PTN_FLOW_MEDIA;
    case PTN_LATCH_TAKEN: return PTN_FLOW_MEDIA;
    case PTN_LATCH_WAITING: return PTN_FLOW_NOT_PROVED;
    case PTN_LATCH_FOREIGN: return PTN_FLOW_FOREIGN;
    case PTN_LATCH_NO_MEDIA: return PTN_FLOW_NO_MEDIA;
    case PTN_LATCH_NO_FAR_END: break;
    }
    return PTN_FLOW_NO_CALL;
}

static bool is_rtp(struct ptn_bytes bytes)
{
    return bytes.size > 0 && bytes.data[0] >> 6 == 2;
}

/* The agent's, or not. */
static bool take_check(struct ptn_flow *f, ptn_time now, const struct ptn_tell *tell)
{
    return f->ice && ptn_ice_input(f->ice, now, tell) != PTN_ICE_NOT_OURS;
}

enum ptn_flow_verdict ptn_flow_input(struct ptn_flow *f, ptn_time now, const struct ptn_tell *tell)
{
    enum ptn_flow_verdict verdict = PTN_FLOW_OTHER;

    if (f->turn && ptn_turn_input(f->turn, now, tell)) {
        verdict = PTN_FLOW_RELAY;
    } else if (tell->kind == PTN_TELL_ICMP_ERROR || ptn_anchor_is_stun(tell->bytes)) {
        if (!take_check(f, now, tell))
            ptn_anchor_input(&f->anchor, now, tell);
        verdict = PTN_FLOW_STUN;
    } else if (is_rtp(tell->bytes)) {
        verdict = take_media(f, now, tell->id, &tell->from, tell->bytes);
    }
    f->counts[verdict]++;
    return verdict;
}

/* What a peer of the TURN client has sent. */
static enum ptn_flow_verdict take_relayed(struct ptn_flow *f, ptn_time now,
                                          const struct ptn_addr *from, struct ptn_bytes bytes)
{
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM,
                            .id = f->opts.socket | PTN_FLOW_BY_RELAY,
                            .from = *from,
                            .bytes = bytes};

    if (is_rtp(bytes))
        return take_media(f, now, tell.id, from, bytes);
    if (!ptn_anchor_is_stun(bytes))
        return PTN_FLOW_OTHER;
    take_check(f, now, &tell);
    return PTN_FLOW_STUN;
}

bool ptn_flow_relayed(struct ptn_flow *f, ptn_time now, struct ptn_bytes *media)
{
    struct ptn_addr from;

    while (f->turn && ptn_turn_data(f->turn, now, &from, media)) {
        enum ptn_flow_verdict verdict = take_relayed(f, now, &from, *media);
        f->counts[verdict]++;
        if (verdict == PTN_FLOW_MEDIA)
            return true;
    }
    return false;
}

/* Where SDP says, and where the media really comes from. What a peer was told of before is
 * forgotten with the peer. */
static void permit_peers(struct ptn_flow *f, ptn_time now)
{
    const struct ptn_addr *signalled = &f->latch.signalled, *target = &f->latch.target;

    if (!ptn_addr_equal(&f->permitted, signalled)) {
        ptn_turn_forget(f->turn);
        f->permitted = *signalled;
    }
    if (!f->relayed || ptn_addr_is_none(signalled) || signalled->port == 0)
        return;
    ptn_turn_permit(f->turn, now, signalled);
    if (!ptn_addr_equal(target, signalled))
        ptn_turn_permit(f->turn, now, target);
    if (!ptn_addr_is_none(&f->also) && !ptn_addr_same_ip(&f->also, signalled))
        ptn_turn_permit(f->turn, now, &f->also);
}

static bool has_relayed(const struct ptn_flow *f)
{
    return !ptn_addr_is_none(&f->anchor.reach.relayed);
}

/* An address that was lost is told on for a while: mostly there is another at once, and what would
 * be told instead is of little use, and the far end would have to be told twice. */
static void tell_relayed(struct ptn_flow *f, ptn_time now)
{
    const struct ptn_addr *relayed = ptn_turn_relayed(f->turn);
    const struct ptn_addr none = {0};

    if (relayed) {
        ptn_reach_set_relayed(&f->anchor.reach, relayed);
        f->lost_at = PTN_NEVER;
        return;
    }
    if (has_relayed(f) && f->lost_at == PTN_NEVER)
        f->lost_at = now;
    if (ptn_turn_settled(f->turn) || now >= ptn_time_add(f->lost_at, TOLD_ON)) {
        ptn_reach_set_relayed(&f->anchor.reach, &none);
        f->lost_at = PTN_NEVER;
    }
}

void ptn_flow_tick(struct ptn_flow *f, ptn_time now)
{
    const struct ptn_anchor *a = &f->anchor;

    ptn_anchor_tick(&f->anchor, now);
    ptn_reach_see_silence(&f->anchor.reach,
                          a->asks ? a->settled && !ptn_anchor_hears(a)
                                  : ptn_addr_kind(&a->reach.opts.local) != PTN_ADDR_PUBLIC);
    if (!f->turn)
        return;
    if (!f->ice)
        permit_peers(f, now);
    ptn_turn_tick(f->turn, now);
    tell_relayed(f, now);
}

static bool has_far_end(const struct ptn_flow *f)
{
    return !ptn_addr_is_none(&f->latch.target) && f->latch.target.port != 0;
}

static ptn_time keepalive_due(const struct ptn_flow *f)
{
    if (!has_far_end(f))
        return PTN_NEVER;
    return f->sent_at == PTN_NEVER ? 0 : ptn_time_add(f->sent_at, f->opts.keepalive);
}

/* A Binding indication: RFC 6263 §4.3. Whoever does not speak STUN drops it, for it is no RTP. */
static struct ptn_bytes keepalive_bytes(struct ptn_flow *f)
{
    struct ptn_stun_id id = ptn_stun_id_new(&f->dice, PTN_STUN_MODERN);
    struct ptn_stun_out out;
    struct ptn_bytes bytes = {0};

    ptn_stun_begin(&out, f->keepalive, sizeof f->keepalive, PTN_STUN_INDICATION, PTN_STUN_BINDING,
                   &id);
    ptn_stun_end(&out, &bytes);
    return bytes;
}

bool ptn_flow_output(struct ptn_flow *f, ptn_time now, struct ptn_ask *ask)
{
    if (ptn_anchor_output(&f->anchor, now, ask) || (f->turn && ptn_turn_output(f->turn, now, ask)))
        return true;
    if (now < keepalive_due(f))
        return false;
    /* Where the way is not there at the moment, the next one is not due at once. */
    f->sent_at = now;
    return ptn_flow_send(f, now, keepalive_bytes(f), NULL, ask);
}

/* Where media goes now: by the way that ICE has proven, or to where the latch says. */
static bool find_way(const struct ptn_flow *f, ptn_time now, struct ptn_addr *to, bool *relayed)
{
    struct ptn_ice_route route;

    *to = f->latch.target;
    *relayed = f->relayed;
    if (!f->meets)
        return has_far_end(f);
    if (!ptn_ice_route(f->ice, now, f->component, &route))
        return false;
    *to = route.to;
    *relayed = route.path & PTN_FLOW_BY_RELAY;
    /* One from before a restart may have been of a socket that is gone. */
    return (route.path & ~PTN_FLOW_BY_RELAY) == f->opts.socket;
}

bool ptn_flow_send(struct ptn_flow *f, ptn_time now, struct ptn_bytes media, uint8_t *room,
                   struct ptn_ask *ask)
{
    struct ptn_addr to;
    bool relayed;

    if (!find_way(f, now, &to, &relayed))
        return false;
    if (relayed) {
        if (!f->turn || !ptn_turn_send(f->turn, now, &to, media, room, ask))
            return false;
    } else {
        *ask = (struct ptn_ask){
            .kind = PTN_ASK_DATAGRAM, .id = f->opts.socket, .to = to, .bytes = media};
    }
    f->sent_at = now;
    return true;
}

ptn_time ptn_flow_deadline(const struct ptn_flow *f)
{
    ptn_time due = ptn_time_min(ptn_anchor_deadline(&f->anchor), keepalive_due(f));

    due = ptn_time_min(due, ptn_time_add(f->lost_at, TOLD_ON));
    return f->turn ? ptn_time_min(due, ptn_turn_deadline(f->turn)) : due;
}

const char *ptn_flow_verdict_name(enum ptn_flow_verdict v)
{
    static const char *const names[PTN_FLOW_VERDICTS] = {
        [PTN_FLOW_MEDIA] = "media",       [PTN_FLOW_STUN] = "stun",
        [PTN_FLOW_RELAY] = "relay",       [PTN_FLOW_OTHER] = "other",
        [PTN_FLOW_NO_MEDIA] = "no-media", [PTN_FLOW_NOT_PROVED] = "not-proved",
        [PTN_FLOW_FOREIGN] = "foreign",   [PTN_FLOW_NO_CALL] = "no-call",
    };

    return v < PTN_FLOW_VERDICTS ? names[v] : "unknown";
}

/*
 * flow/flow.c - the first byte decides who gets a datagram.
 *
 *   0 … 3      STUN         the anchor (RFC 7983 §7)
 *   16 … 79    ZRTP, DTLS, TURN channels: not spoken
 *   128 … 191  RTP, RTCP    the latch, then the stream
 */
#include "flow/flow.h"

#define KEEPALIVE_DEFAULT PTN_S(15)

void ptn_flow_init(struct ptn_flow *f, const struct ptn_flow_opts *opts)
{
    *f = (struct ptn_flow){.opts = *opts, .sent_at = PTN_NEVER};
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

static enum ptn_flow_verdict take_media(struct ptn_flow *f, ptn_time now,
                                        const struct ptn_addr *from, struct ptn_bytes datagram)
{
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

enum ptn_flow_verdict ptn_flow_input(struct ptn_flow *f, ptn_time now, const struct ptn_tell *tell)
{
    enum ptn_flow_verdict verdict = PTN_FLOW_OTHER;

    if (tell->kind == PTN_TELL_ICMP_ERROR || ptn_anchor_is_stun(tell->bytes)) {
        ptn_anchor_input(&f->anchor, now, tell);
        verdict = PTN_FLOW_STUN;
    } else if (tell->bytes.size > 0 && tell->bytes.data[0] >> 6 == 2) {
        verdict = take_media(f, now, &tell->from, tell->bytes);
    }
    f->counts[verdict]++;
    return verdict;
}

void ptn_flow_tick(struct ptn_flow *f, ptn_time now)
{
    ptn_anchor_tick(&f->anchor, now);
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
    if (ptn_anchor_output(&f->anchor, now, ask))
        return true;
    if (now < keepalive_due(f))
        return false;
    return ptn_flow_send(f, now, keepalive_bytes(f), ask);
}

bool ptn_flow_send(struct ptn_flow *f, ptn_time now, struct ptn_bytes media, struct ptn_ask *ask)
{
    if (!has_far_end(f))
        return false;
    *ask = (struct ptn_ask){
        .kind = PTN_ASK_DATAGRAM, .id = f->opts.socket, .to = f->latch.target, .bytes = media};
    f->sent_at = now;
    return true;
}

ptn_time ptn_flow_deadline(const struct ptn_flow *f)
{
    return ptn_time_min(ptn_anchor_deadline(&f->anchor), keepalive_due(f));
}

const char *ptn_flow_verdict_name(enum ptn_flow_verdict v)
{
    static const char *const names[PTN_FLOW_VERDICTS] = {
        [PTN_FLOW_MEDIA] = "media",           [PTN_FLOW_STUN] = "stun",
        [PTN_FLOW_OTHER] = "other",           [PTN_FLOW_NO_MEDIA] = "no-media",
        [PTN_FLOW_NOT_PROVED] = "not-proved", [PTN_FLOW_FOREIGN] = "foreign",
        [PTN_FLOW_NO_CALL] = "no-call",
    };

    return v < PTN_FLOW_VERDICTS ? names[v] : "unknown";
}

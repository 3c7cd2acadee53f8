/*
 * ua/talk.c - the media side of a call.
 *
 * The addresses in a description are those of the pair's two sockets as they are
 * reached from where the description goes. That is the next SIP hop, for nobody
 * else is known yet; an offer that names a public address for media shows a far
 * end that lies further out than a private hop does.
 */
#include <stdio.h>

#include "ua/inside.h"

static struct ptn_addr listener(const struct ptn_ua_call *call)
{
    struct ptn_addr theirs = {0};

    if (call->has_theirs)
        theirs = ptn_agree_their_rtp(&call->theirs);
    if (ptn_addr_kind(&theirs) == PTN_ADDR_PUBLIC && ptn_addr_kind(&call->hop) != PTN_ADDR_PUBLIC &&
        theirs.family == call->pair->ends[0].flow.anchor.reach.opts.local.family)
        return theirs;
    return call->hop;
}

void ptn_ua_talk_compose(struct ptn_ua *ua, struct ptn_ua_call *call)
{
    struct ptn_addr to = call->told_to = listener(call);
    const struct ptn_ua_account *account = &ua->accounts[call->account].opts;
    struct ptn_reach_ask ask = ptn_ua_reach_ask(account, &to);
    struct ptn_reach_answer rtp = ptn_reach_answer(&call->pair->ends[0].flow.anchor.reach, &ask);
    struct ptn_reach_answer rtcp = ptn_reach_answer(&call->pair->ends[1].flow.anchor.reach, &ask);
    struct ptn_agree_ours *ours = &call->ours;
    char text[PTN_ADDR_TEXT_MAX];

    /* What was told before stays until the outside of what is new is known (move.c). */
    if (ours->id != 0 && ptn_ua_is_guess_so_far(&ua->accounts[call->account], &rtp)) {
        rtp = call->rtp;
        rtcp.addr = ours->rtcp;
    } else {
        ptn_flow_go_relayed(&call->pair->ends[0].flow, rtp.why == PTN_REACH_BY_RELAY);
        ptn_flow_go_relayed(&call->pair->ends[1].flow, rtcp.why == PTN_REACH_BY_RELAY);
    }
    if (ours->id == 0)
        ours->id = ptn_dice_u64(&ua->dice) >> 2; /* stays a positive number for everybody */
    if (!ptn_addr_equal(&ours->rtp, &rtp.addr) || !ptn_addr_equal(&ours->rtcp, &rtcp.addr))
        ours->version++;
    ours->rtp = rtp.addr;
    ours->rtcp = rtcp.addr;
    ours->codec_count = account->codec_count;
    for (unsigned i = 0; i < account->codec_count; i++)
        ours->codecs[i] = account->codecs[i];
    ours->ptime_ms = account->ptime_ms;
    ours->direction = call->held ? PTN_SDP_SENDONLY : PTN_SDP_SENDRECV;
    bool known = call->rtp.why == rtp.why && ptn_addr_equal(&call->rtp.addr, &rtp.addr);
    call->rtp = rtp;
    /* While the far end cannot be told it is composed again and again. */
    if (known)
        return;
    ptn_log(ua->opts.log, rtp.private_to_public ? PTN_LOG_WARN : PTN_LOG_INFO,
            "call %u: media at %s (%s)%s", (unsigned)call->id, ptn_addr_format(&rtp.addr, text),
            ptn_reach_why_text(rtp.why),
            rtp.private_to_public ? ": a private address, the far end may not be heard" : "");
}

static struct ptn_latch_formats formats(const struct ptn_agreed *agreed)
{
    struct ptn_latch_formats f = {0};

    for (unsigned i = 0; i < agreed->accept_count; i++)
        f.bits[agreed->accept[i].payload_type / 64 % 2] |= (uint64_t)1
                                                           << agreed->accept[i].payload_type % 64;
    return f;
}

static struct ptn_stream_opts stream_opts(struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    struct ptn_stream_opts opts = {
        .send = call->agreed.send,
        .accept_count = call->agreed.accept_count,
        .ptime_ms = call->agreed.ptime_ms,
        .source = call->source,
        .dice = ptn_dice_split(&ua->dice),
    };

    for (unsigned i = 0; i < call->agreed.accept_count; i++)
        opts.accept[i] = call->agreed.accept[i];
    return opts;
}

/* SDP may name an address of which nobody outside knows, and Contact the one that is seen there. */
static void expect_contact(struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    struct ptn_addr contact = ptn_sip_call_far_end(ua->sip, call->sip);

    for (unsigned end = 0; end < 2 && ptn_addr_kind(&contact) == PTN_ADDR_PUBLIC; end++)
        ptn_flow_expect_also(&call->pair->ends[end].flow, &contact);
}

void ptn_ua_talk_begin(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_latch_formats f = formats(&call->agreed);
    struct ptn_stream_opts opts = stream_opts(ua, call);
    char cname[PTN_STREAM_CNAME_MAX];

    /* Put on hold the old way, without an address: the way stays open to where it led. */
    if (!ptn_addr_is_none(&call->agreed.rtp)) {
        ptn_flow_expect(&call->pair->ends[0].flow, &call->agreed.rtp, &f);
        ptn_flow_expect(&call->pair->ends[1].flow, &call->agreed.rtcp, &f);
        expect_contact(ua, call);
    }
    if (call->stream) {
        ptn_stream_set_formats(call->stream, &opts);
    } else {
        /* Random, because RFC 7022 wants no name by which a person could be found. */
        snprintf(cname, sizeof cname, "%016llx", (unsigned long long)ptn_dice_u64(&ua->dice));
        opts.cname = cname;
        call->stream = ptn_stream_new(&opts);
        if (!call->stream) {
            ptn_log(ua->opts.log, PTN_LOG_ERROR, "call %u: no memory for its sound",
                    (unsigned)call->id);
            return;
        }
        ptn_stream_start(call->stream, now);
    }
    ptn_stream_set_sending(call->stream, now, call->agreed.we_send);
}

void ptn_ua_talk_input(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, unsigned end,
                       struct ptn_bytes datagram)
{
    if (end == 0)
        ptn_latch_beside(&call->pair->ends[1].flow.latch, &call->pair->ends[0].flow.latch);
    if (!call->stream || call->over)
        return;
    ptn_stream_input(call->stream, now, datagram);
    if (end == 0)
        call->heard_at = now;
    if (end == 0 && !call->heard) {
        call->heard = true;
        ptn_ua_tell(ua, PTN_UA_HEARD)->call = call->id;
    }
}

bool ptn_ua_talk_output(struct ptn_ua_call *call, ptn_time now, struct ptn_ask *ask)
{
    struct ptn_stream_packet packet;

    while (call->stream && call->pair && ptn_stream_output(call->stream, now, &packet))
        if (call->pair->state == PTN_PAIR_OPEN &&
            ptn_flow_send(&call->pair->ends[packet.rtcp].flow, now, packet.bytes, packet.room, ask))
            return true;
    return false;
}

bool ptn_ua_talk_frame(struct ptn_ua *ua, ptn_time now, struct ptn_ua_event *ev)
{
    for (unsigned i = 0; i < ua->call_count; i++) {
        struct ptn_ua_call *call = &ua->calls[i];
        if (!call->stream || call->over || !ptn_stream_frame(call->stream, now, ua->pcm))
            continue;
        *ev = (struct ptn_ua_event){
            .kind = PTN_UA_AUDIO, .account = call->account, .call = call->id, .pcm = ua->pcm};
        return true;
    }
    return false;
}

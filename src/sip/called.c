/*
 * sip/called.c - calls of theirs, from the INVITE to its ACK.
 */
#include <stdlib.h>

#include "sip/agent.h"

#define RINGING_REPEAT PTN_S(60)
enum { EXPIRES_MAX_S = 86400 };

bool ptn_sip_call_read_offer(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                             const struct ptn_sip_in *in, struct ptn_sdp *room,
                             const struct ptn_sdp **offer)
{
    bool unsupported, bad;

    *offer = ptn_sip_in_sdp(in, room, &unsupported, &bad);
    if (unsupported)
        ptn_sip_reject(s, now, id, 415, "Accept: application/sdp\r\n");
    else if (bad)
        ptn_sip_reject(s, now, id, 400, NULL);
    return !unsupported && !bad;
}

/* libre takes the quotes off a display name but leaves what they made necessary. */
static char *dup_display_name(struct pl name)
{
    char *text = ptn_sip_dup(name), *to = text;

    for (const char *from = text; from && *from; from++) {
        if (*from == '\\' && from[1])
            from++;
        *to++ = *from;
    }
    if (text)
        *to = '\0';
    return text;
}

static void tell_incoming(struct ptn_sip *s, const struct ptn_sip_session *c,
                          const struct ptn_sip_in *in, const struct ptn_sdp *offer,
                          const struct ptn_sip_session *replaced)
{
    const struct sip_msg *m = in->msg;
    char *peer = ptn_sip_dup(m->from.auri), *name = dup_display_name(m->from.dname);
    char *called = ptn_sip_dup(m->ruri);

    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = PTN_SIP_INCOMING,
                        .call = c->id,
                        .account = c->account,
                        .socket = c->path.socket,
                        .addr = in->from,
                        .peer = peer,
                        .peer_name = name,
                        .called = called,
                        .call_id = c->dialog.call_id,
                        .replaces = replaced ? replaced->id : 0,
                        .again = replaced && ptn_sip_is_far_end(replaced, in),
                        .early_offer = !offer && c->reliable.required,
                        .sdp = offer,
                    });
    free(peer);
    free(name);
    free(called);
}

/* Scanners that found our port ring all day: half of the calls that there can be are for those who
 * come by the account's server. */
static bool is_crowded(const struct ptn_sip *s)
{
    unsigned strangers = 0;

    for (const struct ptn_sip_session *c = s->living; c; c = c->next_living)
        strangers += c->stranger && c->state == PTN_SIP_CALL_RINGING;
    return strangers >= (s->opts.calls_max + 1) / 2;
}

void ptn_sip_call_invited(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                          struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    const struct ptn_sdp *offer;
    struct ptn_sdp room;
    const struct ptn_sip_session *replaced;
    uint32_t expires_s;

    /* §8.2.2.2: the same INVITE by two ways, as forking proxies deliver it. */
    if (ptn_sip_call_is_merged(s, in)) {
        ptn_sip_reject(s, now, id, 482, NULL);
        return;
    }
    if (!ptn_sip_call_read_offer(s, now, id, in, &room, &offer) ||
        !ptn_sip_lifetime_judge(s, now, id, in) ||
        !ptn_sip_replaces_judge(s, now, id, in, &replaced))
        return;
    bool stranger = a->has_hop && !ptn_sip_account_has_server(s, a, &in->from);
    struct ptn_sip_session *c = stranger && is_crowded(s) ? NULL : ptn_sip_call_add(s, a->id);
    if (!c) {
        ptn_sip_reject(s, now, id, 486, NULL);
        return;
    }
    if (!ptn_sip_dialog_called(&c->dialog, &s->dice, in)) {
        ptn_sip_call_free(s, c);
        ptn_sip_reject(s, now, id, 400, NULL);
        return;
    }
    ptn_sip_call_name_it(s, c);
    ptn_sip_exchange_assign(s, id, c);
    c->state = PTN_SIP_CALL_RINGING;
    c->incoming = true;
    c->stranger = stranger;
    c->invite = id;
    c->their_cseq = in->msg->cseq.num;
    c->updates = ptn_sip_in_lists(in, SIP_HDR_ALLOW, "UPDATE");
    ptn_sip_prack_begin(s, c, in, offer != NULL);
    if (ptn_sip_number(ptn_sip_in_value(in, SIP_HDR_EXPIRES), EXPIRES_MAX_S, &expires_s) &&
        expires_s)
        c->expires_at = now + PTN_S(expires_s);
    c->path = (struct ptn_sip_path){ptn_sip_listener_of(s, in->socket), a->path.contact};
    ptn_sip_call_respond(s, now, c, 100, NULL);
    tell_incoming(s, c, in, offer, replaced);
}

static void use_contact(struct ptn_sip *s, struct ptn_sip_session *c,
                        const struct ptn_addr *contact)
{
    const struct ptn_sip_socket *k = ptn_sip_find_socket(s, c->path.socket);

    if (contact)
        c->path.contact = *contact;
    /* An account that was given no path yet: better our own address than none. */
    else if (ptn_addr_is_none(&c->path.contact) && k)
        c->path.contact = k->local;
}

void ptn_sip_call_progress(struct ptn_sip *s, ptn_time now, ptn_sip_id call, unsigned status,
                           const struct ptn_addr *contact, const struct ptn_sdp *sdp)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c || c->state != PTN_SIP_CALL_RINGING || status <= 100 || status >= 200)
        return;
    use_contact(s, c, contact);
    ptn_sip_prack_progress(s, now, c, status, sdp);
    c->ringing_repeat = now + RINGING_REPEAT;
}

void ptn_sip_call_answer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sdp *sdp)
{
    c->state = PTN_SIP_CALL_UP;
    ptn_sip_next_hop_start(s, now, c);
    c->ringing_repeat = c->expires_at = PTN_NEVER;
    ptn_sip_prack_stop(&c->reliable);
    /* What the ringing has agreed on is not said twice. */
    if (c->talks == PTN_SIP_TALKS_AGREED || c->talks == PTN_SIP_TALKS_OURS)
        sdp = NULL;
    else
        ptn_sip_talks_sent(&c->talks, PTN_SIP_IN_OK);
    c->needs_answer = c->talks == PTN_SIP_TALKS_OURS;
    ptn_sip_call_send_ok(s, now, c, sdp);
}

void ptn_sip_call_accept(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_addr *contact, const struct ptn_sdp *sdp)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    bool changes = c && c->change == PTN_SIP_CHANGE_THEIRS;

    if (!c || (c->state != PTN_SIP_CALL_RINGING && !changes))
        return;
    use_contact(s, c, contact);
    if (changes) {
        ptn_sip_change_accept(s, now, c, sdp);
        return;
    }
    if (!ptn_sip_prack_holds(c, sdp))
        ptn_sip_call_answer(s, now, c, sdp);
}

void ptn_sip_call_reject(struct ptn_sip *s, ptn_time now, ptn_sip_id call, unsigned status)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c || status < 400 || status > 699)
        return;
    if (c->change == PTN_SIP_CHANGE_THEIRS) {
        ptn_sip_change_reject(s, now, c, status);
    } else if (c->state == PTN_SIP_CALL_RINGING) {
        ptn_sip_call_respond(s, now, c, status, NULL);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, status);
    }
}

void ptn_sip_call_cancelled(struct ptn_sip *s, ptn_time now, ptn_sip_id call, ptn_sip_txn_id id)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    /* One that was answered first has no effect (§9.2). */
    if (!c || c->invite != id)
        return;
    if (c->state == PTN_SIP_CALL_RINGING) {
        ptn_sip_call_respond(s, now, c, 487, NULL);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_PEER, 487);
    } else if (c->change == PTN_SIP_CHANGE_THEIRS && c->changing == id) {
        ptn_sip_change_abandon(s, now, c);
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 487, NULL);
    }
}

void ptn_sip_call_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, ptn_sip_txn_id id)
{
    const struct ptn_sip_entry *e = ptn_sip_exchange_find(s, id);
    struct ptn_sip_early *early =
        c->state == PTN_SIP_CALL_PROCEEDING && e ? ptn_sip_early_find(c, &e->request) : NULL;

    ptn_sip_reject(s, now, id, 200, NULL);
    /* Of one of those that ring: the others do so still, and the INVITE has its last word yet. */
    if (early) {
        ptn_sip_early_drop(c, early);
        return;
    }
    if (c->state == PTN_SIP_CALL_RINGING)
        ptn_sip_call_respond(s, now, c, 487, NULL);
    ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_PEER, 0);
}

void ptn_sip_call_is_acked(struct ptn_sip *s, struct ptn_sip_session *c)
{
    c->ok_repeat = c->ok_until = PTN_NEVER;
    if (!c->acked_once)
        ptn_sip_call_tell(s, c, PTN_SIP_ACKED, 0, NULL);
    c->acked_once = true;
}

void ptn_sip_call_acked(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                        const struct ptn_sip_in *in)
{
    bool unsupported, bad;
    struct ptn_sdp room;

    /* Repeated, or of an INVITE that is not the last. */
    if (c->ok_until == PTN_NEVER || in->msg->cseq.num != c->their_cseq)
        return;
    c->ok_repeat = c->ok_until = PTN_NEVER;
    const struct ptn_sdp *sdp = ptn_sip_in_sdp(in, &room, &unsupported, &bad);
    if (c->hang_up_later)
        ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BY_US, 0);
    else if (c->needs_answer && !sdp)
        ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BAD_SDP, 0);
    else if (!c->acked_once || c->needs_answer)
        ptn_sip_call_tell(s, c, PTN_SIP_ACKED, 0, c->needs_answer ? sdp : NULL);
    c->acked_once = true;
}

void ptn_sip_called_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->expires_at <= now) {
        ptn_sip_call_respond(s, now, c, 487, NULL);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_PEER, 487);
        return;
    }
    ptn_sip_prack_tick(s, now, c);
    if (c->ringing_repeat > now)
        return;
    c->ringing_repeat = now + RINGING_REPEAT;
    if (c->reliable.used)
        ptn_sip_prack_progress(s, now, c, c->reliable.status, NULL);
    else
        ptn_sip_exchange_repeat(s, now, c->invite);
}

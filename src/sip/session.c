/*
 * sip/session.c - calls, from INVITE to the end of their last transaction.
 *
 *   ours    CALLING --1xx--> PROCEEDING --2xx--> UP --hang up--> ENDING --> OVER
 *              | hang up        |                 |
 *              +------------> CANCELLING          | BYE
 *                               | 487, 200+BYE    v
 *   theirs  RINGING --accept--> UP               OVER     any refusal: OVER
 *
 * ENDED is told on entering OVER. The call itself stays until its transactions are gone: a
 * 2xx that comes again still wants its ACK.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

#define RINGING_REPEAT PTN_S(60)
enum { URI_MAX = 1100 };

struct ptn_sip_session *ptn_sip_find_call(const struct ptn_sip *s, ptn_sip_id id)
{
    struct ptn_sip_session *c = s->calls[id % s->call_slots];

    return id && c && c->id == id ? c : NULL;
}

struct ptn_sip_session *ptn_sip_call_of(const struct ptn_sip *s, const struct ptn_sip_in *request)
{
    for (unsigned i = 0; i < s->call_slots; i++) {
        struct ptn_sip_session *c = s->calls[i];
        if (c && c->state != PTN_SIP_CALL_OVER && ptn_sip_dialog_has(&c->dialog, request))
            return c;
    }
    return NULL;
}

/* ---- beginning and end ---- */

/* NULL: as many live as may, or no memory. */
static struct ptn_sip_session *add_call(struct ptn_sip *s, ptn_sip_id account)
{
    uint32_t slot = 0;

    while (slot < s->call_slots && s->calls[slot])
        slot++;
    struct ptn_sip_session *c =
        s->live_calls < s->opts.calls_max && slot < s->call_slots ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    /* As with transactions: a number that leads to the slot. */
    if (++s->call_rounds > UINT32_MAX / s->call_slots - 1)
        s->call_rounds = 1;
    c->id = s->call_rounds * s->call_slots + slot;
    c->account = account;
    c->ok_repeat = c->ok_until = c->ringing_repeat = PTN_NEVER;
    c->change_at = c->cancel_until = PTN_NEVER;
    ptn_sip_lifetime_stop(&c->lifetime);
    s->calls[slot] = c;
    s->live_calls++;
    return c;
}

static void free_call(struct ptn_sip *s, unsigned slot)
{
    struct ptn_sip_session *c = s->calls[slot];

    if (c->state != PTN_SIP_CALL_OVER)
        s->live_calls--;
    ptn_sip_dialog_fini(&c->dialog);
    free(c->invite_auth);
    free(c->offer);
    free(c->refer_to);
    free(c->replaces);
    free(c);
    s->calls[slot] = NULL;
}

void ptn_sip_call_tell(struct ptn_sip *s, const struct ptn_sip_session *c,
                       enum ptn_sip_event_kind kind, unsigned status, const struct ptn_sdp *sdp)
{
    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = kind,
                        .call = c->id,
                        .account = c->account,
                        .status = status,
                        .reason = status ? ptn_sip_reason(status) : NULL,
                        .sdp = sdp,
                    });
}

void ptn_sip_call_end(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                      enum ptn_sip_ended ended, unsigned status)
{
    if (c->state == PTN_SIP_CALL_OVER)
        return;
    ptn_sip_change_abandon(s, now, c);
    c->state = PTN_SIP_CALL_OVER;
    s->live_calls--;
    c->ok_repeat = c->ok_until = c->ringing_repeat = PTN_NEVER;
    c->change_at = c->cancel_until = PTN_NEVER;
    ptn_sip_lifetime_stop(&c->lifetime);
    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = PTN_SIP_ENDED,
                        .call = c->id,
                        .account = c->account,
                        .ended = ended,
                        .status = status,
                        .reason = status ? ptn_sip_reason(status) : NULL,
                    });
}

void ptn_sip_call_say_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          enum ptn_sip_ended ended, unsigned status)
{
    c->ended = ended;
    c->ended_status = status;
    ptn_sip_change_abandon(s, now, c);
    c->state = PTN_SIP_CALL_ENDING;
    c->ok_repeat = c->ok_until = c->change_at = PTN_NEVER;
    ptn_sip_lifetime_stop(&c->lifetime);
    c->chain = (struct ptn_sip_auth_chain){0};
    ptn_sip_call_send_bye(s, now, c, &c->dialog, PTN_SIP_FOR_CALL);
}

/* ---- calling ---- */

bool ptn_sip_may_call(struct ptn_sip *s, ptn_sip_id account, const char *target)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    char uri[URI_MAX];

    return a && ptn_sip_print_target(a, target, uri, sizeof uri);
}

enum ptn_err ptn_sip_call(struct ptn_sip *s, ptn_time now, ptn_sip_id account, const char *target,
                          const struct ptn_sip_path *path, const struct ptn_sdp *offer,
                          ptn_sip_id *call)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    char uri[URI_MAX], to[URI_MAX + 2];

    if (!a || !ptn_sip_print_target(a, target, uri, sizeof uri))
        return PTN_ERR_INVALID;
    if (!path)
        path = &a->path;
    if (!ptn_sip_find_socket(s, path->socket))
        return PTN_ERR_UNREACHABLE;
    struct ptn_sip_session *c = add_call(s, account);
    if (!c)
        return PTN_ERR_NO_ROOM;
    c->path = *path;
    snprintf(to, sizeof to, "<%s>", uri);
    bool made =
        ptn_sip_dialog_call(&c->dialog, &s->dice, a->aor, to, uri, ptn_sip_account_route(a)) &&
        ptn_sip_call_keep_offer(c, offer) && ptn_sip_target_replaces(target, &c->replaces);
    if (made)
        ptn_sip_call_send_invite(s, now, c);
    if (!c->invite) {
        free_call(s, c->id % s->call_slots);
        return made ? PTN_ERR_NO_ROOM : PTN_ERR_NO_MEMORY;
    }
    *call = c->id;
    return PTN_OK;
}

static void cancel(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    c->cancel_sent = true;
    /* §9.1: whom CANCEL does not move to a last word is not waited for longer than this. */
    c->cancel_until = now + 64 * s->opts.t1;
    ptn_sip_exchange_cancel(s, now, c->invite);
}

static void hang_up_ours(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    struct ptn_sip_entry *e = ptn_sip_exchange_find(s, c->invite);

    if (!e || e->waiting) {
        ptn_sip_exchange_drop(s, c->invite);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, 0);
        return;
    }
    e->settled = true;
    /* Before any answer a CANCEL could overtake the INVITE: it waits for the first. */
    if (c->state == PTN_SIP_CALL_PROCEEDING)
        cancel(s, now, c);
    c->state = PTN_SIP_CALL_CANCELLING;
}

static void progress(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                     const struct ptn_sip_in *in)
{
    struct ptn_sdp room;
    bool unsupported, bad;

    if (c->state == PTN_SIP_CALL_CANCELLING && !c->cancel_sent)
        cancel(s, now, c);
    if (c->state == PTN_SIP_CALL_CALLING)
        c->state = PTN_SIP_CALL_PROCEEDING;
    if (c->state == PTN_SIP_CALL_PROCEEDING && in->msg->scode > 100)
        ptn_sip_call_tell(s, c, PTN_SIP_PROGRESS, in->msg->scode,
                          ptn_sip_in_sdp(in, &room, &unsupported, &bad));
}

/* A fork that answered too late for us: taken and let go (§13.2.2.4). */
static void decline_fork(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in)
{
    struct ptn_sip_dialog fork;
    struct ptn_sip_dialog first = c->dialog;

    first.local_cseq = c->invite_cseq;
    if (!ptn_sip_dialog_answered(&fork, &first, in))
        return;
    ptn_sip_call_send_ack(s, now, c, &fork, in->msg->cseq.num);
    ptn_sip_call_send_bye(s, now, c, &fork, PTN_SIP_FOR_NOBODY);
    ptn_sip_dialog_fini(&fork);
}

void ptn_sip_call_answered_elsewhere(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                                     const struct ptn_sip_in *in)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (c)
        decline_fork(s, now, c, in);
}

static void first_answer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in)
{
    bool unsupported, bad, given_up = c->state == PTN_SIP_CALL_CANCELLING;
    struct ptn_sip_dialog dialog;
    struct ptn_sdp room;

    if (!ptn_sip_dialog_answered(&dialog, &c->dialog, in)) {
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_REFUSED, in->msg->scode);
        return;
    }
    ptn_sip_dialog_fini(&c->dialog);
    c->dialog = dialog;
    c->state = PTN_SIP_CALL_UP;
    c->cancel_until = PTN_NEVER;
    ptn_sip_lifetime_answered(s, now, c, in);
    ptn_sip_call_send_ack(s, now, c, &c->dialog, in->msg->cseq.num);
    const struct ptn_sdp *sdp = ptn_sip_in_sdp(in, &room, &unsupported, &bad);
    if (given_up)
        ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BY_US, 0);
    else if (!sdp)
        ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BAD_SDP, in->msg->scode);
    else
        ptn_sip_call_tell(s, c, PTN_SIP_ANSWERED, in->msg->scode, sdp);
}

static void success(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                    const struct ptn_sip_in *in)
{
    if (c->state <= PTN_SIP_CALL_CANCELLING)
        first_answer(s, now, c, in);
    else if (ptn_pl_is(in->msg->to.tag, c->dialog.remote_tag))
        ptn_sip_call_send_ack(s, now, c, &c->dialog, in->msg->cseq.num);
    else
        decline_fork(s, now, c, in);
}

static void refusal(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                    const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    unsigned status = in->msg->scode;

    if (c->state > PTN_SIP_CALL_CANCELLING)
        return;
    if (c->state == PTN_SIP_CALL_CANCELLING) {
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, status);
        return;
    }
    if (((status == 401 || status == 407) && a &&
         ptn_sip_account_challenged(s, a, &c->chain, in)) ||
        ptn_sip_lifetime_too_small(c, in)) {
        c->state = PTN_SIP_CALL_CALLING;
        ptn_sip_call_send_invite(s, now, c);
        if (c->invite)
            return;
    }
    ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_REFUSED, status);
}

static enum ptn_sip_ended ended_by(enum ptn_err why)
{
    return why == PTN_ERR_TIMED_OUT ? PTN_SIP_ENDED_TIMED_OUT : PTN_SIP_ENDED_UNREACHABLE;
}

static void bye_answered(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    bool is_bye = !in || ptn_sip_in_is(in, "BYE");

    if (c->state != PTN_SIP_CALL_ENDING || !is_bye || (in && in->msg->scode < 200))
        return;
    if (in && (in->msg->scode == 401 || in->msg->scode == 407) && a &&
        ptn_sip_account_challenged(s, a, &c->chain, in))
        ptn_sip_call_send_bye(s, now, c, &c->dialog, PTN_SIP_FOR_CALL);
    else
        ptn_sip_call_end(s, now, c, c->ended, c->ended_status);
}

void ptn_sip_call_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                           const struct ptn_sip_in *in, enum ptn_err why, bool is_invite)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    bool latest = c && (!in || in->msg->cseq.num == c->invite_cseq);

    if (!c)
        return;
    if (!is_invite)
        bye_answered(s, now, c, in);
    else if (c->change == PTN_SIP_CHANGE_OURS && latest)
        ptn_sip_change_answered(s, now, c, in, why);
    else if (!in && c->state <= PTN_SIP_CALL_CANCELLING)
        ptn_sip_call_end(s, now, c,
                         c->state == PTN_SIP_CALL_CANCELLING ? PTN_SIP_ENDED_BY_US : ended_by(why),
                         0);
    else if (in && in->msg->scode >= 200 && in->msg->scode < 300)
        success(s, now, c, in);
    else if (in && latest && in->msg->scode < 200)
        progress(s, now, c, in);
    else if (in && latest)
        refusal(s, now, c, in);
}

/* ---- being called ---- */

/* §8.2.2.2: the same INVITE by two ways, as forking proxies deliver it. */
static bool is_merged(const struct ptn_sip *s, const struct ptn_sip_in *in)
{
    const struct sip_msg *m = in->msg;

    for (unsigned i = 0; i < s->call_slots; i++) {
        const struct ptn_sip_session *c = s->calls[i];
        if (c && c->incoming && c->their_cseq == m->cseq.num &&
            ptn_pl_is(m->callid, c->dialog.call_id) && ptn_pl_is(m->from.tag, c->dialog.remote_tag))
            return true;
    }
    return false;
}

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
                          ptn_sip_id replaced)
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
                        .replaces = replaced,
                        .sdp = offer,
                    });
    free(peer);
    free(name);
    free(called);
}

void ptn_sip_call_invited(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                          struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    const struct ptn_sdp *offer;
    struct ptn_sdp room;
    ptn_sip_id replaced;

    if (is_merged(s, in)) {
        ptn_sip_reject(s, now, id, 482, NULL);
        return;
    }
    if (!ptn_sip_call_read_offer(s, now, id, in, &room, &offer) ||
        !ptn_sip_lifetime_judge(s, now, id, in) ||
        !ptn_sip_replaces_judge(s, now, id, in, &replaced))
        return;
    struct ptn_sip_session *c = add_call(s, a->id);
    if (!c) {
        ptn_sip_reject(s, now, id, 486, NULL);
        return;
    }
    if (!ptn_sip_dialog_called(&c->dialog, &s->dice, in)) {
        free_call(s, c->id % s->call_slots);
        ptn_sip_reject(s, now, id, 400, NULL);
        return;
    }
    ptn_sip_exchange_assign(s, id, c);
    c->state = PTN_SIP_CALL_RINGING;
    c->incoming = true;
    c->invite = id;
    c->their_cseq = in->msg->cseq.num;
    c->needs_answer = !offer;
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
    ptn_sip_call_respond(s, now, c, status, sdp);
    c->ringing_repeat = now + RINGING_REPEAT;
}

void ptn_sip_call_accept(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_addr *contact, const struct ptn_sdp *sdp)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    bool changes = c && c->state == PTN_SIP_CALL_UP && c->change == PTN_SIP_CHANGE_THEIRS;

    if (!c || (c->state != PTN_SIP_CALL_RINGING && !changes))
        return;
    use_contact(s, c, contact);
    if (changes) {
        ptn_sip_change_accept(s, now, c, sdp);
        return;
    }
    c->state = PTN_SIP_CALL_UP;
    c->ringing_repeat = PTN_NEVER;
    ptn_sip_call_send_ok(s, now, c, sdp);
}

void ptn_sip_call_reject(struct ptn_sip *s, ptn_time now, ptn_sip_id call, unsigned status)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c || status < 400 || status > 699)
        return;
    if (c->state == PTN_SIP_CALL_RINGING) {
        ptn_sip_call_respond(s, now, c, status, NULL);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, status);
    } else if (c->state == PTN_SIP_CALL_UP && c->change == PTN_SIP_CHANGE_THEIRS) {
        ptn_sip_call_respond(s, now, c, status, NULL);
        c->change = PTN_SIP_CHANGE_NONE;
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
    } else if (c->change == PTN_SIP_CHANGE_THEIRS) {
        ptn_sip_change_abandon(s, now, c);
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 487, NULL);
    }
}

void ptn_sip_call_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, ptn_sip_txn_id id)
{
    ptn_sip_reject(s, now, id, 200, NULL);
    if (c->state == PTN_SIP_CALL_RINGING)
        ptn_sip_call_respond(s, now, c, 487, NULL);
    ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_PEER, 0);
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

void ptn_sip_call_hang_up(struct ptn_sip *s, ptn_time now, ptn_sip_id call)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c)
        return;
    switch (c->state) {
    case PTN_SIP_CALL_CALLING:
    case PTN_SIP_CALL_PROCEEDING: hang_up_ours(s, now, c); break;
    case PTN_SIP_CALL_RINGING: ptn_sip_call_reject(s, now, call, 603); break;
    case PTN_SIP_CALL_UP:
        if (c->ok_until != PTN_NEVER)
            c->hang_up_later = true;
        else
            ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BY_US, 0);
        break;
    case PTN_SIP_CALL_CANCELLING:
    case PTN_SIP_CALL_ENDING:
    case PTN_SIP_CALL_OVER: break;
    }
}

void ptn_sip_calls_of_account_end(struct ptn_sip *s, ptn_sip_id account)
{
    for (unsigned i = 0; i < s->call_slots; i++) {
        struct ptn_sip_session *c = s->calls[i];
        if (!c || c->account != account)
            continue;
        ptn_sip_exchange_forget(s, PTN_SIP_FOR_CALL, c->id);
        if (c->state != PTN_SIP_CALL_OVER)
            ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_ENDED,
                                                    .call = c->id,
                                                    .account = account,
                                                    .ended = PTN_SIP_ENDED_BY_US});
        free_call(s, i);
    }
}

/* ---- time ---- */

static void repeat_ok(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->ok_until <= now) {
        /* §13.3.1.4: the far end never got it, or its ACK never came; it may still be talking. */
        ptn_sip_call_say_bye(s, now, c,
                             c->hang_up_later ? PTN_SIP_ENDED_BY_US : PTN_SIP_ENDED_NO_ACK, 0);
        return;
    }
    c->ok_wait = ptn_time_min(2 * c->ok_wait, s->opts.t2);
    c->ok_repeat = now + c->ok_wait;
    ptn_sip_exchange_repeat(s, now, c->invite);
}

static void tick_call(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->ok_repeat <= now || c->ok_until <= now)
        repeat_ok(s, now, c);
    if (c->ringing_repeat <= now) {
        c->ringing_repeat = now + RINGING_REPEAT;
        ptn_sip_exchange_repeat(s, now, c->invite);
    }
    if (c->cancel_until <= now) {
        ptn_sip_exchange_drop(s, c->invite);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, 0);
    }
    ptn_sip_change_tick(s, now, c);
    ptn_sip_lifetime_tick(s, now, c);
}

void ptn_sip_calls_tick(struct ptn_sip *s, ptn_time now)
{
    for (unsigned i = 0; i < s->call_slots; i++) {
        struct ptn_sip_session *c = s->calls[i];
        if (c && c->state == PTN_SIP_CALL_OVER && c->transactions == 0)
            free_call(s, i);
        else if (c)
            tick_call(s, now, c);
    }
}

ptn_time ptn_sip_calls_deadline(const struct ptn_sip *s)
{
    ptn_time due = PTN_NEVER;

    for (unsigned i = 0; i < s->call_slots; i++) {
        const struct ptn_sip_session *c = s->calls[i];
        if (!c)
            continue;
        due = ptn_time_min(due, ptn_time_min(c->ok_repeat, c->ok_until));
        due = ptn_time_min(due, ptn_time_min(c->ringing_repeat, c->cancel_until));
        due = ptn_time_min(due, c->change_at);
        due = ptn_time_min(due, ptn_time_min(c->lifetime.refresh_at, c->lifetime.dead_at));
    }
    return due;
}

void ptn_sip_calls_fini(struct ptn_sip *s)
{
    for (unsigned i = 0; i < s->call_slots; i++)
        if (s->calls[i])
            free_call(s, i);
}

/*
 * sip/early.c - the dialogs that an INVITE of ours begins before it is answered.
 *
 * A proxy may ring many phones: each that rings is a dialog of its own, with its own route,
 * its own order of messages and its own talks about media. They are kept until the call ends,
 * since any of them may still answer. What is reliable is acknowledged by PRACK (RFC 3262 §4),
 * in its order: an answer out of order is not taken, for it comes again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { EARLY_MAX = 8, HEADERS_MAX = 128 };

static struct ptn_sip_early *find(struct ptn_sip_session *c, struct pl remote_tag)
{
    struct ptn_sip_early *e = c->early;

    while (e && !ptn_pl_is(remote_tag, e->dialog.remote_tag))
        e = e->next;
    return e;
}

struct ptn_sip_early *ptn_sip_early_find(struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    return find(c, in->msg->req ? in->msg->from.tag : in->msg->to.tag);
}

static void free_one(struct ptn_sip_early *e)
{
    ptn_sip_dialog_fini(&e->dialog);
    free(e->answer);
    free(e);
}

void ptn_sip_early_drop(struct ptn_sip_session *c, struct ptn_sip_early *gone)
{
    struct ptn_sip_early **at = &c->early;

    while (*at && *at != gone)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = gone->next;
    free_one(gone);
}

void ptn_sip_early_fini(struct ptn_sip_session *c)
{
    while (c->early)
        ptn_sip_early_drop(c, c->early);
}

/* NULL where the answer makes no dialog (§12.1), or there are too many of them. */
static struct ptn_sip_early *add(struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    struct ptn_sip_early *e, **end = &c->early;
    struct ptn_sip_dialog first = c->dialog;
    unsigned count = 0;

    for (; *end; end = &(*end)->next)
        count++;
    if (!pl_isset(&in->msg->to.tag) || count == EARLY_MAX || !(e = calloc(1, sizeof *e)))
        return NULL;
    first.local_cseq = c->invite_cseq;
    if (!ptn_sip_dialog_answered(&e->dialog, &first, in)) {
        free_one(e);
        return NULL;
    }
    e->talks = PTN_SIP_TALKS_OURS;
    *end = e;
    return e;
}

/* ---- PRACK ---- */

static void send_prack(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                       struct ptn_sip_early *e)
{
    char headers[HEADERS_MAX];

    snprintf(headers, sizeof headers, "RAck: %u %u INVITE\r\n", e->rseq, c->invite_cseq);
    ptn_sip_call_send(s, now, c,
                      &(struct ptn_sip_within){.user = PTN_SIP_FOR_PRACK,
                                               .dialog = &e->dialog,
                                               .method = "PRACK",
                                               .headers = headers,
                                               .no_contact = true});
}

/* What else comes back changes nothing: the call goes on, or its INVITE fails, without it. */
void ptn_sip_prack_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                            const struct ptn_sip_in *in)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    struct ptn_sip_early *e = c && in ? ptn_sip_early_find(c, in) : NULL;
    struct ptn_sip_acct *a = c ? ptn_sip_find_account(s, c->account) : NULL;

    if (e && a && (in->msg->scode == 401 || in->msg->scode == 407) &&
        c->state == PTN_SIP_CALL_PROCEEDING && ptn_sip_account_challenged(s, a, &e->chain, in))
        send_prack(s, now, c, e);
}

/* ---- what rings ---- */

/* 0: no reliable one, or no number that it could have. */
static uint32_t rseq_of(const struct ptn_sip_in *in)
{
    uint32_t rseq = 0;

    if (ptn_sip_in_lists(in, SIP_HDR_REQUIRE, "100rel"))
        ptn_sip_number(ptn_sip_in_value(in, SIP_HDR_RSEQ), INT32_MAX, &rseq);
    return rseq;
}

void ptn_sip_early_keep_answer(struct ptn_sip_early *e, const struct ptn_sdp *sdp)
{
    if (!e->answer)
        e->answer = malloc(sizeof *e->answer);
    if (e->answer)
        *e->answer = *sdp;
}

bool ptn_sip_early_rings(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in, const struct ptn_sdp **sdp)
{
    struct ptn_sip_early *e = ptn_sip_early_find(c, in);
    uint32_t rseq = rseq_of(in);

    if (!e && !(e = add(c, in)))
        return true;
    if (rseq && e->rseq && rseq != e->rseq + 1)
        return false;
    e->updates |= ptn_sip_in_lists(in, SIP_HDR_ALLOW, "UPDATE");
    if (rseq) {
        e->rseq = rseq;
        e->chain = (struct ptn_sip_auth_chain){0};
        send_prack(s, now, c, e);
    }
    enum ptn_sip_meaning means =
        *sdp
            ? ptn_sip_talks_received(&e->talks, rseq ? PTN_SIP_IN_RELIABLE : PTN_SIP_IN_PROVISIONAL)
            : PTN_SIP_MEANS_NOTHING;
    if (means == PTN_SIP_MEANS_ANSWER || means == PTN_SIP_MEANS_PREVIEW)
        ptn_sip_early_keep_answer(e, *sdp);
    else
        *sdp = NULL;
    /* RFC 6228: this one rings no longer. */
    if (in->msg->scode == 199)
        ptn_sip_early_drop(c, e);
    return true;
}

void ptn_sip_early_answers(struct ptn_sip_session *c, const struct ptn_sip_in *in,
                           struct ptn_sip_dialog *d, const struct ptn_sdp **sdp)
{
    const struct ptn_sip_early *e = ptn_sip_early_find(c, in);
    enum ptn_sip_talks talks = e ? e->talks : PTN_SIP_TALKS_OURS;

    if (e && d->local_cseq < e->dialog.local_cseq)
        d->local_cseq = e->dialog.local_cseq;
    if (e) {
        d->remote_cseq = e->dialog.remote_cseq;
        d->remote_cseq_known = e->dialog.remote_cseq_known;
    }
    if (*sdp && ptn_sip_talks_received(&talks, PTN_SIP_IN_OK) == PTN_SIP_MEANS_ANSWER)
        return;
    *sdp = e ? e->answer : NULL;
}

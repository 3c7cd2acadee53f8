/*
 * sip/calls.c - the table of calls.
 *
 *     slots     [ 7 ][ - ][ 5 ][ 9 ]     by number
 *     living      5 -> 9                 those that are not over: they have timers
 *     named     chains by Call-ID        of those of theirs, over or not: one INVITE may come twice
 *     dead      -> 7                     over, and without transactions: go with the next tick
 *
 * A call that is over stays for as long as its transactions, half a minute, and of a busy phone
 * there are hundreds of those: nothing here walks through them.
 */
#include <stdlib.h>

#include "sip/agent.h"

enum { SLOTS_FIRST = 16 };

struct ptn_sip_session *ptn_sip_find_call(const struct ptn_sip *s, ptn_sip_id id)
{
    uint32_t slot = id % s->call_slots_max;
    struct ptn_sip_session *c = slot < s->call_slots ? s->calls[slot] : NULL;

    return id && c && c->id == id ? c : NULL;
}

struct ptn_sip_session *ptn_sip_call_of(const struct ptn_sip *s, const struct ptn_sip_in *request)
{
    for (struct ptn_sip_session *c = s->living; c; c = c->next_living)
        if (ptn_sip_call_dialog(c, request))
            return c;
    return NULL;
}

/* ---- by Call-ID ---- */

static struct ptn_sip_session **chain_of(struct ptn_sip *s, struct pl call_id)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < call_id.l; i++)
        hash = (hash ^ (uint8_t)call_id.p[i]) * 16777619u;
    return &s->named[hash % PTN_SIP_CALL_CHAINS];
}

void ptn_sip_call_name_it(struct ptn_sip *s, struct ptn_sip_session *c)
{
    struct ptn_sip_session **chain = chain_of(s, ptn_pl(c->dialog.call_id));

    c->next_named = *chain;
    *chain = c;
}

bool ptn_sip_call_is_merged(struct ptn_sip *s, const struct ptn_sip_in *invite)
{
    const struct sip_msg *m = invite->msg;

    for (const struct ptn_sip_session *c = *chain_of(s, m->callid); c; c = c->next_named)
        if (c->their_cseq == m->cseq.num && ptn_pl_is(m->callid, c->dialog.call_id) &&
            ptn_pl_is(m->from.tag, c->dialog.remote_tag))
            return true;
    return false;
}

static void unname(struct ptn_sip *s, const struct ptn_sip_session *c)
{
    struct ptn_sip_session **at;

    if (!c->dialog.call_id)
        return;
    for (at = chain_of(s, ptn_pl(c->dialog.call_id)); *at; at = &(*at)->next_named)
        if (*at == c) {
            *at = c->next_named;
            return;
        }
}

/* ---- coming and going ---- */

/* A free one; call_slots_max: there is none. */
static uint32_t free_slot(struct ptn_sip *s)
{
    for (uint32_t i = 0; i < s->call_slots; i++) {
        uint32_t slot = (s->call_slot_last + 1 + i) % s->call_slots;
        if (!s->calls[slot])
            return slot;
    }
    uint32_t more = s->call_slots ? 2 * s->call_slots : SLOTS_FIRST, first = s->call_slots;
    more = more < s->call_slots_max ? more : s->call_slots_max;
    struct ptn_sip_session **grown = realloc(s->calls, more * sizeof *grown);
    if (first == s->call_slots_max || !grown)
        return s->call_slots_max;
    for (uint32_t i = first; i < more; i++)
        grown[i] = NULL;
    s->calls = grown;
    s->call_slots = more;
    return first;
}

static void append_to_living(struct ptn_sip *s, struct ptn_sip_session *c)
{
    struct ptn_sip_session **at = &s->living;

    while (*at)
        at = &(*at)->next_living;
    *at = c;
    s->live_calls++;
}

struct ptn_sip_session *ptn_sip_call_add(struct ptn_sip *s, ptn_sip_id account)
{
    uint32_t slot = s->live_calls < s->opts.calls_max ? free_slot(s) : s->call_slots_max;
    struct ptn_sip_session *c = slot < s->call_slots_max ? calloc(1, sizeof *c) : NULL;

    if (!c)
        return NULL;
    /* As with transactions: a number that leads to the slot. */
    if (++s->call_rounds > UINT32_MAX / s->call_slots_max - 1)
        s->call_rounds = 1;
    c->id = s->call_rounds * s->call_slots_max + slot;
    c->account = account;
    c->ok_repeat = c->ok_until = c->ringing_repeat = PTN_NEVER;
    c->change_at = c->cancel_until = c->expires_at = PTN_NEVER;
    c->next_hop.next = c->next_hop.due = PTN_NEVER;
    ptn_sip_prack_stop(&c->reliable);
    ptn_sip_lifetime_stop(&c->lifetime);
    s->calls[slot] = c;
    s->call_slot_last = slot;
    append_to_living(s, c);
    return c;
}

/* What walks along `living` may stand on `c`: it leads on from there. */
static void take_from_living(struct ptn_sip *s, const struct ptn_sip_session *c)
{
    struct ptn_sip_session **at = &s->living;

    while (*at != c)
        at = &(*at)->next_living;
    *at = c->next_living;
    s->live_calls--;
}

void ptn_sip_call_is_over(struct ptn_sip *s, struct ptn_sip_session *c)
{
    take_from_living(s, c);
    ptn_sip_call_lost_transaction(s, c);
}

void ptn_sip_call_lost_transaction(struct ptn_sip *s, struct ptn_sip_session *c)
{
    if (c->state != PTN_SIP_CALL_OVER || c->transactions > 0 || c->dead)
        return;
    c->dead = true;
    c->next_dead = s->dead;
    s->dead = c;
}

void ptn_sip_call_free(struct ptn_sip *s, struct ptn_sip_session *c)
{
    if (c->state != PTN_SIP_CALL_OVER)
        take_from_living(s, c);
    for (struct ptn_sip_session **at = &s->dead; c->dead && *at; at = &(*at)->next_dead)
        if (*at == c) {
            *at = c->next_dead;
            break;
        }
    unname(s, c);
    s->calls[c->id % s->call_slots_max] = NULL;
    ptn_sip_early_fini(c);
    ptn_sip_redirect_fini(&c->redirect);
    ptn_sip_prack_fini(&c->reliable);
    ptn_sip_dialog_fini(&c->dialog);
    free(c->invite_auth);
    free(c->offer);
    free(c->refer_to);
    free(c->dialled);
    free(c->replaces);
    free(c);
}

/* A call that ends has no transactions for a moment, and may begin another one in the same. */
void ptn_sip_calls_bury(struct ptn_sip *s)
{
    while (s->dead) {
        struct ptn_sip_session *c = s->dead;
        if (c->transactions == 0) {
            ptn_sip_call_free(s, c);
        } else {
            s->dead = c->next_dead;
            c->dead = false;
        }
    }
}

void ptn_sip_calls_of_account_end(struct ptn_sip *s, ptn_sip_id account)
{
    for (uint32_t i = 0; i < s->call_slots; i++) {
        struct ptn_sip_session *c = s->calls[i];
        if (!c || c->account != account)
            continue;
        ptn_sip_exchange_forget(s, PTN_SIP_FOR_CALL, c->id);
        if (c->state != PTN_SIP_CALL_OVER)
            ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_ENDED,
                                                    .call = c->id,
                                                    .account = account,
                                                    .ended = PTN_SIP_ENDED_BY_US});
        ptn_sip_call_free(s, c);
    }
}

void ptn_sip_calls_fini(struct ptn_sip *s)
{
    for (uint32_t i = 0; i < s->call_slots; i++)
        if (s->calls[i])
            ptn_sip_call_free(s, s->calls[i]);
    free(s->calls);
}

/*
 * sip/client.c - requests of ours, from the wish to send one to its last answer.
 *
 * A client transaction waits until its host has an address and its connection is up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

#define BRANCH_MAGIC "z9hG4bK"
enum { BRANCH_SIZE = sizeof BRANCH_MAGIC + 20 };

/* ---- the way up ---- */

/* `in` NULL: nobody answered. The entry may be gone afterwards. */
static void pass(struct ptn_sip *s, ptn_time now, const struct ptn_sip_entry *e,
                 const struct ptn_sip_in *in, enum ptn_err why)
{
    bool is_invite = e->txn.kind == PTN_SIP_CLIENT_INVITE;

    switch (e->user) {
    case PTN_SIP_FOR_REGISTRATION: ptn_sip_reg_answered(s, now, e->user_id, in, why); break;
    case PTN_SIP_FOR_KEEPALIVE: ptn_sip_keepalive_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_CALL: ptn_sip_call_answered(s, now, e->user_id, in, why, is_invite); break;
    case PTN_SIP_FOR_LIFETIME: ptn_sip_lifetime_updated(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_REFER: ptn_sip_refer_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_NOTE: ptn_sip_note_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_NOBODY: break;
    }
}

void ptn_sip_client_fail(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e, enum ptn_err why)
{
    struct ptn_sip_entry gone = {.txn = e->txn, .user = e->user, .user_id = e->user_id};

    ptn_sip_entry_release(s, e);
    if (ptn_sip_entry_is_client(&gone))
        pass(s, now, &gone, NULL, why);
}

/* Finds the way and, once there is one, begins. The timers run from then: what a look-up or
 * a connection takes is not the far end's silence. */
void ptn_sip_client_begin(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                          enum ptn_sip_txn_kind kind)
{
    struct ptn_sip_txn_opts opts = ptn_sip_txn_opts_for(s, e->hop.transport);
    ptn_time expires;
    enum ptn_err why;

    switch (ptn_sip_look_up(s, now, &e->target, &e->hop.to, &expires, &why)) {
    case PTN_SIP_UNKNOWN: ptn_sip_client_fail(s, now, e, why); return;
    case PTN_SIP_PENDING: ptn_sip_entry_set_timer(s, e); return;
    case PTN_SIP_KNOWN: break;
    }
    e->hop.name = e->target.host;
    switch (ptn_sip_send(s, now, &e->hop, ptn_bytes(e->bytes, e->size))) {
    case PTN_SIP_SENT:
        e->waiting = false;
        ptn_sip_txn_start(&e->txn, now, kind, &opts);
        break;
    case PTN_SIP_SENT_LATER: break;
    case PTN_SIP_NOT_SENT: ptn_sip_client_fail(s, now, e, PTN_ERR_UNREACHABLE); return;
    }
    ptn_sip_entry_set_timer(s, e);
}

static struct ptn_sip_entry *add_client(struct ptn_sip *s, ptn_time now, const char *branch,
                                        const char *method, enum ptn_sip_user user,
                                        ptn_sip_id user_id)
{
    char key[PTN_SIP_KEY_MAX];

    snprintf(key, sizeof key, "%s|%s", branch, method);
    struct ptn_sip_entry *e = ptn_sip_entry_add(
        s, key, strcmp(method, "INVITE") == 0 ? PTN_SIP_CLIENT_INVITE : PTN_SIP_CLIENT_OTHER);
    if (!e)
        return NULL;
    e->user = user;
    e->user_id = user_id;
    ptn_sip_entry_count(s, e, 1);
    e->waiting = true;
    e->waits_until = now + 64 * s->opts.t1;
    return e;
}

static void complete_request(struct ptn_sip *s, struct ptn_sip_ask_request *ask,
                             char branch[static BRANCH_SIZE])
{
    memcpy(branch, BRANCH_MAGIC, sizeof BRANCH_MAGIC);
    ptn_sip_token(&s->dice, branch + sizeof BRANCH_MAGIC - 1, 17);
    ask->request.branch = branch;
    ask->request.transport = ask->target.transport;
    ask->request.via = ask->path.contact;
    ask->request.no_rport = s->opts.no_rport;
    ask->request.software = s->software;
}

ptn_sip_txn_id ptn_sip_exchange_ask(struct ptn_sip *s, ptn_time now,
                                    struct ptn_sip_ask_request *ask)
{
    struct ptn_writer w = ptn_writer(s->out, sizeof s->out);
    char branch[BRANCH_SIZE];

    complete_request(s, ask, branch);
    struct ptn_sip_entry *e =
        add_client(s, now, branch, ask->request.method, ask->user, ask->user_id);
    if (!e)
        return 0;
    ptn_sip_print_request(&w, &ask->request);
    e->target = ask->target;
    e->hop = (struct ptn_sip_hop){.socket = ask->path.socket, .transport = ask->target.transport};
    if (!ptn_sip_entry_keep(e, &w)) {
        ptn_sip_entry_release(s, e);
        return 0;
    }
    /* Begun by the next tick or resume(): the caller must know the id before anything of this
     * transaction can reach him. */
    ptn_heap_set(&s->timers, ptn_sip_entry_slot(s, e), now);
    return e->id;
}

void ptn_sip_exchange_ack(struct ptn_sip *s, ptn_time now, struct ptn_sip_ask_request *ask)
{
    struct ptn_writer w = ptn_writer(s->out, sizeof s->out);
    struct ptn_sip_hop hop = {
        .socket = ask->path.socket, .transport = ask->target.transport, .name = ask->target.host};
    char branch[BRANCH_SIZE];
    ptn_time expires;
    enum ptn_err why;

    complete_request(s, ask, branch);
    ptn_sip_print_request(&w, &ask->request);
    /* Lost while a name is looked up: the 2xx comes again, and by then it is known. */
    if (!w.bad && ptn_sip_look_up(s, now, &ask->target, &hop.to, &expires, &why) == PTN_SIP_KNOWN)
        ptn_sip_send(s, now, &hop, ptn_bytes(w.start, ptn_writer_size(&w)));
}

/* What we sent, read back. */
static bool reread(const struct ptn_sip_entry *e, struct ptn_sip_in *out)
{
    return ptn_sip_in_decode(ptn_bytes(e->bytes, e->size), out) == PTN_SIP_TAKEN;
}

static void send_ack_of_refusal(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                                const struct ptn_sip_in *response)
{
    struct ptn_writer w = ptn_writer(s->out, sizeof s->out);
    struct ptn_sip_in invite = {0};

    if (!reread(e, &invite))
        return;
    ptn_sip_print_like_invite(&w, &invite, "ACK", response->msg->to.val);
    if (!w.bad)
        ptn_sip_send(s, now, &e->hop, ptn_bytes(w.start, ptn_writer_size(&w)));
    ptn_sip_in_fini(&invite);
}

ptn_sip_txn_id ptn_sip_exchange_cancel(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id)
{
    struct ptn_writer w = ptn_writer(s->out, sizeof s->out);
    struct ptn_sip_entry *invite = ptn_sip_exchange_find(s, id), *e = NULL;
    struct ptn_sip_in sent = {0};
    char branch[PTN_SIP_KEY_MAX / 2];

    if (!invite || invite->waiting || !reread(invite, &sent))
        return 0;
    if (pl_strcpy(&sent.msg->via.branch, branch, sizeof branch) == 0)
        e = add_client(s, now, branch, "CANCEL", invite->user, invite->user_id);
    ptn_sip_print_like_invite(&w, &sent, "CANCEL", (struct pl){0});
    ptn_sip_in_fini(&sent);
    if (!e)
        return 0;
    e->target = invite->target;
    e->hop = invite->hop;
    if (!ptn_sip_entry_keep(e, &w)) {
        ptn_sip_entry_release(s, e);
        return 0;
    }
    ptn_heap_set(&s->timers, ptn_sip_entry_slot(s, e), now);
    return e->id;
}

/* A response shows where we were seen from, if it came from where we sent to. */
static void tell_reflexive(struct ptn_sip *s, const struct ptn_sip_entry *e,
                           const struct ptn_sip_in *in)
{
    struct ptn_addr seen;

    if (in->msg->scode == 100 || !ptn_addr_same_ip(&in->from, &e->hop.to) ||
        !ptn_sip_in_reflexive(in, &seen))
        return;
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_REFLEXIVE,
                                            .socket = e->hop.socket,
                                            .server = e->hop.to,
                                            .addr = seen});
}

void ptn_sip_client_answered(struct ptn_sip *s, ptn_time now, const struct ptn_sip_in *in)
{
    const struct sip_msg *m = in->msg;
    char key[PTN_SIP_KEY_MAX];
    int size = snprintf(key, sizeof key, "%.*s|%.*s", PTN_PL(m->via.branch), PTN_PL(m->cseq.met));
    struct ptn_sip_entry *e =
        size > 0 && (size_t)size < sizeof key ? ptn_sip_entry_find(s, key, true) : NULL;

    if (!e || e->waiting) {
        s->counts[PTN_SIP_STRAY_RESPONSE]++;
        return;
    }
    s->counts[PTN_SIP_TAKEN]++;
    tell_reflexive(s, e, in);
    unsigned actions = ptn_sip_txn_happens(&e->txn, now,
                                           m->scode < 200   ? PTN_SIP_TXN_1XX
                                           : m->scode < 300 ? PTN_SIP_TXN_2XX
                                                            : PTN_SIP_TXN_3XX);
    ptn_sip_txn_id id = e->id;
    if (actions & PTN_SIP_TXN_SEND_ACK)
        send_ack_of_refusal(s, now, e, in);
    ptn_sip_entry_set_timer(s, e);
    if (actions & PTN_SIP_TXN_PASS)
        pass(s, now, e, in, PTN_OK);
    e = ptn_sip_exchange_find(s, id);
    if (e && e->txn.state == PTN_SIP_TXN_TERMINATED)
        ptn_sip_entry_release(s, e);
}

/*
 * sip/client.c - requests of ours, from the wish to send one to its last answer.
 *
 * A client transaction waits until its host has an address and its connection is up. A host
 * may mean several places (RFC 3263): when one does not answer, the request goes on to the
 * next, as a new transaction under the same id.
 *
 *     waiting --sent--> TRYING --answered--> as RFC 3261 says
 *        ^                |
 *        +----------------+  silence, no connection, ICMP, 503: the next place, a new branch
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
    case PTN_SIP_FOR_UPDATE: ptn_sip_update_answered(s, now, e->user_id, in, why); break;
    case PTN_SIP_FOR_REFER: ptn_sip_refer_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_OPINION: ptn_sip_opinion_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_NOTE: ptn_sip_note_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_PRACK: ptn_sip_prack_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_NEXT_HOP: ptn_sip_next_hop_answered(s, e->user_id); break;
    case PTN_SIP_FOR_SUBSCRIPTION: ptn_sip_subscription_answered(s, now, e->user_id, in); break;
    case PTN_SIP_FOR_NOBODY: break;
    }
}

void ptn_sip_client_fail(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e, enum ptn_err why)
{
    struct ptn_sip_entry gone = {.txn = e->txn, .user = e->user, .user_id = e->user_id};
    bool heard = ptn_sip_entry_is_client(e) && !e->left;

    ptn_sip_entry_release(s, e);
    if (heard)
        pass(s, now, &gone, NULL, why);
}

/* ---- the places a request may go to ---- */

/* §18.1.1: what is larger goes by TCP, as UDP might lose pieces of it, where the far end takes TCP.
 */
enum { UDP_BYTES_MAX = 1300 };

static bool is_large(const struct ptn_sip *s, const struct ptn_sip_entry *e,
                     const struct ptn_sip_dest *dest)
{
    return dest->transport == PTN_UDP && e->size > UDP_BYTES_MAX &&
           ptn_sip_has_family(s, PTN_TCP, dest->addr.family);
}

/* By TCP first, unless that has failed there not long ago. */
static void add_large(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                      const struct ptn_sip_dest *dest)
{
    struct ptn_sip_dest tcp = {PTN_TCP, dest->addr};

    if (is_large(s, e, dest) && !ptn_sip_dest_shunned_until(s, now, &tcp, NULL, 0))
        e->ways[e->way_count++] = tcp;
}

static enum ptn_sip_lookup find_ways(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                                     enum ptn_err *why)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, e->account);
    struct ptn_sip_places places;
    enum ptn_sip_lookup found = ptn_sip_look_up(s, now, e->target, a ? &a->rule : NULL, &places);

    *why = places.why;
    if (found != PTN_SIP_KNOWN)
        return found;
    if (a && e->within)
        ptn_sip_account_add_others(s, now, a, &places);
    e->ways = calloc(2 * places.dests.count + 1, sizeof *e->ways);
    if (!e->ways) {
        *why = PTN_ERR_NO_MEMORY;
        return PTN_SIP_UNKNOWN;
    }
    for (unsigned i = 0; i < places.dests.count; i++) {
        add_large(s, now, e, &places.dests.list[i]);
        e->ways[e->way_count++] = places.dests.list[i];
    }
    return PTN_SIP_KNOWN;
}

static void draw_branch(struct ptn_sip *s, char branch[static BRANCH_SIZE])
{
    memcpy(branch, BRANCH_MAGIC, sizeof BRANCH_MAGIC);
    ptn_sip_token(&s->dice, branch + sizeof BRANCH_MAGIC - 1, 17);
}

/* Where we can be answered: the owner's word for the socket he chose; of another one, its own
 * port. */
static struct ptn_addr via_of(struct ptn_sip *s, const struct ptn_sip_entry *e)
{
    const struct ptn_sip_socket *chosen = ptn_sip_find_socket(s, e->socket),
                                *used = ptn_sip_find_socket(s, ptn_sip_socket_for(s, &e->hop));

    if (!chosen || !used || chosen == used)
        return e->via;
    if (!ptn_addr_same_ip(&chosen->local, &used->local))
        return used->local;
    return ptn_addr_with_port(e->via, used->local.port ? used->local.port : e->via.port);
}

/* The same request with another Via, and so another transaction: a place of another transport, or
 * the next one. */
static bool restamp(struct ptn_sip *s, struct ptn_sip_entry *e)
{
    struct ptn_writer w = ptn_writer(s->out, sizeof s->out);
    char branch[BRANCH_SIZE], key[PTN_SIP_KEY_MAX], via[PTN_ADDR_TEXT_MAX + 8];
    const char *text = (const char *)e->bytes, *method = strrchr(e->key, '|');
    const char *first = memchr(text, '\n', e->size);
    const char *second =
        first ? memchr(first + 1, '\n', e->size - (size_t)(first + 1 - text)) : NULL;
    struct ptn_addr addr = via_of(s, e);
    bool other = !ptn_addr_same_ip(&addr, &e->via) && ptn_addr_kind(&addr) != PTN_ADDR_PUBLIC &&
                 ptn_addr_kind(&e->hop.to) == PTN_ADDR_PUBLIC;

    if (!second || !method)
        return false;
    draw_branch(s, branch);
    ptn_sip_printf(&w, "%.*sVia: SIP/2.0/%s %s;branch=%s%s\r\n", (int)(first + 1 - text), text,
                   ptn_sip_transport_name(e->hop.transport),
                   ptn_sip_sent_by(&addr, e->veiled || other, via), branch,
                   s->opts.no_rport ? "" : ";rport");
    ptn_write(&w, ptn_bytes(second + 1, e->size - (size_t)(second + 1 - text)));
    snprintf(key, sizeof key, "%s%s", branch, method);
    return ptn_sip_entry_keep(e, &w) && ptn_sip_entry_rekey(s, e, key);
}

/* Where it is to go, before that is looked up. False: no memory. */
static bool aim(struct ptn_sip_entry *e, const struct ptn_sip_target *target)
{
    e->target = malloc(sizeof *e->target);
    if (!e->target)
        return false;
    *e->target = *target;
    e->hop.name = e->target->host;
    return true;
}

/* Sets out for the place whose turn it is. */
static bool take_way(struct ptn_sip *s, struct ptn_sip_entry *e)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, e->account);
    const struct ptn_sip_dest *dest = &e->ways[e->way];
    const char *name = a ? ptn_sip_account_name_of(s, a, dest) : NULL;
    bool same = e->way == 0 && dest->transport == e->hop.transport;

    e->hop = (struct ptn_sip_hop){.socket = e->socket,
                                  .transport = dest->transport,
                                  .to = dest->addr,
                                  .name = name ? name : e->target->host};
    return same || restamp(s, e);
}

static bool has_more(const struct ptn_sip_entry *e)
{
    return !e->settled && !e->left && e->way + 1 < e->way_count;
}

/* Who can turn to somebody else waits less long: its user, too, where the account has other
 * servers; and a REGISTER that was refused everywhere is soon sent again. */
static bool has_alternative(const struct ptn_sip *s, const struct ptn_sip_entry *e)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, e->account);

    if (e->settled || e->left)
        return false;
    return has_more(e) || (a && a->way_count > 1 && !e->within) ||
           (e->user == PTN_SIP_FOR_REGISTRATION && e->way_count > 1);
}

/* How long a place may be silent: as many repeats as the account grants it. */
static ptn_time patience(const struct ptn_sip *s, const struct ptn_sip_entry *e)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, e->account);
    unsigned sends = a ? a->ways[a->way].sends_max : PTN_SIP_SENDS;
    ptn_time wait = s->opts.t1, sum = wait;

    for (unsigned i = 1; i < sends && sum < 64 * s->opts.t1; i++) {
        wait = e->txn.kind == PTN_SIP_CLIENT_INVITE ? 2 * wait : ptn_time_min(2 * wait, s->opts.t2);
        sum += wait;
    }
    return sum;
}

/* An INVITE that was sent may still make somebody's phone ring: its transaction is kept, so that
 * what comes of it can be called off. */
static void leave_behind(struct ptn_sip *s, ptn_time now, const struct ptn_sip_entry *e)
{
    struct ptn_writer w = ptn_writer(e->bytes, e->size);
    struct ptn_sip_entry *old = ptn_sip_entry_add(s, e->key, PTN_SIP_CLIENT_INVITE);

    w.at += e->size;
    if (!old)
        return;
    old->user = e->user;
    old->user_id = e->user_id;
    ptn_sip_entry_count(s, old, 1);
    old->left = true;
    old->hop = e->hop;
    old->txn = e->txn;
    if (!aim(old, e->target) || !ptn_sip_entry_keep(old, &w)) {
        ptn_sip_entry_release(s, old);
        return;
    }
    /* It is not repeated any more. */
    old->txn.repeat_at = PTN_NEVER;
    ptn_sip_entry_set_timer(s, old);
    (void)now;
}

/* Is the next answer of the name servers the moment to come back from another server? Then it is
 * not asked for before its time. */
static bool waits_for_ttl(const struct ptn_sip *s, const struct ptn_sip_entry *e)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, e->account);

    return a && a->rule.mode == PTN_SIP_FAILBACK_TTL && a->way_count > 1;
}

/* Was it written for somebody in our own network, and would go out of it? The next place would read
 * addresses that only the last one could use: whoever asked has to ask anew. */
static bool leaves_home(const struct ptn_sip_entry *e)
{
    return ptn_addr_kind(&e->via) != PTN_ADDR_PUBLIC &&
           ptn_addr_kind(&e->ways[e->way].addr) != PTN_ADDR_PUBLIC &&
           ptn_addr_kind(&e->ways[e->way + 1].addr) == PTN_ADDR_PUBLIC;
}

/* Where it went has failed; `wait`: not to be asked again before. On to the next place: false,
 * there is none. */
static bool move_on(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e, enum ptn_err why,
                    ptn_time wait)
{
    bool more = has_more(e) && !leaves_home(e);
    bool doubtful = wait == 0 && !waits_for_ttl(s, e);

    if (e->ways && !e->left && !e->settled) {
        ptn_sip_dest_fails(s, now, &e->ways[e->way], why, wait);
        ptn_sip_accounts_resume(s, now);
    }
    if (!more) {
        if (e->ways && doubtful)
            ptn_sip_doubt_unproven(s, now, e->target);
        return false;
    }
    if (e->txn.kind == PTN_SIP_CLIENT_INVITE && !e->waiting)
        leave_behind(s, now, e);
    e->way++;
    e->waiting = true;
    e->waits_until = now + 64 * s->opts.t1;
    e->gives_up = PTN_NEVER;
    if (!take_way(s, e))
        return false;
    ptn_heap_set(&s->timers, ptn_sip_entry_slot(s, e), now);
    return true;
}

void ptn_sip_client_lost(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e, enum ptn_err why)
{
    if (!move_on(s, now, e, why, 0))
        ptn_sip_client_fail(s, now, e, why);
}

void ptn_sip_client_unreachable(struct ptn_sip *s, ptn_time now, const struct ptn_addr *to)
{
    for (uint32_t i = 0; i < s->entry_touched; i++) {
        struct ptn_sip_entry *e = &s->entries[i];
        if (e->id && ptn_sip_entry_is_client(e) && !e->waiting && e->hop.transport == PTN_UDP &&
            e->txn.state == PTN_SIP_TXN_TRYING && ptn_addr_equal(&e->hop.to, to) &&
            has_alternative(s, e))
            ptn_sip_client_lost(s, now, e, PTN_ERR_UNREACHABLE);
    }
}

/* The timers run from when it is sent: what a look-up or a connection takes is not the far end's
 * silence. */
void ptn_sip_client_begin(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                          enum ptn_sip_txn_kind kind)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, e->account);
    enum ptn_err why;

    if (a && e->new_business && ptn_sip_account_registers_first(a)) {
        ptn_sip_entry_set_timer(s, e);
        return;
    }
    if (!e->settled && !e->ways) {
        switch (find_ways(s, now, e, &why)) {
        case PTN_SIP_UNKNOWN: ptn_sip_client_fail(s, now, e, why); return;
        case PTN_SIP_PENDING: ptn_sip_entry_set_timer(s, e); return;
        case PTN_SIP_KNOWN: break;
        }
        if (!take_way(s, e)) {
            ptn_sip_client_fail(s, now, e, PTN_ERR_NO_MEMORY);
            return;
        }
        /* The name has led into our own network when it was written, and now leads out of it. */
        if (e->for_home && ptn_addr_kind(&e->hop.to) == PTN_ADDR_PUBLIC) {
            ptn_sip_client_fail(s, now, e, PTN_ERR_UNREACHABLE);
            return;
        }
    }
    struct ptn_sip_txn_opts opts = ptn_sip_txn_opts_for(s, e->hop.transport);
    switch (ptn_sip_send(s, now, &e->hop, ptn_bytes(e->bytes, e->size), e->bytes)) {
    case PTN_SIP_SENT:
        e->waiting = false;
        ptn_sip_txn_start(&e->txn, now, kind, &opts);
        if (has_alternative(s, e))
            e->gives_up = now + patience(s, e);
        break;
    case PTN_SIP_SENT_LATER: break;
    case PTN_SIP_NOT_SENT: ptn_sip_client_lost(s, now, e, PTN_ERR_UNREACHABLE); return;
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
    e->gives_up = PTN_NEVER;
    return e;
}

static void complete_request(struct ptn_sip *s, struct ptn_sip_ask_request *ask,
                             char branch[static BRANCH_SIZE])
{
    draw_branch(s, branch);
    ask->request.branch = branch;
    ask->request.transport =
        ptn_addr_is_none(&ask->only.addr) ? ask->target.transport : ask->only.transport;
    ask->request.via = ask->path.contact;
    ask->request.veiled = ask->path.veiled;
    ask->request.no_rport = s->opts.no_rport;
    ask->request.software = s->software;
}

/* Its owner has told a contact that such a server can use, and not yet another one. */
static bool is_for_home(const struct ptn_sip *s, const struct ptn_sip_ask_request *ask)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, ask->account);

    return a && ask->user == PTN_SIP_FOR_REGISTRATION && !ask->path.veiled &&
           !ptn_addr_is_none(&a->path_for) && ptn_addr_kind(&a->path_for) != PTN_ADDR_PUBLIC &&
           ptn_addr_kind(&ask->path.contact) != PTN_ADDR_PUBLIC;
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
    e->account = ask->account;
    e->within = ask->within;
    e->new_business = ask->new_business;
    e->socket = ask->path.socket;
    e->via = ask->path.contact;
    e->veiled = ask->path.veiled;
    e->for_home = is_for_home(s, ask);
    e->hop = (struct ptn_sip_hop){
        .socket = ask->path.socket, .transport = ask->request.transport, .to = ask->only.addr};
    e->settled = !ptn_addr_is_none(&ask->only.addr);
    if (!aim(e, &ask->target) || !ptn_sip_entry_keep(e, &w)) {
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
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, ask->account);
    struct ptn_sip_places places;

    /* Lost while a name is looked up: the 2xx comes again, and by then it is known. */
    if (ptn_sip_look_up(s, now, &ask->target, a ? &a->rule : NULL, &places) != PTN_SIP_KNOWN)
        return;
    if (a && ask->within)
        ptn_sip_account_add_others(s, now, a, &places);
    ask->target.transport = hop.transport = places.dests.list[0].transport;
    hop.to = places.dests.list[0].addr;
    complete_request(s, ask, branch);
    ptn_sip_print_request(&w, &ask->request);
    if (!w.bad)
        ptn_sip_send(s, now, &hop, ptn_bytes(w.start, ptn_writer_size(&w)), NULL);
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
        ptn_sip_send(s, now, &e->hop, ptn_bytes(w.start, ptn_writer_size(&w)), NULL);
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
        e = add_client(s, now, branch, "CANCEL", invite->left ? PTN_SIP_FOR_NOBODY : invite->user,
                       invite->user_id);
    ptn_sip_print_like_invite(&w, &sent, "CANCEL", (struct pl){0});
    ptn_sip_in_fini(&sent);
    if (!e)
        return 0;
    e->hop = invite->hop;
    e->settled = true;
    if (!aim(e, invite->target) || !ptn_sip_entry_keep(e, &w)) {
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

/* Whoever answers is alive; 503 is how one says not to be (§21.5.4, RFC 3263 §4.3). */
static void judge_server(struct ptn_sip *s, ptn_time now, const struct ptn_sip_entry *e,
                         const struct ptn_sip_in *in)
{
    struct ptn_sip_dest dest = {e->hop.transport, e->hop.to};

    if (in->msg->scode == 503)
        return;
    ptn_sip_dest_works(s, &dest);
    ptn_sip_names_prove(s, now, &dest);
}

/* Of an INVITE that another place is being asked for already: it is called off there. */
static void call_off(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                     const struct ptn_sip_in *in)
{
    unsigned status = in->msg->scode;

    if (status < 200 && !e->called_off) {
        e->called_off = true;
        ptn_sip_exchange_cancel(s, now, e->id);
    } else if (status >= 200 && status < 300) {
        ptn_sip_call_answered_elsewhere(s, now, e->user_id, in);
    }
}

static void take_answer(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                        const struct ptn_sip_in *in)
{
    if (e->left)
        call_off(s, now, e, in);
    else if (in->msg->scode != 503 ||
             !move_on(s, now, e, PTN_ERR_REFUSED, ptn_sip_in_retry_after(in)))
        pass(s, now, e, in, PTN_OK);
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
    judge_server(s, now, e, in);
    if (actions & PTN_SIP_TXN_PASS)
        take_answer(s, now, e, in);
    e = ptn_sip_exchange_find(s, id);
    if (e && !e->waiting && e->txn.state == PTN_SIP_TXN_TERMINATED)
        ptn_sip_entry_release(s, e);
    else if (e && !e->waiting && e->txn.kind == PTN_SIP_CLIENT_OTHER &&
             e->txn.state == PTN_SIP_TXN_COMPLETED)
        ptn_sip_entry_lighten(e);
}

/*
 * sip/registration.c - being found: REGISTER, its refresh, and its end.
 *
 *              path           2xx: at half the lease granted to us
 *     IDLE ----------> TRYING -----------> BOUND
 *       ^               |  ^                 |  time, changed contact, lost keep-alive
 *       | leaving,      |  +-----------------+
 *       | answered      | refused, silent         time
 *       +---------------+-----> BACKOFF ----------------> TRYING
 *
 * RFC 3261 §10.2; RFC 5626 §4.5 for how long to wait after a failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

/* So many REGISTERs over UDP unanswered raise the question whether it is the NAT. */
enum { OPINION_AFTER = 2 };

/* How often a connection is tried anew, and for how long so often. */
#define RECONNECT_EVERY PTN_S(2)
#define RECONNECT_OFTEN PTN_S(120)

/* Between two questions for our address, and how many answers may leave it open before a contact is
 * shown that is probably of no use: the server may know better what to make of it. */
#define LOOK_AGAIN PTN_S(2)
enum { LOOKS_MAX = 3 };

/* A NAT that forgets a connection between the REGISTER and its answer says so to nobody: what has
 * been silent for so long is made anew. Once, for a registrar may also be slow. */
#define STREAM_SILENT_T1 16

enum { HEADERS_MAX = 4096, CONTACT_MAX = 1400, LEASE_MAX_S = 7 * 86400 };

void ptn_sip_reg_fini(struct ptn_sip_reg *r)
{
    free(r->call_id);
    free(r->from_tag);
}

/* Our contact, and at its side the withdrawal of the one it replaces: else the registrar would
 * fork calls to an address that is dead, for as long as that lease lasts. */
static void print_contacts(const struct ptn_sip_acct *a, uint32_t expires, char *buf, size_t size)
{
    const struct ptn_sip_reg *r = &a->reg;
    char contact[512], old[512];
    struct ptn_writer w = ptn_writer(buf, size - 1);

    ptn_sip_print_contact(a->user, r->asked_transport, &r->asked, contact, sizeof contact);
    ptn_sip_printf(&w, "%s", contact);
    if (a->instance)
        ptn_sip_printf(&w, ";+sip.instance=\"<%s>\"", a->instance);
    ptn_sip_outbound_print_contact(a, &w);
    ptn_sip_printf(&w, ";expires=%u", expires);
    /* A flow is replaced by its own name (RFC 5626 §6). */
    if (!a->outbound.granted && !ptn_addr_is_none(&r->bound) &&
        !ptn_addr_equal(&r->bound, &r->asked)) {
        ptn_sip_print_contact(a->user, r->bound_transport, &r->bound, old, sizeof old);
        ptn_sip_printf(&w, ", %s;expires=0", old);
    }
    *w.at = '\0';
}

static void fail(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, unsigned status,
                 enum ptn_err why, ptn_time wait);

/* What an account says of itself and of what it understands. False: no room. */
static bool print_headers(struct ptn_sip *s, struct ptn_sip_acct *a, char *headers, size_t size)
{
    if (!ptn_sip_account_authorize(s, a, "REGISTER", a->registrar, headers, size))
        return false;
    size_t used = strlen(headers);
    struct ptn_writer w = ptn_writer(headers + used, size - used - 1);
    ptn_sip_outbound_print_headers(a, &w);
    if (s->warning && s->warning[0]) {
        ptn_sip_printf(&w, "Warning: 399 postern ");
        ptn_sip_print_quoted(&w, s->warning);
        ptn_sip_printf(&w, "\r\n");
    }
    *w.at = '\0';
    return !w.bad;
}

static void transmit(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_reg *r = &a->reg;
    char contacts[CONTACT_MAX], headers[HEADERS_MAX], from[1200];
    struct ptn_sip_ask_request ask = {.user = PTN_SIP_FOR_REGISTRATION,
                                      .user_id = a->id,
                                      .account = a->id,
                                      .target = *a->hop,
                                      .path = a->path};

    r->looks = a->path.veiled && !r->leaving;
    r->asked = r->leaving ? r->bound : r->looks ? (struct ptn_addr){0} : a->path.contact;
    r->asked_transport = r->leaving ? r->bound_transport : a->hop_transport;
    r->way = a->way;
    print_contacts(a, r->leaving ? 0 : r->expires_s, contacts, sizeof contacts);
    snprintf(from, sizeof from, "%s;tag=%s", a->aor, r->from_tag);
    bool room = print_headers(s, a, headers, sizeof headers);
    ask.request = (struct ptn_sip_request){.method = "REGISTER",
                                           .uri = a->registrar,
                                           .routes = a->route,
                                           .from = from,
                                           .to = a->aor,
                                           .call_id = r->call_id,
                                           .cseq = ++r->cseq,
                                           .contact = r->looks ? NULL : contacts,
                                           .headers = room ? headers : NULL};
    r->state = PTN_SIP_REG_TRYING;
    r->asked_at = now;
    r->next = a->hop_transport == PTN_UDP ? PTN_NEVER : now + STREAM_SILENT_T1 * s->opts.t1;
    r->again = false;
    r->txn = ptn_sip_exchange_ask(s, now, &ask);
    if (!r->txn)
        fail(s, now, a, 0, PTN_ERR_NO_ROOM, 0);
}

/* A REGISTER without Contact (RFC 3261 §10.2.3) was answered. Where the server saw us is told to
 * the owner, who now has a path to be shown, or the answer did not say it. */
static void looked(ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_reg *r = &a->reg;

    a->path.veiled = ++r->looked < LOOKS_MAX;
    r->state = PTN_SIP_REG_IDLE;
    r->next = a->path.veiled ? now + LOOK_AGAIN : now;
}

static void left(struct ptn_sip *s, struct ptn_sip_acct *a, unsigned status)
{
    struct ptn_sip_reg *r = &a->reg;

    r->state = PTN_SIP_REG_IDLE;
    r->leaving = r->wanted = r->again = r->challenged = r->resting = false;
    r->bound = (struct ptn_addr){0};
    r->next = PTN_NEVER;
    ptn_sip_keepalive_stop(s, a);
    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = PTN_SIP_UNREGISTERED, .account = a->id, .status = status});
}

static void drop_stream(struct ptn_sip *s, ptn_time now, const struct ptn_sip_acct *a)
{
    struct ptn_sip_hop hop = {
        .socket = a->path.socket, .transport = a->hop_transport, .to = a->hop_addr};

    ptn_sip_drop_stream(s, now, &hop);
}

static void suspect_stream(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    a->reg.next = PTN_NEVER;
    if (a->reg.suspected)
        return;
    a->reg.suspected = true;
    drop_stream(s, now, a);
}

/* Without a connection nobody can call us, and asking for one costs the server nothing while it is
 * not there: at first often. A certificate does not mend that fast. 0: no such case. */
static ptn_time reconnect_in(struct ptn_sip_acct *a, ptn_time now, unsigned status,
                             enum ptn_err why)
{
    struct ptn_sip_reg *r = &a->reg;

    if (status)
        r->cut_off_at = PTN_NEVER;
    if (a->hop_transport == PTN_UDP || status || ptn_err_is_about_trust(why) ||
        why == PTN_ERR_UNSUPPORTED)
        return 0;
    if (r->cut_off_at == PTN_NEVER)
        r->cut_off_at = now;
    if (now >= r->cut_off_at + RECONNECT_OFTEN)
        return 0;
    r->failures = 0;
    return ptn_time_max(PTN_MS(100), r->asked_at + RECONNECT_EVERY - now);
}

/* A wait of 0 leaves it to the back-off: doubling, and by chance, so that a registrar that
 * comes back is not met by all its phones at once. */
static void fail(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, unsigned status,
                 enum ptn_err why, ptn_time wait)
{
    struct ptn_sip_reg *r = &a->reg;

    r->txn = 0;
    if (r->leaving) {
        left(s, a, status);
        return;
    }
    /* A registrar that is slow has had all the time there is. */
    if (why == PTN_ERR_TIMED_OUT && a->hop_transport != PTN_UDP)
        drop_stream(s, now, a);
    /* Perhaps the name server has been wrong, or the server has moved. */
    if (status == 0) {
        ptn_sip_doubt_name(s, now, a->hop);
        ptn_sip_account_look_up(s, now, a);
    }
    if (wait == 0)
        wait = reconnect_in(a, now, status, why);
    r->failures++;
    if (wait == 0) {
        wait =
            ptn_time_min(a->retry_max, a->retry_first << (r->failures < 17 ? r->failures - 1 : 16));
        wait = wait / 2 + (ptn_time)((double)(wait / 2) * ptn_dice_unit(&s->dice));
    }
    r->state = PTN_SIP_REG_BACKOFF;
    r->next = now + wait;
    if (r->bound_until <= now)
        r->bound = (struct ptn_addr){0};
    if (status == 0 && why == PTN_ERR_TIMED_OUT && r->failures >= OPINION_AFTER)
        ptn_sip_opinion_want(s, now, a);
    ptn_sip_exchange_resume(s, now);
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_REGISTER_FAILED,
                                            .account = a->id,
                                            .status = status,
                                            .why = why,
                                            .retry_in = wait});
}

/* ---- what the registrar says ---- */

static bool is_ours(const struct ptn_sip_acct *a, const struct sip_addr *contact)
{
    struct ptn_addr addr;
    struct pl instance;
    char host[PTN_ADDR_TEXT_MAX], ours[300];

    if (a->instance && msg_param_decode(&contact->params, "+sip.instance", &instance) == 0) {
        snprintf(ours, sizeof ours, "<%s>", a->instance);
        /* An instance that is not ours is another phone, whatever its address. */
        return pl_strcasecmp(&instance, ours) == 0 && ptn_sip_outbound_is_ours(a, contact);
    }
    if (!ptn_pl_is(contact->uri.user, a->user) ||
        pl_strcpy(&contact->uri.host, host, sizeof host) || !ptn_addr_parse(host, &addr))
        return false;
    addr.port = contact->uri.port ? contact->uri.port : 5060;
    return ptn_addr_equal(&addr, &a->reg.asked);
}

/* The lease of our contact; of a registrar that shows none of ours (some rewrite it, some
 * answer with nothing) what it says of all: Expires, else what we asked for. */
static uint32_t granted_s(const struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_CONTACT);
    struct pl element, expires;
    uint32_t general = a->reg.expires_s, lease;

    ptn_sip_number(ptn_sip_in_value(in, SIP_HDR_EXPIRES), LEASE_MAX_S, &general);
    while (ptn_sip_walk_element(&walk, &element)) {
        struct sip_addr contact;
        if (sip_addr_decode(&contact, &element) || !is_ours(a, &contact))
            continue;
        if (msg_param_decode(&contact.params, "expires", &expires) == 0 &&
            ptn_sip_number(expires, LEASE_MAX_S, &lease) && lease > 0)
            return lease;
    }
    return general > 0 ? general : 1;
}

static void bound(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a,
                  const struct ptn_sip_in *in)
{
    struct ptn_sip_reg *r = &a->reg;
    uint32_t lease_s = granted_s(a, in);
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_AUTHENTICATION_INFO);
    struct pl info;

    while (ptn_sip_walk_value(&walk, &info))
        ptn_sip_auth_info(&a->auth, ptn_bytes(info.p, info.l));
    r->state = PTN_SIP_REG_BOUND;
    r->failures = 0;
    r->cut_off_at = PTN_NEVER;
    r->bound = r->asked;
    r->bound_transport = r->asked_transport;
    r->bound_way = r->way;
    r->bound_until = now + PTN_S(lease_s);
    /* Half, less up to a tenth by chance: a lost refresh leaves time for others. */
    r->next = now + (ptn_time)((double)PTN_S(lease_s) * (0.5 - 0.05 * ptn_dice_unit(&s->dice)));
    /* Meanwhile the owner has said another. */
    if (!ptn_addr_equal(&r->asked, &a->path.contact))
        r->next = now;
    ptn_sip_outbound_taken(a, in);
    /* One that was given up for another answers after all: it is the one that knows us now. */
    if (!ptn_addr_equal(&in->from, &a->hop_addr))
        ptn_sip_account_look_up(s, now, a);
    ptn_sip_keepalive_start(s, now, a);
    ptn_sip_subscription_ready(s, now, a);
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_REGISTERED,
                                            .account = a->id,
                                            .addr = r->bound,
                                            .lease_s = lease_s,
                                            .status = in->msg->scode});
    ptn_sip_exchange_resume(s, now);
}

static void refused(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a,
                    const struct ptn_sip_in *in)
{
    struct ptn_sip_reg *r = &a->reg;
    unsigned status = in->msg->scode;
    uint32_t seconds = 0;

    /* At the next tick: the owner first hears where the server saw us, so that no contact is sent
     * that is known to be wrong by now. */
    if ((status == 401 || status == 407) && ptn_sip_account_challenged(s, a, &r->chain, in)) {
        r->state = PTN_SIP_REG_IDLE;
        r->challenged = true;
        r->next = now;
        return;
    }
    if (status == 423 && !r->leaving &&
        ptn_sip_number(ptn_sip_in_value(in, SIP_HDR_MIN_EXPIRES), LEASE_MAX_S, &seconds) &&
        seconds > r->expires_s) {
        r->expires_s = seconds;
        transmit(s, now, a);
        return;
    }
    if (status == 439 && ptn_sip_outbound_refused(a)) {
        transmit(s, now, a);
        return;
    }
    if (r->looks)
        a->path.veiled = ++r->looked < LOOKS_MAX;
    ptn_time wait = ptn_sip_in_retry_after(in);
    if (wait == 0 && (status == 401 || status == 403 || status == 404 || status == 407))
        /* Only a person can mend these: asking often would get the address banned. */
        wait = a->retry_max;
    fail(s, now, a, status, PTN_ERR_REFUSED, wait);
}

/* Where it went has failed, and the account has found another server that may do (§4.3 of RFC 3263
 * goes on where the administrator does): asked at once, each once. */
static bool asks_another(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a,
                         const struct ptn_sip_in *in)
{
    struct ptn_sip_reg *r = &a->reg;

    if ((in && in->msg->scode != 503) || r->leaving || a->way == r->way ||
        ++r->moves >= a->way_count)
        return false;
    r->chain = (struct ptn_sip_auth_chain){0};
    transmit(s, now, a);
    return true;
}

void ptn_sip_reg_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                          const struct ptn_sip_in *in, enum ptn_err why)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    struct ptn_sip_reg *r = a ? &a->reg : NULL;

    /* Of one REGISTER at a time, and one that was given up has been dropped. */
    if (!a || r->state != PTN_SIP_REG_TRYING || (in && in->msg->scode < 200))
        return;
    if (asks_another(s, now, a, in))
        return;
    if (in) {
        r->suspected = false;
        ptn_sip_opinion_heard(s, now, a);
    }
    if (!in)
        fail(s, now, a, 0, why, 0);
    else if (in->msg->scode >= 300)
        refused(s, now, a, in);
    else if (r->leaving)
        left(s, a, in->msg->scode);
    else if (r->looks)
        looked(now, a);
    else
        bound(s, now, a, in);
    if (r->again && r->state != PTN_SIP_REG_TRYING && r->wanted)
        ptn_sip_reg_go(s, now, a);
}

/* ---- what the owner wants ---- */

bool ptn_sip_warn_registrar(struct ptn_sip *s, const char *text)
{
    return ptn_sip_replace(&s->warning, ptn_pl(text));
}

void ptn_sip_reg_rest(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, ptn_time span)
{
    struct ptn_sip_reg *r = &a->reg;

    if (r->leaving)
        return;
    if (r->state == PTN_SIP_REG_TRYING)
        ptn_sip_exchange_drop(s, r->txn);
    r->txn = 0;
    r->state = PTN_SIP_REG_BACKOFF;
    r->resting = true;
    r->again = false;
    r->failures = 0;
    r->next = now + span;
    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = PTN_SIP_MAPPING_DEAD, .account = a->id, .retry_in = span});
}

void ptn_sip_reg_begin(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_reg *r = &a->reg;

    r->wanted = true;
    r->resting = a->register_after > 0;
    if (r->resting)
        r->next = now + a->register_after;
    else
        ptn_sip_reg_go(s, now, a);
}

void ptn_sip_reg_go(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_reg *r = &a->reg;

    if (r->state == PTN_SIP_REG_TRYING) {
        r->again = true;
        return;
    }
    r->resting = false;
    if (a->path.socket == 0)
        return;
    if (!r->challenged) {
        r->chain = (struct ptn_sip_auth_chain){0};
        r->moves = 0;
    }
    r->challenged = false;
    transmit(s, now, a);
}

/* A REGISTER that is out may yet bind what it asked for. */
static void give_up(struct ptn_sip *s, struct ptn_sip_reg *r)
{
    if (r->state != PTN_SIP_REG_TRYING)
        return;
    ptn_sip_exchange_drop(s, r->txn);
    if (ptn_addr_is_none(&r->bound))
        r->bound = r->asked;
    r->state = PTN_SIP_REG_IDLE;
}

void ptn_sip_reg_renew(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    give_up(s, &a->reg);
    a->reg.failures = 0;
    ptn_sip_reg_go(s, now, a);
}

void ptn_sip_register(struct ptn_sip *s, ptn_time now, ptn_sip_id account)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);

    if (!a || !a->server->host[0] || a->reg.leaving)
        return;
    a->reg.wanted = true;
    ptn_sip_reg_go(s, now, a);
}

void ptn_sip_unregister(struct ptn_sip *s, ptn_time now, ptn_sip_id account)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    struct ptn_sip_reg *r = a ? &a->reg : NULL;

    if (!a || r->leaving)
        return;
    give_up(s, r);
    ptn_sip_subscription_leave(s, now, a);
    if (ptn_addr_is_none(&r->bound) || a->path.socket == 0) {
        left(s, a, 0);
        return;
    }
    r->leaving = true;
    r->state = PTN_SIP_REG_IDLE;
    ptn_sip_reg_go(s, now, a);
}

void ptn_sip_reg_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    if (a->reg.next > now)
        return;
    /* A regular refresh: the moment at which some go back to the server they like best. */
    if (a->reg.state == PTN_SIP_REG_BOUND) {
        a->refreshed_at = now;
        a->reg.next = PTN_NEVER;
        ptn_sip_account_look_up(s, now, a);
    }
    if (a->reg.state == PTN_SIP_REG_TRYING)
        suspect_stream(s, now, a);
    else
        ptn_sip_reg_go(s, now, a);
}

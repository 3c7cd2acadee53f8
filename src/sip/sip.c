/*
 * sip/sip.c - the agent's verbs, and the two queues that lead out of it.
 *
 * Asks and events are copied into queues when they arise: the owner may take them
 * whenever he likes, and what he is shown stays valid until his next call.
 */
#include "sip/sip.h"

#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

static const char *const verdict_texts[PTN_SIP_VERDICTS] = {
    [PTN_SIP_TAKEN] = "taken",
    [PTN_SIP_KEEPALIVE_BYTES] = "keep-alive",
    [PTN_SIP_NOT_SIP] = "not SIP",
    [PTN_SIP_TRUNCATED] = "truncated",
    [PTN_SIP_TOO_LONG] = "too long",
    [PTN_SIP_BAD_HEADER] = "bad header",
    [PTN_SIP_STRAY_RESPONSE] = "stray response",
    [PTN_SIP_STRAY_ACK] = "stray ACK",
    [PTN_SIP_NO_ROOM] = "no room",
};

const char *ptn_sip_verdict_text(enum ptn_sip_verdict verdict)
{
    return verdict_texts[verdict];
}

uint64_t ptn_sip_count(const struct ptn_sip *s, enum ptn_sip_verdict verdict)
{
    return s->counts[verdict];
}

static void take_defaults(struct ptn_sip_opts *o)
{
    o->t1 = o->t1 ? o->t1 : PTN_MS(500);
    o->t2 = ptn_time_max(o->t1, o->t2 ? o->t2 : PTN_S(4));
    o->t4 = o->t4 ? o->t4 : PTN_S(5);
    o->calls_max = o->calls_max ? o->calls_max : 32;
    o->transactions_max = o->transactions_max ? o->transactions_max : 1024;
}

enum ptn_err ptn_sip_new(const struct ptn_sip_opts *opts, struct ptn_sip **out)
{
    struct ptn_sip *s = calloc(1, sizeof *s);

    if (!s)
        return PTN_ERR_NO_MEMORY;
    s->opts = *opts;
    take_defaults(&s->opts);
    s->dice = opts->dice;
    s->asks_end = &s->asks;
    s->events_end = &s->events;
    /* A call that is over waits for its transactions, of which it has at least one. */
    s->call_slots_max = s->opts.calls_max + s->opts.transactions_max;
    s->crypto = ptn_crypto_new();
    s->software = ptn_sip_dup(ptn_pl(opts->user_agent));
    if (!s->crypto || !s->software || ptn_sip_exchange_init(s)) {
        ptn_sip_free(s);
        return PTN_ERR_NO_MEMORY;
    }
    *out = s;
    return PTN_OK;
}

static void free_ask(struct ptn_sip_ask_node *n)
{
    if (!n)
        return;
    mem_deref(n->held);
    free(n->name);
    free(n);
}

static void free_event(struct ptn_sip_event_node *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < sizeof n->texts / sizeof n->texts[0]; i++)
        free(n->texts[i]);
    free(n->sdp);
    free(n->text);
    free(n);
}

void ptn_sip_free(struct ptn_sip *s)
{
    if (!s)
        return;
    ptn_sip_exchange_fini(s);
    ptn_sip_calls_fini(s);
    ptn_sip_notes_fini(s);
    ptn_sip_accounts_fini(s);
    ptn_sip_transport_fini(s);
    ptn_sip_names_fini(s);
    for (struct ptn_sip_ask_node *n = s->asks, *next; n; n = next)
        next = n->next, free_ask(n);
    for (struct ptn_sip_event_node *n = s->events, *next; n; n = next)
        next = n->next, free_event(n);
    free_ask(s->ask_shown);
    free_event(s->event_shown);
    ptn_crypto_free(s->crypto);
    free(s->software);
    free(s->warning);
    free(s);
}

/* ---- queues ---- */

/* Without memory an ask is lost as a packet may be; whoever waits for its answer repeats. */
void ptn_sip_ask(struct ptn_sip *s, const struct ptn_ask *ask)
{
    ptn_sip_ask_held(s, ask, NULL);
}

void ptn_sip_ask_held(struct ptn_sip *s, const struct ptn_ask *ask, void *held)
{
    struct ptn_sip_ask_node *n = malloc(sizeof *n + (held ? 0 : ask->bytes.size));

    if (!n)
        return;
    *n = (struct ptn_sip_ask_node){.ask = *ask, .held = mem_ref(held)};
    if (!held) {
        if (ask->bytes.size > 0)
            memcpy(n->bytes, ask->bytes.data, ask->bytes.size);
        n->ask.bytes.data = n->bytes;
    }
    n->ask.name = n->name = ask->name ? ptn_sip_dup(ptn_pl(ask->name)) : NULL;
    *s->asks_end = n;
    s->asks_end = &n->next;
}

bool ptn_sip_output(struct ptn_sip *s, ptn_time now, struct ptn_ask *ask)
{
    struct ptn_sip_ask_node *n = s->asks;

    (void)now;
    free_ask(s->ask_shown);
    s->ask_shown = n;
    if (!n)
        return false;
    s->asks = n->next;
    if (!s->asks)
        s->asks_end = &s->asks;
    *ask = n->ask;
    return true;
}

void ptn_sip_tell(struct ptn_sip *s, const struct ptn_sip_event *ev)
{
    struct ptn_sip_event_node *n = calloc(1, sizeof *n);

    if (!n)
        return;
    n->event = *ev;
    const char **texts[] = {&n->event.reason, &n->event.peer,    &n->event.peer_name,
                            &n->event.called, &n->event.call_id, &n->event.name};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (*texts[i])
            *texts[i] = n->texts[i] = ptn_sip_dup(ptn_pl(*texts[i]));
    if (ev->sdp && (n->sdp = malloc(sizeof *n->sdp)))
        *n->sdp = *ev->sdp;
    n->event.sdp = n->sdp;
    n->event.text = (struct ptn_bytes){0};
    if (ev->text.size > 0 && (n->text = malloc(ev->text.size))) {
        memcpy(n->text, ev->text.data, ev->text.size);
        n->event.text = ptn_bytes(n->text, ev->text.size);
    }
    *s->events_end = n;
    s->events_end = &n->next;
}

bool ptn_sip_event(struct ptn_sip *s, struct ptn_sip_event *ev)
{
    struct ptn_sip_event_node *n = s->events;

    free_event(s->event_shown);
    s->event_shown = n;
    if (!n)
        return false;
    s->events = n->next;
    if (!s->events)
        s->events_end = &s->events;
    *ev = n->event;
    return true;
}

/* ---- ids ---- */

bool ptn_sip_id_in_use(const struct ptn_sip *s, ptn_id id)
{
    for (unsigned i = 0; i < PTN_SIP_SOCKETS_MAX; i++)
        if (s->sockets[i].id == id)
            return true;
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX; i++)
        if (s->conns[i].id == id)
            return true;
    return ptn_sip_names_ask(s, id);
}

/* In a circle, so that a late answer to something given up finds no new owner of its id. */
ptn_id ptn_sip_draw_id(struct ptn_sip *s)
{
    for (uint32_t i = 0; i < s->opts.id_count; i++) {
        ptn_id id = s->opts.id_first + s->ids_drawn++ % s->opts.id_count;
        if (id != 0 && !ptn_sip_id_in_use(s, id))
            return id;
    }
    return 0;
}

bool ptn_sip_owns(const struct ptn_sip *s, ptn_id id)
{
    return id >= PTN_ID_WORLD ? ptn_sip_id_in_use(s, id)
                              : id >= s->opts.id_first && id - s->opts.id_first < s->opts.id_count;
}

/* ---- verbs ---- */

void ptn_sip_input(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell)
{
    if (ptn_sip_names_input(s, now, tell)) {
        ptn_sip_accounts_resume(s, now);
        ptn_sip_exchange_resume(s, now);
        return;
    }
    ptn_sip_transport_input(s, now, tell);
}

void ptn_sip_tick(struct ptn_sip *s, ptn_time now)
{
    ptn_sip_transport_tick(s, now);
    ptn_sip_accounts_tick(s, now);
    ptn_sip_calls_tick(s, now);
    /* Last: it sends what the others have begun. */
    ptn_sip_exchange_tick(s, now);
}

ptn_time ptn_sip_deadline(const struct ptn_sip *s)
{
    return ptn_time_min(ptn_time_min(ptn_sip_transport_deadline(s), ptn_sip_exchange_deadline(s)),
                        ptn_time_min(ptn_sip_accounts_deadline(s), ptn_sip_calls_deadline(s)));
}

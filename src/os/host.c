/*
 * os/host.c - machines in turn: tick, outputs, until nobody asks for more.
 *
 * Doing what one machine asks may tell it something at once (OPENED, FAILED);
 * then it has another turn. A machine that goes on asking for ever would hold up
 * all others, so there is an end to it.
 */
#include "os/host.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/entropy.h"
#include "os/host_parts.h"
#include "os/netif.h"
#include "os/tcp.h"

enum { TURNS_MAX = 1000 };

static enum ptn_err watch_addresses(struct ptn_host *h)
{
    enum ptn_err err = ptn_netif_watch(&h->netif);

    if (err == PTN_OK)
        err = ptn_loop_add(h->opts.loop, h->netif, PTN_LOOP_IN, h->opts.owner, PTN_HOST_NETIF_KEY);
    if (err != PTN_OK)
        ptn_log(h->opts.log, PTN_LOG_WARN, "changes of addresses will not be noticed: %s",
                ptn_err_text(err));
    return err;
}

/* As many descriptors as the machines may want, if the limit lets us; else accepting has to wait
 * now and then. */
static void raise_limit(uint32_t sockets_max)
{
    enum { OTHERS = 64 };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= sockets_max + OTHERS)
        return;
    rlim_t wanted = sockets_max + OTHERS;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

enum ptn_err ptn_host_new(const struct ptn_host_opts *opts, struct ptn_host **out)
{
    struct ptn_host *h = calloc(1, sizeof *h);
    struct ptn_dice dice = ptn_entropy_dice();
    enum ptn_err err = PTN_ERR_NO_MEMORY;

    *out = NULL;
    if (!h)
        return err;
    h->opts = *opts;
    h->netif = -1;
    h->next_accepted = PTN_ID_WORLD;
    h->crowd_key = (uint32_t)ptn_dice_u64(&dice);
    h->machines = calloc(opts->machines_max, sizeof *h->machines);
    h->dirty = calloc(opts->machines_max, sizeof *h->dirty);
    h->in = ptn_udp_in_new();
    h->out = ptn_udp_out_new();
    if (h->machines && h->dirty && h->in && h->out)
        err = ptn_slots_init(&h->slots, opts->sockets_max);
    if (err == PTN_OK)
        err = ptn_heap_init(&h->waits, opts->sockets_max);
    if (err == PTN_OK && !opts->streams_only)
        err = ptn_resolver_new(opts->loop, opts->owner, opts->name_servers, &h->resolver);
    if (err != PTN_OK) {
        ptn_host_free(h);
        return err;
    }
    if (!opts->streams_only)
        watch_addresses(h);
    raise_limit(opts->sockets_max);
    *out = h;
    return PTN_OK;
}

void ptn_host_free(struct ptn_host *h)
{
    if (!h)
        return;
    for (uint32_t i = 0; h->slots.slots && i < h->slots.touched; i++)
        if (h->slots.slots[i].kind != PTN_SLOT_FREE)
            ptn_host_drop(h, &h->slots.slots[i]);
    ptn_resolver_free(h->resolver);
    if (h->netif >= 0) {
        ptn_loop_remove(h->opts.loop, h->netif);
        close(h->netif);
    }
    ptn_slots_fini(&h->slots);
    ptn_heap_fini(&h->waits);
    ptn_udp_in_free(h->in);
    ptn_udp_out_free(h->out);
    free(h->dirty);
    free(h->machines);
    free(h);
}

/* ---- telling ---- */

void ptn_host_tell(struct ptn_host *h, ptn_time now, uint32_t machine, const struct ptn_tell *tell)
{
    struct ptn_machine *m = &h->machines[machine];

    m->input(m->self, now, tell);
    h->dirty[machine] = true;
}

void ptn_host_tell_failed(struct ptn_host *h, ptn_time now, uint32_t machine, ptn_id id,
                          enum ptn_err why)
{
    ptn_host_tell(h, now, machine,
                  &(struct ptn_tell){.kind = PTN_TELL_FAILED, .id = id, .why = why});
}

static void tell_addresses(struct ptn_host *h, ptn_time now, uint32_t machine)
{
    struct ptn_addr addrs[PTN_NETIF_ADDRS_MAX];
    size_t count;
    enum ptn_err err = ptn_netif_list(addrs, PTN_NETIF_ADDRS_MAX, &count);

    if (err != PTN_OK) {
        ptn_log(h->opts.log, PTN_LOG_ERROR, "the addresses of this computer: %s",
                ptn_err_text(err));
        return;
    }
    ptn_host_tell(
        h, now, machine,
        &(struct ptn_tell){.kind = PTN_TELL_ADDRESSES, .addrs = addrs, .addr_count = count});
}

/* ---- slots ---- */

void ptn_host_drop(struct ptn_host *h, struct ptn_slot *slot)
{
    if (slot->holds)
        ptn_host_unhold(h, slot);
    if (slot->fd >= 0) {
        ptn_loop_remove(h->opts.loop, slot->fd);
        if (slot->holds_port)
            ptn_tcp_abort(slot->fd);
        else
            close(slot->fd);
    }
    if (slot->kind == PTN_SLOT_CLOSING)
        h->closing_count--;
    if (slot->kind == PTN_SLOT_SHAKING && slot->listener)
        h->shaking_count--;
    ptn_heap_set(&h->waits, (uint32_t)(slot - h->slots.slots), PTN_NEVER);
    ptn_slots_release(&h->slots, slot);
}

enum ptn_err ptn_host_watch(struct ptn_host *h, struct ptn_slot *slot, unsigned what)
{
    if (slot->watched == what)
        return PTN_OK;
    slot->watched = what;
    return ptn_loop_change(h->opts.loop, slot->fd, what, h->opts.owner,
                           ptn_slots_key(&h->slots, slot));
}

/* ---- asks ---- */

static void resolve(struct ptn_host *h, ptn_time now, uint32_t machine, const struct ptn_ask *ask)
{
    struct ptn_slot *slot = ptn_slots_take(&h->slots, PTN_SLOT_QUESTION, machine, ask->id);
    enum ptn_err err = h->resolver ? PTN_ERR_NO_ROOM : PTN_ERR_UNSUPPORTED;

    if (slot && h->resolver)
        err = ptn_resolver_ask(h->resolver, ptn_slots_key(&h->slots, slot), ask->name, ask->types);
    if (slot && err != PTN_OK)
        ptn_host_drop(h, slot);
    if (err != PTN_OK)
        ptn_host_tell_failed(h, now, machine, ask->id, err);
}

static void close_slot(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    switch (slot->kind) {
    case PTN_SLOT_STREAM: ptn_host_tcp_close(h, now, slot); return;
    case PTN_SLOT_UDP: ptn_host_udp_flush(h, now); break;
    case PTN_SLOT_QUESTION: ptn_resolver_cancel(h->resolver, ptn_slots_key(&h->slots, slot)); break;
    default: break;
    }
    ptn_host_drop(h, slot);
}

static void close_id(struct ptn_host *h, ptn_time now, uint32_t machine, ptn_id id)
{
    struct ptn_slot *slot = ptn_slots_find(&h->slots, machine, id);

    if (slot) /* else it has ended by itself, and the machine is about to hear so */
        close_slot(h, now, slot);
}

static void stream(struct ptn_host *h, ptn_time now, uint32_t machine, const struct ptn_ask *ask)
{
    struct ptn_slot *slot = ptn_slots_find(&h->slots, machine, ask->id);

    if (slot && (slot->kind == PTN_SLOT_STREAM || slot->kind == PTN_SLOT_CONNECTING ||
                 slot->kind == PTN_SLOT_SHAKING))
        ptn_host_tcp_send(h, now, slot, ask->bytes);
}

static void perform(struct ptn_host *h, ptn_time now, uint32_t machine, const struct ptn_ask *ask)
{
    switch (ask->kind) {
    case PTN_ASK_DATAGRAM: ptn_host_udp_send(h, now, machine, ask); break;
    case PTN_ASK_STREAM: stream(h, now, machine, ask); break;
    case PTN_ASK_OPEN: ptn_host_udp_open(h, now, machine, ask); break;
    case PTN_ASK_LISTEN: ptn_host_tcp_listen(h, now, machine, ask); break;
    case PTN_ASK_CONNECT: ptn_host_tcp_connect(h, now, machine, ask); break;
    case PTN_ASK_CLOSE: close_id(h, now, machine, ask->id); break;
    case PTN_ASK_RESOLVE: resolve(h, now, machine, ask); break;
    }
}

void ptn_host_ask(struct ptn_host *h, ptn_time now, uint32_t index, const struct ptn_ask *ask)
{
    perform(h, now, index, ask);
}

void ptn_host_set_tls(struct ptn_host *h, const struct ptn_tls_rules *tls)
{
    h->opts.tls = tls;
}

void ptn_host_turn(struct ptn_host *h, ptn_time now, uint32_t machine)
{
    struct ptn_machine *m = &h->machines[machine];
    struct ptn_ask ask;

    h->dirty[machine] = false;
    m->tick(m->self, now);
    while (m->output(m->self, now, &ask))
        perform(h, now, machine, &ask);
}

/* ---- the owner's side ---- */

enum ptn_err ptn_host_add(struct ptn_host *h, ptn_time now, const struct ptn_machine *machine,
                          uint32_t *index)
{
    assert(machine->self);
    for (uint32_t i = 0; i < h->opts.machines_max; i++)
        if (!h->machines[i].self) {
            h->machines[i] = *machine;
            *index = i;
            if (!h->opts.streams_only)
                tell_addresses(h, now, i);
            return PTN_OK;
        }
    return PTN_ERR_NO_ROOM;
}

void ptn_host_remove(struct ptn_host *h, ptn_time now, uint32_t index)
{
    for (uint32_t i = 0; i < h->slots.touched; i++) {
        struct ptn_slot *slot = &h->slots.slots[i];
        if (slot->kind == PTN_SLOT_FREE || slot->machine != index || slot->id == 0)
            continue;
        close_slot(h, now, slot);
    }
    h->machines[index].self = NULL;
}

static void take_answers(struct ptn_host *h, ptn_time now)
{
    struct ptn_resolver_answer answer;

    while (h->resolver && ptn_resolver_answer(h->resolver, &answer)) {
        struct ptn_slot *slot = ptn_slots_by_key(&h->slots, answer.token);
        if (!slot)
            continue;
        uint32_t machine = slot->machine;
        struct ptn_tell tell = {.kind = ptn_err_is_answer(answer.why) ? PTN_TELL_RESOLVED
                                                                      : PTN_TELL_FAILED,
                                .id = slot->id,
                                .why = answer.why,
                                .records = answer.records,
                                .record_count = answer.record_count};
        ptn_host_drop(h, slot);
        ptn_host_tell(h, now, machine, &tell);
    }
}

static void addresses_changed(struct ptn_host *h, ptn_time now)
{
    if (!ptn_netif_changed(h->netif))
        return;
    for (uint32_t i = 0; i < h->opts.machines_max; i++)
        if (h->machines[i].self)
            tell_addresses(h, now, i);
}

void ptn_host_ready(struct ptn_host *h, ptn_time now, const struct ptn_ready *ready)
{
    if (ready->key == PTN_HOST_NETIF_KEY) {
        addresses_changed(h, now);
    } else if (ready->key >= PTN_RESOLVER_KEYS) {
        ptn_resolver_ready(h->resolver, ready);
        take_answers(h, now);
    } else {
        struct ptn_slot *slot = ptn_slots_by_key(&h->slots, ready->key);
        if (slot && slot->kind == PTN_SLOT_UDP)
            ptn_host_udp_ready(h, now, slot, ready->what);
        else if (slot)
            ptn_host_tcp_ready(h, now, slot, ready->what);
    }
}

static bool any_dirty(const struct ptn_host *h)
{
    for (uint32_t i = 0; i < h->opts.machines_max; i++)
        if (h->machines[i].self && h->dirty[i])
            return true;
    return false;
}

void ptn_host_run(struct ptn_host *h, ptn_time now)
{
    uint32_t place, turns = 0;

    while (ptn_heap_pop(&h->waits, now, &place))
        ptn_host_tcp_due(h, now, &h->slots.slots[place]);
    if (h->resolver)
        ptn_resolver_tick(h->resolver);
    for (uint32_t i = 0; i < h->opts.machines_max; i++)
        h->dirty[i] = true; /* its owner may have asked something of it */
    while (any_dirty(h) && turns++ < TURNS_MAX) {
        for (uint32_t i = 0; i < h->opts.machines_max; i++)
            if (h->machines[i].self && h->dirty[i])
                ptn_host_turn(h, now, i);
        ptn_host_udp_flush(h, now);
        take_answers(h, now);
    }
}

ptn_time ptn_host_deadline(struct ptn_host *h, ptn_time now)
{
    ptn_time first = ptn_heap_deadline(&h->waits);

    if (h->resolver)
        first = ptn_time_min(first, ptn_resolver_deadline(h->resolver, now));
    for (uint32_t i = 0; i < h->opts.machines_max; i++)
        if (h->machines[i].self)
            first = ptn_time_min(first, h->machines[i].deadline(h->machines[i].self));
    return first;
}

uint32_t ptn_host_closing(const struct ptn_host *h)
{
    return h->closing_count;
}

const struct ptn_host_counts *ptn_host_counts(const struct ptn_host *h)
{
    return &h->counts;
}

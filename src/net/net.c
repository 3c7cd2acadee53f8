/*
 * net/net.c - time in the net: what is due happens in order, each thing at its own
 * time, however late the owner's tick.
 */
#include "net/net.h"

#include <assert.h>
#include <stdlib.h>

#include "net/state.h"

enum { PACKETS_DEFAULT = 4096, JOINS_MAX = 64, TOLD_SPARE = 64 };

void ptn_net_end(struct ptn_net *n, enum ptn_net_verdict verdict)
{
    n->counts[verdict]++;
}

struct ptn_net_slot *ptn_net_take_slot(struct ptn_net *n)
{
    struct ptn_net_slot *slot;

    if (n->slots_free) {
        slot = &n->slots[n->slots_free - 1];
        n->slots_free = slot->next;
    } else if (n->slots_touched < n->opts.packets_max) {
        slot = &n->slots[n->slots_touched++];
    } else {
        ptn_net_end(n, PTN_NET_OVERLOAD);
        return NULL;
    }
    slot->next = 0;
    return slot;
}

static void give_back(struct ptn_net *n, struct ptn_net_slot *slot)
{
    slot->next = n->slots_free;
    n->slots_free = (uint32_t)(slot - n->slots) + 1;
}

void ptn_net_schedule(struct ptn_net *n, struct ptn_net_slot *slot, ptn_time at)
{
    ptn_heap_set(&n->due, (uint32_t)(slot - n->slots), at);
}

void ptn_net_put_out(struct ptn_net *n, struct ptn_net_slot *slot, ptn_time at)
{
    uint32_t number = (uint32_t)(slot - n->slots) + 1;

    slot->at = at;
    slot->next = 0;
    if (n->out_last)
        n->slots[n->out_last - 1].next = number;
    else
        n->out_first = number;
    n->out_last = number;
}

static enum ptn_err copy_tables(struct ptn_net *n)
{
    const struct ptn_scenario *s = n->scenario;

    n->hosts = calloc(s->host_count + 1u, sizeof *n->hosts);
    n->boxes = calloc(s->box_count + 1u, sizeof *n->boxes);
    n->nats = calloc(s->box_count + 1u, sizeof *n->nats);
    n->wires = calloc(s->wire_count + 1u, sizeof *n->wires);
    n->nameservers = calloc(s->nameserver_count + 1u, sizeof *n->nameservers);
    if (!n->hosts || !n->boxes || !n->nats || !n->wires || !n->nameservers)
        return PTN_ERR_NO_MEMORY;
    for (unsigned i = 0; i < s->host_count; i++)
        n->hosts[i] = s->hosts[i];
    for (unsigned i = 0; i < s->wire_count; i++)
        memcpy(n->wires[i].link, s->wires[i].link, sizeof n->wires[i].link);
    for (unsigned i = 0; i < s->box_count; i++) {
        n->boxes[i] = s->boxes[i];
        if (s->boxes[i].kind != PTN_BOX_ROUTER &&
            ptn_nat_new(&n->nats[i], &s->boxes[i].nat, &n->dice) != PTN_OK)
            return PTN_ERR_NO_MEMORY;
    }
    for (unsigned i = 0; i < s->nameserver_count; i++) {
        const struct ptn_scenario_nameserver *from = &s->nameservers[i];
        struct ptn_net_nameserver *to = &n->nameservers[i];
        to->dns = from->dns;
        to->records = calloc(from->record_count + 1u, sizeof *to->records);
        if (!to->records)
            return PTN_ERR_NO_MEMORY;
        for (; to->record_count < from->record_count; to->record_count++)
            to->records[to->record_count] = from->records[to->record_count];
    }
    return PTN_OK;
}

static enum ptn_err allocate(struct ptn_net *n)
{
    struct ptn_ip_store_opts store = {.slots_max = JOINS_MAX, .timeout = PTN_S(30)};

    n->told_max = n->scenario->event_count + TOLD_SPARE;
    n->told = calloc(n->told_max, sizeof *n->told);
    n->slots = malloc(n->opts.packets_max * sizeof *n->slots); /* each is filled when taken */
    if (!n->told || !n->slots || ptn_heap_init(&n->due, n->opts.packets_max) != PTN_OK ||
        ptn_ip_store_new(&n->fragments, &store) != PTN_OK || copy_tables(n) != PTN_OK ||
        ptn_net_routes_init(n) != PTN_OK || ptn_net_owners_init(n) != PTN_OK)
        return PTN_ERR_NO_MEMORY;
    return PTN_OK;
}

enum ptn_err ptn_net_new(struct ptn_net **out, const struct ptn_net_opts *opts)
{
    struct ptn_net *n = calloc(1, sizeof *n);

    *out = NULL;
    if (!n)
        return PTN_ERR_NO_MEMORY;
    n->scenario = opts->scenario;
    n->opts = *opts;
    if (n->opts.packets_max == 0)
        n->opts.packets_max = PACKETS_DEFAULT;
    assert(n->opts.packets_max >= 16);
    n->dice = ptn_dice_seeded(opts->seed);
    n->fragment_id = (uint32_t)ptn_dice_u64(&n->dice);
    if (allocate(n) != PTN_OK) {
        ptn_net_free(n);
        return PTN_ERR_NO_MEMORY;
    }
    *out = n;
    return PTN_OK;
}

void ptn_net_free(struct ptn_net *n)
{
    if (!n)
        return;
    for (unsigned i = 0; n->nats && i < n->scenario->box_count; i++)
        ptn_nat_free(n->nats[i]);
    for (unsigned i = 0; n->nameservers && i < n->scenario->nameserver_count; i++)
        free(n->nameservers[i].records);
    ptn_net_routes_fini(n);
    ptn_ip_store_free(n->fragments);
    ptn_heap_fini(&n->due);
    free(n->owners);
    free(n->hosts);
    free(n->boxes);
    free(n->nats);
    free(n->wires);
    free(n->nameservers);
    free(n->slots);
    free(n->told);
    free(n);
}

static void change_address(struct ptn_net *n, const struct ptn_scenario_event *what)
{
    struct ptn_scenario_leg *legs = what->action == PTN_ACTION_HOST_ADDRESS
                                        ? n->hosts[what->subject].legs
                                        : n->boxes[what->subject].outside;
    struct ptn_addr pool[PTN_NAT_POOL_MAX];

    memcpy(legs, what->legs, what->leg_count * sizeof *legs);
    if (what->action == PTN_ACTION_HOST_ADDRESS) {
        n->hosts[what->subject].leg_count = what->leg_count;
    } else {
        n->boxes[what->subject].outside_count = what->leg_count;
        for (unsigned i = 0; i < what->leg_count; i++)
            pool[i] = what->legs[i].addr;
        ptn_nat_set_pool(n->nats[what->subject], pool, what->leg_count);
    }
    ptn_net_list_owners(n);
}

/* New records take the place of those with their name and type. Without memory the old ones
 * stay. */
static void change_records(struct ptn_net_nameserver *ns, const struct ptn_scenario_event *what)
{
    struct ptn_scenario_record *grown =
        realloc(ns->records, (ns->record_count + what->record_count + 1u) * sizeof *grown);
    unsigned kept = 0;

    if (!grown || what->record_count == 0)
        return;
    ns->records = grown;
    for (unsigned i = 0; i < ns->record_count; i++)
        if (strcmp(grown[i].name, what->records[0].name) != 0 ||
            grown[i].record.type != what->records[0].record.type)
            grown[kept++] = grown[i];
    memcpy(grown + kept, what->records, what->record_count * sizeof *grown);
    ns->record_count = kept + what->record_count;
}

static void happen(struct ptn_net *n, ptn_time at, const struct ptn_scenario_event *what)
{
    switch (what->action) {
    case PTN_ACTION_REBOOT:
        if (n->nats[what->subject])
            ptn_nat_reboot(n->nats[what->subject]);
        break;
    case PTN_ACTION_BOX_ADDRESS:
    case PTN_ACTION_HOST_ADDRESS: change_address(n, what); break;
    case PTN_ACTION_DOWN: n->wires[what->subject].down = true; break;
    case PTN_ACTION_UP: n->wires[what->subject].down = false; break;
    case PTN_ACTION_LINK:
        for (unsigned way = 0; way < PTN_WAYS; way++)
            ptn_scenario_change_link(&n->wires[what->subject].link[way], &what->link[way],
                                     what->link_sets[way]);
        break;
    case PTN_ACTION_DNS: n->nameservers[what->subject].dns = what->dns; break;
    case PTN_ACTION_RECORDS: change_records(&n->nameservers[what->subject], what); break;
    }
    if (n->told_count < n->told_max)
        n->told[(n->told_first + n->told_count++) % n->told_max] = (struct ptn_net_event){at, what};
}

static ptn_time next_event_at(const struct ptn_net *n)
{
    return n->events_happened < n->scenario->event_count
               ? ptn_time_add(n->opts.start, n->scenario->events[n->events_happened].at)
               : PTN_NEVER;
}

static void arrive(struct ptn_net *n, ptn_time at, struct ptn_net_slot *slot)
{
    struct ptn_net_place place = slot->place;
    struct ptn_bytes packet = {slot->bytes, slot->size};

    if (slot->what == PTN_SLOT_SETS_OUT) {
        ptn_net_set_out(n, at, &place, packet);
    } else if (place.kind == PTN_NET_AT_HOST) {
        slot->what = PTN_SLOT_DELIVERY;
        ptn_net_put_out(n, slot, at);
        return;
    } else if (place.kind == PTN_NET_AT_BOX) {
        ptn_net_at_box(n, at, &place, packet);
    } else {
        ptn_net_at_nameserver(n, at, &place, packet);
    }
    give_back(n, slot);
}

/* What the owner had in its hands is ours again. */
static void take_back(struct ptn_net *n)
{
    if (n->out_taken)
        give_back(n, &n->slots[n->out_taken - 1]);
    n->out_taken = 0;
}

void ptn_net_tick(struct ptn_net *n, ptn_time now)
{
    uint32_t number;

    take_back(n);
    for (;;) {
        ptn_time event_at = next_event_at(n), packet_at = ptn_heap_deadline(&n->due);
        if (event_at <= now && event_at <= packet_at) {
            happen(n, event_at, &n->scenario->events[n->events_happened++]);
            continue;
        }
        if (!ptn_heap_pop(&n->due, now, &number))
            break;
        arrive(n, packet_at, &n->slots[number]);
    }
    n->counts[PTN_NET_FRAGMENT] += ptn_ip_store_tick(n->fragments, now);
}

void ptn_net_input(struct ptn_net *n, ptn_time now, unsigned host, struct ptn_bytes packet)
{
    struct ptn_ip ip;

    assert(host < n->scenario->host_count);

    ptn_net_tick(n, now);
    if (packet.size > 65535 || ptn_ip_parse(packet, &ip) != PTN_IP_FINE) {
        ptn_net_end(n, PTN_NET_MALFORMED);
        return;
    }
    const struct ptn_net_place *owned = ptn_net_owned(n, PTN_NET_AT_HOST, host, &ip.ends.from);
    if (!owned) {
        ptn_net_end(n, PTN_NET_BAD_SOURCE);
        return;
    }
    struct ptn_net_origin origin = {.back = *owned, .packet = packet, .ip = &ip};
    ptn_net_send(n, now, owned, packet, &ip, &origin);
}

/* False when it is a fragment that others must join first. */
static bool fill_output(struct ptn_net *n, const struct ptn_net_slot *slot,
                        struct ptn_net_output *out)
{
    struct ptn_ip ip;

    *out = (struct ptn_net_output){
        .kind = slot->what == PTN_SLOT_TAP ? PTN_NET_TAP : PTN_NET_DELIVER,
        .host = slot->place.index,
        .wire = slot->place.wire,
        .at = slot->at,
        .packet = ptn_bytes(slot->bytes, slot->size),
    };
    if (out->kind == PTN_NET_TAP)
        return true;
    if (n->opts.whole_packets && ptn_ip_parse(out->packet, &ip) == PTN_IP_FINE && ip.is_fragment) {
        /* Boxes are counted from below, hosts from above. */
        uint32_t where = UINT32_MAX - out->host;
        enum ptn_ip_store_verdict verdict =
            ptn_ip_store_input(n->fragments, slot->at, where, out->packet, &ip, &out->packet);
        if (verdict == PTN_IP_STORE_SPOILT || verdict == PTN_IP_STORE_FULL)
            ptn_net_end(n, PTN_NET_FRAGMENT);
        if (verdict != PTN_IP_STORE_WHOLE)
            return false;
    }
    ptn_net_end(n, PTN_NET_DELIVERED);
    return true;
}

bool ptn_net_output(struct ptn_net *n, struct ptn_net_output *out)
{
    for (;;) {
        take_back(n);
        if (!n->out_first)
            return false;
        struct ptn_net_slot *slot = &n->slots[n->out_first - 1];
        n->out_taken = n->out_first;
        n->out_first = slot->next;
        if (!n->out_first)
            n->out_last = 0;
        if (fill_output(n, slot, out))
            return true;
    }
}

bool ptn_net_event(struct ptn_net *n, struct ptn_net_event *ev)
{
    if (n->told_count == 0)
        return false;
    *ev = n->told[n->told_first];
    n->told_first = (n->told_first + 1) % n->told_max;
    n->told_count--;
    return true;
}

ptn_time ptn_net_deadline(const struct ptn_net *n)
{
    return ptn_time_min(ptn_heap_deadline(&n->due), next_event_at(n));
}

void ptn_net_tap(struct ptn_net *n, unsigned wire, bool on)
{
    assert(wire < n->scenario->wire_count);

    n->wires[wire].tapped = on;
}

void ptn_net_apply(struct ptn_net *n, ptn_time now, const struct ptn_scenario_event *what)
{
    ptn_net_tick(n, now);
    happen(n, now, what);
}

const struct ptn_scenario_host *ptn_net_host(const struct ptn_net *n, unsigned host)
{
    assert(host < n->scenario->host_count);

    return &n->hosts[host];
}

uint64_t ptn_net_count(const struct ptn_net *n, enum ptn_net_verdict verdict)
{
    return n->counts[verdict];
}

uint64_t ptn_net_box_count(const struct ptn_net *n, unsigned box, enum ptn_nat_verdict verdict)
{
    assert(box < n->scenario->box_count);

    return n->nats[box] ? ptn_nat_count(n->nats[box], verdict) : 0;
}

const char *ptn_net_verdict_text(enum ptn_net_verdict verdict)
{
    static const char *const texts[PTN_NET_VERDICTS] = {
        [PTN_NET_DELIVERED] = "delivered",
        [PTN_NET_MALFORMED] = "malformed",
        [PTN_NET_BAD_SOURCE] = "sent with a foreign address",
        [PTN_NET_NO_ROUTE] = "nobody has the address",
        [PTN_NET_LOST] = "lost on a wire",
        [PTN_NET_QUEUE_FULL] = "too long a queue",
        [PTN_NET_WIRE_DOWN] = "wire is down",
        [PTN_NET_TTL] = "too many hops",
        [PTN_NET_TOO_BIG] = "too big for a wire",
        [PTN_NET_FRAGMENT] = "fragment dropped",
        [PTN_NET_DROPPED_BY_BOX] = "dropped by a NAT or firewall",
        [PTN_NET_OVERLOAD] = "too many packets under way",
        [PTN_NET_TO_BOX] = "for a box itself",
    };

    return texts[verdict];
}

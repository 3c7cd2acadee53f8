/*
 * os/host_udp.c - the host's datagrams: a batch in, turns, a batch out.
 */
#include <unistd.h>

#include "os/host_parts.h"

/* In and out. Each place that was ever filled is memory that stays, a page of each that comes, and
 * a phone seldom has many. */
enum { AT_ONCE = 4, FIRST = PTN_UDP_BATCH_MAX - AT_ONCE };

void ptn_host_udp_open(struct ptn_host *h, ptn_time now, uint32_t machine,
                       const struct ptn_ask *ask)
{
    struct ptn_slot *slot = ptn_slots_take(&h->slots, PTN_SLOT_UDP, machine, ask->id);
    char text[PTN_ADDR_TEXT_MAX];
    enum ptn_err err = PTN_ERR_NO_ROOM;

    if (slot) {
        err = ptn_udp_open(&ask->local, ask->dscp, &slot->fd, &slot->local);
        slot->watched = PTN_LOOP_IN;
        if (err == PTN_OK)
            err = ptn_loop_add(h->opts.loop, slot->fd, PTN_LOOP_IN, h->opts.owner,
                               ptn_slots_key(&h->slots, slot));
        if (err != PTN_OK)
            ptn_host_drop(h, slot);
    }
    if (err != PTN_OK) {
        ptn_log(h->opts.log, PTN_LOG_WARN, "UDP socket on %s: %s",
                ptn_addr_format(&ask->local, text), ptn_err_text(err));
        ptn_host_tell_failed(h, now, machine, ask->id, err);
        return;
    }
    ptn_host_tell(
        h, now, machine,
        &(struct ptn_tell){
            .kind = PTN_TELL_OPENED, .id = ask->id, .transport = PTN_UDP, .local = slot->local});
}

void ptn_host_udp_send(struct ptn_host *h, ptn_time now, uint32_t machine,
                       const struct ptn_ask *ask)
{
    struct ptn_slot *slot = ptn_slots_find(&h->slots, machine, ask->id);

    if (!slot || slot->kind != PTN_SLOT_UDP || ask->to.family != slot->local.family) {
        h->counts.datagrams_refused++;
        return;
    }
    uint64_t key = ptn_slots_key(&h->slots, slot);
    if (++h->held > AT_ONCE)
        ptn_host_udp_flush(h, now);
    if (!ptn_udp_out_add(h->out, slot->fd, key, &ask->to, ask->bytes)) {
        ptn_host_udp_flush(h, now);
        ptn_udp_out_add(h->out, slot->fd, key, &ask->to, ask->bytes);
    }
}

static void tell_unreached(struct ptn_host *h, ptn_time now, const struct ptn_slot *slot,
                           const struct ptn_addr *to, enum ptn_err why)
{
    ptn_host_tell(
        h, now, slot->machine,
        &(struct ptn_tell){.kind = PTN_TELL_ICMP_ERROR, .id = slot->id, .from = *to, .why = why});
}

void ptn_host_udp_flush(struct ptn_host *h, ptn_time now)
{
    struct ptn_udp_sent sent;

    ptn_udp_out_flush(h->out, &sent);
    h->held = 0;
    h->counts.datagrams_out += sent.sent;
    h->counts.datagrams_dropped += sent.dropped;
    h->counts.datagrams_refused += sent.failure_count;
    for (size_t i = 0; i < sent.failure_count; i++) {
        const struct ptn_slot *slot = ptn_slots_by_key(&h->slots, sent.failures[i].key);
        if (slot)
            tell_unreached(h, now, slot, &sent.failures[i].to, sent.failures[i].why);
    }
}

void ptn_host_udp_ready(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, unsigned what)
{
    uint64_t key = ptn_slots_key(&h->slots, slot);
    uint32_t machine = slot->machine;
    struct ptn_addr to;
    enum ptn_err why;

    if (what & PTN_LOOP_ERROR)
        while (ptn_udp_error(slot->fd, &to, &why))
            tell_unreached(h, now, slot, &to, why);

    enum ptn_family family = (enum ptn_family)slot->local.family;
    size_t count = what & PTN_LOOP_IN ? ptn_udp_receive_more(slot->fd, family, h->in, FIRST) : 0;
    h->counts.datagrams_in += count;
    for (size_t i = FIRST; i < FIRST + count; i++) {
        ptn_host_tell(h, now, machine,
                      &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                         .id = slot->id,
                                         .local = slot->local,
                                         .from = ptn_udp_in_from(h->in, i),
                                         .bytes = ptn_udp_in_bytes(h->in, i)});
        ptn_host_turn(h, now, machine);
        /* The turn may have closed this very socket. */
        if (ptn_slots_by_key(&h->slots, key) != slot)
            break;
    }
    ptn_host_udp_flush(h, now);
}

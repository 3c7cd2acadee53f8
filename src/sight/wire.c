/*
 * sight/wire.c - what is seen becomes steps, each one packet.
 *
 *     UP                 SYN, SYN+ACK, ACK
 *     STREAM             segments of at most SEGMENT bytes, each acknowledging the other way
 *     DOWN, in order     FIN from who ended it, FIN back, ACK
 *     DOWN, otherwise    RST
 *     FAILED             SYN, and RST where the far end refused
 */
#include "sight/wire.h"

#include <stdio.h>
#include <stdlib.h>

#include "ip/ip.h"
#include "stun/msg.h"

enum { SEGMENT = 1400, WINDOW = 65535, STEPS_MAX = 3 };

/* Of the place where a connection's numbers begin: another one each time, as a fixed source port
 * makes connections that differ in nothing else. */
#define SEQUENCE_STRIDE 0x9e3779b1u

const char *const ptn_wire_interfaces[PTN_WIRE_INTERFACES] = {"phone", "phone: TLS in the clear"};

struct link {
    ptn_id id;        /* 0: free */
    uint32_t next[2]; /* sequence numbers: [0] the far end's, [1] ours */
};

struct step {
    bool sent;
    uint8_t flags;
};

struct ptn_wire {
    struct link *links;
    uint32_t capacity, newest;
    uint32_t connections; /* counted for their first sequence numbers */
    struct ptn_seen seen; /* what is being shown */
    struct link *link;
    bool datagram;
    struct step before[STEPS_MAX], after[STEPS_MAX]; /* segments of bytes stand between */
    unsigned before_count, after_count, before_done, after_done;
    const char *comment; /* of the next packet */
    char words[160];
};

struct ptn_wire *ptn_wire_new(uint32_t connections_max)
{
    struct ptn_wire *w = calloc(1, sizeof *w);

    if (w && !(w->links = calloc(connections_max, sizeof *w->links))) {
        free(w);
        return NULL;
    }
    if (w)
        w->capacity = connections_max;
    return w;
}

void ptn_wire_free(struct ptn_wire *w)
{
    if (w)
        free(w->links);
    free(w);
}

static struct link *find(struct ptn_wire *w, ptn_id id)
{
    for (uint32_t i = 0; i < w->capacity; i++)
        if (w->links[i].id == id)
            return &w->links[i];
    return NULL;
}

static struct link *begin(struct ptn_wire *w, ptn_id id)
{
    struct link *link = find(w, id);

    if (!link)
        link = find(w, 0);
    if (!link) {
        w->newest = (w->newest + 1) % w->capacity;
        link = &w->links[w->newest];
    }
    uint32_t first = ++w->connections * SEQUENCE_STRIDE;
    *link = (struct link){.id = id, .next = {first, first}};
    return link;
}

static void shake(struct ptn_wire *w, bool sent)
{
    w->before[w->before_count++] = (struct step){sent, PTN_TCP_SYN};
    w->before[w->before_count++] = (struct step){!sent, PTN_TCP_SYN | PTN_TCP_ACK};
    w->before[w->before_count++] = (struct step){sent, PTN_TCP_ACK};
}

static void part(struct ptn_wire *w, bool sent, enum ptn_err why)
{
    if (why != PTN_OK) {
        w->after[w->after_count++] = (struct step){sent, PTN_TCP_RST | PTN_TCP_ACK};
        snprintf(w->words, sizeof w->words, "the connection is lost: %s", ptn_err_text(why));
        w->comment = w->words;
        return;
    }
    w->after[w->after_count++] = (struct step){sent, PTN_TCP_FIN | PTN_TCP_ACK};
    w->after[w->after_count++] = (struct step){!sent, PTN_TCP_FIN | PTN_TCP_ACK};
    w->after[w->after_count++] = (struct step){sent, PTN_TCP_ACK};
}

static void fail(struct ptn_wire *w, enum ptn_err why)
{
    w->before[w->before_count++] = (struct step){true, PTN_TCP_SYN};
    if (why == PTN_ERR_REFUSED)
        w->after[w->after_count++] = (struct step){false, PTN_TCP_RST | PTN_TCP_ACK};
    snprintf(w->words, sizeof w->words, "connecting failed: %s", ptn_err_text(why));
    w->comment = w->words;
}

/* On the ports of TLS wireshark takes what begins with an empty line, and all that is put together
 * with it, for a piece of TLS. */
static void leave_out_empty_lines(struct ptn_wire *w)
{
    const struct ptn_bytes b = w->seen.bytes;
    size_t i = 0;

    while (i < b.size && (b.data[i] == '\r' || b.data[i] == '\n'))
        i++;
    if (w->seen.transport == PTN_TLS && i == b.size)
        w->seen.bytes.size = 0;
}

/* Of which allocation the packets are that follow: they bear the server's address, and what is
 * relayed looks like a number in front of them. */
static void explain_relay(struct ptn_wire *w)
{
    const struct ptn_seen *seen = &w->seen;
    char relayed_text[PTN_ADDR_TEXT_MAX], server_text[PTN_ADDR_TEXT_MAX];
    struct ptn_stun_msg m;
    struct ptn_addr relayed;

    if (seen->sent || w->comment || ptn_stun_decode(&m, seen->bytes) != PTN_STUN_OK ||
        m.method != PTN_STUN_ALLOCATE || m.class != PTN_STUN_SUCCESS ||
        !ptn_stun_get_addr(&m, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed))
        return;
    snprintf(w->words, sizeof w->words, "what comes to %s is relayed by %s:%s from now on",
             ptn_addr_format(&relayed, relayed_text), seen->transport == PTN_TLS ? "turns" : "turn",
             ptn_addr_format(&seen->far, server_text));
    w->comment = w->words;
}

void ptn_wire_input(struct ptn_wire *w, const struct ptn_seen *seen)
{
    w->seen = *seen;
    w->before_count = w->after_count = w->before_done = w->after_done = 0;
    w->comment = NULL;
    w->link = NULL;
    w->datagram = seen->kind == PTN_SEEN_DATAGRAM;
    if (seen->local.family != seen->far.family || ptn_addr_is_none(&seen->far)) {
        w->datagram = false;
        w->seen.bytes.size = 0;
        return;
    }
    explain_relay(w);
    if (w->datagram)
        return;
    w->link = find(w, seen->id);
    if (!w->link || seen->kind == PTN_SEEN_UP || seen->kind == PTN_SEEN_FAILED) {
        bool known = seen->kind == PTN_SEEN_UP || seen->kind == PTN_SEEN_FAILED;
        w->link = begin(w, seen->id);
        if (seen->kind != PTN_SEEN_FAILED)
            shake(w, known ? seen->sent : true);
        snprintf(w->words, sizeof w->words, "%s%s",
                 known ? "" : "the connection is older than this capture. ",
                 seen->transport == PTN_TLS ? "TLS: what follows was encrypted" : "");
        w->comment = w->words[0] ? w->words : NULL;
    }
    leave_out_empty_lines(w);
    if (seen->kind == PTN_SEEN_DOWN)
        part(w, seen->sent, seen->why);
    else if (seen->kind == PTN_SEEN_FAILED)
        fail(w, seen->why);
}

static struct ptn_ip_head head(const struct ptn_wire *w, bool sent)
{
    return (struct ptn_ip_head){.from = sent ? w->seen.local : w->seen.far,
                                .to = sent ? w->seen.far : w->seen.local,
                                .dscp = sent == w->seen.sent ? w->seen.dscp : 0};
}

static void write_segment(struct ptn_wire *w, struct ptn_writer *out, const struct step *step,
                          struct ptn_bytes bytes)
{
    struct ptn_ip_head ends = head(w, step->sent);
    uint32_t *next = w->link->next;
    struct ptn_tcp tcp = {.seq = next[step->sent],
                          .ack = step->flags & PTN_TCP_ACK ? next[!step->sent] : 0,
                          .window = WINDOW,
                          .flags = step->flags};

    ptn_ip_build_tcp(out, &ends, &tcp, bytes);
    next[step->sent] += (uint32_t)bytes.size + ((step->flags & (PTN_TCP_SYN | PTN_TCP_FIN)) != 0);
}

/* The next segment of the bytes that are left. */
static void write_bytes(struct ptn_wire *w, struct ptn_writer *out)
{
    struct ptn_bytes *left = &w->seen.bytes;
    size_t size = left->size < SEGMENT ? left->size : SEGMENT;
    struct step step = {w->seen.sent, PTN_TCP_ACK | PTN_TCP_PSH};

    write_segment(w, out, &step, ptn_bytes(left->data, size));
    *left = ptn_bytes(left->data + size, left->size - size);
}

static bool write_next(struct ptn_wire *w, struct ptn_writer *out)
{
    if (w->datagram) {
        struct ptn_ip_head ends = head(w, w->seen.sent);
        ptn_ip_build_udp(out, &ends, w->seen.bytes);
        w->datagram = false;
    } else if (w->before_done < w->before_count) {
        write_segment(w, out, &w->before[w->before_done++], ptn_bytes(NULL, 0));
    } else if (w->link && w->seen.bytes.size > 0) {
        write_bytes(w, out);
    } else if (w->after_done < w->after_count) {
        write_segment(w, out, &w->after[w->after_done++], ptn_bytes(NULL, 0));
    } else {
        /* Whoever is down may come back under the same id, with numbers of its own. */
        if (w->link && (w->seen.kind == PTN_SEEN_DOWN || w->seen.kind == PTN_SEEN_FAILED))
            w->link->id = 0;
        w->link = NULL;
        return false;
    }
    return true;
}

bool ptn_wire_output(struct ptn_wire *w, uint8_t buf[static PTN_WIRE_PACKET_MAX],
                     struct ptn_wire_packet *out)
{
    struct ptn_writer packet;

    do {
        packet = ptn_writer(buf, PTN_WIRE_PACKET_MAX);
        if (!write_next(w, &packet))
            return false;
    } while (packet.bad); /* a datagram too long for IP */
    *out = (struct ptn_wire_packet){
        .interface = w->seen.transport == PTN_TLS ? PTN_WIRE_CLEAR : PTN_WIRE_PLAIN,
        .bytes = ptn_bytes(buf, ptn_writer_size(&packet)),
        .comment = w->comment,
    };
    w->comment = NULL;
    return true;
}

/*
 * sim/host.c - a host in memory: machines, their asks, and the packets that come in.
 *
 * Two rules keep it free of surprises. A machine is never told anything while its asks are
 * being taken: what an ask brings about at once waits in `answers` until there are no more. And
 * a connection is removed at the end of a call only (rest), so no pointer to one goes stale on
 * the way there.
 */
#include "sim/host.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/nic.h"
#include "sim/sockets.h"

enum {
    ROUNDS_MAX = 1000, /* of asks and answers at one moment; beyond, the machine runs in a circle */
};

struct seat {
    struct ptn_machine machine;
    bool present;
    ptn_time due;
    ptn_id accepted; /* how many connections it has been given */
};

/* A tell that is the direct consequence of an ask. */
struct answer {
    struct ptn_tell tell;
    struct ptn_dns_record record;
};

struct ptn_sim_host {
    struct ptn_sim_host_opts opts;
    struct ptn_sim_nic nic;
    struct seat *seats;
    unsigned seat_count;
    struct ptn_sim_sockets sockets;
    unsigned timed; /* connections and queries: the sockets with a deadline */
    struct answer *answers;
    size_t answer_count, answer_room;
    ptn_time due;
};

/* -- sending ------------------------------------------------------------------------------- */

static void flush_connection(struct ptn_sim_host *h, ptn_time now, struct ptn_sim_socket *s)
{
    struct ptn_sim_segment segment;

    while (ptn_sim_tcp_output(&s->tcp, now, &segment))
        ptn_sim_nic_send_segment(&h->nic, now, &s->local, &s->far, s->dscp, &segment);
}

static void flush_query(struct ptn_sim_host *h, ptn_time now, struct ptn_sim_socket *s)
{
    struct ptn_addr to;
    struct ptn_bytes message;

    while (ptn_sim_resolver_output(s->query, now, &to, &message))
        ptn_sim_nic_send_datagram(&h->nic, now, &s->local, &to, s->dscp, message);
}

/* -- what machines ask ---------------------------------------------------------------------- */

static void answer(struct ptn_sim_host *h, const struct ptn_tell *tell,
                   const struct ptn_dns_record *record)
{
    if (h->answer_count == h->answer_room) {
        size_t room = h->answer_room ? 2 * h->answer_room : 8;
        struct answer *answers = realloc(h->answers, room * sizeof *answers);
        if (!answers)
            abort(); /* a world that swallows an answer would be a lie to whoever debugs it */
        h->answers = answers;
        h->answer_room = room;
    }
    h->answers[h->answer_count++] =
        (struct answer){*tell, record ? *record : (struct ptn_dns_record){0}};
}

static void answer_opened(struct ptn_sim_host *h, const struct ptn_sim_socket *s)
{
    answer(h,
           &(struct ptn_tell){.kind = PTN_TELL_OPENED,
                              .id = s->id,
                              .transport = s->transport,
                              .local = s->local,
                              .from = s->far},
           NULL);
}

static void answer_failed(struct ptn_sim_host *h, ptn_id id, enum ptn_err why)
{
    answer(h, &(struct ptn_tell){.kind = PTN_TELL_FAILED, .id = id, .why = why}, NULL);
}

/* Binds and enters a socket, or answers why not. */
static struct ptn_sim_socket *make_socket(struct ptn_sim_host *h, struct ptn_sim_socket *wanted)
{
    assert(!ptn_sim_sockets_by_id(&h->sockets, wanted->machine, wanted->id));

    enum ptn_err err = ptn_sim_nic_is_own(&h->nic, &wanted->local) ? PTN_OK : PTN_ERR_NOT_FOUND;
    if (!err)
        err = ptn_sim_sockets_bind(&h->sockets, wanted->kind, &wanted->local, &wanted->far,
                                   &h->opts.dice);
    struct ptn_sim_socket *s = err ? NULL : ptn_sim_sockets_add(&h->sockets, wanted);
    if (!s)
        answer_failed(h, wanted->id, err ? err : PTN_ERR_NO_MEMORY);
    return s;
}

static void give_way(struct ptn_sim_host *h, const struct ptn_addr *local,
                     const struct ptn_addr *far)
{
    struct ptn_sim_socket *old = ptn_sim_sockets_by_ends(&h->sockets, PTN_IP_TCP, local, far);

    if (!old || old->kind != PTN_SIM_SOCKET_CONNECTION || old->machine != PTN_SIM_NOBODY)
        return;
    ptn_sim_sockets_remove(&h->sockets, old);
    h->timed--;
}

static void connect_out(struct ptn_sim_host *h, ptn_time now, int machine, const struct ptn_ask *a)
{
    struct ptn_sim_socket wanted = {.kind = PTN_SIM_SOCKET_CONNECTION,
                                    .machine = machine,
                                    .id = a->id,
                                    .transport = a->transport,
                                    .local = a->local,
                                    .far = a->to,
                                    .dscp = a->dscp};

    if (ptn_addr_is_none(&wanted.local))
        wanted.local = ptn_addr_with_port(ptn_sim_nic_source(&h->nic, &a->to), a->local.port);
    if (ptn_addr_is_none(&a->to) || wanted.local.family != a->to.family) {
        answer_failed(h, a->id, PTN_ERR_UNREACHABLE);
        return;
    }
    give_way(h, &wanted.local, &a->to);
    struct ptn_sim_socket *s = make_socket(h, &wanted);
    if (!s)
        return;
    h->timed++;
    ptn_sim_tcp_connect(&s->tcp, now, &PTN_SIM_TCP_DEFAULTS, (uint32_t)ptn_dice_u64(&h->opts.dice));
    flush_connection(h, now, s);
}

static void resolve(struct ptn_sim_host *h, ptn_time now, int machine, const struct ptn_ask *a)
{
    const struct ptn_sim_resolver_opts *opts = &h->opts.resolver;
    struct ptn_dns_record literal = {0};
    struct ptn_sim_socket wanted = {
        .kind = PTN_SIM_SOCKET_QUERY, .machine = machine, .id = a->id, .transport = PTN_UDP};

    if (ptn_addr_parse(a->name, &literal.addr) && literal.addr.port == 0) {
        literal.type = literal.addr.family == PTN_IPV4 ? PTN_DNS_A : PTN_DNS_AAAA;
        answer(h,
               &(struct ptn_tell){.kind = PTN_TELL_RESOLVED,
                                  .id = a->id,
                                  .record_count = a->types & literal.type ? 1 : 0},
               &literal);
        return;
    }
    if (opts->server_count == 0) {
        answer_failed(h, a->id, PTN_ERR_NOT_FOUND);
        return;
    }
    enum ptn_err err =
        ptn_sim_resolver_new(&wanted.query, now, opts, a->name, a->types, &h->opts.dice);
    if (err) {
        answer_failed(h, a->id, err);
        return;
    }
    wanted.local = ptn_sim_nic_source(&h->nic, &opts->servers[0]);
    struct ptn_sim_socket *s = make_socket(h, &wanted);
    if (!s) {
        ptn_sim_resolver_free(wanted.query);
        return;
    }
    h->timed++;
    flush_query(h, now, s);
}

static void close_socket(struct ptn_sim_host *h, ptn_time now, struct ptn_sim_socket *s)
{
    if (s->kind == PTN_SIM_SOCKET_CONNECTION) {
        ptn_sim_sockets_rename(&h->sockets, s, PTN_SIM_NOBODY, 0);
        ptn_sim_tcp_close(&s->tcp, now);
        flush_connection(h, now, s);
        return;
    }
    h->timed -= s->kind == PTN_SIM_SOCKET_QUERY;
    ptn_sim_sockets_remove(&h->sockets, s);
}

static void take_ask(struct ptn_sim_host *h, ptn_time now, int machine, const struct ptn_ask *a)
{
    struct ptn_sim_socket *s = ptn_sim_sockets_by_id(&h->sockets, machine, a->id);
    struct ptn_sim_socket wanted = {.machine = machine,
                                    .id = a->id,
                                    .transport = a->transport,
                                    .local = a->local,
                                    .dscp = a->dscp};

    switch (a->kind) {
    case PTN_ASK_DATAGRAM:
        if (s && s->kind == PTN_SIM_SOCKET_UDP)
            ptn_sim_nic_send_datagram(&h->nic, now, &s->local, &a->to, s->dscp, a->bytes);
        return;
    case PTN_ASK_STREAM:
        if (!s || s->kind != PTN_SIM_SOCKET_CONNECTION)
            return;
        if (ptn_sim_tcp_send(&s->tcp, a->bytes))
            abort();
        flush_connection(h, now, s);
        return;
    case PTN_ASK_OPEN:
    case PTN_ASK_LISTEN:
        wanted.kind = a->kind == PTN_ASK_OPEN ? PTN_SIM_SOCKET_UDP : PTN_SIM_SOCKET_LISTENER;
        wanted.transport = a->kind == PTN_ASK_OPEN ? PTN_UDP : a->transport;
        s = make_socket(h, &wanted);
        if (s)
            answer_opened(h, s);
        return;
    case PTN_ASK_CONNECT: connect_out(h, now, machine, a); return;
    case PTN_ASK_CLOSE:
        if (s)
            close_socket(h, now, s);
        return;
    case PTN_ASK_RESOLVE: resolve(h, now, machine, a); return;
    }
}

static void tell(struct ptn_sim_host *h, ptn_time now, int machine, const struct ptn_tell *what)
{
    struct seat *seat = &h->seats[machine];

    seat->machine.input(seat->machine.self, now, what);
}

/* A tick, all outputs, what these brought about, and so on until it is quiet. */
static void drive(struct ptn_sim_host *h, ptn_time now, int machine)
{
    struct seat *seat = &h->seats[machine];
    struct ptn_ask a;

    for (unsigned rounds = 0;; rounds++) {
        assert(rounds < ROUNDS_MAX);
        seat->machine.tick(seat->machine.self, now);
        while (seat->machine.output(seat->machine.self, now, &a))
            take_ask(h, now, machine, &a);
        if (h->answer_count == 0)
            break;
        for (size_t i = 0; i < h->answer_count; i++) {
            struct answer *told = &h->answers[i];
            told->tell.records = &told->record;
            tell(h, now, machine, &told->tell);
        }
        h->answer_count = 0;
    }
    seat->due = seat->machine.deadline(seat->machine.self);
}

/* -- what becomes of sockets ---------------------------------------------------------------- */

/* Removes what has come to its end and finds the next deadline. Closes every call. */
static void rest(struct ptn_sim_host *h, ptn_time now)
{
    h->due = h->nic.loop ? now : PTN_NEVER;
    for (unsigned i = 0; i < h->seat_count; i++)
        if (h->seats[i].present)
            h->due = ptn_time_min(h->due, h->seats[i].due);
    for (uint32_t i = 0; h->timed > 0 && i < h->sockets.count;) {
        struct ptn_sim_socket *s = h->sockets.all[i];
        if (s->kind == PTN_SIM_SOCKET_CONNECTION && s->tcp.phase == PTN_SIM_TCP_DEAD) {
            ptn_sim_sockets_remove(&h->sockets, s);
            h->timed--;
            continue; /* another has taken its place */
        }
        if (s->kind == PTN_SIM_SOCKET_CONNECTION)
            h->due = ptn_time_min(h->due, ptn_sim_tcp_deadline(&s->tcp));
        else if (s->kind == PTN_SIM_SOCKET_QUERY)
            h->due = ptn_time_min(h->due, ptn_sim_resolver_deadline(s->query));
        i++;
    }
}

static void tell_accepted(struct ptn_sim_host *h, ptn_time now, struct ptn_sim_socket *s)
{
    struct ptn_sim_socket *listener = ptn_sim_sockets_by_id(&h->sockets, s->machine, s->listener);

    if (!listener) { /* closed between SYN and ACK */
        close_socket(h, now, s);
        return;
    }
    ptn_sim_sockets_rename(&h->sockets, s, s->machine,
                           PTN_ID_WORLD + h->seats[s->machine].accepted++);
    tell(h, now, s->machine,
         &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                            .id = s->id,
                            .listener = s->listener,
                            .transport = listener->transport,
                            .local = s->local,
                            .from = s->far});
}

static void tell_connection_event(struct ptn_sim_host *h, ptn_time now, struct ptn_sim_socket *s,
                                  const struct ptn_sim_tcp_event *ev)
{
    struct ptn_tell what = {.id = s->id, .transport = s->transport};
    int machine = s->machine;

    if (ev->kind == PTN_SIM_TCP_CONNECTED) {
        s->connected = true;
        if (s->listener) {
            tell_accepted(h, now, s);
            return;
        }
        what.kind = PTN_TELL_OPENED;
        what.local = s->local;
        what.from = s->far;
    } else if (ev->kind == PTN_SIM_TCP_DATA) {
        what.kind = PTN_TELL_STREAM;
        what.bytes = ev->bytes;
    } else {
        what.kind = s->connected ? PTN_TELL_CLOSED : PTN_TELL_FAILED;
        what.why = ev->why;
        ptn_sim_sockets_rename(&h->sockets, s, PTN_SIM_NOBODY, 0);
    }
    if (what.id != 0)
        tell(h, now, machine, &what);
}

/* After anything happened to a connection: its machine first, so that what it says in return
 * leaves together with the acknowledgement. Told of the end, it may connect anew between the
 * same ends: then `s` has given way to another. */
static void serve_connection(struct ptn_sim_host *h, ptn_time now, struct ptn_sim_socket *s)
{
    struct ptn_addr local = s->local, far = s->far;
    struct ptn_sim_tcp_event ev;
    int machine = s->machine;

    while (ptn_sim_tcp_event(&s->tcp, &ev))
        if (s->machine != PTN_SIM_NOBODY)
            tell_connection_event(h, now, s, &ev);
    if (machine != PTN_SIM_NOBODY)
        drive(h, now, machine);
    s = ptn_sim_sockets_by_ends(&h->sockets, PTN_IP_TCP, &local, &far);
    if (s && s->kind == PTN_SIM_SOCKET_CONNECTION)
        flush_connection(h, now, s);
}

static void serve_query(struct ptn_sim_host *h, ptn_time now, struct ptn_sim_socket *s)
{
    struct ptn_tell what = {.kind = PTN_TELL_RESOLVED, .id = s->id};
    int machine = s->machine;

    flush_query(h, now, s);
    if (!ptn_sim_resolver_done(s->query, &what.why, &what.records, &what.record_count))
        return;
    if (!ptn_err_is_answer(what.why))
        what.kind = PTN_TELL_FAILED;
    tell(h, now, machine, &what);
    close_socket(h, now, s); /* before the id can be used again */
    drive(h, now, machine);
}

/* -- packets that come in ------------------------------------------------------------------- */

static void take_datagram(struct ptn_sim_host *h, ptn_time now, struct ptn_bytes packet,
                          const struct ptn_ip *ip)
{
    const struct ptn_addr *local = &ip->ends.to, *far = &ip->ends.from;
    struct ptn_sim_socket *s = ptn_sim_sockets_by_ends(&h->sockets, PTN_IP_UDP, local, far);

    if (!s) {
        ptn_sim_nic_refuse(&h->nic, now, packet, ip);
        return;
    }
    if (s->kind == PTN_SIM_SOCKET_QUERY) {
        ptn_sim_resolver_input(s->query, now, far, ip->payload);
        serve_query(h, now, s);
        return;
    }
    int machine = s->machine;
    tell(h, now, machine,
         &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                            .id = s->id,
                            .transport = PTN_UDP,
                            .local = *local,
                            .from = *far,
                            .bytes = ip->payload});
    drive(h, now, machine);
}

static void accept_segment(struct ptn_sim_host *h, ptn_time now,
                           const struct ptn_sim_socket *listener, const struct ptn_addr *far,
                           const struct ptn_sim_segment *in)
{
    struct ptn_sim_socket wanted = {.kind = PTN_SIM_SOCKET_CONNECTION,
                                    .machine = listener->machine,
                                    .listener = listener->id,
                                    .transport = listener->transport,
                                    .local = listener->local,
                                    .far = *far,
                                    .dscp = listener->dscp};
    struct ptn_sim_socket *s = ptn_sim_sockets_add(&h->sockets, &wanted);

    if (!s)
        return;
    h->timed++;
    ptn_sim_tcp_accept(&s->tcp, now, &PTN_SIM_TCP_DEFAULTS, (uint32_t)ptn_dice_u64(&h->opts.dice),
                       in);
    flush_connection(h, now, s);
}

static void take_segment(struct ptn_sim_host *h, ptn_time now, const struct ptn_ip *ip)
{
    struct ptn_sim_segment in = {ip->tcp, ip->payload}, out;
    const struct ptn_addr *local = &ip->ends.to, *far = &ip->ends.from;
    bool asks = (in.head.flags & (PTN_TCP_SYN | PTN_TCP_ACK | PTN_TCP_RST)) == PTN_TCP_SYN;
    struct ptn_sim_socket *s = ptn_sim_sockets_by_ends(&h->sockets, PTN_IP_TCP, local, far);

    if (s && s->kind == PTN_SIM_SOCKET_CONNECTION && asks &&
        s->tcp.phase == PTN_SIM_TCP_TIME_WAIT) {
        give_way(h, local, far);
        s = ptn_sim_sockets_by_ends(&h->sockets, PTN_IP_TCP, local, far);
    }
    if (s && s->kind == PTN_SIM_SOCKET_CONNECTION) {
        ptn_sim_tcp_input(&s->tcp, now, &in);
        serve_connection(h, now, s);
    } else if (s && asks) {
        accept_segment(h, now, s, far, &in);
    } else if (ptn_sim_tcp_refusal(&in, &out)) {
        ptn_sim_nic_send_segment(&h->nic, now, local, far, 0, &out);
    }
}

static enum ptn_err icmp_reason(enum ptn_icmp_error error)
{
    switch (error) {
    case PTN_ICMP_PORT_UNREACHABLE: return PTN_ERR_REFUSED;
    case PTN_ICMP_TOO_BIG: return PTN_ERR_IO; /* EMSGSIZE */
    default: return PTN_ERR_UNREACHABLE;
    }
}

static void take_icmp_error(struct ptn_sim_host *h, ptn_time now, const struct ptn_icmp *icmp)
{
    const struct ptn_addr *local = &icmp->quoted.from, *far = &icmp->quoted.to;
    enum ptn_err why = icmp_reason(icmp->error);
    struct ptn_sim_socket *s =
        icmp->quoted.has_ports
            ? ptn_sim_sockets_by_ends(&h->sockets, icmp->quoted.proto, local, far)
            : NULL;

    if (!s || s->kind == PTN_SIM_SOCKET_LISTENER)
        return;
    if (s->kind == PTN_SIM_SOCKET_QUERY) {
        ptn_sim_resolver_unreachable(s->query, now, far);
        serve_query(h, now, s);
    } else if (s->kind == PTN_SIM_SOCKET_UDP) {
        int machine = s->machine;
        tell(
            h, now, machine,
            &(struct ptn_tell){.kind = PTN_TELL_ICMP_ERROR, .id = s->id, .from = *far, .why = why});
        drive(h, now, machine);
    } else {
        uint32_t headers = local->family == PTN_IPV4 ? 40 : 60;
        if (icmp->error == PTN_ICMP_TOO_BIG && icmp->mtu > headers)
            ptn_sim_tcp_too_big(&s->tcp, (uint16_t)(icmp->mtu - headers));
        else
            ptn_sim_tcp_unreachable(&s->tcp, why);
        serve_connection(h, now, s);
    }
}

static void take_packet(struct ptn_sim_host *h, ptn_time now, struct ptn_bytes packet)
{
    struct ptn_ip ip;

    /* Checksums are looked at although nothing here damages bytes: a rewrite on the way that
     * forgot one would not be noticed otherwise. */
    if (ptn_ip_parse(packet, &ip) != PTN_IP_FINE || ip.is_fragment ||
        !ptn_ip_checksums_hold(packet, &ip) || !ptn_sim_nic_is_own(&h->nic, &ip.ends.to))
        return;
    if (ip.ends.proto == PTN_IP_UDP)
        take_datagram(h, now, packet, &ip);
    else if (ip.ends.proto == PTN_IP_TCP)
        take_segment(h, now, &ip);
    else if (ip.icmp.error != PTN_ICMP_NOT_AN_ERROR && ip.icmp.has_quoted)
        take_icmp_error(h, now, &ip.icmp);
}

/* -- the calls ------------------------------------------------------------------------------ */

static void tell_addresses(struct ptn_sim_host *h, ptn_time now, int machine)
{
    tell(h, now, machine,
         &(struct ptn_tell){
             .kind = PTN_TELL_ADDRESSES, .addrs = h->nic.addrs, .addr_count = h->nic.addr_count});
}

enum ptn_err ptn_sim_host_new(struct ptn_sim_host **out, const struct ptn_sim_host_opts *opts)
{
    struct ptn_sim_host *h = calloc(1, sizeof *h);

    if (!h)
        return PTN_ERR_NO_MEMORY;
    h->opts = *opts;
    h->due = PTN_NEVER;
    ptn_sim_nic_init(&h->nic, opts->net, opts->scenario, opts->index);
    *out = h;
    return PTN_OK;
}

void ptn_sim_host_free(struct ptn_sim_host *h)
{
    if (!h)
        return;
    ptn_sim_sockets_fini(&h->sockets);
    ptn_sim_nic_fini(&h->nic);
    free(h->answers);
    free(h->seats);
    free(h);
}

enum ptn_err ptn_sim_host_add(struct ptn_sim_host *h, ptn_time now,
                              const struct ptn_machine *machine, int *number)
{
    struct seat *seats = realloc(h->seats, (h->seat_count + 1) * sizeof *seats);

    if (!seats)
        return PTN_ERR_NO_MEMORY;
    h->seats = seats;
    h->seats[h->seat_count] = (struct seat){.machine = *machine, .present = true};
    *number = (int)h->seat_count++;
    tell_addresses(h, now, *number);
    ptn_sim_host_wake(h, now, *number);
    return PTN_OK;
}

void ptn_sim_host_remove(struct ptn_sim_host *h, ptn_time now, int number)
{
    for (uint32_t i = h->sockets.count; i > 0; i--)
        if (h->sockets.all[i - 1]->machine == number)
            close_socket(h, now, h->sockets.all[i - 1]);
    h->seats[number].present = false;
    rest(h, now);
}

void ptn_sim_host_wake(struct ptn_sim_host *h, ptn_time now, int number)
{
    drive(h, now, number);
    rest(h, now);
}

void ptn_sim_host_input(struct ptn_sim_host *h, ptn_time now, struct ptn_bytes packet)
{
    take_packet(h, now, packet);
    rest(h, now);
}

void ptn_sim_host_readdress(struct ptn_sim_host *h, ptn_time now)
{
    ptn_sim_nic_readdress(&h->nic);
    for (unsigned i = 0; i < h->seat_count; i++) {
        if (!h->seats[i].present)
            continue;
        tell_addresses(h, now, (int)i);
        drive(h, now, (int)i);
    }
    rest(h, now);
}

static bool tick_a_socket(struct ptn_sim_host *h, ptn_time now)
{
    for (uint32_t i = 0; h->timed > 0 && i < h->sockets.count; i++) {
        struct ptn_sim_socket *s = h->sockets.all[i];
        if (s->kind == PTN_SIM_SOCKET_CONNECTION && ptn_sim_tcp_deadline(&s->tcp) <= now) {
            ptn_sim_tcp_tick(&s->tcp, now);
            serve_connection(h, now, s);
            return true;
        }
        if (s->kind == PTN_SIM_SOCKET_QUERY && ptn_sim_resolver_deadline(s->query) <= now) {
            ptn_sim_resolver_tick(s->query, now);
            serve_query(h, now, s);
            return true;
        }
    }
    return false;
}

void ptn_sim_host_tick(struct ptn_sim_host *h, ptn_time now)
{
    struct ptn_sim_packet *p = ptn_sim_nic_take_loop(&h->nic);

    if (p) {
        take_packet(h, now, ptn_bytes(p->bytes, p->size));
        free(p);
    } else if (!tick_a_socket(h, now)) {
        for (unsigned i = 0; i < h->seat_count; i++) {
            if (!h->seats[i].present || h->seats[i].due > now)
                continue;
            drive(h, now, (int)i);
            break;
        }
    }
    rest(h, now);
}

ptn_time ptn_sim_host_deadline(const struct ptn_sim_host *h)
{
    return h->due;
}

/*
 * sim/sockets.c - the sockets of one host.
 *
 * Two hash tables with chains. The key by ends leaves the IP addresses out: a host has few of
 * them, and a chain is walked comparing whole ends anyway.
 */
#include "sim/sockets.h"

#include <assert.h>
#include <stdlib.h>

enum { EPHEMERAL_MIN = 32768, EPHEMERAL_MAX = 60999, DRAWS_MAX = 64 };

static bool is_tcp(enum ptn_sim_socket_kind kind)
{
    return kind == PTN_SIM_SOCKET_LISTENER || kind == PTN_SIM_SOCKET_CONNECTION;
}

static unsigned id_bucket(int machine, ptn_id id)
{
    return ((unsigned)machine * 37u ^ id ^ id >> 8) % PTN_SIM_SOCKET_BUCKETS;
}

static unsigned ends_bucket(bool tcp, uint16_t local_port, uint16_t far_port)
{
    return (local_port ^ local_port >> 7 ^ (far_port * 31u) ^ (unsigned)tcp) %
           PTN_SIM_SOCKET_BUCKETS;
}

static struct ptn_sim_socket **id_chain(struct ptn_sim_sockets *s,
                                        const struct ptn_sim_socket *socket)
{
    return &s->by_id[id_bucket(socket->machine, socket->id)];
}

static struct ptn_sim_socket **ends_chain(struct ptn_sim_sockets *s,
                                          const struct ptn_sim_socket *socket)
{
    return &s->by_ends[ends_bucket(is_tcp(socket->kind), socket->local.port, socket->far.port)];
}

void ptn_sim_sockets_fini(struct ptn_sim_sockets *s)
{
    while (s->count > 0)
        ptn_sim_sockets_remove(s, s->all[s->count - 1]);
    free(s->all);
    *s = (struct ptn_sim_sockets){0};
}

struct ptn_sim_socket *ptn_sim_sockets_add(struct ptn_sim_sockets *s,
                                           const struct ptn_sim_socket *socket)
{
    assert((socket->kind == PTN_SIM_SOCKET_CONNECTION) == !ptn_addr_is_none(&socket->far));

    if (s->count == s->room) {
        uint32_t room = s->room ? 2 * s->room : 8;
        struct ptn_sim_socket **all = realloc(s->all, room * sizeof(struct ptn_sim_socket *));
        if (!all)
            return NULL;
        s->all = all;
        s->room = room;
    }
    struct ptn_sim_socket *added = malloc(sizeof *added);
    if (!added)
        return NULL;
    *added = *socket;
    added->place = s->count;
    s->all[s->count++] = added;
    added->next_by_id = *id_chain(s, added);
    *id_chain(s, added) = added;
    added->next_by_ends = *ends_chain(s, added);
    *ends_chain(s, added) = added;
    return added;
}

static void leave_id_chain(struct ptn_sim_sockets *s, struct ptn_sim_socket *socket)
{
    struct ptn_sim_socket **at = id_chain(s, socket);

    while (*at != socket)
        at = &(*at)->next_by_id;
    *at = socket->next_by_id;
}

void ptn_sim_sockets_remove(struct ptn_sim_sockets *s, struct ptn_sim_socket *socket)
{
    struct ptn_sim_socket **at = ends_chain(s, socket);

    while (*at != socket)
        at = &(*at)->next_by_ends;
    *at = socket->next_by_ends;
    leave_id_chain(s, socket);
    struct ptn_sim_socket *last = s->all[--s->count];
    s->all[socket->place] = last;
    last->place = socket->place;
    if (socket->kind == PTN_SIM_SOCKET_CONNECTION)
        ptn_sim_tcp_fini(&socket->tcp);
    ptn_sim_resolver_free(socket->query);
    free(socket);
}

void ptn_sim_sockets_rename(struct ptn_sim_sockets *s, struct ptn_sim_socket *socket, int machine,
                            ptn_id id)
{
    leave_id_chain(s, socket);
    socket->machine = machine;
    socket->id = id;
    socket->next_by_id = *id_chain(s, socket);
    *id_chain(s, socket) = socket;
}

struct ptn_sim_socket *ptn_sim_sockets_by_id(const struct ptn_sim_sockets *s, int machine,
                                             ptn_id id)
{
    struct ptn_sim_socket *socket = s->by_id[id_bucket(machine, id)];

    while (socket && (socket->id != id || socket->machine != machine))
        socket = socket->next_by_id;
    return socket;
}

static struct ptn_sim_socket *bound(const struct ptn_sim_sockets *s, bool tcp,
                                    const struct ptn_addr *local, const struct ptn_addr *far)
{
    struct ptn_sim_socket *socket = s->by_ends[ends_bucket(tcp, local->port, far->port)];

    while (socket && (is_tcp(socket->kind) != tcp || !ptn_addr_equal(&socket->local, local) ||
                      !ptn_addr_equal(&socket->far, far)))
        socket = socket->next_by_ends;
    return socket;
}

struct ptn_sim_socket *ptn_sim_sockets_by_ends(const struct ptn_sim_sockets *s, uint8_t proto,
                                               const struct ptn_addr *local,
                                               const struct ptn_addr *far)
{
    static const struct ptn_addr nobody;

    if (proto == PTN_IP_UDP)
        return bound(s, false, local, &nobody);
    struct ptn_sim_socket *connection = bound(s, true, local, far);
    return connection ? connection : bound(s, true, local, &nobody);
}

enum ptn_err ptn_sim_sockets_bind(const struct ptn_sim_sockets *s, enum ptn_sim_socket_kind kind,
                                  struct ptn_addr *local, const struct ptn_addr *far,
                                  struct ptn_dice *dice)
{
    enum { PORTS = EPHEMERAL_MAX - EPHEMERAL_MIN + 1 };

    if (local->port != 0)
        return bound(s, is_tcp(kind), local, far) ? PTN_ERR_IN_USE : PTN_OK;
    for (unsigned i = 0; i < DRAWS_MAX + PORTS; i++) {
        uint32_t draw = i < DRAWS_MAX ? ptn_dice_below(dice, PORTS) : i - DRAWS_MAX;
        local->port = (uint16_t)(EPHEMERAL_MIN + draw);
        if (!bound(s, is_tcp(kind), local, far))
            return PTN_OK;
    }
    local->port = 0;
    return PTN_ERR_NO_ROOM;
}

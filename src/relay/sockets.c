/*
 * relay/sockets.c - rows of sockets, threaded into lists by number.
 */
#include "relay/sockets.h"

#include <assert.h>
#include <stdlib.h>

/* A failed open costs the kernel some microseconds: DRAWS_MAX of them are over before anybody
 * notices, and a range of 16,384 ports is gone through in about a second. */
#define SHORT_REST PTN_MS(5)
#define DRY_REST PTN_MS(50)
#define LONG_REST PTN_S(1)
enum { DRAWS_MAX = 64, LISTEN_STOCK = 4 };

static unsigned family_index(uint8_t family)
{
    return family == PTN_IPV6;
}

static uint32_t stock_of(const struct ptn_relay_turn *t)
{
    return 2 * (t->stock + 2 * t->stock_pairs + LISTEN_STOCK);
}

enum ptn_err ptn_relay_sockets_init(struct ptn_relay_sockets *s, const struct ptn_relay_turn *t)
{
    assert(t->address_count <= PTN_RELAY_ADDRESSES_MAX);
    *s = (struct ptn_relay_sockets){
        /* Two families of an allocation, one in reserve, and the stock. */
        .max = t->allocations_max ? 3 * t->allocations_max + stock_of(t) : 0,
        .free = PTN_RELAY_NONE,
        .to_ask = PTN_RELAY_NONE,
        .address_count = t->address_count,
        .port_min = t->port_min,
        .port_max = t->port_max,
    };
    assert(s->port_min <= s->port_max && s->max <= PTN_RELAY_SOCKETS_MAX);
    memcpy(s->addresses, t->addresses, sizeof s->addresses);
    for (size_t i = 0; i < s->address_count; i++)
        s->translates |= !ptn_addr_is_none(&t->addresses[i].announced) &&
                         !ptn_addr_same_ip(&t->addresses[i].announced, &t->addresses[i].local);
    for (unsigned f = 0; f < 2; f++) {
        uint8_t family = f ? PTN_IPV6 : PTN_IPV4;
        bool serves = s->max > 0 && ptn_relay_sockets_serves(s, family);
        uint32_t wanted[PTN_RELAY_STOCK_KINDS] = {
            [PTN_RELAY_SINGLE] = t->stock,
            [PTN_RELAY_PAIR] = s->port_min < s->port_max ? t->stock_pairs : 0,
            [PTN_RELAY_LISTEN] = t->peer_conns_max ? LISTEN_STOCK : 0};
        for (unsigned k = 0; k < PTN_RELAY_STOCK_KINDS; k++)
            s->stock[f][k] =
                (struct ptn_relay_stock){.first = PTN_RELAY_NONE, .wanted = serves ? wanted[k] : 0};
    }
    if (s->max == 0)
        return PTN_OK;
    s->rows = calloc(s->max, sizeof *s->rows);
    return s->rows ? PTN_OK : PTN_ERR_NO_MEMORY;
}

void ptn_relay_sockets_fini(struct ptn_relay_sockets *s)
{
    free(s->rows);
    s->rows = NULL;
}

bool ptn_relay_sockets_serves(const struct ptn_relay_sockets *s, uint8_t family)
{
    for (size_t i = 0; i < s->address_count; i++)
        if (s->addresses[i].local.family == family)
            return true;
    return false;
}

struct ptn_relay_socket *ptn_relay_sockets_find(const struct ptn_relay_sockets *s, ptn_id id)
{
    uint32_t row = id - PTN_RELAY_SOCKET_ID;

    return row < s->touched && s->rows[row].state != PTN_RELAY_SOCKET_FREE ? &s->rows[row] : NULL;
}

struct ptn_addr ptn_relay_sockets_announced(const struct ptn_relay_sockets *s, uint32_t row)
{
    const struct ptn_relay_socket *socket = &s->rows[row];
    const struct ptn_addr *told = &s->addresses[socket->address].announced;

    return ptn_addr_is_none(told) ? socket->local : ptn_addr_with_port(*told, socket->local.port);
}

struct ptn_addr ptn_relay_sockets_inward(const struct ptn_relay_sockets *s, struct ptn_addr a)
{
    for (size_t i = 0; i < s->address_count; i++)
        if (ptn_addr_same_ip(&s->addresses[i].announced, &a))
            return ptn_addr_with_port(s->addresses[i].local, a.port);
    return a;
}

struct ptn_addr ptn_relay_sockets_outward(const struct ptn_relay_sockets *s, struct ptn_addr a)
{
    for (size_t i = 0; i < s->address_count; i++)
        if (ptn_addr_same_ip(&s->addresses[i].local, &a) &&
            !ptn_addr_is_none(&s->addresses[i].announced))
            return ptn_addr_with_port(s->addresses[i].announced, a.port);
    return a;
}

/* ---- rows and lists ---- */

static uint32_t new_row(struct ptn_relay_sockets *s)
{
    uint32_t row = s->free;

    if (row != PTN_RELAY_NONE)
        s->free = s->rows[row].next;
    else if (s->touched < s->max)
        row = s->touched++;
    else
        return PTN_RELAY_NONE;
    s->rows[row] = (struct ptn_relay_socket){.partner = PTN_RELAY_NONE, .next = PTN_RELAY_NONE};
    s->in_use++;
    return row;
}

static struct ptn_relay_stock *stock_for(struct ptn_relay_sockets *s, uint32_t row)
{
    const struct ptn_relay_socket *socket = &s->rows[row];
    return &s->stock[family_index(socket->local.family)][socket->kind];
}

static void push_ready(struct ptn_relay_sockets *s, uint32_t row)
{
    struct ptn_relay_stock *stock = stock_for(s, row);

    s->rows[row].state = PTN_RELAY_SOCKET_READY;
    s->rows[row].next = stock->first;
    stock->first = row;
    stock->ready++;
}

/* Takes a READY row out of wherever it stands in its list. */
static void unlink_ready(struct ptn_relay_sockets *s, uint32_t row)
{
    struct ptn_relay_stock *stock = stock_for(s, row);
    uint32_t *at = &stock->first;

    while (*at != row)
        at = &s->rows[*at].next;
    *at = s->rows[row].next;
    stock->ready--;
}

void ptn_relay_sockets_remove(struct ptn_relay_sockets *s, uint32_t row)
{
    struct ptn_relay_socket *socket = &s->rows[row];

    assert(socket->state != PTN_RELAY_SOCKET_FREE);
    if (socket->partner != PTN_RELAY_NONE)
        s->rows[socket->partner].partner = PTN_RELAY_NONE;
    socket->state = PTN_RELAY_SOCKET_FREE;
    socket->next = s->free;
    s->free = row;
    s->in_use--;
}

/* ---- filling the stock ---- */

static struct ptn_ask ask_for(struct ptn_relay_sockets *s, uint32_t row)
{
    struct ptn_relay_socket *socket = &s->rows[row];
    bool tcp = socket->kind == PTN_RELAY_LISTEN;

    socket->state = PTN_RELAY_SOCKET_ASKED;
    return (struct ptn_ask){.kind = tcp ? PTN_ASK_LISTEN : PTN_ASK_OPEN,
                            .id = ptn_relay_socket_id(row),
                            .transport = tcp ? PTN_TCP : PTN_UDP,
                            .local = socket->local};
}

static uint32_t ports_of(const struct ptn_relay_sockets *s)
{
    return (uint32_t)s->port_max - s->port_min + 1;
}

/* Ports of all addresses of a family. */
static uint32_t places_of(const struct ptn_relay_sockets *s, uint8_t family)
{
    uint32_t count = 0;

    for (size_t i = 0; i < s->address_count; i++)
        count += s->addresses[i].local.family == family;
    return count * ports_of(s);
}

/* An address and a port: by chance, or, where that has failed too often, the next one in turn. */
static uint32_t draw(struct ptn_relay_sockets *s, uint8_t family, enum ptn_relay_stock_kind kind,
                     struct ptn_dice *dice, size_t *address)
{
    struct ptn_relay_stock *stock = &s->stock[family_index(family)][kind];
    uint32_t places = places_of(s, family);

    if (stock->failures_in_row < DRAWS_MAX)
        stock->cursor = ptn_dice_below(dice, places);
    else
        stock->cursor = (stock->cursor + 1) % places;
    uint32_t chosen = stock->cursor / ports_of(s);
    for (*address = 0;; ++*address)
        if (s->addresses[*address].local.family == family && chosen-- == 0)
            return s->port_min + stock->cursor % ports_of(s);
}

/* Fills `ask` for one more of this kind; false when all rows are taken. */
static bool add_to_stock(struct ptn_relay_sockets *s, uint8_t family,
                         enum ptn_relay_stock_kind kind, struct ptn_dice *dice, struct ptn_ask *ask)
{
    uint32_t row = new_row(s), odd = PTN_RELAY_NONE;

    if (row != PTN_RELAY_NONE && kind == PTN_RELAY_PAIR && (odd = new_row(s)) == PTN_RELAY_NONE) {
        ptn_relay_sockets_remove(s, row);
        return false;
    }
    if (row == PTN_RELAY_NONE)
        return false;
    struct ptn_relay_socket *socket = &s->rows[row];
    size_t address;
    uint32_t port = draw(s, family, kind, dice, &address);
    if (kind == PTN_RELAY_PAIR)
        port = port % 2 ? (port > s->port_min ? port - 1 : port + 1)
                        : (port < s->port_max ? port : port - 2);
    socket->kind = (uint8_t)kind;
    socket->address = (uint8_t)address;
    socket->local = ptn_addr_with_port(s->addresses[socket->address].local, (uint16_t)port);
    if (kind == PTN_RELAY_PAIR) {
        s->rows[odd] = *socket;
        s->rows[odd].local.port++;
        s->rows[odd].state = PTN_RELAY_SOCKET_TO_ASK;
        s->rows[odd].partner = row;
        socket->partner = odd;
        s->to_ask = odd;
    }
    s->stock[family_index(family)][kind].asked++;
    *ask = ask_for(s, row);
    return true;
}

bool ptn_relay_sockets_ask(struct ptn_relay_sockets *s, ptn_time now, struct ptn_dice *dice,
                           struct ptn_ask *ask)
{
    if (s->to_ask != PTN_RELAY_NONE) {
        *ask = ask_for(s, s->to_ask);
        s->to_ask = PTN_RELAY_NONE;
        return true;
    }
    for (unsigned f = 0; f < 2; f++)
        for (unsigned k = 0; k < PTN_RELAY_STOCK_KINDS; k++) {
            struct ptn_relay_stock *stock = &s->stock[f][k];
            if (stock->ready + stock->asked < stock->wanted && now >= stock->rest_until &&
                add_to_stock(s, f ? PTN_IPV6 : PTN_IPV4, (enum ptn_relay_stock_kind)k, dice, ask))
                return true;
        }
    return false;
}

ptn_time ptn_relay_sockets_deadline(const struct ptn_relay_sockets *s)
{
    ptn_time at = PTN_NEVER;

    for (unsigned f = 0; s->in_use < s->max && f < 2; f++)
        for (unsigned k = 0; k < PTN_RELAY_STOCK_KINDS; k++) {
            const struct ptn_relay_stock *stock = &s->stock[f][k];
            if (stock->rest_until > 0 && stock->ready + stock->asked < stock->wanted)
                at = ptn_time_min(at, stock->rest_until);
        }
    return at;
}

bool ptn_relay_sockets_low(const struct ptn_relay_sockets *s, ptn_time now)
{
    for (unsigned f = 0; f < 2; f++)
        for (unsigned k = 0; k < PTN_RELAY_STOCK_KINDS; k++) {
            const struct ptn_relay_stock *stock = &s->stock[f][k];
            if (2 * stock->ready < stock->wanted && now >= stock->rest_until)
                return true;
        }
    return false;
}

/* ---- what became of it ---- */

/* The row by which a pair is kept; a single one is its own. */
static uint32_t even_of(const struct ptn_relay_sockets *s, uint32_t row)
{
    const struct ptn_relay_socket *socket = &s->rows[row];
    return socket->kind == PTN_RELAY_PAIR && socket->local.port % 2 ? socket->partner : row;
}

static bool is_in_stock(const struct ptn_relay_sockets *s, uint32_t row)
{
    const struct ptn_relay_socket *socket = &s->rows[row];
    return socket->state == PTN_RELAY_SOCKET_READY &&
           (socket->kind != PTN_RELAY_PAIR ||
            s->rows[socket->partner].state == PTN_RELAY_SOCKET_READY);
}

static void arrived(struct ptn_relay_sockets *s, uint32_t row)
{
    struct ptn_relay_stock *stock = stock_for(s, row);

    stock->asked--;
    stock->failures_in_row = 0;
    stock->dry = false;
    push_ready(s, row);
}

/* A pair is ready when both are open; the odd one waits without a list. */
static void pair_opened(struct ptn_relay_sockets *s, uint32_t row)
{
    uint32_t even = even_of(s, row);

    s->rows[row].state = PTN_RELAY_SOCKET_READY;
    if (s->rows[s->rows[row].partner].state == PTN_RELAY_SOCKET_READY)
        arrived(s, even);
}

size_t ptn_relay_sockets_opened(struct ptn_relay_sockets *s, ptn_id id,
                                const struct ptn_addr *local, ptn_id close[static 2])
{
    struct ptn_relay_socket *socket = ptn_relay_sockets_find(s, id);
    uint32_t row = id - PTN_RELAY_SOCKET_ID;

    if (!socket)
        return 0;
    if (socket->state == PTN_RELAY_SOCKET_DOOMED) {
        close[0] = id;
        ptn_relay_sockets_remove(s, row);
        return 1;
    }
    if (socket->state != PTN_RELAY_SOCKET_ASKED)
        return 0;
    socket->local = *local;
    if (socket->kind == PTN_RELAY_PAIR)
        pair_opened(s, row);
    else
        arrived(s, row);
    return 0;
}

/* The other one of a pair that will never be one. Answers how many are to be closed. */
static size_t give_up_partner(struct ptn_relay_sockets *s, uint32_t row, ptn_id close[static 1])
{
    switch (s->rows[row].state) {
    case PTN_RELAY_SOCKET_TO_ASK:
        s->to_ask = PTN_RELAY_NONE;
        ptn_relay_sockets_remove(s, row);
        return 0;
    case PTN_RELAY_SOCKET_ASKED: s->rows[row].state = PTN_RELAY_SOCKET_DOOMED; return 0;
    default:
        close[0] = ptn_relay_socket_id(row);
        ptn_relay_sockets_remove(s, row);
        return 1;
    }
}

/* When the next one is asked for, and whether there is any hope of it. */
static void count_failure(struct ptn_relay_sockets *s, ptn_time now, uint32_t row, enum ptn_err why)
{
    struct ptn_relay_stock *stock = stock_for(s, row);
    uint32_t all = DRAWS_MAX + places_of(s, s->rows[row].local.family);
    bool was_dry = stock->dry;

    stock->failures_in_row++;
    stock->dry |= why != PTN_ERR_IN_USE || stock->failures_in_row >= all;
    if (why != PTN_ERR_IN_USE)
        stock->rest_until = now + LONG_REST;
    else if (stock->failures_in_row % DRAWS_MAX == 0)
        stock->rest_until = now + (stock->dry ? DRY_REST : SHORT_REST);
    s->went_dry |= stock->dry && !was_dry;
}

size_t ptn_relay_sockets_failed(struct ptn_relay_sockets *s, ptn_time now, ptn_id id,
                                enum ptn_err why, ptn_id close[static 2])
{
    struct ptn_relay_socket *socket = ptn_relay_sockets_find(s, id);
    uint32_t row = id - PTN_RELAY_SOCKET_ID;
    size_t closes = 0;

    if (!socket)
        return 0;
    s->failures++;
    if (socket->state == PTN_RELAY_SOCKET_ASKED)
        count_failure(s, now, row, why);
    if (is_in_stock(s, row))
        unlink_ready(s, even_of(s, row));
    else if (socket->state == PTN_RELAY_SOCKET_ASKED || socket->state == PTN_RELAY_SOCKET_READY)
        stock_for(s, row)->asked--;
    uint32_t partner = socket->partner;
    ptn_relay_sockets_remove(s, row);
    if (partner != PTN_RELAY_NONE)
        closes = give_up_partner(s, partner, close);
    return closes;
}

/* ---- in and out of use ---- */

uint32_t ptn_relay_sockets_take(struct ptn_relay_sockets *s, uint8_t family,
                                enum ptn_relay_stock_kind kind, uint32_t *odd)
{
    struct ptn_relay_stock *stock = &s->stock[family_index(family)][kind];
    uint32_t row = stock->first;

    if (row == PTN_RELAY_NONE)
        return row;
    unlink_ready(s, row);
    struct ptn_relay_socket *socket = &s->rows[row];
    socket->state = PTN_RELAY_SOCKET_USED;
    if (kind == PTN_RELAY_PAIR) {
        uint32_t other = socket->partner;
        socket->partner = s->rows[other].partner = PTN_RELAY_NONE;
        socket->kind = s->rows[other].kind = PTN_RELAY_SINGLE;
        s->rows[other].state = PTN_RELAY_SOCKET_RESERVED;
        *odd = other;
    }
    return row;
}

bool ptn_relay_sockets_coming(const struct ptn_relay_sockets *s, uint8_t family,
                              enum ptn_relay_stock_kind kind)
{
    const struct ptn_relay_stock *stock = &s->stock[family_index(family)][kind];

    return stock->wanted > 0 && !stock->dry && s->in_use < s->max;
}

bool ptn_relay_sockets_spare(struct ptn_relay_sockets *s, uint32_t row)
{
    const struct ptn_relay_stock *stock = stock_for(s, row);

    if (stock->ready + stock->asked >= stock->wanted)
        return false;
    push_ready(s, row);
    return true;
}

uint64_t ptn_relay_sockets_reserve(struct ptn_relay_sockets *s, uint32_t row, unsigned worker,
                                   struct ptn_dice *dice)
{
    assert(s->rows[row].state == PTN_RELAY_SOCKET_RESERVED && worker < PTN_RELAY_WORKERS_MAX);
    s->rows[row].token =
        (uint64_t)worker << 56 | (uint64_t)row << 32 | (uint32_t)ptn_dice_u64(dice);
    return s->rows[row].token;
}

uint32_t ptn_relay_sockets_reserved(const struct ptn_relay_sockets *s, uint64_t token)
{
    uint32_t row = token >> 32 & PTN_RELAY_SOCKETS_MAX;

    return row < s->touched && s->rows[row].state == PTN_RELAY_SOCKET_RESERVED &&
                   s->rows[row].token == token && token != 0
               ? row
               : PTN_RELAY_NONE;
}

uint32_t ptn_relay_sockets_adopt(struct ptn_relay_sockets *s, const struct ptn_addr *local)
{
    uint32_t row = new_row(s);

    if (row == PTN_RELAY_NONE)
        return row;
    struct ptn_relay_socket *socket = &s->rows[row];
    socket->state = PTN_RELAY_SOCKET_RESERVED;
    socket->local = *local;
    for (size_t i = 0; i < s->address_count; i++)
        if (ptn_addr_same_ip(&s->addresses[i].local, local))
            socket->address = (uint8_t)i;
    return row;
}

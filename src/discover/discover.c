/*
 * discover/discover.c - sockets, names, and when enough is known.
 *
 *      0 ms  open sockets, resolve names
 *            plain question, and the three of the probe socket, all at once
 *     1 RTT  mapped address and second address: the questions to it, the hairpin
 *    660 ms  the twelfth try of what is still silent
 *   +1.5 RTT silence has become an answer: done (780 ms at a round trip of 40 ms)
 *
 * Where nothing at all is answered the run ends after opts.contact, otherwise at the
 * latest after RUN_MAX, with what is known by then.
 *
 * survey.c says how sure the verdicts are. When several servers are asked, the sightings
 * of all of them decide the mapping, and the first one whose questions are all settled
 * decides the filtering; the run ends with it. An arrival seen with any server
 * outweighs silence seen with another.
 */
#include "discover/discover.h"

#include <assert.h>
#include <stdlib.h>

#include "discover/lookup.h"
#include "discover/survey.h"

#define CONTACT_DEFAULT PTN_MS(900)
#define RUN_MAX PTN_MS(2900)

/* Sockets by number: the main one, the second, and a probe for each server. */
enum { MAIN, SECOND, PROBES, SOCKETS_MAX = PROBES + PTN_DISCOVER_SERVERS_MAX };
enum { SECRET_BYTES = 9, HAIRPIN = 0xff };

enum socket_state {
    SOCKET_TO_OPEN,
    SOCKET_OPENING,
    SOCKET_OPEN,
    SOCKET_FAILED,
    SOCKET_TO_CLOSE,
    SOCKET_CLOSED,
};

struct ptn_discover {
    struct ptn_discover_opts opts;
    struct ptn_discover_result result;
    struct ptn_discover_lookup lookups[PTN_DISCOVER_SERVERS_MAX];
    struct ptn_discover_survey surveys[PTN_DISCOVER_SERVERS_MAX];
    struct ptn_discover_way way;
    struct ptn_discover_question hairpin[2]; /* by sending socket: MAIN, SECOND */
    struct {
        enum socket_state state;
        struct ptn_addr local;
    } sockets[SOCKETS_MAX];
    uint8_t secret[SECRET_BYTES], classic_head[4];
    ptn_time first_question; /* PTN_NEVER: none yet */
    bool started, done, told_mapped, told_done;
    uint8_t buf[64];
};

/* ---- life ---- */

struct ptn_discover *ptn_discover_new(const struct ptn_discover_opts *opts)
{
    struct ptn_discover *d = calloc(1, sizeof *d);
    struct ptn_stun_id id;

    assert(opts->server_count > 0 && opts->server_count <= PTN_DISCOVER_SERVERS_MAX);
    if (!d)
        return NULL;
    d->opts = *opts;
    if (d->opts.contact == 0)
        d->opts.contact = CONTACT_DEFAULT;
    d->first_question = PTN_NEVER;
    d->result.server_count = opts->server_count;
    ptn_dice_fill(&d->opts.dice, d->secret, sizeof d->secret);
    id = ptn_stun_id_new(&d->opts.dice, PTN_STUN_CLASSIC);
    memcpy(d->classic_head, id.bytes, sizeof d->classic_head);
    /* Names are borrowed for as long as new() runs; the look-ups copy them. */
    for (size_t i = 0; i < opts->server_count; i++) {
        ptn_discover_lookup_start(
            &d->lookups[i], 0, opts->first_id + SOCKETS_MAX + (ptn_id)i * PTN_DISCOVER_LOOKUP_IDS,
            opts->servers[i].name, opts->servers[i].port, opts->local.family);
        d->opts.servers[i].name = NULL;
    }
    return d;
}

void ptn_discover_free(struct ptn_discover *d)
{
    free(d);
}

static size_t socket_count(const struct ptn_discover *d)
{
    return PROBES + d->opts.server_count;
}

void ptn_discover_start(struct ptn_discover *d, ptn_time now)
{
    assert(!d->started);
    d->started = true;
    for (size_t i = 0; i < d->opts.server_count; i++) {
        d->lookups[i].srv_until += now;
        d->lookups[i].until += now;
    }
}

/* ---- what is known ---- */

static void judge_mapping(struct ptn_discover *d)
{
    struct ptn_discover_sighting seen[4 * PTN_DISCOVER_SERVERS_MAX];
    size_t count = 0;
    bool has_other = false;

    for (size_t i = 0; i < d->opts.server_count; i++) {
        const struct ptn_discover_survey *s = &d->surveys[i];
        has_other |= !ptn_addr_is_none(&s->is.other);
        if (!ptn_addr_is_none(&s->is.mapped))
            seen[count++] = (struct ptn_discover_sighting){s->is.addr, s->is.mapped};
        for (unsigned a = PTN_DISCOVER_AT_OTHER; a <= PTN_DISCOVER_AT_PORT; a++)
            if (s->q[a].state == PTN_DISCOVER_ANSWERED)
                seen[count++] = (struct ptn_discover_sighting){s->q[a].to, s->q[a].mapped};
    }
    d->result.mapping = ptn_discover_mapping(seen, count);
    d->result.mapping_why = d->result.mapping != PTN_DISCOVER_SEES_UNKNOWN ? PTN_DISCOVER_WHY_NONE
                            : has_other ? PTN_DISCOVER_ALTERNATE_SILENT
                                        : PTN_DISCOVER_ONE_ADDRESS;
}

static void judge_server(struct ptn_discover_survey *s)
{
    struct ptn_discover_filter_evidence e = {
        .control = s->q[PTN_DISCOVER_CONTROL].state,
        .from_other = s->q[PTN_DISCOVER_FROM_OTHER].state,
        .from_port = s->q[PTN_DISCOVER_FROM_PORT].state,
        .at_other = s->q[PTN_DISCOVER_AT_OTHER].state,
        .at_port = s->q[PTN_DISCOVER_AT_PORT].state,
        .has_other = !ptn_addr_is_none(&s->is.other),
        .ignored_change = s->ignored_change,
    };
    s->is.filtering = ptn_discover_filtering(&e, &s->is.filtering_why);
}

/* The most open one seen: it was proved by an arrival. */
static void judge_filtering(struct ptn_discover *d)
{
    struct ptn_discover_result *r = &d->result;

    r->filtering = PTN_DISCOVER_SEES_UNKNOWN;
    r->filtering_why = PTN_DISCOVER_WHY_NONE;
    for (size_t i = 0; i < d->opts.server_count; i++) {
        struct ptn_discover_survey *s = &d->surveys[i];
        judge_server(s);
        if (s->is.state != PTN_DISCOVER_SERVER_ANSWERED)
            continue;
        if (s->is.filtering != PTN_DISCOVER_SEES_UNKNOWN &&
            (r->filtering == PTN_DISCOVER_SEES_UNKNOWN || s->is.filtering < r->filtering))
            r->filtering = s->is.filtering;
        if (r->filtering_why == PTN_DISCOVER_WHY_NONE)
            r->filtering_why = s->is.filtering_why;
    }
    if (r->filtering != PTN_DISCOVER_SEES_UNKNOWN)
        r->filtering_why = PTN_DISCOVER_WHY_NONE;
}

static void judge_ports(struct ptn_discover *d)
{
    enum ptn_discover_fact same = PTN_DISCOVER_UNKNOWN;

    for (size_t i = 0; i < d->opts.server_count; i++) {
        const struct ptn_discover_survey *s = &d->surveys[i];
        const struct ptn_discover_question *again = &s->q[PTN_DISCOVER_AGAIN];
        if (ptn_addr_is_none(&s->is.mapped) || again->state != PTN_DISCOVER_ANSWERED ||
            same == PTN_DISCOVER_NO)
            continue;
        same = s->is.mapped.port == d->sockets[MAIN].local.port &&
                       again->mapped.port == d->sockets[SECOND].local.port
                   ? PTN_DISCOVER_YES
                   : PTN_DISCOVER_NO;
    }
    d->result.port_preserved = same;
}

static void judge_hairpin(struct ptn_discover *d)
{
    if (d->hairpin[MAIN].state == PTN_DISCOVER_ANSWERED)
        d->result.hairpin = PTN_DISCOVER_YES;
    else if (d->hairpin[MAIN].state == PTN_DISCOVER_SILENT &&
             d->hairpin[SECOND].state == PTN_DISCOVER_SILENT)
        d->result.hairpin = PTN_DISCOVER_NO;
}

static bool any_server(const struct ptn_discover *d, enum ptn_discover_server_state state)
{
    for (size_t i = 0; i < d->opts.server_count; i++)
        if (d->surveys[i].is.state == state)
            return true;
    return false;
}

static bool any_icmp(const struct ptn_discover *d)
{
    for (size_t i = 0; i < d->opts.server_count; i++)
        if (d->surveys[i].icmp)
            return true;
    return false;
}

/* The type where no address is known. */
static void judge_silence(struct ptn_discover *d)
{
    struct ptn_discover_result *r = &d->result;

    r->type = PTN_DISCOVER_TYPE_UNKNOWN;
    if (d->sockets[MAIN].state == SOCKET_FAILED) {
        r->type_why = PTN_DISCOVER_NO_SOCKET;
    } else if (any_server(d, PTN_DISCOVER_SERVER_REFUSED)) {
        r->type_why = PTN_DISCOVER_REFUSED;
    } else if (any_server(d, PTN_DISCOVER_SERVER_SILENT)) {
        r->type = PTN_DISCOVER_UDP_BLOCKED;
        r->type_why = any_icmp(d) ? PTN_DISCOVER_ICMP_ERROR : PTN_DISCOVER_NO_ANSWER;
    } else {
        r->type_why = any_server(d, PTN_DISCOVER_SERVER_ASKED) ? PTN_DISCOVER_OUT_OF_TIME
                                                               : PTN_DISCOVER_NO_NAME;
    }
    r->mapping_why = r->filtering_why = r->type_why;
}

static void judge(struct ptn_discover *d, ptn_time now)
{
    struct ptn_discover_result *r = &d->result;

    for (size_t i = 0; i < d->opts.server_count && ptn_addr_is_none(&r->mapped); i++)
        r->mapped = d->surveys[i].is.mapped;
    judge_mapping(d);
    judge_filtering(d);
    judge_ports(d);
    judge_hairpin(d);
    r->local = d->sockets[MAIN].local;
    r->loss = d->way.tries ? (double)d->way.lost / d->way.tries : 0;
    r->took = d->first_question == PTN_NEVER ? 0 : now - d->first_question;
    for (size_t i = 0; i < d->opts.server_count; i++)
        r->servers[i] = d->surveys[i].is;
    if (ptn_addr_is_none(&r->mapped)) {
        judge_silence(d);
        return;
    }
    r->nat = ptn_addr_equal(&r->mapped, &r->local) ? PTN_DISCOVER_NO : PTN_DISCOVER_YES;
    r->type = ptn_discover_tree(r->nat, r->mapping, r->filtering);
    if (r->type != PTN_DISCOVER_TYPE_UNKNOWN)
        r->type_why = PTN_DISCOVER_WHY_NONE;
    else if (r->nat == PTN_DISCOVER_YES && r->mapping == PTN_DISCOVER_SEES_UNKNOWN)
        r->type_why = r->mapping_why;
    else
        r->type_why = r->filtering_why;
}

/* ---- when it is over ---- */

static bool hairpin_settled(const struct ptn_discover *d)
{
    return d->result.nat != PTN_DISCOVER_YES || d->hairpin[MAIN].state == PTN_DISCOVER_NOT_ASKED ||
           (ptn_discover_question_settled(&d->hairpin[MAIN]) &&
            ptn_discover_question_settled(&d->hairpin[SECOND]));
}

static bool enough(const struct ptn_discover *d, ptn_time now)
{
    bool all_settled = true, one_tells_all = false;

    if (d->sockets[MAIN].state == SOCKET_FAILED)
        return true;
    if (now >= ptn_time_add(d->first_question, RUN_MAX))
        return true;
    for (size_t i = 0; i < d->opts.server_count; i++) {
        const struct ptn_discover_survey *s = &d->surveys[i];
        bool settled = ptn_discover_survey_settled(s);
        all_settled &= settled;
        one_tells_all |= settled && s->is.filtering != PTN_DISCOVER_SEES_UNKNOWN &&
                         d->result.mapping != PTN_DISCOVER_SEES_UNKNOWN;
    }
    return (all_settled || one_tells_all) && hairpin_settled(d);
}

/* Each of two sockets sends to the other's mapped address: a filter may let in only who was sent
 * to, and both have sent then. */
static void begin_hairpin(struct ptn_discover *d, ptn_time now)
{
    if (d->hairpin[MAIN].state != PTN_DISCOVER_NOT_ASKED || d->result.nat != PTN_DISCOVER_YES)
        return;
    for (size_t i = 0; i < d->opts.server_count; i++) {
        const struct ptn_discover_survey *s = &d->surveys[i];
        const struct ptn_discover_question *again = &s->q[PTN_DISCOVER_AGAIN];
        if (ptn_addr_is_none(&s->is.mapped) || again->state != PTN_DISCOVER_ANSWERED)
            continue;
        ptn_discover_question_start(&d->hairpin[MAIN], now, &again->mapped);
        ptn_discover_question_start(&d->hairpin[SECOND], now, &s->is.mapped);
        return;
    }
}

static bool anybody_answers(const struct ptn_discover *d)
{
    return any_server(d, PTN_DISCOVER_SERVER_ANSWERED) ||
           any_server(d, PTN_DISCOVER_SERVER_REFUSED);
}

/* A server that is silent is followed by the next one of its service (RFC 8489 §8.1). */
static void follow_services(struct ptn_discover *d, ptn_time now)
{
    for (size_t i = 0; i < d->opts.server_count; i++) {
        if (d->surveys[i].is.state != PTN_DISCOVER_SERVER_SILENT ||
            !ptn_discover_lookup_next(&d->lookups[i], now))
            continue;
        d->surveys[i] = (struct ptn_discover_survey){.is.state = PTN_DISCOVER_SERVER_RESOLVING};
        if (!anybody_answers(d))
            d->first_question = PTN_NEVER;
    }
}

static void update(struct ptn_discover *d, ptn_time now)
{
    if (d->done || !d->started)
        return;
    follow_services(d, now);
    judge(d, now);
    begin_hairpin(d, now);
    if (!enough(d, now))
        return;
    d->done = true;
    for (size_t i = 0; i < socket_count(d); i++)
        d->sockets[i].state =
            d->sockets[i].state == SOCKET_OPEN || d->sockets[i].state == SOCKET_OPENING
                ? SOCKET_TO_CLOSE
                : SOCKET_CLOSED;
}

/* ---- input ---- */

static bool socket_settled(const struct ptn_discover *d, size_t socket)
{
    return d->sockets[socket].state == SOCKET_OPEN || d->sockets[socket].state == SOCKET_FAILED;
}

/* A server whose name and sockets are there is asked. */
static void begin_servers(struct ptn_discover *d, ptn_time now)
{
    for (size_t i = 0; i < d->opts.server_count; i++) {
        const struct ptn_discover_lookup *l = &d->lookups[i];
        static const unsigned roles[] = {PTN_DISCOVER_MAIN, PTN_DISCOVER_SECOND,
                                         PTN_DISCOVER_PROBE};
        const size_t sockets[] = {MAIN, SECOND, PROBES + i};
        unsigned usable = 0;
        bool ready = true;

        if (d->surveys[i].is.state != PTN_DISCOVER_SERVER_RESOLVING)
            continue;
        if (l->state == PTN_DISCOVER_LOOKUP_FAILED)
            d->surveys[i].is = (struct ptn_discover_server){.state = PTN_DISCOVER_SERVER_UNRESOLVED,
                                                            .why = l->why};
        for (unsigned k = 0; k < PTN_DISCOVER_ROLES; k++) {
            ready &= socket_settled(d, sockets[k]);
            usable |= (unsigned)(d->sockets[sockets[k]].state == SOCKET_OPEN) << roles[k];
        }
        if (l->state != PTN_DISCOVER_LOOKUP_FOUND || !ready)
            continue;
        ptn_discover_survey_start(&d->surveys[i], now, &l->addr, d->opts.dialect, d->opts.contact,
                                  usable);
        d->first_question = ptn_time_min(d->first_question, now);
    }
}

static struct ptn_stun_id make_id(const struct ptn_discover *d, enum ptn_stun_dialect dialect,
                                  unsigned server, unsigned question, unsigned try)
{
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42}};

    if (dialect == PTN_STUN_CLASSIC)
        memcpy(id.bytes, d->classic_head, sizeof d->classic_head);
    memcpy(id.bytes + 4, d->secret, sizeof d->secret);
    id.bytes[13] = (uint8_t)server;
    id.bytes[14] = (uint8_t)question;
    id.bytes[15] = (uint8_t)try;
    return id;
}

static size_t socket_of(size_t server, enum ptn_discover_asked asked)
{
    switch (ptn_discover_survey_role(asked)) {
    case PTN_DISCOVER_MAIN: return MAIN;
    case PTN_DISCOVER_SECOND: return SECOND;
    default: return PROBES + server;
    }
}

static void input_datagram(struct ptn_discover *d, ptn_time now, size_t socket,
                           const struct ptn_tell *tell)
{
    struct ptn_stun_msg m;

    if (ptn_stun_decode(&m, tell->bytes) != PTN_STUN_OK || m.method != PTN_STUN_BINDING)
        return;
    unsigned server = m.id.bytes[13], asked = m.id.bytes[14], try = m.id.bytes[15];
    struct ptn_stun_id ours = make_id(d, m.dialect, server, asked, try);
    if (!ptn_stun_id_equal(&ours, &m.id))
        return;
    if (server == HAIRPIN) {
        if (m.class == PTN_STUN_REQUEST && asked <= SECOND && socket == (asked ^ 1u))
            d->hairpin[MAIN].state = d->hairpin[SECOND].state = PTN_DISCOVER_ANSWERED;
        return;
    }
    if ((m.class != PTN_STUN_SUCCESS && m.class != PTN_STUN_ERROR) ||
        server >= d->opts.server_count || asked >= PTN_DISCOVER_ASKED ||
        socket != socket_of(server, (enum ptn_discover_asked)asked))
        return;
    ptn_discover_survey_answer(&d->surveys[server], now, (enum ptn_discover_asked)asked, try, &m,
                               &tell->from, &d->way);
}

static void input_icmp(struct ptn_discover *d, const struct ptn_tell *tell)
{
    for (size_t i = 0; i < d->opts.server_count; i++)
        if (ptn_addr_equal(&d->surveys[i].is.addr, &tell->from))
            d->surveys[i].icmp = true;
}

static void input_socket(struct ptn_discover *d, ptn_time now, size_t socket,
                         const struct ptn_tell *tell)
{
    switch (tell->kind) {
    case PTN_TELL_DATAGRAM: input_datagram(d, now, socket, tell); break;
    case PTN_TELL_ICMP_ERROR: input_icmp(d, tell); break;
    case PTN_TELL_OPENED:
        d->sockets[socket].state = SOCKET_OPEN;
        d->sockets[socket].local = tell->local;
        break;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED: d->sockets[socket].state = SOCKET_FAILED; break;
    default: break;
    }
}

void ptn_discover_input(struct ptn_discover *d, ptn_time now, const struct ptn_tell *tell)
{
    size_t at = tell->id - d->opts.first_id;

    if (d->done || !d->started)
        return;
    if (at < socket_count(d))
        input_socket(d, now, at, tell);
    else if (at >= SOCKETS_MAX)
        for (size_t i = 0; i < d->opts.server_count; i++)
            ptn_discover_lookup_input(&d->lookups[i], tell);
    begin_servers(d, now);
    update(d, now);
}

/* ---- time, output, events ---- */

static struct ptn_discover_patience hairpin_patience(const struct ptn_discover *d)
{
    ptn_time rtt = PTN_NEVER;

    for (size_t i = 0; i < d->opts.server_count; i++)
        if (d->surveys[i].is.state >= PTN_DISCOVER_SERVER_ASKED)
            rtt = ptn_time_min(rtt, d->surveys[i].is.rtt);
    return ptn_discover_patience(&d->way, 1u << PTN_STUN_MODERN, rtt);
}

void ptn_discover_tick(struct ptn_discover *d, ptn_time now)
{
    struct ptn_discover_patience patience = hairpin_patience(d);

    if (d->done || !d->started)
        return;
    for (size_t i = 0; i < d->opts.server_count; i++)
        ptn_discover_lookup_tick(&d->lookups[i], now);
    begin_servers(d, now);
    for (size_t i = 0; i < d->opts.server_count; i++)
        if (d->surveys[i].is.state >= PTN_DISCOVER_SERVER_ASKED)
            ptn_discover_survey_tick(&d->surveys[i], now, &d->way);
    for (unsigned i = MAIN; i <= SECOND; i++)
        ptn_discover_question_tick(&d->hairpin[i], now, 1u << PTN_STUN_MODERN, &patience);
    update(d, now);
}

static void write_request(struct ptn_discover *d, struct ptn_ask *ask, size_t socket,
                          const struct ptn_discover_question *q, const struct ptn_stun_id *id,
                          int change)
{
    struct ptn_stun_out o;

    *ask = (struct ptn_ask){
        .kind = PTN_ASK_DATAGRAM, .id = d->opts.first_id + (ptn_id)socket, .to = q->to};
    ptn_stun_begin(&o, d->buf, sizeof d->buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, id);
    if (change >= 0)
        ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, (uint32_t)change);
    bool fits = ptn_stun_end(&o, &ask->bytes);
    assert(fits);
    (void)fits;
}

static bool output_request(struct ptn_discover *d, struct ptn_ask *ask)
{
    enum ptn_discover_asked asked;
    enum ptn_stun_dialect dialect;

    for (size_t i = 0; i < d->opts.server_count; i++) {
        struct ptn_discover_survey *s = &d->surveys[i];
        if (!ptn_discover_survey_output(s, &asked, &dialect))
            continue;
        const struct ptn_discover_question *q = &s->q[asked];
        struct ptn_stun_id id = make_id(d, dialect, (unsigned)i, asked, q->tries - 1);
        write_request(d, ask, socket_of(i, asked), q, &id, ptn_discover_survey_change(asked));
        return true;
    }
    for (unsigned i = MAIN; i <= SECOND; i++) {
        struct ptn_discover_question *q = &d->hairpin[i];
        if (!q->to_send)
            continue;
        q->to_send = 0;
        struct ptn_stun_id id = make_id(d, PTN_STUN_MODERN, HAIRPIN, i, q->tries - 1);
        write_request(d, ask, i, q, &id, -1);
        return true;
    }
    return false;
}

static bool output_socket(struct ptn_discover *d, struct ptn_ask *ask)
{
    for (size_t i = 0; i < socket_count(d); i++) {
        if (d->sockets[i].state != SOCKET_TO_OPEN && d->sockets[i].state != SOCKET_TO_CLOSE)
            continue;
        bool open = d->sockets[i].state == SOCKET_TO_OPEN;
        d->sockets[i].state = open ? SOCKET_OPENING : SOCKET_CLOSED;
        *ask = (struct ptn_ask){.kind = open ? PTN_ASK_OPEN : PTN_ASK_CLOSE,
                                .id = d->opts.first_id + (ptn_id)i,
                                .transport = PTN_UDP,
                                .local = ptn_addr_with_port(d->opts.local, 0)};
        return true;
    }
    return false;
}

bool ptn_discover_output(struct ptn_discover *d, ptn_time now, struct ptn_ask *ask)
{
    (void)now;
    if (!d->started)
        return false;
    if (output_socket(d, ask))
        return true;
    if (d->done)
        return false;
    for (size_t i = 0; i < d->opts.server_count; i++)
        if (ptn_discover_lookup_output(&d->lookups[i], ask))
            return true;
    return output_request(d, ask);
}

bool ptn_discover_event(struct ptn_discover *d, struct ptn_discover_event *ev)
{
    ev->result = &d->result;
    if (!d->told_mapped && !ptn_addr_is_none(&d->result.mapped)) {
        d->told_mapped = true;
        ev->kind = PTN_DISCOVER_MAPPED;
        return true;
    }
    if (d->done && !d->told_done) {
        d->told_done = true;
        ev->kind = PTN_DISCOVER_DONE;
        return true;
    }
    return false;
}

ptn_time ptn_discover_deadline(const struct ptn_discover *d)
{
    struct ptn_discover_patience patience = hairpin_patience(d);
    ptn_time due = ptn_time_add(d->first_question, RUN_MAX);

    if (d->done || !d->started)
        return PTN_NEVER;
    for (size_t i = 0; i < d->opts.server_count; i++) {
        due = ptn_time_min(due, ptn_discover_lookup_deadline(&d->lookups[i]));
        if (d->surveys[i].is.state >= PTN_DISCOVER_SERVER_ASKED)
            due = ptn_time_min(due, ptn_discover_survey_deadline(&d->surveys[i], &d->way));
    }
    for (unsigned i = MAIN; i <= SECOND; i++)
        due = ptn_time_min(due, ptn_discover_question_deadline(&d->hairpin[i], &patience));
    return due;
}

const struct ptn_discover_result *ptn_discover_result(const struct ptn_discover *d)
{
    return &d->result;
}

/* ---- for a host that runs machines ---- */

static void machine_input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    ptn_discover_input(self, now, tell);
}

static void machine_tick(void *self, ptn_time now)
{
    ptn_discover_tick(self, now);
}

static bool machine_output(void *self, ptn_time now, struct ptn_ask *ask)
{
    return ptn_discover_output(self, now, ask);
}

static ptn_time machine_deadline(const void *self)
{
    return ptn_discover_deadline(self);
}

struct ptn_machine ptn_discover_machine(struct ptn_discover *d)
{
    return (struct ptn_machine){d, machine_input, machine_tick, machine_output, machine_deadline};
}

#define _GNU_SOURCE /* memmem */
#include "unit/ua/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "stun/msg.h"
#include "support/test.h"

const struct ptn_addr WORLD_REGISTRAR = {{198, 51, 100, 5}, 5060, PTN_IPV4, 0};
const struct ptn_addr WORLD_STUN_1 = {{203, 0, 113, 1}, 3478, PTN_IPV4, 0};
const struct ptn_addr WORLD_STUN_2 = {{203, 0, 113, 2}, 3478, PTN_IPV4, 0};

static const struct ptn_registrar_user users[WORLD_PHONES] = {{"alice", "alices secret"},
                                                              {"bob", "bobs secret"}};

static void log_line(void *self, enum ptn_log_level level, const char *line)
{
    (void)self;
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    if (getenv("WORLD_LOG"))
        printf("# %s: %s\n", levels[level], line);
}

static const struct ptn_log log_sink = {log_line, NULL, PTN_LOG_DEBUG};

void world_init(struct world *w, enum world_nat alice, enum world_nat bob,
                void (*change)(struct ptn_ua_opts *opts, unsigned phone))
{
    *w = (struct world){.now = PTN_S(1000), .delay = PTN_MS(20), .dice = ptn_dice_seeded(7)};
    w->packets = calloc(WORLD_PACKETS, sizeof *w->packets);
    w->registrar = ptn_registrar_new(&(struct ptn_registrar_opts){.locals = {WORLD_REGISTRAR},
                                                                  .local_count = 1,
                                                                  .domain = "sip.example.org",
                                                                  .users = users,
                                                                  .user_count = WORLD_PHONES,
                                                                  .expires_max_s = 600,
                                                                  .dice = ptn_dice_seeded(8)});
    for (unsigned i = 0; i < WORLD_PHONES; i++) {
        struct world_phone *p = &w->phones[i];
        p->nat = i ? bob : alice;
        p->outside = ptn_addr_v4(192, 0, 2, (uint8_t)(10 + i), 0);
        p->inside =
            p->nat == WORLD_NAT_NONE ? p->outside : ptn_addr_v4(192, 168, (uint8_t)(1 + i), 20, 0);
        p->nat_port = (uint16_t)(30000 + 1000 * i);
        p->any_port = 50000;
        struct ptn_ua_opts opts = {
            .locals = {{.addr = p->inside}},
            .local_count = 1,
            .sip_port = 5060,
            .rtp_port_min = 11780,
            .rtp_port_max = 11799,
            .account_count = 1,
            .stun = {{"203.0.113.1", 3478}, {"stun.example.org", 0}},
            .stun_count = 2,
            .source = ptn_source_tone(i ? 1000 : 440, -12),
            .dice = ptn_dice_seeded(100 + i),
            .log = &log_sink,
        };
        opts.accounts[0] = (struct ptn_ua_account){
            .user = users[i].name,
            .password = users[i].password,
            .server = {.name = "sip.example.org", .port = 5060, .transport = PTN_UDP},
            .registers = true,
            .expires_s = 600,
            .keepalive = PTN_SIP_KEEPALIVE_OPTIONS,
        };
        if (change)
            change(&opts, i);
        CHECK_EQ(PTN_OK, ptn_ua_new(&opts, &p->ua));
    }
}

void world_fini(struct world *w)
{
    for (unsigned i = 0; i < WORLD_PHONES; i++)
        ptn_ua_free(w->phones[i].ua);
    free(w->packets);
    ptn_registrar_free(w->registrar);
}

/* --- the wire --- */

void world_send(struct world *w, const struct ptn_addr *from, const struct ptn_addr *to,
                const void *bytes, size_t size)
{
    struct world_packet *p = &w->packets[w->packet_count];

    CHECK(w->packet_count < WORLD_PACKETS);
    CHECK(size <= sizeof p->bytes);
    if (w->loss > 0 && ptn_dice_unit(&w->dice) < w->loss)
        return;
    *p = (struct world_packet){
        .at = w->now + w->delay, .from = *from, .to = *to, .size = (unsigned)size};
    memcpy(p->bytes, bytes, size);
    w->packet_count++;
    if (w->wire_tap)
        w->wire_tap(w, p);
}

/* --- NAT --- */

static bool leave_home(struct world *w, struct world_phone *p, struct ptn_addr *from,
                       const struct ptn_addr *to)
{
    unsigned m = 0;

    (void)w;
    if (p->nat == WORLD_NAT_NONE)
        return true;
    if (ptn_addr_kind(to) != PTN_ADDR_PUBLIC)
        return false;
    struct ptn_addr key = p->nat == WORLD_NAT_SYMMETRIC ? *to : (struct ptn_addr){0};
    while (m < p->mapping_count && !(ptn_addr_equal(&p->mappings[m].inside, from) &&
                                     ptn_addr_equal(&p->mappings[m].to, &key)))
        m++;
    CHECK(m < WORLD_MAPPINGS);
    if (m == p->mapping_count) {
        p->mapping_count++;
        p->mappings[m].inside = *from;
        p->mappings[m].to = key;
        p->mappings[m].outside = ptn_addr_with_port(p->outside, p->nat_port++);
        p->mappings[m].sent_count = 0;
    }
    unsigned n = p->mappings[m].sent_count, i = 0;
    while (i < n && !ptn_addr_equal(&p->mappings[m].sent_to[i], to))
        i++;
    if (i == n) {
        CHECK(n < 16);
        p->mappings[m].sent_to[p->mappings[m].sent_count++] = *to;
    }
    *from = p->mappings[m].outside;
    return true;
}

static bool enter_home(const struct world_phone *p, const struct ptn_addr *from,
                       struct ptn_addr *to)
{
    if (p->nat == WORLD_NAT_NONE)
        return true;
    for (unsigned m = 0; m < p->mapping_count; m++)
        if (ptn_addr_equal(&p->mappings[m].outside, to))
            for (unsigned i = 0; i < p->mappings[m].sent_count; i++)
                if (ptn_addr_equal(&p->mappings[m].sent_to[i], from)) {
                    *to = p->mappings[m].inside;
                    return true;
                }
    return false;
}

void world_reboot_nat(struct world *w, unsigned phone)
{
    w->phones[phone].mapping_count = 0;
    w->phones[phone].nat_port = (uint16_t)(w->phones[phone].nat_port + 100);
}

/* --- what phones say --- */

static bool contains(const struct ptn_ask *ask, const char *text)
{
    return memmem(ask->bytes.data, ask->bytes.size, text, strlen(text)) != NULL;
}

static bool looks_private(const struct ptn_ask *ask)
{
    return contains(ask, "192.168.") || contains(ask, "10.0.") || contains(ask, "127.0.0.");
}

static void inspect(struct world *w, unsigned phone, const struct ptn_ask *ask)
{
    struct world_phone *p = &w->phones[phone];
    bool sip = ask->bytes.size > 20 && ask->bytes.data[0] >= 'A' && ask->bytes.data[0] <= 'z';

    if (!sip || p->nat == WORLD_NAT_NONE || ptn_addr_kind(&ask->to) != PTN_ADDR_PUBLIC)
        return;
    /* Via is about this very hop and is mended by rport (RFC 3581); the rest travels on. */
    if (looks_private(ask) && (w->strict || w->better_known[phone])) {
        if (w->private_shown++ == 0)
            snprintf(w->shown, sizeof w->shown, "%.*s", (int)ask->bytes.size,
                     (const char *)ask->bytes.data);
    }
    for (unsigned m = 0; m < p->mapping_count; m++) {
        char text[PTN_ADDR_TEXT_MAX];
        const struct ptn_addr *to = &p->mappings[m].to;
        bool stun = ptn_addr_equal(to, &WORLD_STUN_1) || ptn_addr_equal(to, &WORLD_STUN_2);
        snprintf(text, sizeof text, "%u", p->mappings[m].outside.port);
        w->stun_told += stun && contains(ask, text);
    }
}

static void resolve(struct world *w, struct world_phone *p, const struct ptn_ask *ask)
{
    struct ptn_dns_record record = {.type = PTN_DNS_A, .ttl_s = 300};
    struct ptn_tell tell = {
        .kind = PTN_TELL_RESOLVED, .id = ask->id, .records = &record, .record_count = 1};

    if (w->dns_dead)
        return;
    if (strcmp(ask->name, "sip.example.org") == 0) {
        record.addr = ptn_addr_with_port(WORLD_REGISTRAR, 0);
    } else if (strcmp(ask->name, "_stun._udp.stun.example.org") == 0) {
        record = (struct ptn_dns_record){.type = PTN_DNS_SRV,
                                         .ttl_s = 300,
                                         .priority = 1,
                                         .port = 3478,
                                         .target = "two.example.org"};
    } else if (strcmp(ask->name, "two.example.org") == 0) {
        record.addr = ptn_addr_with_port(WORLD_STUN_2, 0);
    } else {
        tell.kind = PTN_TELL_FAILED;
        tell.why = PTN_ERR_NOT_FOUND;
    }
    ptn_ua_input(p->ua, w->now, &tell);
}

static void open_socket(struct world *w, struct world_phone *p, const struct ptn_ask *ask)
{
    struct ptn_tell tell = {.kind = PTN_TELL_OPENED, .id = ask->id, .local = ask->local};
    unsigned i = WORLD_SOCKETS;

    if (tell.local.port == 0)
        tell.local.port = p->any_port++;
    for (unsigned k = WORLD_SOCKETS; k-- > 0;) {
        if (p->sockets[k].id == 0) {
            i = k;
            continue;
        }
        CHECK(p->sockets[k].id != ask->id);
        CHECK(!ptn_addr_equal(&p->sockets[k].local, &tell.local));
    }
    CHECK(i < WORLD_SOCKETS);
    if (ask->local.port == p->busy_port && p->busy_port != 0) {
        tell.kind = PTN_TELL_FAILED;
        tell.why = PTN_ERR_IN_USE;
    } else {
        p->sockets[i].id = ask->id;
        p->sockets[i].local = tell.local;
    }
    ptn_ua_input(p->ua, w->now, &tell);
}

static void obey(struct world *w, unsigned phone, const struct ptn_ask *ask)
{
    struct world_phone *p = &w->phones[phone];
    unsigned i = 0;

    switch (ask->kind) {
    case PTN_ASK_DATAGRAM:
        while (i < WORLD_SOCKETS && p->sockets[i].id != ask->id)
            i++;
        CHECK(i < WORLD_SOCKETS);
        struct ptn_addr from = p->sockets[i].local;
        inspect(w, phone, ask);
        if (leave_home(w, p, &from, &ask->to))
            world_send(w, &from, &ask->to, ask->bytes.data, ask->bytes.size);
        break;
    case PTN_ASK_OPEN:
    case PTN_ASK_LISTEN: open_socket(w, p, ask); break;
    case PTN_ASK_CLOSE:
        for (i = 0; i < WORLD_SOCKETS; i++)
            if (p->sockets[i].id == ask->id)
                p->sockets[i].id = 0;
        break;
    case PTN_ASK_RESOLVE: resolve(w, p, ask); break;
    case PTN_ASK_STREAM:
    case PTN_ASK_CONNECT: fail_msg("no streams in this world"); break;
    }
}

static void listen(struct world *w, struct world_phone *p, const struct ptn_ua_event *ev)
{
    p->events[ev->kind]++;
    p->last[ev->kind] = *ev;
    p->told_at[ev->kind] = w->now;
    if (ev->kind == PTN_UA_INCOMING)
        p->call = ev->call;
    if (ev->kind == PTN_UA_ENDED) {
        snprintf(p->last_reason, sizeof p->last_reason, "%s", ev->reason);
        if (ev->stats)
            p->final = *ev->stats;
    }
    if (ev->kind == PTN_UA_AUDIO) {
        memmove(p->heard, p->heard + PTN_FRAME_SAMPLES,
                sizeof p->heard - PTN_FRAME_SAMPLES * sizeof p->heard[0]);
        memcpy(p->heard + 8000 - PTN_FRAME_SAMPLES, ev->pcm,
               PTN_FRAME_SAMPLES * sizeof p->heard[0]);
        p->frames++;
    }
}

void world_drain(struct world *w, unsigned phone)
{
    struct world_phone *p = &w->phones[phone];
    struct ptn_ua_event ev;
    struct ptn_ask ask;
    unsigned rounds = 0;

    while (ptn_ua_output(p->ua, w->now, &ask)) {
        CHECK(rounds++ < 10000);
        /* Bytes are borrowed until the next call into the phone; names, too. */
        obey(w, phone, &ask);
    }
    while (ptn_ua_event(p->ua, w->now, &ev))
        listen(w, p, &ev);
}

/* --- servers --- */

static void stun_server(struct world *w, const struct world_packet *p)
{
    struct ptn_stun_msg question;
    struct ptn_stun_out out;
    struct ptn_bytes bytes;
    uint8_t buf[200];

    if (ptn_stun_decode(&question, ptn_bytes(p->bytes, p->size)) != PTN_STUN_OK ||
        question.class != PTN_STUN_REQUEST)
        return;
    w->stun_questions++;
    w->classic_questions += question.dialect == PTN_STUN_CLASSIC;
    if (w->stun_dead || (w->stun_classic && question.dialect != PTN_STUN_CLASSIC))
        return;
    ptn_stun_begin(&out, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &question.id);
    ptn_stun_put_addr(&out,
                      question.dialect == PTN_STUN_CLASSIC ? PTN_STUN_MAPPED_ADDRESS
                                                           : PTN_STUN_XOR_MAPPED_ADDRESS,
                      &p->from);
    CHECK(ptn_stun_end(&out, &bytes));
    world_send(w, &p->to, &p->from, bytes.data, bytes.size);
}

static void registrar(struct world *w, const struct world_packet *p)
{
    struct ptn_machine m = ptn_registrar_machine(w->registrar);
    struct ptn_ask ask;

    m.input(m.self, w->now,
            &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                               .id = 1, /* its first socket */
                               .from = p->from,
                               .bytes = ptn_bytes(p->bytes, p->size)});
    while (m.output(m.self, w->now, &ask))
        if (ask.kind == PTN_ASK_DATAGRAM)
            world_send(w, &WORLD_REGISTRAR, &ask.to, ask.bytes.data, ask.bytes.size);
}

struct ptn_addr world_contact(const struct world *w, unsigned phone)
{
    return ptn_registrar_contact(w->registrar, users[phone].name, w->now);
}

static void to_phone(struct world *w, struct world_packet *p)
{
    for (unsigned i = 0; i < WORLD_PHONES; i++) {
        struct world_phone *phone = &w->phones[i];
        if (!ptn_addr_same_ip(&p->to, &phone->outside) || !enter_home(phone, &p->from, &p->to))
            continue;
        for (unsigned s = 0; s < WORLD_SOCKETS; s++) {
            if (phone->sockets[s].id == 0 || !ptn_addr_equal(&phone->sockets[s].local, &p->to))
                continue;
            /* Any answer from outside shows the phone how it is seen. */
            if (phone->sockets[s].local.port == 5060)
                w->better_known[i] = true;
            ptn_ua_input(phone->ua, w->now,
                         &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                            .id = phone->sockets[s].id,
                                            .from = p->from,
                                            .bytes = ptn_bytes(p->bytes, p->size)});
            world_drain(w, i);
            return;
        }
    }
}

static void deliver(struct world *w, unsigned at)
{
    struct world_packet p = w->packets[at];

    memmove(&w->packets[at], &w->packets[at + 1],
            (w->packet_count - at - 1) * sizeof w->packets[0]);
    w->packet_count--;
    if (ptn_addr_equal(&p.to, &WORLD_STUN_1) || ptn_addr_equal(&p.to, &WORLD_STUN_2))
        stun_server(w, &p);
    else if (!ptn_addr_equal(&p.to, &WORLD_REGISTRAR))
        to_phone(w, &p);
    else if (!w->registrar_dead)
        registrar(w, &p);
}

/* --- time --- */

void world_start(struct world *w)
{
    for (unsigned i = 0; i < WORLD_PHONES; i++) {
        ptn_ua_start(w->phones[i].ua, w->now);
        world_drain(w, i);
    }
}

static ptn_time next_time(const struct world *w, unsigned *packet)
{
    ptn_time next = PTN_NEVER;

    *packet = w->packet_count;
    for (unsigned i = 0; i < w->packet_count; i++)
        if (w->packets[i].at < next) {
            next = w->packets[i].at;
            *packet = i;
        }
    for (unsigned i = 0; i < WORLD_PHONES; i++) {
        ptn_time due = ptn_ua_deadline(w->phones[i].ua);
        if (due < next) {
            next = due;
            *packet = w->packet_count;
        }
    }
    return next;
}

/* One thing happens; false when nothing does before `end`. */
static bool step(struct world *w, ptn_time end)
{
    static unsigned still; /* a deadline that is due, again and again, at the same moment */
    unsigned packet;
    ptn_time next = next_time(w, &packet);

    if (next > end) {
        w->now = end;
        return false;
    }
    still = next > w->now ? 0 : still + 1;
    CHECK(still < 2000);
    w->now = ptn_time_max(w->now, next);
    if (packet < w->packet_count) {
        deliver(w, packet);
        return true;
    }
    for (unsigned i = 0; i < WORLD_PHONES; i++)
        if (ptn_ua_deadline(w->phones[i].ua) <= w->now) {
            ptn_ua_tick(w->phones[i].ua, w->now);
            world_drain(w, i);
        }
    return true;
}

void world_run(struct world *w, ptn_time span)
{
    ptn_time end = w->now + span;

    while (step(w, end))
        ;
}

bool world_until(struct world *w, unsigned phone, enum ptn_ua_event_kind kind, unsigned count,
                 ptn_time span)
{
    ptn_time end = w->now + span;

    while (w->phones[phone].events[kind] < count)
        if (!step(w, end))
            return false;
    return true;
}

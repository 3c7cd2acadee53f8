/*
 * tests/unit/sip/world.c - plays the world's part of base/effect.h.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stun/msg.h"

const char *const WORLD_SDP_TEXT =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\n"
    "t=0 0\r\nm=audio 7000 RTP/AVP 8\r\n";

enum { PEER = AGENTS };

static int find_addr(const struct world *w, const struct ptn_addr *addr)
{
    for (int i = 0; i < AGENTS; i++)
        if (ptn_addr_equal(addr, &w->addr[i]))
            return i;
    return ptn_addr_in_prefix(addr, &w->peer, 24) && addr->ip[3] >= 9 && addr->ip[3] < WORLD_PEERS
               ? PEER
               : -1;
}

static void post(struct world *w, int to, const struct ptn_tell *tell, ptn_time at)
{
    CHECK(w->packet_count < WORLD_PACKETS);
    struct packet *p = &w->packets[w->packet_count++];
    *p = (struct packet){.at = at, .tell = *tell, .to = to};
    p->bytes = malloc(tell->bytes.size + 1);
    CHECK(p->bytes != NULL);
    if (tell->bytes.size)
        memcpy(p->bytes, tell->bytes.data, tell->bytes.size);
    p->bytes[tell->bytes.size] = '\0';
    p->tell.bytes.data = p->bytes;
}

static void datagram(struct world *w, int from, const struct ptn_ask *ask)
{
    int to = find_addr(w, &ask->to);

    bool own = ask->id == w->udp[from];
    w->sent[from] += own;
    w->sent_elsewhere += !own;
    if (!own)
        w->elsewhere = ask->id;
    snprintf(w->last_sent[from], WORLD_TEXT, "%.*s", (int)ask->bytes.size,
             (const char *)ask->bytes.data);
    CHECK(to >= 0);
    if (ptn_dice_below(&w->dice, 100) < w->loss_percent || (own && from == ALICE && w->stuck))
        return;
    if (to == PEER && w->deaf[ask->to.ip[3]]) {
        if (w->icmp[ask->to.ip[3]])
            post(w, from,
                 &(struct ptn_tell){.kind = PTN_TELL_ICMP_ERROR,
                                    .id = w->udp[from],
                                    .from = ask->to,
                                    .why = PTN_ERR_REFUSED},
                 w->now + w->delay);
        return;
    }
    ptn_time at = w->now + w->delay;
    if (w->jitter)
        at += ptn_dice_below(&w->dice, (uint32_t)w->jitter);
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM,
                            .id = to == PEER ? 0 : w->udp[to],
                            .from = w->addr[from],
                            .local = ask->to,
                            .bytes = ask->bytes};
    post(w, to, &tell, at);
}

static void connect_agents(struct world *w, int from, const struct ptn_ask *ask)
{
    int to = find_addr(w, &ask->to);
    struct ptn_tell failed = {.kind = PTN_TELL_FAILED, .id = ask->id, .why = PTN_ERR_REFUSED};

    w->connects++;
    w->connect = *ask;
    snprintf(w->connect_name, sizeof w->connect_name, "%s", ask->name ? ask->name : "");
    if (w->tcp_silent)
        return;
    if (w->tcp_refused || to < 0 || to == PEER) {
        post(w, from, &failed, w->now + w->delay);
        return;
    }
    for (unsigned i = 0; i < sizeof w->wires / sizeof w->wires[0]; i++) {
        if (w->wires[i].used)
            continue;
        w->wires[i].used = true;
        w->wires[i].id[from] = ask->id;
        w->wires[i].id[to] = ++w->next_accepted;
        post(w, to,
             &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                .id = w->next_accepted,
                                .listener = w->tcp[to],
                                .transport = PTN_TCP,
                                .local = w->addr[to],
                                .from = ask->local},
             w->now + w->delay);
        post(w, from,
             &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = ask->id, .local = ask->local},
             w->now + 2 * w->delay);
        return;
    }
    fail_msg("no wire left");
}

static struct wire *wire_of(struct world *w, int agent, ptn_id id)
{
    for (unsigned i = 0; i < sizeof w->wires / sizeof w->wires[0]; i++)
        if (w->wires[i].used && w->wires[i].id[agent] == id)
            return &w->wires[i];
    return NULL;
}

/* A stream delivers in pieces, which is the point of framing. */
static void stream(struct world *w, int from, const struct ptn_ask *ask)
{
    struct wire *wire = wire_of(w, from, ask->id);
    size_t done = 0;

    while (!w->streams_lost && wire && done < ask->bytes.size) {
        size_t piece = 1 + ptn_dice_below(&w->dice, 400);
        if (piece > ask->bytes.size - done)
            piece = ask->bytes.size - done;
        post(w, !from,
             &(struct ptn_tell){.kind = PTN_TELL_STREAM,
                                .id = wire->id[!from],
                                .bytes = ptn_bytes(ask->bytes.data + done, piece)},
             w->now + w->delay);
        done += piece;
    }
}

static void resolve(struct world *w, int from, const struct ptn_ask *ask)
{
    struct ptn_dns_record found[WORLD_RECORDS];
    struct ptn_tell tell = {.kind = PTN_TELL_RESOLVED, .id = ask->id};

    w->resolves++;
    if (w->dns_gone || ask->types & w->dns_deaf) {
        post(
            w, from,
            &(struct ptn_tell){.kind = PTN_TELL_FAILED, .id = ask->id, .why = PTN_ERR_NAMES_SILENT},
            w->now + PTN_S(5));
        return;
    }
    tell.why = PTN_ERR_NO_SUCH_NAME;
    for (unsigned i = 0; i < WORLD_RECORDS; i++) {
        if (!w->records[i].name || strcasecmp(w->records[i].name, ask->name) != 0)
            continue;
        tell.why = PTN_OK;
        if (w->records[i].record.type & ask->types)
            found[tell.record_count++] = w->records[i].record;
    }
    /* Records outlive the call: the table is the world's, and one query at a time is enough. */
    static struct ptn_dns_record kept[32][WORLD_RECORDS];
    static unsigned turn;
    memcpy(kept[turn % 32], found, sizeof found);
    tell.records = kept[turn++ % 32];
    post(w, from, &tell, w->now + PTN_MS(10));
}

static void serve(struct world *w, int from, const struct ptn_ask *ask)
{
    struct wire *wire;

    switch (ask->kind) {
    case PTN_ASK_DATAGRAM: datagram(w, from, ask); break;
    case PTN_ASK_STREAM: stream(w, from, ask); break;
    case PTN_ASK_OPEN:
    case PTN_ASK_LISTEN:
        post(w, from,
             &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = ask->id, .local = ask->local},
             w->now);
        break;
    case PTN_ASK_CONNECT: connect_agents(w, from, ask); break;
    case PTN_ASK_CLOSE:
        if ((wire = wire_of(w, from, ask->id))) {
            post(w, !from,
                 &(struct ptn_tell){
                     .kind = PTN_TELL_CLOSED, .id = wire->id[!from], .why = PTN_ERR_RESET},
                 w->now + w->delay);
            *wire = (struct wire){0};
        }
        break;
    case PTN_ASK_RESOLVE: resolve(w, from, ask); break;
    }
}

static void note(struct world *w, int agent, const struct ptn_sip_event *ev)
{
    CHECK(w->event_count[agent] < WORLD_EVENTS);
    struct seen *seen = &w->events[agent][w->event_count[agent]++];
    *seen = (struct seen){.event = *ev, .has_sdp = ev->sdp != NULL};
    snprintf(seen->text, sizeof seen->text, "%.*s", (int)ev->text.size,
             ev->text.size ? (const char *)ev->text.data : "");
    snprintf(seen->peer, sizeof seen->peer, "%s", ev->peer ? ev->peer : "");
    snprintf(seen->peer_name, sizeof seen->peer_name, "%s", ev->peer_name ? ev->peer_name : "");
    snprintf(seen->called, sizeof seen->called, "%s", ev->called ? ev->called : "");
    if (ev->sdp)
        seen->sdp = *ev->sdp;
}

static void drain(struct world *w)
{
    for (int i = 0; i < AGENTS; i++) {
        struct ptn_ask ask;
        struct ptn_sip_event ev;
        ptn_sip_tick(w->agents[i], w->now);
        while (ptn_sip_output(w->agents[i], w->now, &ask))
            serve(w, i, &ask);
        while (ptn_sip_event(w->agents[i], &ev))
            note(w, i, &ev);
        CHECK(ptn_sip_deadline(w->agents[i]) > w->now);
    }
}

/* The earliest packet, first come first of equal times. */
static int next_packet(const struct world *w)
{
    int best = -1;

    for (unsigned i = 0; i < w->packet_count; i++)
        if (best < 0 || w->packets[i].at < w->packets[best].at)
            best = (int)i;
    return best;
}

static void deliver(struct world *w, int index)
{
    struct packet p = w->packets[index];

    memmove(&w->packets[index], &w->packets[index + 1],
            (--w->packet_count - (unsigned)index) * sizeof p);
    if (p.to == PEER) {
        w->received_by = p.tell.local.ip[3];
        w->received_size = p.tell.bytes.size < WORLD_TEXT ? p.tell.bytes.size : WORLD_TEXT - 1;
        memcpy(w->received, p.bytes, w->received_size);
        w->received[w->received_size] = '\0';
    } else
        ptn_sip_input(w->agents[p.to], w->now, &p.tell);
    free(p.bytes);
}

/* One step, not beyond `until`. False: that is where we are. */
static bool step(struct world *w, ptn_time until)
{
    drain(w);
    int packet = next_packet(w);
    ptn_time next = packet >= 0 ? w->packets[packet].at : PTN_NEVER;
    for (int i = 0; i < AGENTS; i++)
        next = ptn_time_min(next, ptn_sip_deadline(w->agents[i]));
    if (next > until) {
        w->now = until;
        return false;
    }
    w->now = ptn_time_max(w->now, next);
    if (packet >= 0 && w->packets[packet].at <= w->now)
        deliver(w, packet);
    return true;
}

void world_run(struct world *w, ptn_time span)
{
    ptn_time until = w->now + span;

    while (step(w, until))
        continue;
}

const struct seen *world_expect(struct world *w, int agent, enum ptn_sip_event_kind kind)
{
    ptn_time until = w->now + PTN_S(300);

    for (bool more = true;;) {
        drain(w);
        while (w->event_read[agent] < w->event_count[agent]) {
            const struct seen *seen = &w->events[agent][w->event_read[agent]++];
            if (seen->event.kind == kind)
                return seen;
        }
        w->event_read[agent] = w->event_count[agent] = 0;
        if (!more)
            fail_msg("agent %d: event %d did not come", agent, (int)kind);
        more = step(w, until);
    }
}

void world_expect_none(struct world *w, int agent, enum ptn_sip_event_kind kind, ptn_time span)
{
    world_run(w, span);
    for (unsigned i = w->event_read[agent]; i < w->event_count[agent]; i++)
        CHECK(w->events[agent][i].event.kind != kind);
}

const char *world_receive(struct world *w, const char *beginning)
{
    ptn_time until = w->now + PTN_S(300);

    w->received[0] = '\0';
    while (strncmp(w->received, beginning, strlen(beginning)) != 0)
        if (!step(w, until))
            fail_msg("the peer got no %s", beginning);
    static char text[WORLD_TEXT];
    memcpy(text, w->received, sizeof text);
    w->received[0] = '\0';
    return text;
}

void world_receive_stun(struct world *w, const struct ptn_addr *mapped)
{
    ptn_time until = w->now + PTN_S(300);
    struct ptn_stun_msg m;
    struct ptn_stun_out o;
    uint8_t buf[100];
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM, .id = w->udp[0], .from = w->peer};

    w->received_size = 0;
    while (ptn_stun_decode(&m, ptn_bytes(w->received, w->received_size)) != PTN_STUN_OK)
        if (!step(w, until))
            fail_msg("the peer got no STUN request");
    CHECK_EQ(PTN_STUN_REQUEST, m.class);
    w->received_size = 0;
    if (!mapped)
        return;
    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &m.id);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, mapped);
    CHECK(ptn_stun_end(&o, &tell.bytes));
    ptn_sip_input(w->agents[0], w->now, &tell);
    drain(w);
}

void world_receive_none(struct world *w, ptn_time span)
{
    w->received[0] = '\0';
    world_run(w, span);
    CHECK_STR("", w->received);
}

void world_send(struct world *w, int agent, const char *text)
{
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM,
                            .id = w->udp[agent],
                            .from = w->peer,
                            .bytes = ptn_bytes_of_text(text)};

    ptn_sip_input(w->agents[agent], w->now, &tell);
    drain(w);
}

const char *header_of(const char *message, const char *name)
{
    static char value[WORLD_TEXT];
    size_t size = strlen(name);

    for (const char *line = strchr(message, '\n'); line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line + size + 2, "\r\n"),
                     line + size + 2);
            return value;
        }
    }
    return "";
}

void world_reply(struct world *w, int agent, const char *request, const char *status,
                 const char *to_tag, const char *headers, const char *body)
{
    static const char *const copied[] = {"Via", "From", "To", "Call-ID", "CSeq"};
    char text[WORLD_TEXT];
    int used = snprintf(text, sizeof text, "SIP/2.0 %s\r\n", status);

    for (unsigned i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        const char *value = header_of(request, copied[i]);
        bool tag = i == 2 && to_tag && !strstr(value, ";tag=");
        used += snprintf(text + used, sizeof text - (size_t)used, "%s: %s%s%s\r\n", copied[i],
                         value, tag ? ";tag=" : "", tag ? to_tag : "");
    }
    snprintf(text + used, sizeof text - (size_t)used, "%s%sContent-Length: %zu\r\n\r\n%s", headers,
             body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
    world_send(w, agent, text);
}

struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    CHECK(w != NULL);
    printf("# seed %llu\n", (unsigned long long)seed);
    w->dice = ptn_dice_seeded(seed);
    w->now = PTN_S(1000);
    w->delay = PTN_MS(20);
    w->next_accepted = PTN_ID_WORLD;
    w->peer = ptn_addr_v4(192, 0, 2, 9, 5060);
    for (int i = 0; i < AGENTS; i++) {
        struct ptn_sip_opts opts = {.id_first = 100,
                                    .id_count = 1000,
                                    .dice = ptn_dice_split(&w->dice),
                                    .user_agent = "test"};
        w->addr[i] = ptn_addr_v4(192, 0, 2, (uint8_t)(i + 1), 5060);
        CHECK_EQ(PTN_OK, ptn_sip_new(&opts, &w->agents[i]));
        w->udp[i] = ptn_sip_listen(w->agents[i], w->now, PTN_UDP, &w->addr[i]);
        w->tcp[i] = ptn_sip_listen(w->agents[i], w->now, PTN_TCP, &w->addr[i]);
    }
    for (int i = 0; i < AGENTS; i++) {
        world_expect(w, i, PTN_SIP_SOCKET_OPENED);
        world_expect(w, i, PTN_SIP_SOCKET_OPENED);
    }
    return w;
}

void world_free(struct world *w)
{
    for (int i = 0; i < AGENTS; i++)
        ptn_sip_free(w->agents[i]);
    for (unsigned i = 0; i < w->packet_count; i++)
        free(w->packets[i].bytes);
    free(w);
}

ptn_sip_id world_plain_account(struct world *w, int agent, const char *user)
{
    struct ptn_sip_account account = {
        .user = user, .domain = "example.org", .display_name = "A \"quoted\" name"};
    struct ptn_sip_path path = {w->udp[agent], w->addr[agent]};
    ptn_sip_id id = 0;

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[agent], w->now, &account, &id));
    ptn_sip_account_use(w->agents[agent], w->now, id, &path);
    return id;
}

ptn_sip_id world_registering_account(struct world *w, int agent, const struct ptn_sip_account *with)
{
    struct ptn_sip_account account = *with;
    struct ptn_sip_path path = {w->udp[agent], w->addr[agent]};
    ptn_sip_id id = 0;

    account.registers = true;
    account.user = account.user ? account.user : "1001";
    if (!account.server.name)
        account.server = (struct ptn_sip_host){.name = "192.0.2.9"};
    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[agent], w->now, &account, &id));
    ptn_sip_account_use(w->agents[agent], w->now, id, &path);
    return id;
}

struct ptn_sdp world_sdp(int agent, enum ptn_sdp_direction direction)
{
    struct ptn_sdp sdp = {.id = 5, .version = 1, .media_count = 1};

    sdp.owner = ptn_addr_v4(192, 0, 2, (uint8_t)(agent + 1), 0);
    sdp.media[0] = (struct ptn_sdp_media){
        .kind = "audio",
        .proto = "RTP/AVP",
        .rtp = ptn_addr_with_port(sdp.owner, 4000),
        .rtcp = ptn_addr_with_port(sdp.owner, 4001),
        .direction = direction,
        .codec_count = 1,
        .codecs = {{.payload_type = 8, .channels = 1, .rate_hz = 8000, .name = "PCMA"}},
    };
    return sdp;
}

void world_call(struct world *w, ptn_sip_id account, ptn_sip_id *at_alice, ptn_sip_id *at_bob)
{
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV),
                   answer = world_sdp(BOB, PTN_SDP_SENDRECV);

    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account, "sip:bob@192.0.2.2", NULL,
                                  &offer, at_alice));
    *at_bob = world_expect(w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_progress(w->agents[BOB], w->now, *at_bob, 180, NULL, NULL);
    ptn_sip_call_accept(w->agents[BOB], w->now, *at_bob, NULL, &answer);
    world_expect(w, ALICE, PTN_SIP_ANSWERED);
    world_expect(w, BOB, PTN_SIP_ACKED);
}

ptn_sip_id world_dial(struct world *w, ptn_sip_id account, const char *target)
{
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_sip_id id;

    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account, target, NULL, &sdp, &id));
    return id;
}

struct world_dialled world_dial_peer(struct world *w, bool reliable, const char *password)
{
    struct world_dialled d;
    struct ptn_sip_account account = {
        .user = "alice", .domain = "example.org", .password = password, .reliable = reliable};
    struct ptn_sip_path path = {w->udp[ALICE], w->addr[ALICE]};

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &d.account));
    ptn_sip_account_use(w->agents[ALICE], w->now, d.account, &path);
    d.id = world_dial(w, d.account, "sip:bob@192.0.2.9");
    snprintf(d.invite, sizeof d.invite, "%s", world_receive(w, "INVITE"));
    return d;
}

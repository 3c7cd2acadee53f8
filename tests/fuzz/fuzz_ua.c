/*
 * fuzz_ua - a whole phone fed by the network, and used while that happens.
 *
 * The input is a list of steps: one byte says what happens, one more how, two how
 * many bytes follow, then the bytes. Besides plain datagrams on its SIP, RTP and
 * RTCP sockets there are answers made from what the phone itself sent last, for
 * nobody guesses a transaction id.
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "stun/cred.h"
#include "stun/msg.h"
#include "stun/seal.h"
#include "ua/ua.h"

enum { STEPS_MAX = 80, TICKS_MAX = 60, SOCKETS = 64, SENT_MAX = 4096 };

static const struct ptn_addr SERVER = {{198, 51, 100, 5}, 5060, PTN_IPV4, 0};
static const struct ptn_addr STUN = {{203, 0, 113, 1}, 3478, PTN_IPV4, 0};
static const struct ptn_addr PEER = {{192, 0, 2, 9}, 20000, PTN_IPV4, 0};

static struct ptn_ua *ua;
static ptn_time now;
static struct {
    ptn_id id;
    struct ptn_addr local;
} sockets[SOCKETS];
static struct sent {
    ptn_id id;
    struct ptn_addr to;
    size_t size;
    uint8_t bytes[SENT_MAX];
} last_sip, last_stun, last_turn;
static ptn_ua_call_id last_call;

static void tell(enum ptn_tell_kind kind, ptn_id id, struct ptn_addr from, struct ptn_bytes bytes)
{
    /* A copy of exact size on the heap, so that ASan sees a read past the end. */
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);

    if (!copy)
        abort();
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    ptn_ua_input(ua, now,
                 &(struct ptn_tell){.kind = kind,
                                    .id = id,
                                    .from = from,
                                    .local = from,
                                    .transport = PTN_UDP,
                                    .bytes = {copy, bytes.size},
                                    .why = PTN_ERR_REFUSED});
    free(copy);
}

static void keep(const struct ptn_ask *ask)
{
    bool stun = ask->bytes.size > 1 && ask->bytes.data[0] < 4;
    struct sent *to = !stun                                    ? &last_sip
                      : ask->bytes.data[1] == PTN_STUN_BINDING ? &last_stun
                                                               : &last_turn;

    /* Media is not kept: nobody answers that. */
    if (ask->bytes.size == 0 || ask->bytes.size > SENT_MAX || ask->bytes.data[0] >= 128)
        return;
    *to = (struct sent){.id = ask->id, .to = ask->to, .size = ask->bytes.size};
    memcpy(to->bytes, ask->bytes.data, ask->bytes.size);
}

static void open_socket(const struct ptn_ask *ask)
{
    struct ptn_addr local = ask->local;

    for (unsigned i = 0; i < SOCKETS; i++) {
        if (sockets[i].id != 0)
            continue;
        sockets[i].id = ask->id;
        if (local.port == 0)
            local.port = (uint16_t)(50000 + i);
        sockets[i].local = local;
        tell(PTN_TELL_OPENED, ask->id, local, (struct ptn_bytes){0});
        return;
    }
    tell(PTN_TELL_FAILED, ask->id, local, (struct ptn_bytes){0});
}

static void drain(void)
{
    struct ptn_ua_event ev;
    struct ptn_ask ask;
    unsigned outputs = 0;

    while (ptn_ua_output(ua, now, &ask)) {
        if (++outputs > 100000)
            abort(); /* it never ends */
        if (ask.kind == PTN_ASK_OPEN || ask.kind == PTN_ASK_LISTEN)
            open_socket(&ask);
        else if (ask.kind == PTN_ASK_DATAGRAM)
            keep(&ask);
        else if (ask.kind == PTN_ASK_RESOLVE || ask.kind == PTN_ASK_CONNECT)
            tell(PTN_TELL_FAILED, ask.id, SERVER, (struct ptn_bytes){0});
        for (unsigned i = 0; ask.kind == PTN_ASK_CLOSE && i < SOCKETS; i++)
            if (sockets[i].id == ask.id)
                sockets[i].id = 0;
    }
    while (ptn_ua_event(ua, now, &ev))
        if (ev.kind == PTN_UA_INCOMING)
            last_call = ev.call;
}

/* The phone's last request, turned round: its own header lines under a status line, To with a tag.
 */
static void answer_sip(uint8_t how, struct ptn_bytes extra)
{
    static const unsigned statuses[] = {100, 180, 183, 200, 202, 301, 401, 404,
                                        407, 423, 480, 486, 487, 488, 491, 503};
    char head[SENT_MAX + 1], buf[SENT_MAX + 2100];

    memcpy(head, last_sip.bytes, last_sip.size);
    head[last_sip.size] = '\0';
    char *first = strstr(head, "\r\n"), *to = strstr(head, "\r\nTo: "),
         *end = strstr(head, "\r\n\r\n");
    if (!to || !end || to >= end || strncmp(head, "SIP/", 4) == 0)
        return;
    end[2] = '\0';
    char *to_end = strstr(to + 2, "\r\n");
    bool tagged = memmem(to, (size_t)(to_end - to), ";tag=", 5) != NULL;
    int used = snprintf(buf, sizeof buf, "SIP/2.0 %u Fuzz%.*s%s%s", statuses[how % 16],
                        (int)(to_end - first), first, tagged ? "" : ";tag=f", to_end);
    size_t room = sizeof buf - (size_t)used;
    size_t size = extra.size < room ? extra.size : room;
    if (size)
        memcpy(buf + used, extra.data, size);
    tell(PTN_TELL_DATAGRAM, last_sip.id, last_sip.to, ptn_bytes(buf, (size_t)used + size));
}

static void answer_stun(uint8_t how, struct ptn_bytes extra)
{
    struct ptn_stun_msg question;
    struct ptn_stun_out out;
    struct ptn_bytes bytes;
    uint8_t buf[400];
    struct ptn_addr mapped = ptn_addr_v4(192, 0, 2, 1, (uint16_t)(40000 + how % 4));

    if (ptn_stun_decode(&question, ptn_bytes(last_stun.bytes, last_stun.size)) != PTN_STUN_OK)
        return;
    ptn_stun_begin(&out, buf, sizeof buf, how & 128 ? PTN_STUN_ERROR : PTN_STUN_SUCCESS,
                   PTN_STUN_BINDING, &question.id);
    if (how & 64)
        ptn_stun_put_addr(&out, PTN_STUN_MAPPED_ADDRESS, &mapped);
    else
        ptn_stun_put_addr(&out, PTN_STUN_XOR_MAPPED_ADDRESS, &mapped);
    if (extra.size > 0 && extra.size < 200)
        ptn_stun_put(&out, PTN_STUN_SOFTWARE, extra);
    if (ptn_stun_end(&out, &bytes))
        tell(PTN_TELL_DATAGRAM, last_stun.id, last_stun.to, bytes);
}

/* The phone's last TURN request: granted and sealed, or refused. */
static void answer_turn(uint8_t how, struct ptn_bytes extra)
{
    static const unsigned codes[] = {0, 401, 438, 437, 300, 403, 486, 508};
    static const struct ptn_addr relayed = {{203, 0, 113, 1}, 50000, PTN_IPV4, 0};
    struct ptn_crypto *crypto = ptn_crypto_new();
    struct ptn_stun_msg question;
    struct ptn_stun_out out;
    struct ptn_bytes bytes, realm = ptn_bytes("r", 1);
    uint8_t buf[600], key[PTN_DIGEST_BYTES_MAX];
    unsigned code = codes[how % 8];

    if (!crypto)
        abort();
    if (ptn_stun_decode(&question, ptn_bytes(last_turn.bytes, last_turn.size)) == PTN_STUN_OK) {
        ptn_stun_begin(&out, buf, sizeof buf, code ? PTN_STUN_ERROR : PTN_STUN_SUCCESS,
                       question.method, &question.id);
        if (code)
            ptn_stun_put_error(&out, code);
        if (code == 401 || code == 438) {
            ptn_stun_put(&out, PTN_STUN_REALM, realm);
            ptn_stun_put(&out, PTN_STUN_NONCE, ptn_bytes("n", 1));
        } else {
            ptn_stun_put_addr(&out, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed);
            ptn_stun_put_u32(&out, PTN_STUN_LIFETIME, how & 128 ? 0 : 600);
        }
        if (extra.size > 0 && extra.size < 200)
            ptn_stun_put(&out, PTN_STUN_SOFTWARE, extra);
        size_t size = ptn_stun_long_term_key(crypto, PTN_STUN_ALGORITHM_MD5, ptn_bytes("t", 1),
                                             realm, ptn_bytes("t", 1), key);
        if (!code)
            ptn_stun_put_integrity(&out, crypto, ptn_bytes(key, size));
        if (ptn_stun_end(&out, &bytes))
            tell(PTN_TELL_DATAGRAM, last_turn.id, last_turn.to, bytes);
    }
    ptn_crypto_free(crypto);
}

static void command(uint8_t how, struct ptn_bytes bytes)
{
    char target[64];

    switch (how % 8) {
    case 0:
        snprintf(target, sizeof target, "%.*s", (int)(bytes.size < 63 ? bytes.size : 63),
                 bytes.size ? (const char *)bytes.data : "bob");
        ptn_ua_dial(ua, now, 0, target, &last_call);
        break;
    case 1: ptn_ua_answer(ua, now, last_call); break;
    case 2: ptn_ua_hang_up(ua, now, last_call); break;
    case 3: ptn_ua_reject(ua, now, last_call, 400 + 2 * how); break;
    case 4: ptn_ua_register(ua, now); break;
    case 5: ptn_ua_unregister(ua, now); break;
    case 6: ptn_ua_stop(ua, now); break;
    case 7: {
        struct ptn_ua_status *status = malloc(sizeof *status);
        if (status)
            ptn_ua_status(ua, now, status);
        free(status);
        break;
    }
    }
}

static void step(uint8_t what, uint8_t how, struct ptn_bytes bytes)
{
    static const struct ptn_addr *const froms[] = {&SERVER, &STUN, &PEER};
    ptn_time until;

    switch (what % 7) {
    case 0: /* time, in steps as the phone wishes them */
        until = now + PTN_MS(20) * (1 + how) * (how >= 128 ? 50 : 1);
        for (unsigned i = 0; i < TICKS_MAX && ptn_ua_deadline(ua) <= until; i++) {
            now = ptn_time_max(now, ptn_ua_deadline(ua));
            ptn_ua_tick(ua, now);
            drain();
        }
        now = until;
        break;
    case 1:
    case 2: /* SIP's socket is the first one opened, media's follow */
        if (sockets[what % 7 == 1 ? 0 : how / 4 % 8].id != 0)
            tell(how & 128 ? PTN_TELL_ICMP_ERROR : PTN_TELL_DATAGRAM,
                 sockets[what % 7 == 1 ? 0 : how / 4 % 8].id, *froms[how % 3], bytes);
        break;
    case 3: answer_sip(how, bytes); break;
    case 4: answer_stun(how, bytes); break;
    case 5: command(how, bytes); break;
    case 6: answer_turn(how, bytes); break;
    }
    ptn_ua_tick(ua, now);
    drain();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    struct ptn_ua_opts opts = {
        .locals = {{.addr = ptn_addr_v4(192, 168, 1, 20, 0)}},
        .local_count = 1,
        .sip_port = 5060,
        .rtp_port_min = 11780,
        .rtp_port_max = 11799,
        .account_count = 1,
        .stun = {{"203.0.113.1", 3478}},
        .stun_count = 1,
        .ice = true,
        .turn = {.servers = {{"203.0.113.1", 3478, 5349}},
                 .server_count = 1,
                 .user = "t",
                 .password = "t",
                 .by = PTN_RELAYS_BY_UDP,
                 .always = size % 2},
        .source = ptn_source_tone(440, -12),
        .auto_answer = true,
        .auto_answer_after = PTN_MS(200),
        .dice = ptn_dice_seeded(1),
    };

    opts.accounts[0] = (struct ptn_ua_account){
        .user = "alice",
        .domain = "example.org",
        .password = "secret",
        .server = {.name = "198.51.100.5", .port = 5060, .transport = PTN_UDP},
        .registers = true,
        .keepalive = PTN_SIP_KEEPALIVE_OPTIONS,
        .reliable = true,
        .mailbox = "*97",
    };
    memset(sockets, 0, sizeof sockets);
    last_sip.size = last_stun.size = last_turn.size = 0;
    last_call = 0;
    now = PTN_S(1000);
    if (ptn_ua_new(&opts, &ua))
        abort();
    ptn_ua_start(ua, now);
    drain();
    for (unsigned i = 0; i < STEPS_MAX && ptn_reader_left(&r) >= 4; i++) {
        uint8_t what = ptn_read_u8(&r), how = ptn_read_u8(&r);
        size_t bytes = ptn_read_u16(&r);
        size_t left = ptn_reader_left(&r);
        step(what, how, ptn_read(&r, bytes < left ? bytes : left));
    }
    ptn_ua_free(ua);
    return 0;
}

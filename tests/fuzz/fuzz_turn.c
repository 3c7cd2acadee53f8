/*
 * fuzz_turn - what a TURN server says to a client, as a story: the first byte says by which ways,
 * then come steps. A step is a byte that says what happens, one that says how much, and so many
 * bytes. So that a story gets beyond the first question, answers can be had that bear the id of the
 * request, and a seal.
 */
#include <stdlib.h>

#include "stun/seal.h"
#include "turn/turn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOCKET = 1, CONNECTION = 2, ASKS_MAX = 64 };

static struct ptn_turn t;
static struct ptn_crypto *crypto;
static struct ptn_turn_user user = {"alice", "secret"};
static struct ptn_stun_msg last; /* the request to be answered */
static uint8_t last_bytes[2048];
static bool has_last, is_open;
static struct ptn_addr last_to;

static void must(bool good)
{
    if (!good)
        abort();
}

static void drain(ptn_time now)
{
    struct ptn_ask ask;
    struct ptn_turn_event ev;
    unsigned asks = 0;

    do {
        ptn_turn_tick(&t, now);
        while (ptn_turn_output(&t, now, &ask)) {
            must(++asks < ASKS_MAX);
            if (ask.kind == PTN_ASK_CONNECT) {
                must(!is_open);
                is_open = true;
            } else if (ask.kind == PTN_ASK_CLOSE) {
                must(is_open);
                is_open = false;
            } else {
                must(ask.kind == PTN_ASK_DATAGRAM || is_open);
                must(ask.bytes.size <= sizeof last_bytes);
                memcpy(last_bytes, ask.bytes.data, ask.bytes.size);
                has_last =
                    ptn_stun_decode(&last, ptn_bytes(last_bytes, ask.bytes.size)) == PTN_STUN_OK;
                must(has_last);
                last_to = ask.kind == PTN_ASK_DATAGRAM ? ask.to : (struct ptn_addr){0};
            }
        }
    } while (ptn_turn_deadline(&t) <= now && ++asks < ASKS_MAX);
    must(asks < ASKS_MAX);
    while (ptn_turn_event(&t, &ev))
        must(strcmp(ptn_turn_why_text(ev.why), "unknown") != 0);
}

static void hear(ptn_time now, struct ptn_bytes bytes)
{
    struct ptn_tell tell = {.kind = PTN_TELL_STREAM, .id = CONNECTION, .bytes = bytes};
    struct ptn_addr from;
    struct ptn_bytes heard;

    if (t.at.transport == PTN_UDP) {
        tell = (struct ptn_tell){
            .kind = PTN_TELL_DATAGRAM, .id = SOCKET, .from = t.at.server, .bytes = bytes};
    } else if (!is_open) {
        return;
    }
    if (!ptn_turn_input(&t, now, &tell))
        return;
    while (ptn_turn_data(&t, now, &from, &heard))
        must(from.family == PTN_IPV4 || from.family == PTN_IPV6);
}

/* An answer to the last request: `bytes` are its attributes; the code is the first of them. */
static void answer(ptn_time now, struct ptn_bytes bytes, bool seal)
{
    static const unsigned codes[] = {0,   300, 400, 401, 403, 420, 437, 438,
                                     440, 441, 442, 486, 500, 508, 0,   401};
    static uint8_t buf[2048];
    struct ptn_stun_out o;
    struct ptn_bytes message;
    unsigned code = codes[bytes.data[0] % 16];

    ptn_stun_begin(&o, buf, sizeof buf, code ? PTN_STUN_ERROR : PTN_STUN_SUCCESS, last.method,
                   &last.id);
    if (code)
        ptn_stun_put_error(&o, code);
    if (bytes.data[0] & 16)
        ptn_stun_put(&o, PTN_STUN_REALM, ptn_bytes_of_text("realm"));
    if (bytes.data[0] & 32)
        ptn_stun_put(&o, PTN_STUN_NONCE, ptn_bytes_of_text("nonce"));
    if (bytes.data[0] & 64) {
        struct ptn_addr relayed = ptn_addr_v4(81, 2, 69, 2, 50000);
        ptn_stun_put_addr(&o, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed);
        ptn_stun_put_u32(&o, PTN_STUN_LIFETIME, 1 + bytes.data[0]);
    }
    ptn_write(&o.w, ptn_bytes(bytes.data + 1, (bytes.size - 1) & ~(size_t)3));
    if (bytes.size > 4) /* the header's length is set by what is put */
        ptn_stun_put(&o, PTN_STUN_SOFTWARE, ptn_bytes_of_text("f"));
    if (seal) {
        struct ptn_bytes key = ptn_bytes(t.auth.key, t.auth.key_size);
        if (t.auth.sha256)
            ptn_stun_put_integrity_sha256(&o, crypto, key);
        else
            ptn_stun_put_integrity(&o, crypto, key);
    }
    if (ptn_stun_end(&o, &message))
        hear(now, message);
}

static void peer_step(ptn_time now, struct ptn_bytes bytes)
{
    struct ptn_addr peer = ptn_addr_v4(91, 198, 174, bytes.data[0], 7000);
    struct ptn_ask ask;

    if (bytes.data[0] & 128)
        ptn_turn_forget(&t);
    ptn_turn_permit(&t, now, &peer);
    if (ptn_turn_send(&t, now, &peer, bytes, NULL, &ask))
        must(ask.kind == PTN_ASK_DATAGRAM || is_open);
}

static void connection_step(ptn_time now, uint8_t what)
{
    static const enum ptn_tell_kind kinds[] = {PTN_TELL_OPENED, PTN_TELL_FAILED, PTN_TELL_CLOSED};
    struct ptn_tell tell = {.kind = kinds[what % 3], .id = CONNECTION, .why = PTN_ERR_RESET};

    if (!is_open)
        return;
    is_open = tell.kind == PTN_TELL_OPENED;
    ptn_turn_input(&t, now, &tell);
}

static void step(ptn_time now, uint8_t what, struct ptn_bytes bytes)
{
    switch (what & 7) {
    case 0: hear(now, bytes); break;
    case 1:
    case 2:
        if (has_last && bytes.size > 0)
            answer(now, bytes, (what & 7) == 2);
        break;
    case 3: connection_step(now, what >> 3); break;
    case 4:
        if (bytes.size > 0)
            peer_step(now, bytes);
        break;
    case 5: ptn_turn_doubt(&t, now); break;
    case 6: {
        struct ptn_tell tell = {.kind = PTN_TELL_ICMP_ERROR,
                                .id = SOCKET,
                                .from = t.at.server,
                                .why = PTN_ERR_UNREACHABLE};
        ptn_turn_input(&t, now, &tell);
        break;
    }
    default: ptn_turn_release(&t, now); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_turn_opts opts = {.socket = SOCKET,
                                 .connection = CONNECTION,
                                 .local = ptn_addr_v4(192, 168, 1, 10, 4000),
                                 .user = &user,
                                 .dice = ptn_dice_seeded(1)};
    struct ptn_turn_ways ways = {.count = 2};
    ptn_time now = PTN_S(1);

    if (size < 1)
        return 0;
    if (!crypto)
        crypto = ptn_crypto_new();
    must(crypto != NULL);
    opts.crypto = crypto;
    has_last = is_open = false;
    for (unsigned i = 0; i < 2; i++)
        ways.ways[i] = (struct ptn_turn_way){ptn_addr_v4(81, 2, 69, (uint8_t)(i + 1), 3478),
                                             data[0] >> i & 1 ? PTN_TCP : PTN_UDP, NULL};
    ptn_turn_init(&t, &opts);
    ptn_turn_start(&t, now, &ways);
    drain(now);
    for (size_t at = 1; at + 2 <= size;) {
        uint8_t what = data[at], amount = data[at + 1];
        size_t left = size - at - 2, taken = amount < left ? amount : left;
        step(now, what, ptn_bytes(data + at + 2, taken));
        at += 2 + taken;
        if (what & 128)
            now += PTN_MS(100) * (1 + amount);
        if (ptn_turn_done(&t) && t.state == PTN_TURN_IDLE)
            ptn_turn_start(&t, now, &ways);
        drain(now);
    }
    return 0;
}

/*
 * tests/fuzz/fuzz_sip_names.c - any records as the name servers' answers about an account's server:
 * wrong types, loops, too many of them, none; and servers that answer or do not.
 *
 * The input is read as a tape: each question takes a byte for how many records come, and some bytes
 * a record. What is asked is bounded whatever comes, and nothing is sent to where nobody can be.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "sip/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 40, ASKS_MAX = 64 };

struct tape {
    struct ptn_reader r;
    uint8_t next;
};

/* The tape, then a sequence without end. */
static uint8_t take(struct tape *t)
{
    uint8_t byte = ptn_read_u8(&t->r);

    return t->r.bad ? t->next++ : byte;
}

static struct ptn_dns_record record(struct tape *t)
{
    static const char *const names[] = {"",        "a.example",    "_sip._udp.example", "example",
                                        ".",       "192.0.2.9",    "_sip._tcp.example", "b.example",
                                        "a\nb:\t", "a..b.example", "xn--e.example",     NULL};
    static const char *const flags[] = {"s", "S", "a", "u", "", NULL};
    static const char *const services[] = {"SIP+D2U", "sip+d2t", "SIPS+D2T", "E2U+sip", "", NULL};
    struct ptn_dns_record r = {.type = (enum ptn_dns_type)(1u << take(t) % 4)};

    r.ttl_s = (uint32_t)take(t) << 24 >> take(t) % 32;
    r.addr.family = take(t) % 4 ? PTN_IPV4 : PTN_IPV6;
    for (unsigned i = 0; i < ptn_addr_ip_bytes(&r.addr); i++)
        r.addr.ip[i] = take(t);
    r.priority = take(t) % 3;
    r.weight = (uint16_t)(take(t) * 257);
    r.port = (uint16_t)(take(t) % 3 * 2530);
    r.target = names[take(t) % (sizeof names / sizeof *names)];
    r.flags = flags[take(t) % (sizeof flags / sizeof *flags)];
    r.service = services[take(t) % (sizeof services / sizeof *services)];
    return r;
}

static void check_place(const struct ptn_addr *to)
{
    enum ptn_addr_kind kind = ptn_addr_kind(to);

    if (kind != PTN_ADDR_PUBLIC || to->port == 0)
        abort();
}

struct play {
    struct ptn_sip *s;
    struct tape tape;
    unsigned questions;
};

static void answer(struct play *p, ptn_time now, ptn_id id)
{
    struct ptn_dns_record records[RECORDS_MAX];
    struct ptn_tell tell = {.kind = PTN_TELL_RESOLVED, .id = id, .records = records};

    p->questions++;
    if (take(&p->tape) % 8 == 0) {
        tell.kind = PTN_TELL_FAILED;
        tell.why = PTN_ERR_TIMED_OUT;
    } else {
        tell.record_count = take(&p->tape) % RECORDS_MAX;
        for (size_t i = 0; i < tell.record_count; i++)
            records[i] = record(&p->tape);
    }
    ptn_sip_input(p->s, now, &tell);
}

static void drain(struct play *p, ptn_time now)
{
    ptn_id asked[ASKS_MAX], refused[ASKS_MAX];
    unsigned asked_count = 0, refused_count = 0;
    struct ptn_sip_event ev;
    struct ptn_ask ask;

    ptn_sip_tick(p->s, now);
    while (ptn_sip_output(p->s, now, &ask)) {
        if (ask.kind == PTN_ASK_RESOLVE && asked_count < ASKS_MAX)
            asked[asked_count++] = ask.id;
        if (ask.kind == PTN_ASK_CONNECT && refused_count < ASKS_MAX)
            refused[refused_count++] = ask.id;
        if (ask.kind == PTN_ASK_CONNECT || ask.kind == PTN_ASK_DATAGRAM)
            check_place(&ask.to);
    }
    for (unsigned i = 0; i < asked_count; i++)
        answer(p, now, asked[i]);
    for (unsigned i = 0; i < refused_count; i++)
        ptn_sip_input(
            p->s, now,
            &(struct ptn_tell){.kind = PTN_TELL_FAILED, .id = refused[i], .why = PTN_ERR_REFUSED});
    while (ptn_sip_event(p->s, &ev))
        continue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_sip_opts opts = {
        .id_first = 1, .id_count = 100, .transactions_max = 8, .dice = ptn_dice_seeded(1)};
    struct ptn_addr local = ptn_addr_v4(192, 0, 2, 1, 5060);
    struct ptn_sip_account account = {.user = "bob",
                                      .registers = true,
                                      .server = {.name = "example", .by_naptr = true},
                                      .server_2 = {.name = "b.example"}};
    struct play p = {.tape = {.r = ptn_reader(ptn_bytes(data, size))}};
    ptn_time now = PTN_S(1);
    ptn_sip_id id;

    if (size > 4000 || ptn_sip_new(&opts, &p.s))
        return 0;
    ptn_id udp = ptn_sip_listen(p.s, now, PTN_UDP, &local);
    ptn_id tcp = ptn_sip_listen(p.s, now, PTN_TCP, &local);
    ptn_sip_input(p.s, now, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = udp, .local = local});
    ptn_sip_input(p.s, now, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = tcp, .local = local});
    if (ptn_sip_account_add(p.s, now, &account, &id) == PTN_OK)
        ptn_sip_account_use(p.s, now, id, &(struct ptn_sip_path){udp, local});
    for (unsigned i = 0; i < 3000 && now < PTN_S(301); i++) {
        drain(&p, now);
        now = ptn_time_max(now + PTN_MS(1), ptn_sip_deadline(p.s));
    }
    /* Two names, 1 + 8 + 8 questions each, at most every 5 s. */
    if (now < PTN_S(301) || p.questions > 2 * 17 * 62)
        abort();
    ptn_sip_free(p.s);
    return 0;
}

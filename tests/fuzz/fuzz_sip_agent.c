/*
 * tests/fuzz/fuzz_sip_agent.c - any bytes as a datagram, and as a stream, to an idle agent.
 */
#include <stdlib.h>

#include "sip/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct ptn_sip *s, ptn_time now)
{
    struct ptn_sip_event ev;
    struct ptn_ask ask;

    ptn_sip_tick(s, now);
    while (ptn_sip_output(s, now, &ask))
        continue;
    while (ptn_sip_event(s, &ev))
        continue;
}

static void tell(struct ptn_sip *s, enum ptn_tell_kind kind, ptn_id id, struct ptn_bytes bytes)
{
    ptn_sip_input(s, 0,
                  &(struct ptn_tell){.kind = kind,
                                     .id = id,
                                     .listener = 2,
                                     .transport = PTN_TCP,
                                     .local = ptn_addr_v4(192, 0, 2, 1, 5060),
                                     .from = ptn_addr_v4(192, 0, 2, 9, 5060),
                                     .bytes = bytes});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_sip_opts opts = {
        .id_first = 1, .id_count = 50, .transactions_max = 8, .dice = ptn_dice_seeded(1)};
    struct ptn_addr local = ptn_addr_v4(192, 0, 2, 1, 5060);
    struct ptn_sip_account account = {.user = "bob", .domain = "x"};
    struct ptn_sip *s;
    ptn_sip_id id;

    if (size > 20000 || ptn_sip_new(&opts, &s))
        return 0;
    ptn_id udp = ptn_sip_listen(s, 0, PTN_UDP, &local);
    ptn_id tcp = ptn_sip_listen(s, 0, PTN_TCP, &local);
    tell(s, PTN_TELL_OPENED, udp, (struct ptn_bytes){0});
    tell(s, PTN_TELL_OPENED, tcp, (struct ptn_bytes){0});
    if (ptn_sip_account_add(s, 0, &account, &id) == PTN_OK)
        ptn_sip_account_use(s, 0, id, &(struct ptn_sip_path){udp, local});
    tell(s, PTN_TELL_DATAGRAM, udp, ptn_bytes(data, size));
    drain(s, 0);
    tell(s, PTN_TELL_ACCEPTED, PTN_ID_WORLD + 1, (struct ptn_bytes){0});
    tell(s, PTN_TELL_STREAM, PTN_ID_WORLD + 1, ptn_bytes(data, size));
    drain(s, 0);
    /* Whatever it was, in the end the agent waits for nothing but the owner. */
    for (unsigned i = 0; i < 400 && ptn_sip_deadline(s) < PTN_S(600); i++)
        drain(s, ptn_sip_deadline(s));
    if (ptn_sip_deadline(s) < PTN_S(300))
        abort();
    ptn_sip_free(s);
    return 0;
}

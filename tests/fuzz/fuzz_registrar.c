/* Any bytes as a datagram, and as what comes over a connection, to the simulator's registrar: what
 * it sends on is no longer than a message may be, and it sends no more than one for each. */
#include <stdlib.h>

#include "registrar/registrar.h"

enum { LARGEST = 65536 + 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sent(const struct ptn_machine *m)
{
    struct ptn_ask ask;
    unsigned count = 0;

    while (m->output(m->self, 0, &ask)) {
        if (ask.bytes.size > LARGEST)
            abort();
        count += ask.kind == PTN_ASK_DATAGRAM || ask.kind == PTN_ASK_STREAM;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ptn_registrar_user users[] = {{"alice", "secret"}, {"bob", "secret"}};
    const struct ptn_addr phone = ptn_addr_v4(192, 0, 2, 9, 5060);
    struct ptn_registrar *r =
        ptn_registrar_new(&(struct ptn_registrar_opts){.locals = {ptn_addr_v4(192, 0, 2, 1, 5060)},
                                                       .local_count = 1,
                                                       .domain = "example.test",
                                                       .users = users,
                                                       .user_count = 2,
                                                       .challenges_calls = size % 2,
                                                       .dice = ptn_dice_seeded(1)});
    struct ptn_machine m = ptn_registrar_machine(r);

    sent(&m);
    m.input(m.self, 0,
            &(struct ptn_tell){
                .kind = PTN_TELL_DATAGRAM, .id = 1, .from = phone, .bytes = ptn_bytes(data, size)});
    if (sent(&m) > 1)
        abort();
    m.input(m.self, 0,
            &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                               .id = PTN_ID_WORLD,
                               .listener = 1 + PTN_REGISTRAR_LOCALS_MAX,
                               .transport = PTN_TCP,
                               .from = phone});
    m.input(m.self, 0,
            &(struct ptn_tell){
                .kind = PTN_TELL_STREAM, .id = PTN_ID_WORLD, .bytes = ptn_bytes(data, size)});
    sent(&m);
    ptn_registrar_free(r);
    return 0;
}

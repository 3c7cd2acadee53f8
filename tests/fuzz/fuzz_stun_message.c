/*
 * fuzz_stun_message - a datagram: everything in it is read, and what was read is written and read
 * again without a difference.
 */
#include <stdlib.h>

#include "stun/cred.h"
#include "stun/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct ptn_stun_msg *m, struct ptn_crypto *crypto)
{
    struct ptn_bytes key = ptn_bytes("secret", 6), value, params;
    struct ptn_addr addr;
    uint16_t types[20], u16;
    uint32_t u32;
    unsigned code;

    for (unsigned type = 0; type < 64; type++) {
        ptn_stun_get_addr(m, (enum ptn_stun_attr)type, &addr);
        ptn_stun_get_u32(m, (enum ptn_stun_attr)(0x8000 | type), &u32);
        ptn_stun_get_u16(m, (enum ptn_stun_attr)type, &u16);
    }
    ptn_stun_get_mapped(m, &addr, NULL);
    ptn_stun_get_error(m, &code, &value);
    if (ptn_stun_unknown(m, PTN_STUN_UNDERSTOOD, types, 20) > 20)
        abort();
    if (ptn_stun_get(m, PTN_STUN_PASSWORD_ALGORITHMS, &value))
        while (ptn_stun_next_algorithm(&value, &u16, &params))
            continue;
    if (ptn_stun_get(m, PTN_STUN_NONCE, &value))
        ptn_stun_nonce_features(value, &u32);
    ptn_stun_check_fingerprint(m);
    ptn_stun_check_integrity(m, crypto, key);
    ptn_stun_check_integrity_sha256(m, crypto, key);
}

static void write_again(const struct ptn_stun_msg *m)
{
    static uint8_t buf[70000];
    struct ptn_stun_out o;
    struct ptn_bytes message, value, again;
    struct ptn_stun_msg n;

    ptn_stun_begin(&o, buf, sizeof buf, m->class, m->method, &m->id);
    for (unsigned i = 0; i < PTN_STUN_SLOTS; i++) {
        unsigned type = i < 64 ? i : 0x8000 | (i - 64);
        /* What ends a message is left to the seals. */
        if (type != PTN_STUN_FINGERPRINT && type != PTN_STUN_MESSAGE_INTEGRITY &&
            type != PTN_STUN_MESSAGE_INTEGRITY_SHA256 &&
            ptn_stun_get(m, (enum ptn_stun_attr)type, &value))
            ptn_stun_put(&o, (enum ptn_stun_attr)type, value);
    }
    if (!ptn_stun_end(&o, &message) || ptn_stun_decode(&n, message) != PTN_STUN_OK ||
        n.class != m->class || n.method != m->method || n.dialect != m->dialect)
        abort();
    for (unsigned i = 0; i < PTN_STUN_SLOTS; i++) {
        enum ptn_stun_attr type = (enum ptn_stun_attr)(i < 64 ? i : 0x8000 | (i - 64));
        if (ptn_stun_get(&n, type, &again) &&
            (!ptn_stun_get(m, type, &value) || !ptn_bytes_equal(value, again)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ptn_crypto *crypto;
    struct ptn_stun_msg m;

    if (!crypto && !(crypto = ptn_crypto_new()))
        abort();
    if (ptn_stun_decode(&m, ptn_bytes(data, size)) != PTN_STUN_OK)
        return 0;
    read_all(&m, crypto);
    write_again(&m);
    return 0;
}

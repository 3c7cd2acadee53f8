/*
 * phone/identity.c - the name by which a registrar knows this phone again: +sip.instance.
 *
 * RFC 5626 §4.1 wants it the same at every start, and another on every device. A MAC address that
 * was set is both. Else it is drawn from the machine's own id, which nobody should see, and from
 * the instance's name, because several phones may live on one machine.
 */
#include <stdio.h>

#include "crypto/crypto.h"
#include "os/file.h"
#include "phone/phone.h"

static const char MACHINE_ID[] = "/etc/machine-id";

bool phone_identity_format(struct ptn_bytes machine_id, const char *instance,
                           char urn[static PHONE_INSTANCE_SIZE])
{
    struct ptn_crypto *crypto = ptn_crypto_new();
    struct ptn_bytes parts[] = {ptn_bytes_of_text("postern "), machine_id,
                                ptn_bytes_of_text(instance)};
    uint8_t d[PTN_DIGEST_BYTES_MAX];

    if (!crypto)
        return false;
    ptn_crypto_digest(crypto, PTN_SHA256, parts, sizeof parts / sizeof *parts, d);
    ptn_crypto_free(crypto);
    /* RFC 9562 §5.8: version 8, whose bits are the maker's own. */
    d[6] = (uint8_t)(0x80 | (d[6] & 0x0f));
    d[8] = (uint8_t)(0x80 | (d[8] & 0x3f));
    snprintf(urn, PHONE_INSTANCE_SIZE,
             "urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0],
             d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13],
             d[14], d[15]);
    return true;
}

void phone_identity_complete(const struct phone_settings *s, struct phone_wiring *w,
                             struct ptn_ua_opts *opts)
{
    struct ptn_bytes id;

    if (opts->instance || ptn_file_read(MACHINE_ID, 100, &id) != PTN_OK)
        return;
    while (id.size > 0 && id.data[id.size - 1] == '\n')
        id.size--;
    if (id.size > 0 && phone_identity_format(id, s->instance, w->instance))
        opts->instance = w->instance;
    ptn_file_free(&id);
}

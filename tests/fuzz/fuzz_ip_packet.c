/* Any bytes as an IP packet: rewriting keeps sound checksums sound, cutting and joining give the
 * packet back. */
#include <stdlib.h>

#include "ip/fragment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct ptn_addr some_end(uint8_t family, uint16_t port)
{
    struct ptn_addr a = {.family = family, .ip = {203, 0, 113, 9}, .port = port};

    return a;
}

static void rewrite(uint8_t *packet, size_t size)
{
    struct ptn_ip ip, again;

    must(ptn_ip_parse(ptn_bytes(packet, size), &ip) == PTN_IP_FINE);
    bool sound = ptn_ip_checksums_hold(ptn_bytes(packet, size), &ip);
    struct ptn_addr from = some_end(ip.family, 4000), to = some_end(ip.family, 5000);

    if (ip.icmp.has_quoted && ip.icmp.quoted.from.family == ip.family)
        ptn_ip_rewrite_quoted(packet, &ip, &to, &from);
    ptn_ip_rewrite(packet, &ip, &from, &to);
    if (ip.ttl > 1)
        ptn_ip_decrement_ttl(packet, &ip);
    must(ptn_ip_parse(ptn_bytes(packet, size), &again) == PTN_IP_FINE);
    must(ptn_addr_equal(&again.ends.from, &ip.ends.from));
    must(ptn_addr_equal(&again.ends.to, &ip.ends.to));
    must(!sound || ptn_ip_checksums_hold(ptn_bytes(packet, size), &again));
}

/* Errors about any packet are themselves sound packets. */
static void answer(const uint8_t *packet, size_t size, const struct ptn_ip *ip)
{
    uint8_t bytes[1280];
    struct ptn_writer w = ptn_writer(bytes, sizeof bytes);
    struct ptn_addr from = some_end(ip->family, 0);
    struct ptn_ip error;

    if (!ptn_ip_build_error(&w, &from, PTN_ICMP_TOO_BIG, 1280, ptn_bytes(packet, size), ip))
        return;
    struct ptn_bytes built = {bytes, ptn_writer_size(&w)};
    must(ptn_ip_parse(built, &error) == PTN_IP_FINE);
    must(ptn_ip_checksums_hold(built, &error));
}

static void cut_and_join(const uint8_t *packet, size_t size, const struct ptn_ip *ip)
{
    struct ptn_ip_store_opts opts = {.slots_max = 2, .timeout = PTN_S(1)};
    size_t offset = 0, mtu = ip->family == PTN_IPV4 ? 576 : 1280;
    enum ptn_ip_store_verdict verdict = PTN_IP_STORE_WAIT;
    struct ptn_ip_store *store;
    struct ptn_bytes whole = {0};
    uint8_t bytes[1504];

    must(ptn_ip_store_new(&store, &opts) == PTN_OK);
    for (;;) {
        struct ptn_writer w = ptn_writer(bytes, sizeof bytes);
        struct ptn_ip part;
        if (!ptn_ip_cut(&w, ptn_bytes(packet, size), ip, mtu, 7, &offset))
            break;
        struct ptn_bytes cut = {bytes, ptn_writer_size(&w)};
        must(!w.bad && cut.size <= mtu);
        /* The first part may lack what its own headers announce; that is its sender's doing. */
        if (ptn_ip_parse(cut, &part) == PTN_IP_FINE && part.is_fragment)
            verdict = ptn_ip_store_input(store, 0, 0, cut, &part, &whole);
    }
    must(verdict != PTN_IP_STORE_WHOLE || whole.size == ip->size);
    must(verdict != PTN_IP_STORE_WHOLE ||
         memcmp(whole.data + ip->ends.body_at, packet + ip->ends.body_at,
                ip->size - ip->ends.body_at) == 0);
    ptn_ip_store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_ip ip;

    if (ptn_ip_parse(ptn_bytes(data, size), &ip) != PTN_IP_FINE)
        return 0;
    answer(data, size, &ip);
    /* Longer chains of extension headers than a fragment has room for are cut by nobody. */
    if (!ip.is_fragment && ip.size > 576 && ip.ends.body_at < 256)
        cut_and_join(data, size, &ip);
    uint8_t *copy = malloc(size);
    must(copy != NULL);
    memcpy(copy, data, size);
    rewrite(copy, size);
    free(copy);
    return 0;
}

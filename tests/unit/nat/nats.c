#include "nats.h"

struct ptn_nat_opts home_opts(void)
{
    struct ptn_nat_opts o = PTN_NAT_HOME;

    o.pool[o.pool_count++] = OUTSIDE;
    return o;
}

struct ptn_nat *nat_with(const struct ptn_nat_opts *opts, uint64_t seed)
{
    struct ptn_dice dice = ptn_dice_seeded(seed);
    struct ptn_nat *n;

    CHECK_EQ(PTN_OK, ptn_nat_new(&n, opts, &dice));
    return n;
}

struct ptn_addr out(struct ptn_nat *n, ptn_time now, enum ptn_nat_proto proto, struct ptn_addr from,
                    struct ptn_addr to)
{
    struct ptn_nat_packet p = {.proto = proto, .tcp_flags = 2, .from = from, .to = to};

    return ptn_nat_outbound(n, now, &p) == PTN_NAT_PASS ? p.from : (struct ptn_addr){0};
}

enum ptn_nat_verdict out_verdict(struct ptn_nat *n, ptn_time now, enum ptn_nat_proto proto,
                                 struct ptn_addr from, struct ptn_addr to)
{
    struct ptn_nat_packet p = {.proto = proto, .tcp_flags = 2, .from = from, .to = to};

    return ptn_nat_outbound(n, now, &p);
}

enum ptn_nat_verdict in(struct ptn_nat *n, ptn_time now, enum ptn_nat_proto proto,
                        struct ptn_addr from, struct ptn_addr to)
{
    struct ptn_nat_packet p = {.proto = proto, .tcp_flags = 2, .from = from, .to = to};

    return ptn_nat_inbound(n, now, &p);
}

enum ptn_nat_verdict tcp(struct ptn_nat *n, ptn_time now, bool outbound, unsigned flags,
                         struct ptn_addr from, struct ptn_addr to)
{
    struct ptn_nat_packet p = {.proto = PTN_NAT_TCP, .tcp_flags = flags, .from = from, .to = to};

    return outbound ? ptn_nat_outbound(n, now, &p) : ptn_nat_inbound(n, now, &p);
}

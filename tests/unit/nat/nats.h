/*
 * tests/unit/nat/nats.h - short words for packets at a NAT: alice and amy inside, bob and carol
 * outside.
 */
#ifndef PTN_TEST_NATS_H
#define PTN_TEST_NATS_H

#include "nat/nat.h"
#include "support/test.h"

#define ALICE ptn_addr_v4(192, 168, 1, 10, 5060)
#define ALICE_2 ptn_addr_v4(192, 168, 1, 10, 5062)
#define AMY ptn_addr_v4(192, 168, 1, 11, 5060)
#define BOB_1 ptn_addr_v4(198, 51, 100, 2, 1000)
#define BOB_2 ptn_addr_v4(198, 51, 100, 2, 2000)
#define CAROL ptn_addr_v4(198, 51, 100, 3, 1000)
#define OUTSIDE ptn_addr_v4(203, 0, 113, 10, 0)
#define OUTSIDE_2 ptn_addr_v4(203, 0, 113, 11, 0)

/* PTN_NAT_HOME with one outside address. */
struct ptn_nat_opts home_opts(void);
struct ptn_nat *nat_with(const struct ptn_nat_opts *opts, uint64_t seed);

/* What an outbound packet's source becomes; none unless it passes. */
struct ptn_addr out(struct ptn_nat *n, ptn_time now, enum ptn_nat_proto proto, struct ptn_addr from,
                    struct ptn_addr to);
enum ptn_nat_verdict out_verdict(struct ptn_nat *n, ptn_time now, enum ptn_nat_proto proto,
                                 struct ptn_addr from, struct ptn_addr to);
enum ptn_nat_verdict in(struct ptn_nat *n, ptn_time now, enum ptn_nat_proto proto,
                        struct ptn_addr from, struct ptn_addr to);
enum ptn_nat_verdict tcp(struct ptn_nat *n, ptn_time now, bool outbound, unsigned flags,
                         struct ptn_addr from, struct ptn_addr to);

#endif

/*
 * sim/nic.h - where a host in memory meets the net: its addresses and what leaves by them.
 *
 * Wraps datagrams and segments into IP packets and hands them to the net, or back
 * to the host itself where they are for one of its own addresses.
 */
#ifndef PTN_SIM_NIC_H
#define PTN_SIM_NIC_H

#include "net/net.h"
#include "sim/tcp.h"

/* A packet from the host to itself, waiting to be taken. */
struct ptn_sim_packet {
    struct ptn_sim_packet *next;
    size_t size;
    uint8_t bytes[];
};

struct ptn_sim_nic {
    struct ptn_net *net;
    const struct ptn_scenario *scenario;
    unsigned host;                                 /* in the scenario */
    struct ptn_addr addrs[PTN_SCENARIO_ADDRS_MAX]; /* port 0 */
    unsigned addr_count;
    uint16_t packet_id;
    struct ptn_sim_packet *loop, **loop_end;
};

void ptn_sim_nic_init(struct ptn_sim_nic *n, struct ptn_net *net,
                      const struct ptn_scenario *scenario, unsigned host);
void ptn_sim_nic_fini(struct ptn_sim_nic *n);

/* Reads the host's addresses from the net anew. */
void ptn_sim_nic_readdress(struct ptn_sim_nic *n);

bool ptn_sim_nic_is_own(const struct ptn_sim_nic *n, const struct ptn_addr *a);

/* The address a kernel would send from, port 0: one on the wire of `to`, else the first of its
 * family; none when there is none of that family. */
struct ptn_addr ptn_sim_nic_source(const struct ptn_sim_nic *n, const struct ptn_addr *to);

/* What cannot be sent (another family, port 0, larger than IP carries) is dropped. */
void ptn_sim_nic_send_datagram(struct ptn_sim_nic *n, ptn_time now, const struct ptn_addr *from,
                               const struct ptn_addr *to, uint8_t dscp, struct ptn_bytes bytes);
void ptn_sim_nic_send_segment(struct ptn_sim_nic *n, ptn_time now, const struct ptn_addr *from,
                              const struct ptn_addr *to, uint8_t dscp,
                              const struct ptn_sim_segment *segment);

/* "Nobody listens on that port", to the sender of `packet`, where ICMP allows to say so. */
void ptn_sim_nic_refuse(struct ptn_sim_nic *n, ptn_time now, struct ptn_bytes packet,
                        const struct ptn_ip *ip);

/* The next packet to the host itself, for the caller to free; NULL when there is none. */
struct ptn_sim_packet *ptn_sim_nic_take_loop(struct ptn_sim_nic *n);

#endif

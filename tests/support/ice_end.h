/*
 * tests/support/ice_end.h - one end of a call by ICE, as a machine: sockets, a STUN server, a TURN
 * server, the agent, and packets of media each 20 ms as soon as there is a way.
 *
 * What it says of itself and hears of the other are lines of SDP; who carries them is not known
 * here. It runs in the simulator and on the kernel alike.
 */
#ifndef PTN_TEST_ICE_END_H
#define PTN_TEST_ICE_END_H

#include "ice/words.h"
#include "stun/binding.h"
#include "turn/turn.h"

enum { ICE_END_ADDRS_MAX = 4, ICE_END_PATHS_MAX = 2 * ICE_END_ADDRS_MAX, ICE_END_WORDS_MAX = 6000 };

struct ice_end_opts {
    struct ptn_addr addrs[ICE_END_ADDRS_MAX]; /* of its own, port 0 */
    unsigned addr_count;
    unsigned components;
    bool controlling;
    struct ptn_addr stun, turn; /* servers; none: without */
    struct ptn_turn_user user;
    struct ptn_crypto *crypto;
    struct ptn_dice dice;
};

/* A socket and what belongs to it. */
struct ice_end_path {
    ptn_id id;
    unsigned component;
    uint16_t preference;
    struct ptn_addr local; /* none: not open yet */
    struct ptn_stun_binding binding;
    bool has_binding, settled;
    struct ptn_turn *turn; /* NULL: without */
};

/* Media of component 1, as it came. */
struct ice_end_heard {
    unsigned count;
    ptn_time first, last, gap_max;
    unsigned foreign; /* from where nobody proved to be */
};

struct ice_end {
    struct ice_end_opts opts;
    struct ptn_ice *ice;
    struct ice_end_path paths[ICE_END_PATHS_MAX];
    unsigned path_count;
    unsigned opens; /* sockets asked for */
    bool gathering, gathered;
    bool talks;
    ptn_time next_packet;
    uint8_t packet[16];
    uint32_t sent;
    struct ice_end_heard heard;
    struct ptn_ice_route route; /* of component 1, when it was told */
    unsigned events[PTN_ICE_COMPONENTS_MAX + 1][PTN_ICE_FAILED + 1];
    ptn_time at[PTN_ICE_COMPONENTS_MAX + 1][PTN_ICE_FAILED + 1]; /* the first of each */
    uint8_t out[2048];
};

/* Aborts without memory. */
void ice_end_init(struct ice_end *e, const struct ice_end_opts *opts);
void ice_end_fini(struct ice_end *e);
struct ptn_machine ice_end_machine(struct ice_end *e);

/* Its own addresses are known and servers have answered or had their time. */
bool ice_end_gathered(const struct ice_end *e);

/* What it says of itself; answers the size. */
size_t ice_end_say(const struct ice_end *e, char out[static ICE_END_WORDS_MAX]);

/* What the other says. A second time with other credentials: false, restart first. */
bool ice_end_hear(struct ice_end *e, ptn_time now, struct ptn_bytes lines);

/* Other credentials; candidates are gathered anew by the sockets that there are. */
void ice_end_restart(struct ice_end *e, ptn_time now);

#endif

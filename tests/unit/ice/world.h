/*
 * tests/unit/ice/world.h - two agents and wires between their paths, in virtual time.
 */
#ifndef PTN_TEST_ICE_WORLD_H
#define PTN_TEST_ICE_WORLD_H

#include "ice/ice.h"

enum { ANN, BOB, ENDS, WORLD_PATHS = 6, WORLD_FLIGHTS = 200, WORLD_EVENTS = PTN_ICE_FAILED + 1 };

struct world_path {
    ptn_id id;
    struct ptn_addr local;
    struct ptn_addr outside; /* as others see it, when there is a NAT; none: as it is */
    bool deaf, dumb;         /* nothing comes in; nothing goes out */
};

struct world_end {
    struct ptn_ice *ice;
    struct world_path paths[WORLD_PATHS];
    unsigned path_count;
    unsigned events[PTN_ICE_COMPONENTS_MAX + 1][WORLD_EVENTS]; /* by component */
    ptn_time at[PTN_ICE_COMPONENTS_MAX + 1][WORLD_EVENTS];     /* when each came last */
    unsigned sent;
    ptn_time sent_at[1000]; /* of each request */
    struct ptn_addr sent_to[1000];
    unsigned requests;
};

struct world {
    struct ptn_crypto *crypto;
    struct world_end ends[ENDS];
    ptn_time now, delay;
    unsigned loss_percent;
    struct ptn_dice dice;
    struct world_flight {
        ptn_time at;
        unsigned end;
        ptn_id path;
        struct ptn_addr from;
        size_t size;
        uint8_t bytes[PTN_ICE_UFRAG_MAX * 3];
    } flights[WORLD_FLIGHTS];
    unsigned flight_count;
};

/* Ann controls unless the options say otherwise; NULL: one component. */
void world_open(struct world *w, const struct ptn_ice_opts *ann, const struct ptn_ice_opts *bob);
void world_close(struct world *w);

/* A path and its candidate. `outside` none: no NAT. */
struct world_path *world_add(struct world *w, unsigned end, enum ptn_ice_kind kind,
                             unsigned component, const char *local, const char *outside);

/* `end` hears the other's credentials and candidates. */
void world_tell_creds(struct world *w, unsigned end);
void world_tell_candidates(struct world *w, unsigned end);
/* Both, and the end of candidates, both ways. */
void world_introduce(struct world *w);

void world_run(struct world *w, ptn_time span);

/* Where that end's media goes; none: nowhere. */
struct ptn_addr world_target(const struct world *w, unsigned end, unsigned component);

struct ptn_addr world_addr(const char *text);

#endif

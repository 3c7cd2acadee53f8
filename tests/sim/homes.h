/*
 * tests/sim/homes.h - two phones in two homes, a STUN server and a registrar on the Internet
 * between them: the cast of every story about calls.
 *
 * Alice has 192.168.1.10 behind 203.0.113.10, Bob 192.168.1.10 behind 203.0.113.20; without a NAT
 * they have 198.51.100.10 and 198.51.101.10. Alice sends a tone of 440 Hz, Bob of 1000 Hz.
 */
#ifndef PTN_TEST_HOMES_H
#define PTN_TEST_HOMES_H

#include "cast.h"
#include "registrar/registrar.h"

enum { ALICE, BOB, HOMES };

extern const double HOMES_HZ[HOMES];

struct homes_opts {
    uint64_t seed;
    const char *nat[HOMES];       /* a NAT's kind and properties, "port-restricted"; NULL: none */
    const char *link[HOMES];      /* of the home's wire, "delay 20ms loss 3%"; NULL: "delay 15ms" */
    const char *more;             /* further lines of the scenario, "at 20s reboot nat-a"; NULL */
    bool no_stun;                 /* the STUN server is silent */
    bool turn;                    /* both phones have TURN there: user "phone" with "turn" */
    enum ptn_transport transport; /* of both accounts; 0: UDP */
    /* Changes a phone's settings before it is made; NULL: as they are. */
    void (*change)(struct ptn_ua_opts *opts, unsigned phone);
};

struct homes {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_relay *stun;
    struct ptn_registrar *registrar;
    struct person phones[HOMES];
};

/* Aborts on what a test cannot want: no memory, a wrong word in a NAT's properties. */
void homes_open(struct homes *h, const struct homes_opts *opts);
void homes_close(struct homes *h);

/* Lets time pass and takes all events. */
void homes_run(struct homes *h, ptn_time span);

/* The same until that phone has been told so `count` times; false when `span` passed before. */
bool homes_wait(struct homes *h, unsigned phone, enum ptn_ua_event_kind kind, unsigned count,
                ptn_time span);

/* Makes an event of the scenario happen now: "reboot nat-a". */
void homes_happen(struct homes *h, const char *event);

/* After a command to a phone. */
void homes_wake(struct homes *h, unsigned phone);

/* Both have registered within `span`. */
bool homes_register(struct homes *h, ptn_time span);

/* Alice dials and Bob, who is told of it, answers a second later: true when both are up. */
bool homes_call(struct homes *h);
bool homes_hang_up(struct homes *h, unsigned phone);

/* What a phone has sent and received in its call; zeros when it has none. */
struct ptn_stream_stats homes_stats(const struct homes *h, unsigned phone);

/* Does this phone's sound go by way of a TURN server? */
bool homes_is_relayed(const struct homes *h, unsigned phone);

/* By which way its sound goes, if ICE has found it; "": without. */
const char *homes_way(const struct homes *h, unsigned phone);

/* Whether the last tenth of a second at this phone was the far end's tone. */
bool homes_hears(const struct homes *h, unsigned phone);

#endif

/*
 * tests/sim/stage.h - the cast of the stories of faults: a phone at home, the one or two servers of
 * its account, a STUN server, a name server, and a caller outside to whom nothing happens.
 *
 *     phone ---- home ---- nat ---- core ---+--- rack-1 (server-1)      sip.example.test
 *     192.168.1.10   203.0.113.10           +--- rack-2 (server-2)
 *                                           +--- rack-3 (stun)
 *                                           +--- dns, office (caller)
 *
 * Each server knows its own bindings only, and the caller, who has an account at each, asks the
 * one where the phone is. Or he is at home, too, behind a NAT of his own, and registers with the
 * one server there is. Whoever is called answers by himself.
 */
#ifndef PTN_TEST_STAGE_H
#define PTN_TEST_STAGE_H

#include "cast.h"
#include "middlebox.h"
#include "registrar/registrar.h"
#include "skin.h"

enum { STAGE_SERVERS = 2, STAGE_ACCOUNTS_MAX = 16 };
enum { STAGE_PHONE, STAGE_CALLER, STAGE_PEOPLE };

struct stage_opts {
    uint64_t seed;
    enum ptn_transport transport;         /* of the phone's account */
    unsigned server_count, account_count; /* of accounts 0 is 1 */
    bool by_settings; /* two servers are two settings, else SRV records of one name */
    const char *nat;  /* kind and properties; NULL: the phone has a public address */
    const char *link; /* of the home's wire */
    const char *caller_nat, *caller_link; /* NULL: he is in an office without one */
    bool no_stun;                         /* the phone is told of no STUN server */
    bool turn;                            /* who is at home has TURN, at the STUN server */
    unsigned lease_s, ttl_s;
    enum middlebox_kind middlebox;
    const struct ptn_log *log; /* the phone's; NULL */
};

struct stage_server {
    struct ptn_registrar *registrar, *old; /* old: died, and left its bindings */
    struct middlebox middlebox;
    ptn_sim_machine number;
    bool dead;
};

struct stage_person {
    struct person is;
    struct skin skin;
};

struct stage {
    struct stage_opts opts;
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_relay *stun;
    struct stage_server servers[STAGE_SERVERS];
    struct stage_person people[STAGE_PEOPLE];
};

/* Aborts on what a test cannot want. */
void stage_open(struct stage *st, const struct stage_opts *opts);
void stage_close(struct stage *st);

void stage_run(struct stage *st, ptn_time until);

/* The same until that person has been told so `count` times; false when it is `until` before. */
bool stage_wait(struct stage *st, unsigned person, enum ptn_ua_event_kind kind, unsigned count,
                ptn_time until);

/* An event of the scenario happens now. */
void stage_happen(struct stage *st, const char *event);

/* The program of a server ends, and begins anew. */
void stage_kill(struct stage *st, unsigned server);
void stage_revive(struct stage *st, unsigned server, bool with_bindings);

void stage_sleep(struct stage *st);
void stage_wake_up(struct stage *st);

/* The phone says it is registered with all its accounts, and a server knows it; so is a caller who
 * registers. */
bool stage_is_registered(struct stage *st, unsigned *server);

/* `from` calls the other by this server: true when both are up before `until`. */
bool stage_call(struct stage *st, unsigned from, unsigned server, ptn_time until);

/* Both hear each other at some moment before `until`. */
bool stage_talk(struct stage *st, ptn_time until);

/* `person` hangs up; the other may not be told. */
void stage_hang_up(struct stage *st, unsigned person);

#endif

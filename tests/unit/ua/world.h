/*
 * tests/unit/ua/world.h - a small internet in memory for phones: two homes behind
 * NATs, a name server, STUN servers and a registrar, in virtual time.
 *
 * Every datagram that leaves a phone is looked at: no SIP message or description
 * may show a private address to a public peer once anything better is known.
 */
#ifndef PTN_TEST_WORLD_H
#define PTN_TEST_WORLD_H

#include "registrar/registrar.h"
#include "ua/ua.h"

enum { WORLD_PHONES = 2, WORLD_SOCKETS = 64, WORLD_PACKETS = 4096, WORLD_MAPPINGS = 256 };

enum world_nat {
    WORLD_NAT_NONE,     /* the phone has a public address */
    WORLD_NAT_CONE,     /* one mapping for all, port-restricted filter */
    WORLD_NAT_SYMMETRIC /* a mapping for each destination */
};

struct world_phone {
    struct ptn_ua *ua;
    enum world_nat nat;
    struct ptn_addr inside, outside; /* port 0 */
    uint16_t nat_port;               /* the next one given out */
    uint16_t any_port;               /* the next one for who does not care */
    struct {
        ptn_id id; /* 0: free */
        struct ptn_addr local;
    } sockets[WORLD_SOCKETS];
    struct {
        struct ptn_addr inside, to, outside; /* to: none with a cone */
        struct ptn_addr sent_to[16];
        unsigned sent_count;
    } mappings[WORLD_MAPPINGS];
    unsigned mapping_count;
    uint16_t busy_port; /* this port cannot be opened; 0: none */

    /* What the phone told. */
    unsigned events[PTN_UA_STOPPED + 1];
    struct ptn_ua_event last[PTN_UA_STOPPED + 1]; /* their texts are not kept */
    char last_reason[PTN_UA_TEXT_MAX];
    ptn_ua_call_id call;
    ptn_time told_at[PTN_UA_STOPPED + 1];
    int16_t heard[8000]; /* the last second of sound */
    unsigned frames;
    struct ptn_stream_stats final;
};

struct world {
    ptn_time now;
    ptn_time delay; /* one way */
    double loss;
    struct ptn_dice dice;
    struct world_phone phones[WORLD_PHONES];
    struct world_packet {
        ptn_time at;
        struct ptn_addr from, to; /* as on the public wire, or inside one home */
        unsigned size;
        uint8_t bytes[2048];
    } * packets;
    unsigned packet_count;
    bool stun_dead, stun_classic, registrar_dead, dns_dead;
    bool strict; /* also before anything better is known */
    unsigned stun_questions, classic_questions;
    unsigned private_shown; /* the invariant, counted */
    char shown[2048];       /* the first message that broke it */
    unsigned stun_told;     /* mapped addresses from STUN found in messages */
    bool better_known[WORLD_PHONES];
    void (*wire_tap)(struct world *w, const struct world_packet *p);
    struct ptn_registrar *registrar;
};

extern const struct ptn_addr WORLD_REGISTRAR, WORLD_STUN_1, WORLD_STUN_2;

/* Phones "alice" and "bob" at the registrar, each behind its NAT, not started. `change` may change
 * their options. */
void world_init(struct world *w, enum world_nat alice, enum world_nat bob,
                void (*change)(struct ptn_ua_opts *opts, unsigned phone));
void world_fini(struct world *w);

/* Starts both, and lets `span` pass. */
void world_start(struct world *w);
void world_run(struct world *w, ptn_time span);

/* Until the phone has told `kind` `count` times in all; false when `span` passed before. */
bool world_until(struct world *w, unsigned phone, enum ptn_ua_event_kind kind, unsigned count,
                 ptn_time span);

void world_send(struct world *w, const struct ptn_addr *from, const struct ptn_addr *to,
                const void *bytes, size_t size);

/* Everything the phone wants sent or told, after a command. */
void world_drain(struct world *w, unsigned phone);

/* What the registrar has of the phone; none: it is not registered. */
struct ptn_addr world_contact(const struct world *w, unsigned phone);

/* The NAT forgets all its mappings. */
void world_reboot_nat(struct world *w, unsigned phone);

#endif

/*
 * os/slots.h - which socket belongs to which id of which machine.
 *
 * A fixed number of slots, found by (machine, id) through a hash table and by
 * the key the loop gives back. A slot that is free again has another key: what
 * the loop still says about its former socket finds nothing.
 */
#ifndef PTN_OS_SLOTS_H
#define PTN_OS_SLOTS_H

#include <stddef.h>

#include "base/effect.h"

enum ptn_slot_kind {
    PTN_SLOT_FREE,
    PTN_SLOT_UDP,
    PTN_SLOT_LISTENER,
    PTN_SLOT_CONNECTING,
    PTN_SLOT_SHAKING, /* TLS: connected, but nobody knows yet with whom */
    PTN_SLOT_STREAM,
    PTN_SLOT_CLOSING, /* no longer the machine's: bytes are still owed */
    PTN_SLOT_QUESTION,
};

struct ptn_slot {
    enum ptn_slot_kind kind;
    uint32_t generation;
    uint32_t machine;
    ptn_id id;
    uint32_t next; /* in the hash chain or in the list of free slots, plus 1 */
    int fd;
    struct ptn_addr local, far;
    bool holds_port; /* STREAM: bound to a port that must be free again at once */
    enum ptn_transport transport;
    struct ptn_tls *tls; /* streams of TLS */
    ptn_id listener;     /* it was accepted by; 0: we connected */
    unsigned watched;    /* PTN_LOOP_IN, PTN_LOOP_OUT */
    uint8_t *out;        /* STREAM: what is owed, from out_sent to out_size */
    size_t out_sent, out_size, out_room;
    ptn_time give_up; /* CLOSING, SHAKING */
    bool held;        /* STREAM: not read from for another one's sake, */
    bool rests;       /* or before its time has come */
    size_t read_max;  /* STREAM: bytes a read; 0: any number */
    uint64_t holds;   /* the key of the one that is held for this one's sake, plus 1 */
};

struct ptn_slots {
    struct ptn_slot *slots;
    uint32_t *heads; /* of the hash chains, plus 1 */
    uint32_t capacity, head_count, free, used;
    uint32_t touched; /* slots from here on were never taken: their memory is not there yet */
};

enum ptn_err ptn_slots_init(struct ptn_slots *s, uint32_t capacity);
void ptn_slots_fini(struct ptn_slots *s);

/* NULL when the id is in use by this machine or all slots are taken. fd is -1, the rest zero. */
struct ptn_slot *ptn_slots_take(struct ptn_slots *s, enum ptn_slot_kind kind, uint32_t machine,
                                ptn_id id);

/* NULL when there is none. */
struct ptn_slot *ptn_slots_find(const struct ptn_slots *s, uint32_t machine, ptn_id id);

/* Takes the id away from the slot, so that the machine may use it again. */
void ptn_slots_forget_id(struct ptn_slots *s, struct ptn_slot *slot);

/* Frees its bytes and its TLS too; closing the descriptor is the caller's. */
void ptn_slots_release(struct ptn_slots *s, struct ptn_slot *slot);

uint64_t ptn_slots_key(const struct ptn_slots *s, const struct ptn_slot *slot);
struct ptn_slot *ptn_slots_by_key(const struct ptn_slots *s, uint64_t key);

#endif

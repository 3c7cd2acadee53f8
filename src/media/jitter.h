/*
 * media/jitter.h - packets come when they like, sound goes at its pace.
 *
 * Holds undecoded packets between arrival and play-out, orders them, throws
 * away what came twice or too late, and says what is missing. The delay it adds
 * follows the network: more at once when a packet came too late, less again
 * after two calm seconds. It reads no clock; its play-out clock is that take()
 * is called whenever the player needs sound.
 *
 * Timestamps and samples run at the same rate here, 8,000 a second.
 */
#ifndef PTN_MEDIA_JITTER_H
#define PTN_MEDIA_JITTER_H

#include "base/time.h"
#include "media/codec.h"
#include "media/rtp.h"

#define PTN_JITTER_PACKETS 64
#define PTN_JITTER_PAYLOAD_MAX 960 /* bytes; 120 ms of G.711 */

struct ptn_jitter_opts {
    ptn_time delay_min, delay_max; /* from arrival to play-out; e.g. 40 and 200 ms */
};

struct ptn_jitter_slot {
    bool used;
    uint16_t seq;
    int64_t timestamp; /* unwrapped */
    unsigned samples;
    enum ptn_codec codec;
    size_t size;
};

enum ptn_jitter_verdict {
    PTN_JITTER_KEPT,
    PTN_JITTER_DUPLICATE,
    PTN_JITTER_LATE,    /* its moment has passed */
    PTN_JITTER_TOO_BIG, /* more than PTN_JITTER_PAYLOAD_MAX bytes, or no sound at all */
};

enum ptn_jitter_next {
    PTN_JITTER_NOTHING, /* not begun, or the sender has paused: silence */
    PTN_JITTER_SOUND,   /* decode `payload`, leave out its first `skip` samples */
    PTN_JITTER_GAP,     /* `samples` (at most a frame) were lost on the way, later ones are here */
    PTN_JITTER_DRY,     /* wait: conceal this frame, and ask again for the next one */
};

struct ptn_jitter_item {
    enum ptn_codec codec;
    struct ptn_bytes payload; /* borrowed until the next put or take */
    unsigned samples;         /* of sound (skip included), or of the gap */
    unsigned skip;
};

struct ptn_jitter {
    struct ptn_jitter_opts opts;
    struct ptn_jitter_slot slots[PTN_JITTER_PACKETS];
    bool begun;   /* a packet has come, the numbers below mean something */
    bool playing; /* else: filling up until `play_at` */
    ptn_time play_at;
    int64_t newest;      /* the highest timestamp seen */
    int64_t next;        /* the timestamp that is played next */
    bool hold;           /* let one frame pass before going on */
    unsigned dry_frames; /* in a row */
    ptn_time target;     /* the delay wanted now */
    int64_t transit;     /* of the last packet, in samples */
    double variation;    /* of the transit, in samples (RFC 3550 §6.4.1) */
    int64_t spare;       /* the least a packet came before its moment, since `calm_since` */
    ptn_time calm_since;
    uint64_t shortened; /* frames left out to get nearer to the present */
    /* Of the slots; not written to before it is needed, for these are 60 KiB. */
    uint8_t payloads[PTN_JITTER_PACKETS][PTN_JITTER_PAYLOAD_MAX];
};

/* Copies `opts`; 0 < delay_min <= delay_max <= 500 ms. */
void ptn_jitter_init(struct ptn_jitter *j, const struct ptn_jitter_opts *opts);

/* Forgets all packets and what it knew of the sender's clock: for a new source. */
void ptn_jitter_reset(struct ptn_jitter *j);

/* Copies the payload of a packet that arrived at `now`; it holds `samples`. */
enum ptn_jitter_verdict ptn_jitter_put(struct ptn_jitter *j, ptn_time now,
                                       const struct ptn_rtp *rtp, enum ptn_codec codec,
                                       unsigned samples);

/* What is to be played at `now`; the player asks until it has a frame's worth. */
enum ptn_jitter_next ptn_jitter_take(struct ptn_jitter *j, ptn_time now,
                                     struct ptn_jitter_item *item);

/* From arrival to play-out, as of now wanted. */
ptn_time ptn_jitter_delay(const struct ptn_jitter *j);

#endif

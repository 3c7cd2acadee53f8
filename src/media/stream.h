/*
 * media/stream.h - the sound of one call: RTP and RTCP as bytes, 20 ms frames as sound.
 *
 * Pulls sound from its source, sends a packet every ptime, plays what arrives
 * through a jitter buffer, reports by RTCP and counts. It knows no address and
 * no socket: whoever owns it sends what output() gives, RTP and RTCP apart, and
 * takes a frame of received sound every 20 ms from frame(), from start() to the
 * end, silence included.
 *
 * Driven as all machines are: input, tick, output and frame until there is
 * none, deadline. An owner that wakes late finds up to 100 ms made up for; what
 * is older is left out, and timestamps tell the far end so.
 *
 * RFC 3550, RFC 3551.
 */
#ifndef PTN_MEDIA_STREAM_H
#define PTN_MEDIA_STREAM_H

#include "base/bytes.h"
#include "base/dice.h"
#include "base/time.h"
#include "media/codec.h"
#include "media/pcm.h"
#include "media/source.h"

struct ptn_stream;

#define PTN_STREAM_FORMATS_MAX 4
#define PTN_STREAM_CNAME_MAX 64

struct ptn_stream_format {
    enum ptn_codec codec;
    uint8_t payload_type;
};

struct ptn_stream_opts {
    struct ptn_stream_format send;                           /* as the peer numbers it */
    struct ptn_stream_format accept[PTN_STREAM_FORMATS_MAX]; /* as we number them */
    unsigned accept_count;
    unsigned ptime_ms;             /* of packets sent: 10, 20, 30, 40, 50 or 60 */
    ptn_time delay_min, delay_max; /* of play-out; 0 is 40 and 200 ms */
    const char *cname;             /* copied; at most PTN_STREAM_CNAME_MAX bytes */
    struct ptn_source source;
    struct ptn_dice dice; /* copied: SSRC, first sequence number and timestamp, RTCP's draw */
};

enum { PTN_STREAM_ROOM = 4 };

struct ptn_stream_packet {
    bool rtcp;
    struct ptn_bytes bytes; /* borrowed until the next call into the stream */
    uint8_t *room;          /* PTN_STREAM_ROOM bytes right in front, for whoever wraps it */
};

struct ptn_stream_stats {
    uint64_t sent_packets, sent_bytes; /* RTP; bytes of payload */
    uint64_t received_packets, received_bytes;
    int64_t lost;                /* expected minus received; duplicates can make it negative */
    double lost_fraction;        /* 0 to 1, of all that was expected */
    uint64_t duplicates;         /* came twice */
    uint64_t late;               /* came after their moment */
    uint64_t foreign;            /* well-formed RTP, but of no accepted format or source */
    uint64_t malformed;          /* RTP or RTCP that no decoder took */
    ptn_time jitter;             /* of arrivals, RFC 3550 §6.4.1 */
    ptn_time play_delay;         /* the jitter buffer's */
    ptn_time gap_max;            /* longest time between two arrivals, or since the last one */
    ptn_time first_received;     /* when; PTN_NEVER before */
    ptn_time last_received;      /* when; PTN_NEVER before */
    ptn_time rtt;                /* by RTCP; PTN_NEVER before */
    bool remote_known;           /* the far end has reported: */
    double remote_lost_fraction; /* since its last report but one */
    int64_t remote_lost;
    ptn_time remote_jitter;
    bool remote_bye; /* the far end has left */
    uint64_t rtcp_sent, rtcp_received;
};

/* True for the ptimes a stream can send. */
bool ptn_stream_ptime_ok(unsigned ptime_ms);

/* Copies `opts`; NULL when memory is short. Nothing is due before start(). */
struct ptn_stream *ptn_stream_new(const struct ptn_stream_opts *opts);
void ptn_stream_free(struct ptn_stream *s);

/* The first packet and the first frame are due at `now`. A second start is ignored. */
void ptn_stream_start(struct ptn_stream *s, ptn_time now);

/* Sends no more sound; output() has one last RTCP packet with BYE. Ends frames, too. */
void ptn_stream_stop(struct ptn_stream *s, ptn_time now);

/* Whether sound is sent, from now on; true after new(). Timestamps go on meanwhile. */
void ptn_stream_set_sending(struct ptn_stream *s, ptn_time now, bool sending);

void ptn_stream_set_source(struct ptn_stream *s, const struct ptn_source *source);

/* What a new offer or answer changed: formats and ptime; source, cname, dice and
 * delays stay as they are. */
void ptn_stream_set_formats(struct ptn_stream *s, const struct ptn_stream_opts *opts);

/* A datagram from the RTP or the RTCP component; with rtcp-mux either may hold the other. */
void ptn_stream_input(struct ptn_stream *s, ptn_time now, struct ptn_bytes datagram);

void ptn_stream_tick(struct ptn_stream *s, ptn_time now);

/* The next packet that is due at `now`. */
bool ptn_stream_output(struct ptn_stream *s, ptn_time now, struct ptn_stream_packet *packet);

/* The next frame of received sound that is due at `now`. */
bool ptn_stream_frame(struct ptn_stream *s, ptn_time now, int16_t pcm[static PTN_FRAME_SAMPLES]);

ptn_time ptn_stream_deadline(const struct ptn_stream *s);

uint32_t ptn_stream_ssrc(const struct ptn_stream *s);

void ptn_stream_stats(const struct ptn_stream *s, ptn_time now, struct ptn_stream_stats *stats);

#endif

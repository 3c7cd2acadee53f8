/*
 * media/rtcp.h - RTCP packets, compounds of them, and when to send one (RFC 3550 §6).
 *
 * Written: SR or RR, SDES with CNAME, BYE. Read: those; other types are stepped
 * over. A compound is checked as a whole before any of it is believed (A.2).
 */
#ifndef PTN_MEDIA_RTCP_H
#define PTN_MEDIA_RTCP_H

#include "base/cursor.h"
#include "base/dice.h"
#include "base/time.h"

enum ptn_rtcp_type {
    PTN_RTCP_SR = 200,
    PTN_RTCP_RR = 201,
    PTN_RTCP_SDES = 202,
    PTN_RTCP_BYE = 203,
    PTN_RTCP_APP = 204,
};

#define PTN_RTCP_REPORTS_MAX 31

/* What a receiver says about one source (§6.4.1). */
struct ptn_rtcp_report {
    uint32_t ssrc;
    uint8_t fraction_lost; /* of 256, since the last report */
    int32_t lost;          /* since the beginning, 24 bits; duplicates can make it negative */
    uint32_t highest_seq;  /* with the count of wraps above */
    uint32_t jitter;       /* in timestamp units */
    uint32_t last_sr;      /* middle of the NTP time in the last SR; 0 is none yet */
    uint32_t delay;        /* since that SR arrived, in 1/65536 s */
};

struct ptn_rtcp_sender {
    uint64_t ntp; /* 32.32 fixed point */
    uint32_t timestamp;
    uint32_t packets, bytes;
};

struct ptn_rtcp_packet {
    enum ptn_rtcp_type type;
    uint32_t ssrc; /* of whom it comes; BYE, SDES: the first one named */
    struct ptn_rtcp_sender sender;
    unsigned report_count;
    struct ptn_rtcp_report reports[PTN_RTCP_REPORTS_MAX];
    struct ptn_bytes text; /* SDES: the CNAME; BYE: the reason; often empty */
};

enum ptn_rtcp_verdict {
    PTN_RTCP_OK,
    PTN_RTCP_TRUNCATED,       /* a length leads beyond the datagram, or is too small for its type */
    PTN_RTCP_BAD_VERSION,     /* not 2 in one of the packets */
    PTN_RTCP_BAD_PADDING,     /* not in the last packet, or a count that makes no sense */
    PTN_RTCP_NO_REPORT_FIRST, /* a compound begins with SR or RR */
};

struct ptn_rtcp_reader {
    struct ptn_reader at;
};

/* Judges the whole compound; with PTN_RTCP_OK next() may be called. Borrows `compound`. */
enum ptn_rtcp_verdict ptn_rtcp_open(struct ptn_rtcp_reader *r, struct ptn_bytes compound);

/* The next SR, RR, SDES or BYE; false when there is none. */
bool ptn_rtcp_next(struct ptn_rtcp_reader *r, struct ptn_rtcp_packet *packet);

/* Each appends one packet; a compound is SR or RR, then SDES, then perhaps BYE. */
void ptn_rtcp_write_sr(struct ptn_writer *w, uint32_t ssrc, const struct ptn_rtcp_sender *sender,
                       const struct ptn_rtcp_report *reports, unsigned count);
void ptn_rtcp_write_rr(struct ptn_writer *w, uint32_t ssrc, const struct ptn_rtcp_report *reports,
                       unsigned count);
void ptn_rtcp_write_cname(struct ptn_writer *w, uint32_t ssrc, const char *cname); /* ≤ 255 bytes */
void ptn_rtcp_write_bye(struct ptn_writer *w, uint32_t ssrc);

/* `span` since the beginning of the session as NTP time, which §4 allows to one without a wall
 * clock; the middle 32 bits of it. */
uint64_t ptn_rtcp_ntp(ptn_time span);
uint32_t ptn_rtcp_ntp_middle(uint64_t ntp);

/* Round trip of a report that arrived at `ntp` (§6.4.1); PTN_NEVER when it names no SR or
 * claims to have been there before it left. */
ptn_time ptn_rtcp_round_trip(uint64_t ntp, const struct ptn_rtcp_report *report);

/* The wait until the next compound: 5 s on the average, half of that for the second one, drawn
 * from half to one and a half times (§6.2, §6.3.1; the first leaves at once, as a unicast
 * session may). */
ptn_time ptn_rtcp_interval(struct ptn_dice *dice, bool second);

#endif

/*
 * media/rtcp.c - reports about a call, on the wire.
 *
 *     |V=2|P|  count  |     type      |    length in words - 1        |
 *
 * and then by type: SR is SSRC, sender info and `count` report blocks; RR the
 * same without sender info; SDES `count` chunks of SSRC and items; BYE `count`
 * SSRCs and perhaps a reason.
 */
#include "media/rtcp.h"

#include <assert.h>
#include <string.h>

#define VERSION_BITS 0x80
#define PADDING_BIT 0x20
#define SDES_END 0
#define SDES_CNAME 1

#define HEADER_BYTES 4
#define SENDER_BYTES 20
#define REPORT_BYTES 24

/* One packet of a compound: its first byte, its type, and what follows its header. */
struct part {
    uint8_t first;
    uint8_t type;
    struct ptn_bytes body;
};

static unsigned count_of(const struct part *part)
{
    return part->first & 0x1f;
}

static size_t body_bytes_min(const struct part *part)
{
    switch (part->type) {
    case PTN_RTCP_SR: return 4 + SENDER_BYTES + (size_t)count_of(part) * REPORT_BYTES;
    case PTN_RTCP_RR: return 4 + (size_t)count_of(part) * REPORT_BYTES;
    case PTN_RTCP_SDES: return (size_t)count_of(part) * 8;
    case PTN_RTCP_BYE: return (size_t)count_of(part) * 4;
    default: return 0;
    }
}

/* Takes the padding off; it stands in the last packet only and its last byte counts it. */
static bool strip_padding(struct part *part, bool is_last)
{
    if (!(part->first & PADDING_BIT))
        return true;
    if (!is_last || part->body.size == 0)
        return false;
    uint8_t padding = part->body.data[part->body.size - 1];
    if (padding == 0 || padding % 4 != 0 || padding > part->body.size)
        return false;
    part->body.size -= padding;
    return true;
}

static enum ptn_rtcp_verdict next_part(struct ptn_reader *r, struct part *part)
{
    if (ptn_reader_left(r) < HEADER_BYTES)
        return PTN_RTCP_TRUNCATED;
    part->first = ptn_read_u8(r);
    part->type = ptn_read_u8(r);
    part->body = ptn_read(r, ptn_read_u16(r) * (size_t)4);
    if ((part->first & 0xc0) != VERSION_BITS)
        return PTN_RTCP_BAD_VERSION;
    if (r->bad)
        return PTN_RTCP_TRUNCATED;
    if (!strip_padding(part, ptn_reader_left(r) == 0))
        return PTN_RTCP_BAD_PADDING;
    return part->body.size < body_bytes_min(part) ? PTN_RTCP_TRUNCATED : PTN_RTCP_OK;
}

enum ptn_rtcp_verdict ptn_rtcp_open(struct ptn_rtcp_reader *r, struct ptn_bytes compound)
{
    struct ptn_reader at = ptn_reader(compound);
    bool is_first = true;

    r->at = at;
    do {
        struct part part;
        enum ptn_rtcp_verdict verdict = next_part(&at, &part);
        if (verdict != PTN_RTCP_OK)
            return verdict;
        if (is_first && part.type != PTN_RTCP_SR && part.type != PTN_RTCP_RR)
            return PTN_RTCP_NO_REPORT_FIRST;
        is_first = false;
    } while (ptn_reader_left(&at) > 0);
    return PTN_RTCP_OK;
}

static void read_report(struct ptn_reader *r, struct ptn_rtcp_report *report)
{
    report->ssrc = ptn_read_u32(r);
    uint32_t losses = ptn_read_u32(r);
    report->fraction_lost = (uint8_t)(losses >> 24);
    losses &= 0xffffff;
    report->lost = losses & 0x800000 ? (int32_t)losses - 0x1000000 : (int32_t)losses;
    report->highest_seq = ptn_read_u32(r);
    report->jitter = ptn_read_u32(r);
    report->last_sr = ptn_read_u32(r);
    report->delay = ptn_read_u32(r);
}

static void read_reports(struct ptn_reader *r, unsigned count, struct ptn_rtcp_packet *packet)
{
    packet->report_count = count;
    for (unsigned i = 0; i < count; i++)
        read_report(r, &packet->reports[i]);
}

static void read_sender(struct ptn_reader *r, struct ptn_rtcp_sender *sender)
{
    sender->ntp = (uint64_t)ptn_read_u32(r) << 32;
    sender->ntp |= ptn_read_u32(r);
    sender->timestamp = ptn_read_u32(r);
    sender->packets = ptn_read_u32(r);
    sender->bytes = ptn_read_u32(r);
}

/* The CNAME of the first chunk; empty when it has none. */
static struct ptn_bytes read_cname(struct ptn_reader *r)
{
    for (;;) {
        uint8_t item = ptn_read_u8(r);
        if (item == SDES_END)
            return (struct ptn_bytes){0};
        struct ptn_bytes text = ptn_read(r, ptn_read_u8(r));
        if (r->bad || item == SDES_CNAME)
            return text;
    }
}

bool ptn_rtcp_next(struct ptn_rtcp_reader *r, struct ptn_rtcp_packet *packet)
{
    struct part part;
    do {
        if (next_part(&r->at, &part) != PTN_RTCP_OK)
            return false;
    } while (part.type < PTN_RTCP_SR || part.type > PTN_RTCP_BYE);

    struct ptn_reader body = ptn_reader(part.body);
    *packet = (struct ptn_rtcp_packet){.type = part.type};
    if (part.type == PTN_RTCP_SR || part.type == PTN_RTCP_RR || count_of(&part) > 0)
        packet->ssrc = ptn_read_u32(&body);
    switch (packet->type) {
    case PTN_RTCP_SR:
        read_sender(&body, &packet->sender);
        read_reports(&body, count_of(&part), packet);
        break;
    case PTN_RTCP_RR: read_reports(&body, count_of(&part), packet); break;
    case PTN_RTCP_SDES: packet->text = read_cname(&body); break;
    case PTN_RTCP_BYE:
        if (count_of(&part) > 1)
            ptn_read(&body, (count_of(&part) - 1) * (size_t)4);
        if (ptn_reader_left(&body) > 0)
            packet->text = ptn_read(&body, ptn_read_u8(&body));
        break;
    case PTN_RTCP_APP: break;
    }
    return true;
}

static void write_header(struct ptn_writer *w, unsigned count, enum ptn_rtcp_type type,
                         size_t body_bytes)
{
    ptn_write_u8(w, (uint8_t)(VERSION_BITS | count));
    ptn_write_u8(w, (uint8_t)type);
    ptn_write_u16(w, (uint16_t)(body_bytes / 4));
}

static void write_reports(struct ptn_writer *w, const struct ptn_rtcp_report *reports,
                          unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ptn_write_u32(w, reports[i].ssrc);
        ptn_write_u32(w, (uint32_t)reports[i].fraction_lost << 24 |
                             ((uint32_t)reports[i].lost & 0xffffff));
        ptn_write_u32(w, reports[i].highest_seq);
        ptn_write_u32(w, reports[i].jitter);
        ptn_write_u32(w, reports[i].last_sr);
        ptn_write_u32(w, reports[i].delay);
    }
}

void ptn_rtcp_write_sr(struct ptn_writer *w, uint32_t ssrc, const struct ptn_rtcp_sender *sender,
                       const struct ptn_rtcp_report *reports, unsigned count)
{
    assert(count <= PTN_RTCP_REPORTS_MAX);

    write_header(w, count, PTN_RTCP_SR, 4 + SENDER_BYTES + (size_t)count * REPORT_BYTES);
    ptn_write_u32(w, ssrc);
    ptn_write_u32(w, (uint32_t)(sender->ntp >> 32));
    ptn_write_u32(w, (uint32_t)sender->ntp);
    ptn_write_u32(w, sender->timestamp);
    ptn_write_u32(w, sender->packets);
    ptn_write_u32(w, sender->bytes);
    write_reports(w, reports, count);
}

void ptn_rtcp_write_rr(struct ptn_writer *w, uint32_t ssrc, const struct ptn_rtcp_report *reports,
                       unsigned count)
{
    assert(count <= PTN_RTCP_REPORTS_MAX);

    write_header(w, count, PTN_RTCP_RR, 4 + (size_t)count * REPORT_BYTES);
    ptn_write_u32(w, ssrc);
    write_reports(w, reports, count);
}

void ptn_rtcp_write_cname(struct ptn_writer *w, uint32_t ssrc, const char *cname)
{
    size_t length = strlen(cname);
    assert(length <= 255);
    /* SSRC, item head and text, and at least one zero that ends the chunk on a word. */
    size_t body_bytes = (4 + 2 + length + 1 + 3) / 4 * 4;

    write_header(w, 1, PTN_RTCP_SDES, body_bytes);
    ptn_write_u32(w, ssrc);
    ptn_write_u8(w, SDES_CNAME);
    ptn_write_u8(w, (uint8_t)length);
    ptn_write(w, ptn_bytes(cname, length));
    ptn_write_zeros(w, body_bytes - 6 - length);
}

void ptn_rtcp_write_bye(struct ptn_writer *w, uint32_t ssrc)
{
    write_header(w, 1, PTN_RTCP_BYE, 4);
    ptn_write_u32(w, ssrc);
}

uint64_t ptn_rtcp_ntp(ptn_time span)
{
    assert(span >= 0);
    uint64_t whole = (uint64_t)(span / PTN_S(1)), rest = (uint64_t)(span % PTN_S(1));
    return whole << 32 | (rest << 32) / (uint64_t)PTN_S(1);
}

uint32_t ptn_rtcp_ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}

ptn_time ptn_rtcp_round_trip(uint64_t ntp, const struct ptn_rtcp_report *report)
{
    if (report->last_sr == 0)
        return PTN_NEVER;
    uint32_t away = ptn_rtcp_ntp_middle(ntp) - report->last_sr;
    /* Both clocks are cut to 1/65536 s, so a loopback's round trip may come out one below. */
    int32_t trip = (int32_t)(away - report->delay);
    if (trip < -1)
        return PTN_NEVER;
    return trip < 0 ? 0 : (ptn_time)trip * PTN_S(1) / 65536;
}

ptn_time ptn_rtcp_interval(struct ptn_dice *dice, bool second)
{
    /* Without §6.3.1's division by e - 3/2: that makes up for reconsideration, of which
     * a call between two has no need. */
    ptn_time mean = second ? PTN_MS(2500) : PTN_S(5);
    return (ptn_time)((0.5 + ptn_dice_unit(dice)) * (double)mean);
}

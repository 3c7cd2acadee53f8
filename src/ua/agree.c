/*
 * ua/agree.c - offers and answers about one line of audio.
 */
#include "ua/agree.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct ptn_sdp_codec codec_line(enum ptn_codec codec, uint8_t payload_type)
{
    const struct ptn_codec_info *info = ptn_codec_info(codec);
    struct ptn_sdp_codec line = {
        .payload_type = payload_type, .channels = 1, .rate_hz = info->clock_rate};

    snprintf(line.name, sizeof line.name, "%s", info->name);
    return line;
}

static struct ptn_sdp_media our_line(const struct ptn_agree_ours *ours)
{
    return (struct ptn_sdp_media){
        .kind = "audio",
        .proto = "RTP/AVP",
        .rtp = ours->rtp,
        .rtcp = ours->rtcp,
        .direction = ours->direction,
        .ptime_ms = ours->ptime_ms,
    };
}

static void begin(const struct ptn_agree_ours *ours, struct ptn_sdp *sdp)
{
    *sdp = (struct ptn_sdp){.id = ours->id, .version = ours->version, .owner = ours->rtp};
}

void ptn_agree_offer(const struct ptn_agree_ours *ours, struct ptn_sdp *offer)
{
    begin(ours, offer);
    offer->media_count = 1;
    offer->media[0] = our_line(ours);
    for (unsigned i = 0; i < ours->codec_count; i++)
        offer->media[0].codecs[i] =
            codec_line(ours->codecs[i], ptn_codec_info(ours->codecs[i])->payload_type);
    offer->media[0].codec_count = ours->codec_count;
}

static bool is_ours(const struct ptn_agree_ours *ours, enum ptn_codec codec)
{
    for (unsigned i = 0; i < ours->codec_count; i++)
        if (ours->codecs[i] == codec)
            return true;
    return false;
}

/* The first codec of their line that is ours too. */
static const struct ptn_sdp_codec *common_codec(const struct ptn_agree_ours *ours,
                                                const struct ptn_sdp_media *line,
                                                enum ptn_codec *codec)
{
    for (unsigned i = 0; i < line->codec_count; i++) {
        const struct ptn_sdp_codec *theirs = &line->codecs[i];
        *codec = ptn_codec_by_name(theirs->name);
        if (*codec != PTN_CODEC_COUNT && is_ours(ours, *codec) && theirs->channels == 1 &&
            theirs->rate_hz == ptn_codec_info(*codec)->clock_rate)
            return theirs;
    }
    return NULL;
}

/* Not where many would hear it, nor ourselves: a description may name anything. */
static bool is_elsewhere(const struct ptn_addr *ours, const struct ptn_addr *theirs)
{
    enum ptn_addr_kind kind = ptn_addr_kind(theirs);

    return kind != PTN_ADDR_MULTICAST && kind != PTN_ADDR_RESERVED &&
           (kind != PTN_ADDR_LOOPBACK || ptn_addr_kind(ours) == PTN_ADDR_LOOPBACK) &&
           !ptn_addr_equal(ours, theirs);
}

static bool is_sound(const struct ptn_sdp_media *line)
{
    return strcmp(line->kind, "audio") == 0 && strcasecmp(line->proto, "RTP/AVP") == 0 &&
           !ptn_addr_is_none(&line->rtp) && line->rtp.port != 0;
}

static bool line_usable(const struct ptn_agree_ours *ours, const struct ptn_sdp_media *line)
{
    return is_sound(line) && is_elsewhere(&ours->rtp, &line->rtp) &&
           (ptn_addr_is_none(&line->rtcp) || is_elsewhere(&ours->rtcp, &line->rtcp));
}

static bool sends(enum ptn_sdp_direction d)
{
    return d == PTN_SDP_SENDRECV || d == PTN_SDP_SENDONLY;
}

static bool receives(enum ptn_sdp_direction d)
{
    return d == PTN_SDP_SENDRECV || d == PTN_SDP_RECVONLY;
}

static enum ptn_sdp_direction direction(bool send, bool receive)
{
    return send      ? receive ? PTN_SDP_SENDRECV : PTN_SDP_SENDONLY
           : receive ? PTN_SDP_RECVONLY
                     : PTN_SDP_INACTIVE;
}

/* What both want, seen from our side. */
static void take_line(const struct ptn_agree_ours *ours, const struct ptn_sdp_media *line,
                      enum ptn_codec codec, uint8_t payload_type, struct ptn_agreed *out)
{
    bool nowhere = ptn_addr_kind(&line->rtp) == PTN_ADDR_UNSPECIFIED; /* hold of RFC 2543 */

    *out = (struct ptn_agreed){
        .send = {codec, payload_type},
        .ptime_ms = ptn_stream_ptime_ok(line->ptime_ms) ? line->ptime_ms : ours->ptime_ms,
        .we_send = sends(ours->direction) && receives(line->direction) && !nowhere,
        .we_receive = receives(ours->direction) && sends(line->direction),
        .held_there = !receives(line->direction) || nowhere,
    };
    if (!nowhere) {
        out->rtp = line->rtp;
        out->rtcp = line->rtcp;
    }
}

bool ptn_agree_answer(const struct ptn_agree_ours *ours, const struct ptn_sdp *offer,
                      struct ptn_sdp *answer, struct ptn_agreed *out)
{
    bool taken = false;

    begin(ours, answer);
    answer->media_count = offer->media_count;
    for (unsigned i = 0; i < offer->media_count; i++) {
        const struct ptn_sdp_media *theirs = &offer->media[i];
        struct ptn_sdp_media *line = &answer->media[i];
        enum ptn_codec codec;
        const struct ptn_sdp_codec *common =
            !taken && line_usable(ours, theirs) ? common_codec(ours, theirs, &codec) : NULL;
        if (!common) {
            *line = *theirs;
            line->rtp = ptn_addr_with_port(ours->rtp, 0);
            line->rtcp = (struct ptn_addr){0};
            continue;
        }
        taken = true;
        take_line(ours, theirs, codec, common->payload_type, out);
        out->accept[0] = out->send;
        out->accept_count = 1;
        *line = our_line(ours);
        line->direction = direction(out->we_send, out->we_receive);
        line->codecs[0] = codec_line(codec, common->payload_type);
        line->codec_count = 1;
    }
    return taken;
}

bool ptn_agree_read_answer(const struct ptn_agree_ours *ours, const struct ptn_sdp *answer,
                           struct ptn_agreed *out)
{
    enum ptn_codec codec;
    const struct ptn_sdp_media *line = &answer->media[0];

    if (answer->media_count == 0 || !line_usable(ours, line))
        return false;
    const struct ptn_sdp_codec *common = common_codec(ours, line, &codec);
    if (!common)
        return false;
    take_line(ours, line, codec, common->payload_type, out);
    /* An answer may name several of ours, and switch between them without a word. */
    for (unsigned i = 0; i < ours->codec_count; i++)
        out->accept[i] = (struct ptn_stream_format){ours->codecs[i],
                                                    ptn_codec_info(ours->codecs[i])->payload_type};
    out->accept_count = ours->codec_count;
    return true;
}

struct ptn_addr ptn_agree_their_rtp(const struct ptn_sdp *offer)
{
    for (unsigned i = 0; i < offer->media_count; i++)
        if (is_sound(&offer->media[i]))
            return offer->media[i].rtp;
    return (struct ptn_addr){0};
}

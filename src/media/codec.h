/*
 * media/codec.h - the codecs Postern speaks, under the names SDP has for them.
 *
 * A codec is a row of a table. RFC 3551 fixes the payload types of both laws of
 * G.711; a peer may still map them to others, so a stream is told numbers.
 */
#ifndef PTN_MEDIA_CODEC_H
#define PTN_MEDIA_CODEC_H

#include "base/bytes.h"

enum ptn_codec {
    PTN_CODEC_PCMU,
    PTN_CODEC_PCMA,
    PTN_CODEC_COUNT, /* also: none of them */
};

struct ptn_codec_info {
    const char *name;     /* the encoding name of a=rtpmap */
    uint8_t payload_type; /* RFC 3551's */
    unsigned clock_rate;  /* of RTP timestamps and of the sound, per second */
};

const struct ptn_codec_info *ptn_codec_info(enum ptn_codec codec);

/* By the name of a=rtpmap, in any case; PTN_CODEC_COUNT when it is not spoken here. */
enum ptn_codec ptn_codec_by_name(const char *name);

/* By a payload type without a=rtpmap (RFC 3551 table 4); PTN_CODEC_COUNT when unknown. */
enum ptn_codec ptn_codec_by_payload_type(uint8_t payload_type);

/* How many samples `payload` holds. */
size_t ptn_codec_samples(enum ptn_codec codec, struct ptn_bytes payload);

/* Encodes `count` samples; returns the bytes written, which are never more than `count`. */
size_t ptn_codec_encode(enum ptn_codec codec, const int16_t *pcm, size_t count, uint8_t *payload);

/* Decodes all samples of `payload` into `pcm`, which has room for them. */
void ptn_codec_decode(enum ptn_codec codec, struct ptn_bytes payload, int16_t *pcm);

#endif

/*
 * media/g711.h - ITU-T G.711: eight bits that sound like thirteen.
 *
 * Samples are 16 bit with the codecs' 14 (µ-law) and 13 bits (A-law) at the top,
 * as sound devices and files have them; one octet a sample.
 */
#ifndef PTN_MEDIA_G711_H
#define PTN_MEDIA_G711_H

#include <stddef.h>
#include <stdint.h>

enum ptn_g711_law {
    PTN_G711_ULAW,
    PTN_G711_ALAW,
};

uint8_t ptn_g711_compress(enum ptn_g711_law law, int16_t sample);
int16_t ptn_g711_expand(enum ptn_g711_law law, uint8_t octet);

/* `count` samples to as many octets, and back. */
void ptn_g711_encode(enum ptn_g711_law law, const int16_t *pcm, size_t count, uint8_t *octets);
void ptn_g711_decode(enum ptn_g711_law law, const uint8_t *octets, size_t count, int16_t *pcm);

#endif

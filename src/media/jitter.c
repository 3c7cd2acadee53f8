/*
 * media/jitter.c - the waiting room between the network and the ear.
 *
 *          next (played now)            newest
 *     ......|-----|-----|     |-----|-----|
 *     late  |<--- kept -->gap<--- kept -->|
 *
 * The delay is nowhere stored: it is how far `next` stays behind the packets
 * that arrive. Filling up before the start makes the first delay. When the room
 * runs dry, `next` stands still for a frame, which makes the delay one frame
 * longer; when all packets of two seconds came earlier than needed, `next`
 * skips a frame. So the two clocks, ours and the sender's, may drift, too.
 */
#include "media/jitter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/pcm.h"

/* A sender that was silent for so long has paused; we fill up anew when it goes on. */
#define DRY_FRAMES_MAX 10
/* A jump of timestamps beyond this is another clock, not a delay. */
#define JUMP_SAMPLES (2 * PTN_PCM_RATE)
#define CALM PTN_S(2)

static void empty(struct ptn_jitter *j)
{
    for (size_t i = 0; i < PTN_JITTER_PACKETS; i++)
        j->slots[i].used = false;
    j->playing = false;
    j->play_at = PTN_NEVER;
    j->hold = false;
    j->dry_frames = 0;
}

void ptn_jitter_reset(struct ptn_jitter *j)
{
    empty(j);
    j->begun = false;
    j->variation = 0;
    j->target = j->opts.delay_min;
}

void ptn_jitter_init(struct ptn_jitter *j, const struct ptn_jitter_opts *opts)
{
    assert(opts->delay_min > 0 && opts->delay_min <= opts->delay_max);
    assert(opts->delay_max <= PTN_MS(500));

    j->opts = *opts;
    j->next = j->newest = j->transit = j->spare = 0;
    j->calm_since = 0;
    j->shortened = 0;
    ptn_jitter_reset(j);
}

ptn_time ptn_jitter_delay(const struct ptn_jitter *j)
{
    return j->target;
}

static struct ptn_jitter_slot *earliest(struct ptn_jitter *j)
{
    struct ptn_jitter_slot *first = NULL;
    for (size_t i = 0; i < PTN_JITTER_PACKETS; i++) {
        struct ptn_jitter_slot *slot = &j->slots[i];
        if (slot->used && (!first || slot->timestamp < first->timestamp))
            first = slot;
    }
    return first;
}

/* Timestamps have 32 bits and wrap; ours go on for ever. */
static int64_t unwrap(const struct ptn_jitter *j, uint32_t timestamp)
{
    return j->newest + (int32_t)(timestamp - (uint32_t)j->newest);
}

static void aim(struct ptn_jitter *j, ptn_time wanted)
{
    j->target = ptn_time_max(j->opts.delay_min, ptn_time_min(wanted, j->opts.delay_max));
}

static void watch_arrival(struct ptn_jitter *j, ptn_time now, int64_t timestamp, unsigned samples)
{
    int64_t transit = PTN_PCM_SAMPLES(now) - timestamp;
    j->variation += ((double)llabs(transit - j->transit) - j->variation) / 16;
    j->transit = transit;
    /* One packet must be whole before it is sent, and three variations hold nearly all. */
    aim(j, ptn_time_max(PTN_PCM_SPAN(samples) + (ptn_time)(3 * j->variation * PTN_PCM_SPAN(1)),
                        j->target - j->target / 256));
}

/* A packet came `spare` samples before its moment. */
static void watch_spare(struct ptn_jitter *j, ptn_time now, int64_t spare)
{
    if (spare < j->spare)
        j->spare = spare;
    if (now - j->calm_since < CALM)
        return;
    if (PTN_PCM_SPAN(j->spare) > j->target + PTN_FRAME_SPAN / 2) {
        j->next += PTN_FRAME_SAMPLES;
        j->shortened++;
    }
    j->spare = INT64_MAX;
    j->calm_since = now;
}

/* Holds `next` for a frame, so that the next one like this is in time; not for stragglers that
 * no delay we would accept could have saved. */
static void learn_from_late(struct ptn_jitter *j, int64_t behind)
{
    ptn_time before = j->target;
    if (PTN_PCM_SPAN(behind) > j->opts.delay_max)
        return;
    aim(j, j->target + PTN_FRAME_SPAN);
    j->hold = j->target > before;
}

static void begin(struct ptn_jitter *j, ptn_time now, uint32_t timestamp)
{
    j->begun = true;
    j->newest = timestamp;
    j->transit = PTN_PCM_SAMPLES(now) - timestamp;
}

enum ptn_jitter_verdict ptn_jitter_put(struct ptn_jitter *j, ptn_time now,
                                       const struct ptn_rtp *rtp, enum ptn_codec codec,
                                       unsigned samples)
{
    if (samples == 0 || rtp->payload.size > PTN_JITTER_PAYLOAD_MAX)
        return PTN_JITTER_TOO_BIG;
    if (j->begun && llabs(unwrap(j, rtp->timestamp) - j->newest) > JUMP_SAMPLES)
        ptn_jitter_reset(j);
    if (!j->begun)
        begin(j, now, rtp->timestamp);

    int64_t timestamp = unwrap(j, rtp->timestamp);
    watch_arrival(j, now, timestamp, samples);
    if (j->playing) {
        watch_spare(j, now, timestamp - j->next);
        if (timestamp + samples <= j->next) {
            learn_from_late(j, j->next - timestamp);
            return PTN_JITTER_LATE;
        }
    }
    struct ptn_jitter_slot *slot = &j->slots[rtp->seq % PTN_JITTER_PACKETS];
    if (slot->used && slot->seq == rtp->seq)
        return PTN_JITTER_DUPLICATE;
    if (slot->used && timestamp < slot->timestamp)
        return PTN_JITTER_LATE;
    /* Otherwise one from a whole round of sequence numbers ago gives way: the newer is heard. */

    slot->used = true;
    slot->seq = rtp->seq;
    slot->timestamp = timestamp;
    slot->samples = samples;
    slot->codec = codec;
    slot->size = rtp->payload.size;
    memcpy(j->payloads[slot - j->slots], rtp->payload.data, rtp->payload.size);
    if (timestamp > j->newest)
        j->newest = timestamp;
    if (!j->playing && j->play_at == PTN_NEVER)
        j->play_at = now + j->target;
    return PTN_JITTER_KEPT;
}

static enum ptn_jitter_next run_dry(struct ptn_jitter *j)
{
    if (++j->dry_frames < DRY_FRAMES_MAX)
        return PTN_JITTER_DRY;
    empty(j);
    return PTN_JITTER_NOTHING;
}

enum ptn_jitter_next ptn_jitter_take(struct ptn_jitter *j, ptn_time now,
                                     struct ptn_jitter_item *item)
{
    struct ptn_jitter_slot *slot = earliest(j);
    if (!j->playing) {
        if (!slot || now < j->play_at)
            return PTN_JITTER_NOTHING;
        j->playing = true;
        j->next = slot->timestamp;
        j->spare = INT64_MAX;
        j->calm_since = now;
    }
    /* Skipping a frame may have left some behind. */
    while (slot && slot->timestamp + slot->samples <= j->next) {
        slot->used = false;
        slot = earliest(j);
    }
    if (!slot)
        return run_dry(j);

    j->dry_frames = 0;
    if (j->hold) {
        j->hold = false;
        return PTN_JITTER_DRY;
    }
    if (slot->timestamp > j->next) {
        int64_t gap = slot->timestamp - j->next;
        item->samples = gap < PTN_FRAME_SAMPLES ? (unsigned)gap : PTN_FRAME_SAMPLES;
        j->next += item->samples;
        return PTN_JITTER_GAP;
    }
    *item = (struct ptn_jitter_item){
        .codec = slot->codec,
        .payload = ptn_bytes(j->payloads[slot - j->slots], slot->size),
        .samples = slot->samples,
        .skip = (unsigned)(j->next - slot->timestamp),
    };
    j->next = slot->timestamp + slot->samples;
    slot->used = false;
    return PTN_JITTER_SOUND;
}

/*
 * tests/unit/phone/test_recording.c - recordings, read back as files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "media/pcm.h"
#include "os/file.h"
#include "phone/phone.h"
#include "support/test.h"

static char path[] = "/tmp/postern-recording-XXXXXX";

static void begin(void)
{
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
}

static struct ptn_wav read_it(void)
{
    struct ptn_bytes file;
    struct ptn_wav w;

    CHECK_EQ(PTN_OK, ptn_file_read(path, 4096, &file));
    CHECK_EQ(PTN_OK, ptn_wav_read(file, 1000, &w));
    ptn_file_free(&file);
    return w;
}

TEST(a_recording_is_whole_at_any_moment)
{
    int16_t sound[3 * PTN_FRAME_SAMPLES];
    struct phone_recording *r;
    struct ptn_wav w;

    begin();
    for (int i = 0; i < 3 * PTN_FRAME_SAMPLES; i++)
        sound[i] = (int16_t)(i * 50 - 12000);
    CHECK_EQ(PTN_OK, phone_recording_new(path, PTN_PCM_RATE, &r));
    for (size_t frames = 0; frames <= 3; frames++) {
        w = read_it();
        CHECK_EQ(PTN_PCM_RATE, w.rate);
        CHECK_EQ(frames * PTN_FRAME_SAMPLES, w.count);
        CHECK_BYTES(sound, w.samples, 2 * w.count);
        ptn_wav_free(&w);
        if (frames < 3)
            CHECK_EQ(PTN_OK, phone_recording_write(r, sound + frames * PTN_FRAME_SAMPLES,
                                                   PTN_FRAME_SAMPLES));
    }
    phone_recording_free(r);
    unlink(path);
}

TEST(a_recording_that_cannot_be_made_is_told)
{
    struct phone_recording *r;

    CHECK_EQ(PTN_ERR_NOT_FOUND, phone_recording_new("/tmp/no/such/folder/x.wav", PTN_PCM_RATE, &r));
    CHECK(r == NULL);
}

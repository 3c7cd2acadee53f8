#include "os/soundfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"

static char folder[] = "/tmp/postern-sound-XXXXXX";
static char path[64];

static void make_path(void)
{
    if (!path[0]) {
        CHECK(mkdtemp(folder) != NULL);
        snprintf(path, sizeof(path), "%s/a.wav", folder);
    }
}

static void clean_up(void)
{
    unlink(path);
    rmdir(folder);
    path[0] = '\0';
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
}

TEST(what_was_recorded_is_read_again)
{
    make_path();
    int16_t sound[480];
    for (int i = 0; i < 480; i++)
        sound[i] = (int16_t)(i * 50 - 12000);
    struct ptn_recording *r;
    CHECK_EQ(PTN_OK, ptn_recording_new(path, 8000, &r));
    for (int i = 0; i < 480; i += 160)
        CHECK_EQ(PTN_OK, ptn_recording_write(r, sound + i, 160));
    ptn_recording_free(r);

    struct ptn_sound got;
    CHECK_EQ(PTN_OK, ptn_sound_read(path, 480, &got));
    CHECK_EQ(8000, got.rate);
    CHECK_EQ(480, got.count);
    CHECK_BYTES(sound, got.samples, sizeof(sound));
    ptn_sound_free(&got);
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_sound_read(path, 479, &got));
    CHECK(got.samples == NULL);
    clean_up();
}

TEST(a_recording_that_was_never_closed_can_be_read)
{
    make_path();
    int16_t sound[160] = {1, 2, 3};
    struct ptn_recording *r;
    CHECK_EQ(PTN_OK, ptn_recording_new(path, 8000, &r));
    CHECK_EQ(PTN_OK, ptn_recording_write(r, sound, 160));

    struct ptn_sound got;
    CHECK_EQ(PTN_OK, ptn_sound_read(path, 1000, &got));
    CHECK_EQ(160, got.count);
    CHECK_EQ(3, got.samples[2]);
    ptn_sound_free(&got);
    ptn_recording_free(r);
    clean_up();
}

/* 16 kHz, two channels, two frames. */
static const unsigned char stereo[] = {
    'R', 'I', 'F', 'F', 44, 0, 0,    0,    'W', 'A', 'V', 'E',  'f', 'm',  't', ' ',  16, 0,
    0,   0,   1,   0,   2,  0, 0x80, 0x3e, 0,   0,   0,   0xfa, 0,   0,    4,   0,    16, 0,
    'd', 'a', 't', 'a', 8,  0, 0,    0,    100, 0,   200, 0,    0,   0x80, 0,   0x80,
};

static void write_file(const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
}

TEST(channels_become_their_mean_and_the_rate_is_told)
{
    make_path();
    write_file(stereo, sizeof(stereo));
    struct ptn_sound got;
    CHECK_EQ(PTN_OK, ptn_sound_read(path, 100, &got));
    CHECK_EQ(16000, got.rate);
    CHECK_EQ(2, got.count);
    CHECK_EQ(150, got.samples[0]);
    CHECK_EQ(INT16_MIN, got.samples[1]);
    ptn_sound_free(&got);
    clean_up();
}

TEST(no_file_no_sound_and_no_rights_are_told_apart)
{
    make_path();
    struct ptn_sound got;
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_sound_read(path, 100, &got));
    write_file("this is no sound", 16);
    CHECK_EQ(PTN_ERR_INVALID, ptn_sound_read(path, 100, &got));
    struct ptn_recording *r;
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_recording_new("/tmp/no/such/folder/x.wav", 8000, &r));
    clean_up();
}

/*
 * tests/unit/media/test_wav.c - files as others write them, and our own read back.
 */
#include "media/wav.h"

#include "media/g711.h"
#include "support/test.h"

static uint8_t file[400];
static size_t file_size;

static void add(uint32_t n, size_t size)
{
    for (size_t i = 0; i < size; i++)
        file[file_size++] = (uint8_t)(n >> 8 * i);
}

static void add_name(const char *name)
{
    memcpy(file + file_size, name, 4);
    file_size += 4;
}

/* Everything up to the samples; `claimed` bytes of them are announced. */
static void begin(unsigned kind, unsigned channels, unsigned rate, unsigned bits, uint32_t claimed)
{
    file_size = 0;
    add_name("RIFF");
    add(36 + claimed, 4);
    add_name("WAVE");
    add_name("fmt ");
    add(16, 4);
    add(kind, 2);
    add(channels, 2);
    add(rate, 4);
    add(rate * channels * bits / 8, 4);
    add(channels * bits / 8, 2);
    add(bits, 2);
    add_name("data");
    add(claimed, 4);
}

static enum ptn_err read_it(struct ptn_wav *w)
{
    return ptn_wav_read(ptn_bytes(file, file_size), 100, w);
}

TEST(every_kind_of_sample_becomes_16_bits)
{
    static const struct {
        unsigned kind, bits;
        uint32_t samples[2];
        int16_t expected[2];
    } cases[] = {
        {1, 8, {0, 255}, {-32768, 127 * 256}},
        {1, 16, {0x8000, 1234}, {-32768, 1234}},
        {1, 24, {0x8000ff, 0x123456}, {-32768, 0x1234}},
        {1, 32, {0xffff0000, 0x12345678}, {-1, 0x1234}},
        {6, 8, {0xd5, 0x2a}, {8, -32256}},
        {7, 8, {0xff, 0x00}, {0, -32124}},
    };
    struct ptn_wav w;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].kind, 1, 8000, cases[i].bits, cases[i].bits / 4);
        for (unsigned n = 0; n < 2; n++)
            add(cases[i].samples[n], cases[i].bits / 8);
        CHECK_EQ(PTN_OK, read_it(&w));
        CHECK_EQ(2, w.count);
        CHECK_EQ(8000, w.rate);
        CHECK_EQ(cases[i].expected[0], w.samples[0]);
        CHECK_EQ(cases[i].expected[1], w.samples[1]);
        ptn_wav_free(&w);
    }
}

TEST(channels_become_their_mean_and_the_rate_is_told)
{
    struct ptn_wav w;

    begin(1, 2, 16000, 16, 8);
    for (unsigned i = 0; i < 4; i++)
        add((const uint16_t[]){100, 200, 0x8000, 0x8000}[i], 2);
    CHECK_EQ(PTN_OK, read_it(&w));
    CHECK_EQ(16000, w.rate);
    CHECK_EQ(2, w.count);
    CHECK_EQ(150, w.samples[0]);
    CHECK_EQ(INT16_MIN, w.samples[1]);
    ptn_wav_free(&w);
}

TEST(other_chunks_are_passed_over_and_odd_ones_have_a_byte_behind_them)
{
    struct ptn_wav w;

    file_size = 0;
    add_name("RIFF");
    add(0, 4);
    add_name("WAVE");
    add_name("LIST");
    add(3, 4);
    add(0, 4);
    add_name("fmt ");
    add(40, 4); /* extensible: what it is stands further back */
    add(0xfffe, 2);
    add(1, 2);
    add(8000, 4);
    add(16000, 4);
    add(2, 2);
    add(16, 2);
    add(22, 2);
    add(16, 2);
    add(0, 4);
    add(1, 2);
    memset(file + file_size, 0, 14);
    file_size += 14;
    add_name("fact");
    add(4, 4);
    add(1, 4);
    add_name("data");
    add(2, 4);
    add(4711, 2);
    CHECK_EQ(PTN_OK, read_it(&w));
    CHECK_EQ(1, w.count);
    CHECK_EQ(4711, w.samples[0]);
    ptn_wav_free(&w);
}

TEST(a_file_that_ends_early_is_as_long_as_it_is)
{
    struct ptn_wav w;

    begin(1, 1, 8000, 16, 0xffffffff);
    add(1, 2);
    add(2, 2);
    add(3, 1);
    CHECK_EQ(PTN_OK, read_it(&w));
    CHECK_EQ(2, w.count);
    CHECK_EQ(2, w.samples[1]);
    ptn_wav_free(&w);
}

TEST(what_is_no_wav_another_kind_and_too_long_are_told_apart)
{
    static const struct {
        unsigned kind, channels, rate, bits;
        enum ptn_err expected;
    } cases[] = {
        {1, 0, 8000, 16, PTN_ERR_INVALID},     {1, 1, 0, 16, PTN_ERR_INVALID},
        {3, 1, 8000, 32, PTN_ERR_UNSUPPORTED}, {1, 9, 8000, 16, PTN_ERR_UNSUPPORTED},
        {1, 1, 8000, 12, PTN_ERR_UNSUPPORTED}, {1, 1, 8000, 0, PTN_ERR_UNSUPPORTED},
        {6, 1, 8000, 16, PTN_ERR_UNSUPPORTED}, {1, 1, 8000, 64, PTN_ERR_UNSUPPORTED},
        {85, 1, 8000, 8, PTN_ERR_UNSUPPORTED}, {1, 1, 8000, 8, PTN_ERR_NO_ROOM},
    };
    struct ptn_wav w;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].kind, cases[i].channels, cases[i].rate, cases[i].bits, 101);
        memset(file + file_size, 0, 101);
        file_size += 101;
        CHECK_EQ(cases[i].expected, read_it(&w));
        CHECK(w.samples == NULL && w.count == 0);
    }
    CHECK_EQ(PTN_ERR_INVALID, ptn_wav_read(ptn_bytes_of_text("this is no sound"), 100, &w));
    begin(1, 1, 8000, 16, 0);
    for (size_t size = 0; size < 44; size++)
        CHECK(ptn_wav_read(ptn_bytes(file, size), 100, &w) == PTN_ERR_INVALID);
}

TEST(what_is_written_behind_our_header_is_read_again)
{
    struct ptn_wav w;

    ptn_wav_header(8000, 4, file);
    file_size = PTN_WAV_HEADER_BYTES;
    add(0xfff9, 2);
    add(7, 2);
    CHECK_EQ(PTN_OK, read_it(&w));
    CHECK_EQ(8000, w.rate);
    CHECK_EQ(2, w.count);
    CHECK_EQ(-7, w.samples[0]);
    ptn_wav_free(&w);
    /* As Python's wave module writes it. */
    static const uint8_t expected[] = {'R', 'I', 'F',  'F',  40,  0,   0,    0,    'W', 'A', 'V',
                                       'E', 'f', 'm',  't',  ' ', 16,  0,    0,    0,   1,   0,
                                       1,   0,   0x40, 0x1f, 0,   0,   0x80, 0x3e, 0,   0,   2,
                                       0,   16,  0,    'd',  'a', 't', 'a',  4,    0,   0,   0};
    CHECK_BYTES(expected, file, sizeof expected);
}

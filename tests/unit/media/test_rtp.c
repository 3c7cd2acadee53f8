#include "media/rtp.h"

#include "support/test.h"

static enum ptn_rtp_verdict decode(const void *data, size_t size, struct ptn_rtp *rtp)
{
    return ptn_rtp_decode(ptn_bytes(data, size), rtp);
}

TEST(a_plain_packet_is_read_field_by_field)
{
    static const uint8_t packet[] = {0x80, 0x88, 0x12, 0x34, 0x01, 0x02, 0x03, 0x04,
                                     0xca, 0xfe, 0xba, 0xbe, 0xd5, 0x55, 0xd5};
    struct ptn_rtp rtp;

    CHECK_EQ(PTN_RTP_OK, decode(packet, sizeof(packet), &rtp));
    CHECK_EQ(8, rtp.payload_type);
    CHECK(rtp.marker);
    CHECK_EQ(0x1234, rtp.seq);
    CHECK_EQ(0x01020304, rtp.timestamp);
    CHECK_EQ(0xcafebabe, rtp.ssrc);
    CHECK_EQ(0, rtp.csrc_count);
    CHECK(!rtp.has_extension);
    CHECK_EQ(3, rtp.payload.size);
    CHECK(rtp.payload.data == packet + 12);
}

TEST(csrcs_extension_and_padding_leave_the_payload_alone)
{
    struct ptn_rtp sent = {
        .payload_type = 0,
        .seq = 65535,
        .timestamp = UINT32_MAX,
        .ssrc = 1,
        .csrc_count = 15,
        .has_extension = true,
        .extension_profile = 0xbede,
        .extension = ptn_bytes("abcdefgh", 8),
        .padding_bytes = 4,
        .payload = ptn_bytes("sound", 5),
    };
    for (unsigned i = 0; i < 15; i++)
        sent.csrc[i] = 100 + i;
    uint8_t packet[200];
    struct ptn_writer w = ptn_writer(packet, sizeof(packet));
    ptn_rtp_encode(&w, &sent);
    CHECK(!w.bad);
    CHECK_EQ(12 + 60 + 4 + 8 + 5 + 4, ptn_writer_size(&w));

    struct ptn_rtp got;
    CHECK_EQ(PTN_RTP_OK, decode(packet, ptn_writer_size(&w), &got));
    CHECK_EQ(15, got.csrc_count);
    CHECK_EQ(114, got.csrc[14]);
    CHECK_EQ(0xbede, got.extension_profile);
    CHECK(ptn_bytes_equal(sent.extension, got.extension));
    CHECK_EQ(4, got.padding_bytes);
    CHECK(ptn_bytes_equal(sent.payload, got.payload));
    CHECK(!got.marker);
}

TEST(a_packet_cut_anywhere_in_its_header_is_truncated)
{
    struct ptn_rtp sent = {.csrc_count = 2,
                           .has_extension = true,
                           .extension = ptn_bytes("abcd", 4),
                           .payload = ptn_bytes("x", 1)};
    uint8_t packet[64];
    struct ptn_writer w = ptn_writer(packet, sizeof(packet));
    ptn_rtp_encode(&w, &sent);

    struct ptn_rtp got;
    for (size_t size = 0; size < 28; size++)
        CHECK_EQ(PTN_RTP_TRUNCATED, decode(packet, size, &got));
    CHECK_EQ(PTN_RTP_OK, decode(packet, 28, &got));
    CHECK_EQ(0, got.payload.size);
}

TEST(what_is_no_rtp_is_told_apart)
{
    struct ptn_rtp rtp;
    uint8_t packet[16] = {0x80};

    packet[0] = 0x00; /* STUN */
    CHECK_EQ(PTN_RTP_BAD_VERSION, decode(packet, 16, &rtp));
    packet[0] = 0x40; /* ChannelData, RTP version 1 */
    CHECK_EQ(PTN_RTP_BAD_VERSION, decode(packet, 16, &rtp));
    packet[0] = 0x80;
    packet[1] = 200;
    CHECK_EQ(PTN_RTP_IS_RTCP, decode(packet, 16, &rtp));
    packet[1] = 201; /* an empty RR is shorter than any RTP packet */
    CHECK_EQ(PTN_RTP_IS_RTCP, decode(packet, 8, &rtp));
    packet[1] = 0x80 | 63; /* 191 */
    CHECK_EQ(PTN_RTP_OK, decode(packet, 16, &rtp));
    packet[1] = 0x80 | 96; /* 224 */
    CHECK_EQ(PTN_RTP_OK, decode(packet, 16, &rtp));
}

TEST(padding_must_be_there_and_end_within_the_payload)
{
    static const struct {
        size_t size;
        uint8_t last;
        enum ptn_rtp_verdict verdict;
        size_t payload;
    } cases[] = {
        {16, 0, PTN_RTP_BAD_PADDING, 0}, {16, 5, PTN_RTP_BAD_PADDING, 0}, {16, 4, PTN_RTP_OK, 0},
        {16, 1, PTN_RTP_OK, 3},          {12, 1, PTN_RTP_BAD_PADDING, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint8_t packet[16] = {0xa0};
        packet[cases[i].size - 1] = cases[i].last;
        struct ptn_rtp rtp;
        CHECK_EQ(cases[i].verdict, decode(packet, cases[i].size, &rtp));
        if (cases[i].verdict == PTN_RTP_OK)
            CHECK_EQ(cases[i].payload, rtp.payload.size);
    }
}

TEST(a_packet_that_does_not_fit_turns_the_writer_bad)
{
    uint8_t packet[20];
    struct ptn_writer w = ptn_writer(packet, sizeof(packet));
    ptn_rtp_encode(&w, &(struct ptn_rtp){.payload = ptn_bytes("nine char", 9)});
    CHECK(w.bad);
}

#include "stun/frame.h"

#include "support/test.h"
#include "vectors/rfc5769.h"

enum { REQUEST = sizeof rfc5769_request, RESPONSE = sizeof rfc5769_response_v4 };

TEST(messages_come_whole_out_of_pieces_of_every_size)
{
    uint8_t stream[REQUEST + RESPONSE + REQUEST];

    memcpy(stream, rfc5769_request, REQUEST);
    memcpy(stream + REQUEST, rfc5769_response_v4, RESPONSE);
    memcpy(stream + REQUEST + RESPONSE, rfc5769_request, REQUEST);
    for (size_t piece = 1; piece <= sizeof stream; piece++) {
        static const size_t sizes[] = {REQUEST, RESPONSE, REQUEST};
        const uint8_t *const contents[] = {rfc5769_request, rfc5769_response_v4, rfc5769_request};
        struct ptn_stun_frame f;
        uint8_t buf[REQUEST];
        unsigned count = 0;

        ptn_stun_frame_init(&f, buf, sizeof buf);
        for (size_t at = 0; at < sizeof stream; at += piece) {
            struct ptn_bytes in =
                ptn_bytes(stream + at, piece < sizeof stream - at ? piece : sizeof stream - at);
            struct ptn_bytes message;
            while (ptn_stun_frame_next(&f, &in, &message) == PTN_STUN_FRAME_MESSAGE) {
                CHECK(count < 3);
                CHECK_EQ(sizes[count], message.size);
                CHECK_BYTES(contents[count], message.data, message.size);
                count++;
            }
            CHECK_EQ(0, in.size);
        }
        CHECK_EQ(3, count);
    }
}

TEST(a_stream_that_is_not_stun_is_broken_whether_split_or_not)
{
    static const char *const streams[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\0\1\0\3\x21\x12\xa4\x42"
        "abcdefghijklmnopqrst",
        "\0\1\1\0\x21\x12\xa4\x42"
        "abcdefghijklmnopqrst", /* longer than the buffer */
    };
    for (size_t i = 0; i < 3; i++)
        for (size_t piece = 1; piece <= 28; piece += 9) {
            struct ptn_stun_frame f;
            uint8_t buf[100];
            enum ptn_stun_frame_step step = PTN_STUN_FRAME_MORE;

            ptn_stun_frame_init(&f, buf, sizeof buf);
            for (size_t at = 0; at < 28 && step == PTN_STUN_FRAME_MORE; at += piece) {
                struct ptn_bytes in = ptn_bytes(streams[i] + at, piece < 28 - at ? piece : 28 - at);
                struct ptn_bytes message;
                step = ptn_stun_frame_next(&f, &in, &message);
            }
            CHECK_EQ(PTN_STUN_FRAME_BROKEN, step);
        }
}

/*
 * fuzz_sight - anything that may pass between a phone and its host, looked at in every way.
 *
 * Each piece of the input is a letter, a size and so many bytes: sent or received, over UDP or a
 * connection, or a turn of that connection. Packets must be right, lines must fit and hold nothing
 * that a terminal obeys, and what is kept must be UTF-8.
 */
#include <stdlib.h>

#include "ip/ip.h"
#include "sight/ladder.h"
#include "sight/mask.h"
#include "sight/trace.h"
#include "sight/wire.h"

enum { UDP = 1, LISTENER = 2, CONNECTION = 3, WIDTH = 80 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ptn_addr HERE = {.ip = {192, 0, 2, 1}, .port = 5060, .family = PTN_IPV4};

struct looker {
    struct ptn_ends *ends;
    struct ptn_trace *trace;
    struct ptn_wire *wire;
    uint64_t unix_ns;
};

static void check_packets(struct looker *l, const struct ptn_seen *seen)
{
    static uint8_t buf[PTN_WIRE_PACKET_MAX];
    struct ptn_wire_packet p;
    struct ptn_ip ip;

    ptn_wire_input(l->wire, seen);
    while (ptn_wire_output(l->wire, buf, &p))
        if (ptn_ip_parse(p.bytes, &ip) != PTN_IP_FINE || !ptn_ip_checksums_hold(p.bytes, &ip) ||
            p.interface >= PTN_WIRE_INTERFACES)
            abort();
}

static void look(struct looker *l, const struct ptn_seen *seen)
{
    l->unix_ns += 1000000;
    ptn_trace_add(l->trace, l->unix_ns, seen);
    check_packets(l, seen);
}

static void ask(struct looker *l, const struct ptn_ask *ask)
{
    struct ptn_seen seen;

    if (ptn_ends_ask(l->ends, ask, &seen))
        look(l, &seen);
}

static void tell(struct looker *l, const struct ptn_tell *tell)
{
    struct ptn_seen seen;

    if (ptn_ends_tell(l->ends, tell, &seen))
        look(l, &seen);
}

static void open_sockets(struct looker *l)
{
    ask(l, &(struct ptn_ask){.kind = PTN_ASK_OPEN, .id = UDP, .local = HERE});
    ask(l, &(struct ptn_ask){
               .kind = PTN_ASK_LISTEN, .id = LISTENER, .transport = PTN_TLS, .local = HERE});
}

static void play(struct looker *l, uint8_t letter, struct ptn_bytes bytes)
{
    struct ptn_addr far = ptn_addr_v4(203, 0, 113, letter >> 5, 5060);

    switch (letter & 7) {
    case 0:
        ask(l, &(struct ptn_ask){.kind = PTN_ASK_DATAGRAM, .id = UDP, .to = far, .bytes = bytes});
        break;
    case 1:
        tell(l,
             &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM, .id = UDP, .from = far, .bytes = bytes});
        break;
    case 2:
        ask(l, &(struct ptn_ask){.kind = PTN_ASK_STREAM, .id = CONNECTION, .bytes = bytes});
        break;
    case 3:
        tell(l, &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = CONNECTION, .bytes = bytes});
        break;
    case 4:
        ask(l, &(struct ptn_ask){.kind = PTN_ASK_CONNECT,
                                 .id = CONNECTION,
                                 .transport = PTN_TCP,
                                 .local = HERE,
                                 .to = far});
        break;
    case 5:
        tell(l, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = CONNECTION, .local = HERE});
        break;
    case 6:
        tell(l, &(struct ptn_tell){.kind = letter & 8 ? PTN_TELL_CLOSED : PTN_TELL_FAILED,
                                   .id = CONNECTION,
                                   .why = letter & 16 ? PTN_ERR_RESET : PTN_OK});
        break;
    case 7:
        tell(l, &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                   .id = PTN_ID_WORLD + letter,
                                   .listener = LISTENER,
                                   .transport = PTN_TLS,
                                   .local = HERE,
                                   .from = far});
        break;
    }
}

/* Every line is at most `width` characters of well-formed UTF-8, none a control. */
static void check_lines(struct ptn_bytes lines, unsigned width)
{
    unsigned at = 0;

    for (size_t i = 0; i < lines.size; i++) {
        uint8_t c = lines.data[i];
        bool is_c1 = c == 0xc2 && i + 1 < lines.size && lines.data[i + 1] < 0xa0;
        if ((c < 0x20 && c != '\n') || c == 0x7f || is_c1)
            abort();
        at = c == '\n' ? 0 : at + ((c & 0xc0) != 0x80);
        if (at > width)
            abort();
    }
}

/* Masking what was masked changes nothing: so it is UTF-8, and nothing hidden is left. */
static void check_text(struct ptn_bytes text)
{
    uint8_t *again = malloc(2 * text.size + 16);
    struct ptn_writer w = ptn_writer(again, 2 * text.size + 16);

    if (!again)
        abort();
    ptn_mask(&w, text);
    if (!w.bad && !ptn_bytes_equal(text, ptn_bytes(again, ptn_writer_size(&w))))
        abort();
    free(again);
}

static void draw(struct ptn_ladder *ladder, const struct ptn_trace_entry *e)
{
    static uint8_t lines[PTN_LADDER_TEXT_MAX];
    struct ptn_writer w = ptn_writer(lines, sizeof lines);

    ptn_ladder_print(ladder, e, &w);
    if (w.bad)
        abort();
    check_lines(ptn_bytes(lines, ptn_writer_size(&w)), WIDTH);
    uint8_t *all = malloc(8 * e->text.size + 1);
    if (!all)
        abort();
    w = ptn_writer(all, 8 * e->text.size + 1);
    ptn_ladder_print_text(ladder, e->text, "    ", &w);
    if (w.bad)
        abort();
    check_lines(ptn_bytes(all, ptn_writer_size(&w)), UINT32_MAX);
    free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct looker l = {ptn_ends_new(8), ptn_trace_new(PTN_TRACE_BYTES_MIN), ptn_wire_new(2), 0};
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    struct ptn_ladder ladder;
    struct ptn_trace_entry e;
    struct ptn_seen seen;

    if (!l.ends || !l.trace || !l.wire)
        abort();
    open_sockets(&l);
    while (ptn_reader_left(&r) >= 3) {
        uint8_t letter = ptn_read_u8(&r);
        size_t wanted = ptn_read_u16(&r), left = ptn_reader_left(&r);
        play(&l, letter, ptn_read(&r, wanted < left ? wanted : left));
    }
    while (ptn_ends_leave(l.ends, &seen))
        look(&l, &seen);
    ptn_ladder_init(&ladder, WIDTH, size % 2, 0);
    for (uint64_t n = 0; ptn_trace_next(l.trace, n, &e); n = e.number) {
        check_text(e.text);
        draw(&ladder, &e);
    }
    for (unsigned i = 0; ptn_trace_counting(l.trace, i, &e); i++)
        draw(&ladder, &e);
    ptn_wire_free(l.wire);
    ptn_trace_free(l.trace);
    ptn_ends_free(l.ends);
    return 0;
}

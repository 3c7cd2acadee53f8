/*
 * sight/wire.h - the packets that would have been on the wire, for a capture file.
 *
 * Datagrams get their IP and UDP headers back. Connections become segments with handshake,
 * sequence numbers and end, such that wireshark puts their bytes together again; TLS is shown
 * as what is inside it, on an interface of its own, but for the empty lines of keep-alives. What
 * the kernel did besides (repeats, acknowledgements, windows) is not
 * known here and not shown.
 */
#ifndef PTN_SIGHT_WIRE_H
#define PTN_SIGHT_WIRE_H

#include "base/cursor.h"
#include "sight/ends.h"

enum {
    PTN_WIRE_PLAIN, /* interface 0: UDP and TCP */
    PTN_WIRE_CLEAR, /* interface 1: what TLS carried, in the clear */
    PTN_WIRE_INTERFACES,
    PTN_WIRE_PACKET_MAX = 65535,
};
extern const char *const ptn_wire_interfaces[PTN_WIRE_INTERFACES];

struct ptn_wire;

/* `connections_max`: of more, the oldest is forgotten, and shaken hands with anew when it speaks
 * again. NULL: no memory. */
struct ptn_wire *ptn_wire_new(uint32_t connections_max);
void ptn_wire_free(struct ptn_wire *w);

/* Packets follow, until output() answers false; take them all before the next input. The bytes
 * of `seen` are borrowed until then. */
void ptn_wire_input(struct ptn_wire *w, const struct ptn_seen *seen);

struct ptn_wire_packet {
    uint32_t interface;
    struct ptn_bytes bytes; /* in the caller's buffer */
    const char *comment;    /* for a person; NULL: none; borrowed until the next call */
};
bool ptn_wire_output(struct ptn_wire *w, uint8_t buf[static PTN_WIRE_PACKET_MAX],
                     struct ptn_wire_packet *out);

#endif

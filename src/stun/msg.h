/*
 * stun/msg.h - STUN messages of all three ages: RFC 3489, 5389 and 8489.
 *
 * Decoding makes views into the datagram: nothing is copied or allocated, and a
 * message lives as long as the bytes it was decoded from. Encoding goes straight
 * into the caller's buffer. Integrity and fingerprint are in stun/seal.h.
 *
 * The two dialects differ in the first four bytes of what RFC 3489 calls a
 * 16-byte transaction id: RFC 5389 put a fixed cookie there.
 */
#ifndef PTN_STUN_MSG_H
#define PTN_STUN_MSG_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "base/dice.h"
#include "stun/attr.h"

#define PTN_STUN_HEADER_BYTES 20
#define PTN_STUN_COOKIE 0x2112a442u

/* More than any message without PADDING or a stranger's attributes needs. */
#define PTN_STUN_BYTES_MAX 1200

enum ptn_stun_dialect {
    PTN_STUN_CLASSIC, /* RFC 3489: no cookie */
    PTN_STUN_MODERN,  /* RFC 5389, RFC 8489 */
};

/* As on the wire, the cookie (if it has one) included. */
struct ptn_stun_id {
    uint8_t bytes[16];
};

enum ptn_stun_verdict {
    PTN_STUN_OK,
    PTN_STUN_NOT_STUN,      /* the first two bits are not zero, or shorter than a header */
    PTN_STUN_BAD_LENGTH,    /* the header's length is not that of the datagram, or not 4 n */
    PTN_STUN_BAD_ATTRIBUTE, /* one runs over the end of the message */
    PTN_STUN_BAD_ORDER,     /* something follows FINGERPRINT */
    PTN_STUN_VERDICTS,
};

#define PTN_STUN_STRANGERS_MAX 8

struct ptn_stun_msg {
    struct ptn_bytes bytes; /* the whole message, borrowed */
    struct ptn_stun_id id;
    enum ptn_stun_dialect dialect;
    enum ptn_stun_class class;
    uint16_t method;             /* enum ptn_stun_method, or one that is not ours */
    uint16_t at[PTN_STUN_SLOTS]; /* where each type begins first, in 4-byte words; 0: nowhere */
    uint64_t required;           /* bits (1 << type) of those below 64 that are there */
    uint16_t strangers[PTN_STUN_STRANGERS_MAX]; /* must be understood, but have no slot */
    uint8_t stranger_count;
};

/* Attributes that follow an integrity attribute and are not under its protection are
 * left out, as RFC 8489 §14.5 and §14.6 say. `m` is undefined unless the verdict is OK. */
enum ptn_stun_verdict ptn_stun_decode(struct ptn_stun_msg *m, struct ptn_bytes datagram);

/* "not-stun", "bad-length", … for counters; "ok" for OK. */
const char *ptn_stun_verdict_name(enum ptn_stun_verdict v);

/* False when the attribute is absent; then `out` is left alone. */
bool ptn_stun_get(const struct ptn_stun_msg *m, enum ptn_stun_attr type, struct ptn_bytes *out);

static inline bool ptn_stun_has(const struct ptn_stun_msg *m, enum ptn_stun_attr type)
{
    struct ptn_bytes value;
    return ptn_stun_get(m, type, &value);
}

/* The next attribute of `type` after `*at`, which begins as 0: for those of which there may be
 * several. False at the end; those that get() leaves out are not among them. */
bool ptn_stun_get_next(const struct ptn_stun_msg *m, enum ptn_stun_attr type, size_t *at,
                       struct ptn_bytes *out);

/* Reads one value of an attribute of address form. */
bool ptn_stun_read_addr(const struct ptn_stun_msg *m, enum ptn_stun_attr type,
                        struct ptn_bytes value, struct ptn_addr *out);

/* False, with `out` left alone, when the attribute is absent or is not an address. Those
 * with XOR in their name come out in clear. */
bool ptn_stun_get_addr(const struct ptn_stun_msg *m, enum ptn_stun_attr type, struct ptn_addr *out);

/* False when absent or not of exactly 4 bytes. RESPONSE-PORT is a get_u16. */
bool ptn_stun_get_u32(const struct ptn_stun_msg *m, enum ptn_stun_attr type, uint32_t *out);
bool ptn_stun_get_u16(const struct ptn_stun_msg *m, enum ptn_stun_attr type, uint16_t *out);

/* The first byte of a value of 1 or 4 bytes. */
bool ptn_stun_get_u8(const struct ptn_stun_msg *m, enum ptn_stun_attr type, uint8_t *out);

/* The three-digit code and its text (not to be trusted, not zero-terminated). False when
 * absent or not from 300 to 699. */
bool ptn_stun_get_error(const struct ptn_stun_msg *m, unsigned *code, struct ptn_bytes *reason);

/*
 * The address this message says it was sent to, and the dialect of the *server*: a server
 * that knows RFC 3489 only takes our cookie for a part of the id and echoes it, so an
 * answer with the cookie but with MAPPED-ADDRESS alone comes from a classic one. The
 * XOR form wins, because routers rewrite addresses that they recognise. False when no
 * usable address is there. Either out-parameter may be NULL.
 */
bool ptn_stun_get_mapped(const struct ptn_stun_msg *m, struct ptn_addr *out,
                         enum ptn_stun_dialect *server);

/* A PASSWORD-ALGORITHM or PASSWORD-ALGORITHMS value: takes the next entry off the front of
 * `list`. False at its end or when the rest is malformed. */
bool ptn_stun_next_algorithm(struct ptn_bytes *list, uint16_t *algorithm, struct ptn_bytes *params);

/*
 * Which attributes must be understood and are not: fills `out` with up to `max` types and
 * answers how many. `understood` holds a bit (1 << type) for types from 0 to 63; those of
 * integrity and credentials too, if the receiver handles them. Duplicates are told once.
 */
size_t ptn_stun_unknown(const struct ptn_stun_msg *m, uint64_t understood, uint16_t *out,
                        size_t max);

static inline enum ptn_stun_dialect ptn_stun_id_dialect(const struct ptn_stun_id *id)
{
    static const uint8_t cookie[] = {0x21, 0x12, 0xa4, 0x42};
    return memcmp(id->bytes, cookie, sizeof cookie) == 0 ? PTN_STUN_MODERN : PTN_STUN_CLASSIC;
}

/* An id that nobody can guess if `dice` cannot be; a classic one never has the cookie. */
struct ptn_stun_id ptn_stun_id_new(struct ptn_dice *dice, enum ptn_stun_dialect dialect);

static inline bool ptn_stun_id_equal(const struct ptn_stun_id *a, const struct ptn_stun_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Writes one message. Like all cursors it turns bad when the buffer is full, and is asked once,
 * by end(). The header's length is right after each put. */
struct ptn_stun_out {
    struct ptn_writer w;
    struct ptn_stun_id id;
};

void ptn_stun_begin(struct ptn_stun_out *o, void *buf, size_t size, enum ptn_stun_class class,
                    uint16_t method, const struct ptn_stun_id *id);

/* Pads with zeros. */
void ptn_stun_put(struct ptn_stun_out *o, enum ptn_stun_attr type, struct ptn_bytes value);

/* Encrypts with the cookie if the type is an XOR one. An address without family is a bug. */
void ptn_stun_put_addr(struct ptn_stun_out *o, enum ptn_stun_attr type, const struct ptn_addr *a);
void ptn_stun_put_u32(struct ptn_stun_out *o, enum ptn_stun_attr type, uint32_t value);
void ptn_stun_put_u16(struct ptn_stun_out *o, enum ptn_stun_attr type, uint16_t value);

/* ERROR-CODE with the RFC's text; code from 300 to 699. The classic dialect fills the text up with
 * spaces, because RFC 3489 §11.2.9 knows no padding. */
void ptn_stun_put_error(struct ptn_stun_out *o, unsigned code);

/* ERROR-CODE without a text, which is the shortest. */
void ptn_stun_put_code(struct ptn_stun_out *o, unsigned code);

/* UNKNOWN-ATTRIBUTES. In the classic dialect an odd list repeats its last type, because RFC
 * 3489 §11.2.10 knows no padding. */
void ptn_stun_put_unknown(struct ptn_stun_out *o, const uint16_t *types, size_t count);

/* Appends one algorithm without parameters to a value that is then put. */
void ptn_stun_put_algorithms(struct ptn_stun_out *o, enum ptn_stun_attr type,
                             const uint16_t *algorithms, size_t count);

/* False when the buffer was too small. `message` is a view of the buffer. */
bool ptn_stun_end(const struct ptn_stun_out *o, struct ptn_bytes *message);

#endif

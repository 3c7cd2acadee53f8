/*
 * stun/attr.h - the numbers and names of STUN attributes, methods and errors.
 *
 * One table for RFC 3489, 5389, 8489, 5780, TURN's (RFC 8656, RFC 6062) and ICE's (RFC 8445).
 * Attributes below 0x8000 must be understood by whoever receives them, the others may be skipped.
 */
#ifndef PTN_STUN_ATTR_H
#define PTN_STUN_ATTR_H

#include <stdbool.h>
#include <stdint.h>

/* One slot for each attribute type from 0x0000 to 0x003f and from 0x8000 to 0x803f:
 * all that the RFCs use. Types outside are unknown to everybody here. */
#define PTN_STUN_SLOTS 128
#define PTN_STUN_SLOT(type) (((unsigned)(type)&0x3f) | (unsigned)(type) >> 15 << 6)

/* PTN_STUN_SLOTS for a type that has none. */
static inline unsigned ptn_stun_slot(uint16_t type)
{
    return type & 0x7fc0 ? PTN_STUN_SLOTS : PTN_STUN_SLOT(type);
}

/* RFC 8489 §18.3 and, marked so, older or other documents. */
enum ptn_stun_attr {
    PTN_STUN_MAPPED_ADDRESS = 0x0001,
    PTN_STUN_RESPONSE_ADDRESS = 0x0002, /* RFC 3489 §11.2.2 */
    PTN_STUN_CHANGE_REQUEST = 0x0003,   /* RFC 3489 §11.2.4, RFC 5780 §7.2 */
    PTN_STUN_SOURCE_ADDRESS = 0x0004,   /* RFC 3489 §11.2.5 */
    PTN_STUN_CHANGED_ADDRESS = 0x0005,  /* RFC 3489 §11.2.3 */
    PTN_STUN_USERNAME = 0x0006,
    PTN_STUN_PASSWORD = 0x0007, /* RFC 3489 §11.2.7 */
    PTN_STUN_MESSAGE_INTEGRITY = 0x0008,
    PTN_STUN_ERROR_CODE = 0x0009,
    PTN_STUN_UNKNOWN_ATTRIBUTES = 0x000a,
    PTN_STUN_REFLECTED_FROM = 0x000b,   /* RFC 3489 §11.2.11 */
    PTN_STUN_CHANNEL_NUMBER = 0x000c,   /* RFC 8656 §18.1 */
    PTN_STUN_LIFETIME = 0x000d,         /* RFC 8656 §18.2 */
    PTN_STUN_XOR_PEER_ADDRESS = 0x0012, /* RFC 8656 §18.3 */
    PTN_STUN_DATA = 0x0013,             /* RFC 8656 §18.4 */
    PTN_STUN_REALM = 0x0014,
    PTN_STUN_NONCE = 0x0015,
    PTN_STUN_XOR_RELAYED_ADDRESS = 0x0016,      /* RFC 8656 §18.5 */
    PTN_STUN_REQUESTED_ADDRESS_FAMILY = 0x0017, /* RFC 8656 §18.6 */
    PTN_STUN_EVEN_PORT = 0x0018,                /* RFC 8656 §18.7 */
    PTN_STUN_REQUESTED_TRANSPORT = 0x0019,      /* RFC 8656 §18.8 */
    PTN_STUN_DONT_FRAGMENT = 0x001a,            /* RFC 8656 §18.9 */
    PTN_STUN_MESSAGE_INTEGRITY_SHA256 = 0x001c,
    PTN_STUN_PASSWORD_ALGORITHM = 0x001d,
    PTN_STUN_USERHASH = 0x001e,
    PTN_STUN_XOR_MAPPED_ADDRESS = 0x0020,
    PTN_STUN_RESERVATION_TOKEN = 0x0022,         /* RFC 8656 §18.10 */
    PTN_STUN_PRIORITY = 0x0024,                  /* RFC 8445 §7.1.1 */
    PTN_STUN_USE_CANDIDATE = 0x0025,             /* RFC 8445 §7.1.2 */
    PTN_STUN_PADDING = 0x0026,                   /* RFC 5780 §7.6 */
    PTN_STUN_RESPONSE_PORT = 0x0027,             /* RFC 5780 §7.5 */
    PTN_STUN_CONNECTION_ID = 0x002a,             /* RFC 6062 §6.2.1 */
    PTN_STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000, /* RFC 8656 §18.11 */
    PTN_STUN_ADDRESS_ERROR_CODE = 0x8001,        /* RFC 8656 §18.12 */
    PTN_STUN_PASSWORD_ALGORITHMS = 0x8002,
    PTN_STUN_ALTERNATE_DOMAIN = 0x8003,
    PTN_STUN_ICMP = 0x8004,                   /* RFC 8656 §18.13 */
    PTN_STUN_OLD_XOR_MAPPED_ADDRESS = 0x8020, /* drafts between RFC 3489 and RFC 5389 */
    PTN_STUN_SOFTWARE = 0x8022,
    PTN_STUN_ALTERNATE_SERVER = 0x8023,
    PTN_STUN_CACHE_TIMEOUT = 0x8027, /* RFC 5780 §7.7 */
    PTN_STUN_FINGERPRINT = 0x8028,
    PTN_STUN_ICE_CONTROLLED = 0x8029,  /* RFC 8445 §7.1.3 */
    PTN_STUN_ICE_CONTROLLING = 0x802a, /* RFC 8445 §7.1.3 */
    PTN_STUN_RESPONSE_ORIGIN = 0x802b, /* RFC 5780 §7.3 */
    PTN_STUN_OTHER_ADDRESS = 0x802c,   /* RFC 5780 §7.4 */
};

enum ptn_stun_method {
    PTN_STUN_BINDING = 0x001,
    PTN_STUN_SHARED_SECRET = 0x002, /* RFC 3489 §9.3; reserved since RFC 5389 */
    /* RFC 8656 §17 */
    PTN_STUN_ALLOCATE = 0x003,
    PTN_STUN_REFRESH = 0x004,
    PTN_STUN_SEND = 0x006,
    PTN_STUN_DATA_INDICATION = 0x007,
    PTN_STUN_CREATE_PERMISSION = 0x008,
    PTN_STUN_CHANNEL_BIND = 0x009,
    /* RFC 6062 §6.1 */
    PTN_STUN_CONNECT = 0x00a,
    PTN_STUN_CONNECTION_BIND = 0x00b,
    PTN_STUN_CONNECTION_ATTEMPT = 0x00c,
};

enum ptn_stun_class {
    PTN_STUN_REQUEST,
    PTN_STUN_INDICATION,
    PTN_STUN_SUCCESS,
    PTN_STUN_ERROR,
};

/* Bits of CHANGE-REQUEST. */
#define PTN_STUN_CHANGE_IP 0x4u
#define PTN_STUN_CHANGE_PORT 0x2u

/* RFC 8489 §18.5. */
enum ptn_stun_password_algorithm {
    PTN_STUN_ALGORITHM_MD5 = 0x0001,
    PTN_STUN_ALGORITHM_SHA256 = 0x0002,
};

/* How the value of an attribute is laid out. */
enum ptn_stun_form {
    PTN_STUN_FORM_BYTES,
    PTN_STUN_FORM_TEXT,
    PTN_STUN_FORM_ADDR,
    PTN_STUN_FORM_XOR_ADDR,
    PTN_STUN_FORM_U16, /* two bytes and two of reserve */
    PTN_STUN_FORM_U32,
    PTN_STUN_FORM_U8, /* one byte and three of reserve, or alone */
    PTN_STUN_FORM_ERROR,
    PTN_STUN_FORM_TYPES,      /* UNKNOWN-ATTRIBUTES */
    PTN_STUN_FORM_ALGORITHMS, /* PASSWORD-ALGORITHM, PASSWORD-ALGORITHMS */
};

/* What is laid down for one attribute; NULL name: not one of ours. */
struct ptn_stun_attr_info {
    const char *name; /* the RFC's, "XOR-MAPPED-ADDRESS" */
    enum ptn_stun_form form;
};

/* BYTES and NULL for a number that is not in enum ptn_stun_attr. */
struct ptn_stun_attr_info ptn_stun_attr_info(uint16_t type);

/* The RFC's short words for an error code, "Unknown Attribute"; "" for others. */
const char *ptn_stun_reason(unsigned code);

/* A bit (1 << type) for each of the above that must be understood: what a client understands. */
#define PTN_STUN_UNDERSTOOD                                                                        \
    (UINT64_C(0xffe) | UINT64_C(1) << PTN_STUN_REALM | UINT64_C(1) << PTN_STUN_NONCE |             \
     UINT64_C(1) << PTN_STUN_MESSAGE_INTEGRITY_SHA256 |                                            \
     UINT64_C(1) << PTN_STUN_PASSWORD_ALGORITHM | UINT64_C(1) << PTN_STUN_USERHASH |               \
     UINT64_C(1) << PTN_STUN_XOR_MAPPED_ADDRESS | UINT64_C(1) << PTN_STUN_PADDING |                \
     UINT64_C(1) << PTN_STUN_RESPONSE_PORT)

static inline bool ptn_stun_must_understand(uint16_t type)
{
    return type < 0x8000;
}

#endif

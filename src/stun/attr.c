/*
 * stun/attr.c - the tables behind stun/attr.h.
 *
 * A table and not code at each place of use, so that a trace, a decoder and an
 * encoder cannot disagree about what an attribute is.
 */
#include "stun/attr.h"

#include <stddef.h>

static const struct ptn_stun_attr_info attrs[PTN_STUN_SLOTS] = {
    [PTN_STUN_SLOT(PTN_STUN_MAPPED_ADDRESS)] = {"MAPPED-ADDRESS", PTN_STUN_FORM_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_RESPONSE_ADDRESS)] = {"RESPONSE-ADDRESS", PTN_STUN_FORM_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_CHANGE_REQUEST)] = {"CHANGE-REQUEST", PTN_STUN_FORM_U32},
    [PTN_STUN_SLOT(PTN_STUN_SOURCE_ADDRESS)] = {"SOURCE-ADDRESS", PTN_STUN_FORM_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_CHANGED_ADDRESS)] = {"CHANGED-ADDRESS", PTN_STUN_FORM_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_USERNAME)] = {"USERNAME", PTN_STUN_FORM_TEXT},
    [PTN_STUN_SLOT(PTN_STUN_PASSWORD)] = {"PASSWORD", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_MESSAGE_INTEGRITY)] = {"MESSAGE-INTEGRITY", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_ERROR_CODE)] = {"ERROR-CODE", PTN_STUN_FORM_ERROR},
    [PTN_STUN_SLOT(PTN_STUN_UNKNOWN_ATTRIBUTES)] = {"UNKNOWN-ATTRIBUTES", PTN_STUN_FORM_TYPES},
    [PTN_STUN_SLOT(PTN_STUN_REFLECTED_FROM)] = {"REFLECTED-FROM", PTN_STUN_FORM_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_CHANNEL_NUMBER)] = {"CHANNEL-NUMBER", PTN_STUN_FORM_U16},
    [PTN_STUN_SLOT(PTN_STUN_LIFETIME)] = {"LIFETIME", PTN_STUN_FORM_U32},
    [PTN_STUN_SLOT(PTN_STUN_XOR_PEER_ADDRESS)] = {"XOR-PEER-ADDRESS", PTN_STUN_FORM_XOR_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_DATA)] = {"DATA", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_XOR_RELAYED_ADDRESS)] = {"XOR-RELAYED-ADDRESS", PTN_STUN_FORM_XOR_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_REQUESTED_ADDRESS_FAMILY)] = {"REQUESTED-ADDRESS-FAMILY",
                                                          PTN_STUN_FORM_U8},
    [PTN_STUN_SLOT(PTN_STUN_EVEN_PORT)] = {"EVEN-PORT", PTN_STUN_FORM_U8},
    [PTN_STUN_SLOT(PTN_STUN_REQUESTED_TRANSPORT)] = {"REQUESTED-TRANSPORT", PTN_STUN_FORM_U8},
    [PTN_STUN_SLOT(PTN_STUN_DONT_FRAGMENT)] = {"DONT-FRAGMENT", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_RESERVATION_TOKEN)] = {"RESERVATION-TOKEN", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_PRIORITY)] = {"PRIORITY", PTN_STUN_FORM_U32},
    [PTN_STUN_SLOT(PTN_STUN_USE_CANDIDATE)] = {"USE-CANDIDATE", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_ICE_CONTROLLED)] = {"ICE-CONTROLLED", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_ICE_CONTROLLING)] = {"ICE-CONTROLLING", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_CONNECTION_ID)] = {"CONNECTION-ID", PTN_STUN_FORM_U32},
    [PTN_STUN_SLOT(PTN_STUN_ADDITIONAL_ADDRESS_FAMILY)] = {"ADDITIONAL-ADDRESS-FAMILY",
                                                           PTN_STUN_FORM_U8},
    [PTN_STUN_SLOT(PTN_STUN_ADDRESS_ERROR_CODE)] = {"ADDRESS-ERROR-CODE", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_ICMP)] = {"ICMP", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_REALM)] = {"REALM", PTN_STUN_FORM_TEXT},
    [PTN_STUN_SLOT(PTN_STUN_NONCE)] = {"NONCE", PTN_STUN_FORM_TEXT},
    [PTN_STUN_SLOT(PTN_STUN_MESSAGE_INTEGRITY_SHA256)] = {"MESSAGE-INTEGRITY-SHA256",
                                                          PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_PASSWORD_ALGORITHM)] = {"PASSWORD-ALGORITHM", PTN_STUN_FORM_ALGORITHMS},
    [PTN_STUN_SLOT(PTN_STUN_USERHASH)] = {"USERHASH", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_XOR_MAPPED_ADDRESS)] = {"XOR-MAPPED-ADDRESS", PTN_STUN_FORM_XOR_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_PADDING)] = {"PADDING", PTN_STUN_FORM_BYTES},
    [PTN_STUN_SLOT(PTN_STUN_RESPONSE_PORT)] = {"RESPONSE-PORT", PTN_STUN_FORM_U16},
    [PTN_STUN_SLOT(PTN_STUN_PASSWORD_ALGORITHMS)] = {"PASSWORD-ALGORITHMS",
                                                     PTN_STUN_FORM_ALGORITHMS},
    [PTN_STUN_SLOT(PTN_STUN_ALTERNATE_DOMAIN)] = {"ALTERNATE-DOMAIN", PTN_STUN_FORM_TEXT},
    [PTN_STUN_SLOT(PTN_STUN_OLD_XOR_MAPPED_ADDRESS)] = {"XOR-MAPPED-ADDRESS (draft)",
                                                        PTN_STUN_FORM_XOR_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_SOFTWARE)] = {"SOFTWARE", PTN_STUN_FORM_TEXT},
    [PTN_STUN_SLOT(PTN_STUN_ALTERNATE_SERVER)] = {"ALTERNATE-SERVER", PTN_STUN_FORM_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_CACHE_TIMEOUT)] = {"CACHE-TIMEOUT", PTN_STUN_FORM_U32},
    [PTN_STUN_SLOT(PTN_STUN_FINGERPRINT)] = {"FINGERPRINT", PTN_STUN_FORM_U32},
    [PTN_STUN_SLOT(PTN_STUN_RESPONSE_ORIGIN)] = {"RESPONSE-ORIGIN", PTN_STUN_FORM_ADDR},
    [PTN_STUN_SLOT(PTN_STUN_OTHER_ADDRESS)] = {"OTHER-ADDRESS", PTN_STUN_FORM_ADDR},
};

/* RFC 8489 §14.8, RFC 8656 §19, RFC 6062 §6.3, RFC 8445 §7.3.1.1; 430 to 433 and 600 are RFC 3489's
 * (§11.2.9). */
static const struct {
    unsigned code;
    const char *text;
} reasons[] = {
    {300, "Try Alternate"},
    {400, "Bad Request"},
    {401, "Unauthenticated"},
    {403, "Forbidden"},
    {420, "Unknown Attribute"},
    {430, "Stale Credentials"},
    {431, "Integrity Check Failure"},
    {432, "Missing Username"},
    {433, "Use TLS"},
    {437, "Allocation Mismatch"},
    {438, "Stale Nonce"},
    {440, "Address Family not Supported"},
    {441, "Wrong Credentials"},
    {442, "Unsupported Transport Protocol"},
    {443, "Peer Address Family Mismatch"},
    {446, "Connection Already Exists"},
    {447, "Connection Timeout or Failure"},
    {486, "Allocation Quota Reached"},
    {487, "Role Conflict"},
    {500, "Server Error"},
    {508, "Insufficient Capacity"},
    {600, "Global Failure"},
};

struct ptn_stun_attr_info ptn_stun_attr_info(uint16_t type)
{
    unsigned slot = ptn_stun_slot(type);

    return slot < PTN_STUN_SLOTS ? attrs[slot]
                                 : (struct ptn_stun_attr_info){NULL, PTN_STUN_FORM_BYTES};
}

const char *ptn_stun_reason(unsigned code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            return reasons[i].text;
    return "";
}

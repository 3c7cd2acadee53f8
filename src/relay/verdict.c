/*
 * relay/verdict.c - the names of what can become of a message, and of an allocation.
 */
#include "relay/relay.h"

#include <assert.h>

const char *ptn_relay_verdict_name(enum ptn_relay_verdict v)
{
    static const char *const names[PTN_RELAY_VERDICTS] = {
        [PTN_RELAY_ANSWERED] = "answered",
        [PTN_RELAY_ANSWERED_LESS] = "answered-less",
        [PTN_RELAY_UNKNOWN_ATTRIBUTE] = "unknown-attribute",
        [PTN_RELAY_BAD_REQUEST] = "bad-request",
        [PTN_RELAY_GRANTED] = "granted",
        [PTN_RELAY_TRY_ALTERNATE] = "try-alternate",
        [PTN_RELAY_CHALLENGED] = "challenged",
        [PTN_RELAY_UNAUTHENTICATED] = "unauthenticated",
        [PTN_RELAY_FORBIDDEN] = "forbidden",
        [PTN_RELAY_MISMATCH] = "mismatch",
        [PTN_RELAY_STALE_NONCE] = "stale-nonce",
        [PTN_RELAY_FAMILY_UNSUPPORTED] = "family-unsupported",
        [PTN_RELAY_WRONG_CREDENTIALS] = "wrong-credentials",
        [PTN_RELAY_TRANSPORT_UNSUPPORTED] = "transport-unsupported",
        [PTN_RELAY_PEER_FAMILY] = "peer-family",
        [PTN_RELAY_CONN_EXISTS] = "connection-exists",
        [PTN_RELAY_CONN_FAILED] = "connection-failed",
        [PTN_RELAY_QUOTA] = "quota",
        [PTN_RELAY_UNDECIDED] = "undecided",
        [PTN_RELAY_CAPACITY] = "capacity",
        [PTN_RELAY_UP] = "relayed-up",
        [PTN_RELAY_DOWN] = "relayed-down",
        [PTN_RELAY_WAITING] = "waiting",
        [PTN_RELAY_NOT_STUN] = "not-stun",
        [PTN_RELAY_MALFORMED] = "malformed",
        [PTN_RELAY_BROKEN_FINGERPRINT] = "broken-fingerprint",
        [PTN_RELAY_INDICATION] = "indication",
        [PTN_RELAY_RESPONSE] = "response",
        [PTN_RELAY_UNKNOWN_METHOD] = "unknown-method",
        [PTN_RELAY_OWN_ADDRESS] = "own-address",
        [PTN_RELAY_BAD_SOURCE] = "bad-source",
        [PTN_RELAY_NO_ROOM] = "no-room",
        [PTN_RELAY_CONNECTION_FULL] = "connection-full",
        [PTN_RELAY_CONNECTION_CROWDED] = "connection-crowded",
        [PTN_RELAY_CONNECTION_IDLE] = "connection-idle",
        [PTN_RELAY_OVER_BUDGET] = "over-budget",
        [PTN_RELAY_NO_ALLOCATION] = "no-allocation",
        [PTN_RELAY_NO_PERMISSION] = "no-permission",
        [PTN_RELAY_NO_CHANNEL] = "no-channel",
        [PTN_RELAY_PEER_DENIED] = "peer-denied",
        [PTN_RELAY_OVER_BANDWIDTH] = "over-bandwidth",
        [PTN_RELAY_MISPLACED] = "misplaced",
    };
    assert(v < PTN_RELAY_VERDICTS);
    return names[v];
}

const char *ptn_relay_end_name(enum ptn_relay_end end)
{
    static const char *const names[PTN_RELAY_ENDS] = {
        [PTN_RELAY_END_EXPIRED] = "expired",       [PTN_RELAY_END_RELEASED] = "released",
        [PTN_RELAY_END_CONNECTION] = "connection", [PTN_RELAY_END_SOCKET] = "socket",
        [PTN_RELAY_END_REVOKED] = "revoked",
    };
    assert(end < PTN_RELAY_ENDS);
    return names[end];
}

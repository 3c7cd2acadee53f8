/*
 * turn/words.c - for logs, status and counters.
 */
#include <stdio.h>

#include "turn/turn.h"

const char *ptn_turn_why_text(enum ptn_turn_why why)
{
    static const char *const texts[PTN_TURN_WHYS] = {
        [PTN_TURN_FINE] = "fine",
        [PTN_TURN_SILENT] = "no answer",
        [PTN_TURN_UNREACHABLE] = "it cannot be reached",
        [PTN_TURN_CLOSED] = "the connection has ended",
        [PTN_TURN_NONSENSE] = "what it says is no TURN",
        [PTN_TURN_WRONG_CREDENTIALS] = "wrong user name or password",
        [PTN_TURN_NO_CHALLENGE] = "it asks for credentials, but not in a way that can be met",
        [PTN_TURN_FORBIDDEN] = "forbidden",
        [PTN_TURN_NOT_UNDERSTOOD] = "it does not understand the request",
        [PTN_TURN_FORGOTTEN] = "it does not know this allocation, or has another for us",
        [PTN_TURN_NO_FAMILY] = "it has no address of this family",
        [PTN_TURN_NO_TRANSPORT] = "it does not relay UDP",
        [PTN_TURN_QUOTA] = "the user has as many allocations as he may",
        [PTN_TURN_FULL] = "it has no room for more",
        [PTN_TURN_SENT_IN_CIRCLES] = "it sends us on, but nowhere that helps",
        [PTN_TURN_REFUSED] = "refused",
    };

    return why < PTN_TURN_WHYS ? texts[why] : "unknown";
}

const char *ptn_turn_verdict_name(enum ptn_turn_verdict v)
{
    static const char *const names[PTN_TURN_VERDICTS] = {
        [PTN_TURN_NOT_OURS] = "not-ours",
        [PTN_TURN_CONTROL] = "control",
        [PTN_TURN_DATA] = "data",
        [PTN_TURN_NO_CHANNEL] = "no-channel",
        [PTN_TURN_NO_PEER] = "no-peer",
        [PTN_TURN_MALFORMED] = "malformed",
        [PTN_TURN_BROKEN_SEAL] = "broken-seal",
    };

    return v < PTN_TURN_VERDICTS ? names[v] : "unknown";
}

const char *ptn_turn_way_text(const struct ptn_turn_way *way,
                              char buf[static PTN_TURN_WAY_TEXT_MAX])
{
    char addr[PTN_ADDR_TEXT_MAX];

    snprintf(buf, PTN_TURN_WAY_TEXT_MAX, "%s:%s%s", way->transport == PTN_TLS ? "turns" : "turn",
             ptn_addr_format(&way->server, addr),
             way->transport == PTN_TCP ? "?transport=tcp" : "");
    return buf;
}

/*
 * discover/verdict.c - the two algorithms as decisions over the same evidence.
 *
 *   RFC 3489 §10.1                                   RFC 5780
 *
 *   answered at all? - no - UDP blocked              mapping:   the same address seen from
 *    | yes                                             A, B and B's other port?
 *   mapped = local? - yes - answer from elsewhere?   filtering: who else may answer a socket
 *    | no                    | yes     | no            that has only ever asked A?
 *    |                      open      UDP firewall
 *   same at B? - no - symmetric
 *    | yes
 *   answer from elsewhere? - yes - full cone
 *    | no
 *   answer from A's other port? - yes - address-restricted
 *    | no
 *   port-restricted
 *
 * RFC 3489 asks "answer from elsewhere?" before "same at B?" and so calls a NAT that
 * maps per destination but filters nothing a full cone; but what it shows to one far
 * end is of no use to another, which is all that "full cone" promises. Here the
 * mapping decides first.
 */
#include "discover/verdict.h"

#include <assert.h>

enum ptn_discover_sees ptn_discover_mapping(const struct ptn_discover_sighting *seen, size_t count)
{
    bool two_addresses = false, differs = false;
    bool two_ports = false, differs_by_port = false;

    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            bool same = ptn_addr_equal(&seen[i].mapped, &seen[j].mapped);
            if (!ptn_addr_same_ip(&seen[i].by, &seen[j].by)) {
                two_addresses = true;
                differs |= !same;
            } else if (seen[i].by.port != seen[j].by.port) {
                two_ports = true;
                differs_by_port |= !same;
            }
        }
    if (differs_by_port)
        return PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT;
    if (differs)
        return two_ports ? PTN_DISCOVER_ADDRESS_DEPENDENT : PTN_DISCOVER_DEPENDENT;
    return two_addresses ? PTN_DISCOVER_ENDPOINT_INDEPENDENT : PTN_DISCOVER_SEES_UNKNOWN;
}

enum ptn_discover_sees ptn_discover_filtering(const struct ptn_discover_filter_evidence *e,
                                              enum ptn_discover_why *why)
{
    *why = PTN_DISCOVER_WHY_NONE;
    if (e->from_other == PTN_DISCOVER_ANSWERED)
        return PTN_DISCOVER_ENDPOINT_INDEPENDENT;
    if (e->ignored_change)
        *why = PTN_DISCOVER_CHANGE_IGNORED;
    else if (!e->has_other || e->from_other == PTN_DISCOVER_NOT_GRANTED)
        *why = PTN_DISCOVER_ONE_ADDRESS;
    else if (e->from_other != PTN_DISCOVER_SILENT || e->control != PTN_DISCOVER_ANSWERED)
        *why = PTN_DISCOVER_OUT_OF_TIME;
    else if (e->at_other != PTN_DISCOVER_ANSWERED)
        *why = PTN_DISCOVER_ALTERNATE_SILENT;
    else if (e->from_port == PTN_DISCOVER_ANSWERED)
        return PTN_DISCOVER_ADDRESS_DEPENDENT;
    else if (e->from_port != PTN_DISCOVER_SILENT)
        *why = PTN_DISCOVER_OUT_OF_TIME;
    else if (e->at_port != PTN_DISCOVER_ANSWERED)
        *why = PTN_DISCOVER_ALTERNATE_SILENT;
    else
        return PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT;
    return PTN_DISCOVER_SEES_UNKNOWN;
}

enum ptn_discover_type ptn_discover_tree(enum ptn_discover_fact nat, enum ptn_discover_sees mapping,
                                         enum ptn_discover_sees filtering)
{
    if (nat == PTN_DISCOVER_UNKNOWN)
        return PTN_DISCOVER_TYPE_UNKNOWN;
    if (nat == PTN_DISCOVER_NO)
        switch (filtering) {
        case PTN_DISCOVER_SEES_UNKNOWN: return PTN_DISCOVER_TYPE_UNKNOWN;
        case PTN_DISCOVER_ENDPOINT_INDEPENDENT: return PTN_DISCOVER_OPEN;
        default: return PTN_DISCOVER_UDP_FIREWALL;
        }
    if (mapping == PTN_DISCOVER_SEES_UNKNOWN)
        return PTN_DISCOVER_TYPE_UNKNOWN;
    if (mapping != PTN_DISCOVER_ENDPOINT_INDEPENDENT)
        return PTN_DISCOVER_SYMMETRIC;
    switch (filtering) {
    case PTN_DISCOVER_ENDPOINT_INDEPENDENT: return PTN_DISCOVER_FULL_CONE;
    case PTN_DISCOVER_ADDRESS_DEPENDENT: return PTN_DISCOVER_ADDRESS_RESTRICTED;
    case PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT: return PTN_DISCOVER_PORT_RESTRICTED;
    default: return PTN_DISCOVER_TYPE_UNKNOWN;
    }
}

const char *ptn_discover_type_text(enum ptn_discover_type t)
{
    switch (t) {
    case PTN_DISCOVER_TYPE_UNKNOWN: return "unknown";
    case PTN_DISCOVER_UDP_BLOCKED: return "UDP blocked";
    case PTN_DISCOVER_OPEN: return "open";
    case PTN_DISCOVER_UDP_FIREWALL: return "UDP firewall";
    case PTN_DISCOVER_FULL_CONE: return "full cone";
    case PTN_DISCOVER_ADDRESS_RESTRICTED: return "address-restricted cone";
    case PTN_DISCOVER_PORT_RESTRICTED: return "port-restricted cone";
    case PTN_DISCOVER_SYMMETRIC: return "symmetric";
    }
    assert(false);
    return "";
}

const char *ptn_discover_sees_text(enum ptn_discover_sees s)
{
    switch (s) {
    case PTN_DISCOVER_SEES_UNKNOWN: return "unknown";
    case PTN_DISCOVER_ENDPOINT_INDEPENDENT: return "endpoint-independent";
    case PTN_DISCOVER_ADDRESS_DEPENDENT: return "address-dependent";
    case PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT: return "address-and-port-dependent";
    case PTN_DISCOVER_DEPENDENT: return "dependent on the far end";
    }
    assert(false);
    return "";
}

const char *ptn_discover_why_text(enum ptn_discover_why w)
{
    switch (w) {
    case PTN_DISCOVER_WHY_NONE: return "";
    case PTN_DISCOVER_NO_SOCKET: return "no local socket could be opened";
    case PTN_DISCOVER_NO_NAME: return "no server's name could be resolved";
    case PTN_DISCOVER_NO_ANSWER: return "no server answered";
    case PTN_DISCOVER_ICMP_ERROR: return "no server answered, and the network said unreachable";
    case PTN_DISCOVER_REFUSED: return "the server answered with errors only";
    case PTN_DISCOVER_ONE_ADDRESS: return "the server has one address only";
    case PTN_DISCOVER_ALTERNATE_SILENT: return "the server's second address does not answer";
    case PTN_DISCOVER_CHANGE_IGNORED: return "the server always answers from the same address";
    case PTN_DISCOVER_OUT_OF_TIME: return "time ran out";
    }
    assert(false);
    return "";
}

const char *ptn_discover_fact_text(enum ptn_discover_fact f)
{
    switch (f) {
    case PTN_DISCOVER_UNKNOWN: return "unknown";
    case PTN_DISCOVER_NO: return "no";
    case PTN_DISCOVER_YES: return "yes";
    }
    assert(false);
    return "";
}

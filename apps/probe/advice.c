/*
 * probe/advice.c - what to do about the answer, as lines that can be put into a desk phone's file.
 */
#include "report.h"

#define KEEP_ALIVE                                                                                 \
    "    account.1.nat.udp_update_enable = 1\n"                                                    \
    "    account.1.nat.udp_update_time = 25\n"
#define TURN                                                                                       \
    "    static.sip.nat_turn.enable = 1\n"                                                         \
    "    static.sip.nat_turn.server = turn.example.com\n"                                          \
    "    static.sip.nat_turn.username = ...\n"                                                     \
    "    static.sip.nat_turn.password = ...\n"

static void advise_stun(const struct ptn_discover_result *r, const struct probe_servers *servers,
                        FILE *out)
{
    size_t i = 0;

    while (i + 1 < r->server_count && r->servers[i].state != PTN_DISCOVER_SERVER_ANSWERED)
        i++;
    fprintf(out,
            "STUN works here. In the phones' settings:\n\n"
            "    static.sip.nat_stun.enable = 1\n"
            "    static.sip.nat_stun.server = %s\n",
            servers->names[i]);
    if (servers->ports[i] != 0 && servers->ports[i] != 3478)
        fprintf(out, "    static.sip.nat_stun.port = %u\n", servers->ports[i]);
    fprintf(out, "    account.1.nat.nat_traversal = 1\n"
                 "    account.1.nat.rport = 1\n" KEEP_ALIVE);
}

static void advise_blocked(const struct ptn_discover_result *r, FILE *out)
{
    if (r->server_count == 1)
        fprintf(out, "Either no STUN server runs there, or UDP is blocked here: ask a second one, "
                     "elsewhere, to\ntell. If UDP is blocked, in the phones' settings:\n\n");
    else
        fprintf(out, "UDP is blocked here. In the phones' settings:\n\n");
    fprintf(out,
            "    account.1.sip_server.1.transport_type = 1\n\n"
            "(or 2 for TLS), and for the audio, as far as the phone can, a relay by TCP:\n\n" TURN);
}

static void advise_symmetric(FILE *out)
{
    fprintf(out,
            "STUN does not work here: each far end sees another address, so take "
            "account.1.nat.nat_traversal = 1\nout of the phones' settings. What belongs there:\n\n"
            "    account.1.nat.rport = 1\n" KEEP_ALIVE
            "\nThe audio needs a SIP server that sends it to where it comes from, or a "
            "relay:\n\n" TURN);
}

static void advise_unknown(const struct ptn_discover_result *r, FILE *out)
{
    bool unresolved = true;

    for (size_t i = 0; i < r->server_count; i++)
        unresolved &= r->servers[i].state == PTN_DISCOVER_SERVER_UNRESOLVED;
    if (!ptn_addr_is_none(&r->mapped))
        fprintf(out, "Ask a server with two addresses, or two servers at once, to learn more.\n");
    else if (unresolved)
        fprintf(out, "No name leads to a server: are they spelled right, and does a name server "
                     "answer here\n(--name-servers asks another one)?\n");
    else
        fprintf(out, "The servers are there, but do not answer strangers: ask others.\n");
}

void probe_advise(const struct ptn_discover_result *r, const struct probe_servers *servers,
                  FILE *out)
{
    switch (r->type) {
    case PTN_DISCOVER_TYPE_UNKNOWN: advise_unknown(r, out); break;
    case PTN_DISCOVER_UDP_BLOCKED: advise_blocked(r, out); break;
    case PTN_DISCOVER_OPEN:
        fprintf(out, "Nothing needs to be set: others reach this computer directly.\n");
        break;
    case PTN_DISCOVER_UDP_FIREWALL:
        fprintf(out, "There is no NAT. What keeps the firewall open, in the phones' "
                     "settings:\n\n" KEEP_ALIVE);
        break;
    case PTN_DISCOVER_FULL_CONE:
    case PTN_DISCOVER_ADDRESS_RESTRICTED:
    case PTN_DISCOVER_PORT_RESTRICTED: advise_stun(r, servers, out); break;
    case PTN_DISCOVER_SYMMETRIC: advise_symmetric(out); break;
    }
}

/*
 * probe/report.c - the answer in words.
 */
#include "report.h"

int probe_exit_code(const struct ptn_discover_result *r)
{
    switch (r->type) {
    case PTN_DISCOVER_TYPE_UNKNOWN:
        return ptn_addr_is_none(&r->mapped) ? PROBE_NO_SERVER : PROBE_UNSURE;
    case PTN_DISCOVER_UDP_BLOCKED: return PROBE_UDP_BLOCKED;
    case PTN_DISCOVER_SYMMETRIC: return PROBE_SYMMETRIC;
    case PTN_DISCOVER_OPEN:
    case PTN_DISCOVER_UDP_FIREWALL:
    case PTN_DISCOVER_FULL_CONE:
    case PTN_DISCOVER_ADDRESS_RESTRICTED:
    case PTN_DISCOVER_PORT_RESTRICTED: return 0;
    }
    return PROBE_UNSURE;
}

static void print_line(FILE *out, const char *what, const char *text, enum ptn_discover_why why)
{
    fprintf(out, "%-12s %s", what, text);
    if (why != PTN_DISCOVER_WHY_NONE)
        fprintf(out, " (%s)", ptn_discover_why_text(why));
    fprintf(out, "\n");
}

static void print_server(FILE *out, const struct ptn_discover_server *s, const char *name)
{
    char addr[PTN_ADDR_TEXT_MAX], other[PTN_ADDR_TEXT_MAX];

    fprintf(out, "%-12s %s", "server", name);
    if (!ptn_addr_is_none(&s->addr))
        fprintf(out, " at %s", ptn_addr_format(&s->addr, addr));
    switch (s->state) {
    case PTN_DISCOVER_SERVER_RESOLVING: fprintf(out, ": is still being looked up"); break;
    case PTN_DISCOVER_SERVER_UNRESOLVED: fprintf(out, ": %s", ptn_err_text(s->why)); break;
    case PTN_DISCOVER_SERVER_ASKED:
    case PTN_DISCOVER_SERVER_SILENT: fprintf(out, ": does not answer"); break;
    case PTN_DISCOVER_SERVER_REFUSED: fprintf(out, ": refuses, error %u", s->error_code); break;
    case PTN_DISCOVER_SERVER_ANSWERED:
        fprintf(out, ": %s", s->dialect == PTN_STUN_MODERN ? "RFC 8489" : "RFC 3489");
        if (!ptn_addr_is_none(&s->other))
            fprintf(out, ", also at %s", ptn_addr_format(&s->other, other));
        if (s->rtt != PTN_NEVER)
            fprintf(out, ", %lld ms", (long long)ptn_time_ms(s->rtt));
        break;
    }
    fprintf(out, "\n");
}

void probe_print(const struct ptn_discover_result *r, const struct probe_servers *servers,
                 FILE *out)
{
    char addr[PTN_ADDR_TEXT_MAX];

    print_line(out, "NAT", ptn_discover_fact_text(r->nat), PTN_DISCOVER_WHY_NONE);
    print_line(out, "type", ptn_discover_type_text(r->type), r->type_why);
    print_line(out, "mapping", ptn_discover_sees_text(r->mapping), r->mapping_why);
    print_line(out, "filtering", ptn_discover_sees_text(r->filtering), r->filtering_why);
    if (!ptn_addr_is_none(&r->local))
        print_line(out, "local", ptn_addr_format(&r->local, addr), PTN_DISCOVER_WHY_NONE);
    if (!ptn_addr_is_none(&r->mapped))
        print_line(out, "mapped", ptn_addr_format(&r->mapped, addr), PTN_DISCOVER_WHY_NONE);
    if (r->nat == PTN_DISCOVER_YES) {
        print_line(out, "same port", ptn_discover_fact_text(r->port_preserved),
                   PTN_DISCOVER_WHY_NONE);
        print_line(out, "hairpin", ptn_discover_fact_text(r->hairpin), PTN_DISCOVER_WHY_NONE);
    }
    for (size_t i = 0; i < r->server_count; i++)
        print_server(out, &r->servers[i], servers->names[i]);
    if (r->loss > 0)
        fprintf(out, "%-12s %.0f %%\n", "lost", r->loss * 100);
    fprintf(out, "%-12s %lld ms\n\n", "took", (long long)ptn_time_ms(r->took));
    probe_advise(r, servers, out);
}

/*
 * probe/json.c - the result for programs. "version" grows when something in here changes its
 * meaning or goes away; new members may come at any time.
 */
#include <jansson.h>

#include "report.h"

enum { VERSION = 1 };

static json_t *address(const struct ptn_addr *a)
{
    char text[PTN_ADDR_TEXT_MAX];

    return ptn_addr_is_none(a) ? json_null() : json_string(ptn_addr_format(a, text));
}

static json_t *reason(enum ptn_discover_why why)
{
    return why == PTN_DISCOVER_WHY_NONE ? json_null() : json_string(ptn_discover_why_text(why));
}

static json_t *milliseconds(ptn_time t)
{
    return t == PTN_NEVER ? json_null() : json_real((double)t / 1e6);
}

static const char *state_text(enum ptn_discover_server_state state)
{
    switch (state) {
    case PTN_DISCOVER_SERVER_RESOLVING:
    case PTN_DISCOVER_SERVER_UNRESOLVED: return "unresolved";
    case PTN_DISCOVER_SERVER_ASKED:
    case PTN_DISCOVER_SERVER_SILENT: return "silent";
    case PTN_DISCOVER_SERVER_REFUSED: return "refused";
    case PTN_DISCOVER_SERVER_ANSWERED: return "answered";
    }
    return "silent";
}

static json_t *server(const struct ptn_discover_server *s, const char *name)
{
    const char *dialect = s->state != PTN_DISCOVER_SERVER_ANSWERED ? NULL
                          : s->dialect == PTN_STUN_MODERN          ? "modern"
                                                                   : "classic";

    bool unresolved = s->state == PTN_DISCOVER_SERVER_UNRESOLVED;

    return json_pack("{s:s, s:s, s:s?, s:o, s:o, s:o, s:s?, s:o, s:i}", "name", name, "state",
                     state_text(s->state), "why", unresolved ? ptn_err_text(s->why) : NULL,
                     "address", address(&s->addr), "other_address", address(&s->other), "mapped",
                     address(&s->mapped), "dialect", dialect, "round_trip_ms", milliseconds(s->rtt),
                     "error_code", (int)s->error_code);
}

static json_t *learned(const char *text, enum ptn_discover_why why)
{
    return json_pack("{s:s, s:o}", "is", text, "why", reason(why));
}

bool probe_print_json(const struct ptn_discover_result *r, const struct probe_servers *servers,
                      FILE *out)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->server_count; i++)
        json_array_append_new(list, server(&r->servers[i], servers->names[i]));
    json_t *all =
        json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:f, s:o, s:i, s:o}", "version",
                  VERSION, "nat", ptn_discover_fact_text(r->nat), "type",
                  learned(ptn_discover_type_text(r->type), r->type_why), "mapping",
                  learned(ptn_discover_sees_text(r->mapping), r->mapping_why), "filtering",
                  learned(ptn_discover_sees_text(r->filtering), r->filtering_why), "local",
                  address(&r->local), "mapped", address(&r->mapped), "port_preserved",
                  ptn_discover_fact_text(r->port_preserved), "hairpin",
                  ptn_discover_fact_text(r->hairpin), "loss", r->loss, "took_ms",
                  milliseconds(r->took), "exit_code", probe_exit_code(r), "servers", list);

    if (!all)
        return false;
    bool done = json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0 &&
                fputc('\n', out) != EOF;
    json_decref(all);
    return done;
}

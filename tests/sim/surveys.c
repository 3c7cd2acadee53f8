/*
 * tests/sim/surveys.c - what the hosts of the ready scenarios find out.
 */
#include "survey.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/variables.h"
#include "support/puppet.h"
#include "support/test.h"

static struct ptn_scenario *ready_scenario(const char *name)
{
    char path[500], text[10000];

    snprintf(path, sizeof path, "%s/scenarios/%s.net", PTN_SOURCE_ROOT, name);
    FILE *f = fopen(path, "r");
    CHECK(f);
    size_t size = fread(text, 1, sizeof text, f);
    CHECK(size < sizeof text);
    fclose(f);
    char *expanded, error[PTN_SCENARIO_ERROR_MAX];
    CHECK_EQ(PTN_OK, ptn_variables_expand(&expanded, name, ptn_bytes(text, size), NULL, 0, error));
    struct ptn_scenario *s = puppet_scenario(expanded);
    free(expanded);
    return s;
}

TEST(each_host_of_the_ready_scenarios_learns_what_stands_before_it)
{
    static const struct {
        const char *scenario, *host;
        unsigned leg;
        enum ptn_discover_type type;
        const char *mapped; /* without its port */
    } cases[] = {
        {"open", "client", 0, PTN_DISCOVER_OPEN, "198.51.100.10"},
        {"udp-firewall", "client", 0, PTN_DISCOVER_UDP_FIREWALL, "198.51.100.10"},
        {"udp-blocked", "client", 0, PTN_DISCOVER_UDP_BLOCKED, ""},
        {"full-cone", "client", 0, PTN_DISCOVER_FULL_CONE, "203.0.113.10"},
        {"address-restricted", "client", 0, PTN_DISCOVER_ADDRESS_RESTRICTED, "203.0.113.10"},
        {"port-restricted", "client", 0, PTN_DISCOVER_PORT_RESTRICTED, "203.0.113.10"},
        {"symmetric", "client", 0, PTN_DISCOVER_SYMMETRIC, "203.0.113.10"},
        {"two-homes", "alice", 0, PTN_DISCOVER_PORT_RESTRICTED, "203.0.113.10"},
        {"two-homes", "bob", 0, PTN_DISCOVER_ADDRESS_RESTRICTED, "203.0.113.20"},
        {"two-homes", "registrar", 0, PTN_DISCOVER_OPEN, "203.0.113.7"},
        {"bad-day", "alice", 0, PTN_DISCOVER_PORT_RESTRICTED, "203.0.113.10"},
        {"bad-day", "bob", 0, PTN_DISCOVER_SYMMETRIC, "203.0.113.20"},
        {"ipv6", "alice", 0, PTN_DISCOVER_PORT_RESTRICTED, "203.0.113.10"},
        {"ipv6", "alice", 1, PTN_DISCOVER_UDP_FIREWALL, "2001:db8:a::10"},
        {"carrier", "client", 0, PTN_DISCOVER_PORT_RESTRICTED, "203.0.113.1"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_scenario *s = ready_scenario(cases[i].scenario);
        char mapped[PTN_ADDR_TEXT_MAX] = "";

        print_message("# %s, %s\n", cases[i].scenario, cases[i].host);
        struct ptn_discover_result r = survey(
            &(struct survey){.scenario = s, .seed = 1, .host = cases[i].host, .leg = cases[i].leg});
        CHECK_STR(ptn_discover_type_text(cases[i].type), ptn_discover_type_text(r.type));
        if (!ptn_addr_is_none(&r.mapped))
            ptn_addr_format_ip(&r.mapped, mapped);
        CHECK(strncmp(cases[i].mapped, mapped, strlen(cases[i].mapped)) == 0);
        ptn_scenario_free(s);
    }
}

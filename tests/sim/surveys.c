/*
 * tests/sim/surveys.c - what the hosts of the ready scenarios find out, and who is asked.
 */
#include "sim/survey.h"

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
        struct ptn_discover_result r;
        char mapped[PTN_ADDR_TEXT_MAX] = "";

        print_message("# %s, %s\n", cases[i].scenario, cases[i].host);
        struct ptn_sim_survey_opts opts = {.scenario = s,
                                           .seed = 1,
                                           .host = (unsigned)ptn_scenario_host(s, cases[i].host),
                                           .leg = cases[i].leg};
        CHECK_EQ(PTN_OK, ptn_sim_survey(&opts, &r));
        CHECK_STR(ptn_discover_type_text(cases[i].type), ptn_discover_type_text(r.type));
        if (!ptn_addr_is_none(&r.mapped))
            ptn_addr_format_ip(&r.mapped, mapped);
        CHECK(strncmp(cases[i].mapped, mapped, strlen(cases[i].mapped)) == 0);
        ptn_scenario_free(s);
    }
}

TEST(the_server_is_who_runs_it_or_whom_the_records_name_or_who_is_called_so)
{
    static const struct {
        const char *text;
        int server;
    } cases[] = {
        {"wire w 192.0.2.0/24\nhost a w 192.0.2.1\nhost server w 192.0.2.2\n", 1},
        {"wire w 192.0.2.0/24\nhost a w 192.0.2.1\nhost stun w 192.0.2.2\n", 1},
        {"wire w 192.0.2.0/24\nhost a w 192.0.2.1\nhost b w 192.0.2.2\n", PTN_SCENARIO_NONE},
        {"wire w 192.0.2.0/24\nhost a w 192.0.2.1\nhost server w 192.0.2.2\n"
         "nameserver ns w 192.0.2.3\nrecord x.test A 192.0.2.1\n"
         "record _stun._udp.test SRV 1 1 3478 x.test\n",
         0},
        {"wire w 192.0.2.0/24\nhost a w 192.0.2.1\nhost b w 192.0.2.2\nhost server w 192.0.2.4\n"
         "nameserver ns w 192.0.2.3\nrecord x.test A 192.0.2.1\n"
         "record _stun._udp.test SRV 1 1 3478 x.test\n"
         "run b ./bin/postern-server --verbose\n",
         1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_scenario *s = puppet_scenario(cases[i].text);
        CHECK_EQ(cases[i].server, ptn_sim_survey_server(s));
        ptn_scenario_free(s);
    }
}

TEST(without_a_server_of_that_family_there_is_no_survey)
{
    struct ptn_scenario *s = puppet_scenario("wire w 192.0.2.0/24 2001:db8::/64\n"
                                             "host a w 192.0.2.1 2001:db8::1\n"
                                             "host server w 192.0.2.2\n");
    struct ptn_discover_result r;

    CHECK_EQ(PTN_ERR_NOT_FOUND,
             ptn_sim_survey(&(struct ptn_sim_survey_opts){.scenario = s, .leg = 1}, &r));
    CHECK_EQ(PTN_OK, ptn_sim_survey(&(struct ptn_sim_survey_opts){.scenario = s}, &r));
    CHECK_EQ(PTN_DISCOVER_YES == r.nat, 0);
    ptn_scenario_free(s);
}

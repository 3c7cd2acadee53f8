/* Any text as a scenario: an error of one line, or a net in which every host may talk to every
 * other. */
#include <stdlib.h>

#include "net/net.h"

#include "ip/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAPPINGS_MAX = 20000, WIRES_MAX = 40, STEPS_MAX = 3000 };

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Tables of a million rows are right, but slow to try by the thousand. */
static bool is_small(const struct ptn_scenario *s)
{
    for (unsigned i = 0; i < s->box_count; i++)
        if (s->boxes[i].nat.mappings_max > MAPPINGS_MAX ||
            s->boxes[i].nat.sessions_max > MAPPINGS_MAX)
            return false;
    return s->wire_count <= WIRES_MAX && s->box_count <= WIRES_MAX && s->host_count <= WIRES_MAX;
}

static void greet(struct ptn_net *n, const struct ptn_scenario *s, unsigned from, unsigned to)
{
    uint8_t bytes[100];
    struct ptn_writer w = ptn_writer(bytes, sizeof bytes);
    const struct ptn_scenario_leg *a = &s->hosts[from].legs[0], *b = &s->hosts[to].legs[0];
    struct ptn_ip_head head = {.from = ptn_addr_with_port(a->addr, 5060),
                               .to = ptn_addr_with_port(b->addr, 5060)};

    if (a->addr.family != b->addr.family)
        return;
    ptn_ip_build_udp(&w, &head, ptn_bytes_of_text("hello"));
    ptn_net_input(n, 0, from, ptn_bytes(bytes, ptn_writer_size(&w)));
}

static void run(const struct ptn_scenario *s)
{
    struct ptn_net_opts opts = {.scenario = s, .seed = 1};
    struct ptn_net *n;
    struct ptn_net_output out;
    struct ptn_net_event ev;

    must(ptn_net_new(&n, &opts) == PTN_OK);
    for (unsigned from = 0; from < s->host_count; from++)
        for (unsigned to = 0; to < s->host_count; to++)
            greet(n, s, from, to);
    for (unsigned steps = 0; steps < STEPS_MAX && ptn_net_deadline(n) != PTN_NEVER; steps++) {
        ptn_net_tick(n, ptn_net_deadline(n));
        while (ptn_net_output(n, &out))
            must(out.kind == PTN_NET_DELIVER && out.host < s->host_count);
        while (ptn_net_event(n, &ev))
            must(ev.what->text != NULL);
    }
    ptn_net_free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    struct ptn_scenario *s;

    if (ptn_scenario_new(&s, "fuzz.net", ptn_bytes(data, size), error) != PTN_OK) {
        must(strncmp(error, "fuzz.net:", 9) == 0);
        return 0;
    }
    must(error[0] == '\0');
    if (is_small(s))
        run(s);
    ptn_scenario_free(s);
    return 0;
}

/*
 * postern-probe - what NAT is here, and what should be set because of it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/host.h"
#include "os/netif.h"
#include "report.h"
#include "trace.h"

enum { OWNER_HOST, READY_MAX = 16, SOCKETS_MAX = 2 * PTN_DISCOVER_IDS };

static const struct ptn_cli cli = {
    .program = "postern-probe",
    .usage = "[flags] server...",
    .about = "Asks STUN servers what NAT lies between here and them. A server is a name or an\n"
             "address, perhaps with :port; several are asked at once.\n",
    .table = &probe_settings_table,
    .takes_words = true,
};

struct probe {
    struct probe_settings settings;
    struct probe_servers servers;
    struct ptn_loop *loop;
    struct ptn_host *host;
    struct ptn_discover *discover;
    struct probe_trace trace;
    bool progress; /* somebody is watching */
};

static int fail(const char *what, enum ptn_err err)
{
    fprintf(stderr, "%s: %s: %s\n", cli.program, what, ptn_err_text(err));
    return PROBE_CANNOT_RUN;
}

static int start(struct probe *p)
{
    struct ptn_addr target = probe_target(&p->settings, &p->servers);
    struct ptn_discover_opts opts;
    ptn_time now = ptn_clock_now();
    uint32_t index;

    probe_wire_up(&p->settings, &p->servers, &opts);
    opts.dice = ptn_entropy_dice();
    opts.local = p->settings.local_ip;
    if (ptn_addr_is_none(&opts.local) && !ptn_netif_towards(&target, &opts.local)) {
        fprintf(stderr, "%s: this computer has no route to any server\n", cli.program);
        return PROBE_NO_SERVER;
    }
    p->discover = ptn_discover_new(&opts);
    enum ptn_err err = p->discover ? ptn_loop_new(&p->loop) : PTN_ERR_NO_MEMORY;
    if (err == PTN_OK)
        err = ptn_host_new(&(struct ptn_host_opts){.loop = p->loop,
                                                   .owner = OWNER_HOST,
                                                   .name_servers = p->settings.name_servers[0]
                                                                       ? p->settings.name_servers
                                                                       : NULL,
                                                   .sockets_max = SOCKETS_MAX,
                                                   .machines_max = 1,
                                                   .stream_queue_max = 4096},
                           &p->host);
    if (err != PTN_OK)
        return fail("starting", err);
    struct ptn_machine machine = ptn_discover_machine(p->discover);
    if (p->settings.verbose)
        machine = probe_trace_init(&p->trace, &machine, stderr, now);
    ptn_discover_start(p->discover, now);
    err = ptn_host_add(p->host, now, &machine, &index);
    return err == PTN_OK ? 0 : fail("starting", err);
}

/* Long work is told on a terminal, on a line that is wiped off again. */
static void show_progress(struct probe *p, ptn_time since, bool done)
{
    char addr[PTN_ADDR_TEXT_MAX];
    const struct ptn_discover_result *r = ptn_discover_result(p->discover);

    if (!p->progress)
        return;
    if (done)
        fprintf(stderr, "\r\033[K");
    else if (ptn_addr_is_none(&r->mapped))
        fprintf(stderr, "\r\033[Kasking %zu server%s, %lld s", p->servers.count,
                p->servers.count == 1 ? "" : "s", (long long)(since / PTN_S(1)));
    else
        fprintf(stderr, "\r\033[Kmapped address %s, asking what else there is to learn",
                ptn_addr_format(&r->mapped, addr));
}

static void run(struct probe *p)
{
    struct ptn_ready ready[READY_MAX];
    struct ptn_discover_event ev;
    ptn_time began = ptn_clock_now(), now = began, next_line = began + PTN_MS(500);
    bool done = false;

    while (!done) {
        ptn_host_run(p->host, now);
        while (ptn_discover_event(p->discover, &ev))
            done |= ev.kind == PTN_DISCOVER_DONE;
        if (now >= next_line) {
            show_progress(p, now - began, false);
            next_line = now + PTN_MS(500);
        }
        if (done)
            break;
        ptn_time deadline = ptn_time_min(ptn_host_deadline(p->host, now), next_line);
        size_t count = ptn_loop_wait(p->loop, deadline, ready, READY_MAX);
        now = ptn_clock_now();
        for (size_t i = 0; i < count; i++)
            ptn_host_ready(p->host, now, &ready[i]);
    }
    show_progress(p, now - began, true);
}

static int probe(struct probe *p)
{
    int code = start(p);

    if (code != 0)
        return code;
    run(p);
    const struct ptn_discover_result *r = ptn_discover_result(p->discover);
    if (!p->settings.json)
        probe_print(r, &p->servers, stdout);
    else if (!probe_print_json(r, &p->servers, stdout))
        return fail("printing", PTN_ERR_NO_MEMORY);
    return probe_exit_code(r);
}

int main(int argc, char **argv)
{
    const char **words = calloc((size_t)argc + 1, sizeof *words);
    struct ptn_cli_result result = {.words = words};
    static struct probe p;
    char why[PTN_CONF_WHY_SIZE];
    int code;

    if (!words)
        return fail("starting", PTN_ERR_NO_MEMORY);
    if (ptn_cli_read(&cli, argc, argv, &p.settings, &result) == PTN_CLI_END) {
        code = result.code;
    } else if (!probe_take_servers(words, result.word_count, &p.servers, why)) {
        fprintf(stderr, "%s: %s\n", cli.program, why);
        code = PTN_CLI_USAGE;
    } else {
        p.progress = isatty(STDERR_FILENO) && !p.settings.verbose;
        code = probe(&p);
    }
    ptn_host_free(p.host);
    ptn_loop_free(p.loop);
    ptn_discover_free(p.discover);
    free(words);
    return code;
}

/*
 * lab/main.c - postern-lab: the command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"
#include "load.h"
#include "os/entropy.h"
#include "phones.h"
#include "picture.h"
#include "run.h"
#include "shell.h"
#include "simulate.h"

static const char help[] =
    "Usage: postern-lab COMMAND …\n"
    "An internet in one process: the hosts of a scenario are network namespaces, the NATs, wires\n"
    "and name servers between them are ours.\n"
    "\n"
    "  run FILE              play a scenario with real programs, until they have ended\n"
    "  simulate FILE         the same internet in virtual time, with what each host would find "
    "out\n"
    "                        about its NAT; needs no rights\n"
    "  check FILE            say what is wrong with a scenario, or draw it\n"
    "  shell HOST [-- CMD…]  a shell, or CMD, inside a host of a running lab\n"
    "  do EVENT…             make something happen in a running lab, as behind `at TIME`:\n"
    "                        postern-lab do reboot router-a\n"
    "  rights                can hosts be made here? says what is missing\n"
    "\n"
    "Options of run, simulate and check:\n"
    "  --set NAME=VALUE      instead of the scenario's `set NAME …`\n"
    "Options of run and simulate:\n"
    "  --seed N              of all chance in the scenario; the default is drawn, and printed\n"
    "  --capture WIRE=FILE   write a wire to a pcapng file; several wires may go to one\n"
    "Options of simulate:\n"
    "  --server HOST         where our STUN server is; the default is the host named server\n"
    "  --call HOST,HOST      instead: a phone on the first calls one on the second, and what came "
    "of it\n"
    "                        is told: NATs, contacts, way of the sound, loss, silences\n"
    "  --registrar HOST      where they register; the default is the host named registrar\n"
    "  --turn                the server relays, too, and the phones know it\n"
    "  --talk SECONDS        how long they talk, at least; and so long after the last event; 10\n"
    "  --json                print what came of the call as one JSON object\n"
    "Options of run:\n"
    "  --times               begin each line with the seconds since the start\n"
    "  -q, --quiet           print what the programs print, nothing else\n"
    "  -v, --verbose         tell starts, ends, and what became of the packets\n"
    "\n"
    "With several labs running, shell and do take the newest that has the host; POSTERN_LAB=PID "
    "in\n"
    "the environment names another.\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 all went as the scenario says, 1 the command line or the scenario is wrong, 2 "
    "a\n"
    "program did not end as the scenario says, or two phones did not hear each other, 3 a file or "
    "a\n"
    "port could not be had, 77 hosts cannot be made here. That of shell is the command's.\n";

enum { SETS_MAX = PTN_VARIABLES_MAX, CAPTURE_OPTIONS_MAX = 32 };

struct command_line {
    const char *file;
    struct ptn_variable sets[SETS_MAX];
    unsigned set_count;
    struct ptn_variable captures[CAPTURE_OPTIONS_MAX]; /* wire, file */
    unsigned capture_count;
    uint64_t seed;
    bool has_seed, times, quiet, verbose;
    const char *server, *registrar;
    const char *caller, *called;
    unsigned talk_s;
    bool turn, json;
    char folder[PTN_DESK_FOLDER_MAX];
};

static bool usage(const char *what, const char *which)
{
    fprintf(stderr, "postern-lab: %s%s%s; see postern-lab --help\n", what, *which ? ": " : "",
            which);
    return false;
}

/* Cuts "NAME=VALUE" at its first sign. */
static bool add_pair(struct ptn_variable *table, unsigned *count, unsigned max, char *pair)
{
    char *sign = strchr(pair, '=');

    if (!sign || sign == pair)
        return usage("this is not NAME=VALUE", pair);
    if (*count == max)
        return usage("this is one too many", pair);
    *sign = '\0';
    table[(*count)++] = (struct ptn_variable){.name = pair, .value = sign + 1};
    return true;
}

static bool read_seed(struct command_line *c, const char *text)
{
    char *end;

    c->seed = strtoull(text, &end, 0);
    c->has_seed = true;
    return (*text >= '0' && *text <= '9' && *end == '\0') || usage("--seed is not a number", text);
}

/* "alice,bob" */
static bool read_call(struct command_line *c, char *text)
{
    char *comma = strchr(text, ',');

    if (!comma || comma == text || !comma[1] || strchr(comma + 1, ','))
        return usage("--call is not two hosts with a comma between", text);
    *comma = '\0';
    c->caller = text;
    c->called = comma + 1;
    return strcmp(c->caller, c->called) != 0 || usage("--call of a host to itself", c->caller);
}

static bool read_talk(struct command_line *c, const char *text)
{
    char *end;
    unsigned long s = strtoul(text, &end, 10);

    c->talk_s = (unsigned)s;
    return (*text >= '0' && *text <= '9' && *end == '\0' && s > 0 && s <= 86400) ||
           usage("--talk is not a number of seconds from 1 to 86400", text);
}

static bool read_option(struct command_line *c, int option)
{
    switch (option) {
    case 's': return add_pair(c->sets, &c->set_count, SETS_MAX, optarg);
    case 'c': return add_pair(c->captures, &c->capture_count, CAPTURE_OPTIONS_MAX, optarg);
    case 'n': return read_seed(c, optarg);
    case 'h': c->server = optarg; return true;
    case 'r': c->registrar = optarg; return true;
    case 'C': return read_call(c, optarg);
    case 'T': return read_talk(c, optarg);
    case 'u': c->turn = true; return true;
    case 'j': c->json = true; return true;
    case 't': c->times = true; return true;
    case 'q': c->quiet = true; return true;
    case 'v': c->verbose = true; return true;
    default: return false; /* getopt has said it */
    }
}

static bool read_command_line(struct command_line *c, int argc, char **argv)
{
    static const struct option options[] = {
        {"set", required_argument, NULL, 's'},
        {"capture", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 'n'},
        {"server", required_argument, NULL, 'h'},
        {"times", no_argument, NULL, 't'},
        {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},
        {"call", required_argument, NULL, 'C'},
        {"registrar", required_argument, NULL, 'r'},
        {"talk", required_argument, NULL, 'T'},
        {"turn", no_argument, NULL, 'u'},
        {"json", no_argument, NULL, 'j'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "qv", options, NULL)) != -1)
        if (!read_option(c, option))
            return false;
    if (optind + 1 != argc)
        return usage("needs one scenario file", "");
    c->file = argv[optind];
    if (!c->has_seed) {
        struct ptn_dice dice = ptn_entropy_dice();
        c->seed = ptn_dice_below(&dice, 1000000000);
    }
    return true;
}

/* Those of the scenario, then those of the command line. */
static bool collect_captures(const struct command_line *c, const struct ptn_scenario *s,
                             struct ptn_scenario_capture all[PTN_CAPTURES_MAX], unsigned *count)
{
    *count = 0;
    if (s->capture_count + c->capture_count > PTN_CAPTURES_MAX)
        return usage("there are too many captures", "");
    for (unsigned i = 0; i < s->capture_count; i++)
        all[(*count)++] = s->captures[i];
    for (unsigned i = 0; i < c->capture_count; i++) {
        int wire = ptn_scenario_wire(s, c->captures[i].name);
        if (wire == PTN_SCENARIO_NONE)
            return usage("--capture of a wire that the scenario does not have",
                         c->captures[i].name);
        all[(*count)++] = (struct ptn_scenario_capture){(unsigned)wire, c->captures[i].value};
    }
    return true;
}

static int command_run(struct command_line *c, struct ptn_scenario *s)
{
    struct ptn_scenario_capture captures[PTN_CAPTURES_MAX];
    struct ptn_run_opts opts = {.scenario = s,
                                .captures = captures,
                                .seed = c->seed,
                                .desk_folder = c->folder,
                                .times = c->times,
                                .quiet = c->quiet,
                                .verbose = c->verbose};

    if (!collect_captures(c, s, captures, &opts.capture_count))
        return PTN_LAB_USAGE;
    enum ptn_err err = ptn_netns_become_root();
    if (err) {
        fprintf(stderr,
                "postern-lab: this user is not root and may not make a user namespace either: %s\n",
                ptn_err_text(err));
        return PTN_LAB_NO_RIGHTS;
    }
    return (int)ptn_run(&opts);
}

static int command_simulate(struct command_line *c, struct ptn_scenario *s)
{
    struct ptn_scenario_capture captures[PTN_CAPTURES_MAX];
    struct ptn_simulate_opts opts = {.scenario = s,
                                     .captures = captures,
                                     .seed = c->seed,
                                     .server = c->server,
                                     .registrar = c->registrar,
                                     .caller = c->caller,
                                     .called = c->called,
                                     .talk = PTN_S(c->talk_s),
                                     .turn = c->turn,
                                     .json = c->json};

    if (!collect_captures(c, s, captures, &opts.capture_count))
        return PTN_LAB_USAGE;
    if (!c->caller && (c->turn || c->json)) {
        usage("--turn and --json are for --call", "");
        return PTN_LAB_USAGE;
    }
    return (int)(c->caller ? ptn_simulate_call(&opts) : ptn_simulate(&opts));
}

static int command_check(struct command_line *c, struct ptn_scenario *s)
{
    (void)c;
    ptn_picture_draw(s, stdout);
    return PTN_LAB_AS_EXPECTED;
}

static int with_scenario(int (*command)(struct command_line *, struct ptn_scenario *), int argc,
                         char **argv)
{
    struct command_line c = {.server = "server", .registrar = "registrar", .talk_s = 10};

    ptn_desk_folder(c.folder);
    if (!read_command_line(&c, argc, argv))
        return PTN_LAB_USAGE;
    struct ptn_scenario *s = ptn_lab_load(c.file, c.sets, c.set_count);
    if (!s)
        return PTN_LAB_USAGE;
    int result = command(&c, s);
    ptn_scenario_free(s);
    return result;
}

static int command_shell(int argc, char **argv)
{
    char folder[PTN_DESK_FOLDER_MAX];

    if (argc < 2 || (argc > 2 && strcmp(argv[2], "--") != 0)) {
        usage("shell needs HOST, or HOST -- COMMAND", "");
        return PTN_LAB_USAGE;
    }
    ptn_desk_folder(folder);
    return ptn_shell(folder, argv[1], argc > 2 ? argv + 3 : argv + 2);
}

static int command_do(int argc, char **argv)
{
    char folder[PTN_DESK_FOLDER_MAX], question[1024] = "do", answer[PTN_DESK_ANSWER_MAX];

    for (int i = 1; i < argc; i++) {
        size_t size = strlen(question);
        snprintf(question + size, sizeof question - size, " %s", argv[i]);
    }
    ptn_desk_folder(folder);
    if (ptn_desk_ask(folder, question, answer))
        return PTN_LAB_AS_EXPECTED;
    fprintf(stderr, "postern-lab: %s\n", answer);
    return PTN_LAB_USAGE;
}

static int command_rights(void)
{
    char why[PTN_NETNS_WHY_MAX];
    struct ptn_netns *host;

    enum ptn_err err = ptn_netns_become_root();
    if (err)
        snprintf(why, sizeof why, "cannot become root of a user namespace: %s", ptn_err_text(err));
    else
        err = ptn_netns_new(
            &(struct ptn_netns_opts){.name = "trial", .resolv_conf = "", .hosts = ""}, &host, why);
    if (err) {
        fprintf(stderr, "postern-lab: %s\n", why);
        return PTN_LAB_NO_RIGHTS;
    }
    ptn_netns_free(host);
    return PTN_LAB_AS_EXPECTED;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        fputs(help, stdout);
        return PTN_LAB_AS_EXPECTED;
    }
    if (strcmp(command, "--version") == 0) {
        puts("postern-lab " PTN_VERSION);
        return PTN_LAB_AS_EXPECTED;
    }
    if (strcmp(command, "run") == 0)
        return with_scenario(command_run, argc - 1, argv + 1);
    if (strcmp(command, "simulate") == 0)
        return with_scenario(command_simulate, argc - 1, argv + 1);
    if (strcmp(command, "check") == 0)
        return with_scenario(command_check, argc - 1, argv + 1);
    if (strcmp(command, "shell") == 0)
        return command_shell(argc - 1, argv + 1);
    if (strcmp(command, "do") == 0)
        return command_do(argc - 1, argv + 1);
    if (strcmp(command, "rights") == 0)
        return command_rights();
    usage(*command ? "this is no command" : "needs a command", command);
    return PTN_LAB_USAGE;
}

/*
 * postern/main.c - the front door: other programs by name, and a running phone by its socket.
 *
 *     postern probe …       runs postern-probe …; so do server, lab and phone
 *     postern dial 1002     asks the phone that runs here
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "postern/dial.h"
#include "postern/show.h"
#include "postern/trace.h"

struct line {
    const char *instance, *socket;
    bool json, all, follow, full;
    long max_mb; /* of a capture */
    struct dial dial;
    long call, to_call; /* 0: not named */
    const char *word;   /* what follows the command */
    const char *text;   /* and after it */
};

static const char help[] =
    "postern COMMAND …\n"
    "\n"
    "With a phone that runs on this machine:\n"
    "  status              NAT, addresses, registrations, calls\n"
    "  nat                 what is known of the NAT, socket by socket\n"
    "  dial TARGET         call and wait for the answer\n"
    "      --for SECONDS   talk that long, hang up, and say how the sound was\n"
    "      --timeout S     how long to wait for an answer (60)\n"
    "      --no-wait       only begin the call\n"
    "      --account X     by account.X instead of the first one\n"
    "  answer [CALL]       answer the call that rings\n"
    "  reject [CALL]       refuse it\n"
    "  hangup [CALL]       end a call; --all: all of them\n"
    "  hold [CALL]         put a call on hold\n"
    "  resume [CALL]       take it back\n"
    "  transfer TARGET     hand a call on to somebody\n"
    "      --to-call CALL  to the far end of another call instead\n"
    "      --call CALL     which one, if there are several\n"
    "  message TARGET TEXT send a text\n"
    "  register, unregister\n"
    "  events              what happens, line by line, until interrupted\n"
    "  trace [CALL]        the SIP messages of the last while, or those of a call, as a ladder\n"
    "      --follow        go on with what happens, until interrupted\n"
    "      --full          print the messages, too\n"
    "      --all           print all of every registration's messages, too\n"
    "  capture start FILE  write what the phone sends and receives to a pcapng file\n"
    "      --max MB        end when it has become so long (100)\n"
    "  capture stop\n"
    "  reload              read the settings again; they take effect when nobody talks\n"
    "  quit                end the phone\n"
    "      -i, --instance NAME   which phone (phone)\n"
    "      --socket PATH         its control socket, if elsewhere\n"
    "      --json                the phone's own words\n"
    "\n"
    "Programs:\n"
    "  probe, server, lab, phone …   runs postern-probe and so on; see their --help\n"
    "\n"
    "Exit codes: 0 fine, 1 wrong command line, 2 the phone refused, 3 no phone there,\n"
    "4 the call was refused or failed, 5 nobody answered, 6 answered but silent.\n";

static int complain(const char *format, const char *word)
{
    fputs("postern: ", stderr);
    fprintf(stderr, format, word);
    fputs("; see postern --help\n", stderr);
    return POSTERN_USAGE;
}

/* ---- commands for the phone ---- */

static int ask(struct talk *t, const struct line *l, json_t *request, void (*show)(const json_t *))
{
    json_t *answer = NULL;
    int code = talk_ask(t, request, &answer);
    if (code != POSTERN_FINE)
        return code;
    char *text = l->json ? json_dumps(answer, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    else if (show)
        show(answer);
    free(text);
    json_decref(answer);
    return POSTERN_FINE;
}

static int do_status(struct talk *t, const struct line *l)
{
    return ask(t, l, json_pack("{s:s}", "command", "status"), show_status);
}

static int do_nat(struct talk *t, const struct line *l)
{
    return ask(t, l, json_pack("{s:s}", "command", "status"), show_nat);
}

static bool parse_call(const char *text, long *call)
{
    char *end;
    *call = strtol(text, &end, 10);
    return end != text && *end == '\0' && *call > 0;
}

/* {"command": name} with the call that was named, if one was. */
static int about_call(struct talk *t, const struct line *l, const char *name)
{
    json_t *request = json_pack("{s:s}", "command", name);
    if (l->word) {
        long call;
        if (!parse_call(l->word, &call)) {
            json_decref(request);
            return complain("\"%s\" is not the number of a call", l->word);
        }
        json_object_set_new(request, "call", json_integer(call));
    }
    if (l->all)
        json_object_set_new(request, "all", json_true());
    return ask(t, l, request, NULL);
}

static int do_answer(struct talk *t, const struct line *l)
{
    return about_call(t, l, "answer");
}

static int do_reject(struct talk *t, const struct line *l)
{
    return about_call(t, l, "reject");
}

static int do_hang_up(struct talk *t, const struct line *l)
{
    return about_call(t, l, "hangup");
}

static int do_hold(struct talk *t, const struct line *l)
{
    return about_call(t, l, "hold");
}

static int do_resume(struct talk *t, const struct line *l)
{
    return about_call(t, l, "resume");
}

static int do_transfer(struct talk *t, const struct line *l)
{
    if (!l->word == !l->to_call)
        return complain("%s needs somebody to hand the call on to", "transfer");
    json_t *request = json_pack("{s:s}", "command", "transfer");
    if (l->word)
        json_object_set_new(request, "target", json_string(l->word));
    else
        json_object_set_new(request, "to_call", json_integer(l->to_call));
    if (l->call)
        json_object_set_new(request, "call", json_integer(l->call));
    return ask(t, l, request, NULL);
}

/* Sends, and waits for what becomes of it. */
static int do_message(struct talk *t, const struct line *l)
{
    bool gone = false;
    json_t *answer = NULL, *event;
    if (!l->word || !l->text)
        return complain("%s needs somebody to write to, and a text", "message");
    int code = ask(t, l, json_pack("{s:s}", "command", "events"), NULL);
    if (code != POSTERN_FINE)
        return code;
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "command", "message", "target", l->word, "text", l->text);
    if (!request)
        return complain("the text for \"%s\" is no UTF-8", l->word);
    if (l->dial.account)
        json_object_set_new(request, "account", json_integer(l->dial.account));
    if ((code = talk_ask(t, request, &answer)) != POSTERN_FINE)
        return code;
    json_int_t message = json_integer_value(json_object_get(answer, "message"));
    json_decref(answer);
    ptn_time deadline = ptn_time_add(ptn_clock_now(), l->dial.answer_by);
    while ((event = talk_event(t, deadline, &gone))) {
        const char *kind = json_string_value(json_object_get(event, "event"));
        json_int_t id = json_integer_value(json_object_get(event, "message"));
        json_int_t status = json_integer_value(json_object_get(event, "status"));
        bool ours = kind && strcmp(kind, "message_sent") == 0 && id == message;
        if (ours)
            show_event(event);
        json_decref(event);
        if (ours)
            return status >= 200 && status < 300 ? POSTERN_FINE
                   : status                      ? POSTERN_FAILED
                                                 : POSTERN_NO_ANSWER;
    }
    return gone ? POSTERN_NO_PHONE : POSTERN_NO_ANSWER;
}

static int do_register(struct talk *t, const struct line *l)
{
    return ask(t, l, json_pack("{s:s}", "command", "register"), NULL);
}

static int do_unregister(struct talk *t, const struct line *l)
{
    return ask(t, l, json_pack("{s:s}", "command", "unregister"), NULL);
}

static int do_reload(struct talk *t, const struct line *l)
{
    return ask(t, l, json_pack("{s:s}", "command", "reload"), NULL);
}

static int do_quit(struct talk *t, const struct line *l)
{
    return ask(t, l, json_pack("{s:s}", "command", "quit"), NULL);
}

static int do_dial(struct talk *t, const struct line *l)
{
    struct dial dial = l->dial;
    dial.target = l->word;
    dial.json = l->json;
    return l->word ? dial_run(t, &dial) : complain("%s needs somebody to call", "dial");
}

static int do_events(struct talk *t, const struct line *l)
{
    bool gone = false;
    int code = ask(t, l, json_pack("{s:s}", "command", "events"), NULL);
    while (code == POSTERN_FINE && !gone) {
        json_t *event = talk_event(t, PTN_NEVER, &gone);
        char *text = event && l->json ? json_dumps(event, JSON_COMPACT) : NULL;
        if (text)
            puts(text);
        else if (event)
            show_event(event);
        fflush(stdout);
        free(text);
        json_decref(event);
    }
    return code;
}

static int do_trace(struct talk *t, const struct line *l)
{
    struct trace trace = {.json = l->json, .all = l->all, .follow = l->follow, .full = l->full};
    if (l->word && !parse_call(l->word, &trace.call))
        return complain("\"%s\" is not the number of a call", l->word);
    return trace_run(t, &trace);
}

static int do_capture(struct talk *t, const struct line *l)
{
    char folder[3000] = "", path[8000];
    const char *file = l->text;
    if (l->word && strcmp(l->word, "stop") == 0 && !file)
        return ask(t, l, json_pack("{s:s}", "command", "capture_stop"), show_capture);
    if (!l->word || strcmp(l->word, "start") != 0 || !file || !file[0])
        return complain("%s needs \"start FILE\" or \"stop\"", "capture");
    /* The phone has another working directory. */
    if (file[0] != '/' && !getcwd(folder, sizeof folder))
        return complain("%s needs the whole path of its file from here", "capture");
    snprintf(path, sizeof path, "%s%s%s", folder, file[0] != '/' ? "/" : "", file);
    json_t *request = json_pack("{s:s, s:s, s:I}", "command", "capture_start", "file", path,
                                "bytes_max", (json_int_t)l->max_mb * 1000000);
    if (!request)
        return complain("\"%s\" is no UTF-8", file);
    return ask(t, l, request, NULL);
}

static const struct {
    const char *name;
    int (*run)(struct talk *t, const struct line *l);
} commands[] = {
    {"status", do_status},         {"nat", do_nat},         {"dial", do_dial},
    {"answer", do_answer},         {"reject", do_reject},   {"hangup", do_hang_up},
    {"register", do_register},     {"quit", do_quit},       {"events", do_events},
    {"unregister", do_unregister}, {"hold", do_hold},       {"resume", do_resume},
    {"transfer", do_transfer},     {"message", do_message}, {"reload", do_reload},
    {"trace", do_trace},           {"capture", do_capture},
};

/* ---- the command line ---- */

/* Seconds, from 0 to a week; false for anything else. */
static bool parse_span(const char *text, ptn_time *span)
{
    char *end;
    double s = strtod(text, &end);
    if (end == text || *end != '\0' || !(s >= 0 && s <= 7 * 86400))
        return false;
    *span = (ptn_time)(s * 1e9);
    return true;
}

static bool parse_account(const char *text, unsigned *account)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *account = (unsigned)number;
    return end != text && *end == '\0' && number >= 1 && number <= 99;
}

/* Megabytes, at most a million. */
static bool parse_size(const char *text, long *max_mb)
{
    char *end;
    *max_mb = strtol(text, &end, 10);
    return end != text && *end == '\0' && *max_mb >= 1 && *max_mb <= 1000000;
}

static int parse_line(int argc, char **argv, struct line *l)
{
    static const struct option flags[] = {
        {"instance", required_argument, NULL, 'i'}, {"socket", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},           {"all", no_argument, NULL, 'a'},
        {"follow", no_argument, NULL, 'F'},         {"full", no_argument, NULL, 'U'},
        {"max", required_argument, NULL, 'm'},      {"no-wait", no_argument, NULL, 'n'},
        {"for", required_argument, NULL, 'f'},      {"timeout", required_argument, NULL, 't'},
        {"account", required_argument, NULL, 'x'},  {"call", required_argument, NULL, 'c'},
        {"to-call", required_argument, NULL, 'o'},  {0},
    };
    bool ok = true;
    for (int flag; (flag = getopt_long(argc, argv, "i:", flags, NULL)) != -1;) {
        switch (flag) {
        case 'i': l->instance = optarg; break;
        case 's': l->socket = optarg; break;
        case 'j': l->json = true; break;
        case 'a': l->all = true; break;
        case 'F': l->follow = true; break;
        case 'U': l->full = true; break;
        case 'm': ok = parse_size(optarg, &l->max_mb); break;
        case 'n': l->dial.no_wait = true; break;
        case 'f': ok = parse_span(optarg, &l->dial.talk_for); break;
        case 't': ok = parse_span(optarg, &l->dial.answer_by); break;
        case 'c': ok = parse_call(optarg, &l->call); break;
        case 'o': ok = parse_call(optarg, &l->to_call); break;
        case 'x': ok = parse_account(optarg, &l->dial.account); break;
        default: return POSTERN_USAGE; /* getopt has said why */
        }
        if (!ok)
            return complain("\"%s\" is not a number for that", optarg);
    }
    bool has_text = strcmp(argv[0], "message") == 0 || strcmp(argv[0], "capture") == 0;
    if (argc - optind > 1 + has_text)
        return complain("\"%s\" is one word too many", argv[optind + 1 + has_text]);
    l->word = argv[optind];
    if (l->word)
        l->text = argv[optind + 1];
    return POSTERN_FINE;
}

static int with_phone(size_t command, int argc, char **argv)
{
    struct line l = {
        .instance = "phone",
        .max_mb = 100,
        .dial = {.answer_by = PTN_S(60), .talk_for = PTN_NEVER},
    };
    struct talk talk;
    int code = parse_line(argc, argv, &l);
    if (code == POSTERN_FINE)
        code = talk_begin(&talk, l.instance, l.socket);
    if (code != POSTERN_FINE)
        return code;
    code = commands[command].run(&talk, &l);
    talk_end(&talk);
    return code;
}

/* Becomes postern-NAME: the one installed beside this program, or else the one in PATH. */
static int become(const char *name, char **argv)
{
    char self[3000] = "", path[4096], program[32];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = size > 0 ? strrchr(self, '/') : NULL;

    snprintf(program, sizeof program, "postern-%s", name);
    argv[0] = program;
    if (slash) {
        snprintf(path, sizeof path, "%.*s/%s", (int)(slash - self), self, program);
        execv(path, argv);
    }
    execvp(program, argv);
    fprintf(stderr, "postern: %s: %s\n", program, strerror(errno));
    return POSTERN_USAGE;
}

int main(int argc, char **argv)
{
    static const char *const programs[] = {"probe", "server", "lab", "phone"};
    const char *name = argc > 1 ? argv[1] : "--help";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return fputs(help, argc > 1 ? stdout : stderr) >= 0 && argc > 1 ? POSTERN_FINE
                                                                        : POSTERN_USAGE;
    if (strcmp(name, "--version") == 0)
        return puts("postern " PTN_VERSION) >= 0 ? POSTERN_FINE : POSTERN_REFUSED;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i], name) == 0)
            return become(name, argv + 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return with_phone(i, argc - 1, argv + 1);
    return complain(name[0] == '-' ? "\"%s\" is no command: flags stand behind one"
                                   : "\"%s\" is no command",
                    name);
}

/*
 * lab/desk.c - the questions, and finding whom to ask.
 */
#include "desk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "owners.h"

void ptn_desk_folder(char folder[static PTN_DESK_FOLDER_MAX])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    snprintf(folder, PTN_DESK_FOLDER_MAX, "%.80s/postern-lab", runtime ? runtime : "/run");
}

enum ptn_err ptn_desk_open(struct ptn_control **out, const char *folder, struct ptn_loop *loop)
{
    char path[PATH_MAX];

    (void)mkdir(folder, 0700); /* if that fails, so will the next, and say why */
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    return ptn_control_new(
        loop, &(struct ptn_control_opts){.path = path, .mode = 0600, .owner = PTN_LAB_CONTROL},
        out);
}

static void answer_one(const char *question, struct ptn_scenario *scenario, struct ptn_stage *stage,
                       ptn_time now, char *answer)
{
    char error[PTN_SCENARIO_ERROR_MAX];

    snprintf(answer, PTN_DESK_ANSWER_MAX, "error: not a question for a lab");
    if (strncmp(question, "host ", 5) == 0) {
        int host = ptn_scenario_host(scenario, question + 5);
        if (host == PTN_SCENARIO_NONE)
            snprintf(answer, PTN_DESK_ANSWER_MAX, "error: %.80s has no host \"%.80s\"",
                     scenario->file, question + 5);
        else
            snprintf(answer, PTN_DESK_ANSWER_MAX, "pid %d",
                     ptn_netns_pid(ptn_stage_host(stage, (unsigned)host)));
    } else if (strncmp(question, "do ", 3) == 0) {
        char text[PTN_CONTROL_LINE_MAX + 8];
        snprintf(text, sizeof text, "0s %s", question + 3);
        const struct ptn_scenario_event *ev = ptn_scenario_event(scenario, text, error);
        snprintf(answer, PTN_DESK_ANSWER_MAX, "%s%s", ev ? "done" : "error: ", ev ? "" : error);
        if (ev)
            ptn_net_apply(ptn_stage_net(stage), now, ev);
    }
}

void ptn_desk_answer(struct ptn_control *desk, struct ptn_scenario *scenario,
                     struct ptn_stage *stage, ptn_time now)
{
    struct ptn_control_line line;
    char answer[PTN_DESK_ANSWER_MAX];

    while (ptn_control_line(desk, &line)) {
        answer_one((const char *)line.text.data, scenario, stage, now, answer);
        (void)ptn_control_send(desk, line.client, ptn_bytes_of_text(answer));
    }
}

/* By its socket's name. One that has just been started has a socket and does not listen yet. */
static bool is_gone(const char *name)
{
    pid_t pid = atoi(name);

    return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

static bool ask_one(const char *path, const char *name, const char *question, char *answer)
{
    struct ptn_control_caller caller;
    struct ptn_bytes line;

    enum ptn_err err = ptn_control_call(path, &caller);
    if (err == PTN_ERR_REFUSED && is_gone(name))
        (void)unlink(path); /* left by a lab that was killed */
    if (err)
        return false;
    bool answered = ptn_control_say(&caller, ptn_bytes_of_text(question)) == PTN_OK &&
                    ptn_control_hear(&caller, PTN_S(5), &line) == PTN_OK;
    if (answered)
        snprintf(answer, PTN_DESK_ANSWER_MAX, "%s", (const char *)line.data);
    ptn_control_hang_up(&caller);
    return answered && strncmp(answer, "error: ", 7) != 0;
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
    return atoi((*b)->d_name) - atoi((*a)->d_name);
}

bool ptn_desk_ask(const char *folder, const char *question, char answer[static PTN_DESK_ANSWER_MAX])
{
    char path[PATH_MAX];
    struct dirent **names;
    int count = scandir(folder, &names, NULL, newest_first);
    const char *wanted = getenv("POSTERN_LAB");
    bool answered = false;

    snprintf(answer, PTN_DESK_ANSWER_MAX, "error: no lab is running (there is none in %s)", folder);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        bool meant = wanted ? strcmp(names[i]->d_name, wanted) == 0 : names[i]->d_name[0] != '.';
        if (!answered && meant)
            answered = ask_one(path, names[i]->d_name, question, answer);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return answered;
}

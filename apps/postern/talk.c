/*
 * postern/talk.c - a line of JSON there, a line of JSON back.
 *
 * One thing is asked at a time, so the next line that is no event is the answer.
 */
#include "postern/talk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/runtime.h"

#define ANSWER_WITHIN PTN_S(5)

/* The phones whose sockets are in `folder`, each behind a blank; `*count` grows. */
static void print_phones(const char *folder, size_t *count)
{
    DIR *dir = opendir(folder);

    for (const struct dirent *e; dir && (e = readdir(dir));) {
        size_t size = strlen(e->d_name);
        if (size <= 5 || strcmp(e->d_name + size - 5, ".sock") != 0 ||
            strcmp(e->d_name, "server.sock") == 0)
            continue;
        fprintf(stderr, "%s %.*s", (*count)++ ? "" : "; -i names one of these:", (int)size - 5,
                e->d_name);
    }
    if (dir)
        closedir(dir);
}

static void say_who_is_there(const char *instance, const char *path)
{
    const char *user = getenv("XDG_RUNTIME_DIR");
    char folder[PTN_RUNTIME_PATH_SIZE];
    size_t count = 0;

    fprintf(stderr, "postern: no phone called \"%s\" runs here (%s is not there)", instance, path);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    print_phones(folder, &count);
    if (user && snprintf(folder, sizeof folder, "%s/postern", user) < PTN_RUNTIME_PATH_SIZE)
        print_phones(folder, &count);
    fprintf(stderr, "\n");
}

int talk_begin(struct talk *t, const char *instance, const char *socket)
{
    char path[PTN_RUNTIME_PATH_SIZE];
    *t = (struct talk){.caller = {.fd = -1}, .name = instance};
    if (socket)
        snprintf(path, sizeof path, "%s", socket);
    else if (ptn_runtime_find(instance, path) != PTN_OK) {
        say_who_is_there(instance, path);
        return POSTERN_NO_PHONE;
    }
    enum ptn_err err = ptn_control_call(path, &t->caller);
    if (err == PTN_OK)
        return POSTERN_FINE;
    fprintf(stderr, "postern: %s: %s\n", path,
            err == PTN_ERR_REFUSED ? "no phone listens there any more" : ptn_err_text(err));
    return POSTERN_NO_PHONE;
}

void talk_end(struct talk *t)
{
    ptn_control_hang_up(&t->caller);
}

/* The next line as JSON; NULL with the reason in `err`. */
static json_t *hear(struct talk *t, ptn_time deadline, enum ptn_err *err)
{
    struct ptn_bytes line;
    ptn_time left = deadline == PTN_NEVER ? PTN_NEVER : deadline - ptn_clock_now();
    *err = left <= 0 ? PTN_ERR_TIMED_OUT : ptn_control_hear(&t->caller, left, &line);
    if (*err != PTN_OK)
        return NULL;
    json_t *value = json_loadb((const char *)line.data, line.size, 0, NULL);
    if (!value)
        *err = PTN_ERR_INVALID;
    return value;
}

int talk_ask(struct talk *t, json_t *request, json_t **answer)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    if (!text) {
        fprintf(stderr, "postern: this cannot be sent: it is no UTF-8\n");
        return POSTERN_USAGE;
    }
    enum ptn_err err = ptn_control_say(&t->caller, ptn_bytes_of_text(text));
    free(text);
    ptn_time deadline = ptn_clock_now() + ANSWER_WITHIN;
    json_t *value = NULL;
    while (err == PTN_OK && (value = hear(t, deadline, &err)) && json_object_get(value, "event"))
        json_decref(value);
    if (!value) {
        fprintf(stderr, "postern: the phone \"%s\" does not answer: %s\n", t->name,
                ptn_err_text(err));
        return POSTERN_NO_PHONE;
    }
    if (json_is_true(json_object_get(value, "ok"))) {
        *answer = value;
        return POSTERN_FINE;
    }
    const char *why = json_string_value(json_object_get(value, "error"));
    fprintf(stderr, "postern: %s\n", why ? why : "the phone refused");
    json_decref(value);
    return POSTERN_REFUSED;
}

json_t *talk_event(struct talk *t, ptn_time deadline, bool *gone)
{
    enum ptn_err err;
    json_t *value;
    while ((value = hear(t, deadline, &err)) && !json_object_get(value, "event"))
        json_decref(value);
    *gone = !value && err != PTN_ERR_TIMED_OUT;
    return value;
}

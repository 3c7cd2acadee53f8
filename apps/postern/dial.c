/*
 * postern/dial.c - dial, wait, talk, hang up: each step ends early when the call does.
 */
#include "postern/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "postern/show.h"

/* The far end's answer to BYE takes its time, above all when it never comes. */
#define ENDED_WITHIN PTN_S(35)
/* Who gave up a call that nobody answered need not watch: its end tells nothing more. */
#define GIVEN_UP_WITHIN PTN_S(1)

struct call {
    struct talk *talk;
    const struct dial *dial;
    json_int_t id;
    bool answered, ended;
    bool gone;     /* the phone itself */
    json_t *stats; /* of the end, or NULL */
};

static void print(const struct dial *d, const json_t *event)
{
    if (!d->json) {
        show_event(event);
        return;
    }
    char *text = json_dumps(event, JSON_COMPACT);
    puts(text ? text : "{}");
    fflush(stdout);
    free(text);
}

static void take_event(struct call *c, const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    if (json_integer_value(json_object_get(event, "call")) != c->id)
        return;
    print(c->dial, event);
    if (strcmp(kind, "answered") == 0)
        c->answered = true;
    if (strcmp(kind, "ended") == 0) {
        c->ended = true;
        c->stats = json_incref(json_object_get(event, "stats"));
    }
}

/* Hears events until `done` holds; false when the time is over or the phone is gone. */
static bool wait_for(struct call *c, const bool *done, ptn_time span)
{
    ptn_time deadline = ptn_time_add(ptn_clock_now(), span);
    while (!*done && !c->ended) {
        json_t *event = talk_event(c->talk, deadline, &c->gone);
        if (!event)
            return false;
        take_event(c, event);
        json_decref(event);
    }
    return *done;
}

static int hang_up(struct call *c)
{
    json_t *answer = NULL;
    int code =
        talk_ask(c->talk, json_pack("{s:s, s:I}", "command", "hangup", "call", c->id), &answer);
    json_decref(answer);
    if (code == POSTERN_FINE)
        wait_for(c, &c->ended, c->answered ? ENDED_WITHIN : GIVEN_UP_WITHIN);
    return code;
}

static int say_gone(void)
{
    fprintf(stderr, "postern: the phone has ended\n");
    return POSTERN_NO_PHONE;
}

/* The call is up: stays for the time given, then judges what was heard. */
static int talk_a_while(struct call *c)
{
    if (c->dial->talk_for == PTN_NEVER)
        return POSTERN_FINE;
    if (!wait_for(c, &c->ended, c->dial->talk_for) && !c->gone)
        hang_up(c);
    if (c->gone)
        return say_gone();
    if (!c->stats)
        return POSTERN_SILENT;
    if (!c->dial->json)
        show_stats(c->stats, "sound: ");
    return json_integer_value(json_object_get(c->stats, "received_packets")) > 0 ? POSTERN_FINE
                                                                                 : POSTERN_SILENT;
}

static int run(struct call *c)
{
    if (wait_for(c, &c->answered, c->dial->answer_by))
        return talk_a_while(c);
    if (c->ended)
        return POSTERN_FAILED;
    if (c->gone)
        return say_gone();
    fprintf(stderr, "postern: nobody answered in time\n");
    hang_up(c);
    return POSTERN_NO_ANSWER;
}

int dial_run(struct talk *t, const struct dial *d)
{
    struct call c = {.talk = t, .dial = d};
    json_t *answer = NULL;
    int code = talk_ask(t, json_pack("{s:s}", "command", "events"), &answer);
    json_decref(answer);
    if (code != POSTERN_FINE)
        return code;

    json_t *request = json_pack("{s:s, s:s}", "command", "dial", "target", d->target);
    if (d->account)
        json_object_set_new(request, "account", json_integer(d->account));
    answer = NULL;
    code = talk_ask(t, request, &answer);
    if (code != POSTERN_FINE)
        return code;
    c.id = json_integer_value(json_object_get(answer, "call"));
    json_decref(answer);
    if (d->no_wait)
        return printf("call %lld\n", (long long)c.id) > 0 ? POSTERN_FINE : POSTERN_REFUSED;
    code = run(&c);
    json_decref(c.stats);
    return code;
}

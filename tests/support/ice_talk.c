/*
 * tests/support/ice_talk.c - one end of a call by ICE on real sockets, driven by lines.
 *
 *   ice_talk lead|follow ADDRESS [stun SERVER:PORT] [turn SERVER:PORT USER PASSWORD]
 *
 * Prints what it says of itself in SDP's words (without "a=") and "end"; reads the other's the same
 * way. Then prints what happens: "path host srflx 192.0.2.1:4000", "nominated", "completed",
 * "doubted", "lost", "failed", "role", and "heard" when fifty packets of media have come. The line
 * "restart" makes it begin anew. Ends with its input.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/entropy.h"
#include "os/host.h"
#include "support/ice_end.h"

enum { OWNER_HOST = 1, OWNER_INPUT, READY_MAX = 16, ENOUGH = 50 };

struct talk {
    struct ice_end end;
    struct ptn_loop *loop;
    struct ptn_host *host;
    char in[2 * ICE_END_WORDS_MAX];
    size_t in_size;
    bool said, heard, over;
    unsigned told[PTN_ICE_COMPONENTS_MAX + 1][PTN_ICE_FAILED + 1];
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "ice_talk: %s\n", what);
    exit(2);
}

static void say_words(struct talk *t)
{
    char words[ICE_END_WORDS_MAX];

    if (t->said || !ice_end_gathered(&t->end))
        return;
    t->said = true;
    size_t size = ice_end_say(&t->end, words);
    printf("%.*send\n", (int)size, words);
}

static void say_news(struct talk *t)
{
    static const char *const names[] = {
        [PTN_ICE_ROLE] = "role",           [PTN_ICE_PATH] = "path",
        [PTN_ICE_NOMINATED] = "nominated", [PTN_ICE_COMPLETED] = "completed",
        [PTN_ICE_BETTER] = "better",       [PTN_ICE_DOUBTED] = "doubted",
        [PTN_ICE_LOST] = "lost",           [PTN_ICE_FAILED] = "failed",
    };
    char to[PTN_ADDR_TEXT_MAX];

    for (unsigned c = 0; c <= PTN_ICE_COMPONENTS_MAX; c++)
        for (unsigned k = 0; k <= PTN_ICE_FAILED; k++) {
            if (t->told[c][k] == t->end.events[c][k])
                continue;
            t->told[c][k] = t->end.events[c][k];
            if (k == PTN_ICE_PATH)
                printf("path %s %s %s\n",
                       ptn_ice_kind_word((enum ptn_ice_kind)t->end.route.local_kind),
                       ptn_ice_kind_word((enum ptn_ice_kind)t->end.route.remote_kind),
                       ptn_addr_format(&t->end.route.to, to));
            else
                puts(names[k]);
        }
    if (!t->heard && t->end.heard.count >= ENOUGH) {
        t->heard = true;
        puts("heard");
    }
}

static void obey(struct talk *t, ptn_time now)
{
    char *end;

    t->in[t->in_size] = '\0';
    if (strcmp(t->in, "restart\n") == 0) {
        ice_end_restart(&t->end, now);
        t->end.heard = (struct ice_end_heard){0};
        t->said = t->heard = false;
        t->in_size = 0;
    } else if ((end = strstr(t->in, "end\n")) && (end == t->in || end[-1] == '\n')) {
        must(ice_end_hear(&t->end, now, ptn_bytes(t->in, (size_t)(end - t->in))),
             "other credentials came without a restart");
        t->in_size = 0;
    }
}

static void read_input(struct talk *t, ptn_time now)
{
    ssize_t got = read(STDIN_FILENO, t->in + t->in_size, sizeof t->in - 1 - t->in_size);

    if (got <= 0) {
        t->over = true;
        return;
    }
    t->in_size += (size_t)got;
    must(t->in_size < sizeof t->in - 1, "too many words");
    obey(t, now);
}

static void run(struct talk *t)
{
    struct ptn_ready ready[READY_MAX];
    ptn_time now = ptn_clock_now();

    while (!t->over) {
        ptn_host_run(t->host, now);
        say_words(t);
        say_news(t);
        fflush(stdout);
        size_t count = ptn_loop_wait(t->loop, ptn_host_deadline(t->host, now), ready, READY_MAX);
        now = ptn_clock_now();
        for (size_t i = 0; i < count; i++)
            if (ready[i].owner == OWNER_INPUT)
                read_input(t, now);
            else
                ptn_host_ready(t->host, now, &ready[i]);
    }
}

int main(int argc, char **argv)
{
    static struct talk t;
    struct ice_end_opts opts = {.components = 1, .addr_count = 1, .dice = ptn_entropy_dice()};
    uint32_t index;

    must(argc >= 3 && ptn_addr_parse(argv[2], &opts.addrs[0]),
         "lead|follow ADDRESS [stun SERVER:PORT] [turn SERVER:PORT USER PASSWORD]");
    opts.controlling = strcmp(argv[1], "lead") == 0;
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], "stun") == 0 && i + 1 < argc) {
            must(ptn_addr_parse(argv[++i], &opts.stun), "the STUN server has no address");
        } else if (strcmp(argv[i], "turn") == 0 && i + 3 < argc) {
            must(ptn_addr_parse(argv[++i], &opts.turn), "the TURN server has no address");
            opts.user = (struct ptn_turn_user){argv[i + 1], argv[i + 2]};
            i += 2;
        }
    opts.crypto = ptn_crypto_new();
    must(opts.crypto && ptn_loop_new(&t.loop) == PTN_OK &&
             ptn_loop_add(t.loop, STDIN_FILENO, PTN_LOOP_IN, OWNER_INPUT, 0) == PTN_OK &&
             ptn_host_new(&(struct ptn_host_opts){.loop = t.loop,
                                                  .owner = OWNER_HOST,
                                                  .sockets_max = 16,
                                                  .machines_max = 1,
                                                  .stream_queue_max = 4096},
                          &t.host) == PTN_OK,
         "it could not begin");
    ice_end_init(&t.end, &opts);
    t.end.talks = true;
    struct ptn_machine machine = ice_end_machine(&t.end);
    must(ptn_host_add(t.host, ptn_clock_now(), &machine, &index) == PTN_OK, "no room");
    run(&t);
    ptn_host_free(t.host);
    ptn_loop_free(t.loop);
    ice_end_fini(&t.end);
    ptn_crypto_free(opts.crypto);
    return 0;
}

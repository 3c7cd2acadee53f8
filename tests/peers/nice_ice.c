/*
 * peers/nice_ice.c - libnice as one end of a call by ICE, driven by lines like support/ice_talk.c.
 *
 *   nice_ice lead|follow ADDRESS [regular] [lite] [consent] [stun SERVER PORT]
 *
 * Without "regular" it nominates aggressively, as RFC 5245 allowed. Says its credentials and
 * candidates and "end", reads the other's, then says "ready" and, after fifty packets, "heard".
 * "restart" makes it begin anew. Ends with its input.
 */
#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH = 50, EVERY_MS = 20 };

struct end {
    NiceAgent *agent;
    guint stream;
    GMainLoop *loop;
    gboolean ready;
    unsigned heard;
    GSList *theirs;
    char ufrag[257], pwd[257];
};

static void fail(const char *why)
{
    fprintf(stderr, "nice_ice: %s\n", why);
    exit(1);
}

static void say_words(struct end *e)
{
    gchar *ufrag = NULL, *pwd = NULL;
    GSList *ours = nice_agent_get_local_candidates(e->agent, e->stream, 1);

    if (!nice_agent_get_local_credentials(e->agent, e->stream, &ufrag, &pwd))
        fail("no credentials");
    printf("ice-ufrag:%s\nice-pwd:%s\n", ufrag, pwd);
    for (GSList *at = ours; at; at = at->next) {
        gchar *line = nice_agent_generate_local_candidate_sdp(e->agent, at->data);
        printf("%s\n", strncmp(line, "a=", 2) == 0 ? line + 2 : line);
        g_free(line);
    }
    puts("end");
    fflush(stdout);
    g_slist_free_full(ours, (GDestroyNotify)nice_candidate_free);
    g_free(ufrag);
    g_free(pwd);
}

static void hear_words(struct end *e)
{
    if (!nice_agent_set_remote_credentials(e->agent, e->stream, e->ufrag, e->pwd) ||
        nice_agent_set_remote_candidates(e->agent, e->stream, 1, e->theirs) < 1)
        fail("the other's words were not taken");
    nice_agent_peer_candidate_gathering_done(e->agent, e->stream);
    g_slist_free_full(e->theirs, (GDestroyNotify)nice_candidate_free);
    e->theirs = NULL;
}

static void take_line(struct end *e, const char *line)
{
    char sdp[400];

    if (sscanf(line, "ice-ufrag:%256s", e->ufrag) == 1 ||
        sscanf(line, "ice-pwd:%256s", e->pwd) == 1)
        return;
    if (strncmp(line, "candidate:", 10) == 0) {
        snprintf(sdp, sizeof sdp, "a=%s", line);
        NiceCandidate *c = nice_agent_parse_remote_candidate_sdp(e->agent, e->stream, sdp);
        if (c)
            e->theirs = g_slist_append(e->theirs, c);
    } else if (strcmp(line, "end") == 0) {
        hear_words(e);
    } else if (strcmp(line, "restart") == 0) {
        e->heard = 0;
        if (!nice_agent_restart(e->agent))
            fail("no restart");
        say_words(e);
    }
}

static gboolean input(GIOChannel *channel, GIOCondition what, gpointer data)
{
    struct end *e = data;
    gchar *line = NULL;
    gsize stop;

    (void)what;
    if (g_io_channel_read_line(channel, &line, NULL, &stop, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(e->loop);
        return FALSE;
    }
    line[stop] = '\0';
    take_line(e, line);
    g_free(line);
    return TRUE;
}

static void gathered(NiceAgent *agent, guint stream, gpointer data)
{
    (void)agent;
    (void)stream;
    say_words(data);
}

static void state_changed(NiceAgent *agent, guint stream, guint component, guint state,
                          gpointer data)
{
    struct end *e = data;

    (void)agent;
    (void)stream;
    (void)component;
    if (state == NICE_COMPONENT_STATE_FAILED)
        puts("failed");
    if (state == NICE_COMPONENT_STATE_READY) {
        e->ready = TRUE;
        puts("ready");
    }
    fflush(stdout);
}

static void received(NiceAgent *agent, guint stream, guint component, guint size, gchar *bytes,
                     gpointer data)
{
    struct end *e = data;

    (void)agent;
    (void)stream;
    (void)component;
    if (size < 6 || memcmp(bytes, "\x80media", 6) != 0)
        fail("what came is no media");
    if (++e->heard == ENOUGH) {
        puts("heard");
        fflush(stdout);
    }
}

static gboolean send_media(gpointer data)
{
    struct end *e = data;

    if (e->ready)
        nice_agent_send(e->agent, e->stream, 1, 16, "\x80media..........");
    return TRUE;
}

static gboolean has_word(char **words, const char *word)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

int main(int argc, char **argv)
{
    struct end e = {.loop = g_main_loop_new(NULL, FALSE)};
    NiceAgentOption options = NICE_AGENT_OPTION_NONE;
    NiceAddress local;

    if (argc < 3)
        fail("lead|follow ADDRESS [regular] [lite] [consent] [stun SERVER PORT]");
    if (has_word(argv, "regular"))
        options |= NICE_AGENT_OPTION_REGULAR_NOMINATION;
    if (has_word(argv, "lite"))
        options |= NICE_AGENT_OPTION_LITE_MODE;
    if (has_word(argv, "consent"))
        options |= NICE_AGENT_OPTION_CONSENT_FRESHNESS;
    e.agent = nice_agent_new_full(NULL, NICE_COMPATIBILITY_RFC5245, options);
    g_object_set(e.agent, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode",
                 strcmp(argv[1], "lead") == 0, NULL);
    for (int i = 3; i + 2 < argc; i++)
        if (strcmp(argv[i], "stun") == 0)
            g_object_set(e.agent, "stun-server", argv[i + 1], "stun-server-port",
                         (guint)atoi(argv[i + 2]), NULL);
    if (!nice_address_set_from_string(&local, argv[2]) ||
        !nice_agent_add_local_address(e.agent, &local))
        fail("the local address is none");
    g_signal_connect(e.agent, "candidate-gathering-done", G_CALLBACK(gathered), &e);
    g_signal_connect(e.agent, "component-state-changed", G_CALLBACK(state_changed), &e);
    e.stream = nice_agent_add_stream(e.agent, 1);
    nice_agent_attach_recv(e.agent, e.stream, 1, NULL, received, &e);
    if (!nice_agent_gather_candidates(e.agent, e.stream))
        fail("gathering did not begin");
    GIOChannel *channel = g_io_channel_unix_new(0);
    g_io_add_watch(channel, G_IO_IN | G_IO_HUP, input, &e);
    g_timeout_add(EVERY_MS, send_media, &e);
    g_main_loop_run(e.loop);
    g_io_channel_unref(channel);
    g_object_unref(e.agent);
    g_main_loop_unref(e.loop);
    return 0;
}

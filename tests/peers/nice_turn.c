/*
 * peers/nice_turn.c - libnice's ICE by nothing but a TURN server: two agents in one process.
 *
 *   nice_turn udp|tcp SERVER PORT USER PASSWORD LOCAL-ADDRESS
 *
 * Both agents may use relayed candidates only, so every check and every packet goes there and back
 * through the server. They exchange candidates, connect, and each sends a text that the other must
 * get. Ends with 0 when both have heard the other.
 */
#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 20 };

struct side {
    const char *name;
    NiceAgent *agent;
    guint stream;
    gboolean gathered, ready, heard;
    struct side *other;
    GMainLoop *loop;
};

static void fail(const char *why)
{
    fprintf(stderr, "nice_turn: %s\n", why);
    exit(1);
}

static void say_hello(struct side *s)
{
    if (nice_agent_send(s->agent, s->stream, 1, (guint)strlen(s->name), s->name) < 0)
        fail("nothing could be sent");
}

static void exchange(struct side *to, struct side *from)
{
    gchar *fragment = NULL, *password = NULL;
    GSList *candidates = nice_agent_get_local_candidates(from->agent, from->stream, 1);

    if (!candidates)
        fail("no candidate: the server gave no relayed address");
    for (const GSList *at = candidates; at; at = at->next) {
        const NiceCandidate *c = at->data;
        char text[NICE_ADDRESS_STRING_LEN];
        nice_address_to_string(&c->addr, text);
        printf("%s %s %s:%u\n", from->name, nice_candidate_type_to_string(c->type), text,
               nice_address_get_port(&c->addr));
        if (c->type != NICE_CANDIDATE_TYPE_RELAYED)
            fail("a candidate that is not relayed");
    }
    if (!nice_agent_get_local_credentials(from->agent, from->stream, &fragment, &password) ||
        !nice_agent_set_remote_credentials(to->agent, to->stream, fragment, password) ||
        nice_agent_set_remote_candidates(to->agent, to->stream, 1, candidates) < 1)
        fail("the candidates were not taken");
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
    g_free(fragment);
    g_free(password);
}

static void gathered(NiceAgent *agent, guint stream, gpointer data)
{
    struct side *s = data;

    (void)agent;
    (void)stream;
    s->gathered = TRUE;
    if (s->other->gathered) {
        exchange(s, s->other);
        exchange(s->other, s);
    }
}

static void state_changed(NiceAgent *agent, guint stream, guint component, guint state,
                          gpointer data)
{
    struct side *s = data;

    (void)agent;
    (void)stream;
    (void)component;
    if (state == NICE_COMPONENT_STATE_FAILED)
        fail("no pair of candidates works");
    if (state != NICE_COMPONENT_STATE_READY || s->ready)
        return;
    s->ready = TRUE;
    if (s->other->ready) {
        say_hello(s);
        say_hello(s->other);
    }
}

static void received(NiceAgent *agent, guint stream, guint component, guint size, gchar *bytes,
                     gpointer data)
{
    struct side *s = data;

    (void)agent;
    (void)stream;
    (void)component;
    if (size != strlen(s->other->name) || memcmp(bytes, s->other->name, size) != 0)
        fail("what came is not what was sent");
    s->heard = TRUE;
    if (s->other->heard)
        g_main_loop_quit(s->loop);
}

static void make(struct side *s, gboolean controlling, NiceRelayType kind, char **argv)
{
    NiceAddress local;

    s->agent = nice_agent_new(g_main_loop_get_context(s->loop), NICE_COMPATIBILITY_RFC5245);
    g_object_set(s->agent, "force-relay", TRUE, "upnp", FALSE, "controlling-mode", controlling,
                 NULL);
    g_signal_connect(s->agent, "candidate-gathering-done", G_CALLBACK(gathered), s);
    g_signal_connect(s->agent, "component-state-changed", G_CALLBACK(state_changed), s);
    if (!nice_address_set_from_string(&local, argv[6]) ||
        !nice_agent_add_local_address(s->agent, &local))
        fail("the local address is none");
    s->stream = nice_agent_add_stream(s->agent, 1);
    if (!nice_agent_set_relay_info(s->agent, s->stream, 1, argv[2], (guint)atoi(argv[3]), argv[4],
                                   argv[5], kind))
        fail("the server was not taken");
    nice_agent_attach_recv(s->agent, s->stream, 1, g_main_loop_get_context(s->loop), received, s);
}

static void closed(GObject *agent, GAsyncResult *result, gpointer data)
{
    (void)agent;
    (void)result;
    g_main_loop_quit(data);
}

/* The relayed address is given back before the agent goes. */
static void close_side(struct side *s)
{
    nice_agent_close_async(s->agent, closed, s->loop);
    g_main_loop_run(s->loop);
    g_object_unref(s->agent);
}

static gboolean too_late(gpointer data)
{
    (void)data;
    fail("nothing came of it in time");
    return FALSE;
}

int main(int argc, char **argv)
{
    struct side alice = {.name = "alice"}, bob = {.name = "bob", .other = &alice};

    if (argc != 7) {
        fprintf(stderr, "nice_turn udp|tcp SERVER PORT USER PASSWORD LOCAL-ADDRESS\n");
        return 2;
    }
    NiceRelayType kind =
        strcmp(argv[1], "tcp") == 0 ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
    alice.other = &bob;
    alice.loop = bob.loop = g_main_loop_new(g_main_context_default(), FALSE);
    make(&alice, TRUE, kind, argv);
    make(&bob, FALSE, kind, argv);
    if (!nice_agent_gather_candidates(alice.agent, alice.stream) ||
        !nice_agent_gather_candidates(bob.agent, bob.stream))
        fail("gathering did not begin");
    g_timeout_add_seconds(PATIENCE_S, too_late, NULL);
    g_main_loop_run(alice.loop);
    printf("each heard the other by %s\n", argv[1]);
    close_side(&alice);
    close_side(&bob);
    g_main_loop_unref(alice.loop);
    return 0;
}

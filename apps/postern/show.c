/*
 * postern/show.c - a phone's JSON as short aligned lines.
 *
 *     NAT      port-restricted cone …
 *     Account  1  1001 at sip.example.org  registered, 3540 s left
 *              others are told 203.0.113.5:5060 (mapped address from a STUN server)
 *     Call     3  to 1002  up for 12 s, PCMU
 */
#include "postern/show.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Names, texts and reasons are strangers': none of them ends a line or moves the terminal's cursor.
 * The controls from U+0080 to U+009F are two bytes. */
static void tame(char *text)
{
    for (uint8_t *at = (uint8_t *)text; *at; at++) {
        bool two = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if (*at < ' ' || *at == 0x7f || two)
            *at = ' ';
        if (two)
            *++at = ' ';
    }
}

/* Holds until so many others were asked for. */
static const char *text_of(const json_t *object, const char *name)
{
    enum { KEPT = 16 };
    static char kept[KEPT][2048];
    static unsigned last;
    const char *text = json_string_value(json_object_get(object, name));

    last = (last + 1) % KEPT;
    snprintf(kept[last], sizeof kept[last], "%s", text ? text : "");
    tame(kept[last]);
    return kept[last];
}

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static bool has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

/* "12 s", "4 min 10 s", "3 h 5 min". */
static const char *span_text(double ms, char buf[static 32])
{
    long s = (long)(ms / 1000);
    if (s < 120)
        snprintf(buf, 32, "%ld s", s);
    else if (s < 7200)
        snprintf(buf, 32, "%ld min %ld s", s / 60, s % 60);
    else
        snprintf(buf, 32, "%ld h %ld min", s / 3600, s / 60 % 60);
    return buf;
}

static void show_told(const json_t *told, const char *what)
{
    if (!told)
        return;
    printf("         %s %s: %s\n", what, text_of(told, "address"), text_of(told, "why"));
    if (json_is_true(json_object_get(told, "private_to_public")))
        printf("         warning: that is a private address, which the far end cannot reach\n");
}

static void show_mailbox(const json_t *m)
{
    char span[32];

    if (!m)
        return;
    printf("         mailbox: ");
    if (has(m, "new"))
        printf("%s%.0f new, %.0f old",
               json_is_true(json_object_get(m, "waiting")) ? "messages wait: " : "",
               number_of(m, "new"), number_of(m, "old"));
    else
        printf("nothing heard yet");
    if (has(m, "left_ms"))
        printf("; subscribed, %s left", span_text(number_of(m, "left_ms"), span));
    if (has(m, "last_status") && number_of(m, "last_status") > 0)
        printf("; it refused to tell (%.0f)", number_of(m, "last_status"));
    if (has(m, "retry_in_ms"))
        printf("; asked again in %s", span_text(number_of(m, "retry_in_ms"), span));
    putchar('\n');
}

static void show_account(const json_t *a)
{
    char span[32];
    const char *server = text_of(a, "server");
    printf("Account  %.0f  %s%s%s  %s", number_of(a, "account"), text_of(a, "user"),
           server[0] ? " at " : "", server, text_of(a, "state"));
    if (has(a, "lease_s"))
        printf(", %.0f s left", number_of(a, "lease_s") - number_of(a, "registered_for_ms") / 1000);
    if (has(a, "last_status") && number_of(a, "last_status") > 0)
        printf(" (%.0f)", number_of(a, "last_status"));
    if (has(a, "why"))
        printf(" (%s)", text_of(a, "why"));
    if (has(a, "retry_in_ms"))
        printf(", again in %s", span_text(number_of(a, "retry_in_ms"), span));
    putchar('\n');
    if (has(a, "server_address"))
        printf("         server %s %s%s%s%s%s\n", text_of(a, "server_transport"),
               text_of(a, "server_address"), has(a, "server_instead_of") ? ", because " : "",
               text_of(a, "server_instead_of"), has(a, "server_instead_of") ? " " : "",
               text_of(a, "server_fault"));
    if (has(a, "server_why"))
        printf("         looking up %s fails: %s%s\n", server, text_of(a, "server_why"),
               has(a, "server_address") ? "; what is known is used" : "");
    if (has(a, "also_registered_at"))
        printf("         also registered at %s\n", text_of(a, "also_registered_at"));
    show_told(json_object_get(a, "contact"), "contact");
    if (has(a, "contact_before"))
        printf("         for %s; before it was %s (changes: %.0f)\n",
               span_text(number_of(a, "contact_for_ms"), span), text_of(a, "contact_before"),
               number_of(a, "contact_changes"));
    show_mailbox(json_object_get(a, "mailbox"));
}

void show_stats(const json_t *s, const char *indent)
{
    printf("%ssent %.0f, received %.0f, lost %.0f (%.1f %%), late %.0f, jitter %.1f ms", indent,
           number_of(s, "sent_packets"), number_of(s, "received_packets"), number_of(s, "lost"),
           100 * number_of(s, "lost_fraction"), number_of(s, "late"), number_of(s, "jitter_ms"));
    if (has(s, "rtt_ms"))
        printf(", round trip %.0f ms", number_of(s, "rtt_ms"));
    if (has(s, "gap_max_ms"))
        printf(", longest gap %.0f ms", number_of(s, "gap_max_ms"));
    putchar('\n');
}

static void show_call(const json_t *c)
{
    char span[32];
    bool incoming = json_is_true(json_object_get(c, "incoming"));
    const char *name = text_of(c, "peer_name");
    printf("Call     %.0f  %s %s%s%s%s  %s", number_of(c, "call"), incoming ? "from" : "to",
           text_of(c, "peer"), name[0] ? " (" : "", name, name[0] ? ")" : "", text_of(c, "state"));
    if (has(c, "answered_for_ms"))
        printf(" for %s", span_text(number_of(c, "answered_for_ms"), span));
    if (json_is_true(json_object_get(c, "held")))
        printf(", on hold");
    if (json_is_true(json_object_get(c, "held_by_far_end")))
        printf(", held by the far end");
    if (has(c, "codec"))
        printf(", %s", text_of(c, "codec"));
    putchar('\n');
    show_told(json_object_get(c, "rtp"), "sound to");
    if (has(c, "rtp_remote")) {
        const char *real = text_of(c, "rtp_remote"), *signalled = text_of(c, "rtp_signalled");
        printf("         far end %s", real);
        if (signalled[0] && strcmp(real, signalled) != 0)
            printf(" (it said %s)", signalled);
        putchar('\n');
    }
    if (has(c, "ice"))
        printf("         found by ICE %s\n", text_of(c, "ice"));
    if (json_is_true(json_object_get(c, "relayed")))
        printf("         relayed by %s\n",
               has(c, "relay") ? text_of(c, "relay") : "nobody at the moment");
    const json_t *stats = json_object_get(c, "stats");
    if (stats)
        show_stats(stats, "         ");
}

static void show_evidence(const json_t *socket)
{
    char span[32];
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(socket, "evidence"), i, e)
    {
        printf("Seen     %s %s by %s (%s) as %s, %s ago", text_of(socket, "transport"),
               text_of(socket, "local"), text_of(e, "server"), text_of(e, "by"), text_of(e, "seen"),
               span_text(number_of(e, "age_ms"), span));
        if (has(e, "not_believed_yet"))
            printf("; since as %s, not believed yet after %.0f changes",
                   text_of(e, "not_believed_yet"), number_of(e, "changes"));
        putchar('\n');
    }
}

static void show_turn(const json_t *turn)
{
    double allocations = number_of(turn, "allocations");

    if (!turn)
        return;
    if (has(turn, "server"))
        printf("TURN     %s  %.0f relayed addresses now, %.0f in all, %.0f lost\n",
               text_of(turn, "server"), allocations, number_of(turn, "begun"),
               number_of(turn, "lost"));
    else if (!has(turn, "why"))
        puts("TURN     not needed so far");
    if (has(turn, "why"))
        printf("TURN     %s  fails: %s\n", text_of(turn, "failed"), text_of(turn, "why"));
}

static void show_nat_lines(const json_t *nat)
{
    const char *type = text_of(nat, "type"), *mapped = text_of(nat, "mapped");
    printf("NAT      %s\n", type[0] ? type : text_of(nat, "mapping"));
    if (mapped[0])
        printf("Mapped   %s\n", mapped);

    size_t i;
    json_t *server;
    json_array_foreach(json_object_get(nat, "stun"), i, server)
    {
        const char *address = text_of(server, "address"), *dialect = text_of(server, "dialect");
        const char *state = json_is_true(json_object_get(server, "answers")) ? "answers"
                            : address[0]                                     ? "is silent"
                            : has(server, "why")                             ? "is not asked"
                                                                             : "is being looked up";
        printf("STUN     %s%s%s%s  %s%s%s%s%s\n", text_of(server, "name"), address[0] ? " (" : "",
               address, address[0] ? ")" : "", state, dialect[0] ? ", " : "", dialect,
               has(server, "why") ? ": " : "", text_of(server, "why"));
    }
    show_turn(json_object_get(nat, "turn"));
    json_t *socket;
    json_array_foreach(json_object_get(nat, "sockets"), i, socket) show_evidence(socket);
}

void show_capture(const json_t *capture)
{
    printf("Capture  %s: %.0f packets, %.0f bytes\n", text_of(capture, "file"),
           number_of(capture, "packets"), number_of(capture, "bytes"));
}

void show_status(const json_t *status)
{
    size_t i;
    json_t *item;
    const json_t *calls = json_object_get(status, "calls");

    printf("Phone    %s%s\n", text_of(status, "instance"),
           json_is_true(json_object_get(status, "stopping")) ? " (ending)" : "");
    show_nat_lines(json_object_get(status, "nat"));
    json_array_foreach(json_object_get(status, "accounts"), i, item) show_account(item);
    json_array_foreach(calls, i, item) show_call(item);
    if (json_array_size(calls) == 0)
        puts("Call     none");
    if (has(status, "capture"))
        show_capture(json_object_get(status, "capture"));
}

void show_nat(const json_t *status)
{
    const json_t *nat = json_object_get(status, "nat");
    size_t i;
    json_t *item;

    show_nat_lines(nat);
    printf("Mapping  %s\n", text_of(nat, "mapping"));
    json_array_foreach(json_object_get(nat, "sockets"), i, item)
    {
        const char *mapped = text_of(item, "mapped");
        printf("Socket   %-4s %-4s %-22s", text_of(item, "use"), text_of(item, "transport"),
               text_of(item, "local"));
        if (mapped[0])
            printf(" seen as %s", mapped);
        if (has(item, "relayed"))
            printf(" relayed at %s", text_of(item, "relayed"));
        if (has(item, "call"))
            printf("  call %.0f", number_of(item, "call"));
        putchar('\n');
    }
    json_array_foreach(json_object_get(status, "accounts"), i, item) show_account(item);
}

void show_event(const json_t *ev)
{
    const char *kind = text_of(ev, "event");
    double call = number_of(ev, "call"), status = number_of(ev, "status");
    if (strcmp(kind, "ringing") == 0)
        printf("call %.0f: ringing\n", call);
    else if (strcmp(kind, "answered") == 0)
        printf("call %.0f: answered\n", call);
    else if (strcmp(kind, "heard") == 0)
        printf("call %.0f: the far end is heard\n", call);
    else if (strcmp(kind, "hold") == 0)
        printf("call %.0f: %s\n", call,
               json_is_true(json_object_get(ev, "held"))              ? "on hold"
               : json_is_true(json_object_get(ev, "held_by_far_end")) ? "held by the far end"
                                                                      : "goes on");
    else if (strcmp(kind, "message") == 0)
        printf("text from %s: %s\n", text_of(ev, "peer"), text_of(ev, "text"));
    else if (strcmp(kind, "message_sent") == 0)
        printf("text %s: %.0f %s\n", status >= 200 && status < 300 ? "taken" : "not taken", status,
               text_of(ev, "reason"));
    else if (strcmp(kind, "messages_waiting") == 0)
        printf("account %.0f: %.0f new messages, %.0f old\n", number_of(ev, "account"),
               number_of(ev, "new"), number_of(ev, "old"));
    else if (strcmp(kind, "transfer") == 0)
        printf("call %.0f: transfer: %.0f\n", call, status);
    else if (strcmp(kind, "referred") == 0)
        printf("call %.0f: handed on to %s, as call %.0f\n", call, text_of(ev, "peer"),
               number_of(ev, "new_call"));
    else if (strcmp(kind, "change_failed") == 0)
        printf("call %.0f: the far end did not take the change: %.0f\n", call, status);
    else if (strcmp(kind, "ended") == 0 && status > 0)
        printf("call %.0f: ended, %s: %.0f %s\n", call, text_of(ev, "ended"), status,
               text_of(ev, "reason"));
    else if (strcmp(kind, "ended") == 0)
        printf("call %.0f: ended, %s\n", call, text_of(ev, "ended"));
    else if (strcmp(kind, "incoming") == 0)
        printf("call %.0f: from %s\n", call, text_of(ev, "peer"));
    else if (strcmp(kind, "registered") == 0)
        printf("account %.0f: registered as %s for %.0f s\n", number_of(ev, "account"),
               text_of(ev, "address"), number_of(ev, "lease_s"));
    else if (strcmp(kind, "register_failed") == 0)
        printf("account %.0f: not registered: %.0f %s\n", number_of(ev, "account"), status,
               text_of(ev, "why"));
    else if (strcmp(kind, "unregistered") == 0)
        printf("account %.0f: unregistered\n", number_of(ev, "account"));
    else if (strcmp(kind, "nat_changed") == 0)
        printf("NAT: %s\n", text_of(ev, "text"));
    else if (strcmp(kind, "capture_ended") == 0)
        printf("the capture has ended: %s: %s\n", text_of(ev, "file"), text_of(ev, "why"));
    else if (strcmp(kind, "socket_failed") == 0)
        printf("%s cannot be opened: %s\n", text_of(ev, "address"), text_of(ev, "why"));
    fflush(stdout);
}

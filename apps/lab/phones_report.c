/*
 * lab/phones_report.c - what came of the call, in words and as JSON. "version" grows when something
 * in there changes its meaning or goes away; new members may come at any time.
 */
#include <jansson.h>
#include <stdio.h>

#include "phones.h"

enum { VERSION = 1 };

static double seconds(ptn_time t)
{
    return (double)t / 1e9;
}

static bool has_heard(const struct ptn_call_end *end)
{
    return end->was_up && end->stats.received_packets > 0;
}

/* From the moment when it was up to the first packet; not before it. */
static ptn_time silence_at_first(const struct ptn_call_end *end)
{
    return ptn_time_max(0, end->stats.first_received - end->answered_at);
}

static void print_end(const struct ptn_call_end *end)
{
    const struct ptn_stream_stats *s = &end->stats;
    char addr[PTN_ADDR_TEXT_MAX], rtt[40] = "", times[40] = "";

    printf("%s\n  NAT        %s\n", end->name, end->nat[0] ? end->nat : "unknown");
    if (end->registered_at == PTN_NEVER) {
        printf("  registered never\n");
        return;
    }
    if (end->registered > 1)
        snprintf(times, sizeof times, ", %u times in all", end->registered);
    printf("  registered after %.3f s%s; contact %s (%s)\n", seconds(end->registered_at), times,
           ptn_addr_format(&end->contact.addr, addr), ptn_reach_why_text(end->contact.why));
    if (!end->was_up)
        return;
    if (end->relayed)
        printf("  media      relayed by %s", ptn_addr_format(&end->relay, addr));
    else
        printf("  media      direct");
    printf(", to %s\n", ptn_addr_format(&end->media, addr));
    if (s->rtt != PTN_NEVER)
        snprintf(rtt, sizeof rtt, ", round trip %.0f ms", (double)s->rtt / 1e6);
    if (has_heard(end))
        printf("  heard      after %.3f s, longest silence %.3f s%s\n",
               seconds(silence_at_first(end)), seconds(s->gap_max),
               end->hears ? "" : ", nothing at the end");
    else
        printf("  heard      nothing\n");
    printf("  sound      sent %llu, received %llu, lost %lld (%.1f %%)%s\n",
           (unsigned long long)s->sent_packets, (unsigned long long)s->received_packets,
           (long long)s->lost, 100 * s->lost_fraction, rtt);
}

void ptn_call_print(const struct ptn_call_outcome *o)
{
    putchar('\n');
    for (unsigned i = 0; i < PTN_ENDS; i++)
        print_end(&o->ends[i]);
    printf("result\n  %s\n", o->failure ? o->failure : "they hear each other");
}

static json_t *milliseconds(ptn_time t)
{
    return t == PTN_NEVER ? json_null() : json_real((double)t / 1e6);
}

static json_t *address(const struct ptn_addr *a)
{
    char text[PTN_ADDR_TEXT_MAX];

    return ptn_addr_is_none(a) ? json_null() : json_string(ptn_addr_format(a, text));
}

static json_t *media(const struct ptn_call_end *end)
{
    const struct ptn_stream_stats *s = &end->stats;

    if (!end->was_up)
        return json_null();
    return json_pack("{s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:I, s:I, s:I, s:f}", "way",
                     end->relayed ? "relayed" : "direct", "to", address(&end->media), "relay",
                     end->relayed ? address(&end->relay) : json_null(), "hears", end->hears,
                     "heard_after_ms",
                     has_heard(end) ? milliseconds(silence_at_first(end)) : json_null(),
                     "gap_max_ms", has_heard(end) ? milliseconds(s->gap_max) : json_null(),
                     "rtt_ms", milliseconds(s->rtt), "sent_packets", (json_int_t)s->sent_packets,
                     "received_packets", (json_int_t)s->received_packets, "lost",
                     (json_int_t)s->lost, "lost_fraction", s->lost_fraction);
}

static json_t *end_json(const struct ptn_call_end *end)
{
    bool registered = end->registered_at != PTN_NEVER;

    return json_pack("{s:s, s:s, s:o, s:i, s:o, s:s?, s:o}", "name", end->name, "nat", end->nat,
                     "registered_after_ms", milliseconds(end->registered_at), "registered_times",
                     (int)end->registered, "contact", address(&end->contact.addr), "contact_why",
                     registered ? ptn_reach_why_text(end->contact.why) : NULL, "media", media(end));
}

void ptn_call_print_json(const struct ptn_call_outcome *o, const struct ptn_simulate_opts *opts)
{
    json_t *all = json_pack(
        "{s:i, s:s, s:I, s:b, s:s?, s:o, s:o, s:o, s:[o, o]}", "version", VERSION, "scenario",
        opts->scenario->file, "seed", (json_int_t)opts->seed, "hear_each_other", o->failure == NULL,
        "failure", o->failure, "dialled_at_ms", milliseconds(o->dialled_at), "rang_at_ms",
        milliseconds(o->rang_at), "over_at_ms", milliseconds(o->over_at), "phones",
        end_json(&o->ends[PTN_CALLER]), end_json(&o->ends[PTN_CALLED]));

    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(all);
}

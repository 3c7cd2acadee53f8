/*
 * server/journal.c - lines for the log, and how long allocations lasted.
 *
 * An allocation gets one line, at its end, that says all: who, from where, by what, how long, how
 * much went through and why it ended. That it began is for --verbose.
 */
#include "journal.h"

const uint32_t server_durations_s[SERVER_DURATIONS] = {1, 10, 60, 300, 600, 1800, 3600, 21600};

const char *server_transport_name(enum ptn_transport transport)
{
    switch (transport) {
    case PTN_UDP: return "UDP";
    case PTN_TCP: return "TCP";
    case PTN_TLS: return "TLS";
    case PTN_DTLS: return "DTLS";
    }
    return "";
}

void server_journal_listeners(struct server_journal *j, const struct ptn_relay_opts *opts)
{
    for (size_t i = 0; i < opts->listener_count; i++)
        if (opts->listeners[i].id <= PTN_RELAY_LISTENERS_MAX)
            j->transports[opts->listeners[i].id] = opts->listeners[i].transport;
}

static const char *what_to_do(enum ptn_err why)
{
    switch (why) {
    case PTN_ERR_NOT_PERMITTED: return ": ports below 1024 take root or CAP_NET_BIND_SERVICE";
    case PTN_ERR_IN_USE: return ": another program has it; \"ss -lptun\" names it";
    case PTN_ERR_NOT_FOUND: return ": no interface of this computer has the address";
    case PTN_ERR_NO_ROOM: return ": too many files are open; ulimit -n and LimitNOFILE allow more";
    default: return "";
    }
}

/* Not what the first worker has met as well. */
static bool is_of_its_own(enum ptn_err why)
{
    return why != PTN_ERR_NOT_PERMITTED && why != PTN_ERR_IN_USE && why != PTN_ERR_NOT_FOUND;
}

/* Of the first worker: the others want the same ports. */
static void listener(struct server_journal *j, const struct ptn_relay_event *ev)
{
    const char *transport = ev->listener <= PTN_RELAY_LISTENERS_MAX
                                ? server_transport_name(j->transports[ev->listener])
                                : "";
    char text[PTN_ADDR_TEXT_MAX];

    ptn_addr_format(&ev->local, text);
    if (ev->kind == PTN_RELAY_NOT_LISTENING)
        ptn_log(j->log, j->worker == 0 || is_of_its_own(ev->why) ? PTN_LOG_ERROR : PTN_LOG_DEBUG,
                "not listening on %s %s: %s%s", transport, text, ptn_err_text(ev->why),
                what_to_do(ev->why));
    else if (j->worker == 0)
        ptn_log(j->log, PTN_LOG_INFO, "listening on %s %s", transport, text);
}

/* Names come from strangers who know a password. One that could pass for the words after it is put
 * between quotation marks, and has none itself. */
static void print_name(struct ptn_bytes name, char *buf, size_t size)
{
    bool quoted = false;
    size_t used = 0;

    for (size_t i = 0; i < name.size; i++)
        quoted |= name.data[i] <= ' ' || name.data[i] == '"' || name.data[i] == 0x7f;
    if (quoted)
        buf[used++] = '"';
    for (size_t i = 0; i < name.size && used + 2 < size; i++)
        buf[used++] = name.data[i] == '\0' || name.data[i] == '"' ? '?' : (char)name.data[i];
    if (quoted)
        buf[used++] = '"';
    buf[used] = '\0';
}

static void allocation(struct server_journal *j, const struct ptn_relay_event *ev)
{
    char name[100], client[PTN_ADDR_TEXT_MAX], relayed[PTN_ADDR_TEXT_MAX], more[PTN_ADDR_TEXT_MAX];
    bool second = !ptn_addr_is_none(&ev->relayed[1]);

    print_name(ev->name, name, sizeof name);
    ptn_addr_format(&ev->client, client);
    ptn_addr_format(&ev->relayed[0], relayed);
    ptn_addr_format(&ev->relayed[1], more);
    if (ev->kind == PTN_RELAY_BEGUN)
        ptn_log(j->log, PTN_LOG_DEBUG, "allocation %u-%u of %s: from %s by %s, relays %s on %s%s%s",
                j->worker, ev->number, name, client, server_transport_name(ev->transport),
                ev->relays_tcp ? "TCP" : "UDP", relayed, second ? " and " : "", second ? more : "");
    else
        ptn_log(j->log, PTN_LOG_INFO,
                "allocation %u-%u of %s: from %s by %s, relayed %s on %s%s%s for %u s, "
                "%llu packets (%llu bytes) up, %llu (%llu) down; %s",
                j->worker, ev->number, name, client, server_transport_name(ev->transport),
                ev->relays_tcp ? "TCP" : "UDP", relayed, second ? " and " : "", second ? more : "",
                ev->lifetime_s, (unsigned long long)ev->packets_up,
                (unsigned long long)ev->bytes_up, (unsigned long long)ev->packets_down,
                (unsigned long long)ev->bytes_down, ptn_relay_end_name(ev->end));
}

static void count_duration(struct server_journal *j, uint32_t seconds)
{
    unsigned i = 0;

    while (i < SERVER_DURATIONS && seconds > server_durations_s[i])
        i++;
    j->durations[i]++;
    j->duration_sum_s += seconds;
}

/* Such a client will tell its peers an address that they cannot reach. */
static void look_for_private(struct server_journal *j, const struct ptn_relay_event *ev)
{
    enum ptn_addr_kind kind = ptn_addr_kind(&ev->relayed[0]);
    char client[PTN_ADDR_TEXT_MAX], relayed[PTN_ADDR_TEXT_MAX];

    if (ptn_addr_kind(&ev->client) != PTN_ADDR_PUBLIC || kind == PTN_ADDR_PUBLIC)
        return;
    if (j->private_relayed++ == 0)
        ptn_log(j->log, PTN_LOG_WARN,
                "%s is a public client and was given the relayed address %s, which is not public: "
                "external-ip is missing or wrong",
                ptn_addr_format(&ev->client, client), ptn_addr_format(&ev->relayed[0], relayed));
}

void server_journal_event(struct server_journal *j, const struct ptn_relay_event *ev)
{
    switch (ev->kind) {
    case PTN_RELAY_LISTENING:
    case PTN_RELAY_NOT_LISTENING: listener(j, ev); break;
    case PTN_RELAY_BEGUN:
        look_for_private(j, ev);
        allocation(j, ev);
        break;
    case PTN_RELAY_ENDED:
        count_duration(j, ev->lifetime_s);
        allocation(j, ev);
        break;
    case PTN_RELAY_USER_WANTED: break;
    }
}

void server_journal_add(const struct server_journal *j, struct server_counts *sum)
{
    for (unsigned i = 0; i <= SERVER_DURATIONS; i++)
        sum->durations[i] += j->durations[i];
    sum->duration_sum_s += j->duration_sum_s;
    sum->private_relayed += j->private_relayed;
}

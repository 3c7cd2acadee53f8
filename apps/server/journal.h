/*
 * server/journal.h - what a worker tells the log: listeners, and one line an allocation.
 */
#ifndef PTN_SERVER_JOURNAL_H
#define PTN_SERVER_JOURNAL_H

#include "worker.h"

struct server_journal {
    const struct ptn_log *log;
    unsigned worker;
    enum ptn_transport transports[PTN_RELAY_LISTENERS_MAX + 1]; /* of listeners, by id */
    uint64_t durations[SERVER_DURATIONS + 1], duration_sum_s, private_relayed;
};

void server_journal_listeners(struct server_journal *j, const struct ptn_relay_opts *opts);
void server_journal_event(struct server_journal *j, const struct ptn_relay_event *ev);
void server_journal_add(const struct server_journal *j, struct server_counts *sum);

const char *server_transport_name(enum ptn_transport transport);

#endif

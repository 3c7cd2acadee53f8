/*
 * server/report.h - what the server says of itself: to Prometheus, in JSON, and in words.
 */
#ifndef PTN_SERVER_REPORT_H
#define PTN_SERVER_REPORT_H

#include "worker.h"

/* Of one of the two that the settings may name. */
struct server_redis_state {
    bool named, up;
};

struct server_view {
    const struct server_counts *counts;
    uint64_t up_s; /* since the start */
    unsigned workers;
    int64_t certificate_until_s; /* Unix time; 0: there is none */
    bool draining, relays;
    struct server_redis_state redis_users, redis_loads;
};

/* Text in Prometheus' format, with a zero byte behind; the caller frees it. NULL: no memory. */
char *server_report_metrics(const struct server_view *v);

/* One line of JSON; the caller frees it. NULL: no memory. */
char *server_report_status(const struct server_view *v);

#endif

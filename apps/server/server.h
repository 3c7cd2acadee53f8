/*
 * server/server.h - the main thread's view of the whole server, shared by its files.
 */
#ifndef PTN_SERVER_SERVER_H
#define PTN_SERVER_SERVER_H

#include "os/control.h"
#include "os/http.h"
#include "os/logger.h"
#include "os/loop.h"
#include "serve.h"
#include "wire_up.h"
#include "worker.h"

struct server_fleet;

struct server {
    const struct server_start *start;
    struct server_settings *settings;
    struct ptn_logger logger;
    struct ptn_log log;
    struct ptn_loop *loop;
    struct server_crew crew;
    struct ptn_relay_shared *shared;
    struct ptn_tls_rules *tls;
    /* What cannot change any more; the workers' own are copies. */
    struct ptn_relay_opts *opts;
    uint32_t sockets_max;
    struct server_surroundings around;
    struct ptn_control *control; /* NULL: none */
    struct ptn_http *http;
    uint8_t control_owner, http_owner;
    struct server_fleet *fleet;
    bool fleet_knows_drain;
    const struct ptn_conf_list *redis_secrets; /* beside those of the settings; NULL: none */
    char host_name[64];
    int64_t certificate_until_s; /* Unix time; 0: there is none */
    ptn_time started;
    ptn_time drain_until; /* PTN_NEVER: for as long as it takes */
    ptn_time drain_said;
    bool draining, ending, stopping;
    bool settings_are_old; /* the last reload was refused */
};

/* ---- crew.c ---- */

/* Makes all workers, with their ports open; answers an exit code. */
int server_crew_make(struct server *s);
enum ptn_err server_crew_start(struct server *s);
void server_crew_end(struct server *s);

/* Looks at the addresses of this computer, for those of them that clients may not reach. */
enum ptn_err server_look_around(struct server *s);

/* Runs `run` on each worker, one after the other. */
void server_crew_call(struct server *s, void (*run)(struct server_worker *w, void *arg), void *arg);

/* What all have counted. */
void server_crew_counts(struct server *s, struct server_counts *sum);

/* ---- certificates.c ---- */

struct ptn_tls_opts server_certificate_options(const struct server_settings *set);

/* Reads our certificate; false when it is named and cannot be had, which is logged. */
bool server_certificates_read(struct server *s, struct ptn_tls_rules **tls);

/* One for each worker. NULL when there is no certificate or no DTLS; false: as above. */
bool server_certificates_dtls(struct server *s, struct ptn_dtls_rules **dtls);

/* ---- reload.c ---- */

/* False, with all as it was and the reason logged, when something is wrong. */
bool server_reload(struct server *s);

/* Hands the settings, as they are, and what else is known, to all workers. False, with all as it
 * was and the reason logged, when that cannot be. */
bool server_apply(struct server *s);

/* Notes of the settings' reading go to the log. */
void server_log_notes(struct server *s, const struct ptn_conf_report *report,
                      enum ptn_log_level level);
enum ptn_log_level server_log_level(const struct server_settings *settings);

#endif

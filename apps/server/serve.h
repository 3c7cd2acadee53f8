/*
 * server/serve.h - the server while it runs: sockets, signals, settings read again.
 */
#ifndef PTN_SERVER_SERVE_H
#define PTN_SERVER_SERVE_H

#include "cli/cli.h"
#include "settings.h"

/* Exit codes beyond those of cli/cli.h; in the manual. */
enum {
    SERVER_CANNOT_LISTEN = 2,
    SERVER_CANNOT_RUN = 3, /* memory, files, rights */
    /* Of --selftest. */
    SERVER_CANNOT_TELL = 4,     /* answers here; by the public address nothing came */
    SERVER_DOES_NOT_ANSWER = 5, /* or refuses */
    SERVER_IS_MISTOLD = 6,      /* gives out a private relayed address */
};

struct server_start {
    const struct ptn_cli *cli;
    int argc;
    char *const *argv;
};

/* Serves until SIGTERM or SIGINT; answers the exit code. `settings` change on SIGHUP. */
int server_serve(const struct server_start *start, struct server_settings *settings);

#endif

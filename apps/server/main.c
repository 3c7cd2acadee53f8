/*
 * postern-server - a STUN server that answers desk phones in their own dialect.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "selftest.h"
#include "serve.h"
#include "watch.h"

static const struct ptn_cli cli = {
    .program = "postern-server",
    .usage = "[flags]",
    .about = "A STUN and TURN server: RFC 3489, RFC 8489 and, with two addresses, RFC 5780; RFC "
             "8656 and\n"
             "RFC 6062, for clients by UDP, TCP, TLS and DTLS. Every flag is also a key of the "
             "settings\n"
             "file, as key=value; the keys are coturn's.\n",
    .table = &server_settings_table,
    .check = server_settings_check,
};

int main(int argc, char **argv)
{
    struct server_settings *settings = calloc(1, sizeof *settings);
    const char **words = calloc((size_t)argc + 1, sizeof *words);
    struct ptn_cli_result result = {.words = words};
    int code = SERVER_CANNOT_RUN;

    if (!settings || !words)
        fprintf(stderr, "%s: out of memory\n", cli.program);
    else if (ptn_cli_read(&cli, argc, argv, settings, &result) == PTN_CLI_END)
        code = result.code;
    else if (settings->selftest)
        code = server_selftest(settings, cli.program);
    else if (settings->status)
        code = server_watch_ask(settings, cli.program);
    else
        code = server_serve(&(struct server_start){&cli, argc, argv}, settings);
    free(words);
    if (settings)
        ptn_conf_fini(&server_settings_table, settings);
    free(settings);
    return code;
}

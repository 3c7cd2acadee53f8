/*
 * postern-server - a STUN server that answers desk phones in their own dialect.
 */
#include <stdio.h>
#include <stdlib.h>

#include "serve.h"

static const struct ptn_cli cli = {
    .program = "postern-server",
    .usage = "[flags]",
    .about =
        "A STUN server for UDP and TCP: RFC 3489, RFC 8489 and, with two addresses, RFC 5780.\n"
        "Every flag is also a key of the settings file, as key=value.\n",
    .table = &server_settings_table,
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
    else
        code = server_serve(&(struct server_start){&cli, argc, argv}, settings);
    free(words);
    free(settings);
    return code;
}

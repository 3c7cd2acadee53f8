/*
 * cli/cli.c - flags are read twice: first for the commands and the name of the file, then over
 * what the file says.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/file.h"

enum { FILE_SIZE_MAX = 1 << 24 };

static bool has(const struct ptn_cli *cli, const void *values, const char *command)
{
    char text[8];

    return ptn_conf_get(cli->table, values, command, text, sizeof text) && strcmp(text, "yes") == 0;
}

static void print_rows(const struct ptn_cli *cli, const void *values, enum ptn_conf_print_kind kind)
{
    struct ptn_conf_printer p = {
        .table = cli->table, .values = values, .kind = kind, .assign = "="};
    char lines[2000];

    while (ptn_conf_print(&p, lines, sizeof lines))
        fputs(lines, stdout);
}

static bool is_wrong(const struct ptn_conf_report *report)
{
    return report->counts[PTN_CONF_WRONG] + report->counts[PTN_CONF_UNKNOWN] +
               report->counts[PTN_CONF_REFUSED] >
           0;
}

/* What is asked for instead of running, and needs no file. */
static bool answer_at_once(const struct ptn_cli *cli, const void *values)
{
    if (has(cli, values, "help")) {
        printf("usage: %s %s\n\n%s\n", cli->program, cli->usage, cli->about);
        print_rows(cli, values, PTN_CONF_PRINT_HELP);
    } else if (has(cli, values, "version")) {
        printf("%s %s\n", cli->program, PTN_VERSION);
    } else if (has(cli, values, "print-sample")) {
        print_rows(cli, values, PTN_CONF_PRINT_SAMPLE);
    } else if (has(cli, values, "print-manual")) {
        print_rows(cli, values, PTN_CONF_PRINT_MANUAL);
    } else {
        return false;
    }
    return true;
}

static const char *why_unread(const struct ptn_cli *cli, const void *values, enum ptn_err err)
{
    ptn_conf_text text;

    if (err == PTN_ERR_NO_ROOM)
        return "is larger than 16 MiB";
    if (err == PTN_ERR_NOT_FOUND &&
        ptn_conf_get(cli->table, values, "print-sample", text, sizeof text))
        return "not found; --print-sample prints one to begin with";
    return ptn_err_text(err);
}

/* The file that --config names, which must be there, or else the usual one, which need not. */
static void read_file(const struct ptn_cli *cli, const char *chosen, void *values,
                      struct ptn_conf_report *report)
{
    const char *file = chosen[0] ? chosen : cli->file;
    struct ptn_bytes text;
    char line[PTN_CONF_WHY_SIZE];

    if (!file)
        return;
    enum ptn_err err = ptn_file_read(file, FILE_SIZE_MAX, &text);
    if (err == PTN_OK) {
        ptn_conf_read_plain(cli->table, file, text, values, report);
        ptn_file_free(&text);
    } else if (chosen[0] || err != PTN_ERR_NOT_FOUND) {
        snprintf(line, sizeof line, "%.300s: %s", file, why_unread(cli, values, err));
        ptn_conf_note(report, PTN_CONF_WRONG, line);
    }
}

/* Defaults, then the file, then the flags once more. */
static void read_all(const struct ptn_cli *cli, int argc, char *const *argv, void *values,
                     const char **words, size_t *word_count, struct ptn_conf_report *report)
{
    struct ptn_conf_report first = {0};
    ptn_conf_text file;

    ptn_conf_defaults(cli->table, values);
    ptn_conf_read_flags(cli->table, argc, argv, values, words, word_count, &first);
    ptn_conf_report_fini(&first); /* the second reading says it again */
    if (!ptn_conf_get(cli->table, values, "config", file, PTN_CONF_TEXT_SIZE))
        file[0] = '\0';

    ptn_conf_fini(cli->table, values);
    ptn_conf_defaults(cli->table, values);
    read_file(cli, file, values, report);
    ptn_conf_read_flags(cli->table, argc, argv, values, words, word_count, report);
}

/* Said with the line that set the key which the sentence begins with. */
static void check_together(const struct ptn_cli *cli, const void *values,
                           struct ptn_conf_report *report)
{
    char why[PTN_CONF_WHY_SIZE], key[PTN_CONF_WHY_SIZE], where[PTN_CONF_WHY_SIZE];
    char line[2 * PTN_CONF_WHY_SIZE];

    if (!cli->check || is_wrong(report) || cli->check(values, why))
        return;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(why, ":"), why);
    snprintf(line, sizeof line, "%s%s", ptn_conf_origin(report, cli->table, key, where), why);
    ptn_conf_note(report, PTN_CONF_WRONG, line);
}

static void note_words(const struct ptn_cli *cli, const struct ptn_cli_result *result,
                       struct ptn_conf_report *report)
{
    char line[PTN_CONF_WHY_SIZE];

    if (cli->takes_words || result->word_count == 0)
        return;
    snprintf(line, sizeof line, "%.200s: is no flag", result->words[0]);
    ptn_conf_note(report, PTN_CONF_WRONG, line);
}

enum ptn_cli_step ptn_cli_read(const struct ptn_cli *cli, int argc, char *const *argv, void *values,
                               struct ptn_cli_result *result)
{
    struct ptn_conf_report report = {.keeps_origins = true};
    enum ptn_cli_step step = PTN_CLI_END;

    result->code = PTN_CLI_FINE;
    read_all(cli, argc, argv, values, result->words, &result->word_count, &report);
    note_words(cli, result, &report);
    check_together(cli, values, &report);
    if (!answer_at_once(cli, values)) {
        for (size_t i = 0; i < report.note_count; i++)
            fprintf(stderr, "%s: %s\n", cli->program, report.notes[i].text);
        if (is_wrong(&report))
            result->code = PTN_CLI_USAGE;
        else if (has(cli, values, "check-config"))
            printf("%s: the settings are fine\n", cli->program);
        else if (has(cli, values, "print-config"))
            print_rows(cli, values, PTN_CONF_PRINT_VALUES);
        else
            step = PTN_CLI_RUN;
    }
    ptn_conf_report_fini(&report);
    return step;
}

bool ptn_cli_read_again(const struct ptn_cli *cli, int argc, char *const *argv, void *values,
                        struct ptn_conf_report *report)
{
    const char **words = calloc((size_t)argc, sizeof *words);
    size_t word_count;

    if (!words) {
        ptn_conf_note(report, PTN_CONF_WRONG, ptn_err_text(PTN_ERR_NO_MEMORY));
        return false;
    }
    report->keeps_origins = true;
    read_all(cli, argc, argv, values, words, &word_count, report);
    free(words);
    check_together(cli, values, report);
    return !is_wrong(report);
}

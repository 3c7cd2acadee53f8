/*
 * lab/printer.c - labels and colours.
 */
#include "printer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LABEL_MAX = 64 };

/* The host's name, and the program's where the host runs several. */
static const char *label_of(const struct ptn_scenario *s, unsigned program, char label[LABEL_MAX])
{
    const struct ptn_scenario_program *p = &s->programs[program];
    unsigned on_host = 0;

    for (unsigned i = 0; i < s->program_count; i++)
        on_host += s->programs[i].host == p->host;
    snprintf(label, LABEL_MAX, "%s%s%s", s->hosts[p->host].name, on_host > 1 ? "/" : "",
             on_host > 1 ? p->name : "");
    return label;
}

struct ptn_printer ptn_printer(const struct ptn_scenario *scenario, bool times, bool quiet)
{
    char label[LABEL_MAX];
    struct ptn_printer p = {.scenario = scenario,
                            .width = (int)strlen("lab"),
                            .colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
                            .times = times,
                            .silent = quiet};

    for (unsigned i = 0; i < scenario->program_count; i++) {
        int width = (int)strlen(label_of(scenario, i, label));
        p.width = width > p.width ? width : p.width;
    }
    return p;
}

static void print_label(const struct ptn_printer *p, ptn_time now, const char *label,
                        const char *colour)
{
    if (p->times)
        printf("%8.3f ", (double)(now - p->start) / 1e9);
    printf("%s%-*s |%s ", p->colours ? colour : "", p->width, label, p->colours ? "\033[0m" : "");
}

void ptn_print_line(const struct ptn_printer *p, ptn_time now, unsigned program, const char *line)
{
    static const char *const colours[] = {"\033[36m", "\033[33m", "\033[35m",
                                          "\033[32m", "\033[34m", "\033[31m"};
    char label[LABEL_MAX];

    print_label(p, now, label_of(p->scenario, program, label),
                colours[p->scenario->programs[program].host % (sizeof colours / sizeof *colours)]);
    puts(line);
}

void ptn_print(const struct ptn_printer *p, ptn_time now, const char *format, ...)
{
    va_list args;

    if (p->silent)
        return;
    print_label(p, now, "lab", "\033[1m");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/*
 * tests/support/main.c - runs the registered cases, or those named on the command line.
 *
 *   test_base_addr [CASE…]      --list prints the names
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { CASES_MAX = 1000 };
static struct CMUnitTest cases[CASES_MAX];
static size_t case_count;

void ptn_test_register(const char *name, CMUnitTestFunction run)
{
    if (case_count == CASES_MAX)
        abort();
    cases[case_count++] = (struct CMUnitTest){.name = name, .test_func = run};
}

static bool chosen(const char *name, char **names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct CMUnitTest run[CASES_MAX];
    size_t run_count = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < case_count; i++)
            puts(cases[i].name);
        return 0;
    }
    for (size_t i = 0; i < case_count; i++)
        if (argc == 1 || chosen(cases[i].name, argv + 1))
            run[run_count++] = cases[i];
    if (run_count == 0) {
        fprintf(stderr, "%s: no such case\n", argv[0]);
        return 2;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return _cmocka_run_group_tests(argv[0], run, run_count, NULL, NULL) ? 1 : 0;
}

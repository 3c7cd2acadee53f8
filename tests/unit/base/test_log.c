#include "base/log.h"

#include <string.h>

#include "support/test.h"

static void keep(void *self, enum ptn_log_level level, const char *line)
{
    (void)level;
    strcpy(self, line);
}

TEST(what_a_stranger_said_neither_ends_a_line_nor_moves_a_cursor)
{
    static const struct {
        const char *said, *logged;
    } cases[] = {
        {"alice", "alice"},
        {"x\r\n2026-01-01 info: root came in", "x??2026-01-01 info: root came in"},
        {"\x1b[2J\x1b[1;1H", "?[2J?[1;1H"},
        {"\x7f\t", "??"},
        {"\xc2\x9b"
         "2J",
         "?\x9b"
         "2J"}, /* CSI as one character */
        {"J\xc3\xbcrgen, \xc2\xa0\xe2\x82\xac", "J\xc3\xbcrgen, \xc2\xa0\xe2\x82\xac"},
        {"\xc2", "\xc2"},
    };
    char line[1001];
    struct ptn_log log = {.write = keep, .self = line, .max = PTN_LOG_INFO};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ptn_log(&log, PTN_LOG_INFO, "%s", cases[i].said);
        CHECK_STR(cases[i].logged, line);
    }
}

#include "net/variables.h"

#include <stdlib.h>

#include "support/test.h"

static char error[PTN_SCENARIO_ERROR_MAX];

static char *expand(const char *text, const struct ptn_variable *sets, unsigned count)
{
    char *out;

    enum ptn_err err =
        ptn_variables_expand(&out, "t.net", ptn_bytes_of_text(text), sets, count, error);
    CHECK_EQ(error[0] != '\0', err == PTN_ERR_INVALID);
    return out;
}

TEST(a_name_in_braces_becomes_its_value_and_lines_keep_their_numbers)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"wire a", "wire a"},
        {"set nat cone\nnat r {nat}\n", "\nnat r cone\n"},
        {"set a 1\nset b 2\n{a}{b}{a}", "\n\n121"},
        {"set a two words  # why\n<{a}>", "\n<two words>"},
        {"set a\n<{a}>", "\n<>"},
        {"set a x#y\n{a}", "\nx#y"},
        {"set a-b_3 z\n'{a-b_3}'", "\n'z'"},
        {"{a}\nset a 1\n{a}", "{a}\n\n1"},
        {"set a 1\n{ a } {} {b} {a", "\n{ a } {} {b} {a"},
        {"set a {b}\nset b 1\n{a}", "\n\n{b}"},
        {" set a 1\nsetter {a}", " set a 1\nsetter {a}"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out = expand(cases[i].text, NULL, 0);
        CHECK_STR(cases[i].expected, out);
        free(out);
    }
}

TEST(the_callers_value_goes_before_the_files)
{
    static const struct ptn_variable sets[] = {{"loss", "3%"}, {"nat", "symmetric hairpin off"}};
    char *out = expand("set nat none\nset loss 0%\nset mtu 1500\n{nat} {loss} {mtu}", sets, 2);

    CHECK_STR("\n\n\nsymmetric hairpin off 3% 1500", out);
    free(out);
}

TEST(what_cannot_be_set_is_an_error_with_its_line)
{
    static const struct ptn_variable sets[] = {{"loss", "3%"}};
    static const struct {
        const char *text, *expected;
        unsigned sets;
    } cases[] = {
        {"\nset a 1\nset a 2", "t.net:3: set: \"a\" is set twice", 0},
        {"set {a} 1", "t.net:1: set: \"{a} 1\" is not a name", 0},
        {"set ", "t.net:1: set: \"\" is not a name", 0},
        {"set a! 1", "t.net:1: set: \"a! 1\" is not a name", 0},
        {"wire {loss}", "t.net: has no \"set loss\" to be changed", 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(!expand(cases[i].text, sets, cases[i].sets));
        CHECK_STR(cases[i].expected, error);
    }
}

TEST(a_zero_byte_is_an_error_with_its_line)
{
    static const char text[] = "wire a\nwi\0re b\n";
    char *out;

    CHECK_EQ(PTN_ERR_INVALID,
             ptn_variables_expand(&out, "t.net", ptn_bytes(text, sizeof text - 1), NULL, 0, error));
    CHECK(!out);
    CHECK_STR("t.net:2: text: holds a zero byte", error);
}

TEST(more_names_than_fit_are_an_error)
{
    char text[PTN_VARIABLES_MAX * 16] = "";

    for (unsigned i = 0; i <= PTN_VARIABLES_MAX; i++) {
        size_t size = strlen(text);
        char line[] = "set aa 1\n";
        line[4] = (char)('a' + i / 26);
        line[5] = (char)('a' + i % 26);
        memcpy(text + size, line, sizeof line);
    }
    CHECK(!expand(text, NULL, 0));
    CHECK_STR("t.net:65: set: \"cm\" is one name too many", error);
}

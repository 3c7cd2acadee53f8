/*
 * tests/support/test.h - TEST(name_that_is_true_when_it_passes) { CHECK_…(…); }
 *
 * Cases register themselves; support/main.c runs them through cmocka and prints
 * TAP, so that each case is counted by its name.
 */
#ifndef PTN_TEST_H
#define PTN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void ptn_test_register(const char *name, CMUnitTestFunction run);

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    static void run_##name(void **state)                                                           \
    {                                                                                              \
        (void)state;                                                                               \
        test_##name();                                                                             \
    }                                                                                              \
    __attribute__((constructor)) static void register_##name(void)                                 \
    {                                                                                              \
        ptn_test_register(#name, run_##name);                                                      \
    }                                                                                              \
    static void test_##name(void)

#define CHECK(condition) assert_true(condition)
/* Integers and enums, compared as 64-bit numbers; expected first. */
#define CHECK_EQ(expected, got)                                                                    \
    do {                                                                                           \
        int64_t expected_ = (int64_t)(expected), got_ = (int64_t)(got);                            \
        if (expected_ != got_) {                                                                   \
            print_error("# %s is %lld, not %s (%lld)\n", #got, (long long)got_, #expected,         \
                        (long long)expected_);                                                     \
            _fail(__FILE__, __LINE__);                                                             \
        }                                                                                          \
    } while (0)
#define CHECK_STR(expected, got) assert_string_equal(got, expected)
#define CHECK_BYTES(expected, got, size) assert_memory_equal(got, expected, size)
/* Two struct ptn_addr *, shown as text. */
#define CHECK_ADDR(expected, got)                                                                  \
    do {                                                                                           \
        char expected_text_[PTN_ADDR_TEXT_MAX], got_text_[PTN_ADDR_TEXT_MAX];                      \
        CHECK_STR(ptn_addr_format(expected, expected_text_), ptn_addr_format(got, got_text_));     \
    } while (0)

#endif

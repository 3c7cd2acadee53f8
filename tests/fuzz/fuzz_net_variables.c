/*
 * Any text: nothing crashes, an error is one line, and a good result has as many lines as the text.
 */
#include <stdlib.h>

#include "net/variables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count_lines(const char *text, size_t size)
{
    unsigned count = 0;

    for (size_t i = 0; i < size; i++)
        count += text[i] == '\n';
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ptn_variable sets[] = {{"kind", "symmetric"}};
    char error[PTN_SCENARIO_ERROR_MAX], *out;

    for (unsigned set_count = 0; set_count <= 1; set_count++) {
        enum ptn_err err =
            ptn_variables_expand(&out, "fuzz", ptn_bytes(data, size), sets, set_count, error);
        if ((err == PTN_ERR_INVALID) != (error[0] != '\0') || (err != PTN_OK) != !out)
            abort();
        if (out && count_lines(out, strlen(out)) != count_lines((const char *)data, size))
            abort();
        free(out);
    }
    return 0;
}

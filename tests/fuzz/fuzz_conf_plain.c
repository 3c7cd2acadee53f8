/*
 * fuzz_conf_plain - a settings file as coturn writes it: whatever it holds, the values print
 * and read back without a complaint.
 */
#include <stdlib.h>

#include "unit/conf/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample s, again;
    struct ptn_conf_report r = {0}, r_again = {0};
    struct ptn_conf_printer p = {
        .table = &sample_table, .values = &s, .kind = PTN_CONF_PRINT_VALUES, .assign = "="};
    char lines[2000];

    ptn_conf_defaults(&sample_table, &s);
    ptn_conf_defaults(&sample_table, &again);
    ptn_conf_read_plain(&sample_table, "f", ptn_bytes(data, size), &s, &r);
    while (ptn_conf_print(&p, lines, sizeof lines))
        ptn_conf_read_plain(&sample_table, "again", ptn_bytes_of_text(lines), &again, &r_again);
    if (r_again.note_count > 0)
        abort();
    ptn_conf_report_fini(&r);
    ptn_conf_report_fini(&r_again);
    return 0;
}

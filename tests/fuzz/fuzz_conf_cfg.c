/*
 * fuzz_conf_cfg - a desk phone's configuration file, read both as such and as a boot file.
 */
#include <stdlib.h>
#include <string.h>

#include "unit/conf/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample s;
    static struct ptn_conf_boot boot;
    struct ptn_conf_report r = {0};

    ptn_conf_defaults(&sample_table, &s);
    ptn_conf_read_cfg(&sample_table, "f.cfg", ptn_bytes(data, size), &s, &r);
    if (s.port < 1 || s.port > 65535 || s.nat[0] > 3 || !memchr(s.label[0], 0, sizeof s.label[0]))
        abort();
    ptn_conf_read_boot("f.boot", ptn_bytes(data, size), "T46S", &boot, &r);
    for (size_t i = 0; i < boot.file_count; i++)
        if (!memchr(boot.files[i], 0, sizeof boot.files[i]))
            abort();
    ptn_conf_report_fini(&r);
    return 0;
}

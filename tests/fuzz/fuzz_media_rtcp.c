/* Any bytes as an RTCP compound: all packets and all their texts are read. */
#include <stdlib.h>

#include "media/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_rtcp_reader r;
    if (ptn_rtcp_open(&r, ptn_bytes(data, size)) != PTN_RTCP_OK)
        return 0;

    unsigned sum = 0;
    for (struct ptn_rtcp_packet p; ptn_rtcp_next(&r, &p);) {
        if (p.report_count > PTN_RTCP_REPORTS_MAX)
            abort();
        for (size_t i = 0; i < p.text.size; i++)
            sum += p.text.data[i];
        for (unsigned i = 0; i < p.report_count; i++)
            ptn_rtcp_round_trip(sum, &p.reports[i]);
    }
    return 0;
}

/*
 * os/limits.c - the hard limit is raised too where that is allowed (root, CAP_SYS_RESOURCE).
 */
#include "os/limits.h"

#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>

uint32_t ptn_limits_files(uint32_t wanted)
{
    struct rlimit limit, more;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur < wanted) {
        more = (struct rlimit){wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
        if (setrlimit(RLIMIT_NOFILE, &more) != 0) {
            more =
                (struct rlimit){limit.rlim_max < wanted ? limit.rlim_max : wanted, limit.rlim_max};
            setrlimit(RLIMIT_NOFILE, &more);
        }
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    return limit.rlim_cur < wanted ? (uint32_t)limit.rlim_cur : wanted;
}

unsigned ptn_limits_processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

void ptn_limits_map_tables(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 * 1024);
    /* Else the first tables fit into what the heap holds ready. */
    mallopt(M_TOP_PAD, 16 * 1024);
    mallopt(M_TRIM_THRESHOLD, 32 * 1024);
}

void ptn_limits_give_back(void)
{
    malloc_trim(0);
}

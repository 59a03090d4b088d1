#include "client/lane/service.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MALLOC_ARENAS 2          /* of the C library, each of which keeps what it once had */
#define LARGE_BYTES (128 * 1024) /* blocks that go back to the kernel once they are freed */

/* Locks all that there is and will be, where that is allowed without end: a limit would end the lane in the middle of its work. */
static bool lock_all(void)
{
    const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
    struct rlimit limit;

    (void)setrlimit(RLIMIT_MEMLOCK, &none); /* who may */
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    }
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return true;
    say("plates and pictures are in locked memory; buffers of libraries, which are wiped, are not: LimitMEMLOCK=infinity would lock all");
    return false;
}

bool lane_harden(void)
{
    const struct rlimit none = { 0, 0 };

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) say("can't switch off core files");
    umask(077);
    mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    return lock_all();
}

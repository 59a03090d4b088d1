/* Waiting by the clock that never jumps: conditions whose times are milliseconds of CLOCK_MONOTONIC. */
#ifndef MONOTONIC_H
#define MONOTONIC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline void monotonic_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static inline int64_t monotonic_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* MUTEX is held.  False: it is UNTIL_MS.  True: somebody has signalled, or for no reason, as with any condition. */
static inline bool monotonic_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms)
{
    const struct timespec until = { (time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000 };

    return pthread_cond_timedwait(condition, mutex, &until) == 0;
}

/* The pause of a thread that does something from time to time: until UNTIL_MS, or, and then it is false, *ENDING, which MUTEX guards, has been set
   and CONDITION signalled. */
static inline bool monotonic_pause(pthread_cond_t *condition, pthread_mutex_t *mutex, const bool *ending, int64_t until_ms)
{
    bool on;

    (void)pthread_mutex_lock(mutex);
    while (!*ending && monotonic_wait(condition, mutex, until_ms)) {}
    on = !*ending;
    (void)pthread_mutex_unlock(mutex);
    return on;
}

#endif

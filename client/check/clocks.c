#include "client/check/internal.h"

#include "client/moment.h"

#define COARSE_MS 2000  /* what a date of whole seconds may differ from a time that is better known */
#define AWAY_MOST 4     /* a gate that has not answered so often at the beginning is not waited for */
#define FRESH_MS 120000 /* a gate that has not told its time for so long is not heard beside others */

void gate_clocks_begin(struct gate_clocks *clocks)
{
    *clocks = (struct gate_clocks) { 0 };
    pthread_mutex_init(&clocks->mutex, NULL);
}

void gate_clocks_end(struct gate_clocks *clocks)
{
    pthread_mutex_destroy(&clocks->mutex);
}

void gate_clocks_expect(struct gate_clocks *clocks, size_t count)
{
    pthread_mutex_lock(&clocks->mutex);
    clocks->count = count;
    pthread_mutex_unlock(&clocks->mutex);
}

/* -- what gates say ------------------------------------------------------------------------------------------------------ */

static void note(struct gate_clocks *clocks, size_t at, int64_t there_ms, int64_t boot_ms, int64_t coarse_ms)
{
    struct gate_clock *clock = &clocks->list[at];

    pthread_mutex_lock(&clocks->mutex);
    if (!clock->known || llabs(there_ms - boot_ms - clock->began_ms) > coarse_ms) clock->began_ms = there_ms - boot_ms;
    clock->known = true;
    clock->heard_ms = boot_ms;
    pthread_mutex_unlock(&clocks->mutex);
}

void gate_clocks_note(struct gate_clocks *clocks, size_t at, int64_t there_ms, int64_t boot_ms)
{
    note(clocks, at, there_ms, boot_ms, 0);
}

void gate_clocks_note_date(struct gate_clocks *clocks, size_t at, int64_t date_ms)
{
    note(clocks, at, date_ms, moment_boot_ms(), COARSE_MS);
}

void gate_clocks_note_away(struct gate_clocks *clocks, size_t at)
{
    pthread_mutex_lock(&clocks->mutex);
    if (clocks->list[at].away < AWAY_MOST) clocks->list[at].away++;
    pthread_mutex_unlock(&clocks->mutex);
}

/* -- what follows from it ------------------------------------------------------------------------------------------------ */

/* At the beginning one gate is heard before the others; were it wrong, they would say so a moment later.  The mutex is held. */
static bool all_heard(const struct gate_clocks *clocks)
{
    for (size_t i = 0; i < clocks->count; i++)
        if (!clocks->list[i].known && clocks->list[i].away < AWAY_MOST) return false;
    return true;
}

/* Of the gates that are heard lately, or of all if none is.  The mutex is held. */
static bool nearest(const struct gate_clocks *clocks, bool all, int64_t boot_ms, int64_t now_ms, int64_t *skew_ms)
{
    bool found = false;

    for (size_t i = 0; i < HTTP_SERVERS_MAX; i++) {
        const struct gate_clock *clock = &clocks->list[i];
        const int64_t one_ms = now_ms - (boot_ms + clock->began_ms);

        if (!clock->known || (!all && boot_ms - clock->heard_ms > FRESH_MS)) continue;
        if (!found || llabs(one_ms) < llabs(*skew_ms)) *skew_ms = one_ms;
        found = true;
    }
    return found;
}

/* This machine's clock may jump at any moment; what time a gate has is known all the same, by the clock that never does. */
bool gate_clocks_skew(struct gate_clocks *clocks, int64_t *skew_ms)
{
    const int64_t boot_ms = moment_boot_ms(), now_ms = moment_now_ms();
    bool known;

    *skew_ms = 0;
    pthread_mutex_lock(&clocks->mutex);
    known = all_heard(clocks) && (nearest(clocks, false, boot_ms, now_ms, skew_ms) || nearest(clocks, true, boot_ms, now_ms, skew_ms));
    pthread_mutex_unlock(&clocks->mutex);
    return known;
}

static bool is_off(int64_t skew_ms)
{
    return llabs(skew_ms) > LIMIT_CLOCK_OFF_S * INT64_C(1000);
}

int64_t gate_clocks_ahead_ms(struct gate_clocks *clocks)
{
    int64_t skew_ms;

    return gate_clocks_skew(clocks, &skew_ms) && is_off(skew_ms) ? skew_ms : 0;
}

void gate_clocks_tell(struct gate_clocks *clocks)
{
    int64_t skew_ms;
    bool off, tell;

    if (!gate_clocks_skew(clocks, &skew_ms)) return;
    off = is_off(skew_ms);
    pthread_mutex_lock(&clocks->mutex);
    tell = off ? is_off(skew_ms - clocks->told_ms) : clocks->told_ms != 0;
    if (tell) clocks->told_ms = off ? skew_ms : 0;
    pthread_mutex_unlock(&clocks->mutex);
    if (tell && off)
        say("this machine's clock is %lld s %s the gate's: set it right; until then reads carry the gate's time", (llabs(skew_ms) + 500) / 1000,
            skew_ms < 0 ? "behind" : "ahead of");
    else if (tell) say("this machine's clock agrees with the gate's again");
}

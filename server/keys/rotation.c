#include "server/keys/rotation.h"

#define ROTATION_LENGTH_S_MIN (5 * SCHEDULE_NUMBER_S) /* shorter epochs leave no room between them, and end soon anyway */

struct view {
    const struct rotation *rotation;
    const struct schedule *schedule;
    const struct epoch *epochs;
    size_t count;
};

static const struct epoch *find(const struct view *view, uint64_t number)
{
    for (size_t i = 0; i < view->count; i++)
        if (view->epochs[i].number == number) return &view->epochs[i];
    return NULL;
}

static bool is_calendar(const struct view *view, int64_t opens_s)
{
    return opens_s % view->schedule->length_s == 0;
}

/* -- the time ------------------------------------------------------------------------------------------------------ */

static struct result check_time(const struct view *view, int64_t now_s, struct rotation_plan *plan)
{
    int64_t opens_s = view->rotation->opens_s;
    const struct epoch *taken = find(view, schedule_number(opens_s));
    if (view->schedule->length_s < ROTATION_LENGTH_S_MIN) return FAIL(REASON_ROTATION);
    if (opens_s % SCHEDULE_NUMBER_S != 0 || is_calendar(view, opens_s)) return FAIL(REASON_ROTATION);
    if (opens_s < now_s - LIMIT_ROTATION_LATE_S || opens_s > now_s + view->schedule->length_s)
        return FAIL(REASON_ROTATION);
    if (taken != NULL && (taken->erased || taken->span.opens_s != opens_s)) return FAIL(REASON_ROTATION);
    plan->made = taken != NULL;
    return OK;
}

/* -- coming epochs ------------------------------------------------------------------------------------------------- */

static bool is_replaced(const struct view *view, const struct epoch *epoch, bool again)
{
    if (!view->rotation->coming || epoch->erased || epoch->span.opens_s <= view->rotation->opens_s) return false;
    return !again || is_calendar(view, epoch->span.opens_s); /* the others were made by the first request */
}

/* The number behind it; one that stands there without a key is over, one with a key was put there by a request that
   was broken off. */
static void replace(const struct view *view, const struct epoch *epoch, struct rotation_plan *plan)
{
    struct span span = epoch->span;
    const struct epoch *standing;
    do {
        span.opens_s += SCHEDULE_NUMBER_S;
        standing = find(view, schedule_number(span.opens_s));
    } while (standing != NULL && standing->erased);
    plan->erase[plan->erase_count++] = epoch->number;
    if (standing == NULL && span.opens_s < span.closes_s) plan->add[plan->add_count++] = span;
}

/* -- the new epoch ------------------------------------------------------------------------------------------------- */

/* When the next one opens behind it. */
static int64_t next_opening(const struct view *view, const struct rotation_plan *plan)
{
    int64_t length_s = view->schedule->length_s, opens_s = view->rotation->opens_s;
    int64_t next_s = INT64_MAX;
    for (size_t i = 0; i < view->count; i++) {
        const struct epoch *epoch = &view->epochs[i];
        if (!epoch->erased && !is_replaced(view, epoch, plan->made) && epoch->span.opens_s > opens_s &&
            epoch->span.opens_s < next_s)
            next_s = epoch->span.opens_s;
    }
    for (size_t i = 0; i < plan->add_count; i++)
        if (plan->add[i].opens_s < next_s) next_s = plan->add[i].opens_s;
    return next_s != INT64_MAX ? next_s : (opens_s / length_s + 1) * length_s;
}

static void make_span(const struct view *view, struct rotation_plan *plan)
{
    int64_t closes_s = next_opening(view, plan) + view->schedule->overlap_s;
    plan->span = (struct span){ view->rotation->opens_s, closes_s, closes_s + view->schedule->destroy_after_s };
}

/* -- those before it ----------------------------------------------------------------------------------------------- */

static void cut(const struct view *view, const struct epoch *epoch, struct rotation_plan *plan)
{
    const struct rotation *rotation = view->rotation;
    int64_t closes_s = rotation->opens_s + (rotation->keep ? view->schedule->overlap_s : 0);
    if (epoch->erased || epoch->span.opens_s >= rotation->opens_s) return;
    if (epoch->span.closes_s < closes_s) closes_s = epoch->span.closes_s;
    int64_t destroyed_s = rotation->destroy ? closes_s : closes_s + view->schedule->destroy_after_s;
    if (rotation->destroy && destroyed_s < rotation->opens_s) destroyed_s = rotation->opens_s; /* it closes before */
    if (epoch->span.destroyed_s < destroyed_s) destroyed_s = epoch->span.destroyed_s;
    if (closes_s == epoch->span.closes_s && destroyed_s == epoch->span.destroyed_s) return;
    plan->change[plan->change_count++] = (struct rotation_change){ epoch->number, closes_s, destroyed_s };
}

/* -- how many are open at a time ----------------------------------------------------------------------------------- */

static bool is_erased(const struct rotation_plan *plan, const struct epoch *epoch)
{
    for (size_t i = 0; i < plan->erase_count; i++)
        if (plan->erase[i] == epoch->number) return true;
    return epoch->erased;
}

/* What the plan makes of them. */
static size_t spans_after(const struct view *view, const struct rotation_plan *plan, struct span *spans)
{
    size_t count = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct epoch *epoch = &view->epochs[i];
        if (is_erased(plan, epoch) || epoch->span.opens_s == plan->span.opens_s) continue;
        spans[count] = epoch->span;
        for (size_t k = 0; k < plan->change_count; k++)
            if (plan->change[k].number == epoch->number) spans[count].closes_s = plan->change[k].closes_s;
        count++;
    }
    for (size_t i = 0; i < plan->add_count; i++) spans[count++] = plan->add[i];
    spans[count++] = plan->span;
    return count;
}

static bool too_many_open(const struct view *view, const struct rotation_plan *plan)
{
    struct span spans[2 * LIMIT_EPOCHS_KNOWN + 1];
    size_t count = spans_after(view, plan, spans);
    for (size_t i = 0; i < count; i++) { /* most are open when one opens */
        size_t open = 0;
        for (size_t k = 0; k < count; k++)
            open += spans[k].opens_s <= spans[i].opens_s && spans[i].opens_s < spans[k].closes_s;
        if (open > LIMIT_EPOCHS_OPEN) return true;
    }
    return false;
}

struct result rotation_make_plan(const struct rotation *rotation, const struct schedule *schedule, int64_t now_s,
                                 const struct epoch *epochs, size_t count, struct rotation_plan *plan)
{
    struct view view = { rotation, schedule, epochs, count };
    *plan = (struct rotation_plan){ 0 };
    TRY(check_time(&view, now_s, plan));
    for (size_t i = 0; i < count; i++)
        if (is_replaced(&view, &epochs[i], plan->made)) replace(&view, &epochs[i], plan);
    make_span(&view, plan);
    for (size_t i = 0; i < count; i++) cut(&view, &epochs[i], plan);
    if (count + plan->add_count + (plan->made ? 0 : 1) > LIMIT_EPOCHS_KNOWN) return FAIL(REASON_TOO_MANY);
    return too_many_open(&view, plan) ? FAIL(REASON_ROTATION) : OK;
}

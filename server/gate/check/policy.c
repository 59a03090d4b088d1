/* See policy.h. */
#include "server/gate/check/policy.h"

#include <sodium.h>

#include "server/gate/check/policy_text.h"

#define RULES_MAX (LIMIT_VIEWS / 2)

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_site(const void *name, const void *view)
{
    return strcmp(name, ((const struct site_view *)view)->site);
}

static bool is_rule(const struct site_rule *rules, size_t count, const char *site)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rules[i].site, site) == 0) return true;
    return false;
}

/* Every name of a site, sorted, with repeats; *count may be 0.  NULL without memory. */
static const char **all_names(const struct catalogue *catalogue, const struct site_rule *rules, size_t rule_count, size_t *count)
{
    size_t total = rule_count;
    const char **names;

    for (size_t i = 0; i < catalogue->list_count; i++) total += catalogue->lists[i].site_count;
    names = malloc((total + 1) * sizeof(*names));
    if (names == NULL) return NULL;
    *count = 0;
    for (size_t i = 0; i < rule_count; i++) names[(*count)++] = rules[i].site;
    for (size_t i = 0; i < catalogue->list_count; i++)
        for (size_t k = 0; k < catalogue->lists[i].site_count; k++) names[(*count)++] = catalogue->lists[i].sites[k];
    qsort(names, *count, sizeof(*names), by_name);
    return names;
}

/* The view of every other site comes first: an empty name sorts before all. */
static struct result name_views(struct catalogue *catalogue, const struct site_rule *rules, size_t rule_count)
{
    size_t count = 0, room = LIMIT_VIEWS - 1 - rule_count;
    const char **names = all_names(catalogue, rules, rule_count, &count);

    if (names == NULL) return FAIL(REASON_BUSY);
    catalogue->views = calloc((count < LIMIT_VIEWS ? count : LIMIT_VIEWS) + 1, sizeof(*catalogue->views));
    catalogue->view_count = catalogue->views == NULL ? 0 : 1;
    for (size_t i = 0; i < count && catalogue->views != NULL; i++) {
        bool rule = is_rule(rules, rule_count, names[i]);

        if (i > 0 && strcmp(names[i], names[i - 1]) == 0) continue;
        if (!rule && room == 0) {
            catalogue->views_full = true;
            continue;
        }
        room -= !rule;
        memcpy(catalogue->views[catalogue->view_count++].site, names[i], strlen(names[i]) + 1);
    }
    free(names);
    return catalogue->views == NULL ? FAIL(REASON_BUSY) : OK;
}

static struct site_view *own_view(const struct catalogue *catalogue, const char *site)
{
    return bsearch(site, catalogue->views, catalogue->view_count, sizeof(*catalogue->views), by_site);
}

static struct result mark_lists(struct catalogue *catalogue)
{
    for (size_t v = 0; v < catalogue->view_count; v++) {
        struct site_view *view = &catalogue->views[v];

        view->in_force = calloc(catalogue->list_count + 1, 1);
        if (view->in_force == NULL) return FAIL(REASON_BUSY);
        for (size_t i = 0; i < catalogue->list_count; i++) view->in_force[i] = catalogue->lists[i].site_count == 0;
    }
    for (size_t i = 0; i < catalogue->list_count; i++)
        for (size_t k = 0; k < catalogue->lists[i].site_count; k++) {
            struct site_view *view = own_view(catalogue, catalogue->lists[i].sites[k]);

            if (view != NULL) view->in_force[i] = true;
        }
    return OK;
}

/* The newest, when more are open than a check carries. */
static void open_epochs(const struct catalogue *catalogue, int64_t now_ms, struct site_view *view)
{
    for (size_t i = 0; i < catalogue->epoch_count; i++) {
        const struct catalogue_epoch *epoch = &catalogue->epochs[i];

        if (now_ms < epoch->opens_ms || now_ms >= epoch->closes_ms) continue;
        if (view->open_count == LIMIT_EPOCHS_OPEN) {
            memmove(view->open, view->open + 1, LIMIT_EPOCHS_OPEN - 1);
            view->open_count--;
        }
        view->open[view->open_count++] = (uint8_t)i;
    }
}

static void choose_grades(const struct site_rule *rules, size_t rule_count, unsigned weakest, struct site_view *view)
{
    view->grades = (2u << weakest) - 1;
    for (size_t i = 0; i < rule_count; i++)
        if (rules[i].grades != 0 && strcmp(rules[i].site, view->site) == 0) view->grades = rules[i].grades;
}

static void hash_number(crypto_hash_sha256_state *state, uint64_t number)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)(number >> 8 * i);
    crypto_hash_sha256_update(state, bytes, sizeof(bytes));
}

/* All that a lane must know to make a right request. */
static void name_policy(const struct catalogue *catalogue, struct site_view *view)
{
    static const uint64_t limits[] = { LIMIT_CHECK_CANDIDATES, LIMIT_CHECK_READS, LIMIT_SEEN_AGE_S, LIMIT_SEEN_AHEAD_S };
    crypto_hash_sha256_state state;
    uint8_t digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) hash_number(&state, limits[i]);
    hash_number(&state, view->grades);
    for (size_t i = 0; i < view->open_count; i++) {
        const struct catalogue_epoch *epoch = &catalogue->epochs[view->open[i]];

        crypto_hash_sha256_update(&state, (const uint8_t *)epoch->id, strlen(epoch->id) + 1);
        crypto_hash_sha256_update(&state, epoch->key_id, sizeof(epoch->key_id));
    }
    crypto_hash_sha256_final(&state, digest);
    static_assert(2 * crypto_hash_sha256_BYTES >= LIMIT_POLICY_TEXT && LIMIT_POLICY_TEXT % 2 == 0, "a digest is long enough");
    sodium_bin2hex(view->policy, sizeof(view->policy), digest, LIMIT_POLICY_TEXT / 2);
}

static struct result make_view(struct catalogue *catalogue, const struct site_rule *rules, size_t rule_count, int64_t now_ms,
                               struct site_view *view)
{
    unsigned weakest = PLATESIEVE_FULL;

    open_epochs(catalogue, now_ms, view);
    TRY(policy_text_unchecked(catalogue, now_ms, view)); /* while in_force still means "applies here" */
    for (size_t i = 0; i < catalogue->list_count; i++) {
        const struct catalogue_list *list = &catalogue->lists[i];
        bool current = view->in_force[i] && catalogue_list_current(list, now_ms);

        view->in_force[i] = current && !list->suspended;
        if (!view->in_force[i] && !(current && list->covert)) continue;
        if (policy_coverage(view, list) != COVERAGE_NONE) view->any_list = true;
        if (list->grade > weakest) weakest = list->grade;
    }
    choose_grades(rules, rule_count, weakest, view);
    name_policy(catalogue, view);
    TRY(policy_text_lists(catalogue, now_ms, view));
    return policy_text_lane(catalogue, view);
}

struct result policy_make_views(struct catalogue *catalogue, const struct site_rule *rules, size_t rule_count, int64_t now_ms)
{
    if (rule_count > RULES_MAX) return FAIL(REASON_INTERNAL);
    policy_free_views(catalogue);
    TRY(name_views(catalogue, rules, rule_count));
    TRY(mark_lists(catalogue));
    for (size_t i = 0; i < catalogue->view_count; i++) TRY(make_view(catalogue, rules, rule_count, now_ms, &catalogue->views[i]));
    return OK;
}

void policy_free_views(struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->view_count; i++) {
        struct site_view *view = &catalogue->views[i];

        free(view->in_force);
        free(view->lists_json);
        free(view->unchecked_json);
        free(view->lane_json);
    }
    free(catalogue->views);
    catalogue->views = NULL;
    catalogue->view_count = 0;
    catalogue->views_full = false;
}

static bool site_named(const struct catalogue *catalogue, const char *site)
{
    for (size_t i = 0; i < catalogue->list_count; i++)
        for (size_t k = 0; k < catalogue->lists[i].site_count; k++)
            if (strcmp(catalogue->lists[i].sites[k], site) == 0) return true;
    return false;
}

const struct site_view *policy_view(const struct catalogue *catalogue, const char *site)
{
    const struct site_view *view;

    if (catalogue->view_count == 0) return NULL;
    view = own_view(catalogue, site);
    if (view != NULL) return view;
    return catalogue->views_full && site_named(catalogue, site) ? NULL : &catalogue->views[0];
}

/* The catalogue: all that a check needs to know besides the index, as one immutable object that is replaced whole
   (rcu_assign_pointer).  A check reads one catalogue from beginning to end, so a revision, an epoch or a suspension is visible at once and
   whole, or not at all.

   Owned by a catalogue, freed with it: lists with their sites, epochs, segments, views.  Shared with the catalogues before and after it, and
   freed by whoever replaced the last one that names them, after a grace period: each epoch's index and pepper, the entries, and the suppressions.
   To change something: catalogue_copy() the published one (room for more, or fewer, at the end), change the copy, policy_make_views(),
   publish, synchronize_rcu() or call_rcu(), catalogue_free() the old one. */
#ifndef SERVER_GATE_INDEX_CATALOGUE_H
#define SERVER_GATE_INDEX_CATALOGUE_H

#include "server/gate/index/entries.h"
#include "server/gate/index/index.h"
#include "server/gate/lists/suppressions.h"

enum coverage { COVERAGE_NONE, COVERAGE_PARTIAL, COVERAGE_WHOLE };

/* What is wrong with a list as the database has it. */
enum list_trouble { LIST_FINE, LIST_FORGED, LIST_OLDER, LIST_MISSING, LIST_TROUBLES };

struct catalogue_list {
    uint32_t number;                      /* in the database; 0: it is not there */
    char id[LIMIT_NAME_MAX + 1];
    char agency[LIMIT_NAME_MAX + 1];
    char category[LIMIT_CATEGORY_MAX + 1];
    char instruction[LIMIT_INSTRUCTION_MAX + 1];
    uint8_t priority;
    uint8_t grade;                        /* weakest wanted */
    bool covert;
    bool calibration;
    bool suspended;
    uint32_t cooldown_s;
    uint32_t age_limit_s;
    uint32_t revision;                    /* 0: nothing committed yet; such a list is not "loaded" */
    enum list_trouble trouble;            /* with what the database has now: what is here is the last good state */
    bool refused;                         /* and no good state of it is here: it is not "loaded" either */
    int64_t committed_ms;
    uint64_t entries;                     /* standing */
    bool has_header;                      /* its hits may bring pictures */
    uint8_t header_id[32];                /* of the header in force */
    bool unapproved;                      /* covert or near, and it waits for the second person: not in force */
    int64_t ends_ms;                      /* from then on it is not asked; 0: never */
    int64_t suspended_ms, resumed_ms;     /* since when it is; when it was resumed last; 0: not, never */
    enum { CATALOGUE_FINE, CATALOGUE_SHRINKS, CATALOGUE_GROWS, CATALOGUE_CAP } push_refused; /* why the last commit was refused */
    int64_t push_refused_ms;
    size_t site_count;                    /* 0: all sites */
    char (*sites)[LIMIT_NAME_MAX + 1];
    enum coverage coverage[LIMIT_EPOCHS_KNOWN]; /* by position in catalogue.epochs */
};

struct catalogue_epoch {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    uint8_t key_id[PLATESIEVE_KEY_ID_BYTES];
    uint64_t number;
    enum platesieve_suite suite;
    int64_t opens_ms, closes_ms, destroyed_ms;
    bool loaded;                          /* its slots are in the index, and what lists say of their coverage holds */
    struct index *index;                  /* shared with the next catalogue; NULL when not live */
    struct platesieve_pepper *pepper;     /* shared likewise */
};

struct catalogue_segment {                /* by segment number - 1 */
    uint32_t list;                        /* position in lists */
    bool visible;
};

struct catalogue {
    uint64_t version;                     /* of the lists' head in the database */
    size_t list_count, epoch_count, segment_count;
    struct catalogue_list *lists;
    struct catalogue_epoch *epochs;       /* oldest first */
    struct catalogue_segment *segments;
    struct entries *entries;              /* shared */
    const struct suppressions *suppressions; /* shared; NULL: none */
    bool degraded;                        /* the database or the key server is away */
    bool views_full;                      /* more sites were named than LIMIT_VIEWS: some have no view */
    size_t view_count;
    struct site_view *views;              /* see policy.h: one for each site named by a list or the operator, and one for the rest */
};

/* All zero, with room for these; NULL without memory. */
struct catalogue *catalogue_create(size_t lists, size_t epochs, size_t segments);
/* A copy with other numbers of lists, epochs and segments: what is over is left out, what is new is zero.  Without views.  NULL without memory. */
struct catalogue *catalogue_copy(const struct catalogue *from, size_t lists, size_t epochs, size_t segments);
/* After a grace period; NULL is fine.  Leaves index, pepper, entries and suppressions alone. */
void catalogue_free(struct catalogue *catalogue);
/* Replaces LIST's sites by a copy of COUNT SITES. */
struct result catalogue_list_sites(struct catalogue_list *list, const char (*sites)[LIMIT_NAME_MAX + 1], size_t count);

/* Something was committed: the list can be asked. */
static inline bool catalogue_list_loaded(const struct catalogue_list *list)
{
    return list->revision > 0 && !list->refused;
}

const char *list_trouble_name(enum list_trouble trouble); /* "fine", "forged", "older", "missing" */

static inline bool catalogue_list_ended(const struct catalogue_list *list, int64_t now_ms)
{
    return list->ends_ms != 0 && list->ends_ms <= now_ms;
}

/* In force, as far as it is the list's own doing: loaded, approved, not over.  It may still be suspended. */
static inline bool catalogue_list_current(const struct catalogue_list *list, int64_t now_ms)
{
    return catalogue_list_loaded(list) && !list->unapproved && !catalogue_list_ended(list, now_ms);
}

/* Of a loaded list and the epoch at that position; an empty list that was committed needs no tokens. */
static inline enum coverage catalogue_list_coverage(const struct catalogue_list *list, size_t epoch)
{
    return list->entries == 0 ? COVERAGE_WHOLE : list->coverage[epoch];
}

static inline bool catalogue_segment_visible(const struct catalogue *catalogue, uint32_t segment)
{
    return segment >= 1 && segment <= catalogue->segment_count && catalogue->segments[segment - 1].visible;
}

/* True when ENTRY counts for a check at NOW_S under this catalogue: its segment is visible, no visible segment removed it, and it is
   effective and not expired. */
bool catalogue_entry_live(const struct catalogue *catalogue, const struct entry *entry, uint32_t now_s);

#endif

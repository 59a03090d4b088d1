/* What a lane has done since it began: numbers only.  All may be written and read by any thread. */
#ifndef CLIENT_LANE_COUNTS_H
#define CLIENT_LANE_COUNTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/check/checker.h"
#include "client/engines/engine.h"
#include "client/histogram.h"
#include "client/vehicles/vehicles.h"

#define COUNT_ENGINES 16 /* adapters */
#define COUNT_KINDS 64   /* kinds of messages, of all engines */
#define COUNT_LISTS 64   /* lists that could not be asked */
#define VEHICLE_OUTCOMES (VEHICLE_CAPTION + 1)

/* Why a read was not checked. */
enum lane_unchecked {
    UNCHECKED_AWAY,       /* no gate answered until the lane ended */
    UNCHECKED_OVER_QUOTA, /* the lane's quota is used up */
    UNCHECKED_AGED,       /* it waited for longer than reads may */
    UNCHECKED_FULL,       /* more waited than may */
    UNCHECKED_FAILED,     /* an answer that can't be read, or whose alerts are all false */
    UNCHECKED_REASONS
};
const char *lane_unchecked_name(enum lane_unchecked why); /* "over-quota"; stable, for programs */

/* Why a request to the lane's own listener was refused. */
enum lane_refused {
    REFUSED_TOO_LARGE, /* 413 */
    REFUSED_TYPE,      /* 415 */
    REFUSED_MALFORMED, /* 400: the message */
    REFUSED_REQUEST,   /* 400, 404, 405, 411, 414, 431, 505: the request */
    REFUSED_STRANGER,  /* 403: of another host, or from a page that is not the lane's */
    REFUSED_BUSY,      /* 503: no memory for it; or the connection was cut: too many */
    REFUSED_SLOW,      /* cut off at its deadline */
    REFUSED_REASONS
};
const char *lane_refused_name(enum lane_refused why);

enum lane_way { WAY_OUTPUT, WAY_COMMAND, WAY_DISPLAY, WAY_PICTURE, WAY_JUDGEMENT, WAYS };
const char *lane_way_name(enum lane_way way);

struct engine_counts {
    _Atomic uint64_t messages[ENGINE_OUTCOMES];
    _Atomic uint64_t reads;
    _Atomic uint64_t faults[ENGINE_FAULTS];
    _Atomic int64_t last_ms; /* monotonic, of a message that was taken; 0: never */
};

struct kind_count {
    const struct engine *engine;
    const char *kind; /* static */
    enum engine_outcome outcome;
    _Atomic uint64_t count;
};

struct list_not_asked {
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1], why[LIMIT_NAME_MAX + 1];
    _Atomic uint64_t count;
};

/* Answers for looks of one kind: reads, further looks at a vehicle, calibrations.  asked = clear + hits + unchecked + those that wait or are being asked
   about. */
struct answer_counts {
    _Atomic uint64_t asked, clear, hits, unchecked[UNCHECKED_REASONS];
};

struct lane_counts {
    int64_t began_ms; /* since 1970 */
    struct engine_counts engines[COUNT_ENGINES]; /* as in engines[] */
    _Atomic uint64_t vehicles[VEHICLE_OUTCOMES];
    struct answer_counts reads, again, calibrations;
    _Atomic uint64_t alerts, false_tags;
    _Atomic uint64_t captions; /* texts of looks that were skipped as such */
    _Atomic uint64_t late; /* looks of long ago that were asked about */
    _Atomic uint64_t pictures_dropped; /* for want of memory */
    _Atomic uint64_t false_recipients; /* that a gate named for pictures */
    _Atomic uint64_t refused[REFUSED_REASONS];
    _Atomic uint64_t delivered[WAYS][2]; /* badly, well */
    pthread_mutex_t mutex; /* of what follows */
    size_t kind_count, list_count;
    struct kind_count kinds[COUNT_KINDS];
    struct list_not_asked lists[COUNT_LISTS];
    struct histogram to_answer, to_alert; /* from the last byte of a message to the gate's answer, and to the alert */
};

bool lane_counts_begin(struct lane_counts *counts) MUST_USE;
static inline void count_add(_Atomic uint64_t *count, uint64_t n)
{
    atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}
static inline uint64_t count_get(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* A message of ENGINE, and what came of it; READS may be NULL. */
void lane_counts_message(struct lane_counts *counts, const struct engine *engine, enum engine_outcome outcome, const struct engine_reads *reads);
struct engine_counts *lane_counts_engine(struct lane_counts *counts, const struct engine *engine);
void lane_counts_not_asked(struct lane_counts *counts, const char *agency, const char *list, const char *why);
void lane_counts_latency(struct lane_counts *counts, int64_t us, bool alert);
void lane_counts_delivered(struct lane_counts *counts, enum lane_way way, bool well);
uint64_t lane_counts_unchecked(const struct answer_counts *counts); /* all of them */
uint64_t lane_counts_messages(const struct lane_counts *counts);         /* of all engines and outcomes */
uint64_t lane_counts_unusable(const struct lane_counts *counts);         /* messages and parts of messages */

#endif

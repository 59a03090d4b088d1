/* Checking reads: from plates to tokens, to a gate, and back to verified answers.
 *
 * A checker is shared by the threads of a program: which gates and key servers answer, the policy in force, the keys.  Each thread that asks has
 * a line of its own: connections that stay open, and locked memory.  Nothing here prints a plate, and nothing of a read is left once its
 * answer is there. */
#ifndef CLIENT_CHECK_CHECKER_H
#define CLIENT_CHECK_CHECKER_H

#include "client/tokens/evaluator.h"

/* -- questions and answers ------------------------------------------------------------------------------------------- */

struct check_candidate {
    struct platesieve_plate plate;               /* canonical */
    struct platesieve_jurisdiction jurisdiction; /* empty: unknown */
    double confidence;                           /* 0 to 1 */
};

struct check_read {
    uint8_t id[PLATESIEVE_READ_ID_BYTES]; /* random; the same for a vehicle's first look and all later ones */
    int64_t seen_ms;                      /* since 1970 */
    bool again;                           /* another look at a vehicle that was asked about: only its new candidates, and not counted as a read */
    size_t count;                         /* 1 or more; those beyond the policy's candidates_max are not asked about */
    struct check_candidate candidates[LIMIT_CHECK_CANDIDATES]; /* best first */
};

/* An alert whose tag is true: AGENCY listed this plate. */
struct check_alert {
    char hit[PLATESIEVE_TOKEN_TEXT + 1];
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1], category[LIMIT_CATEGORY_MAX + 1];
    char instruction[LIMIT_INSTRUCTION_MAX + 1], epoch[LIMIT_EPOCH_ID_MAX + 1];
    enum platesieve_grade grade;
    unsigned candidate; /* of the read */
    unsigned priority;
    uint64_t revision;
    int64_t age_s; /* of the list */
    bool verify;   /* the gate calls the list too old to act upon */
    bool ordinary; /* the gate says that the list is not one for calibration */
    bool has_header;
    uint8_t header[32]; /* whom a picture is sealed to: picture.h */
};

enum check_result { CHECK_CLEAR, CHECK_HIT, CHECK_UNCHECKED };

struct check_answer {
    enum check_result result;  /* unchecked also when all of its alerts had false tags */
    unsigned false_tags;       /* an alarm about the gate */
    size_t server;             /* number of the gate that answered */
    size_t count;
    struct check_alert alerts[LIMIT_ALERTS];
};

enum check_outcome {
    CHECK_DONE,       /* ANSWERS are there */
    CHECK_AWAY,       /* no gate, or too few key servers, answered in time: later */
    CHECK_OVER_QUOTA, /* later: checker_over_until_ms() */
    CHECK_TOO_MANY,   /* reads in one question: ask for fewer */
    CHECK_FAILED,     /* an answer that can't be read, tokens that do not hold: these reads stay unchecked */
    CHECK_REFUSED,    /* this identity or this program is not wanted: it makes no sense to go on */
};

/* -- the checker ------------------------------------------------------------------------------------------------------ */

struct checker;

/* How a server fares. */
struct checker_server {
    const char *url;
    bool well;           /* it answered its last question, or its last health check */
    int64_t answered_ms; /* since 1970; 0: never */
};

struct checker_state {
    size_t gate_count, key_count;
    struct checker_server gates[HTTP_SERVERS_MAX], keys[HTTP_SERVERS_MAX];
    bool asked;              /* a policy is in force */
    unsigned grades;         /* bit per grade */
    unsigned candidates_max; /* of one read */
    unsigned reads_max;      /* of one question */
    char policy[LIMIT_POLICY_TEXT + 1];
    bool skew_known;
    int64_t skew_ms;         /* this machine's clock ahead of the gate's (negative: behind) */
    int64_t clock_ahead_ms;  /* the same where it is off by more than LIMIT_CLOCK_OFF_S, and reads carry the gate's time; otherwise 0 */
    int64_t over_until_ms;   /* monotonic: the lane is over its quota until then; 0: it is not */
};

/* What a checker tells while it works, from any thread.  Each may be NULL. */
struct checker_ears {
    void *context;
    void (*say)(void *context, const char *line);                                              /* for people; no plate in it */
    void (*not_asked)(void *context, const char *agency, const char *list, const char *why);   /* a list that the gate could not ask; each time */
};

/* All is borrowed.  Starts threads that ask each server for its health, and now and then for the policy; no server needs to be there.  NULL is said. */
struct checker *checker_create(const struct settings *settings, const struct identity *identity, const struct checker_ears *ears) MUST_USE;
void checker_destroy(struct checker *checker); /* NULL is fine; after all of its lines */
/* Waits for a policy and the keys that it needs, and those of epochs to come, at most DEADLINE_MS and for one try at least.  CHECK_DONE: they are
   there.  CHECK_AWAY: not yet; reads may be asked about all the same, later.  CHECK_FAILED, CHECK_REFUSED: something is wrong (and said). */
enum check_outcome checker_wait(struct checker *checker, unsigned deadline_ms) MUST_USE;
/* Until when (monotonic, milliseconds) the lane is over its quota; 0: it is not. */
int64_t checker_over_until_ms(struct checker *checker);
void checker_look(struct checker *checker, struct checker_state *state);

/* -- a line ------------------------------------------------------------------------------------------------------------ */

struct check_line;

/* For questions of at most READS reads with at most CANDIDATES candidates each.  For one thread at a time.  NULL is said. */
struct check_line *check_line_open(struct checker *checker, size_t reads, size_t candidates) MUST_USE;
void check_line_close(struct check_line *line); /* NULL is fine */

/* Asks about COUNT reads and fills in as many ANSWERS, which are valid with CHECK_DONE only.  A server that does not answer is passed over within
   a second while there is another; after DEADLINE_MS nothing is begun anew (0: one round of all servers, and the last may take its time).  Asking again
   for the same reads, with the same ids, does no harm. */
enum check_outcome check_ask(struct check_line *line, const struct check_read *reads, size_t count, unsigned deadline_ms,
                             struct check_answer *answers) MUST_USE;
/* Makes connections, and keeps them from growing old; call it at first, and when there was nothing to ask for a minute.  Takes no longer than a question. */
void check_line_warm(struct check_line *line);

#endif

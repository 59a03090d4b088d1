/* What the files behind checker.h share; for nobody else. */
#ifndef CLIENT_CHECK_INTERNAL_H
#define CLIENT_CHECK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/check/checker.h"
#include "client/say.h"

/* -- gates.c: how the gates fare, and which is asked ------------------------------------------------------------ */

enum server_health { HEALTH_UNKNOWN, HEALTH_READY, HEALTH_UNREADY /* it answers, and can't check */, HEALTH_AWAY };

struct gates;

/* NULL is said. */
struct gates *gates_create(const struct settings *settings, const struct identity *identity) MUST_USE;
void gates_destroy(struct gates *gates); /* NULL is fine */
void gates_look(struct gates *gates, struct checker_state *state);
/* From the thread that asks for health; TROUBLE of one that is away. */
void gates_note_health(struct gates *gates, size_t at, enum server_health health, const char *trouble);
/* Gate AT sent what does not hold: it is passed over for a while. */
void gates_pass_over(struct gates *gates, size_t at);

/* What came of one answer. */
enum gate_verdict {
    GATE_TAKEN,
    GATE_STOP,    /* another gate would say the same */
    GATE_LATER,   /* it can't just now */
    GATE_WRONG,   /* the answer does not hold */
    GATE_REFUSED, /* it does not want us */
    GATE_NOBODY,  /* none answered */
};
typedef enum gate_verdict (*gate_take_fn)(void *context, struct http *gate, const struct http_answer *answer);

struct gate_question {
    struct http_request request; /* its timeout is set here */
    int64_t until_ms;            /* monotonic: how long the last gate may take; 0: as long as one that is well needs at most */
    gate_take_fn take;           /* of any answer */
    void *context;
};
/* Asks over GATE, which is the caller's own, one gate after the other until one has taken the question or stops it: those that are well in their order, then the
   others.  The best verdict of them. */
enum gate_verdict gates_ask(struct gates *gates, struct http *gate, const struct gate_question *question) MUST_USE;
/* The gate that would be asked first now. */
size_t gates_first(struct gates *gates);
/* Says why the gate in use can't, or will not have us; once in a while for each kind of trouble. */
void gates_tell_later(struct gates *gates, struct http *gate, const char *why);
void gates_tell_refusal(struct gates *gates, struct http *gate, const struct http_answer *answer);
void gates_tell_wrong(struct gates *gates, struct http *gate);

/* -- health.c: threads that ask servers for their health --------------------------------------------------------- */

struct health;
/* DATE_MS: its clock, to a second; 0: it did not say. */
typedef void (*health_fn)(void *context, struct http *server, enum server_health health, int64_t date_ms);

/* EAR may be NULL.  NULL is said. */
struct health *health_start(const struct settings *settings, enum http_service service, const struct identity *identity, const struct say_ear *ear,
                            health_fn note, void *context) MUST_USE;
void health_stop(struct health *health); /* NULL is fine */

/* -- clocks.c: what time gates have ------------------------------------------------------------------------------------ */

struct gate_clock {
    bool known;
    unsigned away; /* so often it did not answer before it ever said its time */
    int64_t began_ms; /* its time when this machine was started */
    int64_t heard_ms; /* since then */
};

/* Any thread may call any of these. */
struct gate_clocks {
    pthread_mutex_t mutex;
    int64_t told_ms; /* said that this machine's is so much ahead; 0: that it is right, or nothing yet */
    size_t count;    /* of gates */
    struct gate_clock list[HTTP_SERVERS_MAX];
};

void gate_clocks_begin(struct gate_clocks *clocks);
/* There are COUNT gates: each is waited for, for some tries, before the others' word counts.  Until this is said, none is waited for. */
void gate_clocks_expect(struct gate_clocks *clocks, size_t count);
void gate_clocks_end(struct gate_clocks *clocks);
/* At gate AT it was THERE_MS (since 1970) at BOOT_MS: moment_boot_ms(). */
void gate_clocks_note(struct gate_clocks *clocks, size_t at, int64_t there_ms, int64_t boot_ms);
/* Gate AT says that it is DATE_MS, to a second, just now. */
void gate_clocks_note_date(struct gate_clocks *clocks, size_t at, int64_t date_ms);
/* Gate AT was asked and did not answer. */
void gate_clocks_note_away(struct gate_clocks *clocks, size_t at);
/* How far this machine's clock is ahead of the gates', now: of the one it is nearest to, so that none alone can say that it is off when another says
   that it is right.  False: no gate has said its time yet, or one may still do so that was not heard since the beginning. */
bool gate_clocks_skew(struct gate_clocks *clocks, int64_t *skew_ms);
/* The same where it is off by so much that times are said by the gate's clock; 0: by this machine's. */
int64_t gate_clocks_ahead_ms(struct gate_clocks *clocks);
/* Says so when the clock begins to be off, or is by another minute, and when it is right again; call it every second or so. */
void gate_clocks_tell(struct gate_clocks *clocks);

/* -- policy.c: what is wanted here, and the keys for it ---------------------------------------------------------- */

struct check_policy {
    _Atomic unsigned users;
    unsigned generation;
    char version[LIMIT_POLICY_TEXT + 1];
    char site[LIMIT_NAME_MAX + 1], lane[LIMIT_NAME_MAX + 1];
    unsigned grades; /* bit per grade */
    unsigned reads_max, candidates_max;
    bool remote; /* a key server makes tokens of one of its epochs */
    size_t epoch_count;
    struct epoch epochs[LIMIT_EPOCHS_OPEN]; /* all are ready; prf belongs to the keyring */
};

/* The JSON of GET /v1/lane; false when it can't be read.  Keys are not there yet. */
bool check_policy_parse(json_t *json, struct check_policy *policy) MUST_USE;

/* Keys and the policy in force, shared by all lines. */
struct keyring;

struct keyring *keyring_create(const struct settings *settings, const struct identity *identity, struct gates *gates,
                               struct key_servers *servers, struct gate_clocks *clocks) MUST_USE; /* NULL is said; all is borrowed */
void keyring_destroy(struct keyring *keyring);                        /* NULL is fine */
/* The policy in force, fetched over GATE when there is none that is newer than generation OLDER_THAN; give it back. */
enum check_outcome keyring_policy(struct keyring *keyring, struct http *gate, unsigned older_than, struct check_policy **policy) MUST_USE;
/* The same, with nothing fetched; NULL: there is none yet. */
struct check_policy *keyring_in_force(struct keyring *keyring);
void check_policy_release(struct check_policy *policy); /* NULL is fine */
/* Fetches the policy anew. */
enum check_outcome keyring_refresh(struct keyring *keyring, struct http *gate) MUST_USE;
/* Fetches the keys of epochs to come over KEYS, so that the lane goes on when key servers are away as one opens.  Best effort. */
void keyring_fetch_coming(struct keyring *keyring, struct http *keys);

/* -- tokens.c: tokens of reads ------------------------------------------------------------------------------------------ */

/* Most tokens of one candidate for one epoch. */
#define CHECK_TOKENS_MAX (PLATESIEVE_GRADES - 1 + PLATESIEVE_NEAR_MAX)

/* Where the tokens of one candidate are, among those of an epoch. */
struct check_set {
    bool made[PLATESIEVE_GRADES]; /* `near` of a short plate is made, and empty */
    uint8_t counts[PLATESIEVE_GRADES];
    uint32_t first[PLATESIEVE_GRADES];
};

/* Locked memory for all of a question: its messages, and what they were evaluated to, for one epoch after the other. */
struct check_place {
    size_t reads, candidates; /* at most, of each read */
    size_t capacity, used;    /* messages */
    struct platesieve_message *messages;
    struct platesieve_token *tokens; /* CAPACITY for each of LIMIT_EPOCHS_OPEN epochs */
    struct check_set *sets;          /* CANDIDATES for each read */
};

/* For READS reads of CANDIDATES candidates.  False: there is no memory that can be locked. */
bool check_place_create(struct check_place *place, size_t reads, size_t candidates) MUST_USE;
void check_place_destroy(struct check_place *place);
void check_place_wipe(struct check_place *place);
/* How many candidates of READ are asked about. */
size_t check_candidates(const struct check_policy *policy, const struct check_place *place, const struct check_read *read);
const struct check_set *check_set_of(const struct check_place *place, size_t read, size_t candidate);
const struct platesieve_token *check_tokens_of(const struct check_place *place, size_t epoch, const struct check_set *set,
                                               enum platesieve_grade grade);
/* Tokens of all candidates of READS for each open epoch, blinded once and evaluated once an epoch.  PLACE holds them until it is wiped. */
enum key_outcome check_tokens_make(const struct check_policy *policy, const struct check_read *reads, size_t count, struct evaluator *evaluator,
                                   struct check_place *place) MUST_USE;

/* -- body.c ------------------------------------------------------------------------------------------------------- */

/* The body of POST /v1/checks; seen_ms of READS is AHEAD_MS ahead of the gate's time.  Its size; 0: it does not fit into SIZE bytes. */
size_t check_body_write(const struct check_policy *policy, const struct check_read *reads, size_t count, const struct check_place *place,
                        int64_t ahead_ms, char *body, size_t size);

/* -- answer.c ------------------------------------------------------------------------------------------------------ */

/* What was asked. */
struct check_question {
    const struct check_policy *policy;
    const struct check_read *reads;
    size_t count;
    const struct check_place *place;
};
/* The gate's answer to all reads, in order; alerts whose tag is not true are counted, not taken.  False, with nothing written: it can't be read. */
bool check_answer_take(const struct check_question *question, const json_t *json, struct check_answer *answers) MUST_USE;
/* Tells EARS of the lists that the gate could not ask. */
void check_answer_not_asked(const json_t *json, const struct checker_ears *ears);

/* -- checker.c ------------------------------------------------------------------------------------------------------------ */

struct checker {
    const struct settings *settings;
    const struct identity *identity;
    struct checker_ears ears;
    struct say_ear say;
    struct gates *gates;
    struct key_servers *servers;
    struct keyring *keyring;
    struct gate_clocks clocks;
    struct health *gate_health, *key_health;
    _Atomic int64_t key_answered_ms[HTTP_SERVERS_MAX]; /* monotonic; 0: never */
    /* Monotonic: the lane's quota is used up until then (0: it is not), and somebody asked at that time. */
    _Atomic int64_t over_until_ms, over_asked_ms;
    /* the thread that looks after policy and keys */
    pthread_t keeper;
    bool keeping;
    struct http *keeper_gate, *keeper_keys;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending;
    unsigned tries;           /* of the keeper */
    enum check_outcome first; /* of the last of them */
};

/* What is said in this thread goes to CHECKER's ear from now on; returns whose it was, for say_listen(). */
const struct say_ear *checker_listen(const struct checker *checker);

#endif

/* libplatesieve-client: asks a checkpoint about reads, the whole way: tokens, gates, key servers, and back to verified alerts.
 *
 * For a reader that has its lane inside.  A client holds connections to several gates and key servers, looks after their health in threads of its own, and
 * passes over one that is away, slow or wrong within a second while another is well.  Plates stay in the process, in locked memory, and are wiped with the
 * answer; nothing is written to disk or printed, nothing is taken from the environment.  docs/embedding.md has an example.
 *
 * All functions may be called from any thread, also on one client at the same time, but for platesieve_client_prepare(), platesieve_client_open() and
 * platesieve_client_close(). */
#ifndef PLATESIEVE_CLIENT_H
#define PLATESIEVE_CLIENT_H

#include <platesieve/platesieve.h>

#ifdef __cplusplus
extern "C" {
#endif

struct platesieve_client;

/* Begin with zeros and set `size`; texts are copied. */
struct platesieve_client_settings {
    size_t size;             /* of this struct: sizeof(struct platesieve_client_settings) */
    const char *gates;       /* https:// URLs, comma separated; the first that is well is asked */
    const char *keys;        /* those of the key servers */
    const char *certificate; /* PEM file: of reader/SITE/LANE */
    const char *key;         /* PEM file, without a passphrase */
    const char *ca;          /* PEM file: the authority of gates and key servers */
    const char *crl;         /* PEM file; NULL: servers' certificates are not checked for revocation */
    const char *trust_domain; /* that the certificate must be of; NULL: any */
    bool shared_keys;        /* keys that one key server has alone are not used */
    unsigned threads_max;    /* that ask at one time, others wait; 0: 2.  Locks about 5 kB x reads_max x candidates_max for each */
    unsigned reads_max;      /* in one request; 0: 16 */
    unsigned candidates_max; /* of one read, further ones are left out; 0: 5 */
    /* For a log: one line for people, without a plate, about servers.  From any thread; NULL: nobody hears. */
    void (*say)(void *context, const char *line);
    /* A list that a gate could not ask about a read ("no-tokens"); each time.  From any thread; may be NULL. */
    void (*not_asked)(void *context, const char *agency, const char *list, const char *why);
    /* Pictures of hits: how many bytes of them may be under way, in locked memory (and 2 MB more); 0: none are taken. */
    size_t pictures_bytes;
    unsigned pictures_wait_s; /* so long platesieve_client_close() waits for those that are not sent yet */
    /* What became of the picture of HIT: "stored", or why not, as in platesieve-lane(1), PICTURES.  From any thread; may be NULL. */
    void (*picture)(void *context, const char *hit, const char *outcome);
    void *context;
};

/* Once, as the program begins, before other threads and before libcurl, Jansson or OpenSSL are used: memory that these give back is wiped from then on, in
   the whole process, so that no tokens stay in it.  Without this a client works, and plates are wiped all the same.  Fails with PLATESIEVE_UNAVAILABLE: too late. */
PLATESIEVE_API struct platesieve_result platesieve_client_prepare(void);

/* No server needs to be there.  Fails with PLATESIEVE_BAD_ARGUMENT for settings or files that can't be used, PLATESIEVE_NO_MEMORY (also where none can be
   locked), PLATESIEVE_UNAVAILABLE (no thread, no randomness); what exactly was told to `say`. */
PLATESIEVE_API struct platesieve_result platesieve_client_open(const struct platesieve_client_settings *settings, struct platesieve_client **client);
/* When no call is under way.  NULL is fine. */
PLATESIEVE_API void platesieve_client_close(struct platesieve_client *client);
/* The files of certificate and key were replaced: connections are made anew.  NULL is fine. */
PLATESIEVE_API void platesieve_client_renewed(struct platesieve_client *client);

/* Why reads were not checked. */
enum platesieve_client_why {
    PLATESIEVE_CLIENT_CHECKED = 0,
    PLATESIEVE_CLIENT_NO_PLATE,   /* none of the read's candidates is a plate */
    PLATESIEVE_CLIENT_AWAY,       /* no gate, or too few key servers, answered in time */
    PLATESIEVE_CLIENT_OVER_QUOTA, /* not before `retry_ms` */
    PLATESIEVE_CLIENT_BUSY,       /* all threads_max were busy until the deadline */
    PLATESIEVE_CLIENT_FALSE,      /* a gate invented a hit, and no other gate could be asked: tell its operator */
    PLATESIEVE_CLIENT_FAILED,     /* what servers answered can't be used, or they can't use this read (its time, perhaps); said */
    PLATESIEVE_CLIENT_REFUSED,    /* the gates do not want this certificate, or this program is too old; said */
};
/* One short English sentence; static. */
PLATESIEVE_API const char *platesieve_client_why_text(enum platesieve_client_why why);

/* Waits until reads can be checked, at most DEADLINE_MS.  PLATESIEVE_CLIENT_CHECKED: they can.  Of no client: PLATESIEVE_CLIENT_FAILED. */
PLATESIEVE_API enum platesieve_client_why platesieve_client_wait(struct platesieve_client *client, unsigned deadline_ms);

/* -- reads ------------------------------------------------------------------------------------------------------------ */

/* One spelling of a plate, as the engine has it.  The caller wipes its own. */
struct platesieve_client_candidate {
    const char *plate; /* UTF-8, any case, with spaces and signs */
    size_t plate_size; /* bytes; at most PLATESIEVE_PLATE_RAW_MAX */
    const char *jurisdiction;    /* NULL, "" or a code that is not in the set: unknown */
    enum platesieve_codes codes; /* whose codes the jurisdiction uses */
    double confidence;           /* 0 to 1 */
};

struct platesieve_client_read {
    uint8_t id[PLATESIEVE_READ_ID_BYTES]; /* random, of platesieve_client_read_id(); the same when this read is asked about once more */
    int64_t seen_ms;                      /* since 1970, by this machine's clock, however far that is off; 0: now */
    bool again; /* another look at a vehicle that was checked under this id, with the spellings that are new: it is not counted as another read */
    size_t count;
    const struct platesieve_client_candidate *candidates; /* best first; those that are no plates are left out */
};

PLATESIEVE_API void platesieve_client_read_id(uint8_t id[PLATESIEVE_READ_ID_BYTES]);

/* -- answers ---------------------------------------------------------------------------------------------------------- */

/* AGENCY listed one of the read's candidates: that is proven. */
struct platesieve_client_alert {
    char hit[PLATESIEVE_TOKEN_TEXT + 1]; /* its id, base64url */
    char agency[LIMIT_NAME_MAX + 1], list[LIMIT_NAME_MAX + 1];
    char category[LIMIT_CATEGORY_MAX + 1], instruction[LIMIT_INSTRUCTION_MAX + 1]; /* UTF-8 of the agency's; make it printable */
    char epoch[LIMIT_EPOCH_ID_MAX + 1];
    enum platesieve_grade grade; /* the strongest that matched */
    unsigned candidate;          /* index in the read */
    unsigned priority;           /* 0 to 100 */
    uint64_t revision;           /* of the list */
    int64_t age_s;               /* of the list */
    bool verify;                 /* the list is too old to act upon without a look */
    unsigned gate;               /* number of the one that answered */
    bool wants_picture;          /* sealed to those whom the list's header names: `header` */
    uint8_t header[32];
};

enum platesieve_client_result {
    PLATESIEVE_CLIENT_UNCHECKED = 0, /* never to be taken for clear */
    PLATESIEVE_CLIENT_CLEAR,
    PLATESIEVE_CLIENT_HIT,
};

struct platesieve_client_answer {
    enum platesieve_client_result result;
    enum platesieve_client_why why; /* of unchecked */
    int64_t retry_ms;               /* since 1970, of PLATESIEVE_CLIENT_OVER_QUOTA; else 0 */
    unsigned false_alerts;          /* hits that gates invented: an alarm, whatever the result */
    unsigned unusable;              /* candidates that are no plates */
    size_t alert_count;             /* 1 or more of a hit */
    struct platesieve_client_alert alerts[LIMIT_ALERTS];
};

/* Asks about COUNT reads (any number) and fills in as many ANSWERS.  Nothing is begun anew after DEADLINE_MS (0: one try).  Asking again about the same reads,
   with the same ids, does no harm.  Fails with PLATESIEVE_BAD_ARGUMENT only, and then ANSWERS are all unchecked. */
PLATESIEVE_API struct platesieve_result platesieve_client_check(struct platesieve_client *client, const struct platesieve_client_read *reads, size_t count,
                                                                unsigned deadline_ms, struct platesieve_client_answer *answers);

/* The picture of a hit, JPEG or PNG: copied, stripped of everything but its pixels, sealed to those whom the list's agency named, and sent, tried again for
   ten minutes; `picture` of the settings is told.  Does not wait.  For an alert with `wants_picture`.  Fails with PLATESIEVE_NO_MEMORY where there is no room for it,
   with PLATESIEVE_BAD_ARGUMENT where none are taken or wanted. */
PLATESIEVE_API struct platesieve_result platesieve_client_picture(struct platesieve_client *client, const struct platesieve_client_alert *alert,
                                                                  const void *picture, size_t size);

/* -- how it fares ----------------------------------------------------------------------------------------------------- */

struct platesieve_client_state {
    bool ready;              /* a policy and its keys are there */
    unsigned gates, gates_well, keys, keys_well; /* servers, and how many of them answer well */
    unsigned grades;         /* wanted at this site: bit per enum platesieve_grade */
    bool skew_known;
    int64_t skew_ms;         /* this machine's clock ahead of the gate's (negative: behind) */
    int64_t over_until_ms;   /* since 1970: over the quota until then; 0: it is not */
};
/* Of no client: all zero. */
PLATESIEVE_API void platesieve_client_look(struct platesieve_client *client, struct platesieve_client_state *state);

#ifdef __cplusplus
}
#endif

#endif

/* Asking key servers, of which there may be several: each in turn until one gives an answer that holds, those that
   failed a moment ago last. */
#ifndef CLIENT_TOKENS_KEY_SERVERS_H
#define CLIENT_TOKENS_KEY_SERVERS_H

#include "client/tokens/share_book.h"

#define KEY_SERVERS_PASSED_OVER_S 30 /* so long after a failure is a server the last to be asked */

/* How the servers fared; shared by all threads of a command. */
struct key_servers;

struct key_servers *key_servers_create(const struct settings *settings) MUST_USE; /* NULL is said */
void key_servers_destroy(struct key_servers *servers); /* NULL is fine */
/* How long one server may take for what it answers from memory, while there is another, and the last; a second and ten unless this was called.
   Before any thread asks. */
void key_servers_set_deadlines(struct key_servers *servers, unsigned deadline_ms, unsigned deadline_last_ms);
/* Only keys that are shared are to be used. */
bool key_servers_must_share(const struct key_servers *servers);
/* What they told of shares; lives as long as SERVERS. */
struct share_book *key_servers_book(struct key_servers *servers);

/* Of several servers' failures, the last in this order counts. */
enum key_outcome {
    KEY_DONE = 0,
    KEY_REFUSED, /* they will not have this identity, or this request */
    KEY_WRONG,   /* what they answered does not hold */
    KEY_LATER,   /* nobody could answer just now */
    KEY_GONE,    /* they know no such epoch, or not any more */
};

/* Takes what a server answered with 200: NULL if it holds, else what is wrong with it ("gave a wrong proof"). */
typedef const char *(*key_take_fn)(json_t *json, void *context);

struct key_question {
    const char *method, *path;
    const char *body; /* NULL: none */
    size_t body_size;
    unsigned deadline_ms;      /* for one server, while there is another to ask; and for one that failed lately */
    unsigned deadline_last_ms; /* for the last that did not, or when all did */
    key_take_fn take;
    void *context;
    unsigned retry_after_s; /* out: what they asked for with KEY_LATER; 0: nothing */
};

/* Gives QUESTION the deadlines of key_servers_set_deadlines(). */
void key_servers_deadlines(const struct key_servers *servers, struct key_question *question);
/* What somebody who asks for their health found: does the server that HTTP uses answer?  One that does not is the last to be asked. */
void key_servers_note_health(struct key_servers *servers, struct http *http, bool answers);

/* HTTP is the caller's own.  A server that fails is named on standard error, once in KEY_SERVERS_PASSED_OVER_S. */
enum key_outcome key_servers_ask(struct key_servers *servers, struct http *http,
                                 struct key_question *question) MUST_USE;
/* Asks each server but the one in use, for what it takes, and passes over failures, which are named.  FAILED: those that
   failed lately, instead of those that did not. */
void key_servers_ask_others(struct key_servers *servers, struct http *http, struct key_question *question, bool failed);
/* Makes connections to all servers that did not fail lately, so that no question has to wait for that. */
void key_servers_warm(struct key_servers *servers, struct http *http, unsigned deadline_ms);
/* When (monotonic, milliseconds) the first of the servers that refused this identity for its quota will answer again; 0:
   none refuses it for that.  After KEY_LATER it says why. */
int64_t key_servers_over_quota(struct key_servers *servers);

/* -- for who asks several at one time ------------------------------------------------------------------------------ */

/* Judges what came of QUESTION to the server that HTTP uses, as key_servers_ask() does; NULL: no answer. */
enum key_outcome key_servers_judge(struct key_servers *servers, struct http *http, const struct http_answer *answer,
                                   struct key_question *question) MUST_USE;
/* Names the server and what is wrong with it ("gave a wrong proof"). */
void key_servers_blame(struct key_servers *servers, struct http *http, const char *wrong);
/* Says that of three servers two must answer, for EPOCH_ID (NULL: for any); once in KEY_SERVERS_PASSED_OVER_S. */
void key_servers_say_too_few(struct key_servers *servers, const char *epoch_id);
/* It knows no such epoch, or not any more, and another evaluated for it: named when that lasts, because in a rotation one
   is told before the other. */
void key_servers_blame_gone(struct key_servers *servers, struct http *http);
/* It did not answer in TIMEOUT_MS, and the question was taken back. */
void key_servers_too_slow(struct key_servers *servers, struct http *http, unsigned timeout_ms);
bool key_servers_failed(struct key_servers *servers, size_t at);

/* The exit code for a command that ends with OUTCOME. */
int key_outcome_exit(enum key_outcome outcome);

#endif

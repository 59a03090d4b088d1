/* Between the files of `platesieve hits`. */
#ifndef CLIENT_HITS_HITS_H
#define CLIENT_HITS_HITS_H

#include "client/http/http.h"
#include "client/import/reference.h"

#define CURSOR_MAX 128
#define PURPOSE_MAX 256

/* Which hits, and from where on; strings are borrowed from argv. */
struct hits_question {
    const char *list, *site, *lane, *grade, *covert, *verdict, *lane_judgement, *since, *until, *reference, *purpose, *state;
    bool clear_reference; /* `reference` is sent as it is */
    char cursor[CURSOR_MAX + 1];
    unsigned limit;
    bool all, follow, from_now;
};

/* A hit's id as it travels: 22 characters of base64url. */
bool hit_id_valid(const char *text);
/* One id in 64 begins with a hyphen, and argp would take it for options: takes the first such id out of argv[1] and what follows, and returns it; NULL:
 * there is none. */
const char *hits_take_dashed_id(int *argc, char **argv);
bool cursor_valid(const char *text);

/* The filters of QUESTION as the end of a query ("&list=stolen&site=north"); AGENCY's KEY seals the reference.  Returns an exit code;
 * says what is wrong. */
int hits_query(const struct hits_question *question, const struct reference_key *key, char *text, size_t size) MUST_USE;
/* The cursor that --state FILE remembers for AGENCY, if it does; and keeping one.  Return an exit code, and false; both say what is
 * wrong. */
int hits_state_read(struct hits_question *question, const char *agency) MUST_USE;
bool hits_state_write(const struct hits_question *question, const char *agency) MUST_USE;

/* One line on standard output.  HIT is changed.  False: it is no hit, or it could not be written. */
bool hit_print(json_t *hit, const struct reference_key *key, bool json) MUST_USE;
void hit_print_heading(void);

/* --follow: prints what the stream brings, from question->cursor on, until it is interrupted; *shown is how many.  question->cursor is then
 * where to go on.  Returns an exit code. */
int hits_follow(const struct settings *settings, struct http *gate, struct hits_question *question, const char *agency,
                const struct reference_key *key, size_t *shown) MUST_USE;

int command_hits_evidence(struct settings *settings, int argc, char **argv);
int command_hits_verdict(struct settings *settings, int argc, char **argv);
int command_hits_webhook(struct settings *settings, int argc, char **argv);

#endif

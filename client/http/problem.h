/* Problems: what a server says when it refuses (RFC 9457). */
#ifndef CLIENT_HTTP_PROBLEM_H
#define CLIENT_HTTP_PROBLEM_H

#include "client/http/http.h"
#include "client/printable.h"

/* Says title and advice of the problem in ANSWER; the exit code that fits: CLIENT_REFUSED. */
int problem_say(const struct http *http, const struct http_answer *answer);
/* After a refusal: where UNTIL_MS (Unix time) lies further ahead than the `days_most` in what PATH answers, says how far
 * it may; or that it is over.  Else nothing. */
void problem_say_days(struct http *gate, const char *path, int64_t until_ms);
/* Is ANSWER the problem NAME (last part of its type)? */
bool problem_is(const struct http_answer *answer, const char *name);
/* The problem's name into NAME, or its HTTP status where it has none. */
void problem_name(const struct http_answer *answer, char name[64]);

#endif

/* What a server says when this identity has used up its quota (429): until when, and of what. */
#ifndef CLIENT_HTTP_OVER_QUOTA_H
#define CLIENT_HTTP_OVER_QUOTA_H

#include "client/http/http.h"

struct over_quota {
    int64_t until_ms; /* monotonic, whatever becomes of the time of day; 0: it is not over */
    char what[96];    /* "over-quota (reads a minute), until 05:23:00Z" */
};

/* False when ANSWER is no such refusal. */
bool over_quota_of(const struct http_answer *answer, struct over_quota *over);
/* Milliseconds from now until UNTIL_MS; 0 when that is over. */
int64_t over_quota_left_ms(int64_t until_ms);
/* "05:23:00Z" by the clock as it is now, with the date in front when that is another day's; 0 is "1970-01-01T00:00:00Z". */
void over_quota_time(int64_t until_ms, char text[32]);

#endif

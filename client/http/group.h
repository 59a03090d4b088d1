/* Questions to several servers of a service at one time.  A connection to each is kept.  One thread at a time. */
#ifndef CLIENT_HTTP_GROUP_H
#define CLIENT_HTTP_GROUP_H

#include "client/http/http.h"

struct http_group;

/* As http_open(): one member for each address, in order. */
int http_group_open(const struct settings *settings, enum http_service service, const struct identity *identity,
                    struct http_group **group) MUST_USE;
void http_group_close(struct http_group *group); /* NULL is fine */
size_t http_group_count(const struct http_group *group);
/* For its address, and what trouble it had. */
struct http *http_group_member(struct http_group *group, size_t server);

/* Puts REQUEST to SERVER, which has no question before it, and returns at once; the body is borrowed until the end.
   False: no memory. */
bool http_group_ask(struct http_group *group, size_t server, const struct http_request *request) MUST_USE;
/* Waits until a question has ended, at most TIMEOUT_MS.  False: none has.  An ANSWER with status 0 is none; otherwise
   the caller wipes it. */
bool http_group_wait(struct http_group *group, unsigned timeout_ms, size_t *server,
                     struct http_answer *answer) MUST_USE;
/* Has http_trouble() of SERVER say that there is no answer yet, after TOOK_MS. */
void http_group_is_late(struct http_group *group, size_t server, unsigned took_ms);
/* Takes back the question to SERVER, if there is one; to all. */
void http_group_drop(struct http_group *group, size_t server);
void http_group_drop_all(struct http_group *group);

#endif

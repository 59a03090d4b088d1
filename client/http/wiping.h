/* Memory that leaves nothing behind: what JSON, HTTP and TLS libraries free held keys and tokens. */
#ifndef CLIENT_HTTP_WIPING_H
#define CLIENT_HTTP_WIPING_H

#include <platesieve/platesieve.h>
#include <stdbool.h>
#include <stddef.h>

#include "include/cleanup.h"

/* free() and realloc() of malloc()ed memory that wipe what they give up. */
void wiping_free(void *memory);
void *wiping_realloc(void *memory, size_t size);
/* Puts them under jansson, OpenSSL and libcurl; before any of these is used. */
bool wiping_install(void);

/* Runs PARSE.  What jansson makes on this thread meanwhile lies in ARENA, and what it frees stays there until the arena is reset: such JSON is read, and never
 * released.  False: the arena was too small; then PARSE was left in the middle, so it must hold nothing that is not in the arena. */
bool wiping_arena_run(struct platesieve_arena *arena, void (*parse)(void *context), void *context) MUST_USE;
void *wiping_arena_allocate(size_t size); /* for other parsers in there; never NULL */

#endif

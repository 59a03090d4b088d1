/* Memory that leaves nothing behind: what JSON, HTTP and TLS libraries free held keys and tokens. */
#ifndef CLIENT_WIPING_H
#define CLIENT_WIPING_H

#include <platesieve/platesieve.h>
#include <stdbool.h>
#include <stddef.h>

/* free() and realloc() of malloc()ed memory that wipe what they give up. */
void wiping_free(void *memory);
void *wiping_realloc(void *memory, size_t size);
/* Puts them under jansson, OpenSSL and libcurl; before any of these is used. */
bool wiping_install(void);

/* Between begin and end, what jansson makes on this thread lies in ARENA, and what it frees stays there until the arena is reset: such JSON is read, and
 * never released.  end: false when the arena was too small for something. */
void wiping_arena_begin(struct platesieve_arena *arena);
void *wiping_arena_allocate(size_t size); /* for other parsers between the two; NULL: it is full */
bool wiping_arena_end(void);

#endif

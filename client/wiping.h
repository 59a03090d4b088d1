/* Memory that leaves nothing behind: what JSON, HTTP and TLS libraries free held keys and tokens. */
#ifndef CLIENT_WIPING_H
#define CLIENT_WIPING_H

#include <stdbool.h>
#include <stddef.h>

/* free() and realloc() of malloc()ed memory that wipe what they give up. */
void wiping_free(void *memory);
void *wiping_realloc(void *memory, size_t size);
/* Puts them under jansson, OpenSSL and libcurl; before any of these is used. */
bool wiping_install(void);

#endif

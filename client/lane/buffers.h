/* Memory for messages on their way in: locked, wiped, and given back to the kernel after large ones. */
#ifndef CLIENT_LANE_BUFFERS_H
#define CLIENT_LANE_BUFFERS_H

#include <platesieve/platesieve.h>

#include "include/cleanup.h"

struct buffers;

/* Room for messages of MESSAGE_BYTES, and an arena in which one of them at a time is understood; for less where less can be locked.  NULL is
   said. */
struct buffers *buffers_create(size_t message_bytes) MUST_USE;
void buffers_destroy(struct buffers *buffers); /* NULL is fine */
size_t buffers_message_max(const struct buffers *buffers); /* bytes of a message that there can be room for */
size_t buffers_used(struct buffers *buffers);

/* Any thread.  Room for SIZE bytes and a zero behind them; NULL: others have it now.  Large ones leave room for small ones. */
char *buffers_take(struct buffers *buffers, size_t size);
/* SIZE as taken, WRITTEN of them were written to; NULL is fine. */
void buffers_give_back(struct buffers *buffers, char *buffer, size_t size, size_t written);

/* For one thread at a time. */
struct platesieve_arena *buffers_arena(struct buffers *buffers);

#endif

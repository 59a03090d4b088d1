#include "client/lane/buffers.h"

#include "client/client.h"
#include "client/engines/engine.h"
#include "client/pages.h"

#define SMALL_BYTES (64u * 1024)        /* a message without a picture */
#define SMALL_ROOM (16u * SMALL_BYTES)  /* that large ones leave */
#define MESSAGES_AT_A_TIME 2            /* of the largest; or any number of smaller ones */
#define ARENA_FACTOR 3                  /* what a message becomes: its texts; pictures stay where they are */
#define ARENA_LEAST (256u * 1024)       /* what even a small one may become */
#define LEAST_MESSAGE_BYTES (32u * 1024)

struct buffers {
    struct pages *pages;
    struct platesieve_arena *arena;
    size_t message_max, small_room;
};

/* Room for messages of BYTES. */
static bool prepare(struct buffers *buffers, size_t bytes)
{
    const size_t size = MESSAGES_AT_A_TIME * bytes, all = size + (bytes < SMALL_ROOM ? bytes : SMALL_ROOM);
    const size_t becomes = ARENA_FACTOR * bytes + ARENA_LEAST;

    if (platesieve_failed(platesieve_arena_create(becomes < ENGINE_ARENA_BYTES ? becomes : ENGINE_ARENA_BYTES, &buffers->arena))) return false;
    buffers->pages = pages_create(all, all, SMALL_BYTES);
    if (buffers->pages != NULL) {
        buffers->message_max = bytes;
        buffers->small_room = all - size;
        return true;
    }
    platesieve_arena_destroy(buffers->arena);
    buffers->arena = NULL;
    return false;
}

struct buffers *buffers_create(size_t message_bytes)
{
    struct buffers *buffers = calloc(1, sizeof(*buffers));
    size_t bytes = message_bytes;

    if (buffers == NULL) {
        say("out of memory");
        return NULL;
    }
    while (!prepare(buffers, bytes) && bytes > LEAST_MESSAGE_BYTES) bytes /= 2;
    if (buffers->pages != NULL) return buffers;
    say("there is no memory that can be locked for messages");
    buffers_destroy(buffers);
    return NULL;
}

void buffers_destroy(struct buffers *buffers)
{
    if (buffers == NULL) return;
    pages_destroy(buffers->pages);
    platesieve_arena_destroy(buffers->arena);
    free(buffers);
}

size_t buffers_message_max(const struct buffers *buffers)
{
    return buffers->message_max;
}

size_t buffers_used(struct buffers *buffers)
{
    return pages_used(buffers->pages);
}

char *buffers_take(struct buffers *buffers, size_t size)
{
    return pages_take(buffers->pages, size + 1, size > SMALL_BYTES ? buffers->small_room : 0);
}

void buffers_give_back(struct buffers *buffers, char *buffer, size_t size, size_t written)
{
    pages_give_back(buffers->pages, buffer, size + 1, written);
}

struct platesieve_arena *buffers_arena(struct buffers *buffers)
{
    return buffers->arena;
}

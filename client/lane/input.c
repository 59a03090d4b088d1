/* --stdin ENGINE: each line of standard input is a message of that engine, in JSON. */
#include "client/lane/service.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "client/moment.h"

#define LOOK_MS 200

struct lane_input {
    struct lane_service *service;
    const struct engine *engine;
    char *buffer; /* locked; a line and what came behind it */
    size_t room, used;
    bool skipping; /* the rest of a line that was too long */
    _Atomic bool ended, ending;
    pthread_t thread;
};

static void take_line(struct lane_input *input, char *line, size_t size)
{
    struct message_taken taken;

    line[size] = '\0';
    if (size > 0 && line[size - 1] == '\r') line[--size] = '\0';
    if (size == 0) return;
    message_take(input->service, input->engine, NULL, "application/json", line, size, moment_monotonic_us(), &taken);
}

/* Takes all whole lines; what is behind them moves to the beginning. */
static void take_lines(struct lane_input *input, bool end)
{
    size_t at = 0;

    for (;;) {
        char *line = input->buffer + at, *newline = memchr(line, '\n', input->used - at);

        if (newline == NULL) break;
        if (!input->skipping) take_line(input, line, (size_t)(newline - line));
        input->skipping = false;
        at = (size_t)(newline - input->buffer) + 1;
    }
    if (end && input->used > at && !input->skipping) {
        take_line(input, input->buffer + at, input->used - at);
        at = input->used;
    }
    memmove(input->buffer, input->buffer + at, input->used - at);
    platesieve_wipe(input->buffer + input->used - at, at);
    input->used -= at;
}

/* A line that does not fit is counted once, and read over. */
static void give_up_line(struct lane_input *input)
{
    if (!input->skipping) lane_counts_message(&input->service->counts, input->engine, ENGINE_TOO_LARGE, NULL);
    input->skipping = true;
    platesieve_wipe(input->buffer, input->used);
    input->used = 0;
}

static bool wait_for_more(const struct lane_input *input)
{
    struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };

    while (!atomic_load(&input->ending))
        if (poll(&wait, 1, LOOK_MS) > 0) return true;
    return false;
}

static void *run(void *argument)
{
    struct lane_input *input = argument;

    while (wait_for_more(input)) {
        const ssize_t got = read(STDIN_FILENO, input->buffer + input->used, input->room - input->used);

        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) say("can't read standard input on: %s", strerror(errno));
        if (got <= 0) break;
        input->used += (size_t)got;
        take_lines(input, false);
        if (input->used == input->room) give_up_line(input);
    }
    take_lines(input, true);
    atomic_store(&input->ended, true);
    return NULL;
}

struct lane_input *lane_input_start(struct lane_service *service, const struct engine *engine)
{
    struct lane_input *input = calloc(1, sizeof(*input));

    if (input == NULL) {
        say("out of memory");
        return NULL;
    }
    input->service = service;
    input->engine = engine;
    input->room = buffers_message_max(service->buffers);
    if (input->room > service->config->message_bytes) input->room = (size_t)service->config->message_bytes;
    input->buffer = buffers_take(service->buffers, input->room);
    if (input->buffer != NULL && lane_thread_start(&input->thread, run, input)) return input;
    if (input->buffer == NULL) say("there is no memory that can be locked for standard input");
    else buffers_give_back(service->buffers, input->buffer, input->room, 0);
    free(input);
    return NULL;
}

bool lane_input_ended(const struct lane_input *input)
{
    return atomic_load(&input->ended);
}

void lane_input_stop(struct lane_input *input)
{
    if (input == NULL) return;
    atomic_store(&input->ending, true);
    pthread_join(input->thread, NULL);
    buffers_give_back(input->service->buffers, input->buffer, input->room, input->room);
    free(input);
}

#include "client/say.h"

#include <stdarg.h>

#include "client/client.h"

static _Thread_local const struct say_ear *listening;

const struct say_ear *say_listen(const struct say_ear *ear)
{
    const struct say_ear *before = listening;

    listening = ear;
    return before;
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (listening != NULL) {
        char line[SAY_LINE_MAX];

        vsnprintf(line, sizeof(line), format, arguments);
        listening->hear(listening->context, line);
    } else {
        flockfile(stderr);
        fputs("platesieve: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        funlockfile(stderr);
    }
    va_end(arguments);
}

#include "client/client.h"

#include <errno.h>
#include <stdarg.h>

void say(const char *format, ...)
{
    va_list arguments;

    flockfile(stderr);
    fputs("platesieve: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
}

bool print_json(json_t *json)
{
    bool printed = false;

    if (json == NULL) {
        say("out of memory");
        return false;
    }
    flockfile(stdout);
    printed = json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0 && fputc('\n', stdout) != EOF;
    funlockfile(stdout);
    json_decref(json);
    return printed;
}

int finish_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    say("writing to standard output failed: %s", strerror(errno));
    return code == CLIENT_OK ? CLIENT_FAILED : code;
}

#include "client/client.h"

#include <errno.h>

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
    static bool said;
    const bool flushed = fflush(stdout) == 0;
    const int why = errno;

    if (flushed && !ferror(stdout)) return code;
    if (!said && flushed) say("writing to standard output failed"); /* earlier: why is not known any more */
    if (!said && !flushed) say("writing to standard output failed: %s", strerror(why));
    said = true;
    return code == CLIENT_OK ? CLIENT_FAILED : code;
}

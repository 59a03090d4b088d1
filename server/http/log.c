#include "server/http/log.h"

#include <stdarg.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

static const char *priority_word(int priority)
{
    switch (priority) {
    case LOG_ERR: return "error: ";
    case LOG_WARNING: return "warning: ";
    default: return "";
    }
}

void log_line(int priority, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    const char *journal = getenv("JOURNAL_STREAM");
    int head = journal != NULL ? snprintf(line, sizeof line, "<%d>", priority)
                               : snprintf(line, sizeof line, "%s", priority_word(priority));
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, arguments);
    va_end(arguments);
    size_t size = (size_t)head + (body < 0 ? 0 : (size_t)body);
    if (size > sizeof line - 2) size = sizeof line - 2;
    line[size++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, size); /* one call: lines of threads don't mix */
    (void)written;
}

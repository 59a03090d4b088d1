/* The log: lines on standard error, one event each.  Never input: no URL, no header, no body, no name from a
   certificate that was not verified. */
#ifndef SERVER_HTTP_LOG_H
#define SERVER_HTTP_LOG_H

#include <syslog.h>

/* PRIORITY is LOG_ERR, LOG_WARNING, LOG_NOTICE or LOG_INFO.  Under systemd the line carries it as "<6>".  Any
   thread. */
__attribute__((format(printf, 2, 3))) void log_line(int priority, const char *format, ...);

#endif

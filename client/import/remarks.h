/* Remarks on rows: said by line, never with what stands there.  The first REMARKS_SHOWN are said, all are counted. */
#ifndef CLIENT_IMPORT_REMARKS_H
#define CLIENT_IMPORT_REMARKS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "include/cleanup.h"

#define REMARKS_SHOWN 1000

struct remarks {
    bool json; /* {"line", "remark", "text"} on standard output instead of a line on standard error */
    uint64_t count;
    const char *file; /* the report's name; NULL: none */
    FILE *report;     /* CSV: line,reason; all remarks, and what was left out */
};

/* Begins a report in FILE; false is said. */
bool remarks_report(struct remarks *remarks, const char *file) MUST_USE;
/* Only into the report. */
void remark_quietly(struct remarks *remarks, uint64_t line, const char *name);

/* NAME is stable ("spreadsheet"), TEXT for people. */
void remark(struct remarks *remarks, uint64_t line, const char *name, const char *text);
/* Says how many were not shown. */
void remarks_end(const struct remarks *remarks);
/* Ends the report, if there is one; false is said: it is not whole. */
bool remarks_close(struct remarks *remarks);

#endif

/* Remarks on rows: said by line, never with what stands there.  The first REMARKS_SHOWN are said, all are counted. */
#ifndef CLIENT_REMARKS_H
#define CLIENT_REMARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "include/cleanup.h"

#define REMARKS_SHOWN 1000

struct remarks {
    bool json; /* {"line", "remark", "text"} on standard output instead of a line on standard error */
    uint64_t count;
};

/* NAME is stable ("spreadsheet"), TEXT for people. */
void remark(struct remarks *remarks, uint64_t line, const char *name, const char *text);
/* Says how many were not shown. */
void remarks_end(const struct remarks *remarks);

#endif

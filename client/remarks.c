#include "client/remarks.h"

#include <inttypes.h>

#include "client/client.h"

void remark(struct remarks *remarks, uint64_t line, const char *name, const char *text)
{
    if (++remarks->count > REMARKS_SHOWN) return;
    if (remarks->json)
        (void)print_json(json_pack("{s:I, s:s, s:s}", "line", (json_int_t)line, "remark", name, "text", text));
    else say("line %" PRIu64 ": %s", line, text);
}

void remarks_end(const struct remarks *remarks)
{
    if (remarks->count > REMARKS_SHOWN && !remarks->json)
        say("... and %" PRIu64 " more remarks on lines", remarks->count - REMARKS_SHOWN);
}

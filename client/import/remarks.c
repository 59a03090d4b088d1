#include "client/import/remarks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "client/client.h"

bool remarks_report(struct remarks *remarks, const char *file)
{
    const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    remarks->file = file;
    remarks->report = fd < 0 ? NULL : fdopen(fd, "w");
    if (remarks->report == NULL) {
        say("can't write %s: %s", file, strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    fputs("line,reason\n", remarks->report);
    return true;
}

void remark_quietly(struct remarks *remarks, uint64_t line, const char *name)
{
    if (remarks->report != NULL) fprintf(remarks->report, "%" PRIu64 ",%s\n", line, name);
}

void remark(struct remarks *remarks, uint64_t line, const char *name, const char *text)
{
    remark_quietly(remarks, line, name);
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

bool remarks_close(struct remarks *remarks)
{
    FILE *report = remarks->report;
    bool failed;

    if (report == NULL) return true;
    remarks->report = NULL;
    failed = ferror(report) != 0;
    failed = fclose(report) != 0 || failed;
    if (failed) say("the report %s could not be written whole", remarks->file);
    return !failed;
}

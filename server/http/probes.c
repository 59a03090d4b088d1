#include "server/http/probes.h"

struct reply probe_alive(void)
{
    return reply_json(200, json_pack("{sb}", "alive", 1));
}

struct reply probe_ready(json_t *reasons)
{
    if (json_array_size(reasons) > 0) return reply_json(503, json_pack("{sb so}", "ready", 0, "reasons", reasons));
    json_decref(reasons);
    return reply_json(200, json_pack("{sb}", "ready", 1));
}

struct reply probe_metrics(const struct metrics *metrics, void (*more)(void *context, FILE *out), void *context)
{
    size_t size = 0, begin = 0;
    char *text = NULL, *fixed = metrics_text(metrics, &begin);
    FILE *out = fixed == NULL ? NULL : open_memstream(&text, &size);
    bool written = out != NULL && fwrite(fixed, 1, begin, out) == begin;
    if (written && more != NULL) more(context, out);
    if (out != NULL) written = fclose(out) == 0 && written;
    free(fixed);
    if (written) return reply_text(200, "text/plain; version=0.0.4; charset=utf-8", text, size);
    free(text);
    return reply_problem(REASON_BUSY);
}

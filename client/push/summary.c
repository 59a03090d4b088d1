#include "client/push/run.h"

#include "client/moment.h"

void summary_count(struct push *push, uint64_t line, const struct push_made *made)
{
    struct push_counts *counts = &push->counts;
    const bool fresh = line > push->remarked_line;

    counts->rows++;
    counts->entries += made->lines;
    counts->repeated += made->repeated;
    if (made->fault != ROW_FINE) {
        counts->faults.faults[made->fault]++;
        if (fresh && row_fault_is_skip(made->fault)) remark_quietly(&push->remarks, line, row_fault_name(made->fault));
        else if (fresh) remark(&push->remarks, line, row_fault_name(made->fault), row_fault_text(made->fault));
    }
    if (fresh && made->repeated) remark_quietly(&push->remarks, line, "repeated");
    if (fresh) push->remarked_line = line;
    if (made->lines == 0) return;
    counts->hashed += made->hashed;
    counts->suffixed += made->suffixed;
    counts->without_full += made->without_full;
    counts->without_near += made->without_near;
    counts->partial += made->partial;
    if (!fresh) return;
    if (made->without_full)
        remark(&push->remarks, line, "without-full", "jurisdiction blank or unknown: kept without grade `full`");
    if (made->without_near) remark(&push->remarks, line, "without-near", "too short, or partial: kept without grade `near`");
    if (made->suffixed)
        remark(&push->remarks, line, "reference-repeated",
               "the reference stands on another plate too: kept, with a suffix");
}

static const char *way_name(const struct push *push)
{
    if (push->options->mode != PUSH_REPLACE) return "change";
    return push->way == PUSH_WHOLE ? "replace" : "delta";
}

static json_t *summary_json(const struct push *push)
{
    const struct push_counts *counts = &push->counts;
    json_t *epochs = json_array(), *json;

    for (size_t i = 0; i < push->epochs.count; i++) json_array_append_new(epochs, json_string(push->epochs.list[i].id));
    json = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:f}", "list",
                     push->info.id, "agency", push->info.agency, "revision", (json_int_t)push->revision.number, "rows",
                     (json_int_t)counts->rows, "entries", (json_int_t)counts->entries, "unusable",
                     (json_int_t)row_counts_total(&counts->faults, false), "unusable_by_reason",
                     row_counts_json(&counts->faults, false), "left_out",
                     (json_int_t)row_counts_total(&counts->faults, true), "left_out_by_reason",
                     row_counts_json(&counts->faults, true), "without_full", (json_int_t)counts->without_full,
                     "without_near", (json_int_t)counts->without_near, "repeated", (json_int_t)counts->repeated,
                     "suffixed", (json_int_t)counts->suffixed, "hashed_references", (json_int_t)counts->hashed, "parts",
                     (json_int_t)push->totals.parts, "parts_skipped", (json_int_t)push->totals.skipped, "resumed",
                     (int)push->revision.resumed, "epochs", epochs, "seconds",
                     (double)(moment_monotonic_ms() - push->begin_ms) / 1000);
    (void)json_object_set_new(json, "partial", json_integer((json_int_t)counts->partial));
    (void)json_object_set_new(json, "way", json_string(way_name(push)));
    if (push->way == PUSH_WHOLE) return json;
    (void)json_object_set_new(json, "unchanged", json_integer((json_int_t)counts->unchanged));
    (void)json_object_set_new(json, "changed", json_integer((json_int_t)counts->changed));
    (void)json_object_set_new(json, "added", json_integer((json_int_t)counts->added));
    (void)json_object_set_new(json, "removed", json_integer((json_int_t)counts->removed));
    return json;
}

static void print_count(const char *what, uint64_t count)
{
    if (count > 0) printf("  %llu %s\n", (unsigned long long)count, what);
}

static void print_delta(const struct push_counts *counts)
{
    if (counts->added + counts->changed + counts->removed == 0) {
        puts("  unchanged; its age begins anew");
        return;
    }
    printf("  %llu added, %llu changed, %llu removed, %llu as they were\n", (unsigned long long)counts->added,
           (unsigned long long)counts->changed, (unsigned long long)counts->removed,
           (unsigned long long)counts->unchanged);
}

void summary_say_faults(const struct push *push)
{
    for (size_t i = 1; i < ROW_FAULTS; i++)
        if (push->counts.faults.faults[i] > 0)
            say("%llu of %llu rows: %s", (unsigned long long)push->counts.faults.faults[i],
                (unsigned long long)push->counts.rows, row_fault_text((enum row_fault)i));
}

bool summary_print(const struct push *push)
{
    const struct push_counts *counts = &push->counts;
    const bool removal = push->options->mode == PUSH_REMOVE;

    remarks_end(&push->remarks);
    if (push->settings->json) return print_json(summary_json(push));
    printf("%s/%s: revision %u, %llu %s from %llu rows in %.1f s\n", push->info.agency, push->info.id,
           push->revision.number, (unsigned long long)counts->entries, removal ? "removals" : "entries",
           (unsigned long long)counts->rows, (double)(moment_monotonic_ms() - push->begin_ms) / 1000);
    if (push->way != PUSH_WHOLE) print_delta(counts);
    for (size_t i = 1; i < ROW_FAULTS; i++)
        if (counts->faults.faults[i] > 0)
            printf("  %llu %s: %s\n", (unsigned long long)counts->faults.faults[i],
                   row_fault_is_skip((enum row_fault)i) ? "left out" : "unusable", row_fault_text((enum row_fault)i));
    print_count("kept without grade `full` (jurisdiction blank or unknown)", counts->without_full);
    print_count("partial plates, each with the tokens of all that fit", counts->partial);
    print_count("kept without grade `near` (too short, or partial)", counts->without_near);
    print_count("repeated", counts->repeated);
    print_count("with a suffix, because their reference stands on another plate too", counts->suffixed);
    print_count("references longer than 32 bytes, which go as digests that can't be opened again", counts->hashed);
    if (push->revision.resumed)
        printf("  went on where an earlier push broke off: %u parts stood already\n", push->totals.skipped);
    return !ferror(stdout);
}

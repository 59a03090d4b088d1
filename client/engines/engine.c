/* Which engines there are, and how a message of one is taken. */
#include "client/engines/engine.h"

#include <sodium.h>

#include "client/engines/adapters.h"
#include "client/engines/document_internal.h"

#define STACK_USED_BYTES 16384 /* that parsers leave pieces of the message on */

const struct engine *const engines[] = {
    &engine_axis,           &engine_dahua, &engine_frigate, &engine_genetec, &engine_hikvision, &engine_plain,
    &engine_platerecognizer, &engine_rekor, &engine_unifi,   &engine_verkada, NULL,
};

const struct engine *engine_named(const char *name)
{
    for (size_t i = 0; engines[i] != NULL; i++)
        if (strcmp(engines[i]->name, name) == 0) return engines[i];
    return NULL;
}

const char *engine_outcome_name(enum engine_outcome outcome)
{
    static const char *const names[ENGINE_OUTCOMES] = {
        [ENGINE_TAKEN] = "taken", [ENGINE_UNKNOWN] = "unknown", [ENGINE_TYPE] = "type", [ENGINE_MALFORMED] = "malformed", [ENGINE_TOO_LARGE] = "too-large",
    };

    return names[outcome];
}

enum engine_outcome engine_take(const struct engine *engine, const struct engine_message *message, const struct engine_options *options,
                                struct engine_reads *reads)
{
    struct document document;
    enum engine_outcome outcome;

    memset(reads, 0, sizeof(*reads));
    outcome = document_open(message, engine->forms, &document);
    if (outcome == ENGINE_TAKEN) outcome = engine->take(&document, options, reads);
    if (outcome == ENGINE_TAKEN) engine_sort(reads);
    else reads->count = 0;
    if (reads->count > 0 && reads->faults[ENGINE_IMAGE] == 0) reads->faults[ENGINE_IMAGE] = document_no_pictures(&document);
    sodium_stackzero(STACK_USED_BYTES);
    return outcome;
}

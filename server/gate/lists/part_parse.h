/* The lines of a part of a revision (docs/protocol.md, "Lists") into entries and slots: tokens end here.  Strict: known members only, each
   once, within limits; the first line that is not what it must be ends it. */
#ifndef SERVER_GATE_LISTS_PART_PARSE_H
#define SERVER_GATE_LISTS_PART_PARSE_H

#include "server/gate/db/db.h"

/* What an epoch named by the pusher turns tokens into slots with; peppers must stay valid during the call. */
struct part_epoch {
    char id[LIMIT_EPOCH_ID_MAX + 1];
    uint64_t number;
    const struct platesieve_pepper *pepper;
};

/* AGENCY and LIST name the list (they enter each entry's key).  Fails with REASON_LINE and *line (from 1), REASON_DUPLICATE_REFERENCE with
   *line, REASON_KEY_ID (tokens for an epoch that is not among EPOCHS) or REASON_BUSY.  Free PART with part_free() in any case. */
struct result part_parse(const char *body, size_t size, const char *agency, const char *list, const struct part_epoch *epochs, size_t epoch_count,
                         struct part *part, uint32_t *line);
void part_free(struct part *part);

#endif

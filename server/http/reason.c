#include "server/http/reason.h"

static const struct reason_row rows[REASON_COUNT] = {
    [REASON_NONE] = { "none", 200, "Fine", "Nothing is wrong.", 0 },
    [REASON_BAD_JSON] = { "bad-json", 400, "The body is not acceptable JSON",
                          "Send one complete JSON value, without duplicate members, at most 12 levels deep.", 0 },
    [REASON_BAD_FIELD] = { "bad-field", 400, "A member is not what it must be",
                           "A member is missing, unknown, of the wrong type or out of its range; see docs/protocol.md.", 0 },
    [REASON_BAD_QUERY] = { "bad-query", 400, "The query is not what it must be",
                           "An argument is unknown, given twice, or out of its range; see docs/protocol.md.", 0 },
    [REASON_BAD_LENGTH] = { "bad-length", 400, "The body's length is not clear",
                            "Send exactly one Content-Length, no Transfer-Encoding, and no body where none belongs.", 0 },
    [REASON_NO_LENGTH] = { "no-length", 411, "Content-Length is missing", "Say the body's length before the body.", 0 },
    [REASON_BODY_TOO_LARGE] = { "body-too-large", 413, "The body is too large", "Send less in one request.", 0 },
    [REASON_URL_TOO_LONG] = { "url-too-long", 414, "The URL is too long", "Shorten it to 2048 bytes.", 0 },
    [REASON_MEDIA_TYPE] = { "media-type", 415, "This kind of content is not accepted here", "See docs/protocol.md for what is.", 0 },
    [REASON_NOT_FOUND] = { "not-found", 404, "There is no such thing", "Check the path and the name in it.", 0 },
    [REASON_METHOD] = { "method", 405, "This method is not served here", "The header Allow names those that are.", 0 },
    [REASON_FORBIDDEN] = { "forbidden", 403, "This role may not do that", "Ask with a certificate of a role that may.", 0 },
    [REASON_REVOKED] = { "revoked", 403, "The certificate is no longer valid", "It was revoked or has expired: ask for a new one.", 0 },
    [REASON_TIME] = { "time", 422, "The time is out of range", "seen_at is too old or in the future: check the clock.", 0 },
    [REASON_POLICY] = { "policy", 409, "Another policy is in force", "Fetch /v1/lane and try again with its epochs and grades.", 0 },
    [REASON_KEY_ID] = { "key-id", 409, "The epoch has another key",
                        "Fetch the epoch's key from the key server and compute the tokens again.", 0 },
    [REASON_NO_LISTS] = { "no-lists", 503, "No list is loaded that covers the read", "Nothing was checked. Try the next gate.", 5 },
    [REASON_SPOOL] = { "spool", 503, "Hits can't be kept safely", "Nothing was checked. Try the next gate.", 5 },
    [REASON_STARTING] = { "starting", 503, "The lists are not loaded yet", "Nothing was checked. Try again shortly.", 1 },
    [REASON_LIST_EXISTS] = { "list-exists", 409, "This list exists already", "Push a revision to it, or choose another name.", 0 },
    [REASON_BASE] = { "base", 409, "The list has moved on", "Fetch the list, and push on top of its current revision.", 0 },
    [REASON_PARTS] = { "parts", 422, "The parts don't add up",
                       "Compare count, lines and digests with the revision's parts, send what is missing, commit again.", 0 },
    [REASON_LINE] = { "line", 422, "A line is not what it must be", "Nothing of this part was kept; see docs/protocol.md for the form.", 0 },
    [REASON_DUPLICATE_REFERENCE] = { "duplicate-reference", 422, "A reference is used twice", "Name each reference once in a revision.", 0 },
    [REASON_UNKNOWN_REFERENCE] = { "unknown-reference", 422, "An entry does not stand",
                                   "Mode tokens is for entries that stand; add the others with mode change.", 0 },
    [REASON_CAP] = { "cap", 422, "The list would exceed its cap", "Shorten it, or ask the operator. The last revision stays.", 0 },
    [REASON_TOO_MANY] = { "too-many", 409, "There are too many of these", "Drop one that is not needed any more.", 0 },
    [REASON_COMMITTED] = { "committed", 409, "The revision is committed already", "Begin a new one.", 0 },
    [REASON_GONE] = { "gone", 410, "The epoch is closed", "Its key is not given out any more.", 0 },
    [REASON_DATABASE] = { "database", 503, "The database is away", "Try again; nothing was changed.", 2 },
    [REASON_BUSY] = { "busy", 503, "Too much is going on", "Try again shortly.", 1 },
    [REASON_TIMEOUT] = { "timeout", 503, "It took too long", "Try again; a repeated request does no harm.", 1 },
    [REASON_INTERNAL] = { "internal", 500, "Our fault", "This is a bug. The operator's log has more.", 0 },
    [REASON_SETTINGS] = { "settings", 500, "The settings are wrong", "The log says which.", 0 },
    [REASON_ADDRESS_IN_USE] = { "address-in-use", 500, "The address is in use", "Stop what listens there, or choose another.", 0 },
};

const struct reason_row *reason_row(enum reason reason)
{
    bool known = (unsigned)reason < REASON_COUNT && rows[reason].name != NULL;
    return &rows[known ? reason : REASON_INTERNAL];
}

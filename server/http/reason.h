/* Why something failed, for both daemons: one enum, and in reason.c one table (name, HTTP status, title, one-line
   advice). A result is a struct, so that it can't be dropped or taken for a number. */
#ifndef SERVER_HTTP_REASON_H
#define SERVER_HTTP_REASON_H

#include <stdbool.h>

#include "include/cleanup.h"

enum reason {
    REASON_NONE = 0,
    /* the request */
    REASON_BAD_JSON,       /* 400: not JSON, too deep, a duplicate member, cut off */
    REASON_BAD_FIELD,      /* 400: a member is missing, unknown, of the wrong type or out of its range */
    REASON_BAD_QUERY,      /* 400 */
    REASON_BAD_LENGTH,     /* 400: Content-Length twice, or Transfer-Encoding, or a body where none belongs */
    REASON_NO_LENGTH,      /* 411: POST or PUT without Content-Length */
    REASON_BODY_TOO_LARGE, /* 413 */
    REASON_URL_TOO_LONG,   /* 414 */
    REASON_MEDIA_TYPE,     /* 415 */
    REASON_NOT_FOUND,      /* 404 */
    REASON_METHOD,         /* 405 */
    REASON_FORBIDDEN,      /* 403: this role may not */
    REASON_REVOKED,        /* 403: certificate revoked or expired on an open connection; the connection is closed */
    REASON_UNREGISTERED,   /* 403: the operator of this daemon has not registered this name; the connection is closed */
    REASON_RIGHT,          /* 403: this agency's name was registered without the right to do this */
    REASON_OVER_QUOTA,     /* 429, Retry-After */
    REASON_TOO_MUCH,       /* 413: more in one request than a minute's or a day's quota */
    REASON_TIME,           /* 422: seen_at is too old or in the future: check the clock */
    /* checks */
    REASON_POLICY,   /* 409 */
    REASON_KEY_ID,   /* 409 */
    REASON_NO_LISTS, /* 503 */
    REASON_SPOOL,    /* 503 */
    REASON_STARTING, /* 503 */
    /* lists */
    REASON_LIST_EXISTS,         /* 409 */
    REASON_BASE,                /* 409 */
    REASON_PARTS,               /* 422 */
    REASON_LINE,                /* 422: a line of a part is not what it must be */
    REASON_DUPLICATE_REFERENCE, /* 422 */
    REASON_UNKNOWN_REFERENCE,   /* 422: `tokens` for an entry that does not stand */
    REASON_CAP,                 /* 422 */
    REASON_GUARD,               /* 422: the commit would shrink or grow the list too much */
    REASON_RULES,               /* 409: the list's rules have moved on, or another change waits */
    REASON_ENDS,                /* 422: a covert or near list must end, soon enough */
    REASON_CALIBRATION,         /* 422: what a calibration list may not be */
    REASON_SAME_PERSON,         /* 403: whoever asked for a change can't approve it */
    REASON_TOO_MANY,            /* 409: too many lists, or open revisions */
    REASON_COMMITTED,           /* 409: the revision is committed already */
    /* evidence */
    REASON_HEADER,     /* 422: a list's header does not hold: signature, names, recipients, time */
    REASON_SERIAL,     /* 409: a header that is not newer than all before it */
    REASON_READABLE,   /* 422: a picture that anybody can open */
    REASON_NOT_SEALED, /* 422: not CMS of exactly the form that evidence has */
    REASON_RECIPIENTS, /* 422: sealed to others than the list's header names */
    REASON_LATE,       /* 410: after the window for pictures of this hit, or for words on it */
    REASON_SPOOLED,    /* 503: the hit is perhaps still in the spool */
    /* hits */
    REASON_STREAMS, /* 503, Retry-After: too many streams are open */
    REASON_WEBHOOK, /* 422: an address to which this gate's operator lets no webhook go */
    REASON_CURSOR, /* 409: of no hit of this agency that there is */
    REASON_NOT_YOURS, /* 403: the agency that shares the hit keeps verdicts to itself */
    REASON_AGENCY,    /* 422: no identity of that agency is registered here */
    REASON_ERASED, /* 410: a misread: what it said is gone */
    REASON_FORGED,              /* 409: the list in the database is not what gates made of it, or older than it was */
    /* epochs */
    REASON_GONE,    /* 410: the epoch is closed */
    REASON_SUITE,   /* 404: the epoch is of a suite whose key is not given out, or not evaluated with */
    REASON_ELEMENT, /* 422: an element is not canonical, not one of the group, or the identity */
    /* registration */
    REASON_NAME,          /* 422: no name, or of a role that this daemon has no use for */
    REASON_LAST_OPERATOR, /* 409 */
    REASON_REGISTRY,      /* 503: its file can't be read or written */
    REASON_ROTATION, /* 409: no epoch can open then */
    /* enrolment */
    REASON_WAITING_ROOM, /* 503, Retry-After: too many requests for certificates wait */
    REASON_CERTIFICATE,  /* 422: what is meant to be a certificate, or a request for one, is none */
    REASON_ANSWERED,     /* 409: the request was answered already */
    /* the machine */
    REASON_DATABASE, /* 503, Retry-After */
    REASON_BUSY,     /* 503, Retry-After: limits on memory or queue reached */
    REASON_TIMEOUT,  /* 503 */
    REASON_INTERNAL, /* 500: our bug */
    /* starting; never sent */
    REASON_SETTINGS,       /* something in the settings is wrong: exit code 2 */
    REASON_ADDRESS_IN_USE, /* exit code 4 */
    REASON_COUNT
};

struct MUST_USE_TYPE result {
    enum reason reason;
};

#define OK ((struct result){ REASON_NONE })
#define FAIL(why) ((struct result){ (why) })

static inline bool failed(struct result result)
{
    return result.reason != REASON_NONE;
}

#define TRY(expression) \
    do { \
        struct result try_result_ = (expression); \
        if (failed(try_result_)) return try_result_; \
    } while (0)

/* In a handler: leave with the problem that the result names. */
#define TRY_REPLY(expression) \
    do { \
        struct result try_result_ = (expression); \
        if (failed(try_result_)) return reply_problem(try_result_.reason); \
    } while (0)

struct reason_row {
    const char *name; /* last part of the problem's type */
    unsigned status;  /* HTTP */
    const char *title;
    const char *advice;
    unsigned retry_after_s; /* 0: none */
};

/* Does an answer with this problem end the connection?  Nobody who isn't admitted keeps one. */
static inline bool reason_ends(enum reason reason)
{
    return reason == REASON_REVOKED || reason == REASON_UNREGISTERED;
}

/* Never NULL. */
const struct reason_row *reason_row(enum reason reason);

#endif

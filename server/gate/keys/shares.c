/* See shares.h. */
#include "server/gate/keys/shares.h"

/* What one server says of one epoch. */
struct claim {
    size_t at;
    const struct keys_epoch *epoch;
    bool good; /* it is believed */
};

struct claims {
    size_t count;
    struct claim list[KEYS_SERVERS_MAX];
};

struct combining {
    const struct keys_told *told;
    const struct epoch_book *book;
    bool only_shared;
    struct keys_answer *answer;
    struct keys_report *report;
    bool liars[KEYS_SERVERS_MAX]; /* about the key of an epoch that is pinned */
};

bool keys_told_shares(const struct keys_told *told)
{
    for (size_t at = 0; at < told->count; at++)
        for (size_t i = 0; told->servers[at].answered && i < told->servers[at].answer.count; i++)
            if (told->servers[at].answer.epochs[i].server != 0) return true;
    return false;
}

static void blame(struct combining *combining, size_t at, enum keys_fault fault)
{
    if (combining->report->faults[at] == KEYS_FINE) combining->report->faults[at] = fault;
}

static const struct keys_epoch *find_pin(const struct combining *combining, const char *id)
{
    for (size_t i = 0; i < combining->book->count; i++)
        if (strcmp(combining->book->epochs[i].known.id, id) == 0) return &combining->book->epochs[i].known;
    return NULL;
}

/* Of one epoch: what is said of shares, or of whole keys. */
static void collect(const struct combining *combining, const char *id, bool shares, struct claims *claims)
{
    claims->count = 0;
    for (size_t at = 0; at < combining->told->count; at++) {
        const struct keys_answer *answer = &combining->told->servers[at].answer;
        size_t i = 0;

        if (!combining->told->servers[at].answered) continue;
        while (i < answer->count && strcmp(answer->epochs[i].id, id) != 0) i++;
        if (i < answer->count && (answer->epochs[i].server != 0) == shares)
            claims->list[claims->count++] = (struct claim){ .at = at, .epoch = &answer->epochs[i] };
    }
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

static bool line_of(const struct claim *a, const struct claim *b, struct platesieve_element *key)
{
    return !platesieve_failed(platesieve_voprf_combine(a->epoch->server, &a->epoch->public_key, b->epoch->server,
                                                       &b->epoch->public_key, key));
}

/* Good are those that lie on one line with KEY and another; returns how many. */
static size_t judge(struct claims *claims, const struct platesieve_element *key)
{
    size_t good = 0;

    for (size_t i = 0; i < claims->count; i++) {
        for (size_t k = i + 1; k < claims->count; k++) {
            struct platesieve_element one;

            if (line_of(&claims->list[i], &claims->list[k], &one) && memcmp(&one, key, sizeof(one)) == 0)
                claims->list[i].good = claims->list[k].good = true;
        }
        good += claims->list[i].good;
    }
    return good;
}

/* The key that all, at least two, agree on. */
static bool agree(struct claims *claims, struct platesieve_element *key)
{
    return claims->count >= 2 && line_of(&claims->list[0], &claims->list[1], key) && judge(claims, key) == claims->count;
}

/* -- calendars ----------------------------------------------------------------------------------------------------- */

/* The time of a destruction that took place is each server's own. */
static bool same_calendar(const struct keys_epoch *a, const struct keys_epoch *b)
{
    return a->number == b->number && a->opens_ms == b->opens_ms && a->closes_ms == b->closes_ms &&
           (a->destroyed || b->destroyed || a->destroyed_ms == b->destroyed_ms);
}

/* The calendar of two good claims at least; NULL: there are no two. */
static const struct keys_epoch *vote(const struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        for (size_t k = i + 1; claims->list[i].good && k < claims->count; k++)
            if (claims->list[k].good && same_calendar(claims->list[i].epoch, claims->list[k].epoch))
                return claims->list[claims->list[i].epoch->destroyed ? k : i].epoch;
    return NULL;
}

/* One server's word is not enough for that either. */
static bool is_destroyed(const struct claims *claims)
{
    size_t votes = 0;

    for (size_t i = 0; i < claims->count; i++) votes += claims->list[i].good && claims->list[i].epoch->destroyed;
    return votes >= 2;
}

static void put(struct combining *combining, const struct keys_epoch *epoch)
{
    if (combining->answer->count < LIMIT_EPOCHS_KNOWN)
        combining->answer->epochs[combining->answer->count++] = *epoch;
}

/* What the good ones say, under KEY. */
static void put_shared(struct combining *combining, const struct claims *claims, const struct platesieve_element *key)
{
    const struct keys_epoch *calendar = vote(claims);

    if (calendar == NULL) {
        combining->report->contradiction = true;
        return;
    }
    struct keys_epoch epoch = *calendar;
    epoch.server = 0;
    epoch.public_key = *key;
    epoch.destroyed = is_destroyed(claims);
    if (platesieve_failed(platesieve_voprf_key_id(key, epoch.key_id))) return;
    put(combining, &epoch);
    for (size_t i = 0; i < claims->count; i++)
        if (!same_calendar(claims->list[i].epoch, calendar)) blame(combining, claims->list[i].at, KEYS_OTHER_CALENDAR);
}

/* -- one epoch ----------------------------------------------------------------------------------------------------- */

/* Who has the key that is pinned; NULL: nobody. */
static const struct keys_epoch *whole_key(const struct claims *wholes, const struct keys_epoch *pin)
{
    for (size_t i = 0; i < wholes->count; i++)
        if (memcmp(wholes->list[i].epoch->key_id, pin->key_id, sizeof(pin->key_id)) == 0) return wholes->list[i].epoch;
    return NULL;
}

/* Servers that agree, on another key than the pinned one, may say that it is destroyed: they lost what the pinned one was
   made of, and nobody has it any more. */
static bool take_end(struct combining *combining, struct claims *shares)
{
    struct platesieve_element key;

    if (!agree(shares, &key) || !is_destroyed(shares)) return false;
    put_shared(combining, shares, &key);
    return true;
}

static void take_pinned(struct combining *combining, const char *id, const struct keys_epoch *pin)
{
    struct claims shares, wholes;

    collect(combining, id, true, &shares);
    collect(combining, id, false, &wholes);
    const struct keys_epoch *whole = wholes.count == 0 || combining->only_shared ? NULL : whole_key(&wholes, pin);
    if (whole != NULL) { /* others have shares of an epoch that began with a whole key: three are coming to be */
        put(combining, whole);
        return;
    }
    if (shares.count == 0 && wholes.count > 0) {
        if (!combining->only_shared) put(combining, wholes.list[0].epoch);
        return;
    }
    size_t good = judge(&shares, &pin->public_key);
    if (good == 0 && shares.count >= 2 && !take_end(combining, &shares)) combining->report->contradiction = true;
    if (good == 0) return;
    for (size_t i = 0; i < shares.count; i++)
        if (!shares.list[i].good) blame(combining, shares.list[i].at, KEYS_WRONG_SHARE);
    for (size_t i = 0; i < wholes.count; i++) blame(combining, wholes.list[i].at, KEYS_WHOLE_KEY);
    put_shared(combining, &shares, &pin->public_key);
}

static void drop_liars(const struct combining *combining, struct claims *claims)
{
    size_t kept = 0;

    for (size_t i = 0; i < claims->count; i++)
        if (!combining->liars[claims->list[i].at]) claims->list[kept++] = claims->list[i];
    claims->count = kept;
}

static void take_new(struct combining *combining, const char *id)
{
    struct platesieve_element key;
    struct claims shares, wholes;

    collect(combining, id, true, &shares);
    collect(combining, id, false, &wholes);
    drop_liars(combining, &shares);
    if (shares.count == 0) {
        if (!combining->only_shared && wholes.count > 0) put(combining, wholes.list[0].epoch);
        return;
    }
    if (agree(&shares, &key)) {
        for (size_t i = 0; i < wholes.count; i++) blame(combining, wholes.list[i].at, KEYS_WHOLE_KEY);
        put_shared(combining, &shares, &key);
    } else if (shares.count >= 2) {
        combining->report->contradiction = true;
    }
}

/* -- clocks -------------------------------------------------------------------------------------------------------- */

static bool has_wrong_clock(const struct keys_told *told, size_t at)
{
    const int64_t now_ms = told->servers[at].answer.now_ms, heard_ms = told->servers[at].heard_ms;

    return now_ms != 0 && heard_ms != 0 &&
           (now_ms > heard_ms + KEYS_CLOCK_APART_MS || now_ms < heard_ms - KEYS_CLOCK_APART_MS);
}

/* Those whose clock is wrong, unless all are: then it is this gate's own. */
static void compare_clocks(struct combining *combining)
{
    const struct keys_told *told = combining->told;
    size_t right = 0;

    for (size_t at = 0; at < told->count; at++) right += told->servers[at].answered && !has_wrong_clock(told, at);
    for (size_t at = 0; at < told->count && right > 0; at++)
        if (told->servers[at].answered && has_wrong_clock(told, at)) blame(combining, at, KEYS_OTHER_CALENDAR);
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static bool told_before(const struct keys_told *told, size_t at, const char *id)
{
    for (size_t before = 0; before < at; before++)
        for (size_t i = 0; told->servers[before].answered && i < told->servers[before].answer.count; i++)
            if (strcmp(told->servers[before].answer.epochs[i].id, id) == 0) return true;
    return false;
}

/* Each epoch once: those that are pinned, or those that are not. */
static void pass(struct combining *combining, bool pinned)
{
    for (size_t at = 0; at < combining->told->count; at++) {
        const struct keys_answer *answer = &combining->told->servers[at].answer;

        for (size_t i = 0; combining->told->servers[at].answered && i < answer->count; i++) {
            const char *id = answer->epochs[i].id;
            const struct keys_epoch *pin = find_pin(combining, id);

            if ((pin != NULL) != pinned || told_before(combining->told, at, id)) continue;
            if (pinned) take_pinned(combining, id, pin);
            else take_new(combining, id);
        }
    }
}

void keys_shares_combine(const struct keys_told *told, const struct epoch_book *book, bool only_shared,
                         struct keys_answer *answer, struct keys_report *report)
{
    struct combining combining = { told, book, only_shared, answer, report, { false } };

    *answer = (struct keys_answer){ .count = 0 };
    *report = (struct keys_report){ .contradiction = false };
    for (size_t at = 0; at < told->count; at++) {
        if (!told->servers[at].answered) continue;
        answer->strange += told->servers[at].answer.strange;
        for (size_t i = 0; i < told->servers[at].answer.count; i++)
            if (told->servers[at].answer.epochs[i].server != 0)
                report->shares[at] = told->servers[at].answer.epochs[i].server;
    }
    pass(&combining, true);
    for (size_t at = 0; at < told->count; at++)
        combining.liars[at] = report->faults[at] == KEYS_WRONG_SHARE || report->faults[at] == KEYS_WHOLE_KEY;
    pass(&combining, false);
    compare_clocks(&combining);
}

/* Reading the file of registered names.  It says who may log in: what is not understood completely is refused as a
   whole. */
#include "server/http/clock.h"
#include "server/http/rights.h"
#include "server/http/roll.h"

struct parsing {
    unsigned roles;
    struct roll *roll;
    struct roll_problem *problem;
    struct roll_entry entry; /* of the section that is being read */
    bool open, quota, rights, since, by;
};

static bool refuse(struct parsing *parsing, const char *why)
{
    parsing->problem->why = why;
    return false;
}

/* -- lines ------------------------------------------------------------------------------------- */

struct span {
    const char *at;
    size_t size;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span span)
{
    while (span.size > 0 && is_blank(span.at[0])) span.at++, span.size--;
    while (span.size > 0 && is_blank(span.at[span.size - 1])) span.size--;
    return span;
}

static bool is_text(struct span span)
{
    for (size_t i = 0; i < span.size; i++)
        if ((span.at[i] < ' ' && span.at[i] != '\t') || span.at[i] > '~') return false;
    return true;
}

static bool equals(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.at, text, span.size) == 0;
}

/* False when it does not fit. */
static bool copy(struct span span, char *out, size_t room)
{
    if (span.size >= room) return false;
    memcpy(out, span.at, span.size);
    out[span.size] = 0;
    return true;
}

/* -- what they say ----------------------------------------------------------------------------- */

static bool finish_section(struct parsing *parsing)
{
    if (!parsing->open) return true;
    parsing->open = false;
    struct result result = roll_put(parsing->roll, &parsing->entry);
    if (!failed(result)) return true;
    return refuse(parsing, result.reason == REASON_TOO_MANY ? "there are too many names" : "no memory");
}

static bool begin_section(struct parsing *parsing, struct span line)
{
    struct peer peer;
    if (!finish_section(parsing)) return false;
    if (line.at[line.size - 1] != ']') return refuse(parsing, "a section's ] is missing");
    struct span name = { line.at + 1, line.size - 2 };
    if (failed(peer_parse_name(name.at, name.size, &peer))) return refuse(parsing, "this is not a name");
    if ((peer.role & parsing->roles) == 0) return refuse(parsing, "this daemon has no use for names of this role");
    if (roll_find(parsing->roll, peer.name) != NULL) return refuse(parsing, "this name is there already");
    parsing->entry = (struct roll_entry){ .role = peer.role, .rights = roll_rights_default(peer.role) };
    memcpy(parsing->entry.name, peer.name, sizeof parsing->entry.name);
    snprintf(parsing->entry.quota, sizeof parsing->entry.quota, "%s", roll_quota_default(peer.role));
    parsing->open = true;
    parsing->quota = parsing->rights = parsing->since = parsing->by = false;
    return true;
}

/* Letters of names, and /: what a name or "local/<user>" is made of. */
static bool is_origin(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_./") == strlen(text);
}

static bool take_rights(struct parsing *parsing, struct span value)
{
    char text[RIGHTS_TEXT_SIZE * 2];
    if (parsing->entry.role != ROLE_AGENCY) return refuse(parsing, "only names of agencies have rights");
    return (copy(value, text, sizeof text) && rights_parse(text, &parsing->entry.rights)) ||
           refuse(parsing, "rights are some of push view decrypt, each once");
}

static bool take_value(struct parsing *parsing, struct span key, struct span value)
{
    struct roll_entry *entry = &parsing->entry;
    bool *seen = equals(key, "quota")    ? &parsing->quota
                 : equals(key, "rights") ? &parsing->rights
                 : equals(key, "since")  ? &parsing->since
                 : equals(key, "by")     ? &parsing->by
                                         : NULL;
    if (seen == NULL) return refuse(parsing, "this key is not known");
    if (*seen) return refuse(parsing, "this key is given twice");
    *seen = true;
    if (seen == &parsing->quota)
        return (copy(value, entry->quota, sizeof entry->quota) && roll_quota_valid(entry->quota)) ||
               refuse(parsing, "this is not a profile's name");
    if (seen == &parsing->rights) return take_rights(parsing, value);
    if (seen == &parsing->by)
        return (copy(value, entry->by, sizeof entry->by) && is_origin(entry->by)) ||
               refuse(parsing, "this does not say by whom");
    int64_t ms;
    if (!time_parse(value.at, value.size, &ms)) return refuse(parsing, "this is not a time");
    entry->since_s = ms / 1000;
    return true;
}

static bool take_line(struct parsing *parsing, struct span line)
{
    if (line.size > 0 && line.at[line.size - 1] == '\r') line.size--;
    line = trim(line);
    if (line.size == 0 || line.at[0] == ';' || line.at[0] == '#') return true;
    if (!is_text(line)) return refuse(parsing, "this is not text");
    if (line.at[0] == '[') return begin_section(parsing, line);
    const char *sign = memchr(line.at, '=', line.size);
    if (sign == NULL || !parsing->open) return refuse(parsing, "this is neither a [name] nor key = value below one");
    struct span key = { line.at, (size_t)(sign - line.at) };
    struct span value = { sign + 1, line.size - key.size - 1 };
    return take_value(parsing, trim(key), trim(value));
}

bool roll_parse(const char *text, size_t size, unsigned roles, struct roll *roll, struct roll_problem *problem)
{
    struct parsing parsing = { .roles = roles, .roll = roll, .problem = problem };
    *roll = (struct roll){ 0 };
    *problem = (struct roll_problem){ 0, NULL };
    if (size > LIMIT_REGISTRY_BYTES) return refuse(&parsing, "it is too large");
    if (memchr(text, 0, size) != NULL) return refuse(&parsing, "it is not text");
    for (const char *at = text, *end = text + size; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        problem->line++;
        if (line_end == NULL) return refuse(&parsing, "its last line is cut off");
        if (!take_line(&parsing, (struct span){ at, (size_t)(line_end - at) })) return false;
        at = line_end + 1;
    }
    return finish_section(&parsing);
}

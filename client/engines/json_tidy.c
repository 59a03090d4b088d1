/* JSON as engines write it, for a parser that refuses a message for one bad byte, keeps numbers as doubles and copies every string.
 *
 * A picture in base64 is most of a message: it is not copied, but stays where it is.  Numbers keep all of their digits (ids have many), and NaN, which
 * several engines write, is no reason to lose the rest. */
#include <utf8proc.h>

#include "client/engines/document_internal.h"

struct tidy {
    const char *end;
    char *at;  /* in the message */
    char *out; /* NULL: nothing is written */
    size_t size;
    unsigned depth;
    struct document *document;
};

static void put(struct tidy *tidy, const char *bytes, size_t size)
{
    if (tidy->out != NULL) memcpy(tidy->out + tidy->size, bytes, size);
    tidy->size += size;
}

static void put_replacement(struct tidy *tidy)
{
    put(tidy, "\xEF\xBF\xBD", 3);
}

/* -- strings ------------------------------------------------------------------------------------------------------- */

/* The quote that ends the string whose first byte is at AT; NULL: none. */
static char *string_end(char *at, const char *end)
{
    for (char *look = at, *quote; (quote = memchr(look, '"', (size_t)(end - look))) != NULL; look = quote + 1) {
        const char *back = quote;

        while (back > at && back[-1] == '\\') back--;
        if ((quote - back) % 2 == 0) return quote;
    }
    return NULL;
}

static void put_blob(struct tidy *tidy, struct span escaped)
{
    struct document *document = tidy->document;
    char mark[5] = { TIDY_MARK, TIDY_BLOB, '9', '9', 0 };

    if (tidy->out != NULL && document->blob_count < LIMIT_ENGINE_BLOBS) {
        mark[2] = (char)('0' + document->blob_count / 10);
        mark[3] = (char)('0' + document->blob_count % 10);
        document->blobs[document->blob_count++] = (struct document_blob){ .escaped = escaped };
    }
    put(tidy, mark, 4);
}

static bool hexadecimal(const char *text, const char *end, unsigned *value)
{
    *value = 0;
    if (end - text < 4) return false;
    for (int i = 0; i < 4; i++) {
        const char c = text[i];

        *value <<= 4;
        if (c >= '0' && c <= '9') *value += (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f') *value += (unsigned)((c | 32) - 'a' + 10);
        else return false;
    }
    return true;
}

/* One escape; a zero byte, half a surrogate pair, and what is none, is replaced. */
static const char *put_escape(struct tidy *tidy, const char *at, const char *end)
{
    size_t size = 2;
    unsigned first, second;

    if (end - at >= 2 && at[1] == 'u' && hexadecimal(at + 2, end, &first)) {
        size = 6;
        if (first >= 0xD800 && first <= 0xDBFF && end - at >= 12 && at[6] == '\\' && at[7] == 'u' && hexadecimal(at + 8, end, &second) &&
            second >= 0xDC00 && second <= 0xDFFF)
            size = 12;
        else if ((first >= 0xD800 && first <= 0xDFFF) || first == 0) {
            put_replacement(tidy);
            return at + 6;
        }
    } else if (end - at < 2 || memchr("\"\\/bfnrt", at[1], 8) == NULL) {
        put_replacement(tidy);
        return at + 1;
    }
    put(tidy, at, size);
    return at + size;
}

/* The escape or character at AT, which is no ASCII that stands for itself. */
static const char *put_special(struct tidy *tidy, const char *at, const char *end)
{
    utf8proc_int32_t character;
    utf8proc_ssize_t size;

    if (*at == '\\') return put_escape(tidy, at, end);
    if (*at == '\t' || *at == '\n' || *at == '\r') {
        put(tidy, " ", 1);
        return at + 1;
    }
    size = (unsigned char)*at < 0x20 ? -1 : utf8proc_iterate((const utf8proc_uint8_t *)at, end - at, &character);
    if (size > 0) put(tidy, at, (size_t)size);
    else put_replacement(tidy);
    return at + (size > 0 ? size : 1);
}

static bool is_simple(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '\\';
}

static void put_string(struct tidy *tidy, const char *at, const char *end)
{
    while (at < end) {
        const char *begin = at;

        while (at < end && is_simple((unsigned char)*at)) at++;
        put(tidy, begin, (size_t)(at - begin));
        if (at < end) at = put_special(tidy, at, end);
    }
}

/* What begins with the quote at tidy->at; a string without an end ends the message. */
static void take_string(struct tidy *tidy)
{
    char *first = tidy->at + 1, *last = string_end(first, tidy->end);

    put(tidy, "\"", 1);
    if (last == NULL) {
        tidy->at += tidy->end - tidy->at;
        return;
    }
    if (last - first >= LIMIT_ENGINE_BLOB_BYTES) put_blob(tidy, (struct span){ first, (size_t)(last - first) });
    else put_string(tidy, first, last);
    put(tidy, "\"", 1);
    tidy->at = last + 1;
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '+' || c == '-' || c == '.';
}

static bool is_number(const char *word, size_t size)
{
    static const char *const names[] = { "nan", "NaN", "NAN", "inf", "Inf", "Infinity" };

    if ((word[0] >= '0' && word[0] <= '9') || word[0] == '-' || word[0] == '+' || word[0] == '.') return true;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (strlen(names[i]) == size && memcmp(names[i], word, size) == 0) return true;
    return false;
}

static void take_word(struct tidy *tidy)
{
    static const char mark[] = { '"', TIDY_MARK, TIDY_NUMBER };
    const char *word = tidy->at;
    size_t size;

    while (tidy->at < tidy->end && is_word(*tidy->at)) tidy->at++;
    size = (size_t)(tidy->at - word);
    if (!is_number(word, size)) {
        put(tidy, word, size);
        return;
    }
    put(tidy, mark, sizeof(mark));
    if (size <= LIMIT_ENGINE_NUMBER_BYTES) put(tidy, word, size);
    put(tidy, "\"", 1);
}

size_t json_tidy(struct document *document, struct span text, char *out)
{
    struct tidy tidy = { .end = text.text + text.size, .at = text.text, .out = out, .document = document };

    while (tidy.at < tidy.end) {
        const char c = *tidy.at;

        if (c == '"') {
            take_string(&tidy);
            continue;
        }
        if (is_word(c)) {
            take_word(&tidy);
            continue;
        }
        if ((c == '{' || c == '[') && ++tidy.depth > LIMIT_ENGINE_DEPTH) return 0;
        if ((c == '}' || c == ']') && tidy.depth > 0) tidy.depth--;
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') put(&tidy, &c, 1);
        tidy.at++;
    }
    return tidy.size;
}

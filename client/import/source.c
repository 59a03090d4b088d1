#include "client/import/source.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <platesieve/platesieve.h>

#define RAW_BYTES 65536

struct source {
    int fd;
    enum encoding encoding;
    iconv_t converter;
    bool converting, ended, cut;
    char *raw; /* raw[begin..end): read and not yet handed out */
    size_t begin, end;
    uint64_t bytes;
};

static const char *const names[ENCODINGS] = {
    [ENCODING_UTF_8] = "utf-8",       [ENCODING_UTF_16] = "utf-16",         [ENCODING_UTF_16LE] = "utf-16le",
    [ENCODING_UTF_16BE] = "utf-16be", [ENCODING_ISO_8859_1] = "iso-8859-1", [ENCODING_WINDOWS_1252] = "windows-1252",
};

bool encoding_parse(const char *name, enum encoding *encoding)
{
    for (unsigned i = 0; i < ENCODINGS; i++) {
        if (strcasecmp(names[i], name) != 0) continue;
        *encoding = (enum encoding)i;
        return true;
    }
    return false;
}

const char *encoding_name(enum encoding encoding)
{
    return names[encoding];
}

struct source *source_open(int fd, enum encoding encoding)
{
    struct source *source = calloc(1, sizeof(*source));

    if (source == NULL) return NULL;
    source->fd = fd;
    source->encoding = encoding;
    source->raw = platesieve_secret_allocate(RAW_BYTES);
    if (source->raw != NULL) return source;
    free(source);
    return NULL;
}

void source_close(struct source *source)
{
    if (source == NULL) return;
    if (source->converting) iconv_close(source->converter);
    platesieve_secret_free(source->raw);
    free(source);
}

/* More raw bytes behind those that are left; false at the end, or when the file breaks (errno, else 0). */
static bool fill(struct source *source)
{
    ssize_t size;

    errno = 0;
    if (source->ended) return false;
    memmove(source->raw, source->raw + source->begin, source->end - source->begin);
    source->end -= source->begin;
    source->begin = 0;
    do size = read(source->fd, source->raw + source->end, RAW_BYTES - source->end);
    while (size < 0 && errno == EINTR);
    if (size < 0) return false;
    errno = 0;
    source->ended = size == 0;
    source->end += (size_t)size;
    source->bytes += (uint64_t)size;
    return size > 0;
}

static bool starts_with(const struct source *source, const char *mark, size_t size)
{
    return source->end - source->begin >= size && memcmp(source->raw + source->begin, mark, size) == 0;
}

static enum source_start open_converter(struct source *source)
{
    static const char *const charsets[ENCODINGS] = {
        [ENCODING_UTF_16LE] = "UTF-16LE",
        [ENCODING_UTF_16BE] = "UTF-16BE",
        [ENCODING_ISO_8859_1] = "ISO-8859-1",
        [ENCODING_WINDOWS_1252] = "WINDOWS-1252",
    };

    source->converter = iconv_open("UTF-8", charsets[source->encoding]);
    if (source->converter == (iconv_t)-1) return SOURCE_UNREADABLE;
    source->converting = true;
    return SOURCE_FINE;
}

enum source_start source_begin(struct source *source)
{
    bool little, big;

    while (source->end < 3 && fill(source)) continue;
    if (errno != 0) return SOURCE_UNREADABLE;
    little = starts_with(source, "\xff\xfe", 2);
    big = starts_with(source, "\xfe\xff", 2);
    if (starts_with(source, "\xef\xbb\xbf", 3)) {
        if (source->encoding != ENCODING_UTF_8) return SOURCE_IS_UTF_8;
        source->begin += 3;
    }
    if (source->encoding == ENCODING_UTF_8) return little || big ? SOURCE_IS_UTF_16 : SOURCE_FINE;
    if (source->encoding == ENCODING_UTF_16) {
        if (!little && !big && source->end > 0) return SOURCE_NO_MARK;
        source->encoding = big ? ENCODING_UTF_16BE : ENCODING_UTF_16LE;
    } else if ((little && source->encoding != ENCODING_UTF_16LE) || (big && source->encoding != ENCODING_UTF_16BE)) {
        return SOURCE_IS_UTF_16;
    }
    if (little || big) source->begin += 2;
    return open_converter(source);
}

/* -- handing out --------------------------------------------------------------------------------------------------- */

static void pass_over(struct source *source, size_t size)
{
    platesieve_wipe(source->raw + source->begin, size);
    source->begin += size;
}

static size_t copy(struct source *source, char *text, size_t size)
{
    const size_t left = source->end - source->begin, now = left < size ? left : size;

    memcpy(text, source->raw + source->begin, now);
    pass_over(source, now);
    return now;
}

/* Bytes of what can't be converted: a unit of the encoding. */
static size_t unit(const struct source *source)
{
    const size_t left = source->end - source->begin;
    const size_t size = source->encoding == ENCODING_UTF_16LE || source->encoding == ENCODING_UTF_16BE ? 2 : 1;

    return left < size ? left : size;
}

static size_t convert(struct source *source, char *text, size_t size)
{
    char *from = source->raw + source->begin, *to = text;
    size_t left = source->end - source->begin, room = size - 1; /* one for FF */
    const size_t done = iconv(source->converter, &from, &left, &to, &room);
    const int why = errno;
    const bool bad = done == (size_t)-1 && why == EILSEQ;
    const bool cut = done == (size_t)-1 && why == EINVAL && source->ended;

    pass_over(source, source->end - source->begin - left);
    if (bad || cut) {
        *to++ = '\xff';
        source->cut = source->cut || cut;
        pass_over(source, cut ? source->end - source->begin : unit(source));
    }
    return (size_t)(to - text);
}

ssize_t source_read(struct source *source, char *text, size_t size)
{
    for (;;) {
        size_t got = 0;

        if (source->begin < source->end) got = source->converting ? convert(source, text, size) : copy(source, text, size);
        if (got > 0) return (ssize_t)got;
        if (!fill(source)) {
            if (errno != 0) return -1;
            if (source->begin == source->end) return 0;
        }
    }
}

uint64_t source_bytes(const struct source *source)
{
    return source->bytes;
}

bool source_is_cut(const struct source *source)
{
    return source->cut;
}

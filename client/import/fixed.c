#include "client/import/fixed.h"

#include <errno.h>
#include <string.h>
#include <utf8proc.h>

#include <platesieve/platesieve.h>

#define BUFFER_BYTES (2 * LIMIT_CSV_LINE_BYTES)
#define END_OF_FILE_MARK '\x1a' /* Ctrl-Z of CP/M and DOS */

struct fixed {
    struct source *source;
    const struct fixed_layout *layout;
    char *buffer; /* buffer[begin..end): read, and not handed out before */
    size_t begin, end;
    bool at_end;
    int error;
    uint64_t line; /* number of the one at `begin` */
    size_t taken;  /* bytes of the one handed out last */
    /* of all lines so far, without their ends, in characters */
    size_t common; /* 0: none yet */
    bool uniform;
};

struct line {
    const char *text;
    size_t size;   /* bytes without its end */
    size_t length; /* in characters */
    size_t whole;  /* bytes with its end */
    bool ended, too_long;
};

struct fixed *fixed_open(struct source *source, const struct fixed_layout *layout)
{
    struct fixed *fixed = calloc(1, sizeof(*fixed));

    if (fixed == NULL) return NULL;
    *fixed = (struct fixed) { .source = source, .layout = layout, .line = 1, .uniform = true };
    fixed->buffer = platesieve_secret_allocate(BUFFER_BYTES);
    if (fixed->buffer != NULL) return fixed;
    free(fixed);
    return NULL;
}

void fixed_close(struct fixed *fixed)
{
    if (fixed == NULL) return;
    platesieve_secret_free(fixed->buffer);
    free(fixed);
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

static void drop(struct fixed *fixed, size_t size)
{
    platesieve_wipe(fixed->buffer + fixed->begin, size);
    fixed->begin += size;
}

static bool read_more(struct fixed *fixed)
{
    ssize_t size;

    if (fixed->at_end) return false;
    if (fixed->begin > 0) {
        memmove(fixed->buffer, fixed->buffer + fixed->begin, fixed->end - fixed->begin);
        platesieve_wipe(fixed->buffer + fixed->end - fixed->begin, fixed->begin);
        fixed->end -= fixed->begin;
        fixed->begin = 0;
    }
    size = source_read(fixed->source, fixed->buffer + fixed->end, BUFFER_BYTES - fixed->end);
    if (size < 0) fixed->error = errno;
    if (size <= 0) fixed->at_end = true;
    else fixed->end += (size_t)size;
    return size > 0;
}

/* Finds the end of the line at `begin`; false: it has not been read yet. */
static bool find_end(const struct fixed *fixed, struct line *line)
{
    size_t at = fixed->begin;

    while (at < fixed->end && fixed->buffer[at] != '\n' && fixed->buffer[at] != '\r') at++;
    *line = (struct line) { .text = fixed->buffer + fixed->begin, .size = at - fixed->begin };
    line->whole = line->size;
    if (at == fixed->end) return fixed->at_end;
    if (fixed->buffer[at] == '\r' && at + 1 == fixed->end && !fixed->at_end) return false; /* perhaps an LF follows */
    line->ended = true;
    line->whole += fixed->buffer[at] == '\r' && at + 1 < fixed->end && fixed->buffer[at + 1] == '\n' ? 2 : 1;
    return true;
}

/* The whole line at `begin`; of one that is too long, its last piece.  False at the end of the file. */
static bool get_line(struct fixed *fixed, struct line *line)
{
    bool too_long = false;

    while (!find_end(fixed, line)) {
        if (fixed->end - fixed->begin > LIMIT_CSV_LINE_BYTES) {
            drop(fixed, fixed->end - fixed->begin);
            too_long = true;
        }
        (void)read_more(fixed);
    }
    line->too_long = too_long || line->size > LIMIT_CSV_LINE_BYTES;
    return line->whole > 0 || line->too_long;
}

static bool is_blank(const struct line *line)
{
    for (size_t i = 0; i < line->size; i++)
        if (line->text[i] != ' ' && line->text[i] != '\t' && line->text[i] != END_OF_FILE_MARK) return false;
    return !line->too_long;
}

/* -- characters ---------------------------------------------------------------------------------------------------- */

/* Bytes of the character at AT; one that is none has one byte. */
static size_t character(const char *at, size_t left)
{
    utf8proc_int32_t point;
    const utf8proc_ssize_t size =
        (unsigned char)*at < 0x80 ? 1 : utf8proc_iterate((const utf8proc_uint8_t *)at, (utf8proc_ssize_t)left, &point);

    return size <= 0 ? 1 : (size_t)size;
}

static size_t count_characters(const struct line *line)
{
    size_t count = 0;

    for (size_t at = 0; at < line->size; at += character(line->text + at, line->size - at)) count++;
    return count;
}

/* Bytes of the first COUNT characters, or of all there are. */
static size_t bytes_of(const char *text, size_t size, size_t count)
{
    size_t at = 0;

    for (; count > 0 && at < size; count--) at += character(text + at, size - at);
    return at;
}

static void take_field(const struct line *line, const struct fixed_column *column, struct csv_field *field)
{
    const size_t begin = bytes_of(line->text, line->size, column->first);
    const char *text = line->text + begin;
    size_t size = bytes_of(text, line->size - begin, column->width);

    while (size > 0 && (*text == ' ' || *text == '\t')) text++, size--;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) size--;
    *field = (struct csv_field) { text, size };
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

/* Is it the piece of a line that the file ends with? */
static bool is_cut(const struct fixed *fixed, const struct line *line)
{
    if (line->ended) return false;
    return line->length < fixed->layout->length_min || line->length < fixed->layout->length ||
           (fixed->uniform && line->length < fixed->common);
}

static enum csv_state read_row(const struct fixed *fixed, const struct line *line, struct csv_row *row)
{
    const struct fixed_layout *layout = fixed->layout;

    if (line->too_long) return CSV_TOO_LONG;
    if (is_cut(fixed, line)) return CSV_CUT;
    if (line->length < layout->length_min || (layout->length > 0 && line->length != layout->length)) return CSV_LENGTH;
    for (size_t i = 0; i < CSV_COLUMNS_MAX; i++) {
        enum csv_state state;

        if (layout->columns[i].width == 0) continue;
        take_field(line, &layout->columns[i], &row->fields[i]);
        state = csv_judge(&row->fields[i]);
        if (state != CSV_ROW) return state;
    }
    return layout->judge == NULL ? CSV_ROW : layout->judge(line->text, line->size, row);
}

void fixed_next(struct fixed *fixed, struct csv_row *row)
{
    struct line line;

    *row = (struct csv_row) { .state = CSV_END };
    if (fixed->taken > 0) fixed->line++;
    drop(fixed, fixed->taken);
    fixed->taken = 0;
    for (;;) {
        if (!get_line(fixed, &line)) {
            row->state = fixed->error != 0 ? CSV_BROKEN : CSV_END;
            row->line = fixed->line;
            errno = fixed->error;
            return;
        }
        if (!is_blank(&line)) break;
        drop(fixed, line.whole);
        fixed->line++;
    }
    line.length = count_characters(&line);
    row->line = fixed->line;
    row->open_end = !line.ended;
    row->state = read_row(fixed, &line, row);
    fixed->taken = line.whole;
    if (line.whole == 0) fixed->line++; /* too long, and ended by the file's end */
    if (fixed->common > 0 && fixed->common != line.length) fixed->uniform = false;
    fixed->common = line.length;
}

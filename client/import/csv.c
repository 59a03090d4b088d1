#include "client/import/csv.h"

#include <csv.h>
#include <errno.h>
#include <poll.h>
#include <strings.h>
#include <unistd.h>
#include <utf8proc.h>

#include <platesieve/platesieve.h>

#include "client/http/wiping.h"

#define BUFFER_BYTES (4 * LIMIT_CSV_LINE_BYTES)
#define FILE_COLUMNS_MAX 1024 /* columns of a file that are looked at */

_Static_assert(LIMIT_CSV_LINE_BYTES < BUFFER_BYTES / 2, "the longest row must fit beside what is read ahead");

struct csv {
    int fd;
    struct source *source; /* NULL: FD is read */
    char delimiter;
    struct csv_parser parser;
    bool parser_ready;
    /* buffer[begin..end): from the first byte of the row in hand to the last byte read */
    char *buffer;
    size_t begin, parsed, end;
    bool at_end;
    int error; /* errno of a failed read; 0 */
    uint64_t bytes;
    uint64_t line;   /* of buffer[begin] */
    size_t row_size; /* bytes of the row handed out last; dropped by the next call */
    uint64_t row_lines;
    uint64_t spoiled_end; /* lines before this one belong to a row that is whole and was given up */
    /* the row in hand, as libcsv hands out its fields */
    bool row_done;
    size_t column;                   /* of the file */
    size_t wanted[FILE_COLUMNS_MAX]; /* column of the file -> 1 + column asked for, or 0 */
    bool in_header;
    struct csv_column columns[CSV_COLUMNS_MAX];
    size_t column_count;
    bool strict, has_header; /* strict: opened by csv_columns() */
    size_t width; /* columns of the header; without one, of the widest row so far */
    bool beyond;  /* there is something in a column behind those */
    bool *found;
    char *fields; /* copies of the fields asked for */
    size_t fields_used;
    struct csv_row *row; /* the caller's, during csv_next() */
};

/* -- what libcsv calls --------------------------------------------------------------------------------------------- */

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n') return false;
    return true;
}

static void header_field(struct csv *csv, const char *text, size_t size)
{
    while (size > 0 && (*text == ' ' || *text == '\t')) text++, size--;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) size--;
    for (size_t i = 0; i < csv->column_count; i++) {
        const char *name = csv->columns[i].name;

        if (name == NULL || strlen(name) != size || strncasecmp(name, text, size) != 0 || csv->found[i]) continue;
        csv->found[i] = true;
        csv->wanted[csv->column] = i + 1;
    }
}

static void take_field(void *text, size_t size, void *context)
{
    struct csv *csv = context;
    const size_t column = csv->column;

    if (column < FILE_COLUMNS_MAX && csv->in_header) {
        header_field(csv, text, size);
    } else if (column < FILE_COLUMNS_MAX && csv->wanted[column] != 0 &&
               size <= LIMIT_CSV_LINE_BYTES - csv->fields_used) {
        struct csv_field *field = &csv->row->fields[csv->wanted[column] - 1];

        memcpy(csv->fields + csv->fields_used, text == NULL ? "" : text, size);
        field->text = csv->fields + csv->fields_used;
        field->size = size;
        csv->fields_used += size;
    }
    if (csv->has_header && column >= csv->width && !csv->in_header && !is_blank(text, size)) csv->beyond = true;
    csv->column++;
}

static void take_row(int terminator, void *context)
{
    struct csv *csv = context;

    (void)terminator;
    csv->row_done = true;
}

/* -- opening ------------------------------------------------------------------------------------------------------- */

static bool parser_start(struct csv *csv)
{
    if (csv->parser_ready) csv_free(&csv->parser);
    csv->parser_ready = csv_init(&csv->parser, 0) == 0;
    if (!csv->parser_ready) return false;
    csv_set_realloc_func(&csv->parser, wiping_realloc);
    csv_set_free_func(&csv->parser, wiping_free);
    csv_set_delim(&csv->parser, (unsigned char)csv->delimiter);
    return true;
}

static struct csv *open_csv(int fd, struct source *source, char delimiter)
{
    struct csv *csv = calloc(1, sizeof(*csv));

    if (csv == NULL) return NULL;
    csv->fd = fd;
    csv->source = source;
    csv->delimiter = delimiter;
    csv->line = 1;
    csv->buffer = platesieve_secret_allocate(BUFFER_BYTES);
    csv->fields = platesieve_secret_allocate(LIMIT_CSV_LINE_BYTES);
    if (csv->buffer != NULL && csv->fields != NULL && parser_start(csv)) return csv;
    csv_close(csv);
    return NULL;
}

struct csv *csv_open(int fd)
{
    return open_csv(fd, NULL, ',');
}

struct csv *csv_open_source(struct source *source, char delimiter)
{
    return open_csv(-1, source, delimiter);
}

void csv_close(struct csv *csv)
{
    if (csv == NULL) return;
    if (csv->parser_ready) csv_free(&csv->parser);
    platesieve_secret_free(csv->buffer);
    platesieve_secret_free(csv->fields);
    free(csv);
}

/* -- reading ahead ------------------------------------------------------------------------------------------------- */

/* Waits for more bytes; false at the end, or when the file breaks. */
static bool read_more(struct csv *csv)
{
    ssize_t size;

    if (csv->at_end || csv->end - csv->begin == BUFFER_BYTES) return false;
    if (csv->begin > 0) {
        memmove(csv->buffer, csv->buffer + csv->begin, csv->end - csv->begin);
        platesieve_wipe(csv->buffer + csv->end - csv->begin, csv->begin);
        csv->end -= csv->begin;
        csv->parsed -= csv->begin;
        csv->begin = 0;
    }
    do size = csv->source != NULL ? source_read(csv->source, csv->buffer + csv->end, BUFFER_BYTES - csv->end)
                                  : read(csv->fd, csv->buffer + csv->end, BUFFER_BYTES - csv->end);
    while (size < 0 && errno == EINTR);
    if (size < 0) csv->error = errno;
    if (size <= 0) {
        csv->at_end = true;
        return false;
    }
    csv->end += (size_t)size;
    csv->bytes += (uint64_t)size;
    return true;
}

/* Bytes of the physical line at FROM with its end (LF, CR, CR LF); 0: its end has not been read yet. */
static size_t line_size(const struct csv *csv, size_t from)
{
    for (size_t at = from; at < csv->end; at++) {
        if (csv->buffer[at] == '\n') return at + 1 - from;
        if (csv->buffer[at] != '\r') continue;
        if (at + 1 == csv->end) return csv->at_end ? at + 1 - from : 0; /* perhaps an LF follows */
        return at + (csv->buffer[at + 1] == '\n' ? 2 : 1) - from;
    }
    return csv->at_end ? csv->end - from : 0;
}

static void drop(struct csv *csv, size_t size, uint64_t lines)
{
    platesieve_wipe(csv->buffer + csv->begin, size);
    csv->begin += size;
    csv->parsed = csv->begin;
    csv->line += lines;
}

/* Drops blank lines, which libcsv would pass over too; false at the end. */
static bool find_row(struct csv *csv)
{
    for (;;) {
        const size_t size = line_size(csv, csv->begin);

        if (size == 0 && csv->end - csv->begin > LIMIT_CSV_LINE_BYTES) return true; /* the row's parser will say so */
        if (size == 0) {
            if (!read_more(csv) && csv->begin == csv->end) return false;
        } else if (is_blank(csv->buffer + csv->begin, size)) {
            drop(csv, size, 1);
        } else {
            return true;
        }
    }
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

/* The file ends behind what has been parsed, and not with the end of a line. */
static bool at_open_end(const struct csv *csv)
{
    return csv->at_end && csv->parsed == csv->end && csv->end > csv->begin && csv->buffer[csv->end - 1] != '\n' &&
           csv->buffer[csv->end - 1] != '\r';
}

/* The first line of a row that can't be read is given up; the row after it begins on the next line.  Only where the row
   has as many columns as it must, and a line break in one that was asked for, its other lines are no rows, but the rest of
   that field: they are given up one by one, so that each is reported. */
static void give_up_line(struct csv *csv, enum csv_state state)
{
    csv->row->state = state;
    csv->row_lines = 1;
    for (;;) {
        csv->row_size = line_size(csv, csv->begin);
        if (csv->row_size > 0) break;
        drop(csv, csv->end - csv->begin, 0); /* a line without end: swallow it */
        if (!read_more(csv)) return;
    }
    if (csv->strict && state == CSV_UNFINISHED && csv->at_end && csv->begin + csv->row_size == csv->end &&
        csv->line >= csv->spoiled_end)
        csv->row->state = CSV_CUT; /* the last line, inside quotes */
}

static bool field_is_utf8(const struct csv_field *field)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)field->text;
    utf8proc_ssize_t left = (utf8proc_ssize_t)field->size;

    while (left > 0) {
        utf8proc_int32_t point;
        const utf8proc_ssize_t size = *at < 0x80 ? 1 : utf8proc_iterate(at, left, &point);

        if (size <= 0) return false;
        at += size;
        left -= size;
    }
    return true;
}

enum csv_state csv_judge(const struct csv_field *field)
{
    if (memchr(field->text, '\0', field->size) != NULL) return CSV_NUL;
    return field_is_utf8(field) ? CSV_ROW : CSV_NOT_UTF8;
}

static enum csv_state judge(const struct csv *csv)
{
    for (size_t i = 0; i < csv->column_count; i++) {
        const struct csv_field *field = &csv->row->fields[i];
        enum csv_state state;

        if (field->text == NULL) continue;
        if (memchr(field->text, '\n', field->size) != NULL || memchr(field->text, '\r', field->size) != NULL)
            return CSV_UNFINISHED;
        state = csv_judge(field);
        if (state != CSV_ROW) return state;
    }
    return CSV_ROW;
}

static bool feed(struct csv *csv, size_t size)
{
    const size_t fed = csv_parse(&csv->parser, csv->buffer + csv->parsed, size, take_field, take_row, csv);

    csv->parsed += size;
    csv->row_lines++;
    return fed == size;
}

/* A last row without its end may be whole; with fewer columns than the others it is not. */
static bool is_cut(const struct csv *csv)
{
    return csv->strict && csv->column < csv->width && at_open_end(csv);
}

/* The file's end ends the row, too; not inside quotes, which libcsv lets pass unless it is to be strict altogether. */
static bool finish(struct csv *csv)
{
    csv_set_opts(&csv->parser, CSV_STRICT | CSV_STRICT_FINI);
    return csv_fini(&csv->parser, take_field, take_row, csv) == 0 && csv->row_done;
}

/* Feeds physical lines until libcsv says that the row is whole. */
static enum csv_state read_row(struct csv *csv)
{
    enum csv_state state;

    while (!csv->row_done) {
        const size_t size = line_size(csv, csv->parsed);

        if (csv->parsed + size - csv->begin > LIMIT_CSV_LINE_BYTES ||
            (size == 0 && csv->end - csv->begin > LIMIT_CSV_LINE_BYTES))
            return csv->row_lines > 0 ? CSV_UNFINISHED : CSV_TOO_LONG;
        if (size > 0) {
            if (!feed(csv, size)) return CSV_UNFINISHED;
            continue;
        }
        if (read_more(csv) || csv->parsed < csv->end) continue;
        if (!finish(csv)) return CSV_UNFINISHED;
    }
    csv->row_size = csv->parsed - csv->begin;
    csv->row->open_end = at_open_end(csv);
    state = judge(csv);
    if (state == CSV_UNFINISHED && csv->column == csv->width) csv->spoiled_end = csv->line + csv->row_lines;
    if (state == CSV_UNFINISHED) return state;
    if (is_cut(csv)) return CSV_CUT;
    if (csv->strict && csv->beyond) return CSV_COLUMNS;
    if (!csv->has_header && csv->column > csv->width) csv->width = csv->column;
    return state;
}

void csv_next(struct csv *csv, struct csv_row *row)
{
    *row = (struct csv_row) { .state = CSV_END };
    csv->row = row;
    drop(csv, csv->row_size, csv->row_lines);
    platesieve_wipe(csv->fields, csv->fields_used);
    csv->row_size = csv->fields_used = csv->column = 0;
    csv->row_lines = 0;
    csv->row_done = csv->beyond = false;
    if (!find_row(csv)) {
        if (csv->error != 0) row->state = CSV_BROKEN;
        errno = csv->error;
        row->line = csv->line;
        return;
    }
    row->line = csv->line;
    row->state = csv->line < csv->spoiled_end ? CSV_UNFINISHED : read_row(csv);
    if (row->state != CSV_UNFINISHED && row->state != CSV_TOO_LONG) return;
    give_up_line(csv, row->state);
    if (!parser_start(csv)) {
        row->state = CSV_BROKEN;
        errno = ENOMEM;
    }
}

/* By position, in files with a header, too: the header's names do not matter then. */
static void map_positions(struct csv *csv)
{
    for (size_t i = 0; i < csv->column_count; i++) {
        const unsigned position = csv->columns[i].position;

        if (position == 0 || position > FILE_COLUMNS_MAX || (csv->width > 0 && position > csv->width)) continue;
        csv->wanted[position - 1] = i + 1;
        csv->found[i] = true;
    }
}

static bool read_header(struct csv *csv)
{
    struct csv_row row;

    csv->in_header = true;
    csv_next(csv, &row);
    csv->in_header = false;
    csv->has_header = true;
    csv->width = csv->column;
    return row.state == CSV_ROW;
}

bool csv_header(struct csv *csv, const char *const *columns, size_t count, bool *found)
{
    csv->column_count = count;
    for (size_t i = 0; i < count; i++) csv->columns[i].name = columns[i];
    csv->found = found;
    memset(found, 0, count * sizeof(*found));
    while (csv->end < 3 && read_more(csv)) {}
    if (csv->end >= 3 && memcmp(csv->buffer, "\xef\xbb\xbf", 3) == 0) drop(csv, 3, 0);
    return read_header(csv);
}

bool csv_columns(struct csv *csv, const struct csv_column *columns, size_t count, bool header, bool *found)
{
    csv->strict = true;
    csv->column_count = count;
    memcpy(csv->columns, columns, count * sizeof(*columns));
    csv->found = found;
    memset(found, 0, count * sizeof(*found));
    if (header && !read_header(csv)) return false;
    map_positions(csv);
    return true;
}

size_t csv_width(const struct csv *csv)
{
    return csv->width;
}

bool csv_waiting(struct csv *csv)
{
    struct pollfd poll_fd = { .fd = csv->fd, .events = POLLIN };

    for (;;) {
        const size_t next = csv->begin + csv->row_size;

        if (csv->at_end || (next < csv->end && line_size(csv, next) > 0)) return true;
        if (csv->end - csv->begin > 2 * LIMIT_CSV_LINE_BYTES || poll(&poll_fd, 1, 0) <= 0) return false;
        (void)read_more(csv); /* does not wait: poll said so; fields of the last row are copies and stay */
    }
}

uint64_t csv_bytes(const struct csv *csv)
{
    return csv->bytes;
}

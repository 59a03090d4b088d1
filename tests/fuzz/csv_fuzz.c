/* Any bytes as a file of reads: rows come in order, each is a plate or has a fault, and reading ends. */
#include "client/import/csv.h"
#include "client/import/rows.h"
#include "client/moment.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static const char *const columns[] = { "plate", "state", "effective" };

static void try_time(const struct csv_field *field)
{
    char text[64], again[MOMENT_TEXT];
    int64_t ms, same;

    if (field->text == NULL || field->size >= sizeof(text)) return;
    memcpy(text, field->text, field->size);
    text[field->size] = '\0';
    if (!moment_parse(text, &ms)) return;
    moment_print(ms, again);
    if (ms >= 0) FUZZ_ASSERT(moment_parse(again, &same) && same == ms);
}

static void try_row(const struct csv_row *row)
{
    struct row_plate plate;
    enum row_fault fault;

    for (size_t i = 0; i < 3; i++) FUZZ_ASSERT(row->fields[i].size <= LIMIT_CSV_LINE_BYTES);
    fault = row_read(PLATESIEVE_CODES_USPS, &row->fields[0], &row->fields[1], &plate);
    FUZZ_ASSERT(fault < ROW_FAULTS);
    FUZZ_ASSERT(fault != ROW_FINE || (plate.plate.length >= 1 && plate.plate.length <= PLATESIEVE_PLATE_MAX));
    try_time(&row->fields[2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("csv", 0);
    bool found[3];
    struct csv *csv;
    struct csv_row row = { 0 };
    uint64_t line = 0;

    FUZZ_ASSERT(!platesieve_failed(platesieve_init()));
    FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    csv = csv_open(fd);
    FUZZ_ASSERT(csv != NULL);
    if (csv_header(csv, columns, 3, found)) {
        for (csv_next(csv, &row); row.state != CSV_END; csv_next(csv, &row)) {
            FUZZ_ASSERT(row.state != CSV_BROKEN && row.line > line && row.line <= size + 1);
            line = row.line;
            if (row.state == CSV_ROW) try_row(&row);
            if (size % 2 == 0) (void)csv_waiting(csv);
        }
        csv_next(csv, &row);
        FUZZ_ASSERT(row.state == CSV_END);
    }
    csv_close(csv);
    close(fd);
    return 0;
}

/* A profile, a line "---", and any bytes as a file that is read as it says: rows come in order, fields lie within the
   limits, each row is a plate, whole or partial, or has a fault, and reading ends.  What is said of a file that can't be
   read goes to standard error: with libFuzzer, -close_fd_mask=2. */
#include "client/import/import.h"
#include "client/import/partial.h"
#include "client/import/rows.h"
#include "client/import/when.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static const char border[] = "\n---\n";

static void try_times(const struct profile *profile, const struct csv_row *row)
{
    for (unsigned column = IMPORT_EFFECTIVE; column <= IMPORT_EXPIRES; column++) {
        const struct csv_field *field = &row->fields[column];
        int64_t ms = 0;

        if (field->text == NULL || !when_read(profile, WHEN_EXPIRES, field->text, field->size, &ms)) continue;
        FUZZ_ASSERT(ms > INT64_C(-62300000000000) && ms < INT64_C(253500000000000)); /* the years 0 to 10000, and some days */
    }
}

static void try_row(const struct profile *profile, const struct csv_row *row)
{
    struct row_plate plate;
    enum row_fault fault;
    unsigned unknowns = 0;

    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        FUZZ_ASSERT(row->fields[i].text == NULL || row->fields[i].size <= LIMIT_CSV_LINE_BYTES);
    fault = row_read_listed(profile->codes, &row->fields[IMPORT_PLATE], profile->wildcard, &row->fields[IMPORT_JURISDICTION], &plate);
    FUZZ_ASSERT(fault < ROW_FAULTS);
    if (fault != ROW_FINE) return;
    FUZZ_ASSERT(plate.plate.length >= 1 && plate.plate.length <= PLATESIEVE_PLATE_MAX);
    for (size_t i = 0; i < plate.plate.length; i++) unknowns += plate.plate.text[i] == PARTIAL_UNKNOWN;
    FUZZ_ASSERT(unknowns == plate.unknowns && unknowns <= PARTIAL_UNKNOWNS_MAX);
    FUZZ_ASSERT(unknowns == 0 || plate.plate.length - unknowns >= PARTIAL_KNOWN_MIN);
}

static void try_file(const struct profile *profile, const uint8_t *data, size_t size)
{
    const int fd = memfd_create("import", 0);
    struct import *import = NULL;
    struct csv_row row = { 0 };
    uint64_t line = 0;

    FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    if (import_open(fd, "the file", profile, true, &import) == CLIENT_OK) {
        for (import_next(import, &row); row.state != CSV_END; import_next(import, &row)) {
            FUZZ_ASSERT(row.state != CSV_BROKEN && row.line > line && row.line <= size + 1);
            line = row.line;
            if (row.state != CSV_ROW) continue;
            try_row(profile, &row);
            try_times(profile, &row);
        }
        import_next(import, &row);
        FUZZ_ASSERT(row.state == CSV_END && import_bytes(import) == size);
    }
    import_close(import);
    close(fd);
}

/* What is read back from a profile's own text is the same profile. */
static void try_profile(const struct profile *profile)
{
    struct profile again;
    char why[PROFILE_WHY], *first = profile_text(profile, "x"), *second;

    profile_default(&again);
    FUZZ_ASSERT(first != NULL);
    if (profile_read(&again, first, why)) {
        second = profile_text(&again, "x");
        FUZZ_ASSERT(second != NULL && strcmp(first, second) == 0);
        free(second);
    }
    free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memmem(data, size, border, sizeof(border) - 1);
    char text[1024], why[PROFILE_WHY];
    struct profile profile;

    FUZZ_ASSERT(!platesieve_failed(platesieve_init()));
    if (end == NULL || (size_t)(end - data) >= sizeof(text)) return 0;
    memcpy(text, data, (size_t)(end - data));
    text[end - data] = '\0';
    profile_default(&profile);
    if (!profile_read(&profile, text, why) || !profile_check(&profile, why)) return 0;
    try_profile(&profile);
    try_file(&profile, end + sizeof(border) - 1, size - (size_t)(end - data) - (sizeof(border) - 1));
    return 0;
}

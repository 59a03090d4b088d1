/* platesieve lane: options, and the thread that reads. */
#include "client/lane/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "client/lane/picture.h"
#include "client/moment.h"

enum column { COLUMN_PLATE, COLUMN_JURISDICTION, COLUMN_STATE, COLUMN_REGION, COLUMN_CONFIDENCE, COLUMN_IMAGE, COLUMNS };
static const char *const columns[COLUMNS] = { "plate", "jurisdiction", "state", "region", "confidence", "image" };

/* -- rows to reads ------------------------------------------------------------------------------------------------- */

/* Engines say 0 to 1 or 0 to 100; nothing said is 1. */
static bool read_confidence(const struct csv_field *field, double *confidence)
{
    char text[32], *end;

    *confidence = 1;
    if (field->text == NULL || field->size == 0) return true;
    if (field->size >= sizeof(text)) return false;
    memcpy(text, field->text, field->size);
    text[field->size] = '\0';
    if (strspn(text, "0123456789.eE+-") != field->size) return false;
    *confidence = strtod(text, &end);
    if (*end != '\0' || !(*confidence >= 0 && *confidence <= 100)) return false;
    if (*confidence > 1) *confidence /= 100;
    return true;
}

static void read_image(const struct csv_field *field, struct row_read *read)
{
    if (field->text == NULL || field->size == 0) return;
    read->image_too_long = field->size > LIMIT_IMAGE_PATH || memchr(field->text, '\0', field->size) != NULL;
    if (!read->image_too_long) memcpy(read->image, field->text, field->size);
}

static enum row_fault take_row(const struct lane_options *options, const struct csv_row *row, struct row_read *read, struct check_read *check)
{
    const struct csv_field *plate = &row->fields[COLUMN_PLATE], *jurisdiction = &row->fields[COLUMN_JURISDICTION];
    struct check_candidate *candidate = &check->candidates[0];
    struct row_plate taken = { 0 };
    enum row_fault fault = row_fault_of(row->state);

    if (jurisdiction->text == NULL) jurisdiction = &row->fields[COLUMN_STATE];
    if (jurisdiction->text == NULL) jurisdiction = &row->fields[COLUMN_REGION];
    if (fault == ROW_FINE) fault = row_read(options->codes, plate, jurisdiction, &taken);
    if (fault == ROW_FINE && !read_confidence(&row->fields[COLUMN_CONFIDENCE], &candidate->confidence))
        fault = ROW_CONFIDENCE;
    candidate->plate = taken.plate;
    candidate->jurisdiction = taken.jurisdiction;
    platesieve_wipe(&taken, sizeof(taken));
    if (fault != ROW_FINE) {
        platesieve_wipe(check, sizeof(*check));
        return fault;
    }
    check->count = 1;
    check->seen_ms = moment_now_ms();
    randombytes_buf(check->id, sizeof(check->id));
    read->line = row->line;
    read_image(&row->fields[COLUMN_IMAGE], read);
    memcpy(read->raw, plate->text, plate->size < LANE_RAW_MAX ? plate->size : LANE_RAW_MAX);
    return ROW_FINE;
}

/* Waits for the time of read NUMBER at --rate; true if there was time to wait. */
static bool must_wait(const struct lane_options *options, int64_t begin_us, uint64_t number, int64_t *us)
{
    if (options->rate == 0) return false;
    *us = begin_us + (int64_t)(number * 1000000 / options->rate) - moment_monotonic_us();
    return *us > 0;
}

static void nap_us(int64_t us)
{
    const struct timespec time = { us / 1000000, (long)(us % 1000000) * 1000 };

    nanosleep(&time, NULL);
}

/* Reads until the end.  A read goes out at once: with those that wait already, never for those to come. */
static int read_rows(struct lane_context *context, struct csv *csv)
{
    const struct lane_options *options = context->options;
    const int64_t begin_us = moment_monotonic_us();
    struct row_batch *batch = NULL;
    struct csv_row row = { 0 };
    uint64_t number = 0;

    while (atomic_load(&context->fatal) == CLIENT_OK) {
        enum row_fault fault;
        int64_t us;

        if (batch != NULL && batch->count > 0 &&
            (batch->count == options->batch || must_wait(options, begin_us, number, &us) || !csv_waiting(csv))) {
            lane_queue_put(context->queue, batch);
            batch = NULL;
        }
        if (must_wait(options, begin_us, number, &us)) nap_us(us);
        csv_next(csv, &row);
        if (row.state == CSV_END || row.state == CSV_BROKEN) break;
        if (batch == NULL) batch = lane_queue_empty(context->queue);
        fault = take_row(options, &row, &batch->reads[batch->count], &batch->checks[batch->count]);
        number++;
        if (fault != ROW_FINE) lane_report_unusable(context->report, row.line, fault);
        else if (batch->checks[batch->count++].candidates[0].jurisdiction.code[0] == '\0')
            lane_report_unknown_jurisdiction(context->report);
    }
    if (batch != NULL && batch->count > 0) lane_queue_put(context->queue, batch);
    else if (batch != NULL) lane_queue_give_back(context->queue, batch);
    if (row.state == CSV_BROKEN) say("can't read on: %s", strerror(errno));
    return row.state == CSV_BROKEN ? CLIENT_FAILED : CLIENT_OK;
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static int open_input(struct lane_options *options, int *fd, struct csv **csv)
{
    const bool standard = options->file == NULL || strcmp(options->file, "-") == 0;
    bool found[COLUMNS];

    *fd = standard ? STDIN_FILENO : open(options->file, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        say("can't read %s: %s", options->file, strerror(errno));
        return CLIENT_FAILED;
    }
    if (standard && isatty(STDIN_FILENO) == 1) say("reads, please: CSV with a header such as plate,jurisdiction");
    *csv = csv_open(*fd);
    if (*csv == NULL) {
        say("there is no memory that can be locked for plates");
        return CLIENT_FAILED;
    }
    if (csv_header(*csv, columns, COLUMNS, found) && found[COLUMN_PLATE]) {
        options->images = found[COLUMN_IMAGE];
        return CLIENT_OK;
    }
    say("the first line must name the columns: plate, and jurisdiction, state or region");
    return CLIENT_FAILED;
}

static int run_workers(struct lane_context *context, struct csv *csv)
{
    struct lane_worker *workers[LANE_PARALLEL_MAX] = { NULL };
    unsigned started = 0;
    int code = CLIENT_OK;

    while (started < context->options->parallel && (workers[started] = lane_worker_start(context)) != NULL) started++;
    if (started < context->options->parallel) code = CLIENT_FAILED;
    if (code == CLIENT_OK) code = read_rows(context, csv);
    lane_queue_close(context->queue);
    while (started > 0) lane_worker_join(workers[--started]);
    return code;
}

/* Before the first read: a wrong address or identity shows at once, and the first read does not wait for keys. */
static int wait_for_policy(struct lane_context *context)
{
    struct checker_state state;

    switch (checker_wait(context->checker, context->options->patience_s * 1000)) {
    case CHECK_DONE: break;
    case CHECK_AWAY: return CLIENT_UNREACHABLE;
    case CHECK_REFUSED: return CLIENT_REFUSED;
    default: return CLIENT_FAILED;
    }
    checker_look(context->checker, &state);
    if (state.grades == 0) say("no list is in force at this site: nothing is looked for");
    if (state.reads_max < context->options->batch) context->options->batch = state.reads_max;
    return CLIENT_OK;
}

static void not_asked(void *context, const char *agency, const char *list, const char *why)
{
    const struct lane_context *lane = context;

    lane_report_not_asked(lane->report, agency, list, why);
}

static int check_all(struct lane_context *context, struct csv *csv)
{
    int code = run_workers(context, csv);

    lane_pictures_stop(context->pictures, atomic_load(&context->fatal) == CLIENT_OK ? context->options->picture_wait_s : 0);

    const int end = lane_report_end(context->report), fatal = atomic_load(&context->fatal);

    if (end == CLIENT_ALARM || (code == CLIENT_OK && fatal == CLIENT_OK)) return end;
    return fatal != CLIENT_OK ? fatal : code;
}

static void on_picture(void *context, const struct lane_picture_news *news)
{
    lane_report_picture(context, news);
}

static int start_pictures(struct lane_context *context)
{
    const struct lane_pictures_settings settings = { .settings = context->settings, .identity = context->identity, .files = true, .told = on_picture, .context = context->report };

    context->pictures = lane_pictures_start(&settings);
    return context->pictures == NULL ? CLIENT_FAILED : CLIENT_OK;
}

static int lane(struct lane_context *context, struct identity *identity, struct csv *csv)
{
    const struct checker_ears ears = { .context = context, .not_asked = not_asked };
    struct lane_renewer *renewer = NULL;
    int code = CLIENT_FAILED;

    context->checker = checker_create(context->settings, context->identity, &ears);
    if (context->checker != NULL) code = wait_for_policy(context);
    if (code == CLIENT_OK) {
        context->report = lane_report_create(context->options, context->settings->json);
        context->queue = lane_queue_create(2 * context->options->parallel + 1, context->options->batch);
        renewer = lane_renewer_start(context->settings, identity);
        code = context->report == NULL || context->queue == NULL || renewer == NULL ? CLIENT_FAILED : CLIENT_OK;
        if (code == CLIENT_OK && context->options->images) code = start_pictures(context);
        if (code == CLIENT_OK) code = check_all(context, csv);
    }
    lane_renewer_stop(renewer);
    checker_destroy(context->checker);
    lane_queue_destroy(context->queue);
    lane_report_destroy(context->report);
    return code;
}

/* -- options ------------------------------------------------------------------------------------------------------- */

enum { OPTION_CODES = 0x300, OPTION_BATCH, OPTION_PARALLEL, OPTION_PATIENCE, OPTION_RATE, OPTION_SHOW, OPTION_PICTURES };

static const struct argp_option lane_options[] = {
    { "codes", OPTION_CODES, "SET", 0, "Codes of the jurisdictions: iso, ncic, aamva or usps (iso)", 0 },
    { "batch", OPTION_BATCH, "N", 0, "Most reads in one request, of those that wait (16)", 0 },
    { "parallel", OPTION_PARALLEL, "N", 0, "Connections to the gate; with more than one, alerts may change places (1)",
      0 },
    { "patience", OPTION_PATIENCE, "SECONDS", 0, "Try on for so long when no gate answers (5)", 0 },
    { "rate", OPTION_RATE, "N", 0, "Take at most N rows a second", 0 },
    { "picture-wait", OPTION_PICTURES, "SECONDS", 0, "At the end, wait so long for pictures that are not uploaded yet (30)", 0 },
    { "show-plates", OPTION_SHOW, NULL, 0, "With --json: the plate as read, too", 0 },
    { 0 },
};

static error_t lane_parse(int key, char *argument, struct argp_state *state)
{
    struct lane_options *options = state->input;

    switch (key) {
    case OPTION_CODES:
        if (!platesieve_codes_parse(argument, &options->codes))
            argp_error(state, "--codes is iso, ncic, aamva or usps");
        return 0;
    case OPTION_BATCH:
        options->batch = (unsigned)option_number(state, "--batch", argument, 1, LIMIT_CHECK_READS);
        return 0;
    case OPTION_PARALLEL:
        options->parallel = (unsigned)option_number(state, "--parallel", argument, 1, LANE_PARALLEL_MAX);
        return 0;
    case OPTION_PATIENCE:
        options->patience_s = (unsigned)option_number(state, "--patience", argument, 0, 3600);
        return 0;
    case OPTION_RATE: options->rate = (unsigned)option_number(state, "--rate", argument, 1, 1000000); return 0;
    case OPTION_SHOW: options->show_plates = true; return 0;
    case OPTION_PICTURES:
        options->picture_wait_s = (unsigned)option_number(state, "--picture-wait", argument, 0, LANE_PICTURE_AGE_S);
        return 0;
    case ARGP_KEY_ARG:
        if (options->file != NULL) argp_usage(state);
        options->file = argument;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int command_lane(struct settings *settings, int argc, char **argv)
{
    struct lane_options options = { .batch = LANE_BATCH_DEFAULT, .parallel = 1, .patience_s = 5,
                                    .picture_wait_s = LANE_PICTURE_WAIT_DEFAULT };
    struct command_input input = { settings, &options };
    struct identity identity;
    struct lane_context context = { .settings = settings, .identity = &identity, .options = &options };
    struct csv *csv = NULL;
    int fd = -1, code;

    command_parse(
        lane_options, lane_parse, "[FILE]",
        "Checks reads against the lists and prints alerts as they come.\vFILE (or standard input) is CSV with a "
        "header: plate, one of "
        "jurisdiction, state or region, and if you like confidence and image, a file with the picture, JPEG or PNG.  Plates "
        "stay here: the gate is sent tokens; of hits alone the picture, sealed to the agency that asked.  With --config "
        "it is a service.  Further commands: `platesieve lane status`, `platesieve lane try`.",
        &input, argc, argv);
    code = identity_find(settings, "reader", &identity);
    if (code == CLIENT_OK) code = open_input(&options, &fd, &csv);
    if (code == CLIENT_OK) code = lane(&context, &identity, csv);
    csv_close(csv);
    if (fd > STDIN_FILENO) close(fd);
    return code;
}

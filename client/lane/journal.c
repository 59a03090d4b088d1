/* The log of counts: one line of JSON each interval, with no word about any read. */
#include "client/lane/service.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/lane/status.h"
#include "client/moment.h"

struct journal {
    const struct lane_config *config;
    int fd;
    int64_t next_ms; /* monotonic */
    bool told;       /* that writing fails */
};

static int open_file(const struct lane_config *config)
{
    const int fd = config->log_file == NULL ? dup(STDERR_FILENO) : open(config->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);

    if (fd < 0) say("[log] file: can't be written: %s", strerror(errno));
    return fd;
}

struct journal *journal_open(const struct lane_config *config)
{
    struct journal *journal = calloc(1, sizeof(*journal));

    if (journal == NULL) {
        say("out of memory");
        return NULL;
    }
    journal->config = config;
    journal->fd = open_file(config);
    journal->next_ms = moment_monotonic_ms() + (int64_t)config->log_interval_s * 1000;
    if (journal->fd >= 0) return journal;
    free(journal);
    return NULL;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) return;
    close(journal->fd);
    free(journal);
}

void journal_reopen(struct journal *journal)
{
    const int fd = open_file(journal->config);

    if (fd < 0) return;
    close(journal->fd);
    journal->fd = fd;
    journal->told = false;
}

/* What did not get through, by way. */
static json_t *lost_json(const struct lane_counts *counts)
{
    json_t *lost = json_object();

    for (size_t i = 0; i < WAYS; i++)
        json_object_set_new(lost, lane_way_name((enum lane_way)i), json_integer((json_int_t)count_get(&counts->delivered[i][false])));
    return lost;
}

static json_t *line_json(struct lane_service *service)
{
    const struct lane_counts *counts = &service->counts;
    struct waiting_state waiting;
    char now[MOMENT_TEXT], began[MOMENT_TEXT];

    waiting_look(service->waiting, &waiting);
    moment_print(moment_now_ms(), now);
    moment_print(counts->began_ms, began);
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "at", now, "since", began, "messages", (json_int_t)lane_counts_messages(counts),
                     "unusable", (json_int_t)lane_counts_unusable(counts), "reads", lane_answers_json(&counts->reads), "again", lane_answers_json(&counts->again),
                     "calibrations", lane_answers_json(&counts->calibrations), "alerts", (json_int_t)count_get(&counts->alerts), "false_tags",
                     (json_int_t)count_get(&counts->false_tags), "waiting", (json_int_t)waiting.all,
                     "lost", lost_json(counts), "alarms", lane_alarms_json(service));
}

static void write_line(struct journal *journal, struct lane_service *service)
{
    json_t *json = line_json(service);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

    json_decref(json);
    if (text == NULL) return;
    if (dprintf(journal->fd, "%s\n", text) < 0 && !journal->told) {
        journal->told = true;
        say("the log of counts can't be written: %s", strerror(errno));
    }
    free(text);
}

void journal_tick(struct journal *journal, struct lane_service *service, bool now)
{
    const int64_t interval_ms = (int64_t)journal->config->log_interval_s * 1000, now_ms = moment_monotonic_ms();

    if (!now && (interval_ms == 0 || now_ms < journal->next_ms)) return;
    journal->next_ms = now_ms + interval_ms;
    write_line(journal, service);
}

/* The lane service: what engines say comes in over HTTP or standard input, becomes reads of vehicles, is checked, and alerts go out.
 *
 *   listener, input -> message -> waiting -> workers -> alerts, pictures
 *
 * One struct that all parts see; each part has a file of its own.  The main thread waits for signals, a ticker looks after what grows old, the
 * listener's thread takes messages, workers ask gates. */
#ifndef CLIENT_LANE_SERVICE_H
#define CLIENT_LANE_SERVICE_H

#include "client/alerts/alerts.h"
#include "client/alerts/judgements.h"
#include "client/lane/buffers.h"
#include "client/lane/config.h"
#include "client/lane/counts.h"
#include "client/lane/lane.h"
#include "client/lane/waiting.h"
#include "client/picture/images.h"
#include "client/vehicles/vehicles.h"

#define LANE_WORKERS 2
#define LANE_STACK_BYTES (256 * 1024) /* of each thread */
#define LANE_GRACE_MS 3000            /* at the end: for what waits to be checked */

struct message_room;
struct workers;
struct lane_pictures;
struct listener;
struct lane_input;
struct journal;
struct calibration;
struct reporter;

struct lane_service {
    const struct lane_config *config;
    const struct settings *settings;
    struct identity identity;
    struct lane_counts counts;
    struct checker *checker;
    struct vehicles *vehicles;
    pthread_mutex_t vehicles_lock; /* no other lock is taken under it */
    struct waiting *waiting;
    struct buffers *buffers;
    struct images *images; /* NULL: none are taken */
    struct alerts *alerts;
    struct lane_pictures *pictures; /* NULL: no images are taken */
    struct judgements *judgements;
    pthread_mutex_t taking; /* of what message.c uses: the arena, the room */
    struct message_room *room;
    struct workers *workers;
    struct listener *listener; /* NULL: --stdin alone */
    struct lane_input *input;  /* NULL: no --stdin */
    struct journal *journal;
    struct lane_renewer *renewer;
    struct calibration *calibration; /* NULL: it does not try itself */
    struct reporter *reporter;       /* NULL: it does not report */
    _Atomic unsigned candidates_max; /* of one read, as the gate's policy and the config want */
    _Atomic unsigned away;           /* questions in a row that no gate took; several workers ask */
    _Atomic int64_t reported_ms;     /* monotonic, when a gate last took this lane's report; 0: never */
    _Atomic bool refused;            /* the gate does not want this lane: an alarm; it tries on, slowly */
    _Atomic int64_t unchecked_ms;    /* monotonic: when a vehicle went unchecked last; 0: none has */
    bool unchecked_told;             /* main thread: it was said that some do */
    bool locked_all;                 /* mlockall() */
    _Atomic bool ending;
};

#define LANE_UNCHECKED_ALARM_MS 300000 /* so long after the last one that went unchecked there is an alarm */

/* -- service.c -- */
/* Runs until a signal, or the end of standard input where there is no listener; an exit code. */
struct lane_run {
    const struct lane_config *config;
    const struct settings *settings;
    const char *ready_file;         /* NULL: none */
    const struct engine *input;     /* of lines on standard input; NULL: none */
    bool no_listener;
};
int lane_service_run(const struct lane_run *run);
/* A thread with a small stack; false is said. */
bool lane_thread_start(pthread_t *thread, void *(*run)(void *), void *argument) MUST_USE;

/* -- harden.c -- */
/* No core files, no files for others, little that the C library keeps, and all memory locked where that may be; true: it is.  Before there is a second thread. */
bool lane_harden(void) MUST_USE;

/* -- message.c: from a message to reads that wait -- */
struct message_taken {
    enum engine_outcome outcome;
    const char *kind; /* static; NULL: not known */
    size_t reads;     /* that were taken of it */
    size_t left_out;  /* that it holds beyond these */
    size_t vehicles[VEHICLE_OUTCOMES];
    uint64_t faults;
};
bool message_prepare(struct lane_service *service) MUST_USE; /* false is said */
void message_release(struct lane_service *service);
/* BODY has SIZE bytes and a zero behind them; it may be written to.  CAMERA: whom it was posted for; NULL: not said.  CAME_US: monotonic, when the last byte had
   come.  Any thread. */
void message_take(struct lane_service *service, const struct engine *engine, const char *camera, const char *content_type, char *body, size_t size,
                  int64_t came_us, struct message_taken *taken);

/* -- workers.c: reads that wait are checked -- */
struct workers *workers_start(struct lane_service *service) MUST_USE; /* NULL is said */
void workers_join(struct workers *workers); /* after waiting_end(); NULL is fine */
/* A read that will not be checked; for waiting.h, CONTEXT is the service. */
void workers_dropped(void *context, const struct lane_read *read, enum lane_unchecked why);

/* -- service_pictures.c: pictures of hits are sealed to the agency -- */
bool pictures_begin(struct lane_service *service) MUST_USE; /* false is said */
void pictures_send(struct lane_service *service, const struct check_alert *alert, size_t server, struct image *image); /* IMAGE NULL: there is none */
void pictures_came_late(void *context, const struct check_alert *alert, struct image *image); /* struct alert_ears */
void pictures_end(struct lane_service *service, unsigned wait_s); /* waits for what is under way */

/* -- status.c -- */
json_t *lane_status_json(struct lane_service *service);  /* GET /status; NULL: no memory */
bool lane_is_ready(struct lane_service *service, const char **why);
bool lane_some_unchecked(struct lane_service *service) MUST_USE; /* in the last LANE_UNCHECKED_ALARM_MS */
char *lane_metrics_text(struct lane_service *service, size_t *size); /* GET /metrics; malloc'ed */

/* -- journal.c: a line of counts each interval -- */
struct journal *journal_open(const struct lane_config *config) MUST_USE; /* NULL is said */
void journal_close(struct journal *journal);                             /* NULL is fine */
void journal_reopen(struct journal *journal);                            /* at SIGHUP */
void journal_tick(struct journal *journal, struct lane_service *service, bool now); /* writes when it is time, or NOW */

/* -- input.c: --stdin ENGINE -- */
struct lane_input *lane_input_start(struct lane_service *service, const struct engine *engine) MUST_USE; /* NULL is said */
bool lane_input_ended(const struct lane_input *input);
void lane_input_stop(struct lane_input *input); /* NULL is fine */

#endif

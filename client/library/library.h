/* Between the files of libplatesieve-client; for nobody else. */
#ifndef CLIENT_LIBRARY_LIBRARY_H
#define CLIENT_LIBRARY_LIBRARY_H

#include <platesieve/client.h>
#include <pthread.h>

#include "client/check/checker.h"
#include "client/say.h"

#define LIBRARY_THREADS_MAX 64

/* What one thread needs that asks. */
struct asker {
    struct asker *next;
    struct check_line *line;
    struct check_read *reads;     /* locked, reads_max of them */
    size_t *asked;                /* which of the caller's reads each is */
    uint8_t (*candidates)[LIMIT_CHECK_CANDIDATES]; /* which of the read's candidates each is */
    struct check_answer *answers;
};

struct platesieve_client {
    struct platesieve_client_settings told;
    char *gates, *keys, *crl;
    struct settings settings;
    struct identity identity;
    struct say_ear ear;
    struct checker *checker;
    pthread_mutex_t mutex;
    pthread_cond_t given_back;
    struct images *images;          /* NULL: no pictures are taken */
    struct lane_pictures *pictures;
    unsigned askers;    /* that were made */
    struct asker *idle;
};

/* One that nobody uses, made if there may be another; NULL: all were busy until END_MS (monotonic; 0: for as long as one question may take), or there is no
   memory that can be locked. */
struct asker *asker_take(struct platesieve_client *client, int64_t end_ms);
void asker_give_back(struct platesieve_client *client, struct asker *asker);
/* All of them; nobody uses one. */
void askers_free(struct platesieve_client *client);

/* Pictures, if the settings have room for them.  False is said. */
bool library_pictures_start(struct platesieve_client *client);
void library_pictures_stop(struct platesieve_client *client);

#endif

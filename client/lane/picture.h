/* Pictures of verified hits: opened, stripped, sealed to the recipients of the list's header, and uploaded, by two threads beside those that
   check.  An alert never waits for its picture.
 *
 * A picture is a file that is opened only for a hit whose tag is true and whose list has a header that this lane verified itself, or one that an
 * engine sent, held in locked memory (images.h).  It is let go as soon as it is sealed.  What waits for a gate is sealed, and bounded in number and in
 * bytes. */
#ifndef CLIENT_LANE_PICTURE_H
#define CLIENT_LANE_PICTURE_H

#include "client/lane/lane.h"
#include "client/picture/images.h"
#include "client/say.h"
#include "crypto/list_header.h"

#define LANE_PICTURES_MAX 64         /* under way; more are given up, and said */
#define LANE_PICTURE_AGE_S 600       /* after its alert a picture is tried for so long */
#define LANE_PICTURE_WAIT_DEFAULT 30 /* at the end of input */

struct lane_pictures;

/* What it may take, all borrowed, and whom it tells what became of each picture (any thread). */
struct lane_pictures_settings {
    const struct settings *settings;
    const struct identity *identity;
    bool files; /* pictures come as files, too: the memory that they are read into is locked */
    void (*told)(void *context, const struct lane_picture_news *news);
    void *context;
    const struct say_ear *ear; /* of the threads; NULL: standard error */
};
/* NULL is said. */
struct lane_pictures *lane_pictures_start(const struct lane_pictures_settings *settings) MUST_USE;
/* The read of LINE raised ALERT, which is verified, and named the file PATH ("": none; NULL: a name that is too long); SERVER is the number of the gate that answered.  Any thread; does not wait. */
void lane_pictures_add(struct lane_pictures *pictures, uint64_t line, const char *path, const struct check_alert *alert, size_t server);
/* The same for IMAGE (held from now on; NULL: the read has none). */
void lane_pictures_add_image(struct lane_pictures *pictures, struct image *image, const struct check_alert *alert, size_t server);
/* Waits until all are done, at most WAIT_S, and gives up the rest.  NULL is fine. */
void lane_pictures_stop(struct lane_pictures *pictures, unsigned wait_s);

/* -- headers.c: headers of lists, as gates gave them and this lane verified them -- */

struct lane_headers;

enum header_outcome {
    HEADER_FINE,
    HEADER_LATER,   /* no gate could give it now */
    HEADER_GONE,    /* gates do not have it any more */
    HEADER_EXPIRED, /* the agency's own has passed its time: nothing is sealed by it */
    HEADER_ALARM,   /* what the gate gave is not what the agency signed, or older than what this lane has seen */
};

struct lane_headers *lane_headers_create(const struct settings *settings, const struct identity *identity) MUST_USE; /* NULL is said */
void lane_headers_destroy(struct lane_headers *headers); /* NULL is fine */
/* The header ID of AGENCY's LIST, verified now; asks GATE when it is not at hand.  *HEADER is to be freed.  WHY (may be NULL) of an alarm. */
enum header_outcome lane_headers_get(struct lane_headers *headers, struct http *gate, const uint8_t id[LIST_HEADER_ID_BYTES], const char *agency,
                                     const char *list, struct list_header **header, const char **why);

#endif

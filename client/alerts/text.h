/* An alert in words, as a line for people, and as JSON.  Everything is written into memory of the caller, which is locked: there are plates in it. */
#ifndef CLIENT_ALERTS_TEXT_H
#define CLIENT_ALERTS_TEXT_H

#include "client/alerts/book.h"

#define ALERT_WORDS 160   /* bytes of alert_words(), with the ending zero */
#define ALERT_TEXT 4096   /* of a line or an object without its picture, likewise; a pipe takes so much at once */

/* Text under way.  What does not fit is counted and left out. */
struct text {
    char *to; /* ended by a zero byte, if there is room for anything */
    size_t room, size;
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_string(struct text *text, const char *string); /* as a string of JSON; what is not UTF-8, or controls a terminal, is left out */
bool text_fits(const struct text *text);

/* Must a person look before they act?  The list is old, or it is not this plate of this jurisdiction that was read. */
bool alert_wants_verifying(const struct check_alert *alert);
/* Was it seen LIMIT_SEEN_LATE_S and more before it was raised?  It is not there any more. */
bool alert_is_late(const struct kept_alert *kept);
/* "similar, list 26 h old: VERIFY"; "SEEN 9 h AGO; similar, ...". */
void alert_words(const struct kept_alert *kept, char words[ALERT_WORDS]);
/* With its end of line. */
void alert_line(struct text *text, const struct kept_alert *kept);

enum alert_picture {
    ALERT_PICTURE_TYPE, /* only what kind it is */
    ALERT_PICTURE_PATH, /* where the lane's listener has it */
    ALERT_PICTURE_DATA, /* in base64: the text ends where that begins, and ALERT_DATA_END must follow */
};
#define ALERT_DATA_END "\"}}"
/* An object; with ALERT_PICTURE_DATA and a picture, all of it up to the data. */
void alert_json(struct text *text, const struct kept_alert *kept, bool plates, enum alert_picture picture);

#endif

/* An alert as one object of JSON with its picture in base64, to be read at any place: the picture is encoded as it goes. */
#ifndef CLIENT_ALERTS_STREAM_H
#define CLIENT_ALERTS_STREAM_H

#include "client/alerts/text.h"

struct alert_stream {
    char *head; /* locked, ALERT_TEXT bytes */
    size_t head_size, data_size, size;
    struct image *image; /* held; NULL: none */
};

bool alert_stream_open(struct alert_stream *stream) MUST_USE; /* locks memory, to be used again and again */
void alert_stream_close(struct alert_stream *stream);
/* From now on it is KEPT; its picture is held until the stream is cleared. */
void alert_stream_set(struct alert_stream *stream, const struct kept_alert *kept);
void alert_stream_clear(struct alert_stream *stream); /* wipes */
/* Up to ROOM bytes (at least 8) from place AT of stream->size; 0 at its end. */
size_t alert_stream_read(const struct alert_stream *stream, size_t at, char *to, size_t room);

#endif

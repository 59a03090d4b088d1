#include "client/alerts/stream.h"

#include <sodium.h>

bool alert_stream_open(struct alert_stream *stream)
{
    *stream = (struct alert_stream) { .head = platesieve_secret_allocate(ALERT_TEXT) };
    return stream->head != NULL;
}

void alert_stream_close(struct alert_stream *stream)
{
    if (stream->head != NULL) alert_stream_clear(stream);
    platesieve_secret_free(stream->head);
    stream->head = NULL;
}

void alert_stream_set(struct alert_stream *stream, const struct kept_alert *kept)
{
    struct text text = { stream->head, ALERT_TEXT, 0 };
    size_t bytes = 0;

    alert_stream_clear(stream);
    alert_json(&text, kept, true, ALERT_PICTURE_DATA);
    stream->image = image_hold(kept->image);
    if (stream->image != NULL) (void)image_bytes(stream->image, &bytes);
    stream->head_size = text_fits(&text) ? text.size : 0; /* it always does: alert_text_test */
    stream->data_size = (bytes + 2) / 3 * 4;
    stream->size = stream->head_size + stream->data_size + (stream->image == NULL ? 0 : strlen(ALERT_DATA_END));
}

void alert_stream_clear(struct alert_stream *stream)
{
    image_release(stream->image);
    platesieve_wipe(stream->head, ALERT_TEXT);
    *stream = (struct alert_stream) { .head = stream->head };
}

static size_t copy(const char *from, size_t size, char *to, size_t room)
{
    const size_t copied = size < room ? size : room;

    memcpy(to, from, copied);
    return copied;
}

/* Whole groups of four characters, from the one that AT lies in. */
static size_t encode(const struct alert_stream *stream, size_t at, char *to, size_t room)
{
    size_t bytes, from = at / 4 * 3, skip = at % 4, take = room / 4 * 3, size;
    const uint8_t *image = image_bytes(stream->image, &bytes);
    char group[5];

    if (skip != 0) { /* the rest of a group alone */
        sodium_bin2base64(group, sizeof(group), image + from, bytes - from < 3 ? bytes - from : 3, sodium_base64_VARIANT_ORIGINAL);
        size = copy(group + skip, 4 - skip, to, room);
        sodium_memzero(group, sizeof(group));
        return size;
    }
    if (room % 4 == 0) take -= 3; /* the encoder ends it with a zero byte */
    if (take > bytes - from) take = bytes - from;
    sodium_bin2base64(to, room, image + from, take, sodium_base64_VARIANT_ORIGINAL);
    return (take + 2) / 3 * 4;
}

size_t alert_stream_read(const struct alert_stream *stream, size_t at, char *to, size_t room)
{
    if (at >= stream->size) return 0;
    if (at < stream->head_size) return copy(stream->head + at, stream->head_size - at, to, room);
    at -= stream->head_size;
    if (at < stream->data_size) return encode(stream, at, to, room);
    return copy(ALERT_DATA_END + (at - stream->data_size), strlen(ALERT_DATA_END) - (at - stream->data_size), to, room);
}

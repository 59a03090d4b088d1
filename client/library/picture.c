/* Pictures of hits: taken over, sealed and sent beside all else. */
#include "client/library/library.h"

#include "client/lane/picture.h"
#include "client/picture/images.h"

/* What a list without recipients comes to is nothing to tell. */
static void told(void *context, const struct lane_picture_news *news)
{
    const struct platesieve_client *client = context;

    if (news->alarm != NULL)
        say("ALARM: the recipients that a gate named for pictures of %s/%s can't be believed: %s.  Nothing was sealed to them.", news->agency, news->list,
            news->alarm);
    if (client->told.picture != NULL) client->told.picture(client->told.context, news->hit, news->outcome);
}

bool library_pictures_start(struct platesieve_client *client)
{
    const struct lane_pictures_settings settings = { .settings = &client->settings,
                                                     .identity = &client->identity,
                                                     .told = told,
                                                     .context = client,
                                                     .ear = &client->ear };

    if (client->told.pictures_bytes == 0) return true;
    client->pictures = lane_pictures_start(&settings);
    if (client->pictures != NULL) client->images = images_create(client->told.pictures_bytes);
    return client->images != NULL;
}

void library_pictures_stop(struct platesieve_client *client)
{
    lane_pictures_stop(client->pictures, client->told.pictures_wait_s);
    images_destroy(client->images);
}

static struct platesieve_result result(enum platesieve_reason reason)
{
    return (struct platesieve_result) { reason };
}

struct platesieve_result platesieve_client_picture(struct platesieve_client *client, const struct platesieve_client_alert *alert, const void *picture,
                                                   size_t size)
{
    struct check_alert about = { .has_header = true };
    const struct say_ear *before;
    struct image *image;

    if (client == NULL || alert == NULL || picture == NULL || size == 0 || !alert->wants_picture || client->pictures == NULL)
        return result(PLATESIEVE_BAD_ARGUMENT);
    memcpy(about.hit, alert->hit, sizeof(about.hit));
    memcpy(about.agency, alert->agency, sizeof(about.agency));
    memcpy(about.list, alert->list, sizeof(about.list));
    memcpy(about.header, alert->header, sizeof(about.header));
    image = images_put(client->images, picture, size);
    if (image == NULL) return result(PLATESIEVE_NO_MEMORY);
    before = say_listen(&client->ear);
    lane_pictures_add_image(client->pictures, image, &about, alert->gate);
    (void)say_listen(before);
    image_release(image);
    return result(PLATESIEVE_OK);
}

/* An authority, agencies' certificates and headers, made up for tests of evidence. */
#ifndef TESTS_UNIT_EVIDENCE_SCENE_H
#define TESTS_UNIT_EVIDENCE_SCENE_H

#include <openssl/pem.h>
#include <sodium.h>

#include "client/ca/ca.h"
#include "client/moment.h"
#include "crypto/evidence.h"

struct person {
    EVP_PKEY *key;
    X509 *certificate;
};

struct scene {
    struct ca ca;
    struct anchors anchors;
    struct person ana, ben, one, two, marshal, lane; /* agency/customs/ana, agency/marshals/ben, evidence/customs/1, 2, evidence/marshals/1 */
};

static inline struct person scene_person_for(const struct ca *ca, const char *text, int64_t seconds)
{
    struct person person = { ca_new_key(), NULL };
    struct name name;
    struct ca_row row;
    const struct ca_request request = { &name, seconds, NULL, NULL };

    if (name_parse(text, &name)) person.certificate = ca_sign(ca, person.key, &request, &row);
    return person;
}

static inline struct person scene_person(const struct ca *ca, const char *text)
{
    return scene_person_for(ca, text, 86400);
}

static inline void person_free(struct person *person)
{
    EVP_PKEY_free(person->key);
    X509_free(person->certificate);
}

static inline bool scene_anchors(const struct ca *ca, X509_CRL *crl, struct anchors *anchors)
{
    BIO *pem = BIO_new(BIO_s_mem()), *list = BIO_new(BIO_s_mem());
    char *text, *list_text;
    long size, list_size;
    bool read;

    PEM_write_bio_X509(pem, ca->certificate);
    if (crl != NULL) PEM_write_bio_X509_CRL(list, crl);
    size = BIO_get_mem_data(pem, &text);
    list_size = BIO_get_mem_data(list, &list_text);
    read = anchors_read(anchors, ca->trust_domain, text, (size_t)size, list_text, (size_t)list_size);
    BIO_free(pem);
    BIO_free(list);
    return read;
}

static inline bool scene_make(struct scene *scene)
{
    *scene = (struct scene) { .ca = { .lock = -1, .trust_domain = "example.net" } };
    scene->ca.key = ca_new_key();
    scene->ca.certificate = ca_sign_self(scene->ca.key, scene->ca.trust_domain, 10);
    scene->ana = scene_person(&scene->ca, "agency/customs/ana");
    scene->ben = scene_person(&scene->ca, "agency/marshals/ben");
    scene->one = scene_person(&scene->ca, "evidence/customs/1");
    scene->two = scene_person(&scene->ca, "evidence/customs/2");
    scene->marshal = scene_person(&scene->ca, "evidence/marshals/1");
    scene->lane = scene_person(&scene->ca, "reader/north/1");
    return scene_anchors(&scene->ca, NULL, &scene->anchors);
}

static inline void scene_free(struct scene *scene)
{
    anchors_free(&scene->anchors);
    person_free(&scene->ana);
    person_free(&scene->ben);
    person_free(&scene->one);
    person_free(&scene->two);
    person_free(&scene->marshal);
    person_free(&scene->lane);
    EVP_PKEY_free(scene->ca.key);
    X509_free(scene->ca.certificate);
}

/* Of customs/stolen, for a day, to the owner of RECIPIENT. */
static inline struct list_header scene_header(const struct person *recipient)
{
    struct list_header header = { .agency = "customs", .list = "stolen", .serial = 1, .recipient_count = 1 };

    header.signed_ms = moment_now_ms();
    header.expires_ms = header.signed_ms + 86400000;
    header.recipients[0].certificate = recipient->certificate;
    return header;
}

#endif

#include "client/identity/identity.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *text, int room, int writing, void *context)
{
    (void)text, (void)room, (void)writing, (void)context;
    return -1;
}

bool identity_try(const struct identity *identity)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    bool good = false;

    if (tls == NULL) return false;
    SSL_CTX_set_default_passwd_cb(tls, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(tls, identity->certificate) != 1) say("the file of the certificate can't be used");
    else if (SSL_CTX_use_PrivateKey_file(tls, identity->key, SSL_FILETYPE_PEM) != 1) say("the key can't be used, or is not that of the certificate");
    else if (SSL_CTX_load_verify_file(tls, identity->ca) != 1) say("the file of the authority's certificate can't be used");
    else good = true;
    SSL_CTX_free(tls);
    ERR_clear_error();
    return good;
}

/* Hashing for RFC 9497 with SHA-512: to the group, to scalars, to the output. */
#include "crypto/voprf.h"

#define SHA512_BLOCK_BYTES 128
#define UNIFORM_BYTES 64 /* what both HashToGroup and HashToScalar reduce */

static_assert(UNIFORM_BYTES == crypto_core_ristretto255_HASHBYTES, "libsodium maps as many bytes to an element");
static_assert(UNIFORM_BYTES == crypto_core_ristretto255_NONREDUCEDSCALARBYTES,
              "libsodium reduces as many bytes to a scalar");

void voprf_add(struct voprf_bytes *to, const void *bytes, size_t size)
{
    assert(size <= sizeof to->bytes - to->size);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

void voprf_add_text(struct voprf_bytes *to, const char *text)
{
    voprf_add(to, text, strlen(text));
}

void voprf_add_number(struct voprf_bytes *to, size_t number)
{
    const uint8_t bytes[2] = { (uint8_t)(number >> 8), (uint8_t)number };

    assert(number <= UINT16_MAX);
    voprf_add(to, bytes, sizeof bytes);
}

void voprf_add_sized(struct voprf_bytes *to, const void *bytes, size_t size)
{
    voprf_add_number(to, size);
    voprf_add(to, bytes, size);
}

struct voprf_bytes voprf_tag(const char *label, enum voprf_mode mode)
{
    const uint8_t number = (uint8_t)mode;
    struct voprf_bytes tag = { .size = 0 };

    voprf_add_text(&tag, label);
    voprf_add_text(&tag, "OPRFV1-");
    voprf_add(&tag, &number, 1);
    voprf_add_text(&tag, "-ristretto255-SHA512");
    return tag;
}

/* DST_prime: the tag and its length. */
static void absorb_tag(crypto_hash_sha512_state *state, const struct voprf_bytes *tag)
{
    const uint8_t size = (uint8_t)tag->size;

    crypto_hash_sha512_update(state, tag->bytes, tag->size);
    crypto_hash_sha512_update(state, &size, 1);
}

/* b_0: of a block of zeroes, the message, and what will be asked for. */
static void expand_first(const void *message, size_t message_size, const struct voprf_bytes *tag, size_t size,
                         uint8_t first[crypto_hash_sha512_BYTES])
{
    static const uint8_t zeroes[SHA512_BLOCK_BYTES];
    const uint8_t asked[3] = { (uint8_t)(size >> 8), (uint8_t)size, 0 };
    crypto_hash_sha512_state state;

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, zeroes, sizeof zeroes);
    crypto_hash_sha512_update(&state, message, message_size);
    crypto_hash_sha512_update(&state, asked, sizeof asked);
    absorb_tag(&state, tag);
    crypto_hash_sha512_final(&state, first);
    sodium_memzero(&state, sizeof state);
}

void voprf_expand(const void *message, size_t message_size, const struct voprf_bytes *tag, uint8_t *out, size_t size)
{
    uint8_t first[crypto_hash_sha512_BYTES], block[crypto_hash_sha512_BYTES] = { 0 };
    crypto_hash_sha512_state state;

    assert(tag->size <= UINT8_MAX && size <= UINT8_MAX * sizeof block);
    expand_first(message, message_size, tag, size, first);
    for (size_t done = 0, part; done < size; done += part) {
        const uint8_t number = (uint8_t)(done / sizeof block + 1);

        for (size_t i = 0; i < sizeof block; i++)
            block[i] ^= first[i];
        crypto_hash_sha512_init(&state);
        crypto_hash_sha512_update(&state, block, sizeof block);
        crypto_hash_sha512_update(&state, &number, 1);
        absorb_tag(&state, tag);
        crypto_hash_sha512_final(&state, block);
        part = size - done < sizeof block ? size - done : sizeof block;
        memcpy(out + done, block, part);
    }
    sodium_memzero(&state, sizeof state);
    sodium_memzero(first, sizeof first);
    sodium_memzero(block, sizeof block);
}

struct platesieve_element voprf_hash_to_group(enum voprf_mode mode, const void *message, size_t size)
{
    const struct voprf_bytes tag = voprf_tag("HashToGroup-", mode);
    uint8_t uniform[UNIFORM_BYTES];
    struct platesieve_element element;

    voprf_expand(message, size, &tag, uniform, sizeof uniform);
    crypto_core_ristretto255_from_hash(element.bytes, uniform);
    sodium_memzero(uniform, sizeof uniform);
    return element;
}

void voprf_hash_to_scalar(const struct voprf_bytes *tag, const struct voprf_bytes *input,
                          uint8_t scalar[VOPRF_SCALAR_BYTES])
{
    uint8_t uniform[UNIFORM_BYTES];

    voprf_expand(input->bytes, input->size, tag, uniform, sizeof uniform);
    crypto_core_ristretto255_scalar_reduce(scalar, uniform); /* little-endian */
    sodium_memzero(uniform, sizeof uniform);
}

void voprf_finalize(const struct platesieve_message *message, const struct platesieve_element *unblinded,
                    uint8_t output[VOPRF_OUTPUT_BYTES])
{
    struct voprf_bytes input = { .size = 0 };

    voprf_add_sized(&input, message->bytes, message->length);
    voprf_add_sized(&input, unblinded->bytes, sizeof unblinded->bytes);
    voprf_add_text(&input, "Finalize");
    crypto_hash_sha512(output, input.bytes, input.size);
    sodium_memzero(&input, sizeof input);
}

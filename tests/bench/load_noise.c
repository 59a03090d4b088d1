/* Random tokens by the million: xoshiro256++ and a table of 4096 pairs of letters. */
#include "tests/bench/load.h"

#include <sys/random.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct noise {
    uint64_t state[4];
    bool ready;
    char pairs[4096][2];
};
static _Thread_local struct noise noise;

static void noise_start(void)
{
    if (getrandom(noise.state, sizeof(noise.state), 0) != (ssize_t)sizeof(noise.state))
        abort();
    for (unsigned i = 0; i < 4096; i++) {
        noise.pairs[i][0] = alphabet[i >> 6];
        noise.pairs[i][1] = alphabet[i & 63];
    }
    noise.ready = true;
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static uint64_t noise_next(void)
{
    uint64_t *s = noise.state;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

void noise_text(char text[LOAD_TEXT])
{
    if (!noise.ready)
        noise_start();
    uint64_t bits = 0;
    for (unsigned i = 0; i < LOAD_TEXT / 2; i++) {
        if (i % 5 == 0)
            bits = noise_next();
        memcpy(text + 2 * i, noise.pairs[bits & 4095], 2);
        bits >>= 12;
    }
    text[LOAD_TEXT - 1] = alphabet[(noise_next() & 3) << 4]; /* 128 bits end with two in the last letter */
}

void noise_raw(char raw[16])
{
    if (!noise.ready)
        noise_start();
    uint64_t words[2] = { noise_next(), noise_next() };
    memcpy(raw, words, sizeof(words));
}

/* What voprf-ristretto255-sha512 costs a key server and a client on one core, in batches of 64 unless told otherwise,
   beside libsodium's multiplication alone: in turns, in processor time, medians.
   `tests/bench/voprf_bench [--rounds N] [--batch N]` prints one JSON object on one line. */
#include <platesieve/platesieve.h>

#include <sodium.h>

#define BATCH_MAX PLATESIEVE_VOPRF_BATCH_MAX
#define SHARED 2 /* servers that are asked where the key is shared */
#define ROUNDS_MAX 1000

enum figure {
    BARE,       /* crypto_scalarmult_ristretto255 */
    UNVERIFIED, /* platesieve_voprf_evaluate_unverified */
    VERIFIED,   /* platesieve_voprf_evaluate */
    BEGIN,
    FINISH,
    FINISH_SHARES,
    FIGURES,
};

struct scene {
    size_t batch_size;
    struct platesieve_message messages[BATCH_MAX];
    struct platesieve_voprf_key *key, *shares[SHARED];
    uint8_t scalar[crypto_core_ristretto255_SCALARBYTES];
    struct platesieve_voprf_shares checked;
    struct platesieve_voprf_batch *batch;
    struct platesieve_element evaluated[1 + SHARED][BATCH_MAX];
    struct platesieve_voprf_proof proofs[1 + SHARED];
    struct platesieve_token tokens[BATCH_MAX];
};

static void must(bool good)
{
    if (good) return;
    fprintf(stderr, "voprf_bench: failed\n");
    exit(1);
}

static void must_work(struct platesieve_result result)
{
    must(!platesieve_failed(result));
}

static void begin(struct scene *scene)
{
    must_work(platesieve_voprf_begin(scene->messages, scene->batch_size, &scene->batch));
}

static void evaluate(struct scene *scene, size_t place, const struct platesieve_voprf_key *key)
{
    must_work(platesieve_voprf_evaluate(key, platesieve_voprf_blinded(scene->batch), scene->batch_size,
                                        scene->evaluated[place], &scene->proofs[place]));
}

static void make_scene(struct scene *scene)
{
    static const char epoch[] = "20261122T000000Z";
    uint8_t seeds[3][PLATESIEVE_SEED_BYTES];
    struct platesieve_element shares[SHARED], whole;

    randombytes_buf(seeds, sizeof(seeds));
    must_work(platesieve_voprf_key_derive(seeds[0], epoch, &scene->key));
    must_work(platesieve_voprf_key_share(1, seeds[1], seeds[2], epoch, &scene->shares[0]));
    must_work(platesieve_voprf_key_share(2, seeds[0], seeds[2], epoch, &scene->shares[1]));
    for (size_t i = 0; i < SHARED; i++) shares[i] = platesieve_voprf_public_key(scene->shares[i]);
    must_work(platesieve_voprf_combine(1, &shares[0], 2, &shares[1], &whole));
    must_work(platesieve_voprf_shares_check(
        &whole, (const struct platesieve_element *const[3]){ &shares[0], &shares[1], NULL }, &scene->checked));
    crypto_core_ristretto255_scalar_random(scene->scalar);
    for (size_t i = 0; i < scene->batch_size; i++) {
        scene->messages[i].length = 32; /* about as long as a plate's */
        randombytes_buf(scene->messages[i].bytes, scene->messages[i].length);
    }
    begin(scene);
    evaluate(scene, 0, scene->key);
    for (size_t i = 0; i < SHARED; i++) evaluate(scene, 1 + i, scene->shares[i]);
}

static void bare(const struct scene *scene)
{
    const struct platesieve_element *blinded = platesieve_voprf_blinded(scene->batch);
    struct platesieve_element out[BATCH_MAX];

    for (size_t i = 0; i < scene->batch_size; i++)
        must(crypto_scalarmult_ristretto255(out[i].bytes, scene->scalar, blinded[i].bytes) == 0);
}

static void finish_shares(struct scene *scene)
{
    const struct platesieve_voprf_answer answers[SHARED] = {
        { 1, scene->batch_size, scene->evaluated[1], &scene->proofs[1] },
        { 2, scene->batch_size, scene->evaluated[2], &scene->proofs[2] },
    };

    must_work(platesieve_voprf_finish_shares(scene->batch, &scene->checked, answers, scene->tokens, NULL));
}

static void run(struct scene *scene, enum figure figure)
{
    struct platesieve_element public_key = platesieve_voprf_public_key(scene->key), out[BATCH_MAX];
    struct platesieve_voprf_batch *batch;

    switch (figure) {
    case BARE:
        bare(scene);
        break;
    case UNVERIFIED:
        must_work(platesieve_voprf_evaluate_unverified(scene->key, platesieve_voprf_blinded(scene->batch),
                                                       scene->batch_size, out));
        break;
    case VERIFIED:
        evaluate(scene, 0, scene->key);
        break;
    case BEGIN:
        must_work(platesieve_voprf_begin(scene->messages, scene->batch_size, &batch));
        platesieve_voprf_batch_destroy(batch);
        break;
    case FINISH:
        must_work(platesieve_voprf_finish(scene->batch, &public_key, scene->evaluated[0], scene->batch_size,
                                          &scene->proofs[0], scene->tokens));
        break;
    case FINISH_SHARES:
        finish_shares(scene);
        break;
    case FIGURES:
        break;
    }
}

static double now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

int main(int count, char **arguments)
{
    static double took_us[FIGURES][ROUNDS_MAX], ratios[ROUNDS_MAX];
    static struct scene scene;
    double each_us[FIGURES];
    size_t rounds = 40;

    scene.batch_size = 64;
    for (int i = 1; i < count; i += 2) {
        must(i + 1 < count && (strcmp(arguments[i], "--rounds") == 0 || strcmp(arguments[i], "--batch") == 0));
        *(arguments[i][2] == 'r' ? &rounds : &scene.batch_size) = strtoull(arguments[i + 1], NULL, 10);
    }
    must(rounds >= 1 && rounds <= ROUNDS_MAX && scene.batch_size >= 1 && scene.batch_size <= BATCH_MAX);
    must(!platesieve_failed(platesieve_init()));
    make_scene(&scene);
    for (size_t round = 0; round < rounds; round++) {
        for (int i = 0; i < FIGURES; i++) {
            const enum figure figure = (enum figure)(round % 2 == 0 ? i : FIGURES - 1 - i);
            const double began = now_us();

            run(&scene, figure);
            took_us[figure][round] = (now_us() - began) / (double)scene.batch_size;
        }
        ratios[round] = took_us[BARE][round] / took_us[UNVERIFIED][round];
    }
    for (int i = 0; i < FIGURES; i++) each_us[i] = median(took_us[i], rounds);
    printf("{\"batch\": %zu, \"scalarmult_per_s\": %.0f, \"evaluate_per_s\": %.0f, \"ratio\": %.3f, "
           "\"evaluate_verified_per_s\": %.0f, \"blind_us\": %.1f, \"finish_us\": %.1f, "
           "\"finish_shares_us\": %.1f}\n",
           scene.batch_size, 1e6 / each_us[BARE], 1e6 / each_us[UNVERIFIED], median(ratios, rounds), 1e6 / each_us[VERIFIED],
           each_us[BEGIN], each_us[FINISH], each_us[FINISH_SHARES]);
    return 0;
}

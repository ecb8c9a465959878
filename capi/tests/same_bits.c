/* Adapts to an episode and predicts: PRETRAINED EPISODE CLASSIFIER ANSWERS, the last two are written.
   An episode is ways, n of support and query, labels of the support, floats of support and query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "innerloop.h"

#define NEED(what) \
    if (!(what)) { \
        fprintf(stderr, "line %d: %s: %s\n", __LINE__, #what, innerloop_last_error()); \
        exit(1); \
    }
#define OK(call) NEED((call) == INNERLOOP_STATUS_OK)

static void *bytes_of(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    NEED(file && !fseek(file, 0, SEEK_END));
    *length = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(*length);
    NEED(bytes && fread(bytes, 1, *length, file) == *length);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    NEED(argc == 5);
    size_t length;
    uint32_t *episode = bytes_of(argv[2], &length);
    const size_t ways = episode[0], n = episode[1], queries = episode[2];
    const uint32_t *labels = episode + 3;
    innerloop_shape shape;
    innerloop_pretrained *pretrained, *again;
    OK(innerloop_pretrained_load(argv[1], &pretrained));
    OK(innerloop_pretrained_shape(pretrained, &shape));
    const float *floats = (const float *)(labels + n);
    innerloop_images support = {floats, NULL, n, shape.h, shape.w, shape.c};
    innerloop_images query = {floats + n * shape.h * shape.w * shape.c, NULL, queries, shape.h, shape.w, shape.c};
    innerloop_classifier *classifier, *loaded;
    OK(innerloop_adapt(pretrained, support, labels, ways, &classifier));
    OK(innerloop_classifier_save(classifier, argv[3]));

    float *all = malloc(queries * ways * sizeof *all), *one = malloc(ways * sizeof *one);
    uint32_t *chosen = malloc(queries * sizeof *chosen), of_one;
    NEED(all && one && chosen);
    OK(innerloop_predict(classifier, query, all, queries * ways, chosen, queries));
    FILE *answers = fopen(argv[4], "wb");
    NEED(answers && fwrite(all, sizeof *all, queries * ways, answers) == queries * ways);
    NEED(fwrite(chosen, sizeof *chosen, queries, answers) == queries && !fclose(answers));

    /* from memory and from the saved classifier, one query at a time: the same bits */
    void *bytes = bytes_of(argv[1], &length);
    OK(innerloop_pretrained_from_memory(bytes, length, &again));
    innerloop_classifier_free(classifier);
    OK(innerloop_adapt(again, support, labels, ways, &classifier));
    OK(innerloop_classifier_load(argv[3], &loaded));
    OK(innerloop_classifier_shape(loaded, &shape));
    NEED(shape.ways == ways && shape.h == 28 && shape.c == 1);
    query.n = 1;
    for (size_t i = 0; i < queries; i++, query.floats += shape.h * shape.w * shape.c) {
        OK(innerloop_predict(i % 2 ? classifier : loaded, query, one, ways, NULL, 0));
        NEED(!memcmp(one, all + i * ways, ways * sizeof *one));
        OK(innerloop_predict(i % 2 ? loaded : classifier, query, NULL, 0, &of_one, 1));
        NEED(of_one == chosen[i]);
    }
    innerloop_classifier_free(classifier);
    innerloop_classifier_free(loaded);
    innerloop_pretrained_free(pretrained);
    innerloop_pretrained_free(again);
    free(all), free(one), free(chosen), free(bytes), free(episode);
    return 0;
}

/* Every way to call the library wrongly: MAML PROTONET ANOTHER DAMAGED DIVERGING, files of pretrained learners. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "innerloop.h"

static int count = 0;

static void refused(int line, innerloop_status found, innerloop_status need, const char *text) {
    count++;
    if (found != need || !strstr(innerloop_last_error(), text)) {
        fprintf(stderr, "line %d: status %d, \"%s\", but not %d and \"%s\"\n", line, (int)found,
                innerloop_last_error(), (int)need, text);
        exit(1);
    }
}
#define ARGUMENT INNERLOOP_STATUS_ARGUMENT
#define REFUSED(call, status, text) refused(__LINE__, call, status, text)
#define NEED(what) \
    if (!(what)) { \
        fprintf(stderr, "line %d: %s: %s\n", __LINE__, #what, innerloop_last_error()); \
        exit(1); \
    }
#define OK(call) NEED((call) == INNERLOOP_STATUS_OK)

static void *another_thread(void *maml) {
    NEED(!*innerloop_last_error()); /* what went wrong on the first thread is not told here */
    REFUSED(innerloop_pretrained_shape(maml, NULL), ARGUMENT, "out is NULL");
    return NULL;
}

int main(int argc, char **argv) {
    NEED(argc == 6 && !*innerloop_last_error());
    enum { N = 5, SIZE = 28 * 28 };
    static float floats[2 * N * SIZE], probabilities[N * N];
    static unsigned char bytes[N * SIZE];
    for (int i = 0; i < N * SIZE; i++) floats[i] = (float)(bytes[i] = (i * 37 + i / 784) % 5 == 0 ? 255 : 0) / 255;
    uint32_t labels[N] = {0, 1, 2, 3, 4}, found[N];
    const innerloop_images good = {floats, NULL, N, 28, 28, 1};
    innerloop_images images = good;
    innerloop_pretrained *maml, *protonet, *none = (innerloop_pretrained *)argv;
    innerloop_classifier *classifier, *empty = (innerloop_classifier *)argv;
    innerloop_shape shape;

    /* files */
    REFUSED(innerloop_pretrained_load(NULL, &none), ARGUMENT, "path is NULL");
    NEED(!none);
    REFUSED(innerloop_pretrained_load(argv[1], NULL), ARGUMENT, "out is NULL");
    REFUSED(innerloop_pretrained_load("no/such/file", &none), INNERLOOP_STATUS_IO, "no/such/file");
    REFUSED(innerloop_pretrained_load("\xff", &none), ARGUMENT, "UTF-8");
    REFUSED(innerloop_pretrained_load(argv[3], &none), INNERLOOP_STATUS_BAD_FILE, "another type");
    REFUSED(innerloop_pretrained_load(argv[4], &none), INNERLOOP_STATUS_BAD_FILE, "damaged");
    REFUSED(innerloop_pretrained_from_memory(bytes, sizeof bytes, &none), INNERLOOP_STATUS_BAD_FILE, "in memory");
    REFUSED(innerloop_pretrained_from_memory(NULL, 9, &none), ARGUMENT, "bytes is NULL");
    REFUSED(innerloop_pretrained_from_memory(bytes, SIZE_MAX, &none), ARGUMENT, "no memory is so large");
    REFUSED(innerloop_classifier_load(argv[1], &empty), INNERLOOP_STATUS_BAD_FILE, "it is a pretrained learner");
    NEED(!empty);
    OK(innerloop_pretrained_load(argv[1], &maml));
    OK(innerloop_pretrained_load(argv[2], &protonet));
    OK(innerloop_pretrained_shape(maml, &shape));
    NEED(shape.h == 28 && shape.w == 28 && shape.c == 1 && shape.ways == 5);
    OK(innerloop_pretrained_shape(protonet, &shape));
    NEED(shape.ways == 0);

    /* to adapt */
    REFUSED(innerloop_adapt(NULL, good, labels, N, &empty), ARGUMENT, "pretrained is NULL");
    REFUSED(innerloop_adapt(maml, good, NULL, N, &empty), ARGUMENT, "labels is NULL");
    REFUSED(innerloop_adapt(maml, good, labels, N, NULL), ARGUMENT, "out is NULL");
    images.floats = NULL;
    REFUSED(innerloop_adapt(maml, images, labels, N, &empty), ARGUMENT, "both NULL");
    images.floats = floats, images.bytes = bytes;
    REFUSED(innerloop_adapt(maml, images, labels, N, &empty), ARGUMENT, "give one");
    images = good, images.w = 27;
    REFUSED(innerloop_adapt(maml, images, labels, N, &empty), ARGUMENT, "[28, 27, 1] cannot be used");
    images = good, images.n = 0;
    REFUSED(innerloop_adapt(maml, images, labels, N, &empty), ARGUMENT, "images.n is 0");
    images.n = SIZE_MAX / 2;
    REFUSED(innerloop_adapt(maml, images, labels, N, &empty), ARGUMENT, "no memory is so large");
    labels[4] = 5;
    REFUSED(innerloop_adapt(maml, good, labels, N, &empty), ARGUMENT, "label 5 at position 4");
    labels[4] = 3;
    REFUSED(innerloop_adapt(maml, good, labels, N, &empty), ARGUMENT, "no example of label 4");
    REFUSED(innerloop_adapt(protonet, good, labels, SIZE_MAX, &empty), ARGUMENT, "no example of label 4");
    labels[4] = 4;
    images.n = 6; /* one class more than the network has outputs */
    uint32_t six[6] = {0, 1, 2, 3, 4, 5};
    REFUSED(innerloop_adapt(maml, images, six, 6, &empty), ARGUMENT, "at most the number of outputs");
    floats[3 * SIZE] = NAN;
    REFUSED(innerloop_adapt(maml, good, labels, N, &empty), INNERLOOP_STATUS_NOT_FINITE, "not finite");
    floats[3 * SIZE] = 0;
    OK(innerloop_pretrained_load(argv[5], &none));
    REFUSED(innerloop_adapt(none, good, labels, N, &empty), INNERLOOP_STATUS_NOT_FINITE, "not finite");
    NEED(!empty);
    innerloop_pretrained_free(none);

    /* to predict; bytes are as good as floats */
    images = good, images.floats = NULL, images.bytes = bytes;
    OK(innerloop_adapt(protonet, images, labels, N, &classifier));
    OK(innerloop_predict(classifier, images, probabilities, N * N, found, N));
    NEED(!memcmp(found, labels, sizeof found));
    REFUSED(innerloop_predict(NULL, good, probabilities, N * N, found, N), ARGUMENT, "classifier is NULL");
    REFUSED(innerloop_predict(classifier, good, NULL, 0, NULL, 0), ARGUMENT, "both NULL");
    found[0] = 77;
    REFUSED(innerloop_predict(classifier, good, probabilities, 24, found, N), ARGUMENT, "24: it must be 25");
    REFUSED(innerloop_predict(classifier, good, probabilities, N * N, found, 6), ARGUMENT, "6: it must be 5");
    REFUSED(innerloop_predict(classifier, good, NULL, 3, found, N), ARGUMENT, "probabilities is NULL");
    floats[0] = INFINITY;
    REFUSED(innerloop_predict(classifier, good, NULL, 0, found, N), INNERLOOP_STATUS_NOT_FINITE, "not finite");
    NEED(found[0] == 77);
    REFUSED(innerloop_classifier_save(classifier, "no/such/folder/x"), INNERLOOP_STATUS_IO, "no/such/folder");
    REFUSED(innerloop_classifier_shape(NULL, &shape), ARGUMENT, "classifier is NULL");

    pthread_t thread;
    NEED(!pthread_create(&thread, NULL, another_thread, maml) && !pthread_join(thread, NULL));
    NEED(strstr(innerloop_last_error(), "classifier is NULL"));
    innerloop_classifier_free(classifier);
    innerloop_classifier_free(NULL);
    innerloop_pretrained_free(maml);
    innerloop_pretrained_free(protonet);
    innerloop_pretrained_free(NULL);
    printf("all of %d were refused\n", count);
    return 0;
}

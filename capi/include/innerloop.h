/* C interface of innerloop. cbindgen makes this file from capi/src: change it there. */

#ifndef INNERLOOP_H
#define INNERLOOP_H

#include <stddef.h>
#include <stdint.h>

/**
 * What a call came to. On anything but OK, `innerloop_last_error` says what was wrong.
 */
typedef enum innerloop_status {
  /**
   * It worked.
   */
  INNERLOOP_STATUS_OK = 0,
  /**
   * An argument cannot be used: a pointer is NULL, a size or a label is wrong.
   */
  INNERLOOP_STATUS_ARGUMENT = 1,
  /**
   * A number is infinite or NaN: it came in so, or the adaptation diverged.
   */
  INNERLOOP_STATUS_NOT_FINITE = 2,
  /**
   * The operating system could not read or write a file.
   */
  INNERLOOP_STATUS_IO = 3,
  /**
   * A file is damaged, or is not what was asked for.
   */
  INNERLOOP_STATUS_BAD_FILE = 4,
  /**
   * Anything else.
   */
  INNERLOOP_STATUS_FAILED = 5,
  /**
   * An error in the library, caught at its border; please report it.
   */
  INNERLOOP_STATUS_BUG = 6,
} innerloop_status;

/**
 * A learner that was adapted to a support set: ask it as often as you like, save it, free it.
 */
typedef struct innerloop_classifier innerloop_classifier;

/**
 * A meta-trained learner: load it, adapt it as often as you like, free it.
 */
typedef struct innerloop_pretrained innerloop_pretrained;

/**
 * What images a learner or a classifier is for, and how many classes.
 */
typedef struct innerloop_shape {
  /**
   * Pixels from top to bottom.
   */
  size_t h;
  /**
   * Pixels from left to right.
   */
  size_t w;
  /**
   * Channels.
   */
  size_t c;
  /**
   * Classes.
   */
  size_t ways;
} innerloop_shape;

/**
 * `n` images of `h` by `w` pixels with `c` channels, channels last: pixel (row, column, channel) of image `i` is number
 * `((i * h + row) * w + column) * c + channel`.
 *
 * Give `floats`, the numbers that the network was trained on, or `bytes` from 0 to 255, which are made into such numbers as
 * in training; the other of the two is NULL.
 */
typedef struct innerloop_images {
  /**
   * Numbers as in training, or NULL.
   */
  const float *floats;
  /**
   * Bytes, or NULL.
   */
  const uint8_t *bytes;
  /**
   * How many images there are.
   */
  size_t n;
  /**
   * Pixels from top to bottom.
   */
  size_t h;
  /**
   * Pixels from left to right.
   */
  size_t w;
  /**
   * Channels: 1 for grey, 3 for colour.
   */
  size_t c;
} innerloop_images;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Loads a meta-trained learner, with its network and settings, from a file that `Pretrained::save` of the Rust crate wrote.
 *
 * On success `*out` is the learner, to be freed by `innerloop_pretrained_free`; else `*out` is NULL.
 *
 * # Safety
 * `path` is NULL or ends with a zero; `out` is NULL or points to a place for a pointer.
 */
enum innerloop_status innerloop_pretrained_load(const char *path,
                                                struct innerloop_pretrained **out);

/**
 * The same from the `length` bytes of such a file, for programs that carry it in themselves. They are copied.
 *
 * # Safety
 * `bytes` is NULL or has `length` bytes; `out` is NULL or points to a place for a pointer.
 */
enum innerloop_status innerloop_pretrained_from_memory(const uint8_t *bytes,
                                                       size_t length,
                                                       struct innerloop_pretrained **out);

/**
 * The images that a learner is for; `ways` is the largest number of classes that it can tell apart, or 0 for any number.
 *
 * # Safety
 * `pretrained` is NULL or was given by this library and not freed; `out` is NULL or points to a place for a shape.
 */
enum innerloop_status innerloop_pretrained_shape(const struct innerloop_pretrained *pretrained,
                                                 struct innerloop_shape *out);

/**
 * Adapts a learner to a support set: `labels` has the class of each image, from 0 to `ways - 1`, each at least once. The
 * learner stays as it is, and any number of threads may adapt from one learner at a time.
 *
 * On success `*out` is the classifier, to be freed by `innerloop_classifier_free`; else `*out` is NULL.
 *
 * # Safety
 * `pretrained` is NULL or was given by this library and not freed; pointers of `images` are NULL or have `n * h * w * c`
 * numbers; `labels` is NULL or has `images.n` numbers; `out` is NULL or points to a place for a pointer.
 */
enum innerloop_status innerloop_adapt(const struct innerloop_pretrained *pretrained,
                                      struct innerloop_images images,
                                      const uint32_t *labels,
                                      size_t ways,
                                      struct innerloop_classifier **out);

/**
 * Frees a learner; NULL is allowed.
 *
 * # Safety
 * `pretrained` is NULL or was given by this library and not freed; no other thread uses it.
 */
void innerloop_pretrained_free(struct innerloop_pretrained *pretrained);

/**
 * The images that a classifier is for, and the number of its classes.
 *
 * # Safety
 * `classifier` is NULL or was given by this library and not freed; `out` is NULL or points to a place for a shape.
 */
enum innerloop_status innerloop_classifier_shape(const struct innerloop_classifier *classifier,
                                                 struct innerloop_shape *out);

/**
 * Classifies images, each by itself: the answer for one does not depend on the others. Any number of threads may ask one
 * classifier at a time.
 *
 * `probabilities` gets `[n, ways]` numbers row by row, and `probabilities_length` must be `n * ways`; `labels` gets the most
 * probable class of each image (the first of equals), and `labels_length` must be `n`. One of the two may be NULL with length 0.
 * On failure neither is changed.
 *
 * # Safety
 * `classifier` is NULL or was given by this library and not freed; pointers of `images` are NULL or have `n * h * w * c`
 * numbers; `probabilities` and `labels` are NULL or have room for as many numbers as their lengths say.
 */
enum innerloop_status innerloop_predict(const struct innerloop_classifier *classifier,
                                        struct innerloop_images images,
                                        float *probabilities,
                                        size_t probabilities_length,
                                        uint32_t *labels,
                                        size_t labels_length);

/**
 * Saves a classifier; `innerloop_classifier_load`, or `Classifier::load` of the Rust crate, loads it. An interruption
 * leaves the old file or the new one.
 *
 * # Safety
 * `classifier` is NULL or was given by this library and not freed; `path` is NULL or ends with a zero.
 */
enum innerloop_status innerloop_classifier_save(const struct innerloop_classifier *classifier,
                                                const char *path);

/**
 * Loads a classifier that `innerloop_classifier_save`, or `Classifier::save` of the Rust crate, saved.
 *
 * On success `*out` is the classifier, to be freed by `innerloop_classifier_free`; else `*out` is NULL.
 *
 * # Safety
 * `path` is NULL or ends with a zero; `out` is NULL or points to a place for a pointer.
 */
enum innerloop_status innerloop_classifier_load(const char *path,
                                                struct innerloop_classifier **out);

/**
 * Frees a classifier; NULL is allowed.
 *
 * # Safety
 * `classifier` is NULL or was given by this library and not freed; no other thread uses it.
 */
void innerloop_classifier_free(struct innerloop_classifier *classifier);

/**
 * The message of the last call that failed on this thread; empty if none did. Valid until the next call that fails on this
 * thread, or the thread's end: copy it to keep it.
 */
const char *innerloop_last_error(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* INNERLOOP_H */

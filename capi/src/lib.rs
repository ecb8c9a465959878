#![doc = include_str!("../README.md")]
#![deny(missing_docs, missing_debug_implementations, unreachable_pub)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod boundary;
mod images;
mod learner;

use std::ffi::c_char;

use boundary::{Failure, file_name, fill, give, guarded, object, place, release, slice};
use innerloop::Examples;

pub use boundary::{Status, innerloop_last_error};
pub use images::{Images, Shape};
pub use learner::{Classifier, Pretrained};

/// Loads a meta-trained learner, with its network and settings, from a file that `Pretrained::save` of the Rust crate wrote.
///
/// On success `*out` is the learner, to be freed by `innerloop_pretrained_free`; else `*out` is NULL.
///
/// # Safety
/// `path` is NULL or ends with a zero; `out` is NULL or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_pretrained_load(path: *const c_char, out: *mut *mut Pretrained) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe {
        let out = place("out", out)?;
        give(out, Pretrained::load(file_name(path)?)?)
    })
}

/// The same from the `length` bytes of such a file, for programs that carry it in themselves. They are copied.
///
/// # Safety
/// `bytes` is NULL or has `length` bytes; `out` is NULL or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_pretrained_from_memory(
    bytes: *const u8,
    length: usize,
    out: *mut *mut Pretrained,
) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe {
        let out = place("out", out)?;
        give(out, Pretrained::from_bytes(slice("bytes", bytes, length)?)?)
    })
}

/// The images that a learner is for; `ways` is the largest number of classes that it can tell apart, or 0 for any number.
///
/// # Safety
/// `pretrained` is NULL or was given by this library and not freed; `out` is NULL or points to a place for a shape.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_pretrained_shape(
    pretrained: *const Pretrained,
    out: *mut Shape,
) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe { fill("out", out, 1, &[object("pretrained", pretrained)?.shape()]) })
}

/// Adapts a learner to a support set: `labels` has the class of each image, from 0 to `ways - 1`, each at least once. The
/// learner stays as it is, and any number of threads may adapt from one learner at a time.
///
/// On success `*out` is the classifier, to be freed by `innerloop_classifier_free`; else `*out` is NULL.
///
/// # Safety
/// `pretrained` is NULL or was given by this library and not freed; pointers of `images` are NULL or have `n * h * w * c`
/// numbers; `labels` is NULL or has `images.n` numbers; `out` is NULL or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_adapt(
    pretrained: *const Pretrained,
    images: Images,
    labels: *const u32,
    ways: usize,
    out: *mut *mut Classifier,
) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe {
        let out = place("out", out)?;
        let pretrained = object("pretrained", pretrained)?;
        let x = images.inputs(pretrained.shape(), pretrained.pixels())?;
        let labels = slice("labels", labels, images.n)?.iter().map(|&label| label as usize).collect();
        give(out, pretrained.adapt(&Examples::labelled(x, labels, ways))?)
    })
}

/// Frees a learner; NULL is allowed.
///
/// # Safety
/// `pretrained` is NULL or was given by this library and not freed; no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_pretrained_free(pretrained: *mut Pretrained) {
    // SAFETY: as above
    unsafe { release(pretrained) }
}

/// The images that a classifier is for, and the number of its classes.
///
/// # Safety
/// `classifier` is NULL or was given by this library and not freed; `out` is NULL or points to a place for a shape.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_classifier_shape(
    classifier: *const Classifier,
    out: *mut Shape,
) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe { fill("out", out, 1, &[object("classifier", classifier)?.shape()]) })
}

/// Classifies images, each by itself: the answer for one does not depend on the others. Any number of threads may ask one
/// classifier at a time.
///
/// `probabilities` gets `[n, ways]` numbers row by row, and `probabilities_length` must be `n * ways`; `labels` gets the most
/// probable class of each image (the first of equals), and `labels_length` must be `n`. One of the two may be NULL with length 0.
/// On failure neither is changed.
///
/// # Safety
/// `classifier` is NULL or was given by this library and not freed; pointers of `images` are NULL or have `n * h * w * c`
/// numbers; `probabilities` and `labels` are NULL or have room for as many numbers as their lengths say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_predict(
    classifier: *const Classifier,
    images: Images,
    probabilities: *mut f32,
    probabilities_length: usize,
    labels: *mut u32,
    labels_length: usize,
) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe {
        if probabilities.is_null() && labels.is_null() {
            return Err(Failure::argument("probabilities and labels are both NULL: ask for one of them"));
        }
        let classifier = object("classifier", classifier)?;
        let shape = classifier.shape();
        let x = images.inputs(shape, classifier.pixels())?;
        let found = classifier.probabilities(&x)?;
        let best = |row: &[f32]| (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
        let chosen: Vec<u32> = found.chunks_exact(shape.ways).map(|row| best(row) as u32).collect();
        // both lengths before either is written
        let wrong = |what: &str, need: usize, length| {
            Failure::argument(format!("{what}_length is {length}: it must be {need}"))
        };
        if !probabilities.is_null() && probabilities_length != found.len() {
            return Err(wrong("probabilities", found.len(), probabilities_length));
        }
        if !labels.is_null() && labels_length != chosen.len() {
            return Err(wrong("labels", chosen.len(), labels_length));
        }
        fill("probabilities", probabilities, probabilities_length, &found)?;
        fill("labels", labels, labels_length, &chosen)
    })
}

/// Saves a classifier; `innerloop_classifier_load`, or `Classifier::load` of the Rust crate, loads it. An interruption
/// leaves the old file or the new one.
///
/// # Safety
/// `classifier` is NULL or was given by this library and not freed; `path` is NULL or ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_classifier_save(
    classifier: *const Classifier,
    path: *const c_char,
) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe { object("classifier", classifier)?.save(file_name(path)?) })
}

/// Loads a classifier that `innerloop_classifier_save`, or `Classifier::save` of the Rust crate, saved.
///
/// On success `*out` is the classifier, to be freed by `innerloop_classifier_free`; else `*out` is NULL.
///
/// # Safety
/// `path` is NULL or ends with a zero; `out` is NULL or points to a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_classifier_load(path: *const c_char, out: *mut *mut Classifier) -> Status {
    // SAFETY: the caller promises what the helpers ask for
    guarded(|| unsafe {
        let out = place("out", out)?;
        give(out, Classifier::load(file_name(path)?)?)
    })
}

/// Frees a classifier; NULL is allowed.
///
/// # Safety
/// `classifier` is NULL or was given by this library and not freed; no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn innerloop_classifier_free(classifier: *mut Classifier) {
    // SAFETY: as above
    unsafe { release(classifier) }
}

//! Whether one kernel may use several threads.
//!
//! Off by default: tasks run in parallel, each on a thread of its own. A caller
//! with fewer tasks than threads switches it on. The bits do not depend on it.

use std::cell::Cell;

use rayon::prelude::*;

thread_local! {
    static IMAGE_THREADS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; if `on`, large convolutions that it starts on this thread use all
/// threads of the current pool.
pub(crate) fn with_image_threads<R>(on: bool, f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IMAGE_THREADS.set(self.0);
        }
    }
    let _restore = Restore(IMAGE_THREADS.replace(on));
    f()
}

/// How many threads work of `products` multiply-adds may use.
pub(super) fn threads_for(products: usize) -> usize {
    /// What is worth handing over: about 0.1 ms.
    const PIECE: usize = if cfg!(test) { 1 << 19 } else { 1 << 23 };
    if !IMAGE_THREADS.get() {
        return 1;
    }
    rayon::current_num_threads().min(products / PIECE).max(1)
}

/// How many of `n` images to work on at a time: as many as fit into `most` at `image` each, in bytes or
/// another unit, and few enough that `threads` have some to share; at least 1.
pub(super) fn images_at_once(n: usize, image: usize, most: usize, threads: usize) -> usize {
    let shared = if threads > 1 { n.div_ceil(4 * threads) } else { n };
    (most / image.max(1)).min(shared).max(1)
}

/// Calls `f` with each `len` elements of `y` and where they start.
///
/// `f` must not call into the pool while it holds a thread's workspace.
pub(super) fn for_chunks<T: Send>(
    threads: usize,
    y: &mut [T],
    len: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    if threads > 1 {
        y.par_chunks_mut(len).enumerate().for_each(|(i, y)| f(i * len, y));
    } else {
        y.chunks_mut(len).enumerate().for_each(|(i, y)| f(i * len, y));
    }
}

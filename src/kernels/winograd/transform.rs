//! Small linear maps along both axes of square patches, for all channels of a
//! patch at once: `y = M x Mᵀ`, where the points of `x` and `y` lie anywhere.

use crate::kernels::buffer::at_least;
use crate::kernels::simd::Lanes;

/// A map of `I` points to `O`.
pub(super) trait Map<const I: usize, const O: usize> {
    /// # Safety
    /// As for the methods of [`Lanes`].
    unsafe fn apply<L: Lanes>(points: [L; I]) -> [L; O];
}

/// Stands for a point outside the image: it reads as zeros, and what is written there is lost.
pub(super) const OUTSIDE: usize = usize::MAX;

/// Where the points of some patches lie, row by row, patch after patch.
#[derive(Debug, Default)]
pub(in crate::kernels) struct Points {
    at: Vec<usize>,
    /// The farthest inside.
    last: usize,
    any_outside: bool,
}

impl Points {
    pub(super) fn new(at: impl Iterator<Item = usize>) -> Points {
        let at: Vec<usize> = at.collect();
        let last = at.iter().copied().filter(|&p| p != OUTSIDE).fold(0, usize::max);
        Points { any_outside: at.contains(&OUTSIDE), at, last }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.at.len()
    }
}

/// What a kernel works on; it trusts it.
pub(in crate::kernels) struct Job<'a, T> {
    from: *const T,
    reads: &'a [usize],
    to: *mut T,
    writes: &'a [usize],
    channels: usize,
    /// Zeros, one for each channel, read at [`OUTSIDE`].
    zeros: *const T,
    /// What is written there.
    waste: *mut T,
}

/// A kernel for one map.
///
/// # Safety
/// All channels must be readable at every `from + reads`, writable at every `to +
/// writes`, likewise `zeros` and `waste` if a point is [`OUTSIDE`], and the
/// processor must have the kernel's instructions.
type TransformFn<T> = unsafe fn(&Job<'_, T>);

/// One map on one instruction set.
pub(in crate::kernels) struct Transform<T: 'static> {
    pub kernel: TransformFn<T>,
    /// Points of a patch that it reads and writes.
    pub points: [usize; 2],
}

impl<T: Copy + Default> Transform<T> {
    /// Maps patches of `channels` from `x` to `y`. `edge` is a buffer for what
    /// lies outside.
    ///
    /// # Panics
    /// If a point lies outside its slice, or the patches differ in number.
    pub(super) fn run(
        &self,
        channels: usize,
        [reads, writes]: [&Points; 2],
        x: &[T],
        y: &mut [T],
        edge: &mut Vec<T>,
    ) {
        let [i, o] = self.points;
        assert!(reads.len() % i == 0 && writes.len() == reads.len() / i * o, "transform: patches");
        if reads.len() == 0 {
            return;
        }
        assert!(reads.last.saturating_add(channels) <= x.len(), "transform: reads past x");
        assert!(writes.last.saturating_add(channels) <= y.len(), "transform: writes past y");
        let outside = reads.any_outside || writes.any_outside;
        let edge = at_least(edge, if outside { 2 * channels } else { 0 });
        let (zeros, waste) = edge.split_at_mut(edge.len() / 2);
        zeros.fill(T::default());
        let job = Job {
            from: x.as_ptr(),
            reads: &reads.at,
            to: y.as_mut_ptr(),
            writes: &writes.at,
            channels,
            zeros: zeros.as_ptr(),
            waste: waste.as_mut_ptr(),
        };
        // SAFETY: all points were just seen to have room for the channels, and
        // the tables of kernels only exist for instructions at hand.
        unsafe { (self.kernel)(&job) }
    }
}

/// The kernel of a map, to be compiled for an instruction set.
///
/// # Safety
/// As for [`TransformFn`].
#[inline(always)]
pub(super) unsafe fn transform<L: Lanes, M: Map<I, O>, const I: usize, const O: usize>(
    job: &Job<'_, L::Elem>,
) {
    // SAFETY: all accesses are those `TransformFn`'s caller vouches for.
    unsafe {
        let whole = job.channels / L::N * L::N;
        let rest = job.channels - whole;
        for (reads, writes) in job.reads.chunks_exact(I * I).zip(job.writes.chunks_exact(O * O)) {
            let mut from = [[job.zeros; I]; I];
            for i in 0..I * I {
                if reads[i] != OUTSIDE {
                    from[i / I][i % I] = job.from.wrapping_add(reads[i]);
                }
            }
            let mut to = [[job.waste; O]; O];
            for i in 0..O * O {
                if writes[i] != OUTSIDE {
                    to[i / O][i % O] = job.to.wrapping_add(writes[i]);
                }
            }
            let mut at = 0;
            while at < whole {
                vectors::<L, M, I, O, false>(&from, &to, at, L::first(L::N));
                at += L::N;
            }
            if rest > 0 {
                vectors::<L, M, I, O, true>(&from, &to, whole, L::first(rest));
            }
        }
    }
}

/// One vector of channels of a patch.
// loops over indices: iterators and closures would be compiled for the baseline
#[inline(always)]
unsafe fn vectors<L: Lanes, M: Map<I, O>, const I: usize, const O: usize, const PART: bool>(
    from: &[[*const L::Elem; I]; I],
    to: &[[*mut L::Elem; O]; O],
    at: usize,
    mask: L::Mask,
) {
    // SAFETY: as for `transform`.
    unsafe {
        let mut half = [[L::zero(); I]; O];
        for x in 0..I {
            let mut column = [L::zero(); I];
            for y in 0..I {
                let from = from[y][x].wrapping_add(at);
                column[y] = if PART { L::load_part(from, mask) } else { L::load(from) };
            }
            let column = M::apply(column);
            for y in 0..O {
                half[y][x] = column[y];
            }
        }
        for y in 0..O {
            let row = M::apply(half[y]);
            for x in 0..O {
                let to = to[y][x].wrapping_add(at);
                if PART { row[x].store_part(to, mask) } else { row[x].store(to) }
            }
        }
    }
}

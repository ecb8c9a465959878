//! The geometry of pooling, and where the maxima lie.

use super::simd::vectorized;
use crate::real::Real;

/// Pooling windows over channels-last images, without padding; what no window reaches is dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolWindows {
    /// Images, height, width, channels.
    pub(crate) shape: [usize; 4],
    pub(crate) window: [usize; 2],
    pub(crate) stride: [usize; 2],
}

impl PoolWindows {
    /// The shape after pooling.
    pub(crate) fn pooled(&self) -> [usize; 4] {
        let [n, h, w, c] = self.shape;
        let out = |d, i: usize| (d - self.window[i]) / self.stride[i] + 1;
        [n, out(h, 0), out(w, 1), c]
    }

    /// Checks that positions in the images can be stored as `u32`.
    ///
    /// # Panics
    /// If they cannot, naming `op` and the shape.
    #[track_caller]
    pub(crate) fn assert_positions_fit(&self, op: &str) {
        let len = self.shape.iter().try_fold(1u32, |len, &d| len.checked_mul(u32::try_from(d).ok()?));
        assert!(len.is_some(), "{op}: images {:?} have too many elements for 32-bit positions", self.shape);
    }

    /// Calls `f(start of the output pixel, starts of the window's pixels)`.
    #[inline(always)] // into code compiled for wider vectors
    pub(crate) fn each(&self, mut f: impl FnMut(usize, &[usize])) {
        let ([n, h, w, c], [_, oh, ow, _]) = (self.shape, self.pooled());
        let [kh, kw] = self.window;
        let taps: Vec<usize> = (0..kh * kw).map(|k| (k / kw * w + k % kw) * c).collect();
        let mut pixels = vec![0; kh * kw];
        let mut to = 0;
        for image in 0..n {
            for y in 0..oh {
                let row = (image * h + y * self.stride[0]) * w;
                for x in 0..ow {
                    let first = (row + x * self.stride[1]) * c;
                    pixels.iter_mut().zip(&taps).for_each(|(p, t)| *p = first + t);
                    f(to, &pixels);
                    to += c;
                }
            }
        }
    }
}

/// Whether `a` takes the place of an earlier `b` as the maximum: a NaN beats
/// every number, and among equals the first stays.
#[inline(always)]
pub(crate) fn larger<T: Real>(a: T, b: T) -> bool {
    (a > b) | (a.is_nan() & !b.is_nan())
}

/// The maximum of each window and channel, and its position in `x`.
///
/// # Panics
/// If a position does not fit 32 bits, or a slice has not the length of its images.
#[track_caller]
pub(crate) fn max_pool<T: Real>(windows: &PoolWindows, x: &[T], best: &mut [T], at: &mut [u32]) {
    windows.assert_positions_fit("max_pool2d");
    let c = windows.shape[3];
    let pooled: usize = windows.pooled().iter().product();
    assert_eq!(
        x.len(),
        windows.shape.iter().product::<usize>(),
        "max_pool2d: length of the images for {windows:?}"
    );
    assert!(best.len() == pooled && at.len() == pooled, "max_pool2d: length of the output for {windows:?}");
    vectorized(
        #[inline(always)]
        || {
            windows.each(
                #[inline(always)]
                |to, from| {
                    let (best, at) = (&mut best[to..to + c], &mut at[to..to + c]);
                    best.copy_from_slice(&x[from[0]..from[0] + c]);
                    at.fill(from[0] as u32);
                    for &f in &from[1..] {
                        let x = &x[f..f + c];
                        // selects and no branches, so that the compiler vectorises over channels
                        for i in 0..c {
                            let wins = larger(x[i], best[i]);
                            best[i] = if wins { x[i] } else { best[i] };
                            at[i] = if wins { f as u32 } else { at[i] };
                        }
                    }
                    at.iter_mut().enumerate().for_each(|(channel, p)| *p += channel as u32);
                },
            )
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "max_pool2d: images [4096, 1024, 1024, 1] have too many elements")]
    fn images_whose_positions_would_wrap_are_refused() {
        let windows = PoolWindows { shape: [4096, 1024, 1024, 1], window: [1024; 2], stride: [1024; 2] };
        windows.assert_positions_fit("max_pool2d");
    }

    #[test]
    fn positions_up_to_the_last_one_that_fits_are_accepted() {
        for shape in [[1, 1, 1, u32::MAX as usize], [65535, 1, 65537, 1], [7, 5, 3, 2]] {
            PoolWindows { shape, window: [1; 2], stride: [1; 2] }.assert_positions_fit("max_pool2d");
        }
    }
}

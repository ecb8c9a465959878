//! The geometry of pooling, and where the maxima lie.

use super::vectorized;
use crate::real::Real;

/// Windows over channels-last images, without padding; what no window reaches is dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// Images, height, width, channels.
    pub(crate) shape: [usize; 4],
    pub(crate) window: [usize; 2],
    pub(crate) stride: [usize; 2],
}

impl Windows {
    /// The shape after pooling.
    pub(crate) fn pooled(&self) -> [usize; 4] {
        let [n, h, w, c] = self.shape;
        let out = |d, i: usize| (d - self.window[i]) / self.stride[i] + 1;
        [n, out(h, 0), out(w, 1), c]
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
pub(crate) fn max_pool<T: Real>(windows: &Windows, x: &[T], best: &mut [T], at: &mut [u32]) {
    let c = windows.shape[3];
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

//! Walking over images whose pooling windows lie side by side, a block of channels of a
//! row of pixels at a time: what belongs to the channels stays in registers.

use std::ops::Range;

use super::pool::Windows;
use super::vectorized;
use crate::real::Real;

/// Channels in a block: one AVX-512 vector of `f32`.
pub(super) const LANES: usize = 16;

/// What is done to a row of pixels at channels `channel..channel + L`.
///
/// Implementations are `#[inline(always)]`, into code compiled for wider vectors, and
/// loop over `0..L` with arrays, so that the compiler makes vectors of them.
pub(super) trait RowPass {
    fn row<const L: usize>(&mut self, row: &Row, channel: usize);
}

/// Runs a pass over all rows and channels, for the instruction set in use.
pub(super) fn run(windows: &Windows, pass: &mut impl RowPass) {
    let [n, h, _, c] = windows.shape;
    let whole = c - c % LANES;
    vectorized(
        #[inline(always)]
        || {
            for i in 0..n * h {
                let row = Row::new(windows, i);
                for channel in (0..whole).step_by(LANES) {
                    pass.row::<LANES>(&row, channel);
                }
                for channel in whole..c {
                    pass.row::<1>(&row, channel);
                }
            }
        },
    );
}

/// A row of pixels and the row of windows it lies in.
pub(super) struct Row {
    /// Where the first pixel starts.
    start: usize,
    /// Where the output of the first window starts.
    window: usize,
    /// How many windows there are; none below the last row of windows.
    windows: usize,
    /// The number of the row's first pixel within its window.
    first: usize,
    width: usize,
    channels: usize,
    window_shape: [usize; 2],
}

impl Row {
    fn new(windows: &Windows, i: usize) -> Row {
        let ([_, h, w, c], [kh, kw]) = (windows.shape, windows.window);
        let (image, y, rows) = (i / h, i % h, h / kh);
        Row {
            start: i * w * c,
            window: (image * rows + y / kh) * (w / kw) * c,
            windows: if y / kh < rows { w / kw } else { 0 },
            first: y % kh * kw,
            width: w,
            channels: c,
            window_shape: windows.window,
        }
    }

    /// Whether this is the first and whether it is the last row of its windows' pixels.
    pub(super) fn ends(&self) -> (bool, bool) {
        let [kh, kw] = self.window_shape;
        (self.first == 0, self.first + kw == kh * kw)
    }

    /// Calls `f` for each window, at `channel`: where its output lies, where its first pixel
    /// in this row lies, and the numbers of its pixels in this row.
    #[inline(always)]
    pub(super) fn each_window(&self, channel: usize, mut f: impl FnMut(usize, usize, Range<usize>)) {
        let (mut window, mut pixel) = (self.window + channel, self.start + channel);
        let width = self.window_shape[1];
        for _ in 0..self.windows {
            f(window, pixel, self.first..self.first + width);
            window += self.channels;
            pixel += width * self.channels;
        }
    }

    /// Calls `f` for each pixel in a window with where it lies and its part of `g`, the
    /// windows' cotangents: that of its window if it was `taken`, else 0.
    #[inline(always)]
    pub(super) fn each_taken<T: Real, const L: usize>(
        &self,
        channel: usize,
        g: &[T],
        taken: &[u8],
        mut f: impl FnMut(usize, [T; L]),
    ) {
        self.each_window(
            channel,
            #[inline(always)]
            |window, mut pixel, numbers| {
                let (g, taken) = (load(g, window), load(taken, window));
                for k in numbers {
                    f(pixel, taken_part(g, taken, k));
                    pixel += self.channels;
                }
            },
        );
    }

    /// Calls `f` for each pixel that lies in no window, with where it lies.
    #[inline(always)]
    pub(super) fn each_other(&self, channel: usize, mut f: impl FnMut(usize)) {
        for x in self.windows * self.window_shape[1]..self.width {
            f(self.start + x * self.channels + channel);
        }
    }
}

/// A window's cotangent where its pixel number `k` was taken, else 0.
#[inline(always)]
pub(super) fn taken_part<T: Real, const L: usize>(g: [T; L], taken: [u8; L], k: usize) -> [T; L] {
    let mut a = [T::ZERO; L];
    for l in 0..L {
        a[l] = if taken[l] == k as u8 { g[l] } else { T::ZERO };
    }
    a
}

/// The `L` elements at `i`.
#[inline(always)]
pub(super) fn load<T: Copy, const L: usize>(x: &[T], i: usize) -> [T; L] {
    x[i..i + L].try_into().expect("a slice of L elements")
}

/// Writes `L` elements at `i`.
#[inline(always)]
pub(super) fn store<T: Copy, const L: usize>(x: &mut [T], i: usize, v: [T; L]) {
    x[i..i + L].copy_from_slice(&v);
}

/// Adds to the `L` elements at `i`.
#[inline(always)]
pub(super) fn add_to<T: Real, const L: usize>(total: &mut [T], i: usize, v: [T; L]) {
    total[i..i + L].iter_mut().zip(v).for_each(|(t, v)| *t += v);
}

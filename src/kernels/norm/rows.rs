//! Walking over images whose pooling windows lie side by side, a block of channels of a
//! row of pixels at a time: what belongs to the channels stays in registers.

use std::ops::Range;

use super::blocks::load;
use crate::kernels::pool::PoolWindows;
use crate::kernels::reduce::BLOCK;
use crate::kernels::simd::{WIDEST, vectorized};
use crate::real::Real;

/// In place of the number of a window's winner: the output was 0, nothing goes back.
pub(super) const OFF: u8 = u8::MAX;

/// What is done to a row of pixels at channels `channel..channel + L`.
///
/// Implementations are `#[inline(always)]`, into code compiled for wider vectors, and
/// loop over `0..L` with arrays, so that the compiler makes vectors of them.
pub(super) trait RowPass {
    fn row<const L: usize>(&mut self, row: &Row, channel: usize);
}

/// Runs a pass over all rows and channels, for the instruction set in use.
pub(super) fn run(windows: &PoolWindows, pass: &mut impl RowPass) {
    let c = windows.shape[3];
    let whole = c - c % WIDEST;
    vectorized(
        #[inline(always)]
        || {
            Row::each(
                windows,
                #[inline(always)]
                |row| {
                    for channel in (0..whole).step_by(WIDEST) {
                        pass.row::<WIDEST>(&row, channel);
                    }
                    for channel in whole..c {
                        pass.row::<1>(&row, channel);
                    }
                },
            );
        },
    );
}

/// A row of pixels, or part of a long one, and the row of windows it lies in.
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
    ends_block: bool,
}

impl Row {
    /// Calls `f` for each row of all images: a long one in parts of about [`BLOCK`] pixels,
    /// and of short ones, every so many as have that many pixels end a block.
    #[inline(always)] // into code compiled for wider vectors
    fn each(windows: &PoolWindows, mut f: impl FnMut(Row)) {
        let ([n, h, w, c], [kh, kw]) = (windows.shape, windows.window);
        let [_, rows, columns, _] = windows.pooled();
        let at_once = (BLOCK / kw).max(1);
        let parts = columns.div_ceil(at_once);
        let rows_per_block = BLOCK.div_ceil(w);
        for i in 0..n * h {
            let (image, y) = (i / h, i % h);
            for part in 0..parts {
                let (from, to) = (part * at_once, columns.min((part + 1) * at_once));
                let last = part + 1 == parts;
                f(Row {
                    start: (i * w + from * kw) * c,
                    window: ((image * rows + y / kh) * columns + from) * c,
                    windows: if y / kh < rows { to - from } else { 0 },
                    first: y % kh * kw,
                    width: if last { w - from * kw } else { (to - from) * kw },
                    channels: c,
                    window_shape: windows.window,
                    ends_block: parts > 1 || (i + 1) % rows_per_block == 0 || i + 1 == n * h,
                });
            }
        }
    }

    /// Whether this is the last row of a block: sums over rows are joined after it. Depends
    /// on the shape alone.
    pub(super) fn ends_block(&self) -> bool {
        self.ends_block
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

/// `(x − mean)·scale + constant`.
#[inline(always)]
pub(super) fn affine<T: Real, const L: usize>(
    mut x: [T; L],
    mean: [T; L],
    scale: [T; L],
    constant: [T; L],
) -> [T; L] {
    for l in 0..L {
        x[l] = (x[l] - mean[l]) * scale[l] + constant[l];
    }
    x
}

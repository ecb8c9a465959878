//! Matrix product: the tile kernel on the operands as they lie, which at the
//! sizes of few-shot models beats packing them; `matrixmultiply` for large ones.

use super::tile::{ROWS, Run, Tile};
use crate::kernels::buffer::at_least;
use crate::kernels::element::{Element, Workspace};
use crate::kernels::simd::Simd;

/// Most summands in one pass, whose rows of `b` stay in the first-level cache.
/// Part of the result's bits: the sums of the passes are added in order.
const STEPS: usize = 128;

/// Most tiles in one call of their kernel.
const AT_ONCE: usize = 8;

/// See [`Kernels::gemm`](crate::kernels::Kernels::gemm).
pub(in crate::kernels) fn gemm<T: Element>(
    simd: Simd,
    [m, k, n]: [usize; 3],
    a: &[T],
    ta: bool,
    b: &[T],
    tb: bool,
    c: &mut [T],
) {
    assert_eq!(Some(a.len()), m.checked_mul(k), "gemm: length of a for {m}x{k}");
    assert_eq!(Some(b.len()), k.checked_mul(n), "gemm: length of b for {k}x{n}");
    assert_eq!(Some(c.len()), m.checked_mul(n), "gemm: length of c for {m}x{n}");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        c.fill(T::default());
        return;
    }
    if is_large([m, k, n], tb) {
        return T::gemm_packed([m, k, n], a, ta, b, tb, c);
    }
    if tb && n > 1 && k > 1 {
        T::with_workspace(|Workspace { weights, .. }| {
            let turned = at_least(weights, k * n);
            T::transpose(simd, n, k, b, turned);
            unpacked(simd, [m, k, n], a, ta, turned, c);
        });
    } else {
        unpacked(simd, [m, k, n], a, ta, b, c);
    }
}

/// Whether packing the operands pays: measured to break even between 400³ and
/// 512³, and not to below 100 rows or columns. Also keeps the buffer for a
/// transposed `b` small.
fn is_large([m, k, n]: [usize; 3], tb: bool) -> bool {
    let volume = m.saturating_mul(k).saturating_mul(n);
    (m.min(k).min(n) >= 128 && volume > 1 << 26) || (tb && k * n > 1 << 22)
}

/// The product with `b` as `[k, n]`, all dimensions at least 1.
fn unpacked<T: Element>(simd: Simd, [m, k, n]: [usize; 3], a: &[T], ta: bool, b: &[T], c: &mut [T]) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n, "gemm: lengths");
    let (row, col) = if ta { (1, m) } else { (k, 1) };
    let tiles = T::tiles(simd);
    let (width, lanes) = (tiles.lanes * tiles.vectors, tiles.lanes);
    // tiles of two heights that differ by one row; many of one height are one call
    let parts = m.div_ceil(tiles.height);
    let (height, higher) = (m / parts, m % parts);
    let (mut rows, mut out) = ([0; ROWS * AT_ONCE], [0; ROWS * AT_ONCE]);
    for from in (0..k).step_by(STEPS) {
        let run = Run { x: from * col, w: from, len: STEPS.min(k - from) };
        for column in (0..n).step_by(width) {
            let columns = width.min(n - column);
            let vectors = columns.div_ceil(lanes);
            let kernels = if columns == width { &tiles.whole } else { &tiles.part[vectors - 1] };
            let mut start = 0;
            for (height, parts) in [(height + 1, higher), (height, parts - higher)] {
                let end = start + height * parts;
                while start < end {
                    let count = (end - start).min(height * AT_ONCE);
                    for (p, (x, y)) in rows[..count].iter_mut().zip(&mut out[..count]).enumerate() {
                        (*x, *y) = ((start + p) * row, (start + p) * n + column);
                    }
                    let tile = Tile {
                        x: a.as_ptr(),
                        rows: &rows[..count],
                        runs: &[run],
                        x_step: col,
                        w: b[column..].as_ptr(),
                        w_row: n,
                        y: c.as_mut_ptr(),
                        out: &out[..count],
                        last: columns - (vectors - 1) * lanes,
                        add: from > 0,
                    };
                    // SAFETY: rows, summands and columns stay within the dimensions,
                    // and those within the slices, as asserted above; `tiles` only
                    // exists for instructions at hand.
                    unsafe { kernels[height - 1](&tile) };
                    start += count;
                }
            }
        }
    }
}

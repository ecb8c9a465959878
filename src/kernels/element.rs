//! What the kernels of products and convolutions need to know of an element type.

use std::cell::RefCell;

use super::plans::Plans;
use super::product::{Plan, TileKernels, tiles_f32, tiles_f64, transpose, transpose_f32};
use super::simd::Simd;
use super::winograd::{Maps, PatchPoints, maps_f32, maps_f64};

/// One thread's buffers and plans for one element type.
#[derive(Default)]
pub(super) struct Workspace<T> {
    /// Weights in the order a kernel reads them.
    pub weights: Vec<T>,
    /// Images with their padding, or in patches.
    pub frames: Vec<T>,
    /// Weights at the points of patches.
    pub points: Vec<T>,
    /// What is read and written outside images.
    pub edge: Vec<T>,
    pub plans: Plans<Plan>,
    pub patches: Plans<PatchPoints>,
}

/// `f32` and `f64`.
pub(super) trait Element: Copy + Default + Send + Sync + 'static {
    /// The tile kernels for `simd`, or for less where the processor has less.
    fn tiles(simd: Simd) -> &'static TileKernels<Self>;

    /// The maps of Winograd's patches, likewise.
    fn maps(simd: Simd) -> &'static Maps<Self>;

    /// Lends this thread's buffers.
    fn with_workspace<R>(f: impl FnOnce(&mut Workspace<Self>) -> R) -> R;

    /// `to[j, i] = from[i, j]`, where `from` is `[rows, cols]`.
    fn transpose(simd: Simd, rows: usize, cols: usize, from: &[Self], to: &mut [Self]);

    /// The product of `gemm`, for large matrices; the lengths are checked.
    fn gemm_packed(dims: [usize; 3], a: &[Self], ta: bool, b: &[Self], tb: bool, c: &mut [Self]);
}

macro_rules! element {
    ($elem:ty, $tiles:ident, $maps:ident, $packed:ident, |$simd:pat_param, $rows:ident, $cols:ident, $from:ident, $to:ident| $transpose:expr) => {
        impl Element for $elem {
            fn tiles(simd: Simd) -> &'static TileKernels<$elem> {
                $tiles(simd)
            }

            fn maps(simd: Simd) -> &'static Maps<$elem> {
                $maps(simd)
            }

            fn with_workspace<R>(f: impl FnOnce(&mut Workspace<$elem>) -> R) -> R {
                thread_local! {
                    static WORKSPACE: RefCell<Workspace<$elem>> = RefCell::default();
                }
                WORKSPACE.with_borrow_mut(f)
            }

            fn transpose($simd: Simd, $rows: usize, $cols: usize, $from: &[$elem], $to: &mut [$elem]) {
                $transpose
            }

            fn gemm_packed(
                [m, k, n]: [usize; 3],
                a: &[$elem],
                ta: bool,
                b: &[$elem],
                tb: bool,
                c: &mut [$elem],
            ) {
                assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n, "gemm: lengths");
                let (a_row, a_col) = strides(m, k, ta);
                let (b_row, b_col) = strides(k, n, tb);
                let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                // SAFETY: the strides cover exactly the three slices.
                unsafe {
                    matrixmultiply::$packed(
                        m, k, n, 1.0, a, a_row, a_col, b, b_row, b_col, 0.0, c, n as isize, 1,
                    );
                }
            }
        }
    };
}

element!(f32, tiles_f32, maps_f32, sgemm, |simd, rows, cols, from, to| transpose_f32(
    simd, rows, cols, from, to
));
element!(f64, tiles_f64, maps_f64, dgemm, |_, rows, cols, from, to| transpose(rows, cols, from, to));

/// Row and column stride of a `[rows, cols]` matrix, or of one stored as
/// `[cols, rows]`.
fn strides(rows: usize, cols: usize, transposed: bool) -> (isize, isize) {
    if transposed { (1, rows as isize) } else { (cols as isize, 1) }
}

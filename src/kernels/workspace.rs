//! Element types, and the per-thread buffers the kernels work in.

use std::cell::RefCell;
use std::ops::Range;

use super::conv2d::ConvShape;
use super::product::Plan;
use super::simd::Simd;
use super::tile::{Tiles, tiles_f32, tiles_f64};
use super::transpose;
use super::winograd_maps::{Transforms, transforms_f32, transforms_f64};
use super::winograd_tiles::TilePoints;

/// Buffers kept between calls, so that a call clears no fresh pages.
#[derive(Default)]
pub(super) struct Workspace<T> {
    /// Weights in the order a kernel reads them.
    pub weights: Vec<T>,
    /// Images with their padding, or in tiles.
    pub frames: Vec<T>,
    /// Weights at the points of tiles.
    pub points: Vec<T>,
    /// What is read and written outside images.
    pub edge: Vec<T>,
    pub plans: Plans<Plan>,
    pub tiles: Plans<TilePoints>,
}

/// What a plan is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Forward(ConvShape),
    InputGrad(ConvShape),
    /// These rows of the weights, or points of tiles.
    WeightGrad(ConvShape, Range<usize>),
}

/// The plans of the tasks so far: making one costs about as much as a small
/// convolution, and a training loop has the same few again and again.
pub(super) struct Plans<P>(Vec<(Task, P)>);

impl<P> Default for Plans<P> {
    fn default() -> Self {
        Plans(Vec::new())
    }
}

/// How many offsets a plan holds.
pub(super) trait Size {
    fn size(&self) -> usize;
}

impl<P: Size> Plans<P> {
    /// The plan for `task`, made by `make` unless it is here.
    pub(super) fn of(&mut self, task: Task, make: impl FnOnce() -> P) -> &P {
        /// All plans together, 4 MiB; beyond, it is time to start anew.
        const MOST: usize = 1 << 19;
        let at = self.0.iter().position(|(t, _)| *t == task).unwrap_or_else(|| {
            let plan = make();
            if self.0.iter().map(|(_, p)| p.size()).sum::<usize>() + plan.size() > MOST {
                self.0.clear();
            }
            self.0.push((task, plan));
            self.0.len() - 1
        });
        &self.0[at].1
    }
}

/// Lends `len` elements of `buffer`, which hold anything, and grows it if need be.
///
/// They start at a cache line: full vectors across two lines cost twice.
pub(super) fn at_least<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    const LINE: usize = 64;
    let spare = LINE / size_of::<T>();
    if buffer.len() < len + spare {
        buffer.resize(len + spare, T::default());
    }
    let skip = buffer.as_ptr().align_offset(LINE).min(spare);
    &mut buffer[skip..skip + len]
}

/// What the kernels need to know of an element type.
pub(super) trait Element: Copy + Default + Send + Sync + 'static {
    /// The tile kernels for `simd`, or for less where the processor has less.
    fn tiles(simd: Simd) -> &'static Tiles<Self>;

    /// The maps of Winograd's tiles, likewise.
    fn transforms(simd: Simd) -> &'static Transforms<Self>;

    /// Lends this thread's buffers.
    fn with_workspace<R>(f: impl FnOnce(&mut Workspace<Self>) -> R) -> R;

    /// `to[j, i] = from[i, j]`, where `from` is `[rows, cols]`.
    fn transpose(simd: Simd, rows: usize, cols: usize, from: &[Self], to: &mut [Self]);

    /// The product of `gemm`, for large matrices; the lengths are checked.
    fn gemm_packed(dims: [usize; 3], a: &[Self], ta: bool, b: &[Self], tb: bool, c: &mut [Self]);
}

impl Element for f32 {
    fn tiles(simd: Simd) -> &'static Tiles<f32> {
        tiles_f32(simd)
    }

    fn transforms(simd: Simd) -> &'static Transforms<f32> {
        transforms_f32(simd)
    }

    fn with_workspace<R>(f: impl FnOnce(&mut Workspace<f32>) -> R) -> R {
        thread_local! {
            static WORKSPACE: RefCell<Workspace<f32>> = RefCell::default();
        }
        WORKSPACE.with_borrow_mut(f)
    }

    fn gemm_packed([m, k, n]: [usize; 3], a: &[f32], ta: bool, b: &[f32], tb: bool, c: &mut [f32]) {
        assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n, "gemm: lengths");
        let (a_row, a_col) = strides(m, k, ta);
        let (b_row, b_col) = strides(k, n, tb);
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the strides cover exactly the three slices.
        unsafe {
            matrixmultiply::sgemm(m, k, n, 1.0, a, a_row, a_col, b, b_row, b_col, 0.0, c, n as isize, 1);
        }
    }

    fn transpose(simd: Simd, rows: usize, cols: usize, from: &[f32], to: &mut [f32]) {
        transpose::transpose_f32(simd, rows, cols, from, to);
    }
}

impl Element for f64 {
    fn tiles(simd: Simd) -> &'static Tiles<f64> {
        tiles_f64(simd)
    }

    fn transforms(simd: Simd) -> &'static Transforms<f64> {
        transforms_f64(simd)
    }

    fn with_workspace<R>(f: impl FnOnce(&mut Workspace<f64>) -> R) -> R {
        thread_local! {
            static WORKSPACE: RefCell<Workspace<f64>> = RefCell::default();
        }
        WORKSPACE.with_borrow_mut(f)
    }

    fn gemm_packed([m, k, n]: [usize; 3], a: &[f64], ta: bool, b: &[f64], tb: bool, c: &mut [f64]) {
        assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n, "gemm: lengths");
        let (a_row, a_col) = strides(m, k, ta);
        let (b_row, b_col) = strides(k, n, tb);
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the strides cover exactly the three slices.
        unsafe {
            matrixmultiply::dgemm(m, k, n, 1.0, a, a_row, a_col, b, b_row, b_col, 0.0, c, n as isize, 1);
        }
    }

    fn transpose(_: Simd, rows: usize, cols: usize, from: &[f64], to: &mut [f64]) {
        transpose::transpose(rows, cols, from, to);
    }
}

/// Row and column stride of a `[rows, cols]` matrix, or of one stored as
/// `[cols, rows]`.
fn strides(rows: usize, cols: usize, transposed: bool) -> (isize, isize) {
    if transposed { (1, rows as isize) } else { (cols as isize, 1) }
}

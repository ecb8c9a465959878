//! The one inner kernel: register tiles of an indirect matrix product.
//!
//! `y[out[p] + j] = Σ_run Σ_i x[rows[p] + run.x + i · x_step] · w[run.w + i, j]`
//!
//! With pixels as rows and (tap, channel) as summands this is a convolution or
//! its input gradient; with the two exchanged it is the weight gradient; with
//! evenly spaced rows and a single run it is a matrix product. An element's
//! summands are added one after the other in a single lane, so the result does
//! not depend on the vector width, nor on the tile an element falls in.

use crate::kernels::simd::{Lanes, Plain, Simd, pick, read};

/// Most rows a tile has. With 32 registers (AVX-512, NEON) 6 rows by 4 vectors are 24 sums, beside 4 vectors of
/// weights and one of `x`; with the 16 of AVX2 6 rows by 2 vectors are 12 sums, 2 and 1.
pub(in crate::kernels) const ROWS: usize = 6;

/// Summands whose factors are evenly spaced in `x` and in `w`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Run {
    /// Where the first factor lies, from the row's start.
    pub x: usize,
    /// Row of the first weights.
    pub w: usize,
    pub len: usize,
}

/// The work of some tiles of equal size. The kernel trusts it: see [`TileFn`].
pub(in crate::kernels) struct Tile<'a, T> {
    pub x: *const T,
    /// As many rows as a kernel's tile has, or a multiple.
    pub rows: &'a [usize],
    pub runs: &'a [Run],
    /// From one summand of a run to the next.
    pub x_step: usize,
    /// Rows of weights, `w_row` elements apart.
    pub w: *const T,
    pub w_row: usize,
    pub y: *mut T,
    pub out: &'a [usize],
    /// Columns in the last vector; the kernel for whole vectors ignores it.
    pub last: usize,
    /// Add to `y` instead of overwriting it.
    pub add: bool,
}

/// A kernel for a fixed number of rows and vectors.
///
/// # Safety
/// Every factor in `x` and the columns of every row of `w` that the runs name
/// must be readable, the columns at every `y + out` writable, and the processor
/// must have the kernel's instructions.
pub(in crate::kernels) type TileFn<T> = unsafe fn(&Tile<'_, T>);

/// The kernels of one element type on one instruction set.
pub(in crate::kernels) struct TileKernels<T: 'static> {
    /// Columns in a vector.
    pub lanes: usize,
    /// Most rows a tile should have.
    pub height: usize,
    /// Most vectors a tile has.
    pub vectors: usize,
    /// `whole[rows - 1]`: `vectors` whole vectors.
    pub whole: [TileFn<T>; ROWS],
    /// `part[vectors - 1][rows - 1]`: the last vector holds `last` columns.
    pub part: &'static [[TileFn<T>; ROWS]],
}

#[inline(always)]
unsafe fn tile<L: Lanes, const P: usize, const V: usize, const PART: bool>(t: &Tile<'_, L::Elem>) {
    // SAFETY: all accesses are those `TileFn`'s caller vouches for.
    unsafe {
        let mask = L::first(if PART { t.last } else { L::N });
        let (rows, out) = (t.rows.as_chunks::<P>().0, t.out.as_chunks::<P>().0);
        for (rows, out) in rows.iter().zip(out) {
            let mut sums = [[L::zero(); V]; P];
            // loops over indices and wrapping offsets: nothing to check in any build
            let mut xs = [t.x; P];
            for p in 0..P {
                xs[p] = t.x.wrapping_add(rows[p]);
            }
            for run in t.runs {
                let mut at = run.x;
                let mut w = t.w.wrapping_add(run.w * t.w_row);
                for _ in 0..run.len {
                    let ws = load::<L, V, PART>(w, mask);
                    for p in 0..P {
                        let x = L::splat(read(xs[p].wrapping_add(at)));
                        for v in 0..V {
                            sums[p][v] = sums[p][v].add_product(x, ws[v]);
                        }
                    }
                    at = at.wrapping_add(t.x_step);
                    // past the last row this may leave the allocation
                    w = w.wrapping_add(t.w_row);
                }
            }
            for p in 0..P {
                let y = t.y.wrapping_add(out[p]);
                if t.add {
                    let before = load::<L, V, PART>(y, mask);
                    for v in 0..V {
                        sums[p][v] = before[v].add(sums[p][v]);
                    }
                }
                for v in 0..V {
                    let to = y.wrapping_add(v * L::N);
                    if PART && v == V - 1 {
                        sums[p][v].store_part(to, mask);
                    } else {
                        sums[p][v].store(to);
                    }
                }
            }
        }
    }
}

/// The `V` vectors at `from`.
#[inline(always)]
unsafe fn load<L: Lanes, const V: usize, const PART: bool>(from: *const L::Elem, mask: L::Mask) -> [L; V] {
    // SAFETY: the caller vouches for the columns.
    unsafe {
        let mut vectors = [L::zero(); V];
        for v in 0..V {
            let from = from.wrapping_add(v * L::N);
            vectors[v] = if PART && v == V - 1 { L::load_part(from, mask) } else { L::load(from) };
        }
        vectors
    }
}

/// An array of the kernels for 1 to [`ROWS`] rows.
macro_rules! rows {
    ($kernel:ident, $v:literal, $part:literal) => {
        [
            $kernel::<1, $v, $part>,
            $kernel::<2, $v, $part>,
            $kernel::<3, $v, $part>,
            $kernel::<4, $v, $part>,
            $kernel::<5, $v, $part>,
            $kernel::<6, $v, $part>,
        ]
    };
}

/// Compiles the tile for one instruction set and gathers its kernels.
macro_rules! tiles {
    ($name:ident, $elem:ty, $lanes:ty, $height:expr, $most:literal, [$($v:literal),+] $(, $feature:literal)?) => {
        pub(super) static $name: TileKernels<$elem> = {
            $(#[target_feature(enable = $feature)])?
            unsafe fn kernel<const P: usize, const V: usize, const PART: bool>(
                t: &Tile<'_, $elem>,
            ) {
                // SAFETY: the caller's promise, and compiled with the instructions.
                unsafe { tile::<$lanes, P, V, PART>(t) }
            }
            TileKernels {
                lanes: <$lanes as Lanes>::N,
                height: $height,
                vectors: $most,
                whole: rows!(kernel, $most, false),
                part: &[$(rows!(kernel, $v, true)),+],
            }
        };
    };
}

/// Columns and rows of a portable tile of `f32`. SSE2 has 16 registers and nothing fused, so a product needs one too: with
/// more rows, sums spill. In WebAssembly each of the sums is a number by itself: of the shapes tried, 8 sums were fastest.
const PORTABLE: [usize; 2] = if cfg!(target_family = "wasm") {
    [4, 2]
} else if cfg!(target_arch = "x86_64") {
    [8, 5]
} else {
    [8, ROWS]
};

tiles!(PORTABLE_F32, f32, Plain<f32, { PORTABLE[0] }>, PORTABLE[1], 1, [1]);
tiles!(PORTABLE_F64, f64, Plain<f64, 4>, PORTABLE[1], 1, [1]);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

    use super::{Lanes, ROWS, Tile, TileKernels, tile};

    tiles!(AVX2_F32, f32, __m256, ROWS, 2, [1, 2], "avx2,fma");
    tiles!(AVX2_F64, f64, __m256d, ROWS, 2, [1, 2], "avx2,fma");
    tiles!(AVX512_F32, f32, __m512, ROWS, 4, [1, 2, 3, 4], "avx512f");
    tiles!(AVX512_F64, f64, __m512d, ROWS, 4, [1, 2, 3, 4], "avx512f");
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::{float32x4_t, float64x2_t};

    use super::{Lanes, ROWS, Tile, TileKernels, tile};

    tiles!(F32, f32, float32x4_t, ROWS, 4, [1, 2, 3, 4]);
    tiles!(F64, f64, float64x2_t, ROWS, 4, [1, 2, 3, 4]);
}

#[cfg(target_feature = "simd128")]
mod simd128 {
    use super::{Lanes, Tile, TileKernels, tile};
    use crate::kernels::simd::{F32x4, F64x2};

    // engines have 16 registers, and a product that is not fused needs one too: of the shapes tried, the fastest
    const HEIGHT: usize = 4;
    tiles!(F32, f32, F32x4, HEIGHT, 2, [1, 2]);
    tiles!(F64, f64, F64x2, HEIGHT, 2, [1, 2]);
}

/// The kernels for `f32`.
pub(in crate::kernels) fn tiles_f32(simd: Simd) -> &'static TileKernels<f32> {
    pick!(
        simd.supported() =>
        portable: &PORTABLE_F32,
        avx2: &x86::AVX2_F32,
        avx512: &x86::AVX512_F32,
        neon: &neon::F32,
        simd128: &simd128::F32,
    )
}

/// The kernels for `f64`.
pub(in crate::kernels) fn tiles_f64(simd: Simd) -> &'static TileKernels<f64> {
    pick!(
        simd.supported() =>
        portable: &PORTABLE_F64,
        avx2: &x86::AVX2_F64,
        avx512: &x86::AVX512_F64,
        neon: &neon::F64,
        simd128: &simd128::F64,
    )
}

//! A vector register, as far as the tile kernel needs one.

use std::array::from_fn;
use std::ops::{Add, Mul, Sub};

/// A vector of [`Lanes::N`] elements.
///
/// # Safety
/// Methods may only run where the processor has the instructions of the type,
/// and are only fast when inlined into a function compiled with them. Pointers
/// may be unaligned; a `part` access touches the first lanes of its mask only.
pub(in crate::kernels) unsafe trait Lanes: Copy {
    /// What a lane holds.
    type Elem: Copy;
    /// Which lanes a `part` access touches.
    type Mask: Copy;
    /// How many lanes there are.
    const N: usize;

    /// The mask of the first `count <= N` lanes.
    unsafe fn first(count: usize) -> Self::Mask;
    unsafe fn zero() -> Self;
    unsafe fn splat(x: Self::Elem) -> Self;
    unsafe fn load(from: *const Self::Elem) -> Self;
    /// Lanes outside the mask become zero.
    unsafe fn load_part(from: *const Self::Elem, mask: Self::Mask) -> Self;
    unsafe fn store(self, to: *mut Self::Elem);
    unsafe fn store_part(self, to: *mut Self::Elem, mask: Self::Mask);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    /// `self / 2`.
    unsafe fn half(self) -> Self;
    /// `self + a * b`.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
}

/// Lanes the compiler maps to whatever the build target has.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Plain<T, const N: usize>([T; N]);

// SAFETY: plain Rust, needs no special instructions.
unsafe impl<T, const N: usize> Lanes for Plain<T, N>
where
    T: Copy + Default + From<f32> + Add<Output = T> + Sub<Output = T> + Mul<Output = T>,
{
    type Elem = T;
    type Mask = usize;
    const N: usize = N;

    #[inline(always)]
    unsafe fn first(count: usize) -> usize {
        count
    }

    #[inline(always)]
    unsafe fn zero() -> Self {
        Plain([T::default(); N])
    }

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Plain([x; N])
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller vouches for N elements.
        Plain(unsafe { from.cast::<[T; N]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn load_part(from: *const T, mask: usize) -> Self {
        let mut lanes = [T::default(); N];
        for (i, lane) in lanes.iter_mut().enumerate().take(mask) {
            // SAFETY: the caller vouches for the masked elements.
            *lane = unsafe { *from.add(i) };
        }
        Plain(lanes)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller vouches for N elements.
        unsafe { to.cast::<[T; N]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut T, mask: usize) {
        for (i, &lane) in self.0.iter().enumerate().take(mask) {
            // SAFETY: the caller vouches for the masked elements.
            unsafe { *to.add(i) = lane }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Plain(from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Plain(from_fn(|i| self.0[i] - other.0[i]))
    }

    #[inline(always)]
    unsafe fn half(self) -> Self {
        Plain(from_fn(|i| self.0[i] * T::from(0.5)))
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        // not `mul_add`: without the instruction it is a library call
        Plain(from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
    }
}

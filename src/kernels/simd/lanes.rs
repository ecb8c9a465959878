//! A vector register, as far as the tile kernel needs one.

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

/// A value at any address.
#[repr(C, packed)]
struct Anywhere<V>(V);

/// Reads a value at an address that need not be aligned.
///
/// Through a reference and not through the pointer: in a build with debug assertions each
/// access through a pointer is checked, which would halve the speed of the kernels in a
/// crate that depends on this one.
///
/// # Safety
/// The value must be readable.
#[inline(always)]
#[expect(clippy::transmute_ptr_to_ref, reason = "a reference made of a pointer would be checked too")]
pub(in crate::kernels) unsafe fn read<T, V: Copy>(from: *const T) -> V {
    // SAFETY: the caller's promise; the type has no alignment.
    unsafe { std::mem::transmute::<*const Anywhere<V>, &Anywhere<V>>(from.cast()).0 }
}

/// Writes a value at an address that need not be aligned; see [`read`].
///
/// # Safety
/// The place must be writable, and nobody else may access it.
#[inline(always)]
#[expect(clippy::transmute_ptr_to_ref, reason = "a reference made of a pointer would be checked too")]
pub(in crate::kernels) unsafe fn write<T, V: Copy>(to: *mut T, value: V) {
    // SAFETY: the caller's promise; the type has no alignment.
    unsafe { std::mem::transmute::<*mut Anywhere<V>, &mut Anywhere<V>>(to.cast()).0 = value }
}

/// [`Lanes::load_part`] for a mask that is a count, where nothing of the processor's does it.
///
/// # Safety
/// As for the method; the vector must be its elements and nothing else.
#[inline(always)]
pub(super) unsafe fn load_first<L: Lanes>(from: *const L::Elem, count: usize) -> L {
    // SAFETY: the caller vouches for the elements.
    unsafe {
        let mut vector = L::zero();
        let to = (&raw mut vector).cast::<L::Elem>();
        for i in 0..L::N.min(count) {
            write(to.wrapping_add(i), read::<_, L::Elem>(from.wrapping_add(i)));
        }
        vector
    }
}

/// [`Lanes::store_part`], likewise.
///
/// # Safety
/// As for [`load_first`].
#[inline(always)]
pub(super) unsafe fn store_first<L: Lanes>(to: *mut L::Elem, count: usize, vector: L) {
    let from = (&raw const vector).cast::<L::Elem>();
    for i in 0..L::N.min(count) {
        // SAFETY: the caller vouches for the elements.
        unsafe { write(to.wrapping_add(i), read::<_, L::Elem>(from.wrapping_add(i))) }
    }
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
        Plain(unsafe { read(from) })
    }

    #[inline(always)]
    unsafe fn load_part(from: *const T, mask: usize) -> Self {
        // SAFETY: the caller vouches for the masked elements.
        unsafe { load_first(from, mask) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller vouches for N elements.
        unsafe { write(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut T, mask: usize) {
        // SAFETY: the caller vouches for the masked elements.
        unsafe { store_first(to, mask, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i] + other.0[i];
        }
        Plain(lanes)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i] - other.0[i];
        }
        Plain(lanes)
    }

    #[inline(always)]
    unsafe fn half(self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i] * T::from(0.5);
        }
        Plain(lanes)
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        let mut lanes = self.0;
        for i in 0..N {
            lanes[i] = lanes[i] + a.0[i] * b.0[i]; // not `mul_add`: without the instruction it is a library call
        }
        Plain(lanes)
    }
}

//! Vectors whose methods are one instruction each.

/// Implements [`Lanes`](super::lanes::Lanes) for a vector of the processor:
/// `lanes_of!(vector: elem x n, mask; { what each method is })`.
macro_rules! lanes_of {
    (
        $vector:ty: $elem:ty, $n:literal, $mask:ty;
        first: $first:path, load_part: $load_part:path, store_part: $store_part:path,
        splat: $splat:path, add: $add:path, sub: $sub:path, mul: $mul:path,
        add_product: |$sum:ident, $a:ident, $b:ident| $add_product:expr $(,)?
    ) => {
        // SAFETY: each method is one instruction or a few, under the caller's promise that
        // the processor has them; the pointers are the caller's.
        #[allow(unused_unsafe, reason = "some of these are safe functions on some architectures")]
        unsafe impl $crate::kernels::simd::Lanes for $vector {
            type Elem = $elem;
            type Mask = $mask;
            const N: usize = $n;

            #[inline(always)]
            unsafe fn first(count: usize) -> $mask {
                debug_assert!(count <= $n);
                // SAFETY: as for the whole impl.
                unsafe { $first(count) }
            }

            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $splat(0.0) }
            }

            #[inline(always)]
            unsafe fn splat(x: $elem) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $elem) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $crate::kernels::simd::lanes::read(from) }
            }

            #[inline(always)]
            unsafe fn load_part(from: *const $elem, mask: $mask) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $load_part(from, mask) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $elem) {
                // SAFETY: as for the whole impl.
                unsafe { $crate::kernels::simd::lanes::write(to, self) }
            }

            #[inline(always)]
            unsafe fn store_part(self, to: *mut $elem, mask: $mask) {
                // SAFETY: as for the whole impl.
                unsafe { $store_part(to, mask, self) }
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $add(self, other) }
            }

            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $sub(self, other) }
            }

            #[inline(always)]
            unsafe fn half(self) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $mul(self, $splat(0.5)) }
            }

            #[inline(always)]
            unsafe fn add_product(self, $a: Self, $b: Self) -> Self {
                let $sum = self;
                // SAFETY: as for the whole impl.
                unsafe { $add_product }
            }
        }
    };
}

pub(super) use lanes_of;

//! Tests of the kernels as a whole, and what they share.

mod against_loops;
mod bits;
mod sums;

use super::conv::{ConvShape, forward, input_grad, weight_grad};
use super::element::Element;
use super::product::gemm;
use super::simd::Simd;
use crate::real::Real;

trait Number: Element + Real {
    const EPS: f64;
    fn bits(self) -> u64;
}

impl Number for f32 {
    const EPS: f64 = f32::EPSILON as f64;
    fn bits(self) -> u64 {
        self.to_bits().into()
    }
}

impl Number for f64 {
    const EPS: f64 = f64::EPSILON;
    fn bits(self) -> u64 {
        self.to_bits()
    }
}

/// A small generator: the same shapes and numbers in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// From 1 to `most`; each power of two is as likely as the next.
    fn up_to(&mut self, most: usize) -> usize {
        let scale = 1 << self.below(most.ilog2() as usize + 2);
        1 + self.below(scale.min(most))
    }

    fn floats<T: Number>(&mut self, len: usize) -> Vec<T> {
        (0..len).map(|_| T::from_f64((self.next() % 2001) as f64 / 1000.0 - 1.0)).collect()
    }

    fn shape(&mut self) -> ConvShape {
        // few shapes are large, to keep the plain loops quick
        let most = [3, 20, 70][self.below(3)];
        ConvShape {
            n: 1 + self.below(7),
            h: 1 + self.below(15),
            w: 1 + self.below(15),
            c_in: 1 + self.below(most),
            kh: 1 + self.below(5),
            kw: 1 + self.below(5),
            c_out: 1 + self.below(most),
            stride: [1 + self.below(3), 1 + self.below(3)],
            pad: [self.below(4), self.below(4)],
        }
    }
}

fn all_simd() -> impl Iterator<Item = Simd> {
    Simd::ALL.iter().map(|&(_, simd)| simd).filter(|&simd| simd <= Simd::detect())
}

fn square(n: usize, size: usize, c_in: usize, c_out: usize, stride: usize) -> ConvShape {
    ConvShape { n, h: size, w: size, c_in, kh: 3, kw: 3, c_out, stride: [stride; 2], pad: [1; 2] }
}

/// Checks `got` against exact sums, to the rounding that sums of such size and
/// of any order may have.
#[track_caller]
fn assert_close<T: Number>(got: &[T], want: &[f64], size: &[f64], about: &str) {
    assert_eq!(got.len(), want.len());
    for i in 0..got.len() {
        let (error, bound) = ((got[i].as_f64() - want[i]).abs(), 20.0 * T::EPS * (1.0 + size[i]));
        assert!(error <= bound, "{about}: element {i} is {}, not {}", got[i].as_f64(), want[i]);
    }
}

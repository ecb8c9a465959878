//! `eˣ` and two functions made of it, in plain arithmetic: they vectorise, and give the same bits on every machine.
//!
//! `x = k·ln 2 + r` with a whole `k` and `|r| ≤ ln 2 / 2`, so `eˣ = 2ᵏ·eʳ`, with the Taylor series of `eʳ` up to where a further term is
//! below half a unit in the last place. Errors are below 2 such units, 4 of the functions made of it.

use crate::real::Real;

/// The constants of an element type.
pub trait Exponential: Sized {
    /// Below this `eˣ` is 0: results would soon not be normal numbers.
    const LEAST: Self;
    /// Above this `eˣ` is infinite.
    const MOST: Self;
    /// From here on `tanh x` is 1, to the last place.
    const TANH_IS_ONE: Self;
    /// 1.5 times the number whose last place has the value 1: a sum with it is rounded to a whole number.
    const ROUNDS: Self;
    /// `1/ln 2`.
    const PER_LN_2: Self;
    /// `ln 2` in two parts. The first has so few digits that a multiple of it by a whole number is exact.
    const LN_2: [Self; 2];

    /// `(eʳ − 1)/r`, by its series.
    fn series(r: Self) -> Self;

    /// `2ᵏ⁻¹`, where `t` is `k + ROUNDS`.
    fn half_power(t: Self) -> Self;
}

/// `a + r·(b + r·(c + ..))`.
macro_rules! horner {
    ($r:ident; $last:expr) => { $last };
    ($r:ident; $first:expr, $($rest:expr),+) => { $first + $r * horner!($r; $($rest),+) };
}

macro_rules! exponential {
    ($real:ty, $bits:ty, $mantissa:literal, $least:literal, $most:literal, $tanh:literal, $ln_2:expr, [$($term:expr),*]) => {
        impl Exponential for $real {
            const LEAST: $real = $least;
            const MOST: $real = $most;
            const TANH_IS_ONE: $real = $tanh;
            const ROUNDS: $real = 1.5 * ((1 as $bits) << $mantissa) as $real;
            const PER_LN_2: $real = std::f64::consts::LOG2_E as $real;
            const LN_2: [$real; 2] = $ln_2;

            #[inline(always)]
            fn series(r: $real) -> $real {
                horner!(r; $($term),*)
            }

            #[inline(always)]
            fn half_power(t: $real) -> $real {
                // the last digits of `t` are k, which belongs into the exponent
                <$real>::from_bits((t.to_bits() << $mantissa).wrapping_add((0.5 as $real).to_bits()))
            }
        }
    };
}

exponential!(
    f32,
    u32,
    23,
    -86.5,
    88.722_84,
    10.0,
    [355.0 / 512.0, -2.121_944_4e-4],
    [1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0]
);
exponential!(
    f64,
    u64,
    52,
    -707.5,
    709.782_712_893_384,
    20.0,
    [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
    [
        1.0,
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0
    ]
);

/// `(eʳ − 1, 2ᵏ⁻¹)` with `x = k·ln 2 + r`, for `x` from `LEAST` to `MOST`.
#[inline(always)]
fn parts<T: Real>(x: T) -> (T, T) {
    let t = x * T::PER_LN_2 + T::ROUNDS;
    let k = t - T::ROUNDS;
    let [high, low] = T::LN_2;
    let r = x - k * high - k * low;
    (r * T::series(r), T::half_power(t))
}

/// `eˣ`. Below `LEAST`, where it is less than three times the smallest normal number, it is 0.
#[inline(always)]
pub(crate) fn exp<T: Real>(x: T) -> T {
    let (p, half) = parts(x);
    let y = half + half * p;
    let y = y + y;
    let y = if x > T::MOST { T::infinity() } else { y };
    if x < T::LEAST { T::zero() } else { y }
}

/// `1/(1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid<T: Real>(x: T) -> T {
    let e = exp(-x.abs()); // at most 1, so nothing overflows
    (if x >= T::zero() { T::one() } else { e }) / (T::one() + e)
}

/// `tanh x = (e²ˣ − 1)/(e²ˣ + 1)`.
#[inline(always)]
pub(crate) fn tanh<T: Real>(x: T) -> T {
    let a = x.abs();
    let a = if a > T::TANH_IS_ONE { T::TANH_IS_ONE } else { a }; // NaN stays
    let (p, half) = parts(a + a);
    let (power, two) = (half + half, T::one() + T::one());
    let less_one = power * p + (power - T::one());
    (less_one / (less_one + two)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest distance from what the standard library gives, in units in the last place, at many points of an interval.
    fn worst(low: f64, high: f64, f: impl Fn(f64) -> f64, g: impl Fn(f64) -> f64) -> f64 {
        let off = |i| {
            let x = low + (high - low) * f64::from(i) / 100_003.0;
            let want = g(x);
            let place = want.abs().next_up() - want.abs();
            (f(x) - want).abs() / place
        };
        (0..=100_003).map(off).fold(0.0, f64::max)
    }

    /// The same for `f32`, beside the functions in `f64`.
    fn worst_f32(low: f64, high: f64, f: impl Fn(f32) -> f32, g: impl Fn(f64) -> f64) -> f64 {
        let off = |i| {
            let x = (low + (high - low) * f64::from(i) / 100_003.0) as f32;
            let want = g(f64::from(x));
            let place = (want.abs() as f32).next_up() - want.abs() as f32;
            (f64::from(f(x)) - want).abs() / f64::from(place)
        };
        (0..=100_003).map(off).fold(0.0, f64::max)
    }

    #[test]
    fn they_are_within_a_few_units_in_the_last_place() {
        let logistic = |x: f64| if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) };
        for (low, high) in [(-700.0, 709.0), (-1.0, 1.0), (-1e-3, 1e-3), (-30.0, 30.0)] {
            assert!(worst(low, high, exp, f64::exp) <= 2.0, "exp on {low}..{high}");
            assert!(worst(low, high, sigmoid, logistic) <= 4.0, "sigmoid on {low}..{high}");
            assert!(worst(low, high, tanh, f64::tanh) <= 4.0, "tanh on {low}..{high}");
        }
        for (low, high) in [(-86.0, 88.0), (-1.0, 1.0), (-1e-3, 1e-3), (-15.0, 15.0)] {
            assert!(worst_f32(low, high, exp, f64::exp) <= 2.0, "exp of f32 on {low}..{high}");
            assert!(worst_f32(low, high, sigmoid, logistic) <= 4.0, "sigmoid of f32 on {low}..{high}");
            assert!(worst_f32(low, high, tanh, f64::tanh) <= 4.0, "tanh of f32 on {low}..{high}");
        }
    }

    fn extremes<T: Real>(largest: f64) {
        let of = T::from_f64;
        let (inf, zero, one) = (T::infinity(), T::zero(), T::one());
        assert_eq!([exp(inf), exp(-inf), exp(zero), exp(of(-1e30))], [inf, zero, one, zero]);
        assert_eq!([exp(of(largest + 0.1)), exp(of(1e30))], [inf, inf]);
        assert!(exp(of(largest)).is_finite() && exp(of(largest)) > T::max_value() / of(2.0));
        assert_eq!([sigmoid(inf), sigmoid(-inf), sigmoid(zero)], [one, zero, of(0.5)]);
        assert_eq!([tanh(inf), tanh(-inf), tanh(of(1e30)), tanh(of(-30.0))], [one, -one, one, -one]);
        assert!(tanh(-zero) == zero && tanh(-zero).is_sign_negative());
        assert_eq!(tanh(of(1e-30)), of(1e-30));
        let nan = T::nan();
        assert!(exp(nan).is_nan() && sigmoid(nan).is_nan() && tanh(nan).is_nan());
    }

    #[test]
    fn extremes_are_what_they_should_be() {
        extremes::<f32>(88.7);
        extremes::<f64>(709.7);
    }
}

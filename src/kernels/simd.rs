//! Which instruction set the kernels use: detected once, lowered by choice.

use std::sync::OnceLock;

/// An instruction set the kernels are written for, from low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Simd {
    /// What the compiler makes of plain Rust for the build target.
    Portable,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// 512-bit vectors, also of bytes: AVX-512 F, BW, DQ and VL.
    Avx512,
}

impl Simd {
    /// The best this processor has.
    pub(crate) fn detect() -> Simd {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx2 && avx512 {
                return Simd::Avx512;
            }
            if avx2 {
                return Simd::Avx2;
            }
        }
        Simd::Portable
    }

    fn parse(name: &str) -> Simd {
        match name {
            "portable" => Simd::Portable,
            "avx2" => Simd::Avx2,
            "avx512" => Simd::Avx512,
            _ => panic!("INNERLOOP_SIMD is {name:?}; it must be portable, avx2 or avx512"),
        }
    }
}

/// The instruction set in use: what the processor has, or less if the
/// environment variable `INNERLOOP_SIMD` (`portable`, `avx2`, `avx512`) says so.
///
/// # Panics
/// On the first call, if `INNERLOOP_SIMD` holds anything else.
pub(crate) fn simd() -> Simd {
    static CHOICE: OnceLock<Simd> = OnceLock::new();
    *CHOICE.get_or_init(|| match std::env::var_os("INNERLOOP_SIMD") {
        Some(name) => Simd::parse(&name.to_string_lossy()).min(Simd::detect()),
        None => Simd::detect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        assert_eq!(Simd::parse("portable"), Simd::Portable);
        assert_eq!(Simd::parse("avx2"), Simd::Avx2);
        assert_eq!(Simd::parse("avx512"), Simd::Avx512);
    }

    #[test]
    #[should_panic(expected = "must be portable, avx2 or avx512")]
    fn an_unknown_name_is_refused() {
        Simd::parse("AVX-512");
    }

    #[test]
    fn the_environment_never_raises() {
        assert!(simd() <= Simd::detect());
    }
}

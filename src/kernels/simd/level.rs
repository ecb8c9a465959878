//! Which instruction set the kernels use: detected once, lowered by choice.

use std::sync::OnceLock;

/// Elements of the widest vector: `f32` in AVX-512. Sums with this many independent lanes,
/// and blocks of this many channels, fill whole vectors on every instruction set.
pub(crate) const WIDEST: usize = 16;

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

    /// This instruction set, or the best that the processor has if that is less.
    pub(crate) fn supported(self) -> Simd {
        self.min(Simd::detect())
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
    #[cfg(test)]
    if let Some(simd) = OVERRIDE.get() {
        return simd;
    }
    static CHOICE: OnceLock<Simd> = OnceLock::new();
    *CHOICE.get_or_init(|| match std::env::var_os("INNERLOOP_SIMD") {
        Some(name) => Simd::parse(&name.to_string_lossy()).supported(),
        None => Simd::detect(),
    })
}

#[cfg(test)]
thread_local! {
    static OVERRIDE: std::cell::Cell<Option<Simd>> = const { std::cell::Cell::new(None) };
}

/// Runs `f` with another instruction set in use on this thread, as far as the processor
/// has it.
#[cfg(test)]
pub(crate) fn with_simd<R>(simd: Simd, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Simd>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OVERRIDE.set(self.0);
        }
    }
    let _restore = Restore(OVERRIDE.replace(Some(simd.supported())));
    f()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_chooses_the_instruction_set_of_its_own_thread_for_a_while() {
        let before = simd();
        with_simd(Simd::Portable, || {
            assert_eq!(simd(), Simd::Portable);
            assert_eq!(std::thread::spawn(simd).join().unwrap(), before);
            with_simd(Simd::Avx512, || assert_eq!(simd(), Simd::detect()));
            assert_eq!(simd(), Simd::Portable);
        });
        assert_eq!(simd(), before);
    }

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

//! Which instruction set the kernels use: detected once, lowered by choice.

use std::sync::OnceLock;

/// Elements of the widest vector: `f32` in AVX-512. Sums with this many independent lanes,
/// and blocks of this many channels, fill whole vectors on every instruction set.
pub(crate) const WIDEST: usize = 16;

/// An instruction set that this build has kernels for, from low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Simd {
    /// What the compiler makes of plain Rust for the build target.
    Portable,
    /// 256-bit vectors with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors, also of bytes: AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 128-bit vectors with fused multiply-add, in 32 registers.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// WebAssembly's 128-bit vectors: nothing fused. Part of a build or not; nothing can be detected.
    #[cfg(target_feature = "simd128")]
    Simd128,
}

impl Simd {
    /// All of them, from low to high, with their names in `INNERLOOP_SIMD`.
    pub(crate) const ALL: &[(&str, Simd)] = &[
        ("portable", Simd::Portable),
        #[cfg(target_arch = "x86_64")]
        ("avx2", Simd::Avx2),
        #[cfg(target_arch = "x86_64")]
        ("avx512", Simd::Avx512),
        #[cfg(target_arch = "aarch64")]
        ("neon", Simd::Neon),
        #[cfg(target_feature = "simd128")]
        ("simd128", Simd::Simd128),
    ];

    /// Whether this processor has the instructions, and those of all lower ones.
    fn is_here(self) -> bool {
        match self {
            Simd::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => {
                Simd::Avx2.is_here()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "aarch64")]
            Simd::Neon => true, // every processor of the architecture has it
            #[cfg(target_feature = "simd128")]
            Simd::Simd128 => true, // or the module would not have been loaded
        }
    }

    /// The best this processor has.
    pub(crate) fn detect() -> Simd {
        let mut from_high = Simd::ALL.iter().rev().map(|&(_, simd)| simd);
        from_high.find(|simd| simd.is_here()).unwrap_or(Simd::Portable)
    }

    /// This instruction set, or the best that the processor has if that is less.
    pub(crate) fn supported(self) -> Simd {
        self.min(Simd::detect())
    }

    fn parse(name: &str) -> Simd {
        let found = Simd::ALL.iter().find(|(known, _)| *known == name);
        found.map(|&(_, simd)| simd).unwrap_or_else(|| {
            let names: Vec<_> = Simd::ALL.iter().map(|(known, _)| *known).collect();
            panic!("INNERLOOP_SIMD is {name:?}; this build has {}", names.join(", "))
        })
    }
}

/// The instruction set in use: what the processor has, or less if the
/// environment variable `INNERLOOP_SIMD` says so. It takes the names of [`Simd::ALL`].
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

    fn highest() -> Simd {
        Simd::ALL[Simd::ALL.len() - 1].1
    }

    #[test]
    fn a_test_chooses_the_instruction_set_of_its_own_thread_for_a_while() {
        let before = simd();
        with_simd(Simd::Portable, || {
            assert_eq!(simd(), Simd::Portable);
            if !cfg!(target_family = "wasm") {
                assert_eq!(std::thread::spawn(simd).join().unwrap(), before);
            }
            with_simd(highest(), || assert_eq!(simd(), Simd::detect()));
            assert_eq!(simd(), Simd::Portable);
        });
        assert_eq!(simd(), before);
    }

    #[test]
    fn the_names_of_a_build_are_read_and_its_sets_go_from_low_to_high() {
        assert!(Simd::ALL.iter().all(|&(name, simd)| Simd::parse(name) == simd));
        assert!(Simd::ALL.is_sorted_by(|a, b| a.1 < b.1));
        assert_eq!(Simd::ALL[0], ("portable", Simd::Portable));
    }

    #[test]
    #[should_panic(expected = "INNERLOOP_SIMD is \"AVX-512\"; this build has portable")]
    fn an_unknown_name_is_refused() {
        Simd::parse("AVX-512");
    }

    #[test]
    fn the_environment_never_raises() {
        assert!(simd() <= Simd::detect());
    }
}

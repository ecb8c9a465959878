//! Compiling generic functions with this crate.
//!
//! A generic function is compiled in the crate that uses it, with the profile of that crate, unless this
//! crate has compiled it already and it is marked `#[inline(never)]`: then the compiled one is used, in
//! optimised and unoptimised builds alike. So functions that are generic in the element type alone carry
//! this mark, and those that users reach first are listed, next to their code, with the macro below. What
//! they call is compiled along with them.

/// Compiles functions with this crate for both element types: `compiled_here!(T: f::<T>, g::<T>)`.
macro_rules! compiled_here {
    ($t:ident: $($function:expr),+ $(,)?) => {
        const _: () = {
            fn functions<$t: $crate::Real>() {
                $(std::hint::black_box($function as *const ());)+
            }
            #[used] // never called: it is enough that it is compiled
            static FUNCTIONS: [fn(); 2] = [functions::<f32>, functions::<f64>];
        };
    };
}

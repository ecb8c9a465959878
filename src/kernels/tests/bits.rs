//! Random shapes: the same bits on any number of threads, for every instruction set, and
//! on each nearly what portable code gives.
//!
//! Some hundred cases by default. The environment variable `INNERLOOP_CASES` asks for more,
//! or for some of them:
//!
//!     INNERLOOP_CASES=5000 cargo test --lib kernels::tests::bits -- --nocapture
//!     INNERLOOP_CASES=2500..5000 cargo test --lib kernels::tests::bits -- --nocapture
//!
//! A case depends on its kind and its number alone.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::*;
use crate::kernels::norm::{Moments, NormGrad, Second, Winners, project, second, standardize};
use crate::kernels::pool::{PoolWindows, max_pool};
use crate::kernels::simd::with_simd;
use crate::kernels::threads::{threads_for, with_image_threads};
use crate::kernels::winograd::WindowSum;
use crate::kernels::{Kernels, reduce};

/// The cases to run of a kind that makes up `percent` per cent.
fn cases(percent: usize) -> Range<usize> {
    let text = std::env::var("INNERLOOP_CASES").unwrap_or("400".into());
    let (from, to) = text.split_once("..").unwrap_or(("0", &text));
    let [from, to] = [from, to].map(|n| n.parse::<usize>().expect("INNERLOOP_CASES: a number or from..to"));
    (from * percent).div_ceil(100)..(to * percent).div_ceil(100)
}

/// A generator of its own for each case.
fn dice(kind: u64, case: usize) -> Dice {
    let mut dice = Dice(kind << 40 ^ case as u64);
    for _ in 0..3 {
        dice.next();
    }
    dice
}

/// Numbers of threads to compare.
const THREADS: &[usize] = if cfg!(target_family = "wasm") { &[1] } else { &[1, 2, 3, 5] };

/// Runs `f` on so many threads.
fn on<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    static POOLS: OnceLock<Vec<ThreadPool>> = OnceLock::new();
    if cfg!(target_family = "wasm") {
        return f(); // a pool needs threads of its own
    }
    let pool = |&n: &usize| ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let pools = POOLS.get_or_init(|| THREADS.iter().map(pool).collect());
    pools.iter().find(|pool| pool.current_num_threads() == threads).unwrap().install(f)
}

/// What `f` gives on each instruction set that the machine has, after checking that it gives
/// the same bits on any of [`THREADS`].
fn on_every_path<T: Number>(about: &str, f: impl Fn() -> Vec<Vec<T>> + Sync) -> Vec<(Simd, Vec<Vec<T>>)> {
    let run = |simd| {
        let run_on = |threads| on(threads, || with_simd(simd, || with_image_threads(true, &f)));
        let want = run_on(1);
        for &threads in &THREADS[1..] {
            let got = run_on(threads);
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                let differ = got.iter().zip(want).filter(|(a, b)| a.bits() != b.bits()).count();
                assert_eq!(
                    differ, 0,
                    "numbers of result {i} differ between 1 and {threads} threads: {simd:?}, {about}"
                );
            }
        }
        (simd, want)
    };
    all_simd().map(run).collect()
}

/// Checks each path against the portable one: `sizes` are the sums of the products' sizes.
fn nearly_portable<T: Number>(about: &str, results: &[(Simd, Vec<Vec<T>>)], sizes: &[Vec<T>]) {
    let wide = |v: &[T]| v.iter().map(|v| v.as_f64()).collect::<Vec<_>>();
    for (simd, got) in &results[1..] {
        for (i, size) in sizes.iter().enumerate() {
            let (want, size) = (wide(&results[0].1[i]), wide(size));
            assert_close(&got[i], &want, &size, &format!("{simd:?}, result {i}, {about}"));
        }
    }
}

/// Checks that each path gives the bits of the portable one.
fn exactly_portable<T: Number>(about: &str, results: &[(Simd, Vec<Vec<T>>)]) {
    for (simd, got) in &results[1..] {
        for (i, (got, want)) in got.iter().zip(&results[0].1).enumerate() {
            let same = got.iter().zip(want).all(|(a, b)| a.bits() == b.bits());
            assert!(same, "{simd:?} and portable code differ in result {i}, {about}");
        }
    }
}

/// A convolution of at most some 8 million products; every 24th is larger, and has images
/// large enough for Winograd's sums over patches to be cut in many places.
fn conv_shape(dice: &mut Dice, case: usize) -> ConvShape {
    if case % 24 == 23 {
        let side = |dice: &mut Dice| 60 + dice.below(100);
        let (h, w) = (side(dice), side(dice));
        let (c_in, c_out) = (27 + dice.below(4), 27 + dice.below(4));
        return ConvShape { h, w, c_in, c_out, pad: [dice.below(3), dice.below(3)], ..square(1, 1, 1, 1, 1) };
    }
    // small shapes of every kind, or large ones cut down to size; some for Winograd's method
    let (small, winograd) = (case.is_multiple_of(3), case % 6 == 1);
    let mut size = |most| if small { dice.up_to(most) } else { 1 + dice.below(most) };
    let mut sizes = [80, 200, 200, 96, 96].map(&mut size);
    if winograd {
        sizes = [8, 40, 40, 60, 60].map(|most| 1 + dice.below(most));
        sizes[3] += 36;
        sizes[4] += 36;
    }
    let three = winograd || dice.below(2) == 0;
    let mut kernel = || if three { 3 } else { 1 + dice.below(6) };
    let [kh, kw] = [kernel(), kernel()];
    let mut step = || if three { 1 } else { 1 + dice.below(3) };
    let stride = [step(), step()];
    let pad = [dice.below(kh), dice.below(kw)];
    loop {
        let [n, h, w, c_in, c_out] = sizes;
        let s = ConvShape { n, h, w, c_in, kh: kh.min(h), kw: kw.min(w), c_out, stride, pad };
        if s.products() <= 1 << 23 {
            return s;
        }
        let i = dice.below(if winograd { 3 } else { 5 });
        sizes[i] = sizes[i].div_ceil(2);
    }
}

fn conv_case<T: Number>(s: &ConvShape, dice: &mut Dice, about: &str) {
    let (x, w) = (dice.floats::<T>(s.x_len()), dice.floats::<T>(s.w_len()));
    let g = dice.floats::<T>(s.y_len());
    let all = |x: &[T], w: &[T], g: &[T]| {
        let nans = |like: &[T]| vec![T::nan(); like.len()];
        let (mut y, mut dx, mut dw) = (nans(g), nans(x), nans(w));
        T::conv2d(s, x, w, &mut y);
        T::conv2d_input_grad(s, g, w, &mut dx);
        T::conv2d_weight_grad(s, x, g, &mut dw);
        vec![y, dx, dw]
    };
    let results = on_every_path(about, || all(&x, &w, &g));
    let sizes = |v: &[T]| v.iter().map(|v| v.abs()).collect::<Vec<_>>();
    nearly_portable(about, &results, &all(&sizes(&x), &sizes(&w), &sizes(&g)));
}

#[test]
fn random_convolutions_have_the_same_bits_on_any_number_of_threads() {
    let cases = cases(50);
    let count = cases.len();
    let (mut shared, mut large, mut winograd) = (0, 0, 0);
    for case in cases {
        let mut dice = dice(1, case);
        let s = conv_shape(&mut dice, case);
        let about = format!("case {case}, {s:?}");
        let most = THREADS[THREADS.len() - 1];
        let threads = on(most, || with_image_threads(true, || threads_for(s.products())));
        shared += usize::from(threads > 1);
        large += usize::from(threads == 5);
        winograd += usize::from(WindowSum::of(&s).pays());
        if case % 4 == 3 {
            conv_case::<f64>(&s, &mut dice, &about);
        } else {
            conv_case::<f32>(&s, &mut dice, &about);
        }
    }
    println!(
        "{count} convolutions: {shared} shared, {large} of them among 5 threads; {winograd} by Winograd's method"
    );
    assert!(
        count < 100 || THREADS.len() == 1 || (2 * shared > count && 3 * large > count),
        "too few are large enough for threads to share"
    );
    assert!(count < 100 || 20 * winograd > count, "too few go by Winograd's method");
}

fn product_case<T: Number>([m, k, n]: [usize; 3], dice: &mut Dice, about: &str) {
    let (a, b) = (dice.floats::<T>(m * k), dice.floats::<T>(k * n));
    let all = |a: &[T], b: &[T]| {
        let product = |ta, tb| {
            let mut c = vec![T::nan(); m * n];
            T::gemm(m, k, n, a, ta, b, tb, &mut c);
            c
        };
        [(false, false), (false, true), (true, false), (true, true)].map(|(ta, tb)| product(ta, tb)).to_vec()
    };
    let results = on_every_path(about, || all(&a, &b));
    let sizes = |v: &[T]| v.iter().map(|v| v.abs()).collect::<Vec<_>>();
    nearly_portable(about, &results, &all(&sizes(&a), &sizes(&b)));
}

#[test]
fn random_products_have_the_same_bits_on_any_number_of_threads() {
    let cases = cases(20);
    let count = cases.len();
    for case in cases {
        let mut dice = dice(2, case);
        let dims = loop {
            let dims = [dice.up_to(300), dice.up_to(2000), dice.up_to(300)];
            if dims.iter().product::<usize>() <= 1 << 21 {
                break dims;
            }
        };
        let about = format!("case {case}, {dims:?}");
        if case % 4 == 3 {
            product_case::<f64>(dims, &mut dice, &about);
        } else {
            product_case::<f32>(dims, &mut dice, &about);
        }
    }
    println!("{count} products, each with four transposes");
}

/// Images of at most `1 << 17` elements.
fn image_shape(dice: &mut Dice) -> [usize; 4] {
    loop {
        let shape = [dice.up_to(80), dice.up_to(200), dice.up_to(200), dice.up_to(96)];
        if shape.iter().product::<usize>() <= 1 << 17 {
            return shape;
        }
    }
}

fn pool_case<T: Number>(windows: PoolWindows, dice: &mut Dice, about: &str) {
    // few levels, so that there are equal maxima
    let levels = |v: &mut Vec<T>| v.iter_mut().for_each(|v| *v = (*v * T::from_f64(3.0)).round());
    let mut x = dice.floats::<T>(windows.shape.iter().product());
    levels(&mut x);
    let pooled: usize = windows.pooled().iter().product();
    let results = on_every_path(about, || {
        let (mut best, mut at) = (vec![T::nan(); pooled], vec![u32::MAX; pooled]);
        max_pool(&windows, &x, &mut best, &mut at);
        vec![best, at.iter().map(|&at| T::from_f64(at.into())).collect()]
    });
    exactly_portable(about, &results);
}

/// The fused norm and its derivatives, the plain passes, and the sums.
fn norm_case<T: Number>(windows: PoolWindows, dice: &mut Dice, about: &str) {
    let (c, pooled) = (windows.shape[3], windows.pooled().iter().product());
    let x = dice.floats::<T>(windows.shape.iter().product());
    let e = dice.floats::<T>(x.len());
    let [gamma, beta, e_gamma, e_beta] = [(); 4].map(|()| dice.floats::<T>(c));
    let g = dice.floats::<T>(pooled);
    let eps = T::from_f64(1e-5);
    let nans = |len| vec![T::nan(); len];
    let results = on_every_path(about, || {
        let mut moments = Moments::new(c);
        moments.add(&x);
        let mut winners = Winners::new(windows, eps, moments);
        let mut y = nans(pooled);
        winners.choose(0, &x, [&gamma, &beta], &mut y);
        let (_, on) = winners.positions("norm");
        let mut sums = [(); 2].map(|()| vec![T::ZERO; c]);
        winners.add_sums(0, &x, &g, &mut sums);
        let grad = NormGrad::new(&winners, &gamma, &sums);
        let mut dx = nans(x.len());
        grad.write(&winners, 0, Some(&x), &g, &mut dx);
        let of = Second { x: &x, gamma: &gamma, g: &g, e: &e, e_gamma: &e_gamma, e_beta: &e_beta };
        let (mut cx, mut cgamma, mut cg) = (nans(x.len()), nans(c), nans(pooled));
        second(&winners, of, [&mut cx, &mut cgamma, &mut cg]);
        let (mut x_hat, mut r, mut projected) = (nans(x.len()), nans(c), nans(x.len()));
        standardize(&x, eps, &mut x_hat, &mut r);
        project(&e, &x_hat, &r, &mut projected);
        let (mut rows, mut dots) = (nans(c), nans(c));
        reduce::sum_rows(&x, &mut rows);
        reduce::dot_rows(&x, &e, &mut dots);
        let total = vec![reduce::sum(&x)];
        let (dgamma, dbeta, on) = (grad.gamma.to_vec(), grad.beta.to_vec(), on.to_vec());
        vec![y, on, dx, dgamma, dbeta, cx, cgamma, cg, x_hat, r, projected, rows, dots, total]
    });
    for result in &results[0].1 {
        assert!(result.iter().all(|v| v.is_finite()), "a number was not written or is not finite: {about}");
    }
    exactly_portable(about, &results);
}

#[test]
fn random_pooling_and_norms_have_the_same_bits_everywhere() {
    let cases = cases(30);
    let count = cases.len();
    for case in cases {
        let mut dice = dice(3, case);
        let shape = image_shape(&mut dice);
        let mut side = |d: usize| 1 + dice.below(d.min(5));
        let window = [side(shape[1]), side(shape[2])];
        let stride = [1 + dice.below(4), 1 + dice.below(4)];
        let (any, tiles) =
            (PoolWindows { shape, window, stride }, PoolWindows { shape, window, stride: window });
        let (any_about, about) = (format!("case {case}, {any:?}"), format!("case {case}, {tiles:?}"));
        if case % 4 == 3 {
            pool_case::<f64>(any, &mut dice, &any_about);
            norm_case::<f64>(tiles, &mut dice, &about);
        } else {
            pool_case::<f32>(any, &mut dice, &any_about);
            norm_case::<f32>(tiles, &mut dice, &about);
        }
    }
    println!("{count} poolings and norms");
}

#[test]
fn the_weight_gradient_of_large_images_has_the_same_bits_on_any_number_of_threads() {
    let mut dice = Dice(10);
    for s in [square(1, 164, 32, 32, 1), square(1, 172, 32, 32, 1)] {
        assert!(WindowSum::of(&s).pays());
        let (x, g) = (dice.floats::<f32>(s.x_len()), dice.floats::<f32>(s.y_len()));
        on_every_path(&format!("{s:?}"), || {
            let mut dw = vec![f32::NAN; s.w_len()];
            f32::conv2d_weight_grad(&s, &x, &g, &mut dw);
            vec![dw]
        });
    }
}

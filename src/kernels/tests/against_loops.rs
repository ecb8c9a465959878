//! Every path of every kernel against plain loops.

use super::*;
use crate::kernels::Kernels;
use crate::kernels::simd::{Simd, pick};
use crate::kernels::threads;
use crate::kernels::winograd::WindowSum;

/// Calls `f` with the indices (x, w, y) of every product the convolution forms.
fn each_product(s: &ConvShape, mut f: impl FnMut(usize, usize, usize)) {
    for n in 0..s.n {
        for (oy, ox) in (0..s.oh()).flat_map(|oy| (0..s.ow()).map(move |ox| (oy, ox))) {
            for (ky, kx) in (0..s.kh).flat_map(|ky| (0..s.kw).map(move |kx| (ky, kx))) {
                let (iy, ix) = (oy * s.stride[0] + ky, ox * s.stride[1] + kx);
                let inside = |i: usize, pad: usize, len| (pad..pad + len).contains(&i);
                if !inside(iy, s.pad[0], s.h) || !inside(ix, s.pad[1], s.w) {
                    continue;
                }
                let x = ((n * s.h + iy - s.pad[0]) * s.w + ix - s.pad[1]) * s.c_in;
                let w = (ky * s.kw + kx) * s.c_in;
                let y = ((n * s.oh() + oy) * s.ow() + ox) * s.c_out;
                for ci in 0..s.c_in {
                    for co in 0..s.c_out {
                        f(x + ci, (w + ci) * s.c_out + co, y + co);
                    }
                }
            }
        }
    }
}

fn conv_agrees<T: Number>(s: &ConvShape, dice: &mut Dice) {
    let (x, w) = (dice.floats::<T>(s.x_len()), dice.floats::<T>(s.w_len()));
    let g = dice.floats::<T>(s.y_len());
    let zeros = |len| (vec![0.0; len], vec![0.0; len]);
    let (mut y, mut y_size) = zeros(s.y_len());
    let (mut dx, mut dx_size) = zeros(s.x_len());
    let (mut dw, mut dw_size) = zeros(s.w_len());
    each_product(s, |i, j, k| {
        let add = |sum: &mut [f64], size: &mut [f64], at: usize, product: f64| {
            sum[at] += product;
            size[at] += product.abs();
        };
        add(&mut y, &mut y_size, k, x[i].as_f64() * w[j].as_f64());
        add(&mut dx, &mut dx_size, i, g[k].as_f64() * w[j].as_f64());
        add(&mut dw, &mut dw_size, j, g[k].as_f64() * x[i].as_f64());
    });
    for simd in all_simd() {
        let nans = |len| vec![T::from_f64(f64::NAN); len];
        let about = |op: &str| format!("{op}, {simd:?}, {s:?}");
        let mut got = nans(y.len());
        forward(simd, s, &x, &w, &mut got);
        assert_close(&got, &y, &y_size, &about("forward"));
        let mut got = nans(dx.len());
        input_grad(simd, s, &g, &w, &mut got);
        assert_close(&got, &dx, &dx_size, &about("input gradient"));
        let mut got = nans(dw.len());
        weight_grad(simd, s, &x, &g, &mut got);
        assert_close(&got, &dw, &dw_size, &about("weight gradient"));
    }
}

#[test]
fn convolutions_agree_with_plain_loops_on_odd_shapes() {
    let mut dice = Dice(1);
    for _ in 0..150 {
        let s = dice.shape();
        conv_agrees::<f32>(&s, &mut dice);
        conv_agrees::<f64>(&s, &mut dice);
    }
}

#[test]
fn convolutions_agree_with_plain_loops_on_the_shapes_of_conv4() {
    let mut dice = Dice(2);
    for (n, size, c_in, c_out, stride) in [
        (2, 28, 1, 64, 1),
        (2, 28, 1, 64, 2),
        (5, 14, 64, 64, 1),
        (5, 7, 64, 64, 1),
        (5, 7, 64, 64, 2),
        (30, 3, 64, 64, 1),
        (5, 4, 64, 64, 2),
        (1, 84, 3, 32, 1),
        (2, 21, 32, 32, 1),
    ] {
        conv_agrees::<f32>(&square(n, size, c_in, c_out, stride), &mut dice);
    }
}

#[test]
fn empty_dimensions_give_zeros_or_nothing() {
    let mut dice = Dice(3);
    let full = square(2, 5, 3, 4, 2);
    for s in [
        ConvShape { n: 0, ..full },
        ConvShape { c_in: 0, ..full },
        ConvShape { c_out: 0, ..full },
        ConvShape { h: 0, ..full },
        ConvShape { w: 0, pad: [0, 0], ..full },
        ConvShape { kh: 8, ..full },
        ConvShape { kh: 0, ..full },
        ConvShape { kw: 0, pad: [0, 0], ..full },
        ConvShape { stride: [9, 4], pad: [0, 2], ..full },
    ] {
        conv_agrees::<f32>(&s, &mut dice);
    }
}

#[test]
fn adjoints_satisfy_their_identities() {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut dice = Dice(4);
    for _ in 0..100 {
        let s = dice.shape();
        let (x, w) = (dice.floats::<f64>(s.x_len()), dice.floats::<f64>(s.w_len()));
        let g = dice.floats::<f64>(s.y_len());
        for simd in all_simd() {
            let (mut y, mut dx, mut dw) = (g.clone(), x.clone(), w.clone());
            forward(simd, &s, &x, &w, &mut y);
            input_grad(simd, &s, &g, &w, &mut dx);
            weight_grad(simd, &s, &x, &g, &mut dw);
            let (a, b, c) = (dot(&y, &g), dot(&x, &dx), dot(&w, &dw));
            let bound = 1e-13 * (1.0 + dot(&y, &y).sqrt() * dot(&g, &g).sqrt());
            assert!((a - b).abs() <= bound && (a - c).abs() <= bound, "{a} {b} {c} for {s:?}");
        }
    }
}

#[test]
fn products_agree_with_plain_loops_for_all_transposes() {
    let mut dice = Dice(5);
    let mut dims: Vec<[usize; 3]> =
        (0..150).map(|_| [dice.below(40), dice.below(300), dice.below(90)]).collect();
    dims.extend([[5, 64, 5], [75, 64, 5], [25, 64, 64], [10, 1, 40], [1, 1, 1], [200, 150, 170]]);
    for [m, k, n] in dims {
        product_agrees::<f32>(m, k, n, &mut dice);
        product_agrees::<f64>(m, k, n, &mut dice);
    }
}

fn product_agrees<T: Number>(m: usize, k: usize, n: usize, dice: &mut Dice) {
    let (a, b) = (dice.floats::<T>(m * k), dice.floats::<T>(k * n));
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let at = |i: usize, l: usize| a[if ta { l * m + i } else { i * k + l }].as_f64();
        let bt = |l: usize, j: usize| b[if tb { j * k + l } else { l * n + j }].as_f64();
        let sum = |f: fn(f64) -> f64| -> Vec<f64> {
            let element = |e: usize| (0..k).map(|l| f(at(e / n, l) * bt(l, e % n))).sum();
            (0..m * n).map(element).collect()
        };
        let (want, size) = (sum(|p| p), sum(f64::abs));
        let mut c = vec![T::from_f64(f64::NAN); m * n];
        if m * k * n > 0 {
            T::gemm_packed([m, k, n], &a, ta, &b, tb, &mut c);
            assert_close(&c, &want, &size, &format!("packed {m}x{k}x{n} {ta} {tb}"));
        }
        for simd in all_simd() {
            c.fill(T::from_f64(f64::NAN));
            gemm(simd, [m, k, n], &a, ta, &b, tb, &mut c);
            assert_close(&c, &want, &size, &format!("{simd:?} {m}x{k}x{n} {ta} {tb}"));
        }
    }
}

/// Whether products are fused with their additions; sets that agree in this give the same bits.
fn is_fused(simd: Simd) -> bool {
    pick!(simd => portable: false, avx2: true, avx512: true, neon: true, simd128: false)
}

#[test]
fn vectors_of_any_width_give_the_same_bits() {
    let mut dice = Dice(6);
    for _ in 0..50 {
        let s = dice.shape();
        same_bits_with_vectors_of_any_width(&s, &mut dice);
    }
}

#[track_caller]
fn same_bits_with_vectors_of_any_width(s: &ConvShape, dice: &mut Dice) {
    let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let (x, w) = (dice.floats::<f32>(s.x_len()), dice.floats::<f32>(s.w_len()));
    let g = dice.floats::<f32>(s.y_len());
    let run = |simd| {
        let (mut y, mut dx, mut dw) = (g.clone(), x.clone(), w.clone());
        forward(simd, s, &x, &w, &mut y);
        input_grad(simd, s, &g, &w, &mut dx);
        weight_grad(simd, s, &x, &g, &mut dw);
        [bits(&y), bits(&dx), bits(&dw)]
    };
    for fused in [false, true] {
        let results: Vec<_> = all_simd().filter(|&simd| is_fused(simd) == fused).map(run).collect();
        assert!(results.windows(2).all(|two| two[0] == two[1]), "{s:?}, fused: {fused}");
    }
}

#[test]
fn an_image_gets_the_same_bits_wherever_it_stands_in_the_batch() {
    let mut dice = Dice(7);
    let s = square(9, 7, 20, 24, 1);
    let one = dice.floats::<f32>(s.x_len() / s.n);
    let x: Vec<f32> = one.iter().copied().cycle().take(s.x_len()).collect();
    let w = dice.floats::<f32>(s.w_len());
    for simd in all_simd() {
        let mut y = vec![0.0; s.y_len()];
        forward(simd, &s, &x, &w, &mut y);
        for image in y.chunks(s.y_len() / s.n) {
            assert!(image == &y[..s.y_len() / s.n]);
        }
    }
}

#[test]
fn nan_spreads_as_far_as_its_products_even_through_zeros() {
    let s = ConvShape { pad: [0, 0], ..square(1, 6, 3, 5, 1) };
    for simd in all_simd() {
        let mut x = vec![0.0f32; s.x_len()];
        let (mut y, mut dw) = (vec![0.0; s.y_len()], vec![0.0; s.w_len()]);
        x[0] = f32::INFINITY;
        forward(simd, &s, &x, &vec![0.0; s.w_len()], &mut y);
        assert!(y[..5].iter().all(|y| y.is_nan()) && y[5..].iter().all(|&y| y == 0.0));
        weight_grad(simd, &s, &x, &vec![0.0; s.y_len()], &mut dw);
        assert!(dw[..5].iter().all(|y| y.is_nan()) && dw[5..].iter().all(|&y| y == 0.0));
        let mut c = [0.0; 4];
        gemm(simd, [2, 2, 2], &[f32::NAN, 0.0, 0.0, 0.0], false, &[0.0; 4], true, &mut c);
        assert!(c[0].is_nan() && c[1].is_nan() && c[2..] == [0.0, 0.0]);
    }
}

#[test]
fn winograd_convolutions_agree_with_plain_loops_and_across_vector_widths() {
    let mut dice = Dice(9);
    let pays = |s: &ConvShape| WindowSum::of(s).pays();
    let random = || ConvShape {
        n: 1 + dice.below(4),
        h: 8 + dice.below(14),
        w: 8 + dice.below(14),
        c_in: 45 + dice.below(30),
        c_out: 45 + dice.below(30),
        pad: [dice.below(4), dice.below(4)],
        ..square(1, 1, 1, 1, 1)
    };
    let mut shapes: Vec<_> = std::iter::repeat_with(random).filter(pays).take(10).collect();
    // more summands than one pass takes, over channels and over tiles
    shapes.extend([square(1, 12, 300, 60, 1), square(2, 28, 60, 60, 1)]);
    for s in shapes {
        assert!(pays(&s), "{s:?}");
        conv_agrees::<f32>(&s, &mut dice);
        conv_agrees::<f64>(&s, &mut dice);
        same_bits_with_vectors_of_any_width(&s, &mut dice);
    }
}

#[test]
fn padding_takes_no_part_in_the_arithmetic() {
    let s = square(2, 1, 20, 5, 1);
    let centre = 4 * s.c_in * s.c_out..5 * s.c_in * s.c_out;
    let at = |i: usize| if centre.contains(&i) { 1.0f32 } else { f32::INFINITY };
    let w: Vec<f32> = (0..s.w_len()).map(at).collect();
    for simd in all_simd() {
        let (mut y, mut dx) = (vec![0.0; s.y_len()], vec![0.0; s.x_len()]);
        forward(simd, &s, &vec![1.0; s.x_len()], &w, &mut y);
        assert!(y.iter().all(|&y| y == 20.0));
        input_grad(simd, &s, &vec![1.0; s.y_len()], &w, &mut dx);
        assert!(dx.iter().all(|&dx| dx == 5.0));
    }
}

#[test]
#[cfg_attr(target_family = "wasm", ignore = "there are no threads")]
fn image_threads_change_no_bits() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let mut dice = Dice(8);
    for s in [
        square(23, 14, 64, 64, 1),
        square(5, 14, 64, 64, 1),
        square(7, 9, 40, 50, 2),
        square(1, 21, 32, 32, 1),
        square(40, 3, 64, 64, 1),
        square(11, 28, 1, 64, 1),
        ConvShape { kh: 2, kw: 5, pad: [0, 3], stride: [3, 1], ..square(9, 20, 17, 33, 1) },
    ] {
        let (x, w) = (dice.floats::<f32>(s.x_len()), dice.floats::<f32>(s.w_len()));
        let g = dice.floats::<f32>(s.y_len());
        let run = |on| {
            pool.install(|| {
                threads::with_image_threads(on, || {
                    assert_eq!(threads::threads_for(s.products()) > 1, on, "{s:?}");
                    let (mut y, mut dx, mut dw) = (g.clone(), x.clone(), w.clone());
                    f32::conv2d(&s, &x, &w, &mut y);
                    f32::conv2d_input_grad(&s, &g, &w, &mut dx);
                    f32::conv2d_weight_grad(&s, &x, &g, &mut dw);
                    [y, dx, dw].map(|v| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
                })
            })
        };
        assert!(run(true) == run(false), "{s:?}");
    }
}

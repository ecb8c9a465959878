//! What holds on every architecture and every instruction set: recorded bits of products and convolutions, and right
//! derivatives. `tests/device` runs it elsewhere.

use std::env;

use innerloop::ndarray::{Array1, ArrayD};
use innerloop::{Tape, check_grads, grad_values};

/// Numbers of three digits in `-1..=1`, the same everywhere.
fn numbers(shape: &[usize], seed: u64) -> ArrayD<f32> {
    let mut state = seed;
    ArrayD::from_shape_simple_fn(shape, || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % 2001) as f32 / 1000.0 - 1.0
    })
}

/// FNV-1a over the bits.
fn hash<'a>(arrays: impl Iterator<Item = &'a ArrayD<f32>>) -> u64 {
    let bytes = arrays.flatten().flat_map(|v| v.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Whether the kernels in use fuse products and additions.
fn is_fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    let fused = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let fused = cfg!(target_arch = "aarch64");
    fused && env::var("INNERLOOP_SIMD").as_deref() != Ok("portable")
}

/// Recorded on x86-64 with AVX2, for all sets that fuse products with additions, and with portable code, for all that do not.
#[test]
fn products_and_convolutions_have_the_recorded_bits() {
    let mut results = Vec::new();
    // odd shapes, a stride, Winograd's method (the last but one), sums in several passes
    for (n, size, c_in, c_out, stride) in
        [(2, 9, 13, 21, 2), (3, 5, 1, 7, 1), (1, 12, 60, 50, 1), (1, 4, 70, 64, 2)]
    {
        let tape = Tape::<f32>::new();
        let [x, w] = [([n, size, size, c_in], 1), ([3, 3, c_in, c_out], 2)];
        let [x, w] = [x, w].map(|(shape, seed)| tape.leaf(&numbers(&shape, seed)));
        let y = x.conv2d(w, [stride; 2], [1; 2]);
        let g = tape.constant(&numbers(&y.shape(), 3));
        results.push(y.to_array());
        results.extend(grad_values((y * g).sum(), &[x, w]));
    }
    let tape = Tape::<f32>::new();
    let [a, b] = [([31, 300], 4), ([45, 300], 5)].map(|(shape, seed)| tape.leaf(&numbers(&shape, seed)));
    let c = a.matmul_t(b);
    results.push(c.to_array());
    results.extend(grad_values((c * c).sum(), &[a, b]));
    let recorded = if is_fused() { 457_551_040_474_369_237 } else { 6_101_331_430_843_823_130 };
    assert_eq!(hash(results.iter()), recorded, "fused: {}", is_fused());
}

/// Nothing is fused in these, so there is one recording.
#[test]
fn exponentials_have_the_recorded_bits() {
    let tape = Tape::new();
    let x = 20.0 * tape.leaf(&numbers(&[31, 7], 9));
    let results = [x.exp(), x.sigmoid(), x.tanh(), x.softmax()].map(|y| y.to_array());
    assert_eq!(hash(results.iter()), 7_754_885_615_871_525_898);
}

#[test]
fn derivatives_are_right_to_second_order() {
    check_grads(&[&[2, 6, 5, 3], &[3, 3, 3, 5]], 2, |x| x[0].conv2d(x[1], [2, 1], [1, 1]).tanh().sum());
    check_grads(&[&[1, 8, 8, 18], &[3, 3, 18, 17]], 1, |x| x[0].conv2d(x[1], [1, 1], [1, 1]).tanh().sum());
    check_grads(&[&[2, 4, 4, 5], &[5], &[5]], 2, |x| {
        x[0].batch_norm_relu_pool(x[1], x[2], 1e-5, [2, 2]).tanh().sum()
    });
    check_grads(&[&[7, 9], &[9, 5], &[5]], 2, |x| x[0].linear_relu(x[1], x[2]).tanh().sum());
    check_grads(&[&[6, 5]], 2, |x| (x[0].log_softmax() * x[0].exp()).sum());
    check_grads(&[&[4, 4], &[4, 3]], 2, |x| {
        let a = x[0].matmul_t(x[0]) + x[0].tape().constant(&Array1::ones(4).into_dyn());
        (a * a).matmul(x[1]).tanh().sum()
    });
}

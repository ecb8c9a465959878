//! Single operations at the shapes of the Omniglot network: 5 examples are a 1-shot support set,
//! 75 a query set.
//!
//!     cargo bench --bench kernels -- conv2d
//!
//! Timed is the operation alone as it runs in an inner loop, recording included: inputs are put on a
//! fresh tape before the clock starts, the tape is dropped after it stopped. Elements are floating
//! point operations for convolutions (a multiply and an add are two) and numbers of `x` otherwise.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::uniform;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use innerloop::ndarray::ArrayD;
use innerloop::{Tape, Var, cross_entropy, vjp};

/// Name, height and width, input channels, output channels, stride; 3x3, padding 1.
const CONVOLUTIONS: [(&str, usize, usize, usize, usize); 6] = [
    ("conv1_28x28_1to64", 28, 1, 64, 1),
    ("conv2_14x14_64to64", 14, 64, 64, 1),
    ("conv3_7x7_64to64", 7, 64, 64, 1),
    ("conv4_3x3_64to64", 3, 64, 64, 1),
    ("conv2_strided_14x14_64to64", 14, 64, 64, 2),
    ("conv2_miniimagenet_42x42_32to32", 42, 32, 32, 1),
];

/// The same for the largest convolutions of the blocks of ResNet-12 at 84x84, `narrow`: five images.
const RESNET12: [(&str, usize, usize, usize, usize); 4] = [
    ("resnet12_84x84_64to64", 84, 64, 64, 1),
    ("resnet12_42x42_128to128", 42, 128, 128, 1),
    ("resnet12_21x21_256to256", 21, 256, 256, 1),
    ("resnet12_10x10_512to512", 10, 512, 512, 1),
];

/// Name and `[h, w, c]` of what follows a convolution.
const IMAGES: [(&str, [usize; 3]); 3] =
    [("block1_28x28x64", [28, 28, 64]), ("block2_14x14x64", [14, 14, 64]), ("block4_3x3x64", [3, 3, 64])];

const EXAMPLES: [usize; 2] = [5, 75];

/// Times `op` on its inputs, and separately the pulling back of a cotangent of its output to each
/// input in `wrt` (named), on the tape as an inner gradient is.
fn bench_op(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    inputs: &[ArrayD<f32>],
    wrt: &[(&str, usize)],
    op: impl for<'t> Fn(&[Var<'t, f32>]) -> Var<'t, f32>,
) {
    let timed = |iterations: u64, wrt: Option<usize>| {
        let mut total = Duration::ZERO;
        for _ in 0..iterations {
            let tape = Tape::new();
            let x = tape.leaves(inputs);
            let Some(wrt) = wrt else {
                let start = Instant::now();
                let _ = black_box(op(&x));
                total += start.elapsed();
                continue;
            };
            let y = op(&x);
            let g = tape.full(&y.shape(), 0.5);
            let start = Instant::now();
            black_box(vjp(&[y], &[g], &x[wrt..=wrt]));
            total += start.elapsed();
        }
        total
    };
    group.bench_function(BenchmarkId::new("forward", name), |b| b.iter_custom(|n| timed(n, None)));
    for &(what, wrt) in wrt {
        group.bench_function(BenchmarkId::new(what, name), |b| b.iter_custom(|n| timed(n, Some(wrt))));
    }
}

fn conv2d(c: &mut Criterion) {
    let mut group = c.benchmark_group("conv2d");
    let resnet12 = RESNET12.iter().map(|shape| (shape, &EXAMPLES[..1]));
    for (shape, examples) in CONVOLUTIONS.iter().map(|shape| (shape, &EXAMPLES[..])).chain(resnet12) {
        let &(name, side, c_in, c_out, stride) = shape;
        for &n in examples {
            let out = side.div_ceil(stride);
            group.throughput(Throughput::Elements((2 * n * out * out * 9 * c_in * c_out) as u64));
            let inputs = [uniform(&[n, side, side, c_in], 0), uniform(&[3, 3, c_in, c_out], 1)];
            let wrt = [("input_grad", 0), ("weight_grad", 1)];
            bench_op(&mut group, &format!("{name}_n{n}"), &inputs, &wrt, |x| {
                x[0].conv2d(x[1], [stride, stride], [1, 1])
            });
        }
    }
}

fn after_convolutions(c: &mut Criterion) {
    let each =
        |c: &mut Criterion, name: &str, bench: fn(&mut BenchmarkGroup<'_, WallTime>, &str, [usize; 4])| {
            let mut group = c.benchmark_group(name);
            for (block, [h, w, channels]) in IMAGES {
                for n in EXAMPLES {
                    group.throughput(Throughput::Elements((n * h * w * channels) as u64));
                    bench(&mut group, &format!("{block}_n{n}"), [n, h, w, channels]);
                }
            }
        };
    each(c, "batch_norm", |group, name, shape| {
        let channels = &shape[3..];
        let inputs = [uniform(&shape, 0), uniform(channels, 1), uniform(channels, 2)];
        bench_op(group, name, &inputs, &[("input_grad", 0)], |x| x[0].batch_norm(x[1], x[2], 1e-5));
    });
    each(c, "relu", |group, name, shape| {
        bench_op(group, name, &[uniform(&shape, 0)], &[("input_grad", 0)], |x| x[0].relu());
    });
    each(c, "max_pool2d", |group, name, shape| {
        bench_op(group, name, &[uniform(&shape, 0)], &[("input_grad", 0)], |x| {
            x[0].max_pool2d([2, 2], [2, 2])
        });
    });
}

/// What bounds a convolution on one core: independent fused multiply-adds in registers, compiled for
/// the widest vectors at hand.
fn fma_peak(c: &mut Criterion) {
    const ROUNDS: usize = 10_000;
    let mut group = c.benchmark_group("fma_peak");
    let mut bench = |name: &str, numbers: usize, f: &dyn Fn() -> f32| {
        group.throughput(Throughput::Elements((2 * numbers * ROUNDS) as u64));
        group.bench_function(name, |b| b.iter(f));
    };
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512.
            bench("avx512", 24 * 16, &|| unsafe { peak::avx512(ROUNDS) });
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            bench("avx2", 12 * 8, &|| unsafe { peak::avx2(ROUNDS) });
        }
    }
    bench("portable", 8 * 4, &|| peak::sums::<8, 4>(ROUNDS, |sum, a, b| sum + a * b));
}

mod peak {
    use std::hint::black_box;

    /// Adds to `V` vectors of `N` numbers, `rounds` times.
    #[inline(always)]
    pub fn sums<const V: usize, const N: usize>(rounds: usize, f: impl Fn(f32, f32, f32) -> f32) -> f32 {
        let (a, b) = (black_box(0.5), black_box(0.25));
        let mut sums = [[0.0; N]; V];
        for _ in 0..rounds {
            for sum in sums.as_flattened_mut() {
                *sum = f(*sum, a, b);
            }
        }
        sums.as_flattened().iter().sum()
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    pub fn avx512(rounds: usize) -> f32 {
        sums::<24, 16>(rounds, |sum, a, b| a.mul_add(b, sum))
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    pub fn avx2(rounds: usize) -> f32 {
        sums::<12, 8>(rounds, |sum, a, b| a.mul_add(b, sum))
    }
}

fn losses(c: &mut Criterion) {
    let mut group = c.benchmark_group("cross_entropy");
    for (name, n, ways) in [("5way_n5", 5, 5), ("5way_n75", 75, 5), ("20way_n300", 300, 20)] {
        group.throughput(Throughput::Elements((n * ways) as u64));
        let labels: Vec<usize> = (0..n).map(|i| i % ways).collect();
        bench_op(&mut group, name, &[uniform(&[n, ways], 0)], &[("input_grad", 0)], |x| {
            cross_entropy(x[0], &labels)
        });
    }
}

criterion_group!(benches, fma_peak, conv2d, after_convolutions, losses);
criterion_main!(benches);

//! stub
pub(crate) mod norm;
pub(crate) mod reduce;
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c_in: usize,
    pub kh: usize,
    pub kw: usize,
    pub c_out: usize,
    pub stride: [usize; 2],
    pub pad: [usize; 2],
}
impl ConvShape {
    pub fn oh(&self) -> usize {
        (self.h + 2 * self.pad[0] - self.kh) / self.stride[0] + 1
    }
    pub fn ow(&self) -> usize {
        (self.w + 2 * self.pad[1] - self.kw) / self.stride[1] + 1
    }
    pub fn x_len(&self) -> usize {
        self.n * self.h * self.w * self.c_in
    }
    pub fn w_len(&self) -> usize {
        self.kh * self.kw * self.c_in * self.c_out
    }
    pub fn y_len(&self) -> usize {
        self.n * self.oh() * self.ow() * self.c_out
    }
    fn each(&self, mut f: impl FnMut(usize, usize, usize)) {
        // x pixel, w tap, y pixel
        for n in 0..self.n {
            for oy in 0..self.oh() {
                for ox in 0..self.ow() {
                    for i in 0..self.kh {
                        for j in 0..self.kw {
                            let (y, x) = (oy * self.stride[0] + i, ox * self.stride[1] + j);
                            if y < self.pad[0]
                                || x < self.pad[1]
                                || y - self.pad[0] >= self.h
                                || x - self.pad[1] >= self.w
                            {
                                continue;
                            }
                            f(
                                (n * self.h + y - self.pad[0]) * self.w + x - self.pad[1],
                                i * self.kw + j,
                                (n * self.oh() + oy) * self.ow() + ox,
                            );
                        }
                    }
                }
            }
        }
    }
}
pub trait Kernels: Copy + Sized + 'static {
    fn conv2d(s: &ConvShape, x: &[Self], w: &[Self], bias: Option<&[Self]>, y: &mut [Self]);
    fn conv2d_input_grad(s: &ConvShape, g: &[Self], w: &[Self], dx: &mut [Self]);
    fn conv2d_weight_grad(s: &ConvShape, x: &[Self], g: &[Self], dw: &mut [Self]);
    fn gemm(m: usize, k: usize, n: usize, a: &[Self], ta: bool, b: &[Self], tb: bool, c: &mut [Self]);
}
macro_rules! naive {
    ($t:ty) => {
        impl Kernels for $t {
            fn conv2d(s: &ConvShape, x: &[Self], w: &[Self], _b: Option<&[Self]>, y: &mut [Self]) {
                y.fill(0.0);
                s.each(|p, t, q| {
                    for ci in 0..s.c_in {
                        for co in 0..s.c_out {
                            y[q * s.c_out + co] += x[p * s.c_in + ci] * w[(t * s.c_in + ci) * s.c_out + co];
                        }
                    }
                });
            }
            fn conv2d_input_grad(s: &ConvShape, g: &[Self], w: &[Self], dx: &mut [Self]) {
                dx.fill(0.0);
                s.each(|p, t, q| {
                    for ci in 0..s.c_in {
                        for co in 0..s.c_out {
                            dx[p * s.c_in + ci] += g[q * s.c_out + co] * w[(t * s.c_in + ci) * s.c_out + co];
                        }
                    }
                });
            }
            fn conv2d_weight_grad(s: &ConvShape, x: &[Self], g: &[Self], dw: &mut [Self]) {
                dw.fill(0.0);
                s.each(|p, t, q| {
                    for ci in 0..s.c_in {
                        for co in 0..s.c_out {
                            dw[(t * s.c_in + ci) * s.c_out + co] += g[q * s.c_out + co] * x[p * s.c_in + ci];
                        }
                    }
                });
            }
            fn gemm(
                m: usize,
                k: usize,
                n: usize,
                a: &[Self],
                ta: bool,
                b: &[Self],
                tb: bool,
                c: &mut [Self],
            ) {
                for i in 0..m {
                    for j in 0..n {
                        let mut t = 0.0;
                        for l in 0..k {
                            t += a[if ta { l * m + i } else { i * k + l }]
                                * b[if tb { j * k + l } else { l * n + j }];
                        }
                        c[i * n + j] = t;
                    }
                }
            }
        }
    };
}
naive!(f32);
naive!(f64);

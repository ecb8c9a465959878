//! Meta-Curvature: a learned linear map of each gradient.

use super::rule::{Update, UpdateRule, Updated};
use crate::error::Result;
use crate::nn::{Init, ParamSpec, Role};
use crate::real::Real;
use crate::settings::check_rate;
use crate::var::Var;

/// Meta-Curvature's rule (Park and Oliva 2019): `θ ← θ − lr·M(g)` with a learned map `M` for each parameter, the
/// identity at first.
///
/// A convolution's gradient is multiplied along its outputs by `m_o/NAME: [c_out, c_out]`, along its inputs by
/// `m_i/NAME: [c_in, c_in]` and along its taps by `m_f/NAME: [kh·kw, kh·kw]`; a linear layer's by `m_o/NAME` and
/// `m_i/NAME`; any other is multiplied elementwise by `m/NAME`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvatureRule {
    /// The inner learning rate, which is not learned.
    pub lr: f64,
}

impl<T: Real> UpdateRule<T> for CurvatureRule {
    fn specs(&self, adapted: &[ParamSpec], _: usize) -> Vec<ParamSpec> {
        let maps = |spec: &ParamSpec| {
            let square =
                |kind: &str, n| ParamSpec::new(format!("{kind}/{}", spec.name), &[n, n], Init::Identity);
            match (spec.role, &spec.shape[..]) {
                (Role::Conv, &[kh, kw, c_in, c_out]) => {
                    vec![square("m_o", c_out), square("m_i", c_in), square("m_f", kh * kw)]
                }
                (Role::Linear { .. }, &[inputs, outputs]) => {
                    vec![square("m_o", outputs), square("m_i", inputs)]
                }
                _ => vec![ParamSpec::new(format!("m/{}", spec.name), &spec.shape, Init::Constant(1.0))],
            }
        };
        adapted.iter().flat_map(maps).collect()
    }

    fn check(&self) -> Result<()> {
        check_rate("inner_lr", self.lr)
    }

    #[inline(never)]
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let mut own = at.own.iter().copied();
        let mut next = || own.next().expect("as many maps as its specs say");
        let step = |(&p, &g): (&Var<'t, T>, &Var<'t, T>)| {
            let shape = g.shape();
            let mapped = match shape[..] {
                [kh, kw, c_in, c_out] => {
                    let g =
                        g.reshape(&[kh * kw * c_in, c_out]).matmul_t(next()).reshape(&[kh * kw, c_in, c_out]);
                    let g = g.permute(&[0, 2, 1]).reshape(&[kh * kw * c_out, c_in]).matmul_t(next());
                    let g = g.reshape(&[kh * kw, c_out * c_in]);
                    let g = next().matmul(g).reshape(&[kh * kw, c_out, c_in]);
                    g.permute(&[0, 2, 1]).reshape(&shape)
                }
                [_, _] => {
                    let g = g.matmul_t(next());
                    next().matmul(g)
                }
                _ => next() * g,
            };
            p.minus_scaled(self.lr, mapped)
        };
        at.params.iter().zip(at.grads).map(step).collect::<Vec<_>>().into()
    }
}

compiled_here!(T: <CurvatureRule as UpdateRule<T>>::update);

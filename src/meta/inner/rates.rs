//! Learned inner rates: one per element (Meta-SGD), or one per parameter and step (MAML++).

use super::rule::{Update, UpdateRule, Updated};
use super::steps::row;
use crate::error::{Error, Result};
use crate::nn::{Init, ParamSpec};
use crate::real::Real;
use crate::settings::check_rate;
use crate::var::Var;

/// Meta-SGD's rule (Li et al. 2017): `θ ← θ − a∘g` with a learned rate for each element, the same in each step. The
/// rates begin uniform in `[low, high)`, and may become negative.
///
/// A parameter `NAME` has the rates `rate/NAME`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ElementRates {
    /// The lower bound of initial rates; 0.005 in the paper.
    pub low: f64,
    /// The upper bound of initial rates; 0.1 in the paper. The same as `low` for constant ones.
    pub high: f64,
}

impl<T: Real> UpdateRule<T> for ElementRates {
    fn specs(&self, adapted: &[ParamSpec], _: usize) -> Vec<ParamSpec> {
        let init = Init::Uniform { low: self.low, high: self.high };
        adapted
            .iter()
            .map(|spec| spec.clone().renamed(format!("rate/{}", spec.name)).with_init(init.clone()))
            .collect()
    }

    fn check(&self) -> Result<()> {
        check_rate("low", self.low)?;
        if self.high.is_finite() && self.high >= self.low {
            return Ok(());
        }
        let need = "a finite number, not below the lower bound of rates";
        Err(Error::Setting { name: "high", value: self.high.to_string(), need })
    }

    #[inline(never)]
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let step = |((&p, &g), &a): ((&Var<'t, T>, &Var<'t, T>), &Var<'t, T>)| p - a * g;
        at.params.iter().zip(at.grads).zip(at.own).map(step).collect::<Vec<_>>().into()
    }
}

/// MAML++'s rule (Antoniou et al. 2019): `θ ← θ − aₖ·g` in step k, with a learned rate for each parameter and step,
/// from `lr`. Further steps, in evaluation, use the last.
///
/// A parameter `NAME` has the rates `lslr/NAME: [steps]`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRates {
    /// What all rates begin with; the authors take 0.1.
    pub lr: f64,
}

impl<T: Real> UpdateRule<T> for StepRates {
    fn specs(&self, adapted: &[ParamSpec], steps: usize) -> Vec<ParamSpec> {
        let rates = |spec: &ParamSpec| {
            ParamSpec::new(format!("lslr/{}", spec.name), &[steps.max(1)], Init::Constant(self.lr))
        };
        adapted.iter().map(rates).collect()
    }

    fn check(&self) -> Result<()> {
        check_rate("inner_lr", self.lr)
    }

    #[inline(never)]
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let step = |((&p, &g), &a): ((&Var<'t, T>, &Var<'t, T>), &Var<'t, T>)| {
            let rate = row(a, at.step);
            p - rate * g
        };
        at.params.iter().zip(at.grads).zip(at.own).map(step).collect::<Vec<_>>().into()
    }
}

compiled_here!(T: <ElementRates as UpdateRule<T>>::update, <StepRates as UpdateRule<T>>::update);

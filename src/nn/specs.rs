//! Which parameter specs are sound.

use std::collections::HashSet;

use super::init::Init;
use super::spec::{ParamSpec, Role};
use crate::error::{Error, Result};
use crate::value::MAX_RANK;

/// The most elements that the parameters of a model may have, one or all together: 4 GiB in `f32`. Memory that cannot be had
/// ends a program without an error, so what cannot be meant is refused.
const MOST_ELEMENTS: usize = 1 << 30;

/// Whether all parameters together have a size that can be meant.
pub(super) fn fit_together(specs: &[ParamSpec]) -> bool {
    let sizes = specs.iter().map(|spec| elements(&spec.shape));
    sizes.sum::<Option<usize>>().is_some_and(|all| all <= MOST_ELEMENTS)
}

/// The number of elements of an array, unless it is above what one parameter may have.
pub(super) fn elements(shape: &[usize]) -> Option<usize> {
    let product = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    product.filter(|&n| n <= MOST_ELEMENTS)
}

/// Whether a model's specs can be used. Trainers, `meta_grad`, evaluation and files check
/// this where specs enter; a test of a model of your own can do so too.
///
/// - Names are unique and not empty, and none is `__metadata__` or begins with `slot0/`,
///   `slot1/`, …: files use those for themselves and for the state of the optimizer.
/// - A parameter has from 1 element on and at most [`MAX_RANK`] axes; all together have at most 2^30 elements, which
///   are 4 GiB in `f32`.
/// - Convolution weights have four axes and linear weights two; a flattened image has as many
///   numbers as the layer has inputs.
/// - The numbers of the initial distribution are finite and in range; an orthogonal one has
///   two axes or more.
///
/// # Errors
/// [`Error::Spec`], naming the parameter.
pub fn check_specs(specs: &[ParamSpec]) -> Result<()> {
    let mut seen = HashSet::new();
    for (i, spec) in specs.iter().enumerate() {
        let refuse = |reason: String| {
            let name = if spec.name.is_empty() { format!("number {i}") } else { format!("{:?}", spec.name) };
            Err(Error::Spec { name, reason })
        };
        if let Some(reason) = flaw(spec) {
            return refuse(reason);
        }
        if !seen.insert(&spec.name) {
            return refuse("an earlier parameter has the same name: names must be unique".into());
        }
    }
    if let (false, Some(largest)) =
        (fit_together(specs), specs.iter().max_by_key(|spec| elements(&spec.shape)))
    {
        let reason = format!(
            "it is the largest of parameters that have more than {MOST_ELEMENTS} elements together: make the model smaller"
        );
        return Err(Error::Spec { name: format!("{:?}", largest.name), reason });
    }
    Ok(())
}

fn flaw(spec: &ParamSpec) -> Option<String> {
    let ParamSpec { name, shape, role, init, rate, decay } = spec;
    if name.is_empty() {
        return Some("it has no name".into());
    }
    if name == "__metadata__" || name.starts_with("state/") || in_slot(name) {
        return Some("files use this name for themselves: choose another one".into());
    }
    if shape.len() > MAX_RANK {
        return Some(format!("its shape {shape:?} has more than {MAX_RANK} axes"));
    }
    if elements(shape).is_none_or(|n| n == 0) {
        return Some(format!("its shape {shape:?} must have from 1 to {MOST_ELEMENTS} elements"));
    }
    match *role {
        Role::Conv if shape.len() != 4 => {
            return Some(format!("convolution weights are [kh, kw, c_in, c_out], its shape is {shape:?}"));
        }
        Role::Linear { .. } if shape.len() != 2 => {
            return Some(format!("linear weights are [inputs, outputs], its shape is {shape:?}"));
        }
        Role::Linear { image: Some(image) } if elements(&image) != Some(shape[0]) => {
            return Some(format!("a flattened image {image:?} does not have {} numbers", shape[0]));
        }
        _ => {}
    }
    for (what, value) in [("rate", rate), ("decay", decay)] {
        if !(value.is_finite() && *value >= 0.0) {
            return Some(format!("its {what} must be finite and not negative, it is {value}"));
        }
    }
    init_flaw(init, shape)
}

/// Whether a name begins with `slot`, digits and `/`, as the arrays of optimizers do in a checkpoint.
fn in_slot(name: &str) -> bool {
    let number = name.strip_prefix("slot").and_then(|rest| rest.split_once('/')).map(|(number, _)| number);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn init_flaw(init: &Init, shape: &[usize]) -> Option<String> {
    match *init {
        Init::Constant(value) if !value.is_finite() => {
            Some(format!("its initial value must be finite, it is {value}"))
        }
        Init::Normal { deviation } if !(deviation.is_finite() && deviation >= 0.0) => Some(format!(
            "the deviation of its initial values must be finite and not negative, it is {deviation}"
        )),
        Init::Uniform { low, high } if !(low <= high && (high - low).is_finite()) => {
            Some(format!("its initial values must lie between finite bounds in order, not {low} and {high}"))
        }
        Init::Orthogonal { gain } if !gain.is_finite() => {
            Some(format!("the gain of its initial values must be finite, it is {gain}"))
        }
        Init::Identity if !matches!(shape, [n, m] if n == m) => {
            Some(format!("the identity is a square matrix, its shape is {shape:?}"))
        }
        Init::Orthogonal { .. } if shape.len() < 2 => {
            Some(format!("an orthogonal array has at least two axes, its shape is {shape:?}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(specs: &[ParamSpec]) -> String {
        check_specs(specs).unwrap_err().to_string()
    }

    #[test]
    fn names_that_files_cannot_hold_are_refused() {
        let bias = |name: &str| ParamSpec::bias(name, 2);
        assert!(told(&[bias("w"), bias("w")]).contains("parameter \"w\""));
        assert!(told(&[bias("w"), bias("")]).contains("parameter number 1"));
        for name in ["slot0/w", "slot12/", "__metadata__"] {
            assert!(told(&[bias(name)]).contains(name), "{name}");
        }
        for name in ["slot0", "slots/w", "slot/w", "slot1a/w", "a/slot0/w"] {
            assert!(check_specs(&[bias(name)]).is_ok(), "{name}");
        }
    }

    #[test]
    fn parameters_that_are_too_many_together_are_refused_by_the_largest() {
        let most = 1 << 29;
        assert!(check_specs(&[ParamSpec::bias("a", most), ParamSpec::bias("b", most)]).is_ok());
        assert!(
            told(&[ParamSpec::bias("a", most), ParamSpec::bias("b", most + 1)]).contains("parameter \"b\"")
        );
        assert!(told(&[ParamSpec::bias("a", 1 << 31)]).contains("parameter \"a\""));
    }

    #[test]
    fn shapes_that_overflow_or_do_not_fit_the_role_are_refused() {
        for spec in [
            ParamSpec::bias("w", 0),
            ParamSpec::bias("w", 1 << 32),
            ParamSpec::linear("w", 1 << 32, 1 << 32),
            ParamSpec::conv("w", [3, 3, usize::MAX, 2]),
            ParamSpec::new("w", &[1; 7], Init::Constant(0.0)),
            ParamSpec::linear("w", 12, 2).with_image([2, 3, 3]),
            ParamSpec::linear("w", 0, 2).with_image([1 << 32, 1 << 32, 1]),
            ParamSpec { shape: vec![], ..ParamSpec::conv("w", [1; 4]) },
            ParamSpec { shape: vec![], ..ParamSpec::linear("w", 1, 1) },
        ] {
            assert!(told(std::slice::from_ref(&spec)).contains("parameter \"w\""), "{spec:?}");
        }
        assert!(check_specs(&[ParamSpec::linear("w", 18, 2).with_image([2, 3, 3])]).is_ok());
        assert!(check_specs(&[ParamSpec::new("scalar", &[], Init::Constant(0.0))]).is_ok());
    }

    #[test]
    fn distributions_that_are_none_are_refused() {
        for init in [
            Init::Constant(f64::NAN),
            Init::Normal { deviation: -1.0 },
            Init::Normal { deviation: f64::INFINITY },
            Init::Uniform { low: 1.0, high: 0.0 },
            Init::Uniform { low: f64::NAN, high: 0.0 },
            Init::Uniform { low: f64::MIN, high: f64::MAX },
            Init::Orthogonal { gain: f64::NAN },
            Init::Orthogonal { gain: 1.0 },
        ] {
            assert!(told(&[ParamSpec::bias("b", 3).with_init(init.clone())]).contains("\"b\""), "{init:?}");
        }
        assert!(
            check_specs(&[ParamSpec::bias("b", 3).with_init(Init::Uniform { low: 1.0, high: 1.0 })]).is_ok()
        );
    }
}

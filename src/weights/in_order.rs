//! Names found by order: the first convolution of a file is the first of the network.

use ndarray::ArrayD;

use super::names::{WeightNames, joined, split};
use crate::error::{Error, Result};
use crate::nn::{Framework, ParamSpec, Role, check_specs, foreign_shape};
use crate::real::Real;

/// What a layer is, as the number of axes of its array `weight` tells.
const KINDS: [(usize, &str); 3] = [(4, "convolutions"), (2, "linear layers"), (1, "norms")];

/// Pairs the convolutions, linear layers and norms of a list of arrays with those of specs, each kind in its order.
#[inline(never)]
pub(super) fn names_in_order<T: Real>(
    from: Framework,
    specs: &[ParamSpec],
    arrays: &[(String, ArrayD<T>)],
) -> Result<WeightNames> {
    check_specs(specs)?;
    let weights_of = |axes: usize| {
        let weights = arrays.iter().filter(move |(name, a)| split(name).1 == "weight" && a.ndim() == axes);
        weights.map(|(name, _)| split(name).0).collect::<Vec<_>>()
    };
    let (mut next, mut last) = ([0; 3], [""; 3]); // by kind
    let layers = KINDS.map(|(axes, _)| weights_of(axes));
    for (kind, (_, what)) in KINDS.iter().enumerate() {
        let need = specs.iter().filter(|spec| kind_of(spec.role) == Some(kind)).count();
        let have = &layers[kind];
        if have.len() != need {
            let reason = format!(
                "it has {need} {what}, and the arrays have {}, {have:?}: leave out what belongs elsewhere with \
                 `without`, or give a table of names",
                have.len()
            );
            return Err(Error::Weights { reason });
        }
    }
    let mut pairs = Vec::with_capacity(specs.len());
    let mut biased = 0; // the kind of the last convolution or linear layer
    for spec in specs {
        let theirs = match (kind_of(spec.role), spec.role) {
            (Some(kind), _) => {
                last[kind] = layers[kind][next[kind]];
                next[kind] += 1;
                biased = if kind == 2 { biased } else { kind };
                joined(last[kind], "weight")
            }
            (None, Role::Bias) => joined(last[biased], "bias"),
            (None, Role::Shift) => joined(last[2], "bias"),
            _ => {
                let reason = format!(
                    "parameter {:?} belongs to no convolution, linear layer or norm, so order does not say which array \
                     it is: give a table of names",
                    spec.name
                );
                return Err(Error::Weights { reason });
            }
        };
        check_shape(from, spec, &theirs, arrays)?;
        pairs.push((spec.name.clone(), theirs));
    }
    Ok(WeightNames::new(pairs))
}

/// The place in [`KINDS`] of what has a weight of its own.
fn kind_of(role: Role) -> Option<usize> {
    match role {
        Role::Conv => Some(0),
        Role::Linear { .. } => Some(1),
        Role::Scale => Some(2),
        _ => None,
    }
}

fn check_shape<T: Real>(
    from: Framework,
    spec: &ParamSpec,
    theirs: &str,
    arrays: &[(String, ArrayD<T>)],
) -> Result<()> {
    let need = foreign_shape(from, spec);
    let reason = match arrays.iter().find(|(name, _)| name == theirs) {
        Some((_, array)) if array.shape() == need => return Ok(()),
        Some((_, array)) => format!(
            "in order, parameter {:?} would be array {theirs:?}, whose shape is {:?} instead of {need:?}: check the \
             network's sizes, or give a table of names if the layers come in another order",
            spec.name,
            array.shape()
        ),
        None => format!(
            "in order, parameter {:?} would be array {theirs:?}, which is not there: if that layer has none, add zeros \
             under this name",
            spec.name
        ),
    };
    Err(Error::Weights { reason })
}

compiled_here!(T: names_in_order::<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_of_another_shape_or_without_a_bias_is_named() {
        let specs = [ParamSpec::linear("linear1_w", 3, 2), ParamSpec::bias("linear1_b", 2)];
        let of = |shapes: [(&str, &[usize]); 2]| {
            let arrays = shapes.map(|(name, shape)| (name.to_string(), ArrayD::<f32>::zeros(shape.to_vec())));
            names_in_order(Framework::PyTorch, &specs, &arrays).map_err(|e| e.to_string())
        };
        let names = of([("weight", &[2, 3]), ("bias", &[2])]).unwrap();
        assert_eq!(names, WeightNames::new([("linear1_w", "weight"), ("linear1_b", "bias")]));
        let error = of([("fc.weight", &[3, 2]), ("fc.bias", &[2])]).unwrap_err();
        assert!(error.contains("\"fc.weight\", whose shape is [3, 2] instead of [2, 3]"), "{error}");
        let error = of([("fc.weight", &[2, 3]), ("other", &[2])]).unwrap_err();
        assert!(error.contains("\"fc.bias\", which is not there"), "{error}");
        let error = of([("fc.weight", &[2, 3]), ("out.weight", &[5, 2])]).unwrap_err();
        assert!(error.contains("1 linear layers, and the arrays have 2, [\"fc\", \"out\"]"), "{error}");
        let own = [ParamSpec::new("slope", &[1], crate::nn::Init::Constant(0.0))];
        let error = names_in_order::<f32>(Framework::PyTorch, &own, &[]).unwrap_err();
        assert!(error.to_string().contains("\"slope\" belongs to no convolution"), "{error}");
    }
}

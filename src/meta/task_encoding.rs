//! Task encoding of TADAM: scales and shifts of a network's layers, made from the mean prototype of a task.

use crate::nn::{Init, Network, ParamSpec, Role};
use crate::real::Real;
use crate::var::Var;

/// The two kinds of what is made for each layer.
const KINDS: [&str; 2] = ["gamma", "beta"];

/// So many parameters make one of them: three linear layers and the scale that multiplies what they say.
const EACH: usize = 7;

/// The decay of the scales, as published.
const DECAY: f64 = 0.01;

/// The parameters for each normalised layer of a network: `film{i}_gamma1_w`, `.._b`, two more layers,
/// `film{i}_gamma0`, and the same for `beta`. The scales `gamma0` and `beta0` begin at 0.
pub(super) fn encoding_specs(network: &dyn Network) -> Vec<ParamSpec> {
    let d = network.outputs();
    let mut specs = Vec::new();
    for (i, channels) in network.norms().into_iter().enumerate() {
        for kind in KINDS {
            let name = |part: &str| format!("film{}_{kind}{part}", i + 1);
            for (layer, inputs) in [(1, d), (2, channels), (3, channels)] {
                specs.push(ParamSpec::linear(name(&format!("{layer}_w")), inputs, channels));
                specs.push(ParamSpec::bias(name(&format!("{layer}_b")), channels));
            }
            specs.push(ParamSpec::new(name("0"), &[], Init::Constant(0.0)).with_decay(DECAY));
        }
    }
    specs
}

/// `scale·(h₃)` with `h₁ = ReLU(e·W₁ + b₁)`, `h₂ = ReLU(h₁·W₂ + b₂ + h₁)`, `h₃ = h₂·W₃ + b₃ + h₂` for `e: [1, d]`.
/// Returns `[channels]`.
fn made<'t, T: Real>(own: &[Var<'t, T>], e: Var<'t, T>) -> Var<'t, T> {
    let h = e.linear_relu(own[0], own[1]);
    let h = (h.linear(own[2], own[3]) + h).relu();
    let h = h.linear(own[4], own[5]) + h;
    let channels = h.shape()[1];
    own[6] * h.reshape(&[channels])
}

/// The parameters of a network whose layers are scaled and shifted for a task: after the norm of layer `i`, `h` becomes
/// `(1 + γᵢ)·h + βᵢ`. As the norm itself ends in `gamma·x̂ + beta`, this is another gamma and another beta.
///
/// `own` are the parameters of [`encoding_specs`], `e: [1, d]` is the encoding of the task.
#[inline(never)]
pub(super) fn encoded<'t, T: Real>(
    specs: &[ParamSpec],
    params: &[Var<'t, T>],
    own: &[Var<'t, T>],
    e: Var<'t, T>,
) -> Vec<Var<'t, T>> {
    let mut made = own.chunks_exact(EACH).map(|own| made(own, e));
    let (mut gamma, mut params) = (None, params.to_vec());
    for (spec, param) in specs.iter().zip(&mut params) {
        match spec.role {
            Role::Scale => {
                let more = 1.0 + made.next().expect("a gamma for each norm");
                *param = *param * more;
                gamma = Some(more);
            }
            Role::Shift => {
                let more = gamma.take().expect("checked: a scale before each shift");
                *param = *param * more + made.next().expect("a beta for each norm");
            }
            _ => {}
        }
    }
    params
}

/// Whether a network's norms have a scale and a shift each, in this order.
pub(super) fn can_be_encoded(network: &dyn Network) -> bool {
    let specs = network.specs();
    let affine: Vec<_> = specs.iter().filter(|s| matches!(s.role, Role::Scale | Role::Shift)).collect();
    let norms = network.norms();
    affine.len() == 2 * norms.len()
        && affine.chunks_exact(2).zip(&norms).all(|(pair, &channels)| {
            pair[0].role == Role::Scale
                && pair[1].role == Role::Shift
                && pair.iter().all(|spec| spec.shape == [channels])
        })
}

compiled_here!(T: encoded::<T>);

//! The learners by name.

use innerloop::{
    Contextual, CurvatureRule, Imaml, Maml, MetaLstm, Mlp, NormMode, Order, Reptile, Result, Trainable,
};

use crate::settings::{Named, Settings};

/// The learner, which takes `eval_steps` inner steps in the test. (The network has no norms, so their mode makes no
/// difference.)
pub fn new(settings: &Settings, eval_steps: usize) -> Result<Box<dyn Trainable<f32>>> {
    let (steps, norm) = (settings.inner_steps, || NormMode::Batch);
    let lr = |published| settings.inner_lr.unwrap_or(published);
    let mlp = || Mlp::new(&[1, 40, 40, 1]);
    let maml = |order| Ok(Maml::new(mlp()?, lr(0.01), order, norm()).steps(steps).eval_steps(eval_steps));
    Ok(match settings.learner {
        Named::Maml => Box::new(maml(Order::Second)?),
        Named::Fomaml => Box::new(maml(Order::First)?),
        Named::Anil => {
            let anil = Maml::anil(mlp()?, lr(0.01), Order::Second, norm());
            Box::new(anil.steps(steps).eval_steps(eval_steps))
        }
        Named::Boil => {
            let boil = Maml::boil(mlp()?, lr(0.01), Order::Second, norm());
            Box::new(boil.steps(steps).eval_steps(eval_steps))
        }
        Named::MetaSgd => Box::new(Maml::meta_sgd(mlp()?, norm()).steps(steps).eval_steps(eval_steps)),
        Named::MetaCurvature => Box::new(maml(Order::Second)?.rule(CurvatureRule { lr: lr(0.01) })),
        Named::Cavia => {
            let model = Contextual::new(Mlp::new(&[1 + 5, 40, 40, 1])?, 5);
            let cavia = Maml::cavia(model, lr(1.0), Order::Second, norm());
            Box::new(cavia.steps(steps).eval_steps(eval_steps))
        }
        Named::Imaml => {
            let imaml = Imaml::new(mlp()?, settings.lambda, norm()).hessian_free();
            Box::new(imaml.steps(5).eval_steps(eval_steps))
        }
        Named::MamlPlusPlus => Box::new(Maml::plus_plus(mlp()?, lr(0.01), 5).eval_steps(eval_steps)),
        Named::MetaLstm => Box::new(MetaLstm::new(mlp()?, 5, norm())),
        Named::Reptile => {
            let batch = settings.shots;
            Box::new(Reptile::new(mlp()?, lr(0.02)).steps(5, batch).eval_steps(eval_steps, batch))
        }
    })
}

/// The rate of the outer loop; Reptile's is the share of the way that it takes.
pub fn outer_lr(settings: &Settings) -> f64 {
    settings.outer_lr.unwrap_or(if settings.learner == Named::Reptile { 0.1 } else { 1e-3 })
}

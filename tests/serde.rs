//! Settings and results as serde data (feature `serde`).
#![cfg(feature = "serde")]

use std::fmt::Debug;

use innerloop::{
    Adam, AdamRule, Adapts, Conv4, Downsample, EpisodeShape, Glyphs, Mlp, MultiStep, NormMode, Order, Route,
    Schedule, Score, Scores, Sgd, Sinusoids, TrainConfig,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn comes_back<S: Serialize + DeserializeOwned + PartialEq + Debug>(value: S) {
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<S>(&text).unwrap(), value, "{text}");
}

#[test]
fn settings_and_results_come_back_from_json() {
    comes_back(TrainConfig::new(32, 1e-3, 60_000).seed(7).clip_norm(10.0).schedule(Schedule::Constant));
    comes_back(Schedule::Linear { iterations: 100, floor: 0.1 });
    comes_back(Adam::default().betas(0.8, 0.99));
    comes_back(Sgd::new(0.9));
    comes_back(EpisodeShape::new(5, 1, 15));
    comes_back(Glyphs::default().seed(3));
    comes_back(Sinusoids::new(5, 10, 1));
    comes_back(Conv4::new([28, 28, 1], 64, Downsample::Stride, Some(5)).unwrap());
    comes_back(Mlp::new(&[1, 40, 40, 1]).unwrap());
    comes_back((Order::Second, Route::Sweep, Adapts::Only(vec!["linear_w".into()])));
    comes_back(AdamRule::new(0.01).betas(0.9, 0.99));
    comes_back((MultiStep::annealed(10, 500), MultiStep::given(&[0.25, 0.75])));
    comes_back((NormMode::Tracked { momentum: 0.1 }, NormMode::Together));
    let score = Score { loss: 0.25, accuracy: Some(0.9) };
    comes_back(Scores { inductive: score, transductive: Score { accuracy: None, ..score } });
}

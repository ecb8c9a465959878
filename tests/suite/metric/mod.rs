//! What defines the learners that compare embeddings or fit a head to them in closed form.

mod convex;
mod gradients;
mod heads;
mod matching;
mod predictions;
mod refused;
mod relation;
mod relation_modes;
mod tadam;
mod training;

use innerloop::ndarray::{ArrayD, Axis, arr2};
use innerloop::{
    Accompanied, Adam, Adapted, CoTrained, Conv4, ConvexHead, Distance, Downsample, Episode, EpisodeSampler,
    EpisodeShape, Error, Examples, Follows, Glyphs, Init, Learned, Learner, MatchingNet, MetaOptNet, Model,
    Moments, Network, Norm, NormMode, ParamSpec, Progress, ProtoNet, R2d2, Real, Refinement, Result,
    SemiProtoNet, Similarity, Tadam, Tape, TrainConfig, Trainable, Trainer, Var, check_specs, evaluate,
    meta_grad,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const INPUTS: usize = 4;
const FEATURES: usize = 6;

/// `scale·tanh(norm(x·w + b)) + shift`: smooth, with one normalised layer.
#[derive(Debug, Clone, Copy)]
struct Smooth {
    scale: f64,
    shift: f64,
}

const SMOOTH: Smooth = Smooth { scale: 1.0, shift: 0.0 };

impl Network for Smooth {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![
            ParamSpec::linear("w", INPUTS, FEATURES),
            ParamSpec::bias("bias", FEATURES),
            ParamSpec::scale("bn_gamma", FEATURES),
            ParamSpec::shift("bn_beta", FEATURES).with_init(Init::Uniform { low: -0.5, high: 0.5 }),
        ]
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        let (what, expected) = ("inputs".into(), vec![1, INPUTS]);
        if shape.len() == 2 && shape[1] == INPUTS {
            Ok(())
        } else {
            Err(Error::Shape { what, expected, found: shape.to_vec() })
        }
    }

    fn outputs(&self) -> usize {
        FEATURES
    }

    fn norms(&self) -> Vec<usize> {
        vec![FEATURES]
    }
}

impl<T: Real> Model<T> for Smooth {
    fn forward<'t>(&self, p: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        norm.apply(0, x.matmul(p[0]), p[1], p[2], p[3]).tanh() * self.scale + self.shift
    }
}

/// Inputs are embeddings; the only parameter, of this name, is not used.
#[derive(Debug, Clone, Copy)]
struct Named(&'static str);

const IDENTITY: Named = Named("unused");

impl Network for Named {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::bias(self.0, 1)]
    }

    fn check_input(&self, _: &[usize]) -> Result<()> {
        Ok(())
    }

    fn outputs(&self) -> usize {
        INPUTS
    }
}

impl<T: Real> Model<T> for Named {
    fn forward<'t>(&self, _: &[Var<'t, T>], x: Var<'t, T>, _: Norm<'_>) -> Var<'t, T> {
        x
    }
}

fn noise<T: Real>(shape: &[usize], seed: u64) -> ArrayD<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || {
        let unit: f64 = StandardNormal.sample(&mut rng);
        T::from_f64(unit)
    })
}

const WAYS: usize = 3;

/// Two shots and three queries per class, and seven unlabelled inputs.
fn episode<T: Real>(shots: usize, seed: u64) -> Episode<T> {
    let set = |each: usize, seed| {
        let labels = (0..each * WAYS).map(|i| i % WAYS).collect();
        Examples::labelled(noise(&[each * WAYS, INPUTS], seed), labels, WAYS)
    };
    let support = set(shots, 3 * seed).with_unlabelled(noise(&[7, INPUTS], 3 * seed + 2));
    Episode::new(support, set(3, 3 * seed + 1)).unwrap()
}

fn modes() -> Vec<NormMode> {
    let given = Moments { mean: vec![0.1; FEATURES], var: vec![1.5; FEATURES] };
    vec![
        NormMode::Batch,
        NormMode::Support,
        NormMode::Together,
        NormMode::Tracked { momentum: 0.3 },
        NormMode::TrackedTogether { momentum: 0.3 },
        NormMode::Running(vec![given]),
    ]
}

const REFINEMENTS: [Refinement; 3] =
    [Refinement::SoftKMeans, Refinement::Distractor { radius: 2.0 }, Refinement::Masked { hidden: 4 }];

/// Every learner of the family.
fn learners<T: Real>(model: impl Model<T> + Copy + 'static, norm: &NormMode) -> Vec<Box<dyn Trainable<T>>> {
    let semi = |refinement, follows| {
        let learner = SemiProtoNet::new(model, norm.clone(), refinement).follows(follows);
        Box::new(learner) as Box<dyn Trainable<T>>
    };
    let mut all: Vec<Box<dyn Trainable<T>>> = vec![
        Box::new(ProtoNet::new(model, norm.clone())),
        Box::new(ProtoNet::new(model, norm.clone()).distance(Distance::Cosine { scale: 3.0 })),
        Box::new(R2d2::new(model, norm.clone()).lambda(0.3).calibration(2.0, 0.1)),
    ];
    for refinement in REFINEMENTS {
        all.extend([Follows::Paper, Follows::Code].map(|follows| semi(refinement, follows)));
    }
    all.extend(matching(model, norm));
    all.push(Box::new(Tadam::new(model, norm.clone()).alpha(1.5)));
    all.push(Box::new(MetaOptNet::ridge(model, norm.clone()).head(ConvexHead::Ridge { lambda: 0.7 })));
    all.push(Box::new(MetaOptNet::svm(model, norm.clone()).head(ConvexHead::Svm { c: 0.4, steps: 6 })));
    all.push(Box::new(ProtoNet::new(model, norm.clone()).distance(Distance::Scaled { scale: 0.4 })));
    all
}

/// Matching networks: with full contexts, plain, and with squared distances.
fn matching<T: Real>(model: impl Model<T> + Copy + 'static, norm: &NormMode) -> [Box<dyn Trainable<T>>; 3] {
    let new = || MatchingNet::new(model, norm.clone());
    [
        Box::new(new().full_context(2)),
        Box::new(new().similarity(Similarity::Cosine)),
        Box::new(new().similarity(Similarity::SquaredEuclidean)),
    ]
}

/// Initial values, and a state other than the standard one.
fn learned<T: Real>(learner: &dyn Learner<T>) -> Learned<T> {
    if check_specs(&learner.specs()).is_err() {
        return Learned { params: Vec::new(), state: Vec::new() };
    }
    let state = learner.state();
    let value = |(i, spec): (usize, &ParamSpec)| {
        ArrayD::from_elem(spec.shape.clone(), T::from_f64(0.2 + 0.7 * i as f64))
    };
    let state = state.iter().enumerate().map(value).collect();
    Learned { params: learner.init(1), state }
}

fn largest_difference<T: Real>(a: &ArrayD<T>, b: &ArrayD<T>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b).fold(0.0, |m: f64, (a, b)| m.max((a.as_f64() - b.as_f64()).abs()))
}

fn adapted<T: Real>(learner: &dyn Learner<T>, support: &Examples<T>) -> Adapted<T> {
    learner.adapt(&learned(learner), support).unwrap()
}

fn loss(learner: &dyn Trainable<f64>, learned: &Learned<f64>, episode: &Episode<f64>) -> f64 {
    learner.lesson(learned, episode, &Progress::default()).unwrap().score.loss
}

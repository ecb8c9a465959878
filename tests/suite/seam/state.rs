//! The state that training carries along: running statistics of norms.

use innerloop::{
    Adam, Downsample, Episode, Learner, Maml, Model, Moments, Norm, NormMode, Observer, Order, ProtoNet,
    Tape, Tasks, TrainConfig, TrainState, Trainable, Trainer,
};

use super::{embedding, glyphs};
use crate::tasks::small_conv4;

const TRACKED: NormMode = NormMode::Tracked { momentum: 0.2 };

/// MAML with norms shared by its steps and with norms of their own, and prototypes.
fn learners() -> [(&'static str, Box<dyn Trainable<f32>>); 3] {
    let maml = || Maml::new(small_conv4(Downsample::MaxPool), 0.1, Order::Second, TRACKED).steps(3);
    [
        ("MAML", Box::new(maml())),
        ("MAML with norms by step", Box::new(maml().norms_by_step())),
        ("prototypes", Box::new(ProtoNet::new(embedding(), TRACKED))),
    ]
}

fn config() -> TrainConfig {
    TrainConfig::new(4, 1e-2, 5).seed(2)
}

type Run<'l> = Trainer<'l, f32, dyn Trainable<f32> + 'l, Adam>;

fn steps(trainer: &mut Run<'_>, count: usize) {
    (0..count).for_each(|_| assert!(trainer.step(&glyphs()).unwrap().loss.is_finite()));
}

/// The state after three meta-steps on some threads.
fn after_three(learner: &dyn Trainable<f32>, threads: usize) -> TrainState<f32> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut trainer = Trainer::new(learner, Adam::default(), config()).unwrap();
        steps(&mut trainer, 3);
        trainer.state().clone()
    })
}

#[test]
fn tracked_statistics_have_the_same_bits_on_any_number_of_threads() {
    for (name, learner) in learners() {
        let one = after_three(&*learner, 1);
        let rows = if name.contains("by step") { 3 } else { 1 };
        let expected: Vec<_> = (0..8).map(|_| vec![rows, 3]).collect();
        let shapes: Vec<_> = one.learned.state.iter().map(|a| a.shape().to_vec()).collect();
        assert_eq!(shapes, expected, "{name}");
        for threads in [2, 3] {
            assert_eq!(after_three(&*learner, threads), one, "{name}, {threads} threads");
        }
    }
}

#[cfg(feature = "safetensors")]
#[test]
fn a_run_with_a_state_that_goes_on_from_a_file_has_the_bits_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    for (name, learner) in learners() {
        let learner = &*learner;
        let mut whole = Trainer::new(learner, Adam::default(), config()).unwrap();
        steps(&mut whole, 5);
        let mut half = Trainer::new(learner, Adam::default(), config()).unwrap();
        steps(&mut half, 3);
        innerloop::save_checkpoint(&path, &learner, half.state()).unwrap();
        let state = innerloop::load_checkpoint(&path, &learner).unwrap();
        assert_eq!(&state, half.state(), "{name}");
        let mut rest = Trainer::resume(learner, Adam::default(), config(), state).unwrap();
        steps(&mut rest, 2);
        assert_eq!(rest.state(), whole.state(), "{name}");
        let evaluated = |trainer: &Trainer<'_, _, _, _>| {
            let learned = trainer.learned();
            innerloop::evaluate(learner, learned, &glyphs(), 3).unwrap()
        };
        assert_eq!(evaluated(&rest), evaluated(&whole), "{name}");
    }
}

/// The statistics of an embedding on one set.
fn seen(params: &[innerloop::ndarray::ArrayD<f64>], x: &innerloop::ndarray::ArrayD<f64>) -> Vec<Moments> {
    let (tape, observer) = (Tape::new(), Observer::new());
    let _ = embedding().forward(&tape.leaves(params), tape.leaf(x), Norm::Observe(&observer));
    observer.into_moments()
}

#[test]
fn a_meta_step_moves_tracked_statistics_by_the_momentum_towards_the_mean_of_all_sets() {
    let learner = ProtoNet::new(embedding(), TRACKED);
    let config = TrainConfig::new(2, 1e-2, 5);
    let mut trainer = Trainer::<f64, _, _>::new(&learner, Adam::default(), config).unwrap();
    let params = trainer.learned().params.clone();
    trainer.step(&glyphs()).unwrap();
    let sets: Vec<_> = (0..2)
        .flat_map(|i| {
            let episode: Episode<f64> = glyphs().task(i);
            [seen(&params, &episode.support.x), seen(&params, &episode.query.x)]
        })
        .collect();
    for layer in 0..4 {
        for channel in 0..3 {
            let mean = |of: fn(&Moments) -> &Vec<f64>| {
                sets.iter().map(|set| of(&set[layer])[channel]).sum::<f64>() / sets.len() as f64
            };
            let state = &trainer.learned().state;
            let found = [state[2 * layer][[0, channel]], state[2 * layer + 1][[0, channel]]];
            let want = [0.2 * mean(|m| &m.mean), 0.8 + 0.2 * mean(|m| &m.var)];
            approx::assert_relative_eq!(found[..], want[..], max_relative = 1e-12, epsilon = 1e-14);
        }
    }
}

#[test]
fn single_queries_are_normalised_by_the_tracked_statistics() {
    for (name, learner) in learners() {
        let learned = after_three(&*learner, 2).learned;
        let support = Tasks::<Episode<f32>>::task(&glyphs(), 9).support;
        let adapted = learner.adapt(&learned, &support).unwrap();
        for (layer, pair) in learned.state.chunks(2).enumerate() {
            for (what, array) in ["mean", "var"].iter().zip(pair) {
                // the last row is of the query set after the last step
                let row = array.outer_iter().next_back().unwrap().to_owned();
                assert_eq!(*adapted.array(&format!("norm{layer}/{what}")).unwrap(), row, "{name}");
            }
        }
    }
}

/// Rows of norms by step are of different steps: of sets seen with different parameters.
#[test]
fn statistics_by_step_differ_from_step_to_step() {
    let state = after_three(&*learners()[1].1, 1).learned.state;
    for array in &state[2..] {
        assert_ne!(
            array.index_axis(innerloop::ndarray::Axis(0), 0),
            array.index_axis(innerloop::ndarray::Axis(0), 2)
        );
    }
}

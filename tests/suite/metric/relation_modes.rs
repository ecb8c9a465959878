//! Relation networks in every mode of their embedding's norms.

use innerloop::RelationNet;

use super::*;

/// Maps `[4, 4, 1]`, smooth, with one normalised layer.
#[derive(Debug, Clone, Copy)]
struct Maps;

const MAP: [usize; 3] = [4, 4, 1];

impl Network for Maps {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![
            ParamSpec::linear("w", INPUTS, 16),
            ParamSpec::bias("bias", 16),
            ParamSpec::scale("bn_gamma", 16),
            ParamSpec::shift("bn_beta", 16).with_init(Init::Uniform { low: -0.5, high: 0.5 }),
        ]
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        SMOOTH.check_input(shape)
    }

    fn outputs(&self) -> usize {
        16
    }

    fn norms(&self) -> Vec<usize> {
        vec![16]
    }
}

impl<T: Real> Model<T> for Maps {
    fn forward<'t>(&self, p: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        norm.apply(0, x.matmul(p[0]), p[1], p[2], p[3]).tanh()
    }
}

fn each_mode() -> impl Iterator<Item = (NormMode, RelationNet<Maps>)> {
    let given = Moments { mean: vec![0.1; 16], var: vec![1.5; 16] };
    let modes = modes().into_iter().map(move |mode| match mode {
        NormMode::Running(_) => NormMode::Running(vec![given.clone()]),
        mode => mode,
    });
    modes.map(|mode| (mode.clone(), RelationNet::over(Maps, MAP, mode).hidden(3)))
}

/// Away from the flat start of the module, so that scores differ between queries and classes.
fn moved(learner: &RelationNet<Maps>) -> Learned<f64> {
    let mut start = learned::<f64>(learner);
    for (i, array) in start.params.iter_mut().enumerate().skip(4) {
        let more = noise::<f64>(array.shape(), 50 + i as u64);
        array.scaled_add(0.3, &more);
    }
    start
}

#[test]
fn gradients_are_those_of_central_differences_in_every_mode() {
    let episode: Episode<f64> = episode(2, 9);
    for (mode, learner) in each_mode() {
        let start = moved(&learner);
        let found = learner.lesson(&start, &episode, &Progress::default()).unwrap().grads;
        assert!(found.iter().enumerate().all(|(i, g)| [1, 5, 9].contains(&i) || g.iter().any(|v| *v != 0.0)));
        for (i, grad) in found.iter().enumerate() {
            let along = noise::<f64>(grad.shape(), 10 + i as u64);
            let at = |h: f64| {
                let mut moved = start.clone();
                moved.params[i].scaled_add(h, &along);
                loss(&learner, &moved, &episode)
            };
            let want = (at(1e-6) - at(-1e-6)) / 2e-6;
            let product: f64 = grad.iter().zip(&along).map(|(g, a)| g * a).sum();
            assert!((product - want).abs() < 1e-7, "{mode:?} {i}: {product} {want}");
        }
    }
}

#[test]
fn a_prediction_does_not_depend_on_the_rest_of_the_batch_in_any_mode() {
    let episode: Episode<f64> = episode(2, 11);
    for (mode, learner) in each_mode() {
        let made = learner.adapt(&moved(&learner), &episode.support).unwrap();
        let all = learner.predict(&made, &episode.query.x).unwrap();
        let together = learner.predict_together(&made, &episode.query.x).unwrap();
        assert!(largest_difference(&all, &together) > 1e-6, "{mode:?}: the batch has no influence at all");
        for (i, row) in episode.query.x.outer_iter().enumerate() {
            let alone = learner.predict(&made, &row.insert_axis(Axis(0)).to_owned()).unwrap();
            let want = all.index_axis(Axis(0), i).insert_axis(Axis(0)).to_owned();
            assert!(largest_difference(&alone, &want) < 1e-12, "{mode:?} {i}");
        }
    }
}

/// In mode `Support` the embedding is normalised as in training by `predict`, and the module by `predict_together`.
#[test]
fn queries_together_have_the_loss_of_training_but_for_support_statistics() {
    let episode: Episode<f64> = episode(2, 13);
    for (mode, learner) in each_mode().filter(|(mode, _)| *mode != NormMode::Support) {
        let start = moved(&learner);
        let (want, scores) = (loss(&learner, &start, &episode), learner.scores(&start, &episode).unwrap());
        assert!((scores[0].transductive.loss - want).abs() < 1e-11, "{mode:?}");
    }
}

//! Evaluation in full: against calculations by hand, against `evaluate`, on any number of threads.

use crate::tasks::echo::{Echo, Given, nothing};
use crate::tasks::{maml, maml_at, noise, sinusoid_mlp, small_conv4};
use innerloop::ndarray::ArrayD;
use innerloop::{
    Adapted, Downsample, Episode, EpisodeSampler, EpisodeShape, Error, Evaluation, Evaluator, Examples,
    Glyphs, Learned, Learner, NormMode, ParamSpec, ProtoNet, Result, Sinusoids, Tasks, Times, evaluate,
};

#[test]
fn the_figures_of_given_outputs_are_those_of_a_calculation_by_hand() {
    let evaluation = Evaluator::new(&Given, 40).confusion(&["a", "c"]).evaluate(&Echo, &nothing()).unwrap();
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
    assert_eq!((evaluation.episodes, evaluation.queries, evaluation.curve.len()), (40, 80, 1));
    let figures = &evaluation.inductive;
    near(figures.accuracy.unwrap().mean, 0.875);
    near(figures.accuracy.unwrap().interval, 1.96 * (0.25 * 0.75 / 4.0 / 40.0f64).sqrt());
    near(figures.worst.decile, 0.5);
    assert_eq!(figures.worst.episodes.len(), 10);
    assert!(figures.worst.episodes.iter().zip(0..).all(|(w, i)| w.episode == 4 * i + 3 && w.value == 0.5));
    let classes: Vec<_> = figures.classes.iter().map(|c| (c.class.as_str(), c.queries, c.accuracy)).collect();
    assert_eq!(classes, [("c", 20, 0.5), ("a", 40, 1.0), ("b", 20, 1.0)]);
    let before = &figures.calibration.as_ref().unwrap().before;
    // half of the queries have confidence 0.9 and are right, half 0.75, and 3 of 4 of them are right
    near(before.ece, 0.5 * 0.1);
    near(before.nll, -(0.5 * 0.9f64.ln() + 0.375 * 0.75f64.ln() + 0.125 * 0.25f64.ln()));
    near(before.brier, 0.5 * 0.02 + 0.375 * 0.125 + 0.125 * 1.125);
    near(before.nll, figures.loss.mean);
    let confusion = figures.confusion.as_ref().unwrap();
    assert_eq!(confusion.answered, [[40, 0], [10, 10]]);
    assert_eq!(confusion.offered, [[40, 20], [20, 20]]);
    // the same with logits doubled: probabilities 81/82 and 9/10
    let together = evaluation.transductive.calibration.as_ref().unwrap();
    near(together.before.nll, -(0.5 * (81f64 / 82.0).ln() + 0.375 * 0.9f64.ln() + 0.125 * 0.1f64.ln()));
    assert_eq!((together.temperature, &together.after), (None, &None));
    let table = evaluation.to_string();
    assert!(table.contains("87.50 ± ") && table.contains("c 50.00 % of 20"), "{table}");
}

#[test]
fn a_temperature_from_validation_episodes_lowers_the_likelihood_and_undoes_a_scale() {
    let evaluation = Evaluator::new(&Given, 40).validation(&Given, 24).evaluate(&Echo, &nothing()).unwrap();
    let [alone, together] =
        [&evaluation.inductive, &evaluation.transductive].map(|f| f.calibration.clone().unwrap());
    let (a, b) = (alone.temperature.unwrap(), together.temperature.unwrap());
    assert!((b / a - 2.0).abs() < 1e-4, "{a} {b}");
    let [after, other] = [alone.after.unwrap(), together.after.unwrap()];
    assert!(after.nll < alone.before.nll - 1e-4 && after.nll < together.before.nll);
    assert!((after.nll - other.nll).abs() < 1e-8 && (after.ece - other.ece).abs() < 1e-4);
}

fn glyphs(seed: u64) -> EpisodeSampler {
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16).generate().unwrap();
    EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 1, 2), seed).unwrap()
}

fn full<L: Learner<f32>>(learner: &L) -> Evaluation {
    let [test, validation] = [1, 2].map(glyphs);
    let learned: Learned<f32> = learner.init(0).into();
    let evaluator = Evaluator::new(&test, 37).validation(&validation, 11);
    evaluator.evaluate(learner, &learned).unwrap()
}

#[test]
fn the_curve_is_that_of_evaluate() {
    let learner = maml(small_conv4(Downsample::MaxPool));
    let evaluation = full(&learner);
    let learned: Learned<f32> = learner.init(0).into();
    let reports = evaluate(&learner, &learned, &glyphs(1), 37).unwrap();
    assert_eq!(evaluation.curve.len(), 3);
    for (a, b) in evaluation.curve.iter().zip(&reports) {
        for (a, b) in [(a.inductive, b.inductive), (a.transductive, b.transductive)] {
            let [x, y] = [a, b].map(|r| {
                [r.loss.mean, r.loss.interval, r.accuracy.unwrap().mean, r.accuracy.unwrap().interval]
            });
            assert!(x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-12), "{x:?} {y:?}");
        }
    }
    // what the figures say comes from `predict`, not from `scores`
    let last = evaluation.curve[2];
    for (report, figures) in
        [(last.inductive, &evaluation.inductive), (last.transductive, &evaluation.transductive)]
    {
        assert!((report.loss.mean - figures.loss.mean).abs() < 1e-6);
        assert!((figures.calibration.as_ref().unwrap().before.nll - figures.loss.mean).abs() < 1e-6);
        assert_eq!(report.accuracy, figures.accuracy);
    }
}

#[test]
fn an_evaluation_has_the_same_bits_on_any_number_of_threads() {
    let learner = ProtoNet::new(small_conv4(Downsample::MaxPool).embedding(), NormMode::Batch);
    let adapting = maml(small_conv4(Downsample::Stride));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut both = [full(&learner), full(&adapting)];
            assert!(both.iter().all(|e| e.times.adapt > 0.0 && e.times.predict_one > 0.0));
            both.iter_mut().for_each(|e| e.times = Times::default());
            both
        })
    };
    let one = run(1);
    assert_eq!(run(2), one);
    assert_eq!(run(3), one);
}

#[test]
fn regression_has_losses_and_worst_episodes_and_no_calibration() {
    let learner = maml_at(sinusoid_mlp(), 0.01);
    let learned: Learned<f32> = learner.init(0).into();
    let [test, validation] = [1, 2].map(|seed| Sinusoids::new(5, 5, seed));
    let evaluator = Evaluator::<f32>::new(&test, 30).validation(&validation, 5);
    let evaluation = evaluator.evaluate(&learner, &learned).unwrap();
    let Evaluation { inductive, curve, .. } = &evaluation;
    assert_eq!((curve.len(), inductive.accuracy, &inductive.calibration), (3, None, &None));
    let losses: Vec<f64> = inductive.worst.episodes.iter().map(|w| w.value).collect();
    assert!(losses.is_sorted_by(|a, b| a >= b) && losses[0] > inductive.loss.mean, "{losses:?}");
    let worst = losses[..3].iter().sum::<f64>() / 3.0;
    assert!((inductive.worst.decile - worst).abs() < 1e-12);
    assert!(evaluation.to_string().contains("worst tenth of episodes, loss"));
}

/// Episodes of which number 5 has a query that is not a number.
struct Holed;

impl Tasks<Episode<f32>> for Holed {
    fn task(&self, i: u64) -> Episode<f32> {
        let mut episode = Given.task(i);
        if i == 5 {
            episode.query.x[[1, 0]] = f32::NAN;
        }
        episode
    }
}

/// A learner that answers with too few columns.
#[derive(Debug)]
struct Narrow;

impl Learner<f32> for Narrow {
    fn specs(&self) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn check(&self, _: &'static str, _: &Examples<f32>) -> Result<()> {
        Ok(())
    }

    fn adapt(&self, _: &Learned<f32>, _: &Examples<f32>) -> Result<Adapted<f32>> {
        Ok(Adapted::new([]))
    }

    fn predict(&self, _: &Adapted<f32>, x: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        Ok(noise(&[x.shape()[0], 1], 0))
    }

    fn scores(&self, _: &Learned<f32>, _: &Episode<f32>) -> Result<Vec<innerloop::Scores>> {
        Ok(Vec::new())
    }
}

#[test]
fn what_cannot_be_evaluated_is_refused_with_its_episode() {
    let refused = |evaluator: Evaluator<'_, f32>| evaluator.evaluate(&Echo, &nothing()).unwrap_err();
    assert!(matches!(refused(Evaluator::new(&Given, 0)), Error::Setting { name: "episodes", .. }));
    let none = refused(Evaluator::new(&Given, 1).validation(&Given, 0));
    assert!(matches!(none, Error::Setting { name: "validation", .. }));
    let twice = refused(Evaluator::new(&Given, 1).confusion(&["a", "b", "a"]));
    assert!(matches!(twice, Error::RepeatedClass { .. }));
    for error in
        [refused(Evaluator::new(&Holed, 9)), refused(Evaluator::new(&Given, 1).validation(&Holed, 9))]
    {
        let Error::Task { task: 5, source } = error else { panic!("{error}") };
        assert!(matches!(*source, Error::NotFinite { .. }));
    }
    let error = Evaluator::new(&Given, 3).evaluate(&Narrow, &nothing()).unwrap_err();
    let Error::Task { task: 0, source } = error else { panic!("{error}") };
    assert!(
        matches!(&*source, Error::Shape { expected, found, .. } if expected == &[2, 2] && found == &[2, 1])
    );
    // and a learner as a trait object is a learner
    let learner: Box<dyn Learner<f32>> = Box::new(Echo);
    assert!(Evaluator::new(&Given, 3).evaluate(&*learner, &nothing()).is_ok());
}

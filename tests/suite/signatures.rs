//! Distributional signatures: what defines the learner, its meta-gradient, and that it learns which words matter.

use innerloop::ndarray::{ArrayD, array};
use innerloop::{
    Adam, Adapted, Episode, EpisodeSampler, EpisodeShape, Error, Examples, Learned, Learner, Mlp, NormMode,
    Progress, ProtoNet, R2d2, Signatures, Tasks, TextSet, TrainConfig, Trainable, Trainer, WordVectors,
    WordWeights, evaluate,
};

/// Words `e0`, `e1`, .. whose vectors are the axes of a space.
fn axes(width: usize) -> WordVectors {
    let axis = |i: usize| (0..width).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
    WordVectors::from_words((0..width).map(|i| (format!("e{i}"), axis(i))).collect()).unwrap()
}

fn even(words: usize) -> WordWeights {
    (0..words).map(|id| if id == 0 { 0.0 } else { 0.5 }).collect::<Vec<f32>>().into()
}

fn two_words() -> Examples<f64> {
    Examples::labelled(array![[2.0, 0.0], [3.0, 0.0]].into_dyn(), vec![0, 1], 2)
}

#[test]
fn importance_and_head_are_those_of_their_closed_forms() {
    let learner = Signatures::new(&axes(3), &even(5)).unwrap();
    let learned: Learned<f64> = learner.init(0).into();
    let adapted = learner.adapt(&learned, &two_words()).unwrap();
    // X = Y = I, so W = I/2 over the first two axes
    let importance = adapted.array("importance").unwrap();
    let near = |a: &ArrayD<f64>, b: ArrayD<f64>| assert!((a - b).mapv(f64::abs).sum() < 1e-12, "{a}");
    near(importance, array![0.0, 0.0, 0.5, 0.5, 0.0].into_dyn());
    // a sentence of one word is its vector, whatever the attention: Z = I, W = I/(1 + 0.1)
    near(
        adapted.array("weights").unwrap(),
        array![[1.0 / 1.1, 0.0], [0.0, 1.0 / 1.1], [0.0, 0.0]].into_dyn(),
    );
    let logits = learner.predict(&adapted, &array![[3.0, 0.0], [4.0, 0.0], [1.0, 0.0]].into_dyn()).unwrap();
    near(&logits, array![[1.0, 1.0 + 1.0 / 1.1], [1.0, 1.0], [1.0, 1.0]].into_dyn());
}

#[test]
fn predictions_need_nothing_but_what_was_adapted_and_do_not_depend_on_other_sentences() {
    let learner = Signatures::new(&axes(4), &even(6)).unwrap();
    let adapted: Adapted<f64> = learner.adapt(&learner.init(3).into(), &two_words()).unwrap();
    let x = array![[2.0, 3.0, 4.0], [5.0, 2.0, 0.0]].into_dyn();
    let both = learner.predict(&adapted, &x).unwrap();
    let one = learner.predict(&adapted, &array![[5.0, 2.0]].into_dyn()).unwrap();
    assert!((&one - &both.select(innerloop::ndarray::Axis(0), &[1])).mapv(f64::abs).sum() < 1e-12);
    assert_eq!(learner.predict_together(&adapted, &x).unwrap(), both);
    let bad = array![[6.0, 0.0]].into_dyn();
    assert!(matches!(learner.predict(&adapted, &bad), Err(Error::WordId { words: 6, .. })));
    assert!(matches!(Signatures::new(&axes(4), &even(5)), Err(Error::Shape { .. })));
}

#[test]
fn the_meta_gradient_is_that_of_finite_differences() {
    let learner = Signatures::new(&axes(4), &even(6)).unwrap();
    let support = Examples::labelled(
        array![[2.0, 4.0, 5.0], [3.0, 4.0, 0.0], [2.0, 5.0, 0.0]].into_dyn(),
        vec![0, 1, 0],
        2,
    );
    let query = Examples::labelled(array![[3.0, 4.0, 2.0], [5.0, 2.0, 0.0]].into_dyn(), vec![1, 0], 2);
    let episode = Episode::new(support, query).unwrap();
    let learned: Learned<f64> = learner.init(1).into();
    let at = |learned: &Learned<f64>| learner.lesson(learned, &episode, &Progress::default()).unwrap();
    let lesson = at(&learned);
    let importance = &lesson.grads[0];
    assert!(importance.iter().all(|g| *g == 0.0), "the importance is set, not learned");
    for (k, grad) in lesson.grads.iter().enumerate().skip(1) {
        for i in (0..grad.len()).step_by(grad.len().div_ceil(7)) {
            let moved = |h: f64| {
                let mut learned = learned.clone();
                learned.params[k].as_slice_mut().unwrap()[i] += h;
                at(&learned).score.loss
            };
            let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let found = grad.as_slice().unwrap()[i];
            assert!((found - want).abs() < 1e-8, "parameter {k}, element {i}: {found:e}, {want:e}");
        }
    }
    assert!(lesson.grads[1].iter().any(|g| g.abs() > 1e-9), "the attention learns");
}

/// Sentences of one word that says the class, among four out of six that are in every class.
fn noisy() -> (TextSet, WordVectors) {
    let class = |k: usize| {
        let sentence = |i: usize| {
            let noise = |j: usize| format!("e{}", 16 + (i * 5 + j * (i + 1) + k) % 6);
            let word = format!("e{k}");
            format!("{} {} {word} {} {}", noise(0), noise(1), noise(2), noise(3))
        };
        (format!("class{k}"), (0..12).map(sentence).collect())
    };
    (TextSet::from_classes((0..16).map(class).collect()).unwrap(), axes(22))
}

#[test]
fn it_learns_to_look_at_rare_words_and_beats_plain_means() {
    let (text, vectors) = noisy();
    let split = text.split(10, 6, 2).unwrap();
    let rarity = WordWeights::inverse_frequency(vectors.vocabulary(), &text, &split.train).unwrap();
    let rows = vectors.vocabulary().rows(&text, 6).unwrap();
    let means = vectors.means(&text, None).unwrap();
    let accuracy = |learner: &dyn Trainable<f32>, set, steps| {
        let tasks = |classes: &[_]| EpisodeSampler::new(set, classes, EpisodeShape::new(3, 1, 5), 0).unwrap();
        let mut trainer = Trainer::new(learner, Adam::default(), TrainConfig::new(4, 1e-2, steps)).unwrap();
        for _ in 0..steps {
            trainer.step(&tasks(&split.train)).unwrap();
        }
        let report = evaluate(learner, trainer.learned(), &tasks(&split.test), 60).unwrap();
        report[0].inductive.accuracy.unwrap().mean
    };
    let signatures = Signatures::new(&vectors, &rarity).unwrap();
    let plain = R2d2::new(Mlp::new(&[22, 22]).unwrap(), NormMode::Batch);
    let [learned, before, plain] =
        [accuracy(&signatures, &rows, 60), accuracy(&signatures, &rows, 1), accuracy(&plain, &means, 60)];
    println!("signatures {learned:.3}, untrained {before:.3}, ridge on means {plain:.3}");
    assert!(learned > 0.85 && learned > plain + 0.1, "{learned}, {plain}");
    // the encoder alone works under other learners
    let proto = ProtoNet::new(signatures.model.clone(), NormMode::Batch);
    assert!(accuracy(&proto, &rows, 30) > 0.6);
    let task: Episode<f32> =
        EpisodeSampler::new(&rows, &split.test, EpisodeShape::new(2, 1, 1), 0).unwrap().task(0);
    task.check().unwrap();
}

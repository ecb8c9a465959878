//! Each setting of the inner loop: both routes give the same gradient, and it is the slope of the loss.

use innerloop::{
    AdamRule, Adapts, Downsample, ElementRates, Episode, Error, GradientDescent, Learned, Learner, Maml,
    Model, MomentumRule, MultiStep, NormMode, Order, Progress, RmsPropRule, Route, SlowBody, StepRates,
    Trainable, Update, UpdateRule, Updated,
};

use super::{moved, slope_error};
use crate::tasks::{distance, random_episode, sinusoid_mlp, sinusoid_task, small_conv4};

type Net = Box<dyn Model<f64>>;
type Setting = (&'static str, fn(Maml<Net>) -> Maml<Net>);

/// In epoch 1 at [`here`], where its weights are uneven and not zero.
fn multi_step() -> MultiStep {
    MultiStep::annealed(10, 500)
}

const SETTINGS: [Setting; 8] = [
    ("all parameters", |maml| maml),
    ("head", |maml| maml.adapting(Adapts::Head)),
    ("body", |maml| maml.adapting(Adapts::Body)),
    ("no norms", |maml| maml.adapting(Adapts::NoNorms)),
    ("multi-step loss", |maml| maml.steps(3).multi_step(multi_step())),
    ("norms by step", |maml| maml.steps(3).norms_by_step()),
    ("proximal", |maml| maml.steps(3).proximal(0.7)),
    ("all together", |maml| {
        let maml = maml.steps(3).adapting(Adapts::NoNorms).norms_by_step();
        maml.multi_step(multi_step()).proximal(0.7)
    }),
];

fn here() -> Progress {
    Progress::new(0, 10_000).at(600)
}

/// A network of each kind, its inner rate and a task.
fn cases() -> [(&'static str, Net, f64, Episode<f64>); 3] {
    [
        ("pooled", Box::new(small_conv4(Downsample::MaxPool)), 0.1, random_episode(&[16, 16, 1], 3, 7)),
        ("strided", Box::new(small_conv4(Downsample::Stride)), 0.1, random_episode(&[16, 16, 1], 3, 8)),
        ("sinusoid", Box::new(sinusoid_mlp()), 0.01, sinusoid_task(0)),
    ]
}

/// Calls `check` with the learners of each setting for each network, by the unrolled route and by the sweep.
fn each(check: impl Fn(&str, [Maml<Net>; 2], &Episode<f64>)) {
    for (name, set) in SETTINGS {
        for (unrolled, swept) in cases().into_iter().zip(cases()) {
            let (network, episode) = (unrolled.0, unrolled.3);
            let maml = |model, lr| set(Maml::new(model, lr, Order::Second, NormMode::Batch).steps(2));
            let learners = [
                maml(unrolled.1, unrolled.2).route(Route::Unrolled),
                maml(swept.1, swept.2).route(Route::Sweep),
            ];
            check(&format!("{name}, {network}"), learners, &episode);
        }
    }
}

#[test]
fn unrolling_and_sweeping_give_the_same_lesson_for_every_setting() {
    each(|name, learners, episode| {
        let learned = moved(&learners[0]);
        let [unrolled, swept] = learners.map(|l| l.lesson(&learned, episode, &here()).unwrap());
        assert!((swept.score.loss / unrolled.score.loss - 1.0).abs() < 1e-13, "{name}");
        assert_eq!(swept.score.accuracy, unrolled.score.accuracy, "{name}");
        let apart = distance(&swept.grads, &unrolled.grads);
        assert!(apart < 1e-12, "{name}: {apart:e}");
        // a small gradient, as of the scales of one step, must not hide behind large ones
        for (i, (a, b)) in swept.grads.into_iter().zip(unrolled.grads).enumerate() {
            assert!(a == b || distance(&[a], &[b]) < 1e-9, "{name}: parameter {i}");
        }
    });
}

#[test]
fn the_meta_gradient_is_the_slope_of_the_meta_loss_for_every_setting() {
    each(|name, [learner, _], episode| {
        let error = slope_error(&learner, &moved(&learner), episode, &here());
        assert!(error < 1e-6, "{name}: {error:e}");
    });
}

/// Settings that change nothing would pass the tests above.
#[test]
fn every_setting_changes_the_lesson_and_what_is_adapted_is_what_was_chosen() {
    let lesson = |set: fn(Maml<Net>) -> Maml<Net>| {
        let [(_, model, lr, episode), ..] = cases();
        let learner = set(Maml::new(model, lr, Order::Second, NormMode::Batch).steps(2));
        learner.lesson(&moved(&learner), &episode, &here()).unwrap().score.loss
    };
    let losses: Vec<f64> = SETTINGS.iter().map(|(_, set)| lesson(*set)).collect();
    for (i, (name, _)) in SETTINGS.iter().enumerate() {
        assert!((0..i).all(|j| losses[i] != losses[j]), "{name}: {losses:?}");
    }
    for (name, set) in &SETTINGS[..4] {
        let [(_, model, lr, episode), ..] = cases();
        let learner = set(Maml::new(model, lr, Order::Second, NormMode::Batch).steps(2));
        let learned = moved(&learner);
        let adapted = learner.adapt(&learned, &episode.support).unwrap();
        for (spec, before) in learner.specs().iter().zip(&learned.params) {
            let changed = adapted.array(&spec.name).unwrap() != before;
            let head = spec.name.starts_with("linear");
            let norm = spec.name.starts_with("bn");
            let convolution_bias = spec.name.starts_with("conv") && spec.name.ends_with("_b"); // no influence
            let chosen = match *name {
                "head" => head,
                "body" => !head,
                "no norms" => !norm,
                _ => true,
            };
            assert_eq!(changed, chosen && !convolution_bias, "{name}: {}", spec.name);
        }
    }
}

type MakeRule = fn() -> Box<dyn UpdateRule<f64>>;

/// A rule that is kept step by step in first order, whatever it says of itself.
#[derive(Debug)]
struct Kept(Box<dyn UpdateRule<f64>>);

impl UpdateRule<f64> for Kept {
    fn slots(&self) -> usize {
        self.0.slots()
    }

    fn check(&self) -> Result<(), Error> {
        self.0.check()
    }

    fn update<'t>(&self, at: Update<'_, 't, f64>) -> Updated<'t, f64> {
        self.0.update(at)
    }
}

#[test]
fn in_first_order_a_rule_that_shifts_gives_the_bits_of_its_steps_kept() {
    let rules: [MakeRule; 5] = [
        || Box::new(GradientDescent { lr: 0.1 }),
        || Box::new(SlowBody { rule: GradientDescent { lr: 0.1 }, factor: 0.3 }),
        || Box::new(MomentumRule { lr: 0.1, momentum: 0.7 }),
        || Box::new(RmsPropRule { lr: 0.01, alpha: 0.9, eps: 1e-8 }),
        || Box::new(AdamRule::new(0.01)),
    ];
    for (name, set) in SETTINGS {
        for rule in rules {
            let lesson = |rule: Box<dyn UpdateRule<f64>>| {
                let [(_, model, lr, episode), ..] = cases();
                let maml = set(Maml::new(model, lr, Order::First, NormMode::Batch).steps(2)).rule(rule);
                maml.lesson(&moved(&maml), &episode, &here()).unwrap()
            };
            assert!(rule().shifts());
            let (kept, shifted) = (lesson(Box::new(Kept(rule()))), lesson(rule()));
            assert_eq!(kept.score.loss, shifted.score.loss, "{name}, {:?}", rule());
            assert!(kept.grads == shifted.grads, "{name}, {:?}", rule());
        }
    }
}

/// Both routes give the same lesson, and it is the slope of the loss.
fn hold(name: &str, rule: MakeRule, steps: usize) {
    for (unrolled, swept) in cases().into_iter().zip(cases()) {
        let maml = |model, lr| Maml::new(model, lr, Order::Second, NormMode::Batch).steps(steps).rule(rule());
        let (network, episode) = (unrolled.0, unrolled.3);
        let learners = [maml(unrolled.1, unrolled.2), maml(swept.1, swept.2).route(Route::Sweep)];
        let learned = moved(&learners[0]);
        let lessons = learners.each_ref().map(|l| l.lesson(&learned, &episode, &here()).unwrap().grads);
        let apart = distance(&lessons[0], &lessons[1]);
        assert!(apart < 1e-12, "{name}, {network}: {apart:e}");
        let error = slope_error(&learners[0], &learned, &episode, &here());
        assert!(error < 1e-6, "{name}, {network}: {error:e}");
    }
}

#[test]
fn the_meta_gradient_with_a_slow_body_is_the_slope_of_the_meta_loss_for_every_kind_of_rule() {
    hold("descent", || Box::new(SlowBody { rule: GradientDescent { lr: 0.1 }, factor: 0.3 }), 3);
    hold(
        "momentum",
        || Box::new(SlowBody { rule: MomentumRule { lr: 0.02, momentum: 0.5 }, factor: 0.3 }),
        2,
    );
    hold(
        "rates of elements",
        || Box::new(SlowBody { rule: ElementRates { low: 0.02, high: 0.1 }, factor: 0.3 }),
        2,
    );
    hold("rates of steps", || Box::new(SlowBody { rule: StepRates { lr: 0.05 }, factor: 0.3 }), 2);
}

#[test]
fn a_body_at_factor_one_is_maml_and_at_factor_zero_anil() {
    for order in [Order::First, Order::Second] {
        let [(_, model, lr, episode), ..] = cases();
        let maml = Maml::new(model, lr, order, NormMode::Batch).steps(3);
        let learned: Learned<f64> = moved(&maml);
        let lesson = |l: &dyn Trainable<f64>| l.lesson(&learned, &episode, &here()).unwrap();
        let whole = lesson(&maml);
        let maml = maml.slow_body(1.0);
        let one = lesson(&maml);
        assert_eq!((one.score.loss, &one.grads), (whole.score.loss, &whole.grads), "{order:?}");
        let SlowBody { rule, .. } = maml.rule;
        let head = maml.adapting(Adapts::Head).rule(rule);
        let anil = lesson(&head);
        let body = head.adapting(Adapts::All).slow_body(0.0);
        let zero = lesson(&body);
        assert!((zero.score.loss / anil.score.loss - 1.0).abs() < 1e-13, "{order:?}");
        let apart = distance(&zero.grads, &anil.grads);
        assert!(apart < 1e-12, "{order:?}: {apart:e}");
        let adapted = body.adapt(&learned, &episode.support).unwrap();
        for (spec, before) in body.specs().iter().zip(&learned.params) {
            let stays = adapted.array(&spec.name).unwrap() == before;
            assert_eq!(stays, !spec.name.starts_with("linear"), "{}", spec.name);
        }
    }
}

#[test]
fn a_body_without_a_head_that_adapts_is_slow_as_a_whole() {
    let [(_, model, lr, episode), ..] = cases();
    let boil = Maml::boil(model, lr, Order::Second, NormMode::Batch).steps(2);
    let learned: Learned<f64> = moved(&boil);
    let lesson = |l: &dyn Trainable<f64>| l.lesson(&learned, &episode, &here()).unwrap();
    let halved = boil.slow_body(0.5);
    let slow = lesson(&halved);
    let less = lesson(&halved.rule(GradientDescent { lr: 0.5 * lr }));
    assert!((slow.score.loss / less.score.loss - 1.0).abs() < 1e-13);
    let apart = distance(&slow.grads, &less.grads);
    assert!(apart < 1e-12, "{apart:e}");
}

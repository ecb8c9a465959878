//! Several trainings of one learner together.

use innerloop::ndarray::ArrayD;
use innerloop::{
    Conv4, Downsample, Ensemble, Episode, EpisodeSampler, EpisodeShape, Error, Glyphs, LastStep, Learned,
    Learner, Maml, Mlp, NormMode, Order, ProtoNet, Sinusoids, Tasks, evaluate,
};

const IMAGE: [usize; 3] = [16, 16, 1];

fn maml() -> Maml<Conv4> {
    let model = Conv4::new(IMAGE, 4, Downsample::Stride, Some(3)).unwrap();
    Maml::new(model, 0.4, Order::First, NormMode::Batch).eval_steps(2)
}

/// With running statistics, which differ from member to member.
fn proto() -> ProtoNet<Conv4> {
    let model = Conv4::new(IMAGE, 4, Downsample::MaxPool, None).unwrap();
    ProtoNet::new(model, NormMode::Tracked { momentum: 0.1 })
}

fn member(learner: &impl Learner<f64>, seed: u64) -> Learned<f64> {
    let of_spec = |spec: &innerloop::ParamSpec| {
        ArrayD::from_shape_fn(spec.shape.clone(), |i| {
            1.0 + 0.1 * (seed as f64 + 1.0) * ((i[0] + 1) as f64).sin()
        })
    };
    Learned { params: learner.init(seed), state: learner.state().iter().map(of_spec).collect() }
}

fn episodes() -> impl Tasks<Episode<f64>> {
    let glyphs = Glyphs::default().alphabets(1).characters_per_alphabet(6).drawers(9).size(16);
    let images = glyphs.generate().unwrap();
    EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 2, 5), 3).unwrap()
}

fn mean(of: &[ArrayD<f64>]) -> ArrayD<f64> {
    let sum = of.iter().fold(ArrayD::zeros(of[0].shape()), |sum, one| sum + one);
    sum / of.len() as f64
}

/// The greatest difference between the ensemble's outputs and the mean of its members' own, inductive and transductive.
fn away_from_the_mean(learner: &impl Learner<f64>, members: &[Learned<f64>]) -> f64 {
    let ensemble = Ensemble::new(learner, members.len());
    let learned = ensemble.learned(members.to_vec()).unwrap();
    let episode = episodes().task(0);
    let (support, x) = (&episode.support, &episode.query.x);
    let together = ensemble.adapt(&learned, support).unwrap();
    let each: Vec<_> = members.iter().map(|member| learner.adapt(member, support).unwrap()).collect();
    let of_each =
        |predict: &dyn Fn(usize) -> ArrayD<f64>| mean(&(0..each.len()).map(predict).collect::<Vec<_>>());
    let alone = ensemble.predict(&together, x).unwrap() - of_each(&|i| learner.predict(&each[i], x).unwrap());
    let batch = ensemble.predict_together(&together, x).unwrap()
        - of_each(&|i| learner.predict_together(&each[i], x).unwrap());
    alone.iter().chain(&batch).fold(0.0, |most, d| most.max(d.abs()))
}

#[test]
fn the_outputs_are_the_mean_of_those_of_the_members() {
    let members = |learner: &dyn Learner<f64>| [4, 9, 2].map(|seed| member(&learner, seed));
    let (maml, proto) = (maml(), proto());
    assert!(away_from_the_mean(&maml, &members(&maml)) < 1e-12);
    assert!(away_from_the_mean(&proto, &members(&proto)) < 1e-12);
}

#[test]
fn a_member_by_itself_or_twice_is_the_learner_bit_for_bit() {
    let (learner, tasks) = (maml(), episodes());
    let one = member(&learner, 7);
    let expected = evaluate(&LastStep(&learner), &one, &tasks, 4).unwrap();
    for members in [1, 2] {
        let ensemble = Ensemble::new(&learner, members);
        let learned = ensemble.learned(vec![one.clone(); members]).unwrap();
        assert_eq!(evaluate(&ensemble, &learned, &tasks, 4).unwrap(), expected, "{members}");
    }
}

/// Cross-entropy and squared error are convex in the outputs.
#[test]
fn the_loss_is_at_most_the_mean_of_the_members_losses() {
    let mlp = Maml::new(Mlp::new(&[1, 20, 1]).unwrap(), 0.02, Order::First, NormMode::Batch);
    no_worse_than_its_members(&mlp, &Sinusoids::new(5, 10, 0));
    no_worse_than_its_members(&maml(), &episodes());
}

fn no_worse_than_its_members(learner: &impl Learner<f64>, tasks: &impl Tasks<Episode<f64>>) {
    let members = [0, 1, 2].map(|seed| member(learner, seed));
    let ensemble = Ensemble::new(learner, 3);
    let learned = ensemble.learned(members.to_vec()).unwrap();
    for episode in (0..10).map(|i| tasks.task(i)) {
        let loss = |learner: &dyn Learner<f64>, learned: &Learned<f64>| {
            let scores = learner.scores(learned, &episode).unwrap();
            scores.last().unwrap().inductive.loss
        };
        let own = members.iter().map(|member| loss(learner, member)).sum::<f64>() / 3.0;
        let together = loss(&ensemble, &learned);
        assert!(together < own, "{together}, {own}"); // less, since no two members agree
    }
}

#[test]
fn its_initial_parameters_are_those_of_as_many_seeds() {
    let (learner, ensemble) = (maml(), Ensemble::new(maml(), 2));
    let both: Vec<ArrayD<f32>> = [learner.init(5), learner.init(6)].concat();
    assert_eq!(Learner::<f32>::init(&ensemble, 5), both);
}

#[test]
fn what_does_not_fit_is_refused() {
    let learner = proto();
    let two = Ensemble::new(&learner, 2);
    let of = |members: Vec<Learned<f64>>| two.learned(members).unwrap_err().to_string();
    let sound = member(&learner, 0);
    assert!(of(vec![sound.clone()]).contains("list of an ensemble's members"));
    let mut short = sound.clone();
    short.params.pop();
    assert!(of(vec![sound.clone(), short]).contains("parameters"));
    let mut more = sound.clone();
    let mut less = sound.clone();
    more.params.push(less.params.remove(0)); // as many as they should be, together
    assert!(of(vec![more, less]).contains("parameters"));
    let mut other = sound.clone();
    other.params[1] = ArrayD::zeros(vec![5]);
    let refused = of(vec![sound.clone(), other]);
    assert!(refused.contains("member1/conv1_b"), "{refused}");
    let mut broken = sound.clone();
    broken.state[0].fill(f64::NAN);
    let refused = of(vec![broken, sound.clone()]);
    assert!(refused.contains("member0/norm0/mean"), "{refused}");
    let none = Ensemble::new(&learner, 0).learned(Vec::<Learned<f64>>::new());
    assert!(matches!(none, Err(Error::Setting { name: "members", .. })));
}

#[cfg(feature = "safetensors")]
#[test]
fn it_is_saved_and_loaded_before_and_after_it_adapts() {
    use innerloop::{load_adapted, load_learned, save_adapted, save_learned};
    let ensemble = Ensemble::new(proto(), 2);
    let learned = ensemble.learned([1, 2].map(|seed| member(&proto(), seed)).to_vec()).unwrap();
    let adapted = ensemble.adapt(&learned, &episodes().task(0).support).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["learned", "adapted"].map(|name| folder.path().join(name));
    save_learned(&before, &ensemble, &learned).unwrap();
    assert_eq!(load_learned(&before, &ensemble).unwrap(), learned);
    save_adapted(&after, &adapted).unwrap();
    assert_eq!(load_adapted::<f64>(&after).unwrap(), adapted);
    let three = Ensemble::new(proto(), 3);
    assert!(load_learned::<f64>(&before, &three).unwrap_err().to_string().contains("member2/"));
}

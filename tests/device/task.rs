//! What a user waits for.

use innerloop::{
    Adapted, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Glyphs, Learned, Learner, Maml,
    NormMode, Order, Progress, Tasks, meta_grad,
};

/// A task of five classes with one picture each and fifteen to ask about, and MAML on the pooled Conv4, with five
/// inner steps: the bench's `omniglot-5w1s`, but for the drawings.
pub struct UserTask {
    maml: Maml<Conv4>,
    learned: Learned<f32>,
    task: Vec<Episode<f32>>,
}

impl UserTask {
    /// Of a network with so many filters.
    pub fn new(filters: usize) -> UserTask {
        let glyphs =
            Glyphs::default().alphabets(1).characters_per_alphabet(5).drawers(16).generate().unwrap();
        let tasks = EpisodeSampler::new(&glyphs, &glyphs.all(), EpisodeShape::new(5, 1, 15), 0).unwrap();
        let model = Conv4::new([28, 28, 1], filters, Downsample::MaxPool, Some(5)).unwrap();
        let maml = Maml::new(model, 0.4, Order::Second, NormMode::Batch).steps(5);
        let learned = Learned::from(maml.init(0));
        UserTask { maml, learned, task: vec![tasks.task(0)] }
    }

    /// Five examples in, what predicts out.
    pub fn adapt(&self) -> Adapted<f32> {
        self.maml.adapt(&self.learned, &self.task[0].support).unwrap()
    }

    /// The exact second-order gradient; returns the loss.
    pub fn meta_grad(&self) -> f64 {
        meta_grad(&self.maml, &self.learned, &self.task, &Progress::default()).unwrap().loss
    }
}

//! MAML in a dozen lines, on the lowest layer of the crate: a tape, a model, two gradients.
//!
//! Meta-learns to tell five invented characters apart from one example of each. No trainer, no
//! learner, no optimizer: the inner loop is plain algebra on the tape, the outer step plain descent.
//!
//! ```text
//! cargo run --example maml_by_hand
//! ```
//!
//! Takes about five seconds on one core. The query loss falls from ln 5 = 1.6, which is guessing, to
//! about 0.8.

use innerloop::ndarray::ArrayD;
use innerloop::{
    Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Glyphs, Model, Norm, Tape, Tasks,
    cross_entropy, grad, grad_values,
};

const INNER_STEPS: usize = 1;
const INNER_LR: f64 = 0.4; // for the mean cross-entropy of the support set
const OUTER_LR: f32 = 1.0;
const META_BATCH: u64 = 8;
const META_STEPS: u64 = 200;

fn main() -> Result<(), innerloop::Error> {
    let images = Glyphs::default().generate()?;
    let shape = EpisodeShape::new(5, 1, 5);
    let tasks = EpisodeSampler::new(&images, &images.all(), shape, 0)?;
    let model = Conv4::new(images.shape(), 32, Downsample::Stride, Some(shape.ways))?;

    let mut params: Vec<ArrayD<f32>> = model.init(0);
    let mut recent = 0.0;
    for step in 1..=META_STEPS {
        let before = params.clone();
        for i in 0..META_BATCH {
            let (loss, gradient) = task(&model, &before, &tasks.task(step * META_BATCH + i));
            for (p, g) in params.iter_mut().zip(&gradient) {
                p.scaled_add(-OUTER_LR / META_BATCH as f32, g);
            }
            recent += loss / META_BATCH as f32;
        }
        if step % 20 == 0 {
            println!("meta-step {step:3}: query loss {:.3}, mean of 20", recent / 20.0);
            recent = 0.0;
        }
    }
    Ok(())
}

/// The loss on a task's query set after adapting `params` to its support set, and the exact
/// gradient of that loss in `params`: through the inner steps, second derivatives included.
fn task(model: &Conv4, params: &[ArrayD<f32>], episode: &Episode<f32>) -> (f32, Vec<ArrayD<f32>>) {
    let Episode { support, query, .. } = episode;
    let [support_y, query_y] = [support, query].map(|set| set.y.labels().expect("glyphs have labels"));

    let tape = Tape::new();
    let theta = tape.leaves(params);
    let mut phi = theta.clone();
    for _ in 0..INNER_STEPS {
        let logits = model.forward(&phi, tape.constant(&support.x), Norm::Batch);
        let g = grad(cross_entropy(logits, support_y), &phi);
        phi = phi.iter().zip(g).map(|(&p, g)| p - INNER_LR * g).collect();
    }
    let logits = model.forward(&phi, tape.constant(&query.x), Norm::Batch);
    let query_loss = cross_entropy(logits, query_y);
    (query_loss.item(), grad_values(query_loss, &theta))
}

//! A MAML that was trained for five classes, for another number of classes.

use innerloop::ndarray::{ArrayD, Axis};
use innerloop::{Conv4, Maml, Network, Pretrained, Result};

/// The learner with an output for each of `ways` classes.
///
/// Before it adapts, a class is a name and nothing more: training gives each label to any character. So one initial weight
/// vector serves all classes, the mean of those that were trained, and there may be any number of classes. (Ye and Chao, "How
/// to Train Your MAML to Excel in Few-Shot Classification", ICLR 2022, train with one vector from the start.)
pub fn for_ways(pretrained: &Pretrained<Maml<Conv4>>, ways: usize) -> Result<Pretrained<Maml<Conv4>>> {
    let mut wide = pretrained.clone();
    let model = wide.learner.model.with_ways(ways)?;
    // the last two of the model's parameters are the head: weights [features, ways], biases [ways]
    for param in wide.learned.params[..model.count()].iter_mut().rev().take(2) {
        *param = shared(param, ways);
    }
    wide.learner.model = model;
    Ok(wide)
}

/// The mean over the last axis, as often as there are classes.
fn shared(param: &ArrayD<f32>, ways: usize) -> ArrayD<f32> {
    let last = Axis(param.ndim() - 1);
    let mean = param.mean_axis(last).expect("a head has an output").insert_axis(last);
    let mut shape = param.shape().to_vec();
    shape[last.0] = ways;
    mean.broadcast(shape).expect("an axis of length 1").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use innerloop::{Downsample, Learned, Learner, NormMode, Order, PixelRange};

    #[test]
    fn every_class_begins_with_the_mean_of_those_that_were_trained() {
        let model = Conv4::new([28, 28, 1], 4, Downsample::Stride, Some(5)).unwrap();
        let maml = Maml::new(model, 0.4, Order::Second, NormMode::Support).eval_steps(3);
        let learned: Learned<f32> = maml.init(0).into();
        let pretrained = Pretrained::new(maml, learned.clone(), PixelRange::default());
        let wide = for_ways(&pretrained, 7).unwrap();
        assert_eq!((wide.learner.model.outputs(), wide.learned.params[16].shape()), (7, &[4, 7][..]));
        assert_eq!(learned.params[..16], wide.learned.params[..16]);
        for (row, trained) in wide.learned.params[16].outer_iter().zip(learned.params[16].outer_iter()) {
            assert!(row.iter().all(|&w| (w - trained.sum() / 5.0).abs() < 1e-6));
        }
        assert!(for_ways(&pretrained, 0).is_err());
    }
}

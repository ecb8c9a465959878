//! A learner that learns nothing, and episodes whose answers are known.

use innerloop::ndarray::{Array2, ArrayD};
use innerloop::{Adapted, Episode, Examples, Learned, Learner, ParamSpec, Result, Tasks};

/// A learner whose outputs are its inputs, times 2 if they are predicted together.
#[derive(Debug)]
pub struct Echo;

impl Learner<f32> for Echo {
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
        Ok(x.clone())
    }

    fn predict_together(&self, _: &Adapted<f32>, x: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        Ok(2.0 * x)
    }
}

pub fn nothing() -> Learned<f32> {
    Vec::new().into()
}

/// Episodes of two queries of two classes, whose first answer is right; the second is wrong in every fourth.
pub struct Given;

impl Tasks<Episode<f32>> for Given {
    fn task(&self, i: u64) -> Episode<f32> {
        let support = Examples::labelled(ArrayD::zeros(vec![2, 2]), vec![0, 1], 2);
        let second = if i % 4 == 3 { [3f32, 1.0] } else { [1.0, 3.0] };
        let x = Array2::from(vec![[9f32, 1.0], second]).mapv(f32::ln).into_dyn();
        let query = Examples::labelled(x, vec![0, 1], 2);
        let other = if i.is_multiple_of(2) { "b" } else { "c" };
        Episode::new(support, query).unwrap().with_classes(vec!["a".into(), other.into()])
    }
}

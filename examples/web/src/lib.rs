//! What the page asks of innerloop: to prepare drawings, to adapt to some, and to say what others are.

mod any_ways;
mod drawing;

use innerloop::ndarray::ArrayD;
use innerloop::{Classifier, Conv4, Error, Examples, Maml, Pretrained, Result};
use wasm_bindgen::prelude::*;

pub use any_ways::for_ways;
pub use drawing::{SIDE, SIZE, prepare, shrink};

/// A meta-trained MAML with what it learned, as it is before and after it adapted.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Page {
    pretrained: Pretrained<Maml<Conv4>>,
    adapted: Option<[Classifier<Maml<Conv4>>; 2]>,
}

#[wasm_bindgen]
impl Page {
    /// Of the bytes of a file that `Pretrained::save` wrote.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8]) -> Result<Page, JsError> {
        Ok(Page::of(Pretrained::from_bytes(bytes)?))
    }

    /// The inner steps that it is meant to take.
    #[wasm_bindgen(getter)]
    pub fn steps(&self) -> usize {
        self.pretrained.learner.eval_steps
    }

    /// Adapts to one prepared drawing of each class, one after the other, by so many steps of gradient descent.
    pub fn adapt(&mut self, drawings: &[u8], steps: usize) -> Result<(), JsError> {
        Ok(self.learn(drawings, steps)?)
    }

    /// The probability of each class for one prepared drawing: first those before the adaptation, then those after it.
    pub fn predict(&self, drawing: &[u8]) -> Result<Vec<f32>, JsError> {
        Ok(self.ask(drawing)?)
    }
}

impl Page {
    /// Of a learner in memory.
    pub fn of(pretrained: Pretrained<Maml<Conv4>>) -> Page {
        Page { pretrained, adapted: None }
    }

    /// As [`adapt`](Page::adapt), for programs that are not JavaScript.
    pub fn learn(&mut self, drawings: &[u8], steps: usize) -> Result<()> {
        self.adapted = None;
        let ways = drawings.len() / (SIZE * SIZE);
        let wide = for_ways(&self.pretrained, ways)?;
        let names: Vec<_> = (0..ways).collect();
        let support = Examples::labelled(self.inputs(drawings)?, names.clone(), ways);
        let adapt = |steps: usize| {
            let mut learner = wide.clone();
            learner.learner.eval_steps = steps;
            learner.adapt(&support, &names)
        };
        self.adapted = Some([adapt(0)?, adapt(steps)?]);
        Ok(())
    }

    /// As [`predict`](Page::predict).
    pub fn ask(&self, drawing: &[u8]) -> Result<Vec<f32>> {
        let classifiers =
            self.adapted.as_ref().ok_or_else(|| Error::own("there is nothing to compare with yet"))?;
        let (x, mut all) = (self.inputs(drawing)?, Vec::new());
        for classifier in classifiers {
            all.extend(classifier.probabilities(&x)?);
        }
        Ok(all)
    }

    fn inputs(&self, drawings: &[u8]) -> Result<ArrayD<f32>> {
        let each: Vec<_> = drawings.chunks(SIZE * SIZE).collect();
        self.pretrained.pixels.inputs(&each, [SIZE, SIZE, 1])
    }
}

/// A drawing as the network knows it, [`SIZE`] x [`SIZE`] bytes: `points` are x and y of all points in turn, in any unit,
/// and `lengths` says how many points each stroke has. Empty if there is no stroke.
#[wasm_bindgen]
pub fn prepared(points: &[f32], lengths: &[u32]) -> Vec<u8> {
    let mut rest = points.as_chunks::<2>().0;
    let mut strokes = Vec::new();
    for &length in lengths {
        let (stroke, others) = rest.split_at(rest.len().min(length as usize));
        strokes.push(stroke.to_vec());
        rest = others;
    }
    prepare(&strokes).map_or(Vec::new(), |bitmap| shrink(&bitmap))
}

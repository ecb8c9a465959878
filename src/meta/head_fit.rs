//! Fitting a new head to fixed embeddings.

use ndarray::ArrayD;

use super::head::BaselineHead;
use super::mini_batch::{chosen, epochs};
use crate::arrays;
use crate::data::Examples;
use crate::error::{Error, Result};
use crate::grad::last_grad_values;
use crate::ops::{Key, cross_entropy};
use crate::random::Purpose;
use crate::real::Real;
use crate::settings::{check_decay, check_positive, check_rate};
use crate::tape::Tape;

/// How a new head is fitted to a support set: gradient descent with momentum on the mean cross-entropy of mini-batches,
/// `d = ∇L + weight_decay·w`, `b = momentum·b + (1 − dampening)·d` (`b = d` in the first step), `w −= lr·b`, as PyTorch's
/// `SGD` has it.
///
/// The default is that of Chen et al. 2019 (their code): rate 0.01, momentum and dampening 0.9, weight decay 1e-3,
/// 100 epochs in mini-batches of 4. The scale of a cosine head is 4, which is best on validation classes of Omniglot, see
/// `docs/results.md`; theirs is 2 times a length that is learned for each class and begins at about 0.6.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HeadFit {
    /// The rate.
    pub lr: f64,
    /// How much of the last step is kept, in `0..1`.
    pub momentum: f64,
    /// How much of a new gradient is left out of the momentum, in `0..=1`.
    pub dampening: f64,
    /// So many times the head is added to its gradient.
    pub weight_decay: f64,
    /// How often the whole support set is seen.
    pub epochs: usize,
    /// Examples per step, of a support set that is shuffled for each epoch; `None` takes all of them in each step.
    pub batch: Option<usize>,
    /// What the cosine head of a new task multiplies cosines by, while it is fitted and after. The scale that training learned
    /// for many classes is too large for few of them: the softmax says 1 before the head points to its examples.
    pub scale: f64,
}

impl Default for HeadFit {
    fn default() -> HeadFit {
        HeadFit {
            lr: 0.01,
            momentum: 0.9,
            dampening: 0.9,
            weight_decay: 1e-3,
            epochs: 100,
            batch: Some(4),
            scale: 4.0,
        }
    }
}

impl HeadFit {
    /// Another rate.
    #[must_use]
    pub fn lr(self, lr: f64) -> HeadFit {
        HeadFit { lr, ..self }
    }

    /// Another momentum and dampening.
    #[must_use]
    pub fn momentum(self, momentum: f64, dampening: f64) -> HeadFit {
        HeadFit { momentum, dampening, ..self }
    }

    /// Another weight decay.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> HeadFit {
        HeadFit { weight_decay, ..self }
    }

    /// Another number of epochs, and of examples per step.
    #[must_use]
    pub fn epochs(self, epochs: usize, batch: Option<usize>) -> HeadFit {
        HeadFit { epochs, batch, ..self }
    }

    /// Another scale of cosine heads.
    #[must_use]
    pub fn scale(self, scale: f64) -> HeadFit {
        HeadFit { scale, ..self }
    }

    /// Whether each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`], which names the one that is not.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        check_rate("lr", self.lr)?;
        check_rate("weight_decay", self.weight_decay)?;
        check_decay("momentum", self.momentum)?;
        check_positive("scale", self.scale)?;
        if !(0.0..=1.0).contains(&self.dampening) {
            return refuse("dampening", self.dampening.to_string(), "from 0 to 1");
        }
        match self.batch {
            Some(0) => refuse("batch", "0".into(), "at least 1"),
            _ => Ok(()),
        }
    }

    /// Fits the arrays of a head to examples whose inputs are embeddings `[n, d]`.
    #[inline(never)]
    pub(super) fn fit<T: Real>(
        &self,
        kind: &BaselineHead,
        mut head: Vec<ArrayD<T>>,
        examples: &Examples<T>,
        key: Key,
    ) -> Result<Vec<ArrayD<T>>> {
        let n = examples.len();
        let batches = match self.batch {
            Some(size) => epochs(&mut key.stream(Purpose::MiniBatch), n, size, self.epochs),
            None => vec![(0..n).collect(); self.epochs],
        };
        let [lr, keep, new, decay] =
            [self.lr, self.momentum, 1.0 - self.dampening, self.weight_decay].map(T::from_f64);
        let mut momenta: Vec<ArrayD<T>> = Vec::new();
        for (k, batch) in batches.iter().enumerate() {
            let batch = chosen(examples, batch);
            let tape = Tape::new();
            let vars = tape.leaves(&head);
            let loss =
                cross_entropy(kind.logits(&vars, tape.constant(&batch.x)), batch.y.labels().expect("labels"));
            if !loss.item().is_finite() {
                return Err(Error::NotFinite { what: format!("the loss before step {k} of fitting a head") });
            }
            let mut grads = last_grad_values(loss, &vars[..kind.fitted()]);
            for (g, w) in grads.iter_mut().zip(&head) {
                arrays::update(g, w, |g, w| g + decay * w);
            }
            if momenta.is_empty() {
                momenta = grads;
            } else {
                for (b, g) in momenta.iter_mut().zip(&grads) {
                    arrays::update(b, g, |b, g| keep * b + new * g);
                }
            }
            for (w, b) in head.iter_mut().zip(&momenta) {
                arrays::update(w, b, |w, b| w - lr * b);
            }
        }
        Ok(head)
    }
}

compiled_here!(T: HeadFit::fit::<T>);

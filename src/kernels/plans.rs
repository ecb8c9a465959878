//! Plans that are kept from call to call: making one costs about as much as a small
//! convolution, and a training loop has the same few again and again.

use std::ops::Range;

use super::conv::ConvShape;

/// What a plan is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// All outputs.
    Forward(ConvShape),
    /// All inputs.
    InputGrad(ConvShape),
    /// The gradient of these rows of the weights.
    WeightGrad(ConvShape, Range<usize>),
    /// By Winograd's method: these rows of the outputs.
    ForwardPatches(ConvShape, Range<usize>),
    /// These rows of the inputs.
    InputGradPatches(ConvShape, Range<usize>),
    /// The gradient at these points, from these rows of the outputs.
    WeightGradPatches(ConvShape, Range<usize>, Range<usize>),
}

/// A thread's plans of one kind.
pub(super) struct Plans<P>(Vec<(Task, P)>);

impl<P> Default for Plans<P> {
    fn default() -> Self {
        Plans(Vec::new())
    }
}

impl<P> Plans<P> {
    /// The plan for `task`, made by `make` unless it is here; `size` is how many offsets a
    /// plan holds.
    pub(super) fn of(&mut self, task: Task, size: impl Fn(&P) -> usize, make: impl FnOnce() -> P) -> &P {
        /// All plans together, 4 MiB; beyond that the thread starts again with none.
        const MOST: usize = 1 << 19;
        let at = self.0.iter().position(|(t, _)| *t == task).unwrap_or_else(|| {
            let plan = make();
            if self.0.iter().map(|(_, p)| size(p)).sum::<usize>() + size(&plan) > MOST {
                self.0.clear();
            }
            self.0.push((task, plan));
            self.0.len() - 1
        });
        &self.0[at].1
    }
}

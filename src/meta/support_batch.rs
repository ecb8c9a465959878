//! Predictions with batch statistics: each input in one batch with the support set, or all inputs as one batch.

use ndarray::{ArrayD, Axis, Slice, concatenate};

use super::adapted::Adapted;
use super::task::{check_inputs, finite_outputs};
use crate::error::Result;
use crate::nn::{Model, Norm};
use crate::real::Real;
use crate::tape::Tape;

/// What [`Adapted`] calls the support inputs.
pub(super) const SUPPORT: &str = "support/x";

compiled_here!(T: outputs::<T>, with_support::<T>);

/// All inputs as one batch.
#[inline(never)]
pub(super) fn outputs<T: Real>(
    model: &dyn Model<T>,
    adapted: &Adapted<T>,
    x: &ArrayD<T>,
) -> Result<ArrayD<T>> {
    check_inputs(model, x)?;
    finite_outputs(forward(model, &adapted.params(&model.specs())?, x))
}

/// Each input in a batch with the whole support set.
#[inline(never)]
pub(super) fn with_support<T: Real>(
    model: &dyn Model<T>,
    adapted: &Adapted<T>,
    x: &ArrayD<T>,
) -> Result<ArrayD<T>> {
    check_inputs(model, x)?;
    let (params, support) = (adapted.params(&model.specs())?, adapted.array(SUPPORT)?);
    check_inputs(model, support)?;
    let n = support.shape()[0];
    let one = |input| {
        let batch = concatenate(Axis(0), &[support.view(), input]).expect("both were checked");
        forward(model, &params, &batch).slice_axis(Axis(0), Slice::from(n..)).to_owned()
    };
    let rows: Vec<_> = x.axis_chunks_iter(Axis(0), 1).map(one).collect();
    let rows: Vec<_> = rows.iter().map(|row| row.view()).collect();
    finite_outputs(concatenate(Axis(0), &rows).expect("rows of one shape"))
}

fn forward<T: Real>(model: &dyn Model<T>, params: &[ArrayD<T>], x: &ArrayD<T>) -> ArrayD<T> {
    let tape = Tape::new();
    model.forward(&tape.leaves(params), tape.constant(x), Norm::Batch).to_array()
}

//! Full context embeddings of matching networks.

use crate::nn::{Init, ParamSpec};
use crate::ops::lstm_cell;
use crate::real::Real;
use crate::var::Var;

/// The parameters for embeddings of `d` numbers: two cells that read the support set forwards and backwards, and one that reads
/// for a query. The latter's hidden state is `[h, r]`, of `2d` numbers.
pub(super) fn context_specs(d: usize) -> Vec<ParamSpec> {
    let bound = (d as f64).sqrt().recip();
    let draw = || Init::Uniform { low: -bound, high: bound };
    let cell = |name: &str, hidden: usize| {
        let weights =
            |part: &str, inputs| ParamSpec::linear(format!("{name}_{part}"), inputs, 4 * d).with_init(draw());
        [
            weights("w_ih", d),
            weights("w_hh", hidden),
            ParamSpec::bias(format!("{name}_b"), 4 * d).with_init(draw()),
        ]
    };
    [cell("g_fwd", d), cell("g_bwd", d), cell("f", 2 * d)].concat()
}

/// `gᵢ = →hᵢ + ←hᵢ + zᵢ` for the embeddings `z: [n, d]` of a support set in its order (appendix A.2), from states of zeros.
#[inline(never)]
pub(super) fn support_context<'t, T: Real>(own: &[Var<'t, T>], z: Var<'t, T>) -> Var<'t, T> {
    let (n, d) = (z.shape()[0], z.shape()[1]);
    let rows = z.split(0, &vec![1; n]);
    let read = |cell: &[Var<'t, T>], order: &mut dyn Iterator<Item = usize>| {
        let mut state = [z.tape().full(&[1, d], 0.0); 2];
        let mut read: Vec<_> = vec![state[0]; n];
        for i in order {
            state = lstm_cell(rows[i], state, cell[0], cell[1], cell[2]);
            read[i] = state[0];
        }
        Var::concat(&read, 0)
    };
    read(&own[..3], &mut (0..n)) + read(&own[3..6], &mut (0..n).rev()) + z
}

/// What embeddings `z: [q, d]` of queries become after so many reads of `g: [n, d]` (appendix A.1), each query by itself:
/// `r = Σᵢ softmaxᵢ(h·gᵢ)·gᵢ`, `ĥ, c = LSTM(z, [h, r], c)`, `h = ĥ + z`. The paper leaves the first `h` open; here it is `z`.
#[inline(never)]
pub(super) fn query_context<'t, T: Real>(
    own: &[Var<'t, T>],
    z: Var<'t, T>,
    g: Var<'t, T>,
    reads: usize,
) -> Var<'t, T> {
    let (d, [w_ih, w_hh, b]) = (z.shape()[1], [own[6], own[7], own[8]]);
    // what comes from r is an input like z, so that the cell is an ordinary one
    let parts = w_hh.split(0, &[d, d]);
    let w_ih = Var::concat(&[w_ih, parts[1]], 0);
    let (mut h, mut c) = (z, z.tape().full(&z.shape(), 0.0));
    for _ in 0..reads {
        let r = h.matmul_t(g).softmax().matmul(g);
        let next = lstm_cell(Var::concat(&[z, r], 1), [h, c], w_ih, parts[0], b);
        (h, c) = (next[0] + z, next[1]);
    }
    h
}

compiled_here!(T: support_context::<T>, query_context::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;

    const SHAPES: [&[usize]; 9] = [&[2, 8], &[2, 8], &[8], &[2, 8], &[2, 8], &[8], &[2, 8], &[4, 8], &[8]];

    #[test]
    fn both_contexts_have_correct_grads() {
        let shapes = [&SHAPES[..], &[&[3, 2]]].concat();
        check_grads(&shapes, 2, |x| support_context(&x[..9], x[9]));
        let shapes = [&SHAPES[..], &[&[3, 2], &[4, 2]]].concat();
        check_grads(&shapes, 2, |x| query_context(&x[..9], x[9], x[10], 2));
    }

    #[test]
    fn cells_of_zeros_leave_embeddings_as_they_are() {
        let tape = crate::Tape::<f64>::new();
        let own: Vec<_> = SHAPES.iter().map(|shape| tape.full(shape, 0.0)).collect();
        let z = tape.leaf(&ndarray::arr2(&[[0.3, -0.2], [1.0, 2.0]]).into_dyn());
        assert_eq!(support_context(&own, z).to_array(), z.to_array());
        assert_eq!(query_context(&own, z, z, 3).to_array(), z.to_array());
    }
}

//! One step of a long short-term memory, made of layers and elementwise functions.

use crate::real::Real;
use crate::var::Var;

/// One step of an LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000):
///
/// ```text
/// [i; f; g; o] = x·w_ih + h·w_hh + b
/// c' = σ(f)·c + σ(i)·tanh(g)
/// h' = σ(o)·tanh(c')
/// ```
///
/// `x: [n, inputs]`; `h, c: [n, hidden]`, the state; `w_ih: [inputs, 4·hidden]`, `w_hh: [hidden, 4·hidden]`,
/// `b: [4·hidden]`, with the columns of input gate, forget gate, candidate and output gate in this order. Returns
/// `[h', c']`, each `[n, hidden]`. (PyTorch's weights are the transposes of these, in the same order of gates, and it
/// has two biases whose sum is `b`.)
///
/// # Panics
/// If the shapes do not match.
#[track_caller]
#[inline(never)]
pub fn lstm_cell<'t, T: Real>(
    x: Var<'t, T>,
    [h, c]: [Var<'t, T>; 2],
    w_ih: Var<'t, T>,
    w_hh: Var<'t, T>,
    b: Var<'t, T>,
) -> [Var<'t, T>; 2] {
    let shapes = [x, h, c, w_ih, w_hh, b].map(|v| v.shape());
    let fits = match shapes.each_ref().map(|s| &s[..]) {
        [&[n, inputs], &[n_h, hidden], c, w_ih, w_hh, &[gates]] => {
            hidden.checked_mul(4) == Some(gates)
                && n_h == n
                && c == [n, hidden]
                && w_ih == [inputs, gates]
                && w_hh == [hidden, gates]
        }
        _ => false,
    };
    assert!(
        fits,
        "lstm_cell: x, h, c, w_ih, w_hh, b of shapes {shapes:?} must be [n, inputs], [n, hidden], [n, hidden], \
         [inputs, 4*hidden], [hidden, 4*hidden], [4*hidden]"
    );
    let gates = x.linear(w_ih, b) + h.matmul(w_hh);
    let gates = gates.split(1, &[h.shape()[1]; 4]);
    let c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
    [gates[3].sigmoid() * c.tanh(), c]
}

compiled_here!(T: lstm_cell::<T>);

#[cfg(test)]
mod tests {
    use super::lstm_cell;
    use crate::check_grads;
    use crate::tape::Tape;
    use crate::var::Var;

    #[test]
    fn a_cell_has_correct_grads_in_every_argument() {
        let shapes: [&[usize]; 6] = [&[3, 2], &[3, 3], &[3, 3], &[2, 12], &[3, 12], &[12]];
        check_grads(&shapes, 2, |x| Var::concat(&lstm_cell(x[0], [x[1], x[2]], x[3], x[4], x[5]), 1));
    }

    #[test]
    fn gates_that_are_open_or_shut_do_what_their_names_say() {
        let tape = Tape::<f64>::new();
        let run = |gates: [f64; 4]| {
            let (x, h, c) = (tape.full(&[1, 1], 0.0), tape.full(&[1, 1], 0.0), tape.full(&[1, 1], 0.7));
            let b = tape.leaf(&ndarray::arr1(&gates).into_dyn());
            lstm_cell(x, [h, c], tape.full(&[1, 4], 0.0), tape.full(&[1, 4], 0.0), b).map(|v| v.item())
        };
        let (open, shut) = (1e3, -1e3);
        let is = |gates, want: [f64; 2]| {
            run(gates)
                .iter()
                .zip(want)
                .for_each(|(a, b)| approx::assert_relative_eq!(*a, b, max_relative = 1e-15));
        };
        is([shut, open, 0.3, open], [0.7f64.tanh(), 0.7]); // remembers
        is([open, shut, 0.3, shut], [0.0, 0.3f64.tanh()]); // takes the candidate, shows nothing
    }

    #[test]
    #[should_panic(expected = "must be [n, inputs], [n, hidden]")]
    fn weights_of_another_shape_are_named() {
        let tape = Tape::<f64>::new();
        let s = tape.full(&[1, 2], 0.0);
        let _ = lstm_cell(s, [s, s], tape.full(&[8, 2], 0.0), tape.full(&[2, 8], 0.0), tape.full(&[8], 0.0));
    }
}

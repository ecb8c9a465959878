//! A long short-term memory over the words of sentences.

use super::ids::Ids;
use crate::nn::spec::ParamSpec;
use crate::ops::lstm_cell;
use crate::real::Real;
use crate::var::Var;

/// The parameters of one direction: `{name}_w_ih [inputs, 4·hidden]`, `{name}_w_hh [hidden, 4·hidden]`,
/// `{name}_b [4·hidden]`, as [`lstm_cell`] takes them.
pub(super) fn lstm_specs(name: &str, inputs: usize, hidden: usize) -> [ParamSpec; 3] {
    [
        ParamSpec::linear(format!("{name}_w_ih"), inputs, 4 * hidden),
        ParamSpec::linear(format!("{name}_w_hh"), hidden, 4 * hidden),
        ParamSpec::bias(format!("{name}_b"), 4 * hidden),
    ]
}

/// The output after each place of `x: [n, length, d]`, read forwards or backwards: `length` arrays `[n, hidden]`. Padding does
/// not change the state, which begins with zeros.
#[inline(never)]
pub(super) fn lstm<'t, T: Real>(
    x: Var<'t, T>,
    ids: &Ids,
    params: &[Var<'t, T>],
    backwards: bool,
) -> Vec<Var<'t, T>> {
    let (tape, shape, hidden) = (x.tape(), x.shape(), params[1].shape()[0]);
    let zero = tape.full(&[ids.n, hidden], 0.0);
    let places = x.split(1, &vec![1; ids.length]);
    let (mut state, mut outputs) = ([zero, zero], vec![zero; ids.length]);
    for step in 0..ids.length {
        let place = if backwards { ids.length - 1 - step } else { step };
        let words = ids.words_at(place);
        if words.contains(&true) {
            let input = places[place].reshape(&[ids.n, shape[2]]);
            let next = lstm_cell(input, state, params[0], params[1], params[2]);
            state = if words.contains(&false) { kept(state, next, &words) } else { next };
        }
        outputs[place] = state[0];
    }
    outputs
}

/// The next state of rows with a word, and the old one of the others. Products with exactly 1 and 0, so that a sentence
/// gets the same bits alone and among longer ones.
fn kept<'t, T: Real>(old: [Var<'t, T>; 2], next: [Var<'t, T>; 2], words: &[bool]) -> [Var<'t, T>; 2] {
    let column = |of: fn(bool) -> bool| {
        let numbers = words.iter().map(|&word| if of(word) { T::one() } else { T::zero() }).collect();
        let array = ndarray::ArrayD::from_shape_vec(vec![words.len(), 1], numbers).expect("one for each row");
        old[0].tape().constant(&array)
    };
    let (takes, keeps) = (column(|word| word), column(|word| !word));
    [0, 1].map(|i| next[i] * takes + old[i] * keeps)
}

compiled_here!(T: lstm::<T>);

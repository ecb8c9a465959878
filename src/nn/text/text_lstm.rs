//! An LSTM over the words of a sentence.

use super::encoder::{Encoder, check_settings};
use super::ids::Ids;
use super::lstm::{lstm, lstm_specs};
use super::word_table::WordTable;
use crate::error::Result;
use crate::nn::spec::ParamSpec;
use crate::real::Real;
use crate::var::Var;

/// An LSTM that reads a sentence word by word ([`lstm_cell`](crate::lstm_cell)), and a linear head if there is one:
/// `[n, length] → [n, outputs]`. A sentence is what the LSTM says after its last word; of a bidirectional one also what the second
/// LSTM, which reads backwards, says after the first word.
///
/// Inputs are rows of ids, as [`Vocabulary::rows`](crate::Vocabulary::rows) makes them. Padding does not change the state, so
/// more padding changes nothing, and a row of padding only has the vector 0. Ids have no gradient.
///
/// Parameters: `table` if it is learned, `forward_w_ih [inputs, 4·hidden]`, `forward_w_hh [hidden, 4·hidden]`,
/// `forward_b [4·hidden]`, the same for `backward`, and with a head `linear_w [features, ways]`, `linear_b [ways]`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct TextLstm {
    table: WordTable,
    hidden: usize,
    both: bool,
    ways: Option<usize>,
}

impl TextLstm {
    /// Over a [`WordTable`] or `&WordVectors`, with a state of `hidden` numbers, and a head of `ways` outputs or none.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a number that is 0, or an array of parameters of more than 2³⁰
    /// numbers.
    pub fn new(table: impl Into<WordTable>, hidden: usize, ways: Option<usize>) -> Result<TextLstm> {
        let (table, gates) = (table.into(), hidden.saturating_mul(4));
        let features = hidden.saturating_mul(2);
        let arrays = [&[table.width(), gates][..], &[hidden, gates], &[features, ways.unwrap_or(1)]];
        check_settings(&[("hidden", hidden), ("ways", ways.unwrap_or(1))], "hidden", hidden, &arrays)?;
        Ok(TextLstm { table, hidden, both: false, ways })
    }

    /// The same with a second LSTM that reads backwards.
    #[must_use]
    pub fn bidirectional(self) -> TextLstm {
        TextLstm { both: true, ..self }
    }
}

impl Encoder for TextLstm {
    const NAME: &'static str = "TextLstm";

    fn body(&self) -> Vec<ParamSpec> {
        let (mut specs, inputs) = (self.table.specs(), self.table.width());
        specs.extend(lstm_specs("forward", inputs, self.hidden));
        if self.both {
            specs.extend(lstm_specs("backward", inputs, self.hidden));
        }
        specs
    }

    fn words(&self) -> usize {
        self.table.words()
    }

    fn encoded(&self) -> usize {
        if self.both { 2 * self.hidden } else { self.hidden }
    }

    fn ways(&self) -> Option<usize> {
        self.ways
    }

    fn encode<'t, T: Real>(&self, params: &[Var<'t, T>], x: Var<'t, T>) -> Var<'t, T> {
        last_states(self, params, x)
    }
}

compiled_here!(T: last_states::<T>);

#[track_caller]
#[inline(never)]
fn last_states<'t, T: Real>(model: &TextLstm, params: &[Var<'t, T>], x: Var<'t, T>) -> Var<'t, T> {
    let ids = Ids::of(TextLstm::NAME, x, model.words());
    let (words, params) = model.table.look_up(x.tape(), params, &ids);
    let last = lstm(words, &ids, &params[..3], false)[ids.length - 1];
    if !model.both {
        return last;
    }
    Var::concat(&[last, lstm(words, &ids, &params[3..6], true)[0]], 1)
}

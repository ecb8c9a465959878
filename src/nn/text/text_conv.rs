//! A convolution over the words of a sentence, and the maximum over time.

use super::encoder::{Encoder, check_settings};
use super::ids::Ids;
use super::word_table::WordTable;
use crate::error::{Error, Result};
use crate::nn::Init;
use crate::nn::spec::ParamSpec;
use crate::real::Real;
use crate::var::Var;

/// The convolutional encoder of sentences of Kim (2014, "Convolutional Neural Networks for Sentence Classification",
/// equations 2 and 3), and a linear head if there is one: `[n, length] → [n, outputs]`.
///
/// For each `width` (published: 3, 4 and 5, with 100 channels each; 50 in Bao et al. 2020) and each of its windows
/// `ReLU(window·w + b)`; of these the maximum over the sentence, `channels` numbers; all widths one after the other.
///
/// Inputs are rows of ids, as [`Vocabulary::rows`](crate::Vocabulary::rows) and [`CharNgrams::rows`](crate::CharNgrams::rows)
/// make them. Sentences have `width - 1` zero vectors on either side; a window without a word does not count, so more padding
/// changes nothing. Ids have no gradient.
///
/// Parameters: `table` if it is learned, `conv{width}_w [width, inputs, channels]`, `conv{width}_b [channels]`, and with a head
/// `linear_w [features, ways]`, `linear_b [ways]`.
///
/// ```
/// use innerloop::{Network, TextConv, WordTable};
/// let encoder = TextConv::new(WordTable::learned(1000, 32)?, &[2, 3], 24, None)?;
/// assert_eq!(encoder.outputs(), 48);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct TextConv {
    table: WordTable,
    widths: Vec<usize>,
    channels: usize,
    ways: Option<usize>,
}

impl TextConv {
    /// Over a [`WordTable`] or `&WordVectors`, with windows of so many words, and a head of `ways` outputs or none.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number that is 0, no widths or equal ones, or an array of parameters of more than 2³⁰ numbers.
    pub fn new(
        table: impl Into<WordTable>,
        widths: &[usize],
        channels: usize,
        ways: Option<usize>,
    ) -> Result<TextConv> {
        let table = table.into();
        let repeated = (1..widths.len()).any(|i| widths[..i].contains(&widths[i]));
        if widths.is_empty() || widths.contains(&0) || repeated {
            let (value, need) =
                (format!("{widths:?}"), "at least one number of words, each at least 1 and no two equal");
            return Err(Error::Setting { name: "widths", value, need });
        }
        let widest = *widths.iter().max().expect("there is one");
        let features = channels.saturating_mul(widths.len());
        let arrays = [&[widest, table.width(), channels][..], &[features, ways.unwrap_or(1)]];
        check_settings(
            &[("channels", channels), ("ways", ways.unwrap_or(1))],
            "channels",
            channels,
            &arrays,
        )?;
        Ok(TextConv { table, widths: widths.to_vec(), channels, ways })
    }
}

impl Encoder for TextConv {
    const NAME: &'static str = "TextConv";

    fn body(&self) -> Vec<ParamSpec> {
        let (mut specs, inputs) = (self.table.specs(), self.table.width());
        for &width in &self.widths {
            let deviation = (2.0 / (width * inputs) as f64).sqrt();
            let shape = [width, inputs, self.channels];
            specs.push(ParamSpec::new(format!("conv{width}_w"), &shape, Init::Normal { deviation }));
            specs.push(ParamSpec::bias(format!("conv{width}_b"), self.channels));
        }
        specs
    }

    fn words(&self) -> usize {
        self.table.words()
    }

    fn encoded(&self) -> usize {
        self.channels * self.widths.len()
    }

    fn ways(&self) -> Option<usize> {
        self.ways
    }

    fn encode<'t, T: Real>(&self, params: &[Var<'t, T>], x: Var<'t, T>) -> Var<'t, T> {
        maxima_over_time(self, params, x)
    }
}

compiled_here!(T: maxima_over_time::<T>);

#[track_caller]
#[inline(never)]
fn maxima_over_time<'t, T: Real>(model: &TextConv, params: &[Var<'t, T>], x: Var<'t, T>) -> Var<'t, T> {
    let (tape, ids) = (x.tape(), Ids::of(TextConv::NAME, x, model.words()));
    let (words, params) = model.table.look_up(tape, params, &ids);
    let maxima = |(&width, layer): (&usize, &[Var<'t, T>])| {
        let windows = (words.conv1d(layer[0], 1, width - 1) + layer[1]).relu();
        // what the ReLU leaves is 0 or more, so a window that is set to 0 changes no maximum
        (windows * tape.constant(&ids.windows(width))).max_axis(1)
    };
    let all: Vec<_> = model.widths.iter().zip(params.chunks_exact(2)).map(maxima).collect();
    Var::concat(&all, 1)
}

//! The mean of learned word vectors.

use super::encoder::{Encoder, check_settings};
use super::ids::Ids;
use crate::error::Result;
use crate::nn::Init;
use crate::nn::spec::ParamSpec;
use crate::real::Real;
use crate::var::Var;

/// The mean of the vectors of a sentence's words, and a linear head if there is one: `[n, length] → [n, outputs]`.
///
/// Inputs are rows of ids below `words`, as [`Vocabulary::rows`](crate::Vocabulary::rows) and
/// [`CharNgrams::rows`](crate::CharNgrams::rows) make them; id 0 is padding and does not count. A row of padding only has the vector 0. Ids are no numbers to differentiate by, so inputs have no gradient.
/// Parameters: `table [words, width]`, drawn from N(0, 0.1²), and with a head `linear_w [width, ways]`, `linear_b [ways]`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingBag {
    words: usize,
    width: usize,
    ways: Option<usize>,
}

impl EmbeddingBag {
    /// A table of `words` vectors of `width` numbers, and a head of `ways` outputs or none.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a number that is 0, or a table or head of more than 2³⁰ numbers.
    pub fn new(words: usize, width: usize, ways: Option<usize>) -> Result<EmbeddingBag> {
        let head = ways.unwrap_or(1);
        let settings = [("words", words), ("width", width), ("ways", head)];
        check_settings(&settings, "width", width, &[&[words, width], &[width, head]])?;
        Ok(EmbeddingBag { words, width, ways })
    }
}

impl Encoder for EmbeddingBag {
    const NAME: &'static str = "EmbeddingBag";

    fn body(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("table", &[self.words, self.width], Init::Normal { deviation: 0.1 })]
    }

    fn words(&self) -> usize {
        self.words
    }

    fn encoded(&self) -> usize {
        self.width
    }

    fn ways(&self) -> Option<usize> {
        self.ways
    }

    fn encode<'t, T: Real>(&self, params: &[Var<'t, T>], x: Var<'t, T>) -> Var<'t, T> {
        mean_of_words(params[0], x)
    }
}

compiled_here!(T: mean_of_words::<T>);

/// For each row of ids `x: [n, length]` the mean of the rows of `table` that it names, padding left out.
#[track_caller]
#[inline(never)]
fn mean_of_words<'t, T: Real>(table: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
    let (words, width) = (table.shape()[0], table.shape()[1]);
    let ids = Ids::of(EmbeddingBag::NAME, x, words);
    let mut weights = ids.mask();
    for row in weights.as_slice_mut().expect("standard layout").chunks_mut(ids.length) {
        let count = row.iter().filter(|v| **v != T::ZERO).count().max(1);
        row.iter_mut().for_each(|v| *v *= T::from_f64(1.0 / count as f64));
    }
    let picked = table.index_select(&ids.ids).reshape(&[ids.n, ids.length, width]);
    (picked * x.tape().constant(&weights)).sum_axes(&[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::nn::{Model, Norm};
    use crate::tape::Tape;
    use ndarray::array;

    #[test]
    fn the_embedding_bag_has_correct_grads_to_order_2() {
        let model = EmbeddingBag::new(5, 3, Some(2)).unwrap();
        check_grads(&[&[5, 3], &[3, 2], &[2]], 2, |p| {
            let x = array![[2.0, 4.0, 2.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0; 4]].into_dyn();
            model.forward(p, p[0].tape().constant(&x), Norm::Batch).tanh()
        });
    }

    #[test]
    fn padding_does_not_count_and_a_row_without_words_is_zero() {
        let model = EmbeddingBag::new(3, 2, None).unwrap();
        let tape = Tape::<f64>::new();
        let table = tape.leaf(&array![[9.0, 9.0], [1.0, 2.0], [3.0, 6.0]].into_dyn());
        let x = tape.constant(&array![[1.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0; 3]].into_dyn());
        let y = model.forward(&[table], x, Norm::Batch).to_array();
        assert_eq!(y, array![[2.0, 4.0], [3.0, 6.0], [0.0, 0.0]].into_dyn());
    }

    #[test]
    #[should_panic(expected = "EmbeddingBag: 3 is not the id of a word, a whole number below 3")]
    fn an_id_outside_the_table_is_named() {
        let tape = Tape::<f64>::new();
        let _ = mean_of_words(tape.full(&[3, 2], 1.0), tape.full(&[1, 1], 3.0));
    }
}

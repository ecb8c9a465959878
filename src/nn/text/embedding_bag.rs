//! The mean of learned word vectors.

use super::ids::{Ids, check_shape, check_values};
use crate::error::{Error, Result};
use crate::nn::Init;
use crate::nn::model::Model;
use crate::nn::network::Network;
use crate::nn::norm::Norm;
use crate::nn::spec::ParamSpec;
use crate::nn::specs::elements;
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
    /// [`Error::Setting`] for a number that is 0, or a table or head of 2³² numbers or more.
    pub fn new(words: usize, width: usize, ways: Option<usize>) -> Result<EmbeddingBag> {
        let refuse = |name, value: usize, need| Err(Error::Setting { name, value: value.to_string(), need });
        for (name, value) in [("words", words), ("width", width), ("ways", ways.unwrap_or(1))] {
            if value == 0 {
                return refuse(name, value, "at least 1");
            }
        }
        if elements(&[words, width]).is_none() || elements(&[width, ways.unwrap_or(1)]).is_none() {
            return refuse("width", width, "such that the table and the head have at most 2^30 numbers");
        }
        Ok(EmbeddingBag { words, width, ways })
    }
}

impl Network for EmbeddingBag {
    fn specs(&self) -> Vec<ParamSpec> {
        let init = Init::Normal { deviation: 0.1 };
        let mut specs = vec![ParamSpec::new("table", &[self.words, self.width], init)];
        if let Some(ways) = self.ways {
            specs
                .extend([ParamSpec::linear("linear_w", self.width, ways), ParamSpec::bias("linear_b", ways)]);
        }
        specs
    }

    fn count(&self) -> usize {
        if self.ways.is_some() { 3 } else { 1 }
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        check_shape("EmbeddingBag", shape)
    }

    fn check_values(&self, shape: &[usize], values: &mut dyn Iterator<Item = f64>) -> Result<()> {
        check_values(shape, values, self.words)
    }

    fn outputs(&self) -> usize {
        self.ways.unwrap_or(self.width)
    }
}

impl<T: Real> Model<T> for EmbeddingBag {
    /// # Panics
    /// If an id is no whole number or not below the number of words.
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Var<'t, T> {
        let mean = mean_of_words(params[0], x);
        if self.ways.is_some() { mean.linear(params[1], params[2]) } else { mean }
    }

    fn features<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Option<Var<'t, T>> {
        self.ways.map(|_| mean_of_words(params[0], x))
    }

    fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        self.ways.map(|_| features.linear(params[1], params[2]))
    }
}

compiled_here!(T: mean_of_words::<T>);

/// For each row of ids `x: [n, length]` the mean of the rows of `table` that it names, padding left out.
#[track_caller]
#[inline(never)]
fn mean_of_words<'t, T: Real>(table: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
    let (words, width) = (table.shape()[0], table.shape()[1]);
    let ids = Ids::of("EmbeddingBag", x, words);
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

//! Where an encoder takes the vectors of words from: a learned table, or given vectors that stay as they are.

use ndarray::ArrayD;

use super::encoder::check_settings;
use super::ids::Ids;
use crate::data::WordVectors;
use crate::error::Result;
use crate::nn::Init;
use crate::nn::spec::ParamSpec;
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// The vectors of words that a [`TextConv`](crate::TextConv) or a [`TextLstm`](crate::TextLstm) begins with.
///
/// Made from `&WordVectors`, they are constants: no parameter, so no learner adapts or trains them, and files of
/// parameters do not hold them. [`WordTable::learned`] is a parameter `table`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct WordTable(Kind);

#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Learned { words: usize, width: usize },
    Given(WordVectors),
}

impl From<&WordVectors> for WordTable {
    fn from(vectors: &WordVectors) -> WordTable {
        WordTable(Kind::Given(vectors.clone()))
    }
}

impl WordTable {
    /// A parameter `table [words, width]`, drawn from N(0, 0.1²).
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a number that is 0, or more than 2³⁰ numbers.
    pub fn learned(words: usize, width: usize) -> Result<WordTable> {
        check_settings(&[("words", words), ("width", width)], "width", width, &[&[words, width]])?;
        Ok(WordTable(Kind::Learned { words, width }))
    }

    /// Ids are below this number.
    pub fn words(&self) -> usize {
        match &self.0 {
            Kind::Learned { words, .. } => *words,
            Kind::Given(vectors) => vectors.vocabulary().size(),
        }
    }

    /// The numbers of each vector.
    pub fn width(&self) -> usize {
        match &self.0 {
            Kind::Learned { width, .. } => *width,
            Kind::Given(vectors) => vectors.width(),
        }
    }

    /// Its parameter, if it is one.
    pub(super) fn specs(&self) -> Vec<ParamSpec> {
        match self.0 {
            Kind::Learned { words, width } => {
                vec![ParamSpec::new("table", &[words, width], Init::Normal { deviation: 0.1 })]
            }
            Kind::Given(_) => Vec::new(),
        }
    }

    /// The vectors that ids name, `[n, length, width]`, with zeros for padding; and the parameters that are left.
    pub(super) fn look_up<'t, 'p, T: Real>(
        &self,
        tape: &'t Tape<T>,
        params: &'p [Var<'t, T>],
        ids: &Ids,
    ) -> (Var<'t, T>, &'p [Var<'t, T>]) {
        match &self.0 {
            Kind::Learned { width, .. } => {
                let picked = params[0].index_select(&ids.ids).reshape(&[ids.n, ids.length, *width]);
                (picked * tape.constant(&ids.mask()), &params[1..])
            }
            Kind::Given(vectors) => (tape.constant(&given(vectors, ids)), params),
        }
    }
}

/// Given vectors by id, `[n, length, width]`.
pub(super) fn given<T: Real>(vectors: &WordVectors, ids: &Ids) -> ArrayD<T> {
    let numbers = ids.ids.iter().flat_map(|&id| vectors.row(id)).map(|&v| T::from_f64(v.into())).collect();
    ArrayD::from_shape_vec(vec![ids.n, ids.length, vectors.width()], numbers).expect("a vector for each id")
}

//! Named arrays of another framework as parameters, and parameters as such arrays.

use std::collections::HashSet;
use std::path::Path;

use ndarray::ArrayD;

use super::differences::differences;
use super::files::{read, write};
use super::in_order::names_in_order;
use super::names::{WeightNames, joined, split};
use crate::error::{Error, Result};
use crate::nn::{Framework, Moments, Network, ParamSpec, Role, check_moments, export_params, import_params};
use crate::real::Real;

/// The arrays of another framework's network by name: what PyTorch calls a `state_dict`.
///
/// From a file of PyTorch's to parameters and to the statistics that its batch norms kept, and back (features `safetensors`
/// and `npz`, one for each kind of file):
///
/// ```
/// # fn main() -> Result<(), innerloop::Error> {
/// # if !cfg!(feature = "safetensors") { return Ok(()); }
/// # let folder = tempfile::tempdir().unwrap();
/// # let out = folder.path().join("out.safetensors");
/// use innerloop::{Conv4, Downsample, Framework, Norm, StateDict, Tape, Model};
/// let model = Conv4::new([32, 32, 2], 4, Downsample::MaxPool, Some(5))?;
///
/// // in Python: safetensors.torch.save_file(net.state_dict(), "tests/pytorch/conv4.safetensors")
/// let dict = StateDict::<f32>::read("tests/pytorch/conv4.safetensors")?;
/// let names = dict.names_in_order(Framework::PyTorch, &model)?; // or a table of your own: WeightNames::new
/// assert!(names.to_string().starts_with("conv1_w = features.0.weight\n")); // print it, and look
/// let params = dict.params(Framework::PyTorch, &model, &names)?;
/// let moments = dict.moments(&model, &names)?.expect("the file has running statistics");
///
/// let tape = Tape::new();
/// let (theta, x) = (tape.leaves(&params), tape.full(&[1, 32, 32, 2], 0.5));
/// let logits = model.forward(&theta, x, Norm::Running(&moments)); // PyTorch's eval(); Norm::Batch is its train()
/// assert_eq!(*logits.shape(), [1, 5]);
///
/// // and back, for net.load_state_dict(safetensors.torch.load_file(..))
/// StateDict::of(Framework::PyTorch, &model, &names, &params, Some(&moments))?.write(&out)?;
/// # Ok(())
/// # }
/// ```
///
/// For a learner, the statistics are [`NormMode::Running`](crate::NormMode::Running).
#[derive(Debug, Clone, PartialEq)]
pub struct StateDict<T> {
    arrays: Vec<(String, ArrayD<T>)>,
}

impl<T: Real> StateDict<T> {
    /// Of named arrays.
    ///
    /// # Errors
    /// [`Error::Weights`] for a name that is there twice.
    pub fn new(arrays: Vec<(String, ArrayD<T>)>) -> Result<StateDict<T>> {
        let mut seen = HashSet::new();
        if let Some((name, _)) = arrays.iter().find(|(name, _)| !seen.insert(name)) {
            return Err(Error::Weights { reason: format!("array {name:?} is there twice: rename one") });
        }
        Ok(StateDict { arrays })
    }

    /// Reads a file of `safetensors.torch.save_file(model.state_dict(), path)` (feature `safetensors`) or of
    /// `numpy.savez(path, **{name: array.numpy() for name, array in model.state_dict().items()})` (feature `npz`); the
    /// content says which of them it is.
    ///
    /// Numbers are `float32` or `float64`, and become `T`. Arrays named `num_batches_tracked` are left out.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for another format, a damaged file and numbers of another type, naming the array.
    pub fn read(path: impl AsRef<Path>) -> Result<StateDict<T>> {
        StateDict::new(read(path.as_ref())?)
    }

    /// Writes a file for `safetensors.torch.load_file` or `numpy.load`: its name ends in `.safetensors` or `.npz`, each with
    /// the feature of that name. It is written beside its place and renamed.
    ///
    /// # Errors
    /// [`Error::Setting`] for another ending; [`Error::Io`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write(path.as_ref(), &self.arrays)
    }

    /// The arrays: in the order of a npz file; of a safetensors file by name (it does not keep the order), with numbers in
    /// names as numbers.
    pub fn arrays(&self) -> &[(String, ArrayD<T>)] {
        &self.arrays
    }

    /// The same without the arrays whose names begin with `prefix`, such as a head that the network does not have.
    #[must_use]
    pub fn without(self, prefix: &str) -> StateDict<T> {
        StateDict { arrays: self.arrays.into_iter().filter(|(name, _)| !name.starts_with(prefix)).collect() }
    }

    /// Finds the names by order: the first convolution of the file is the first of the network, and so on, and in the same way for
    /// linear layers and for norms. A layer is the arrays `weight` and `bias` of a common name before it; the number
    /// of axes says which kind it is.
    ///
    /// The order is that of [`arrays`](StateDict::arrays). All shapes must fit; where layers of equal shape may be stored in
    /// another order than they are used in, print the table and look.
    ///
    /// # Errors
    /// [`Error::Weights`] if numbers of layers differ, a shape does not fit or a parameter is of another kind; what
    /// [`check_specs`](crate::check_specs) refuses.
    pub fn names_in_order(&self, from: Framework, model: &dyn Network) -> Result<WeightNames> {
        names_in_order(from, &model.specs(), &self.arrays)
    }

    /// The parameters of a network, in its order and layout ([`import_params`]).
    ///
    /// # Errors
    /// [`Error::Weights`] with all names that are missing and all arrays that are left over, but for the running
    /// statistics of the network's norms; [`Error::Spec`] if `names` lists an unknown parameter; as [`import_params`].
    #[inline(never)]
    pub fn params(
        &self,
        from: Framework,
        model: &dyn Network,
        names: &WeightNames,
    ) -> Result<Vec<ArrayD<T>>> {
        let specs = model.specs();
        names.check(&specs)?;
        let of = |spec: &ParamSpec| self.get(names.theirs(&spec.name));
        let missing: Vec<_> = specs.iter().filter(|spec| of(spec).is_none()).collect();
        let norms = norm_layers(&specs, names);
        let used = |name: &str| {
            let (layer, what) = split(name);
            specs.iter().any(|spec| names.theirs(&spec.name) == name)
                || ["running_mean", "running_var"].contains(&what) && norms.contains(&layer)
        };
        let left: Vec<_> = self.arrays.iter().map(|(name, _)| &name[..]).filter(|name| !used(name)).collect();
        if !missing.is_empty() || !left.is_empty() {
            return Err(Error::Weights { reason: differences(&missing, &left, names) });
        }
        let arrays: Vec<_> = specs.iter().map(|spec| of(spec).expect("none is missing").clone()).collect();
        import_params(from, &specs, &arrays)
    }

    /// The running statistics of a network's norms, for [`Norm::Running`](crate::Norm::Running) and
    /// [`NormMode::Running`](crate::NormMode::Running): the arrays `running_mean` and `running_var` beside each norm's weight.
    /// `None` if there are none at all (`track_running_stats=False`). PyTorch's running variances are of unbiased batch
    /// variances; they are taken as they are, since its `eval()` does the same.
    ///
    /// # Errors
    /// [`Error::Weights`] if those of a norm are missing, or a norm of the network has no scale to find them by;
    /// [`Error::Shape`] for another number of channels; [`Error::NotFinite`], which includes negative variances.
    #[inline(never)]
    pub fn moments(&self, model: &dyn Network, names: &WeightNames) -> Result<Option<Vec<Moments>>> {
        let (specs, channels) = (model.specs(), model.norms());
        let layers = norm_layers(&specs, names);
        let numbers = |layer: &str, what: &str| {
            let array = self.get(&joined(layer, what))?;
            Some(array.iter().map(|v| v.as_f64()).collect::<Vec<_>>())
        };
        let found: Vec<_> = layers
            .iter()
            .map(|layer| (numbers(layer, "running_mean"), numbers(layer, "running_var")))
            .collect();
        if found.iter().all(|pair| matches!(pair, (None, None))) {
            return Ok(None);
        }
        check_norms(&layers, &channels)?;
        let moments = found.into_iter().zip(layers).map(|(pair, layer)| match pair {
            (Some(mean), Some(var)) => Ok(Moments { mean, var }),
            _ => {
                let reason = format!(
                    "there is no \"running_mean\" or no \"running_var\" of {layer:?}, though other norms have them"
                );
                Err(Error::Weights { reason })
            }
        });
        let moments = moments.collect::<Result<Vec<_>>>()?;
        check_moments(&moments, &channels)?;
        Ok(Some(moments))
    }

    /// Parameters of a network as another framework's arrays ([`export_params`]), under the names of `names`, and the running
    /// statistics of its norms beside their weights.
    ///
    /// PyTorch's layers have running statistics unless they were made with `track_running_stats=False`, and want them in
    /// their file. For a network that normalises by its batches, as most meta-learners do, give
    /// [`Moments::standard`] for each of its norms and keep the module in `train()`.
    ///
    /// # Errors
    /// As [`export_params`]; [`Error::Spec`] if `names` lists an unknown parameter; [`Error::Weights`] if two parameters
    /// have one name, or a norm has no scale; for statistics that do not fit as [`moments`](StateDict::moments).
    #[inline(never)]
    pub fn of(
        to: Framework,
        model: &dyn Network,
        names: &WeightNames,
        params: &[ArrayD<T>],
        moments: Option<&[Moments]>,
    ) -> Result<StateDict<T>> {
        let specs = model.specs();
        names.check(&specs)?;
        let turned = export_params(to, &specs, params)?;
        let mut arrays: Vec<_> = specs.iter().map(|s| names.theirs(&s.name).to_owned()).zip(turned).collect();
        let layers = norm_layers(&specs, names);
        if let Some(moments) = moments {
            check_norms(&layers, &model.norms())?;
            check_moments(moments, &model.norms())?;
            for (layer, Moments { mean, var }) in layers.into_iter().zip(moments) {
                // behind the layer's last array, where PyTorch has them
                let at = arrays.iter().rposition(|(name, _)| split(name).0 == layer).map_or(0, |at| at + 1);
                for (what, numbers) in [("running_var", var), ("running_mean", mean)] {
                    let numbers = ndarray::Array1::from_iter(numbers.iter().map(|&v| T::from_f64(v)));
                    arrays.insert(at, (joined(layer, what), numbers.into_dyn()));
                }
            }
        }
        StateDict::new(arrays)
    }

    fn get(&self, name: &str) -> Option<&ArrayD<T>> {
        self.arrays.iter().find(|(n, _)| n == name).map(|(_, array)| array)
    }
}

/// The layers of a network's norms, in order: where their scales are.
fn norm_layers<'n>(specs: &'n [ParamSpec], names: &'n WeightNames) -> Vec<&'n str> {
    let scales = specs.iter().filter(|spec| spec.role == Role::Scale);
    scales.map(|spec| split(names.theirs(&spec.name)).0).collect()
}

fn check_norms(layers: &[&str], channels: &[usize]) -> Result<()> {
    let apart = layers.iter().collect::<HashSet<_>>().len();
    if layers.len() == channels.len() && apart == layers.len() {
        return Ok(());
    }
    let reason = format!(
        "its {} norms have scales in the layers {layers:?}, so it cannot be said which running statistics are whose: \
         each norm needs a layer of its own name, such as \"features.1\" of \"features.1.weight\"",
        channels.len()
    );
    Err(Error::Weights { reason })
}

compiled_here!(T: StateDict::<T>::params, StateDict::<T>::moments, StateDict::<T>::of);

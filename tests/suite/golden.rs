//! Losses, adapted parameters and meta-gradients against another framework's, in
//! `f64` and `f32`.
//!
//! Every `.npz` file that lies directly in the golden folder is a case: a meta-batch, the
//! initial parameters, the settings and the results of one MAML meta-step, computed in
//! float64 by PyTorch 2.15.0 with double backward. The gradient of a convolution's bias
//! before batch norm is zero but for rounding, so errors are relative to the norm over all
//! parameters together.

use std::fs;
use std::path::PathBuf;

use crate::common::{
    self,
    npz::{Npz, Number},
};
use innerloop::ndarray::{Array1, ArrayD};
use innerloop::{
    Conv4, Downsample, Episode, Examples, Framework, Learned, Learner, Maml, Mlp, Model, Network, NormMode,
    Order, Progress, Real, Route, images_from_channels_first, import_params, meta_grad,
};

struct Golden {
    file: Npz,
}

impl Golden {
    /// A list of parameters under `prefix`, turned to channels last.
    fn params<A: Number + Into<f64>, T: Real>(
        &mut self,
        prefix: &str,
        model: &(impl Network + ?Sized),
    ) -> Vec<ArrayD<T>> {
        let specs = model.specs();
        let arrays: Vec<_> = specs
            .iter()
            .map(|s| self.file.array::<A>(&format!("{prefix}/{}", s.name)).mapv(|v| T::from_f64(v.into())))
            .collect();
        import_params(Framework::PyTorch, &specs, &arrays).unwrap()
    }

    fn is_regression(&mut self) -> bool {
        // labels are integers, targets are not
        !self.file.is::<i64>("y_support")
    }

    fn episodes<T: Real>(&mut self) -> Vec<Episode<T>> {
        let regression = self.is_regression();
        let tasks = self.file.number("tasks");
        let mut sets = ["support", "query"].map(|set| {
            let x: ArrayD<T> = self.file.array::<f32>(&format!("x_{set}")).mapv(|v| T::from_f64(v.into()));
            let y = format!("y_{set}");
            let inputs: Vec<ArrayD<T>> = x.outer_iter().map(|x| x.to_owned()).collect();
            let examples: Vec<Examples<T>> = if regression {
                let values = self.file.array::<f32>(&y).mapv(|v| T::from_f64(v.into()));
                let pairs = inputs.into_iter().zip(values.outer_iter());
                pairs.map(|(x, y)| Examples::valued(x, y.to_owned())).collect()
            } else {
                let (ways, labels) =
                    (self.file.number("ways"), self.file.array::<i64>(&y).mapv(|l| l as usize));
                let pairs = inputs.into_iter().zip(labels.outer_iter());
                pairs
                    .map(|(x, y)| {
                        let x = images_from_channels_first(&x).unwrap();
                        Examples::labelled(x, y.iter().copied().collect(), ways)
                    })
                    .collect()
            };
            examples.into_iter()
        });
        let mut next = |set: usize| sets[set].next().unwrap();
        (0..tasks).map(|_| Episode::new(next(0), next(1)).unwrap()).collect()
    }

    /// The networks whose parameters have the names and shapes of the file's: one, or the
    /// strided and the pooled one, which may have the same.
    fn candidates<T: Real>(&mut self) -> Vec<Box<dyn Model<T>>> {
        let filters = self.file.number("filters");
        if self.is_regression() {
            let ends =
                ["x_support", "y_support"].map(|name| *self.file.array::<f32>(name).shape().last().unwrap());
            return vec![Box::new(Mlp::new(&[ends[0], filters, filters, ends[1]]).unwrap())];
        }
        let (ways, shape) = (self.file.number("ways"), self.file.array::<f32>("x_support").shape().to_vec());
        let image = [shape[3], shape[4], shape[2]];
        let features = self.file.array::<f32>("init/linear_w").shape()[1];
        [Downsample::Stride, Downsample::MaxPool]
            .into_iter()
            .filter_map(|downsample| Conv4::new(image, filters, downsample, Some(ways)).ok())
            .filter(|model| model.features() == features)
            .map(|model| Box::new(model) as Box<dyn Model<T>>)
            .collect()
    }

    /// The network of the file. Images of 28x28 give as many features by strides as by pooling,
    /// and the file does not say which it used, so the one whose query losses come closest to the
    /// file's is taken. The checks then hold it to the tolerance.
    fn model<T: Real>(&mut self) -> Box<dyn Model<T>> {
        let want = self.file.array::<f64>("query_loss");
        let error = |golden: &mut Golden, model: &dyn Model<T>| {
            let learned = Learned::from(golden.params::<f32, T>("init", model));
            let learner = golden.learner(model, Order::First, Route::Sweep);
            let losses = golden.episodes().into_iter().zip(&want).map(|(episode, want)| {
                let scores = learner.scores(&learned, &episode).unwrap();
                (scores.last().unwrap().transductive.loss - want).abs()
            });
            losses.sum::<f64>()
        };
        let mut candidates = self.candidates();
        assert!(!candidates.is_empty(), "{}: no network has parameters of these shapes", self.file.name());
        if candidates.len() == 1 {
            return candidates.remove(0);
        }
        let errors: Vec<f64> = candidates.iter().map(|model| error(self, model)).collect();
        candidates.swap_remove(usize::from(errors[1] < errors[0]))
    }

    fn learner<'m, T: Real>(
        &mut self,
        model: &'m dyn Model<T>,
        order: Order,
        route: Route,
    ) -> Maml<&'m dyn Model<T>> {
        let (inner_lr, steps) = (self.file.rate("lr"), self.file.number("steps"));
        Maml::new(model, inner_lr, order, NormMode::Batch).steps(steps).route(route)
    }

    /// What `f32` may differ by. Rounding can move an activation to the other side of a kink of
    /// ReLU or max-pool, where gradients jump: the more activations, the larger the jumps that some
    /// of them cause. An activation counts once in each forward pass of the batch. Those of the
    /// reference in `f32` differ by up to 2e-6 with 2e5 activations, 1e-5 with 5e6 and 6e-4 with 2e7.
    fn single_tolerance(&mut self) -> f64 {
        let examples = |shape: &[usize]| shape[1];
        let steps = self.file.number("steps");
        let (support, query) = (self.file.array::<f32>("x_support"), self.file.array::<f32>("x_query"));
        let pixels: usize = support.shape()[3.min(support.ndim())..].iter().product();
        let passes = steps * examples(support.shape()) + examples(query.shape());
        let activations = passes * pixels * self.file.number("filters");
        match activations {
            0..1_000_000 => 1e-5,
            1_000_000..10_000_000 => 1e-3,
            _ => 5e-3,
        }
    }
}

fn flat<T: Real>(arrays: &[ArrayD<T>]) -> Array1<f64> {
    arrays.iter().flatten().map(|v| v.as_f64()).collect()
}

fn error<T: Real>(got: &[ArrayD<T>], want: &[ArrayD<f64>]) -> f64 {
    let (got, want) = (flat(got), flat(want));
    let norm = |v: &Array1<f64>| v.dot(v).sqrt();
    norm(&(&got - &want)) / norm(&want)
}

/// Holds one file, in both orders and by both routes, to `tolerance`.
fn check<T: Real>(golden: &mut Golden, tolerance: f64) {
    let model = golden.model::<T>();
    let name = format!("{} ({})", golden.file.name(), std::any::type_name::<T>());
    let learned = Learned::from(golden.params::<f32, T>("init", &model));
    let episodes: Vec<Episode<T>> = golden.episodes();
    for (what, count) in [("shots", episodes[0].support.len()), ("queries", episodes[0].query.len())] {
        let classes = episodes[0].ways().unwrap_or(1);
        assert_eq!(golden.file.number(what) * classes, count, "{name}: {what}");
    }
    let loss = golden.file.array::<f64>("meta_loss")[[]];
    for (order, key) in [(Order::Second, "second_order"), (Order::First, "first_order")] {
        let want = golden.params::<f64, f64>(key, &model);
        // first order has no graph across steps, so one route
        let routes: &[_] =
            if order == Order::First { &[Route::Sweep] } else { &[Route::Unrolled, Route::Sweep] };
        for &route in routes {
            let got = {
                let learner = golden.learner(&*model, order, route);
                meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap()
            };
            let (gradient, loss) = (error(&got.grads, &want), (got.loss / loss - 1.0).abs());
            println!("{name} {order:?} {route:?}: loss {loss:.1e}, meta-gradient {gradient:.1e}");
            assert!(
                gradient <= tolerance && loss <= tolerance,
                "{name} {order:?} {route:?}: {gradient:e} {loss:e}"
            );
        }
    }
    let learner = golden.learner(&*model, Order::Second, Route::Unrolled);
    let steps = learner.steps;
    let query_losses = golden.file.array::<f64>("query_loss");
    for (task, want) in episodes.iter().zip(&query_losses) {
        let scores = learner.scores(&learned, task).unwrap();
        assert_eq!(scores.len(), steps + 1);
        let loss = scores[steps].transductive.loss;
        assert!((loss / want - 1.0).abs() <= tolerance, "{name}: {loss} for {want}");
    }
    let adapted = learner.adapt(&learned, &episodes[0].support).unwrap().params(&model.specs()).unwrap();
    let drift = error(&adapted, &golden.params::<f64, f64>("task0_adapted", &model));
    assert!(drift <= tolerance, "{name}: adapted parameters differ by {drift:e}");
}

/// The files directly in the golden folder, or `None` with a loud line if no folder is named.
fn files() -> Option<Vec<PathBuf>> {
    let folder = common::golden()?;
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "npz")).collect();
    assert!(!files.is_empty(), "{} holds no file *.npz", folder.display());
    files.sort();
    Some(files)
}

#[test]
fn every_file_is_matched_in_double_precision() {
    for path in files().unwrap_or_default() {
        check::<f64>(&mut Golden { file: Npz::open(&path) }, 1e-9);
    }
}

#[test]
fn every_file_is_matched_in_single_precision() {
    for path in files().unwrap_or_default() {
        let mut golden = Golden { file: Npz::open(&path) };
        let tolerance = golden.single_tolerance();
        check::<f32>(&mut golden, tolerance);
    }
}

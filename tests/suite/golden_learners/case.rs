//! One file of reference values.

use std::path::Path;

use innerloop::ndarray::{ArrayD, Axis};
use innerloop::{
    Conv4, Downsample, Episode, Examples, Framework, Learned, Learner, ParamSpec, images_from_channels_first,
    import_params,
};

use crate::common::npz::Npz;

/// A file, and how its arrays become ours.
pub struct Case {
    pub npz: Npz,
}

impl Case {
    pub fn open(path: &Path) -> Case {
        Case { npz: Npz::open(path) }
    }

    /// `prefix/name` if it is there, else `name`: an array missing under a prefix is the same as the one without it.
    pub fn name(&self, prefix: &str, name: &str) -> String {
        let with = format!("{prefix}{name}");
        if self.npz.has(&with) { with } else { name.to_owned() }
    }

    /// The pooled network of the file, with its head or without.
    pub fn conv4(&mut self, head: bool) -> Conv4 {
        let shape = self.npz.array::<f32>("x_support").shape().to_vec();
        let (filters, ways) = (self.npz.number("filters"), self.npz.number("ways"));
        Conv4::new([shape[3], shape[4], shape[2]], filters, Downsample::MaxPool, head.then_some(ways))
            .unwrap()
    }

    /// Arrays `prefix + name` for the names of specs, in our layout.
    pub fn arrays(&mut self, prefix: &str, specs: &[ParamSpec]) -> Vec<ArrayD<f64>> {
        let arrays: Vec<_> = specs
            .iter()
            .map(|spec| {
                let name = format!("{prefix}{}", spec.name);
                if self.npz.is::<f32>(&name) {
                    self.npz.array::<f32>(&name).mapv(f64::from)
                } else {
                    self.npz.array::<f64>(&name)
                }
            })
            .collect();
        import_params(Framework::PyTorch, specs, &arrays).unwrap()
    }

    /// What the file starts from.
    pub fn init(&mut self, learner: &dyn Learner<f64>) -> Learned<f64> {
        self.arrays("init/", &learner.specs()).into()
    }

    /// Images `[n, c, h, w]` in our layout.
    pub fn images(&mut self, name: &str) -> ArrayD<f64> {
        images_from_channels_first(&self.npz.array::<f32>(name).mapv(f64::from)).unwrap()
    }

    /// The inputs of each task, in our layout.
    pub fn inputs(&mut self, name: &str) -> Vec<ArrayD<f64>> {
        let x = self.npz.array::<f32>(name).mapv(f64::from);
        let layout = |x: ArrayD<f64>| if x.ndim() == 4 { images_from_channels_first(&x).unwrap() } else { x };
        x.outer_iter().map(|x| layout(x.to_owned())).collect()
    }

    /// The tasks; unlabelled images, if there are any, come with the support set.
    pub fn episodes(&mut self) -> Vec<Episode<f64>> {
        let mut sets = ["support", "query"].map(|set| {
            let (x, y) = (self.inputs(&format!("x_{set}")), format!("y_{set}"));
            let examples: Vec<_> = if self.npz.is::<i64>(&y) {
                let (ways, labels) =
                    (self.npz.number("ways"), self.npz.array::<i64>(&y).mapv(|l| l as usize));
                let labels =
                    labels.axis_iter(Axis(0)).map(|l| l.iter().copied().collect()).collect::<Vec<_>>();
                x.into_iter().zip(labels).map(|(x, l)| Examples::labelled(x, l, ways)).collect()
            } else {
                let values = self.npz.array::<f32>(&y).mapv(f64::from);
                x.into_iter()
                    .zip(values.outer_iter())
                    .map(|(x, v)| Examples::valued(x, v.to_owned()))
                    .collect()
            };
            examples
        });
        if self.npz.has("x_unlabelled") {
            let unlabelled = self.inputs("x_unlabelled");
            let support = std::mem::take(&mut sets[0]);
            sets[0] = support.into_iter().zip(unlabelled).map(|(s, u)| s.with_unlabelled(u)).collect();
        }
        let [support, query] = sets;
        support.into_iter().zip(query).map(|(s, q)| Episode::new(s, q).unwrap()).collect()
    }

    /// Holds gradients to `{prefix}gradient/`, with the largest value of the whole gradient as the unit.
    pub fn assert_gradient(&mut self, prefix: &str, learner: &dyn Learner<f64>, found: &[ArrayD<f64>]) {
        let specs = learner.specs();
        let want = self.arrays(&format!("{prefix}gradient/"), &specs);
        let unit = largest(&want);
        assert!(unit > 0.0, "{}: a gradient of zeros proves nothing", self.npz.name());
        for ((spec, found), want) in specs.iter().zip(found).zip(&want) {
            assert_eq!(found.shape(), want.shape(), "{}: {}", self.npz.name(), spec.name);
            let error = difference(found, want) / unit;
            assert!(error <= 1e-9, "{} {prefix}gradient/{}: {error:e}", self.npz.name(), spec.name);
        }
    }

    /// Holds an array to the file's, with the file's largest value as the unit.
    pub fn assert_array(&mut self, name: &str, found: &ArrayD<f64>) {
        let want = self.npz.array::<f64>(name);
        self.assert_equal(name, found, &want);
    }

    pub fn assert_equal(&self, what: &str, found: &ArrayD<f64>, want: &ArrayD<f64>) {
        assert_eq!(found.shape(), want.shape(), "{} {what}", self.npz.name());
        let error = difference(found, want) / largest(std::slice::from_ref(want));
        assert!(error <= 1e-9, "{} {what}: {error:e}", self.npz.name());
    }

    /// Holds a number to the file's.
    pub fn assert_number(&mut self, name: &str, found: f64) {
        let want = self.npz.rate(name);
        assert!((found / want - 1.0).abs() <= 1e-9, "{} {name}: {found} for {want}", self.npz.name());
    }
}

pub fn largest(arrays: &[ArrayD<f64>]) -> f64 {
    arrays.iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs()))
}

pub fn difference(a: &ArrayD<f64>, b: &ArrayD<f64>) -> f64 {
    a.iter().zip(b).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()))
}

//! Parameters and images from frameworks that put channels first, and back.

use std::collections::HashMap;

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::params::check_params;
use super::spec::{ParamSpec, Role};
use super::specs::check_specs;
use crate::error::{Error, Result};
use crate::real::Real;

/// A framework whose parameters come in or go out. It decides how arrays are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framework {
    /// Convolutions `[c_out, c_in, kh, kw]`, linear layers `[outputs, inputs]`.
    PyTorch,
    /// Convolutions `[c_out, c_in, kh, kw]`, linear layers `[inputs, outputs]`.
    Paddle,
}

/// Parameters of a model from another framework's arrays, in the order of `specs`.
///
/// Convolution weights become `[kh, kw, c_in, c_out]` and linear weights `[inputs, outputs]`; where the inputs of a
/// linear layer are a flattened image, their order changes from `(c, h, w)` to `(h, w, c)`. The rest stays.
///
/// # Errors
/// What [`check_specs`] refuses, [`Error::Shape`] or [`Error::NotFinite`], naming the parameter.
#[inline(never)]
pub fn import_params<T: Real>(
    from: Framework,
    specs: &[ParamSpec],
    arrays: &[ArrayD<T>],
) -> Result<Vec<ArrayD<T>>> {
    check_specs(specs)?;
    let turned: Vec<_> =
        specs.iter().zip(arrays).map(|(spec, array)| turned_in(from, spec, array)).collect::<Result<_>>()?;
    if arrays.len() != specs.len() {
        let what = "list of parameters".to_string();
        return Err(Error::Shape { what, expected: vec![specs.len()], found: vec![arrays.len()] });
    }
    check_params(specs, &turned)?;
    Ok(turned)
}

/// Parameters of a model in another framework's layout: what [`import_params`] reads back.
///
/// # Errors
/// What [`check_params`] refuses.
#[inline(never)]
pub fn export_params<T: Real>(
    to: Framework,
    specs: &[ParamSpec],
    params: &[ArrayD<T>],
) -> Result<Vec<ArrayD<T>>> {
    check_params(specs, params)?;
    Ok(specs.iter().zip(params).map(|(spec, array)| turned_out(to, spec, array)).collect())
}

/// As [`import_params`], by name: from arrays such as a `state_dict`'s, of which `names` gives ours and theirs, such as
/// `("conv1_w", "features.0.weight")`. A parameter that `names` does not list has the same name there. Further
/// arrays are ignored.
///
/// # Errors
/// As [`import_params`]; [`Error::Spec`], naming a parameter for which there is no array.
#[inline(never)]
pub fn import_named<T: Real>(
    from: Framework,
    specs: &[ParamSpec],
    names: &[(&str, &str)],
    arrays: &HashMap<String, ArrayD<T>>,
) -> Result<Vec<ArrayD<T>>> {
    let find = |spec: &ParamSpec| {
        let theirs = foreign_name(names, &spec.name);
        arrays.get(theirs).cloned().ok_or_else(|| Error::Spec {
            name: format!("{:?}", spec.name),
            reason: format!("there is no array named {theirs:?}, give its name there or another file"),
        })
    };
    import_params(from, specs, &specs.iter().map(find).collect::<Result<Vec<_>>>()?)
}

/// As [`export_params`], with the names that [`import_named`] reads back, in the order of `specs`.
///
/// # Errors
/// As [`export_params`].
#[inline(never)]
pub fn export_named<T: Real>(
    to: Framework,
    specs: &[ParamSpec],
    names: &[(&str, &str)],
    params: &[ArrayD<T>],
) -> Result<Vec<(String, ArrayD<T>)>> {
    let named = specs.iter().map(|spec| foreign_name(names, &spec.name).to_owned());
    Ok(named.zip(export_params(to, specs, params)?).collect())
}

fn foreign_name<'n>(names: &[(&str, &'n str)], ours: &'n str) -> &'n str {
    names.iter().find(|(name, _)| *name == ours).map_or(ours, |(_, theirs)| theirs)
}

/// The shape that another framework's array of a parameter has.
pub(crate) fn foreign_shape(from: Framework, spec: &ParamSpec) -> Vec<usize> {
    let s = &spec.shape;
    match (spec.role, from) {
        (Role::Conv, _) => vec![s[3], s[2], s[0], s[1]],
        (Role::Linear { .. }, Framework::PyTorch) => vec![s[1], s[0]],
        _ => s.clone(),
    }
}

fn turned_in<T: Real>(from: Framework, spec: &ParamSpec, array: &ArrayD<T>) -> Result<ArrayD<T>> {
    let need = foreign_shape(from, spec);
    if array.shape() != need {
        let what = format!("{from:?} parameter {}", spec.name);
        return Err(Error::Shape { what, expected: need, found: array.shape().to_vec() });
    }
    Ok(match spec.role {
        Role::Conv => standard(array.view().permuted_axes(IxDyn(&[2, 3, 1, 0]))),
        Role::Linear { image } => {
            let weights = if from == Framework::PyTorch { array.t() } else { array.view() };
            match image {
                Some([h, w, c]) => inputs_turned(weights, [c, h, w], [1, 2, 0]),
                None => standard(weights),
            }
        }
        _ => array.clone(),
    })
}

fn turned_out<T: Real>(to: Framework, spec: &ParamSpec, array: &ArrayD<T>) -> ArrayD<T> {
    match spec.role {
        Role::Conv => standard(array.view().permuted_axes(IxDyn(&[3, 2, 0, 1]))),
        Role::Linear { image } => {
            let weights = match image {
                Some(image) => inputs_turned(array.view(), image, [2, 0, 1]),
                None => array.clone(),
            };
            if to == Framework::PyTorch { standard(weights.t()) } else { weights }
        }
        _ => array.clone(),
    }
}

/// Weights `[inputs, outputs]` whose inputs are an image of shape `image`, with the image's axes in another order.
fn inputs_turned<T: Real>(weights: ArrayViewD<'_, T>, image: [usize; 3], order: [usize; 3]) -> ArrayD<T> {
    let shape = weights.shape().to_vec();
    let [a, b, c] = image;
    let split =
        standard(weights).into_shape_with_order(vec![a, b, c, shape[1]]).expect("same number of elements");
    let turned = standard(split.view().permuted_axes(IxDyn(&[order[0], order[1], order[2], 3])));
    turned.into_shape_with_order(shape).expect("same number of elements")
}

/// Images `[n, c, h, w]` as `[n, h, w, c]`.
///
/// # Errors
/// [`Error::Shape`] without exactly four axes.
#[inline(never)]
pub fn images_from_channels_first<T: Real>(images: &ArrayD<T>) -> Result<ArrayD<T>> {
    if images.ndim() != 4 {
        let what = "channels-first images [n, c, h, w], number of axes".to_string();
        return Err(Error::Shape { what, expected: vec![4], found: vec![images.ndim()] });
    }
    Ok(standard(images.view().permuted_axes(IxDyn(&[0, 2, 3, 1]))))
}

fn standard<T: Real>(view: ArrayViewD<'_, T>) -> ArrayD<T> {
    view.as_standard_layout().into_owned()
}

compiled_here!(T: import_params::<T>, export_params::<T>, images_from_channels_first::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Conv4, Downsample, Model, Network};

    #[test]
    fn a_flattened_head_reads_the_same_features_after_the_turn() {
        // logits = W·flatten(image): (c, h, w) order by hand, (h, w, c) order here
        let (h, w, c, ways) = (2, 3, 5, 2);
        let spec = ParamSpec::linear("linear_w", h * w * c, ways).with_image([h, w, c]);
        let first = ArrayD::from_shape_fn(vec![ways, c * h * w], |i| (i[0] * 31 + i[1]) as f64);
        let last = turned_in(Framework::PyTorch, &spec, &first).unwrap();
        for (y, x, k, o) in [(0, 0, 0, 0), (1, 2, 4, 1), (0, 2, 3, 1), (1, 0, 2, 0)] {
            assert_eq!(last[[(y * w + x) * c + k, o]], first[[o, (k * h + y) * w + x]]);
        }
    }

    #[test]
    fn a_role_that_does_not_fit_its_shape_is_refused() {
        let spec = ParamSpec { shape: vec![4], ..ParamSpec::conv("w", [1; 4]) };
        let arrays = [ArrayD::<f32>::zeros(vec![4])];
        assert!(matches!(import_params(Framework::PyTorch, &[spec], &arrays), Err(Error::Spec { .. })));
    }

    #[test]
    fn wrong_shapes_are_refused_by_name() {
        let model = Conv4::new([16, 16, 1], 3, Downsample::MaxPool, Some(2)).unwrap();
        let mut arrays: Vec<ArrayD<f32>> = model.init(0); // channels last already
        let error = import_params(Framework::PyTorch, &model.specs(), &arrays).unwrap_err();
        assert!(error.to_string().contains("conv1_w"), "{error}");
        arrays.pop();
        assert!(import_params(Framework::PyTorch, &model.specs()[..1], &arrays).is_err());
        assert!(images_from_channels_first(&arrays[1]).is_err());
    }

    #[test]
    fn what_goes_out_comes_back_and_the_framework_decides_about_linear_layers() {
        let model = Conv4::new([28, 28, 1], 4, Downsample::MaxPool, Some(4)).unwrap();
        let (specs, params) = (model.specs(), Model::<f32>::init(&model, 3));
        let names = [("conv1_w", "features.0.weight"), ("linear_w", "head.weight")];
        for framework in [Framework::PyTorch, Framework::Paddle] {
            let out = export_named(framework, &specs, &names, &params).unwrap();
            assert_eq!((out[0].0.as_str(), out[0].1.shape()), ("features.0.weight", &[4, 1, 3, 3][..]));
            let all: HashMap<_, _> = out.into_iter().collect();
            assert_eq!(import_named(framework, &specs, &names, &all).unwrap(), params);
        }
        // a square linear layer has one shape in both, and other weights
        let [torch, paddle] =
            [Framework::PyTorch, Framework::Paddle].map(|f| export_params(f, &specs, &params).unwrap());
        let at = specs.len() - 2;
        assert_eq!((&specs[at].name[..], torch[at].t().to_owned()), ("linear_w", paddle[at].clone()));
        let missing = import_named(Framework::PyTorch, &specs, &names, &HashMap::<_, ArrayD<f32>>::new());
        assert!(matches!(missing, Err(Error::Spec { name, .. }) if name.contains("conv1_w")));
    }
}

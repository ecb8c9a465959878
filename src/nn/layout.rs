//! Parameters and images from frameworks that put channels first.

use ndarray::{ArrayD, IxDyn};

use super::params::check_params;
use super::spec::{ParamSpec, Role};
use super::specs::check_specs;
use crate::error::{Error, Result};
use crate::real::Real;

/// Parameters of a model from arrays laid out as PyTorch and PaddlePaddle keep
/// them, in the order of `specs`.
///
/// Convolution weights `[c_out, c_in, kh, kw]` become `[kh, kw, c_in, c_out]`; linear
/// weights `[outputs, inputs]` become `[inputs, outputs]`, and where the inputs are a
/// flattened image, their order changes from `(c, h, w)` to `(h, w, c)`. The rest stays.
///
/// # Errors
/// What [`check_specs`] refuses, [`Error::Shape`] or [`Error::NotFinite`], naming the parameter. (PaddlePaddle keeps
/// linear weights as `[inputs, outputs]`: swap their axes first.)
#[inline(never)]
pub fn params_from_channels_first<T: Real>(
    specs: &[ParamSpec],
    arrays: &[ArrayD<T>],
) -> Result<Vec<ArrayD<T>>> {
    check_specs(specs)?;
    let turned: Vec<_> =
        specs.iter().zip(arrays).map(|(spec, array)| turn(spec, array)).collect::<Result<_>>()?;
    if arrays.len() != specs.len() {
        let what = "list of parameters".to_string();
        return Err(Error::Shape { what, expected: vec![specs.len()], found: vec![arrays.len()] });
    }
    check_params(specs, &turned)?;
    Ok(turned)
}

fn turn<T: Real>(spec: &ParamSpec, array: &ArrayD<T>) -> Result<ArrayD<T>> {
    let wrong = |expected| {
        let what = format!("channels-first parameter {}", spec.name);
        Err(Error::Shape { what, expected, found: array.shape().to_vec() })
    };
    let s = &spec.shape;
    Ok(match spec.role {
        Role::Bias | Role::Scale | Role::Shift | Role::Other => array.clone(),
        Role::Conv => {
            if array.shape() != [s[3], s[2], s[0], s[1]] {
                return wrong(vec![s[3], s[2], s[0], s[1]]);
            }
            standard(array.view().permuted_axes(IxDyn(&[2, 3, 1, 0])))
        }
        Role::Linear { .. } => {
            if array.shape() != [s[1], s[0]] {
                return wrong(vec![s[1], s[0]]);
            }
            let Role::Linear { image: Some([h, w, c]) } = spec.role else {
                return Ok(standard(array.t()));
            };
            let array = standard(array.view());
            let split = array.into_shape_with_order(vec![s[1], c, h, w]).expect("same number of elements");
            let turned = standard(split.permuted_axes(IxDyn(&[2, 3, 1, 0])).view());
            turned.into_shape_with_order(vec![s[0], s[1]]).expect("same number of elements")
        }
    })
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

fn standard<T: Real>(view: ndarray::ArrayViewD<'_, T>) -> ArrayD<T> {
    view.as_standard_layout().into_owned()
}

compiled_here!(T: params_from_channels_first::<T>, images_from_channels_first::<T>);

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
        let last = turn(&spec, &first).unwrap();
        for (y, x, k, o) in [(0, 0, 0, 0), (1, 2, 4, 1), (0, 2, 3, 1), (1, 0, 2, 0)] {
            assert_eq!(last[[(y * w + x) * c + k, o]], first[[o, (k * h + y) * w + x]]);
        }
    }

    #[test]
    fn a_role_that_does_not_fit_its_shape_is_refused() {
        let spec = ParamSpec { shape: vec![4], ..ParamSpec::conv("w", [1; 4]) };
        let arrays = [ArrayD::<f32>::zeros(vec![4])];
        assert!(matches!(params_from_channels_first(&[spec], &arrays), Err(Error::Spec { .. })));
    }

    #[test]
    fn wrong_shapes_are_refused_by_name() {
        let model = Conv4::new([16, 16, 1], 3, Downsample::MaxPool, Some(2)).unwrap();
        let mut arrays: Vec<ArrayD<f32>> = model.init(0); // channels last already
        let error = params_from_channels_first(&model.specs(), &arrays).unwrap_err();
        assert!(error.to_string().contains("conv1_w"), "{error}");
        arrays.pop();
        assert!(params_from_channels_first(&model.specs()[..1], &arrays).is_err());
        assert!(images_from_channels_first(&arrays[1]).is_err());
    }
}

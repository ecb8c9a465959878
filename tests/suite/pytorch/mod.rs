//! Weights from PyTorch and back: files that PyTorch wrote (`write.py`), and files that PyTorch reads (`read.py`).
#![cfg(all(feature = "npz", feature = "safetensors"))]

mod refused;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::skip;
use innerloop::ndarray::ArrayD;
use innerloop::{
    Conv4, Downsample, Framework, Mlp, Model, Moments, Norm, Observer, ResNet12, StateDict, Tape,
    WeightNames, images_from_channels_first,
};

const TORCH: Framework = Framework::PyTorch;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytorch").join(name)
}

fn conv4() -> Conv4 {
    Conv4::new([32, 32, 2], 4, Downsample::MaxPool, Some(5)).unwrap()
}

fn resnet12() -> ResNet12 {
    ResNet12::new([32, 32, 2], [2, 3, 4, 5], Some(5)).unwrap()
}

/// The images of `nets.py`.
fn images() -> ArrayD<f32> {
    let (n, c, h, w) = (4, 2, 32, 32);
    let number = |i: usize| ((7919 * i % 1009) as f64 / 1009.0 - 0.5) as f32;
    let images = ArrayD::from_shape_vec(vec![n, c, h, w], (0..n * c * h * w).map(number).collect()).unwrap();
    images_from_channels_first(&images).unwrap()
}

fn logits(model: &dyn Model<f32>, params: &[ArrayD<f32>], norm: Norm<'_>) -> ArrayD<f32> {
    let tape = Tape::new();
    model.forward(&tape.leaves(params), tape.leaf(&images()), norm).to_array()
}

fn difference(a: &ArrayD<f32>, b: &ArrayD<f32>) -> f32 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn logits_are_those_of_pytorch_by_batch_and_by_running_statistics() {
    let models: [(&str, &dyn Model<f32>); 3] =
        [("conv4.safetensors", &conv4()), ("conv4.npz", &conv4()), ("resnet12.safetensors", &resnet12())];
    for (file, model) in models {
        let dict = StateDict::<f32>::read(fixture(file)).unwrap();
        let names = dict.names_in_order(TORCH, model).unwrap();
        let params = dict.params(TORCH, model, &names).unwrap();
        let moments = dict.moments(model, &names).unwrap().unwrap();
        assert!(moments.iter().all(|layer| layer.mean.iter().all(|&m| m != 0.0)), "the network was trained");
        let name = file.split('.').next().unwrap();
        let theirs = StateDict::read(fixture(&format!("{name}_logits.npz"))).unwrap();
        for (norm, (which, theirs)) in [Norm::Batch, Norm::Running(&moments)].into_iter().zip(theirs.arrays())
        {
            let apart = difference(&logits(model, &params, norm), theirs);
            println!("{file}, norm by {which} statistics: logits differ by {apart:.1e}");
            assert!(apart <= 1e-5, "{file}, {which}: {apart}");
        }
    }
}

#[test]
fn names_in_order_are_those_of_the_modules() {
    // both kinds of file, though safetensors does not keep the order
    let of = |file: &str, model: &dyn Model<f32>| {
        StateDict::<f32>::read(fixture(file)).unwrap().names_in_order(TORCH, model).unwrap()
    };
    let names = of("conv4.safetensors", &conv4());
    assert_eq!(names, of("conv4.npz", &conv4()));
    for (ours, theirs) in [("conv4_w", "features.12.weight"), ("bn4_beta", "features.13.bias")] {
        assert_eq!(names.theirs(ours), theirs);
    }
    assert!(names.to_string().ends_with("linear_w = head.weight\nlinear_b = head.bias\n"));
    // ResNet-12 has PyTorch's names
    let names = of("resnet12.safetensors", &resnet12());
    assert_eq!(names.pairs().len(), 50);
    assert!(names.pairs().iter().all(|(ours, theirs)| ours == theirs), "{names}");
}

#[test]
fn linear_layers_are_turned() {
    let mlp = Mlp::new(&[1, 6, 6, 1]).unwrap(); // a square layer has one shape both ways
    let dict = StateDict::<f32>::read(fixture("mlp.npz")).unwrap();
    let params = dict.params(TORCH, &mlp, &dict.names_in_order(TORCH, &mlp).unwrap()).unwrap();
    let expected = StateDict::read(fixture("mlp_logits.npz")).unwrap();
    let [(_, x), (_, y)] = expected.arrays() else { panic!("two arrays") };
    let tape = Tape::new();
    let ours = mlp.forward(&tape.leaves(&params), tape.leaf(x), Norm::Batch).to_array();
    assert!(difference(&ours, y) <= 1e-6);
    assert_eq!(dict.moments(&mlp, &WeightNames::same()).unwrap(), None);
}

#[test]
fn doubles_become_the_type_that_is_asked_for() {
    let head = Mlp::new(&[16, 5]).unwrap(); // the head of Conv4, which is stored alone
    for file in ["head_float64.safetensors", "head_float64.npz"] {
        let single = StateDict::<f32>::read(fixture(file)).unwrap();
        let double = StateDict::<f64>::read(fixture(file)).unwrap();
        let names = single.names_in_order(TORCH, &head).unwrap();
        let single = single.params(TORCH, &head, &names).unwrap();
        let double = double.params(TORCH, &head, &names).unwrap();
        assert_eq!(single[0].mapv(f64::from), double[0]); // they were f32 once
    }
}

#[test]
fn what_is_written_is_what_was_read() {
    let model = conv4();
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [("conv4.npz", "a.safetensors"), ("conv4.npz", "a.npz"), ("conv4.safetensors", "b.npz")]
    {
        let read = StateDict::<f64>::read(fixture(from)).unwrap();
        let names = read.names_in_order(TORCH, &model).unwrap();
        let (params, moments) = (read.params(TORCH, &model, &names), read.moments(&model, &names));
        let written = StateDict::of(TORCH, &model, &names, &params.unwrap(), moments.unwrap().as_deref());
        let (written, path) = (written.unwrap(), folder.path().join(to));
        written.write(&path).unwrap();
        let mut again = StateDict::<f64>::read(&path).unwrap().arrays().to_vec();
        if from.ends_with("npz") && to.ends_with("npz") {
            assert_eq!(again, read.arrays(), "in PyTorch's order");
        }
        let mut read = read.arrays().to_vec();
        for arrays in [&mut again, &mut read] {
            arrays.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        assert_eq!(again, read, "{from} as {to}");
    }
}

#[test]
fn pytorch_gets_the_same_logits_from_files_of_this_crate() {
    let Some(python) = std::env::var_os("INNERLOOP_PYTHON") else {
        return skip("INNERLOOP_PYTHON names no Python with torch, safetensors and numpy");
    };
    let folder = tempfile::tempdir().unwrap();
    let of = |file: &str| StateDict::<f32>::read(fixture(file)).unwrap();
    let conv4_names = of("conv4.npz").names_in_order(TORCH, &conv4()).unwrap();
    let models: [(&str, &dyn Model<f32>, _); 2] =
        [("conv4", &conv4(), conv4_names), ("resnet12", &resnet12(), WeightNames::same())];
    for (name, model, names) in models {
        let params = model.init(7);
        let observer = Observer::new();
        let batch = logits(model, &params, Norm::Observe(&observer));
        let moments = spread(observer.into_moments());
        let running = logits(model, &params, Norm::Running(&moments));
        let dict = StateDict::of(TORCH, model, &names, &params, Some(&moments)).unwrap();
        for kind in ["safetensors", "npz"] {
            dict.write(folder.path().join(format!("{name}.{kind}"))).unwrap();
        }
        let logits = vec![("batch".to_string(), batch), ("running".to_string(), running)];
        StateDict::new(logits).unwrap().write(folder.path().join(format!("{name}_logits.npz"))).unwrap();
    }
    let ran = Command::new(python).arg("-B").arg(fixture("read.py")).arg(folder.path()).output().unwrap();
    println!("{}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Statistics that are not the batch's own, or both ways to normalise would give the same.
fn spread(moments: Vec<Moments>) -> Vec<Moments> {
    moments.into_iter().map(|layer| Moments::standard(layer.mean.len()).updated(&layer, 0.7)).collect()
}

//! Files that do not fit, and what is said of them.

use std::fs;
use std::io::Write;
use std::path::Path;

use innerloop::ndarray::ArrayD;
use innerloop::{Conv4, Downsample, Error, Mlp, StateDict, WeightNames};

use super::{TORCH, conv4, fixture};
use crate::damage::{cases, damaged};

fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn half_precision_is_refused_by_the_name_of_the_array() {
    for (file, kind) in [
        ("head_float16.safetensors", "F16"),
        ("head_bfloat16.safetensors", "BF16"),
        ("head_float16.npz", "must be f4, f8"),
    ] {
        let told = told(StateDict::<f32>::read(fixture(file)));
        assert!(told.contains(file) && told.contains(kind) && told.contains("call `.float()`"), "{told}");
        assert!(told.contains("\"weight\"") || told.contains("\"bias\""), "{told}");
    }
}

#[test]
fn missing_and_left_over_arrays_are_named_with_the_nearest_names() {
    let dict = StateDict::<f32>::read(fixture("conv4.npz")).unwrap();
    let model = conv4();
    let names = dict.names_in_order(TORCH, &model).unwrap();
    // a module that was wrapped by nn.DataParallel
    let wrapped = dict.arrays().iter().map(|(name, a)| (format!("module.{name}"), a.clone())).collect();
    let wrapped = StateDict::new(wrapped).unwrap();
    let told_of = told(wrapped.params(TORCH, &model, &names));
    let first = "parameter \"conv1_w\" needs the array \"features.0.weight\", which is not there (the nearest name is \
                 \"module.features.0.weight\")";
    assert!(told_of.contains(first), "{told_of}");
    assert!(told_of.contains("no parameter takes the arrays [\"module.features.0.weight\""), "{told_of}");
    assert!(told_of.contains("and so do 10 more parameters"), "{told_of}");
    // order does not ask for names
    let found = wrapped.names_in_order(TORCH, &model).unwrap();
    assert_eq!(wrapped.params(TORCH, &model, &found).unwrap(), dict.params(TORCH, &model, &names).unwrap());

    let body = Conv4::new([32, 32, 2], 4, Downsample::MaxPool, None).unwrap();
    let told_of = told(dict.names_in_order(TORCH, &body));
    assert!(told_of.contains("0 linear layers, and the arrays have 1, [\"head\"]"), "{told_of}");
    let headless = dict.clone().without("head.");
    let found = headless.names_in_order(TORCH, &body).unwrap();
    assert_eq!(headless.params(TORCH, &body, &found).unwrap().len(), 16);
    assert!(told(dict.params(TORCH, &body, &found)).contains("[\"head.weight\", \"head.bias\"]"));

    let slip = WeightNames::new([("conv9_w", "features.0.weight")]);
    assert!(told(dict.params(TORCH, &model, &slip)).contains("conv9_w"));
    let wide = Conv4::new([32, 32, 2], 8, Downsample::MaxPool, Some(5)).unwrap();
    let told_of = told(dict.names_in_order(TORCH, &wide));
    assert!(told_of.contains("\"features.0.weight\", whose shape is [4, 2, 3, 3] instead of [8, 2, 3, 3]"));
}

#[test]
fn running_statistics_are_all_there_or_not_at_all() {
    let dict = StateDict::<f32>::read(fixture("conv4.npz")).unwrap();
    let (model, names) = (conv4(), dict.names_in_order(TORCH, &conv4()).unwrap());
    let told_of = told(dict.clone().without("features.5.running_var").moments(&model, &names));
    assert!(told_of.contains("no \"running_var\" of \"features.5\""), "{told_of}");
    let arrays = dict.arrays().iter().filter(|(name, _)| !name.contains("running")).cloned().collect();
    let none = StateDict::new(arrays).unwrap();
    assert_eq!(none.moments(&model, &names).unwrap(), None);
    assert!(none.params(TORCH, &model, &names).is_ok());
    // this crate's own names do not say layers
    let (params, moments) = (dict.params(TORCH, &model, &names).unwrap(), dict.moments(&model, &names));
    let told_of =
        told(StateDict::of(TORCH, &model, &WeightNames::same(), &params, moments.unwrap().as_deref()));
    assert!(told_of.contains("each norm needs a layer of its own name"), "{told_of}");
}

#[test]
fn names_twice_and_other_endings_are_refused() {
    let one = ("w".to_string(), ArrayD::<f32>::zeros(vec![1]));
    assert!(told(StateDict::new(vec![one.clone(), one.clone()])).contains("\"w\" is there twice"));
    let told_of = told(StateDict::new(vec![one]).unwrap().write("weights.pt"));
    assert!(told_of.contains("`path` is weights.pt: it must be a file name that ends in"), "{told_of}");
}

#[test]
fn files_cut_anywhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    for file in ["conv4.safetensors", "mlp.npz"] {
        let whole = fs::read(fixture(file)).unwrap();
        for cut in (0..whole.len()).step_by(7) {
            fs::write(&path, &whole[..cut]).unwrap();
            let error = StateDict::<f32>::read(&path).unwrap_err();
            assert!(matches!(error, Error::BadFile { .. }), "{file} cut at {cut}: {error}");
        }
    }
}

/// `INNERLOOP_CASES=50000` is the long form.
#[test]
fn damaged_files_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    let model = conv4();
    for (seed, file) in [(30, "conv4.safetensors"), (31, "conv4.npz"), (32, "mlp.npz")] {
        let whole = fs::read(fixture(file)).unwrap();
        for case in 0..cases() {
            fs::write(&path, damaged(&whole, seed, case)).unwrap();
            // PyTorch's files have no checksum: another number, or another name, may come out
            let Ok(dict) = StateDict::<f32>::read(&path) else { continue };
            let Ok(names) = dict.names_in_order(TORCH, &model) else { continue };
            let _ = dict.params(TORCH, &model, &names);
            let _ = dict.moments(&model, &names);
        }
    }
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.npz");
    npz(&path, "{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000), }", &[0; 100]);
    let started = std::time::Instant::now();
    let told_of = told(StateDict::<f32>::read(&path));
    assert!(told_of.contains("array \"w\""), "{told_of}");
    assert!(started.elapsed().as_secs() < 5);
    npz(&path, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", &f32::NAN.to_le_bytes());
    assert!(told(StateDict::<f32>::read(&path)).contains("bomb.npz: array \"w\" is not finite"));
    let mlp = Mlp::new(&[1, 1]).unwrap();
    npz(&path, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", &1f32.to_le_bytes());
    let scalar = StateDict::<f32>::read(&path).unwrap();
    assert!(told(scalar.params(TORCH, &mlp, &WeightNames::same())).contains("no parameter takes"));
}

/// An archive of one array `w`.
fn npz(path: &Path, header: &str, numbers: &[u8]) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    zip.start_file("w.npy", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(b"\x93NUMPY\x01\x00").unwrap();
    zip.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    zip.write_all(header.as_bytes()).unwrap();
    zip.write_all(numbers).unwrap();
    zip.finish().unwrap();
}

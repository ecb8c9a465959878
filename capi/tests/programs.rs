//! Programs in C, compiled with `cc` and linked with the static and the shared library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use innerloop::{Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Glyphs, Learned, Learner, Maml};
use innerloop::{NormMode, Order, PixelRange, Pretrained, ProtoNet, Tasks};
use serde::Serialize;

/// Compiles a program and runs it. It is linked statically, or with the shared library.
fn run(source: &Path, shared: bool, arguments: &[&Path]) -> String {
    let libraries = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or("cc".into()));
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-D_POSIX_C_SOURCE=200809L", "-o"])
        .arg(&program)
        .arg("-I")
        .arg(include)
        .arg(source);
    if shared {
        cc.arg("-L").arg(&libraries).arg("-linnerloop_c").arg(format!("-Wl,-rpath,{}", libraries.display()));
    } else {
        cc.arg(libraries.join("libinnerloop_c.a"));
    }
    let compiled = cc.args(["-lm", "-lpthread", "-ldl"]).status().expect("a C compiler named cc");
    assert!(compiled.success(), "{} does not compile", source.display());
    if let Some(kept) = std::env::var_os("INNERLOOP_KEEP") {
        let name = source.file_stem().unwrap();
        fs::copy(&program, Path::new(&kept).join(name)).unwrap(); // for valgrind, by hand
        arguments.iter().for_each(|a| drop(fs::copy(a, Path::new(&kept).join(a.file_name().unwrap()))));
    }
    let output = Command::new(&program).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}: {}", source.display(), text(&output.stderr));
    text(&output.stdout)
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn maml(norm: NormMode) -> Maml<Conv4> {
    let model = Conv4::new([28, 28, 1], 8, Downsample::Stride, Some(5)).unwrap();
    Maml::new(model, 0.4, Order::Second, norm).eval_steps(3)
}

fn protonet() -> ProtoNet<Conv4> {
    let model = Conv4::new([28, 28, 1], 8, Downsample::MaxPool, None).unwrap();
    ProtoNet::new(model, NormMode::Support)
}

fn pretrained<L: Learner<f32>>(learner: L) -> Pretrained<L> {
    let mut learned: Learned<f32> = learner.init(3).into();
    let state = learner.state();
    learned.state = innerloop::init_params(&state, 0);
    Pretrained::new(learner, learned, PixelRange::new(-0.5, 1.5).unwrap())
}

fn numbers(bytes: impl IntoIterator<Item = u32>) -> Vec<u8> {
    bytes.into_iter().flat_map(u32::to_ne_bytes).collect()
}

fn same_bits<L: Learner<f32> + Serialize>(learner: L, ways: usize, shared: bool) {
    let folder = tempfile::tempdir().unwrap();
    let files = ["pretrained", "episode", "classifier", "answers"].map(|name| folder.path().join(name));
    let glyphs = Glyphs::default().alphabets(2).characters_per_alphabet(5).drawers(6).generate().unwrap();
    let glyphs = glyphs.with_range(-0.5, 1.5).unwrap();
    let shape = EpisodeShape::new(ways, 2, 3);
    let Episode { support, query, .. }: Episode<f32> =
        EpisodeSampler::new(&glyphs, &glyphs.all(), shape, 5).unwrap().task(0);
    let pretrained = pretrained(learner);
    pretrained.save(&files[0]).unwrap();

    let labels = support.y.labels().unwrap();
    let sizes = [ways, support.len(), query.len()].map(|n| n as u32);
    let floats = support.x.iter().chain(&query.x).map(|x| x.to_bits());
    let episode = sizes.into_iter().chain(labels.iter().map(|&l| l as u32)).chain(floats);
    fs::write(&files[1], numbers(episode)).unwrap();
    run(&source("same_bits.c"), shared, &files.each_ref().map(PathBuf::as_path));

    let names: Vec<_> = (0..ways).collect();
    let classifier = pretrained.adapt(&support, &names).unwrap();
    let probabilities = classifier.probabilities(&query.x).unwrap();
    let labels = classifier.names(&query.x).unwrap();
    let labels = labels.iter().map(|name| name.parse::<u32>().unwrap());
    let expected = numbers(probabilities.iter().map(|p| p.to_bits()).chain(labels));
    assert!(fs::read(&files[3]).unwrap() == expected, "C and Rust have other bits");
    let ours = folder.path().join("ours");
    classifier.save(&ours).unwrap();
    assert!(fs::read(&files[2]).unwrap() == fs::read(ours).unwrap(), "C and Rust save other files");
}

#[test]
fn c_adapts_and_predicts_with_the_bits_of_rust() {
    same_bits(maml(NormMode::Batch), 5, false);
    same_bits(maml(NormMode::Tracked { momentum: 0.1 }), 3, true);
    same_bits(maml(NormMode::Support).steps(2).slow_body(0.1), 5, true);
    same_bits(protonet(), 7, false);
}

#[test]
fn every_error_is_a_status_and_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["maml", "protonet", "another", "damaged", "diverging"];
    let files = names.map(|name| folder.path().join(name));
    pretrained(maml(NormMode::Batch)).save(&files[0]).unwrap();
    pretrained(protonet()).save(&files[1]).unwrap();
    let momentum = maml(NormMode::Batch).rule(innerloop::MomentumRule { lr: 0.1, momentum: 0.9 });
    pretrained(momentum).save(&files[2]).unwrap();
    let mut bytes = fs::read(&files[0]).unwrap();
    bytes.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
    fs::write(&files[3], bytes).unwrap();
    let model = Conv4::new([28, 28, 1], 8, Downsample::Stride, Some(5)).unwrap();
    pretrained(Maml::new(model, 1e30, Order::Second, NormMode::Batch).eval_steps(3)).save(&files[4]).unwrap();
    let said = run(&source("errors.c"), false, &files.each_ref().map(PathBuf::as_path));
    assert!(said.starts_with("all of 33 "), "{said}");
}

#[test]
fn the_program_of_the_readme_runs() {
    let readme = include_str!("../README.md");
    let program = readme.split("```c\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [c, file] = ["readme.c", "pretrained"].map(|name| folder.path().join(name));
    fs::write(&c, program).unwrap();
    pretrained(maml(NormMode::Support)).save(&file).unwrap();
    let said = run(&c, false, &[&file]);
    assert!(said.contains("column 14: class ") && said.contains("column 23: class "), "{said}");
    pretrained(protonet()).save(&file).unwrap();
    let said = run(&c, true, &[&file]);
    assert!(said.contains("column 14: class 1,") && said.contains("column 23: class 2,"), "{said}");
}

//! Predictions: each input by itself, and from files.

use innerloop::ndarray::{ArrayD, Axis};
use innerloop::{
    Conv4, Distance, Downsample, FilmConv4, Imaml, Learned, Learner, Maml, MetaLstm, NormMode, Order,
    ProtoNet,
};

use super::{embedding, moved};
use crate::tasks::{labelled, noise, random_episode, small_conv4};

fn modes() -> [NormMode; 4] {
    [NormMode::Batch, NormMode::Support, NormMode::Together, NormMode::Tracked { momentum: 0.1 }]
}

/// MAML, its relatives with an inner loop of another kind, and prototypes, for 16x16 images and 3 ways.
fn learners(norm: &NormMode) -> Vec<(&'static str, Box<dyn Learner<f32>>)> {
    let maml = |downsample| Maml::new(small_conv4(downsample), 0.1, Order::Second, norm.clone()).steps(2);
    let cosine = Distance::Cosine { scale: 10.0 };
    let strided = || small_conv4(Downsample::Stride);
    let film = FilmConv4::new([16, 16, 1], 4, 3, 5).unwrap();
    let mut all: Vec<(&'static str, Box<dyn Learner<f32>>)> = vec![
        ("MAML, pooled", Box::new(maml(Downsample::MaxPool))),
        ("MAML, strided", Box::new(maml(Downsample::Stride))),
        ("CAVIA", Box::new(Maml::cavia(film, 1.0, Order::Second, norm.clone()).steps(2))),
        ("prototypes", Box::new(ProtoNet::new(embedding(), norm.clone()))),
        ("cosine prototypes", Box::new(ProtoNet::new(embedding(), norm.clone()).distance(cosine))),
    ];
    if !matches!(norm, NormMode::Tracked { .. }) {
        // these refuse statistics that are tracked
        all.push(("Meta-LSTM", Box::new(MetaLstm::new(strided(), 2, norm.clone()))));
        all.push((
            "implicit MAML",
            Box::new(Imaml::new(strided(), 1.0, norm.clone()).inner_lr(0.1).steps(3)),
        ));
        all.push((
            "implicit MAML, Hessian-free",
            Box::new(Imaml::new(strided(), 1.0, norm.clone()).hessian_free().steps(2)),
        ));
    }
    all
}

#[cfg(feature = "safetensors")]
#[test]
fn an_adapted_learner_from_a_file_predicts_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 3);
    for norm in modes() {
        for (i, (name, learner)) in learners(&norm).into_iter().enumerate() {
            let path = folder.path().join(format!("{i}.safetensors"));
            let adapted = learner.adapt(&moved(&*learner), &episode.support).unwrap();
            innerloop::save_adapted(&path, &adapted).unwrap();
            let loaded = innerloop::load_adapted(&path).unwrap();
            let x = &episode.query.x;
            assert_eq!(learner.predict(&loaded, x).unwrap(), learner.predict(&adapted, x).unwrap(), "{name}");
            let together = learner.predict_together(&adapted, x).unwrap();
            assert_eq!(learner.predict_together(&loaded, x).unwrap(), together, "{name}");
            // a learner of other settings says what it misses or that shapes differ
            if name.ends_with("prototypes") {
                let (_, maml) = &learners(&norm)[0];
                assert!(
                    matches!(maml.predict(&loaded, x), Err(innerloop::Error::NotAdapted { .. })),
                    "{name}"
                );
            }
        }
    }
}

/// The largest difference between predictions of single inputs and of all together, by the largest output.
fn alone_and_together(learner: &dyn Learner<f32>, learned: &Learned<f32>, image: usize) -> f64 {
    let support = labelled(&[image, image, 1], 3, 1, 2);
    let adapted = learner.adapt(learned, &support).unwrap();
    let x: ArrayD<f32> = noise(&[30, image, image, 1], 9);
    let all = learner.predict(&adapted, &x).unwrap();
    let unit = all.iter().fold(0.0f64, |m, v| m.max(f64::from(v.abs())));
    let of = |i: usize| {
        let one = x.index_axis(Axis(0), i).insert_axis(Axis(0)).to_owned();
        let alone = learner.predict(&adapted, &one).unwrap();
        assert_eq!(alone.shape(), [1, 3]);
        let pairs = alone.iter().zip(all.index_axis(Axis(0), i)).map(|(a, b)| f64::from((a - b).abs()));
        pairs.collect::<Vec<_>>()
    };
    (0..30).flat_map(of).fold(0.0, f64::max) / unit
}

#[test]
fn a_picture_is_predicted_alone_as_among_thirty_to_the_bit() {
    for norm in modes() {
        for (name, learner) in learners(&norm) {
            let apart = alone_and_together(&*learner, &moved(&*learner), 16);
            println!("{name}, {norm:?}: {apart:e}");
            assert_eq!(apart, 0.0, "{name}, {norm:?}");
        }
    }
}

#[test]
fn a_picture_is_predicted_alone_as_among_thirty_to_the_bit_by_networks_of_published_size() {
    for downsample in [Downsample::MaxPool, Downsample::Stride] {
        let model = Conv4::new([28, 28, 1], 64, downsample, Some(3)).unwrap();
        let maml = Maml::new(model.clone(), 0.1, Order::Second, NormMode::Batch);
        let apart = alone_and_together(&maml, &moved(&maml), 28);
        println!("MAML, {downsample:?}: {apart:e}");
        let protonet = ProtoNet::new(model.embedding(), NormMode::Together);
        let of_prototypes = alone_and_together(&protonet, &moved(&protonet), 28);
        println!("prototypes, {downsample:?}: {of_prototypes:e}");
        assert_eq!((apart, of_prototypes), (0.0, 0.0), "{downsample:?}");
    }
}

#[test]
fn predictions_together_differ_from_predictions_alone_where_norms_use_the_batch() {
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 3);
    for norm in modes() {
        for (name, learner) in learners(&norm) {
            let adapted = learner.adapt(&moved(&*learner), &episode.support).unwrap();
            let x = &episode.query.x;
            let [alone, together] =
                [learner.predict(&adapted, x).unwrap(), learner.predict_together(&adapted, x).unwrap()];
            assert_ne!(alone, together, "{name}, {norm:?}");
        }
    }
}

//! Vectors by class: as first-class as images.

use innerloop::{
    Adam, ClassBatches, ClassRef, Episode, EpisodeSampler, EpisodeShape, Error, Examples, FeatureSet, Glyphs,
    Learner, Maml, Mlp, NormMode, Order, ProtoNet, Split, Tasks, TrainConfig, Trainer, evaluate,
};

/// Ten classes of 12 vectors around ten points; the classes after the fifth lie elsewhere.
fn blobs(width: usize) -> FeatureSet {
    let wave = |k: usize, i: usize, d: usize| {
        let at = ((3 * k + 7 * d) % 11) as f32 - 5.0;
        at + 0.8 * ((5 * i + 3 * d + k) as f32 * 1.7).sin()
    };
    let class =
        |k| (format!("class{k}"), (0..12).map(|i| (0..width).map(|d| wave(k, i, d)).collect()).collect());
    FeatureSet::from_classes((0..10).map(class).collect()).unwrap()
}

#[test]
fn episodes_and_batches_hold_the_vectors_that_were_drawn() {
    let set = blobs(4);
    let tasks = EpisodeSampler::new(&set, &set.all(), EpisodeShape::new(3, 2, 4), 1)
        .unwrap()
        .unlabelled(2, 1, 3)
        .unwrap();
    for i in 0..20 {
        let episode: Episode<f64> = tasks.task(i);
        episode.check().unwrap();
        assert_eq!((episode.support.x.shape(), episode.query.x.shape()), (&[6, 4][..], &[12, 4][..]));
        assert_eq!(episode.support.unlabelled.as_ref().unwrap().shape(), [9, 4]);
        for (label, (class, drawn)) in tasks.drawn(i).iter().enumerate() {
            assert_eq!(episode.classes[label], set.class_name(class.class));
            let row = episode.support.x.outer_iter().nth(2 * label + 1).unwrap();
            assert!(row.iter().zip(set.vector(class.class, drawn[1])).all(|(a, b)| *a == f64::from(*b)));
        }
    }
    let batch: Examples<f32> = ClassBatches::new(&set, &set.all(), 30, 2).unwrap().task(5);
    assert_eq!((batch.x.shape(), batch.y.ways()), (&[30, 4][..], Some(10)));
}

#[test]
fn protonet_and_maml_learn_from_vectors_what_holds_for_other_classes() {
    let set = blobs(8);
    let split = Split::random(&set, 6, 4, false, 3).unwrap();
    let train = EpisodeSampler::new(&set, &split.train, EpisodeShape::new(3, 1, 5), 0).unwrap();
    let test = EpisodeSampler::new(&set, &split.test, EpisodeShape::new(3, 1, 5), 1).unwrap();
    let protonet = ProtoNet::new(Mlp::new(&[8, 16, 8]).unwrap(), NormMode::Batch);
    let maml = Maml::new(Mlp::new(&[8, 16, 3]).unwrap(), 0.1, Order::Second, NormMode::Batch).steps(3);
    for learner in [&protonet as &dyn innerloop::Trainable<f32>, &maml] {
        let mut trainer = Trainer::new(learner, Adam::default(), TrainConfig::new(4, 1e-2, 60)).unwrap();
        for _ in 0..60 {
            trainer.step(&train).unwrap();
        }
        let accuracy = evaluate(learner, trainer.learned(), &test, 60).unwrap();
        let accuracy = accuracy.last().unwrap().inductive.accuracy.unwrap().mean;
        assert!(accuracy > 0.6, "{learner:?}: {accuracy} where chance is 0.33");
    }
}

#[test]
fn a_training_does_not_continue_on_another_data_set() {
    let resumes = |first: EpisodeSampler, second: EpisodeSampler, width: usize| {
        let learner = ProtoNet::new(Mlp::new(&[width, 3]).unwrap(), NormMode::Batch);
        let config = TrainConfig::new(1, 1e-3, 10);
        let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap();
        trainer.step(&first).unwrap();
        let mut again = Trainer::resume(&learner, Adam::default(), config, trainer.state().clone()).unwrap();
        again.step(&second).map(drop)
    };
    let of = |set: &FeatureSet, seed| {
        EpisodeSampler::new(set, &set.all(), EpisodeShape::new(3, 1, 1), seed).unwrap()
    };
    let (set, mut other) = (blobs(4), Vec::new());
    for k in 0..10 {
        let mut vectors: Vec<_> = (0..12).map(|i| set.vector(k, i).to_vec()).collect();
        vectors[3][2] += if k == 9 { 1e-3 } else { 0.0 };
        other.push((set.class_name(k).to_owned(), vectors));
    }
    let other = FeatureSet::from_classes(other).unwrap();
    assert!(resumes(of(&set, 0), of(&set, 0), 4).is_ok());
    for (second, word) in [(of(&other, 0), "sum of the data"), (of(&set, 1), "seed")] {
        let error = resumes(of(&set, 0), second, 4).unwrap_err();
        assert!(
            matches!(error, Error::OtherRun { what: "tasks", .. }) && error.to_string().contains(word),
            "{error}"
        );
    }
    let images = |seed| {
        Glyphs::default()
            .alphabets(1)
            .characters_per_alphabet(4)
            .drawers(3)
            .size(8)
            .seed(seed)
            .generate()
            .unwrap()
    };
    let of = |seed| {
        EpisodeSampler::new(&images(seed), &images(seed).all(), EpisodeShape::new(3, 1, 1), 0).unwrap()
    };
    assert!(resumes(of(0), of(0), 64).is_ok());
    assert!(matches!(resumes(of(0), of(1), 64), Err(Error::OtherRun { .. })));
}

#[test]
fn vectors_that_cannot_be_used_are_refused_by_class_and_number() {
    let error = |classes: Vec<(&str, Vec<Vec<f32>>)>| {
        FeatureSet::from_classes(classes.into_iter().map(|(n, v)| (n.to_string(), v)).collect()).unwrap_err()
    };
    assert!(matches!(error(vec![]), Error::TooFewClasses { .. }));
    assert!(matches!(error(vec![("a", vec![])]), Error::EmptyClass { class } if class == "a"));
    assert!(matches!(error(vec![("a", vec![vec![]])]), Error::Shape { .. }));
    assert!(matches!(
        error(vec![("a", vec![vec![1.0]]), ("a", vec![vec![2.0]])]),
        Error::RepeatedClass { .. }
    ));
    let wide = error(vec![("a", vec![vec![1.0, 2.0]]), ("b", vec![vec![1.0, 2.0], vec![3.0]])]);
    assert!(wide.to_string().contains("vector 1 of class \"b\""), "{wide}");
    let hole = error(vec![("a", vec![vec![1.0], vec![f32::NAN]])]);
    assert!(
        matches!(hole, Error::NotFinite { .. }) && hole.to_string().contains("vector 1 of class \"a\""),
        "{hole}"
    );
    let set = blobs(2);
    let sampler =
        |class| EpisodeSampler::new(&set, &[class], EpisodeShape::new(1, 1, 1), 0).map(drop).unwrap_err();
    assert!(matches!(sampler(ClassRef { class: 10, turns: 0 }), Error::UnknownClass { .. }));
    assert!(matches!(sampler(ClassRef { class: 0, turns: 1 }), Error::Setting { name: "turns", .. }));
    let all = set.all();
    let few = EpisodeSampler::new(&set, &all, EpisodeShape::new(2, 6, 7), 0).map(drop).unwrap_err();
    assert!(matches!(few, Error::TooFewImages { need: 13, have: 12, .. }), "{few}");
}

#[cfg(feature = "csv")]
mod tables {
    use super::*;
    use std::fs;

    fn read(text: &str, class: Option<&str>) -> Result<FeatureSet, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, text).unwrap();
        FeatureSet::read_csv(&path, class)
    }

    #[test]
    fn tables_with_and_without_names_of_columns_are_read() {
        let want = |set: &FeatureSet| {
            assert_eq!((set.classes(), set.len(), set.width()), (2, 3, 2));
            assert_eq!((set.class_name(0), set.class_name(1)), ("a, \"b\"\nc", "d"));
            assert_eq!((set.vector(0, 1), set.vector(1, 0)), (&[5.0, -6.5][..], &[3.0, 4.0][..]));
        };
        let rows = "1,2,\"a, \"\"b\"\"\nc\"\r\n3,4,d\r\n5,-6.5,\"a, \"\"b\"\"\nc\"\r\n";
        want(&read(rows, None).unwrap());
        want(&read(&format!("x,y,kind\r\n{rows}"), None).unwrap());
        want(&read(&format!("x,y,kind\r\n{rows}"), Some("kind")).unwrap());
        let first = "kind,x,y\n\"a, \"\"b\"\"\nc\",1,2\nd,3,4\n\"a, \"\"b\"\"\nc\",5,-6.5\n";
        want(&read(first, Some("kind")).unwrap());
    }

    #[test]
    fn what_is_no_table_of_numbers_is_refused_with_file_and_line() {
        for (text, class, word) in [
            ("1,2,a\n3,x,b\n", None, "table.csv:2: \"x\" is not a finite number"),
            ("1,2,a\n3,NaN,b\n", None, "table.csv:2: \"NaN\""),
            ("1,2,a\r\n3,x,b\r\n", None, "table.csv:2: \"x\""),
            ("1,2,a\n3,b\n", None, "line 2 has 2 cells, and the first 3"),
            ("a\nb\n", None, "at least one number and a class"),
            ("x,y\n1,a\n", Some("kind"), "no column \"kind\""),
            ("x,y\n", None, "feature set"),
            ("", None, "feature set"),
        ] {
            let error = read(text, class).unwrap_err().to_string();
            assert!(error.contains(word), "{text:?}: {error}");
        }
        assert!(matches!(FeatureSet::read_csv("/nowhere/at.all", None), Err(Error::Io { .. })));
    }
}

#[test]
fn adapting_to_vectors_of_another_width_is_refused() {
    let learner = ProtoNet::new(Mlp::new(&[3, 2]).unwrap(), NormMode::Batch);
    let set = blobs(4);
    let episode: Episode<f32> =
        EpisodeSampler::new(&set, &set.all(), EpisodeShape::new(2, 1, 1), 0).unwrap().task(0);
    let error = learner.adapt(&learner.init(0).into(), &episode.support).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
}

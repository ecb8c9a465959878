//! The tables of a run, and its history from them.

use super::*;

#[test]
fn a_table_that_is_another_file_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.csv");
    fs::write(&path, "name,age\nx,1\n").unwrap();
    let error = CsvLog::resume(folder.path(), 3).unwrap_err();
    assert!(matches!(&error, Error::BadLine { line: 1, .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "name,age\nx,1\n");
    drop(CsvLog::create(folder.path()).unwrap());
    let head = fs::read_to_string(&path).unwrap();
    fs::write(&path, head.clone() + "1,2\n").unwrap();
    let error = CsvLog::resume(folder.path(), 3).unwrap_err();
    assert!(matches!(&error, Error::BadLine { line: 2, text, .. } if text == "1,2"), "{error}");
    let missing = folder.path().join("none");
    assert!(matches!(CsvLog::create(&missing), Err(Error::Io { .. })));
}

#[test]
fn a_run_in_parts_is_the_run_and_trainings_can_share_tables() {
    let (folder, learner) = (tempfile::tempdir().unwrap(), learner());
    let train = |name: &str, parts: &[u64]| {
        let mut trainer = trainer(&learner);
        for &until in parts {
            let (mut log, _) = CsvLog::shared(folder.path(), name, trainer.iteration()).unwrap();
            let end = trainer.run(&train_tasks(), &Run::new().until(until), &mut log).unwrap();
            assert_eq!((end, trainer.iteration()), (RunEnd::Iterations, until.min(40)));
            // an evaluation of the caller's own, told twice as after an interruption
            let reports = evaluate(&learner, trainer.learned(), &Sinusoids::new(5, 5, 9), 3).unwrap();
            let (iteration, seconds) = (trainer.iteration(), log.seconds());
            let told = TrainEvent::Validated { iteration, seconds, reports, best: false };
            log.see(&told).unwrap();
            log.see(&told).unwrap();
        }
        trainer.state().learned.clone()
    };
    let one = train("one", &[40]);
    assert_eq!(one, whole(None).0.learned);
    assert_eq!(train("two", &[7, 7, 30, 1000]), one);
    assert_eq!(train("one", &[12, 40]), one); // again from its beginning: the rows of two stay
    let rows = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text.starts_with("run,iteration,seconds,"), "{text}");
        text.lines().skip(1).map(|line| line.split(',').take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    let of =
        |name: &str, all: std::ops::RangeInclusive<u64>| all.map(move |i| format!("{name} {i}")).collect();
    let [two, one]: [Vec<String>; 2] = [of("two", 1..=40), of("one", 1..=40)];
    assert_eq!(rows("metrics.csv"), [two, one].concat());
    let evaluated = [("two", 7), ("two", 30), ("two", 40), ("one", 12), ("one", 40)];
    let evaluated = evaluated.into_iter().flat_map(|(name, i)| vec![format!("{name} {i}"); 3]);
    assert_eq!(rows("evaluations.csv"), evaluated.collect::<Vec<_>>());
    let (log, history) = CsvLog::shared(folder.path(), "two", 10).unwrap();
    assert_eq!((history.steps.len(), history.validations.len()), (10, 1));
    assert!(log.seconds() > 0.0);
    for name in ["", "a,b", "a\nb"] {
        assert!(matches!(CsvLog::shared(folder.path(), name, 0), Err(Error::Setting { name: "run", .. })));
    }
    assert!(matches!(CsvLog::resume(folder.path(), 0), Err(Error::BadLine { line: 1, .. })));
}

#[test]
fn a_history_from_the_tables_is_the_one_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(6).drawers(6).size(16).generate().unwrap();
    let shape = EpisodeShape::new(3, 1, 2);
    let [train, validation] =
        [1, 2].map(|seed| EpisodeSampler::new(&images, &images.all(), shape, seed).unwrap());
    let learner = tasks::maml(tasks::small_conv4(innerloop::Downsample::Stride));
    let mut trainer =
        Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(2, 1e-3, 6)).unwrap();
    let mut history = History::new();
    let mut watch: Vec<Box<dyn Watch + '_>> =
        vec![Box::new(CsvLog::create(folder.path()).unwrap()), Box::new(&mut history)];
    let run = Run::new().validate(&validation, 5, 3).transductive();
    trainer.run(&train, &run, &mut watch).unwrap();
    drop(watch);
    let (log, read) = CsvLog::resume_with_history(folder.path(), 6).unwrap();
    assert_eq!((read.steps.len(), read.validations.len()), (6, 2));
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-2 * b.abs().max(1e-3), "{a} {b}");
    for (a, b) in read.steps.iter().zip(&history.steps) {
        assert_eq!(a.iteration, b.iteration);
        near(a.loss, b.loss);
        near(a.accuracy.unwrap(), b.accuracy.unwrap());
    }
    for (a, b) in read.validations.iter().zip(&history.validations) {
        assert_eq!(a.iteration, b.iteration);
        let pairs = a.transductive.iter().chain(&a.inductive).zip(b.transductive.iter().chain(&b.inductive));
        pairs.for_each(|(a, b)| near(a.unwrap(), b.unwrap()));
    }
    near(log.seconds(), history.steps[5].seconds);
    let value = history.validations.iter().map(|v| v.transductive[0].unwrap()).fold(0.0, f64::max);
    assert_eq!(trainer.best().unwrap().value, value);
}

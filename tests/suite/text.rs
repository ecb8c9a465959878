//! Sentences by class, the files they come from, and learning from them.

use innerloop::ndarray::array;
use innerloop::{
    Adam, Adapted, EmbeddingBag, EpisodeSampler, EpisodeShape, Error, Learner, Maml, NormMode, Order,
    ProtoNet, TextSet, TrainConfig, Trainable, Trainer, Vocabulary, evaluate,
};

fn set(classes: &[(&str, &[&str])]) -> Result<TextSet, Error> {
    let own = |s: &[&str]| s.iter().map(|s| s.to_string()).collect();
    TextSet::from_classes(classes.iter().map(|(name, s)| (name.to_string(), own(s))).collect())
}

/// Class `k` is a topic among four with a manner among four: two words say which, among six that say nothing.
fn topics() -> TextSet {
    let sentence = |k: usize, i: usize| {
        let noise = |j: usize| format!("noise{}", (i * 7 + j * 13 + k * 5 + i * j) % 40);
        let said = format!("topic{} manner{}", k % 4, k / 4);
        format!("{} {} {said} {} {} {}", noise(0), noise(1), noise(2), noise(3), noise(4))
    };
    let class = |k| (format!("class{k}"), (0..20).map(|i| sentence(k, i)).collect());
    TextSet::from_classes((0..16).map(class).collect()).unwrap()
}

#[test]
fn words_are_numbered_by_frequency_in_the_training_classes_alone() {
    let text = set(&[("a", &["Été, été! it's", "it's b été"]), ("b", &["only here", "???"])]).unwrap();
    let vocabulary = Vocabulary::new(&text, &text.all()[..1], 1).unwrap();
    assert_eq!(vocabulary.size(), 5);
    assert_eq!(["été", "it's", "b", "only"].map(|w| vocabulary.id(w)), [2, 3, 4, 1]);
    assert_eq!(vocabulary.row("IT'S été b b b", 3), [3.0, 2.0, 4.0]);
    let rows = vocabulary.rows(&text, 3).unwrap();
    assert_eq!((rows.vector(1, 0), rows.vector(1, 1)), (&[1.0, 1.0, 0.0][..], &[1.0, 0.0, 0.0][..]));
    assert!(matches!(vocabulary.rows(&text, 0), Err(Error::Setting { name: "length", .. })));
    assert!(matches!(Vocabulary::new(&text, &text.all(), 9), Err(Error::Setting { name: "least", .. })));
}

#[test]
fn sentences_and_classes_that_cannot_be_used_are_refused() {
    assert!(matches!(set(&[]), Err(Error::TooFewClasses { .. })));
    assert!(matches!(set(&[("a", &[])]), Err(Error::EmptyClass { .. })));
    assert!(matches!(set(&[("a", &["x"]), ("a", &["y"])]), Err(Error::RepeatedClass { .. })));
    assert!(matches!(set(&[("a", &["x", " \n"])]), Err(Error::EmptySentence { sentence: 1, .. })));
    assert!(matches!(topics().split(10, 7, 0), Err(Error::TooFewClasses { need: 17, have: 16, .. })));
}

#[test]
fn protonet_and_maml_on_an_embedding_bag_beat_chance_on_unseen_classes() {
    let text = topics();
    let split = text.split(10, 6, 1).unwrap();
    let vocabulary = Vocabulary::new(&text, &split.train, 1).unwrap();
    let rows = vocabulary.rows(&text, 8).unwrap();
    let episodes =
        |classes: &[_]| EpisodeSampler::new(&rows, classes, EpisodeShape::new(3, 1, 5), 0).unwrap();
    let bag = |ways| EmbeddingBag::new(vocabulary.size(), 16, ways).unwrap();
    let protonet = ProtoNet::new(bag(None), NormMode::Batch);
    let maml = Maml::new(bag(Some(3)), 1.0, Order::Second, NormMode::Batch).steps(3);
    for learner in [Box::new(protonet) as Box<dyn Trainable<f32>>, Box::new(maml)] {
        let mut trainer = Trainer::new(&learner, Adam::default(), TrainConfig::new(4, 2e-2, 150)).unwrap();
        for _ in 0..150 {
            trainer.step(&episodes(&split.train)).unwrap();
        }
        let report = evaluate(&learner, trainer.learned(), &episodes(&split.test), 100).unwrap();
        let accuracy = report.last().unwrap().inductive.accuracy.unwrap().mean;
        println!("{learner:?}: {accuracy:.3}");
        assert!(accuracy > 0.6, "{learner:?}: {accuracy} where chance is 0.33");
    }
}

#[test]
fn a_sentence_gets_the_same_answer_alone_and_among_others() {
    let learner = ProtoNet::new(EmbeddingBag::new(6, 4, None).unwrap(), NormMode::Batch);
    let x = array![[2.0, 3.0], [4.0, 0.0]].into_dyn();
    let support = innerloop::Examples::labelled(x, vec![0, 1], 2);
    let adapted: Adapted<f64> = learner.adapt(&learner.init(0).into(), &support).unwrap();
    let both = learner.predict(&adapted, &array![[5.0, 1.0], [2.0, 0.0]].into_dyn()).unwrap();
    let one = learner.predict(&adapted, &array![[2.0, 0.0]].into_dyn()).unwrap();
    assert_eq!(both.outer_iter().nth(1), one.outer_iter().next());
}

#[test]
fn a_sentence_of_unknown_words_alone_is_named_and_yet_has_a_row() {
    let text =
        set(&[("cards", &["My card, lost", "block a card"]), ("rates", &["the rate", "quid pro quo"])])
            .unwrap();
    let known = set(&[("cards", &["my card", "block"]), ("rates", &["the rate"])]).unwrap();
    let vocabulary = Vocabulary::new(&known, &known.all(), 1).unwrap();
    vocabulary.check(&known).unwrap();
    let error = vocabulary.check(&text).unwrap_err();
    let Error::UnknownWords { class, number: 2, sentence, line: None } = &error else { panic!("{error}") };
    assert_eq!((class.as_str(), sentence.as_str()), ("rates", "quid pro quo"));
    assert!(error.to_string().contains("sentence 2 of class \"rates\" has no known word"), "{error}");
    assert_eq!(vocabulary.row("quid pro quo", 4), vocabulary.row("cui bono est", 4));
}

#[cfg(feature = "text")]
mod files {
    use super::*;
    use crate::common;

    #[test]
    fn a_sentence_of_a_file_knows_its_line_and_unknown_words_name_it() {
        let folder = tempfile::tempdir().unwrap();
        let (table, lines) = (folder.path().join("t.csv"), folder.path().join("t.jsonl"));
        let known = set(&[("a", &["my card"])]).unwrap();
        let vocabulary = Vocabulary::new(&known, &known.all(), 1).unwrap();
        for end in ["\n", "\r\n"] {
            let rows = ["text,class", "my card,a", "\"a card,\nlost\",a", "", "quid pro quo,a"];
            std::fs::write(&table, rows.join(end)).unwrap();
            let objects = ["{\"text\": \"my card\", \"class\": 3}", "", "{\"text\": \"quid\", \"class\": 3}"];
            std::fs::write(&lines, objects.join(end)).unwrap();
            let table_set = TextSet::read_csv(&[&table], "text", "class").unwrap();
            let all: Vec<_> = (0..3).map(|i| table_set.line(0, i).unwrap()).collect();
            assert_eq!(all, [(table.as_path(), 2), (&table, 3), (&table, 6)], "{end:?}");
            let line_set = TextSet::read_json_lines(&lines, "text", "class").unwrap();
            for (text, path, place) in [(table_set, &table, 6), (line_set, &lines, 3)] {
                let message = vocabulary.check(&text).unwrap_err().to_string();
                assert!(message.starts_with(&format!("{}:{place}: sentence ", path.display())), "{message}");
                let same = (0..text.count(0)).map(|i| text.sentence(0, i).to_owned()).collect();
                let same = TextSet::from_classes(vec![(text.class_name(0).into(), same)]).unwrap();
                assert!(same == text && same.line(0, 0).is_none(), "equal by words, wherever they are from");
            }
        }
    }

    #[test]
    fn tables_with_quotes_and_line_ends_are_read_and_bad_lines_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let read = |content: &str| {
            let path = folder.path().join("t.csv");
            std::fs::write(&path, content).unwrap();
            TextSet::read_csv(&[path], "text", "label")
        };
        let text = read("label,text\nb,\"say \"\"hi\"\",\nthen go\"\na,x\nb,y\n").unwrap();
        assert_eq!((text.class_name(0), text.sentence(0, 0)), ("b", "say \"hi\",\nthen go"));
        assert_eq!((text.count(0), text.count(1)), (2, 1));
        assert!(matches!(read("label,text\nb,\"x\ny\"\na, \n"), Err(Error::BadLine { line: 4, .. })));
        let windows = read("label,text\r\nb,\"x\r\ny\"\r\na, \r\n");
        assert!(matches!(windows, Err(Error::BadLine { line: 4, .. })), "{windows:?}");
        assert!(matches!(read("label,words\nb,x\n"), Err(Error::BadFile { .. })));
        assert!(matches!(read("label,text\nb,x,y\n"), Err(Error::BadFile { .. })));
        assert!(matches!(read("label,text\n"), Err(Error::TooFewClasses { .. })));
    }

    #[test]
    fn json_of_another_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.json");
        for content in ["", "[]", r#"{"train": [["x"]]}"#, r#"{"a": [{"tokens": [1]}]}"#] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(TextSet::read_clinc150(&path), Err(Error::BadFile { .. })), "{content}");
            assert!(matches!(TextSet::read_few_rel(&path), Err(Error::BadFile { .. })), "{content}");
        }
    }

    #[test]
    fn the_published_sets_have_their_counts() {
        let Some(root) = common::real_data() else { return };
        let root = root.join("text");
        if !root.is_dir() {
            return common::skip("the folder of real data holds no text/");
        }
        let clinc = TextSet::read_clinc150(root.join("clinc150/data_full.json")).unwrap();
        assert_eq!((clinc.classes(), clinc.len()), (150, 22_500));
        let files = ["train.csv", "test.csv"].map(|f| root.join("banking77").join(f));
        let banking = TextSet::read_csv(&files, "text", "category").unwrap();
        assert_eq!((banking.classes(), banking.len()), (77, 13_083));
        for (file, counts) in [("wiki", (16, 11_200)), ("nyt", (25, 2500)), ("pubmed", (10, 1000))] {
            let set = TextSet::read_few_rel(root.join(format!("fewrel/val_{file}.json"))).unwrap();
            assert_eq!((set.classes(), set.len()), counts, "{file}");
        }
    }
}

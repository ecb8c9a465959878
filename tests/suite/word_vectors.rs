//! Words as numbers: vocabularies, hashed n-grams, tf-idf, given vectors, and where they come from.

use std::fs;

#[cfg(feature = "text")]
use crate::common;
use innerloop::{
    CharNgrams, EpisodeSampler, EpisodeShape, Error, TextSet, TfIdf, Vocabulary, WordVectors, WordWeights,
};

fn set(classes: &[(&str, &[&str])]) -> TextSet {
    let own = |s: &[&str]| s.iter().map(|s| s.to_string()).collect();
    TextSet::from_classes(classes.iter().map(|(name, s)| (name.to_string(), own(s))).collect()).unwrap()
}

fn read(content: impl AsRef<[u8]>, only: Option<&TextSet>) -> Result<WordVectors, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.vec");
    fs::write(&path, content).unwrap();
    WordVectors::read(&path, only)
}

#[test]
fn given_words_become_a_vocabulary_and_come_back() {
    let words = ["b", "a"].map(String::from).to_vec();
    let vocabulary = Vocabulary::from_words(words.clone()).unwrap();
    assert_eq!((vocabulary.size(), vocabulary.id("b"), vocabulary.id("a"), vocabulary.id("c")), (4, 2, 3, 1));
    assert_eq!(vocabulary.words(), words);
    let text = set(&[("x", &["one two two"])]);
    let fitted = Vocabulary::new(&text, &text.all(), 1).unwrap();
    assert_eq!(Vocabulary::from_words(fitted.words().to_vec()).unwrap(), fitted);
    for words in [vec![], vec!["a".to_string(), "b".into(), "a".into()]] {
        assert!(matches!(Vocabulary::from_words(words), Err(Error::Setting { name: "words", .. })));
    }
}

#[test]
fn ngrams_make_rows_without_a_vocabulary() {
    let ngrams = CharNgrams::new(3..=5, 8).unwrap();
    let text = set(&[("x", &["a cat", "???"])]);
    let rows = ngrams.rows(&text, 8).unwrap();
    // <a>; <ca cat at>, <cat cat>, <cat>
    assert!(rows.vector(0, 0)[..7].iter().all(|id| (2.0..258.0).contains(id)));
    assert_eq!(
        (rows.vector(0, 0)[7], rows.vector(0, 1)),
        (0.0, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0][..])
    );
    assert_eq!(ngrams.row("a cat", 3), rows.vector(0, 0)[..3]);
    assert!(matches!(ngrams.rows(&text, 0), Err(Error::Setting { name: "length", .. })));
    #[allow(clippy::reversed_empty_ranges)]
    for sizes in [0..=3, 5..=3] {
        assert!(matches!(CharNgrams::new(sizes, 8), Err(Error::Setting { name: "sizes", .. })));
    }
    for bits in [0, 24, 64] {
        assert!(matches!(CharNgrams::new(3..=5, bits), Err(Error::Setting { name: "bits", .. })));
    }
}

#[test]
fn tf_idf_follows_its_formula_and_sees_the_training_classes_alone() {
    let text = set(&[("a", &["x y", "x x z", "x"]), ("b", &["x q", "only new words"])]);
    let fitted = TfIdf::new(&text, &text.all()[..1], 1).unwrap();
    assert_eq!(fitted.words(), ["x", "y", "z"]);
    // three sentences: x in 3, y in 1, z in 1
    let (x, y) = (1.0f64, 2f64.ln() + 1.0);
    let near = |row: &[f32], want: [f64; 3]| {
        let norm = want.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!(
            row.iter().zip(want).all(|(r, w)| (f64::from(*r) - w / norm).abs() < 1e-7),
            "{row:?}, {want:?}"
        );
    };
    let rows = fitted.rows(&text).unwrap();
    near(rows.vector(0, 0), [x, y, 0.0]);
    near(rows.vector(0, 1), [2.0 * x, 0.0, y]);
    near(rows.vector(1, 0), [1.0, 0.0, 0.0]);
    assert_eq!(rows.vector(1, 1), [0.0; 3]);
    assert_eq!(TfIdf::new(&text, &text.all()[..1], 2).unwrap().words(), ["x"]);
    assert!(matches!(TfIdf::new(&text, &text.all(), 99), Err(Error::Setting { name: "least", .. })));
    // a class of one sentence is too small for a shot and a query, and named
    let single = set(&[("a", &["x y", "y"]), ("few", &["x"])]);
    let rows = TfIdf::new(&single, &single.all(), 1).unwrap().rows(&single).unwrap();
    let error = EpisodeSampler::new(&rows, &rows.all(), EpisodeShape::new(2, 1, 1), 0).map(drop).unwrap_err();
    assert!(matches!(&error, Error::TooFewImages { class, need: 2, have: 1 } if class == "few"), "{error}");
}

#[test]
fn weights_are_those_of_the_formulas() {
    let text = set(&[("a", &["x y", "x x ?"]), ("b", &["z"])]);
    let vocabulary = Vocabulary::from_words(["x", "y", "z"].map(String::from).to_vec()).unwrap();
    let train = &text.all()[..1];
    let idf = WordWeights::idf(&vocabulary, &text, train).unwrap();
    let all: Vec<f32> = (0..5).map(|id| idf.weight(id)).collect();
    let (once, never) = ((3f64 / 2.0).ln() + 1.0, 3f64.ln() + 1.0);
    assert_eq!(all, [0.0, never as f32, 1.0, once as f32, never as f32]);
    let rarity = WordWeights::inverse_frequency(&vocabulary, &text, train).unwrap();
    assert_eq!((rarity.weight(0), rarity.weight(4)), (0.0, 1.0));
    assert!((f64::from(rarity.weight(2)) - 1e-5 / (1e-5 + 0.75)).abs() < 1e-12);
    assert!(matches!(WordWeights::idf(&vocabulary, &text, &[]), Err(Error::TooFewClasses { .. })));
    let other = innerloop::ClassRef { class: 2, turns: 0 };
    assert!(matches!(WordWeights::idf(&vocabulary, &text, &[other]), Err(Error::UnknownClass { .. })));
}

#[test]
fn vectors_are_read_with_and_without_a_first_line_of_counts() {
    for content in [
        "red 1 -0.5\nold 2.5e-1 2\n. . 7 7\nred 9 9\ncar\t-1.5 .75\r\n",
        "5 2\nred 1 -0.5 \nold 0.25 2 \n. . 7 7 \nred 9 9 \ncar -1.5 0.75\n",
        "\u{feff}red 1 -0.5\nold 0.25 2\n. . 7 7\nred 9 9\ncar -1.5 0.75",
    ] {
        let vectors = read(content, None).unwrap();
        assert_eq!(vectors.vocabulary().words(), ["red", "old", "car"], "{content:?}");
        assert_eq!(vectors.vector("car"), Some(&[-1.5, 0.75][..]));
        assert_eq!((vectors.vector("bus"), vectors.width()), (None, 2));
        let text = set(&[("a", &["The CAR!", "bus"]), ("b", &["red?"])]);
        let some = read(content, Some(&text)).unwrap();
        assert_eq!(some.vocabulary().words(), ["red", "car"]);
        let means = some.means(&text, None).unwrap();
        assert_eq!((means.vector(0, 0), means.vector(0, 1)), (&[-1.5, 0.75][..], &[0.0, 0.0][..]));
    }
}

#[test]
fn bad_vectors_are_named_with_file_and_line() {
    for (content, word) in [
        ("red 1 2\nold 1\n", "v.vec:2: \"old 1\" is not a word and its vector"),
        ("red 1 2\nold 1 2 3\n", "v.vec:2: \"old 1 2 3\" is not a word and its vector"),
        ("2 2\nred 1 2\nold 1\n", "v.vec:3: \"old 1\""),
        ("red 1 2\n\nold 1 2\n", "v.vec:2: \"\""),
        ("red\n", "v.vec:1: \"red\""),
        ("red 1 2\nold NaN 2\n", "v.vec:2: \"NaN\" is not a finite number"),
        ("red 1 2\nold 1e99 2\n", "v.vec:2: \"1e99\""),
        ("red 1 2\nold x 2\n", "v.vec:2: \"x\""),
        ("3 2\nred 1 2\nold 1 2\n", "says that it has 3 words, but it has 2"),
        ("", "no word that is looked for"),
        ("2 300\n", "says that it has 2 words, but it has 0"),
    ] {
        let error = read(content, None).unwrap_err();
        assert!(matches!(error, Error::BadLine { .. } | Error::BadFile { .. }), "{content:?}: {error}");
        assert!(error.to_string().contains(word), "{content:?}: {error}");
    }
    let error = read(b"red 1 2\n\xff\xfe 1 2\n", None).unwrap_err();
    assert!(matches!(error, Error::BadLine { line: 2, need: "text in UTF-8", .. }), "{error}");
    let text = set(&[("a", &["bus"])]);
    assert!(matches!(read("red 1 2\n", Some(&text)), Err(Error::BadFile { .. })));
    assert!(matches!(WordVectors::read("/nowhere/at.all", None), Err(Error::Io { .. })));
    let own = |vectors: &[(&str, &[f32])]| {
        WordVectors::from_words(vectors.iter().map(|(w, v)| (w.to_string(), v.to_vec())).collect())
            .unwrap_err()
    };
    assert!(matches!(own(&[]), Error::Setting { name: "words", .. }));
    assert!(matches!(own(&[("a", &[])]), Error::Shape { .. }));
    assert!(matches!(own(&[("a", &[1.0]), ("b", &[1.0, 2.0])]), Error::Shape { .. }));
    assert!(matches!(own(&[("a", &[1.0]), ("a", &[1.0])]), Error::Setting { name: "words", .. }));
    let hole = own(&[("a", &[1.0, f32::NAN])]);
    assert!(hole.to_string().contains("number 1 of the vector of the word \"a\""), "{hole}");
}

#[test]
fn weighted_means_leave_unknown_words_out() {
    let vectors = read("x 1 0\ny 0 1\n", None).unwrap();
    let weights: WordWeights = vec![0.0, 9.0, 1.0, 3.0].into();
    assert_eq!(vectors.mean("x unknown y", None), [0.5, 0.5]);
    assert_eq!(vectors.mean("x unknown y", Some(&weights)), [0.25, 0.75]);
    assert_eq!(vectors.mean("unknown", Some(&weights)), [0.0, 0.0]);
    let text = set(&[("a", &["x", "y"])]);
    assert_eq!(vectors.means(&text, Some(&weights)).unwrap().vector(0, 1), [0.0, 1.0]);
    let other: WordWeights = vec![0.0, 1.0].into();
    assert!(matches!(vectors.means(&text, Some(&other)), Err(Error::Shape { .. })));
}

#[cfg(feature = "text")]
#[test]
fn the_floor_on_published_intents_is_far_above_chance() {
    use innerloop::{Learned, Nearest, Nearness, evaluate};
    let Some(root) = common::real_data() else { return };
    let file = root.join("text/clinc150/data_full.json");
    if !file.is_file() {
        return common::skip("the folder of real data holds no text/clinc150");
    }
    let text = TextSet::read_clinc150(file).unwrap();
    let split = text.split(100, 50, 0).unwrap();
    let rows = TfIdf::new(&text, &split.train, 20).unwrap().rows(&text).unwrap();
    let tasks = EpisodeSampler::new(&rows, &split.test, EpisodeShape::new(5, 1, 5), 0).unwrap();
    let learned = Learned::<f32>::from(Vec::new());
    let report = evaluate(&Nearest::centroid(Nearness::Cosine), &learned, &tasks, 100).unwrap();
    let accuracy = report[0].inductive.accuracy.unwrap().mean;
    println!("{accuracy:.3} with {} words", rows.width());
    assert!(accuracy > 0.5, "{accuracy} where chance is 0.2");
}

#[cfg(feature = "text")]
mod json_lines {
    use super::*;

    fn read(content: &str) -> Result<TextSet, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        fs::write(&path, content).unwrap();
        TextSet::read_json_lines(&path, "text", "label")
    }

    #[test]
    fn objects_are_read_by_their_keys() {
        let text = read(
            "\u{feff}{\"label\": \"b\", \"text\": \"say \\\"hi\\\",\\nthen go\", \"more\": [1]}\r\n\n\
             {\"text\": \" x \", \"label\": 3}\n  \n{\"text\": \"y\", \"label\": \" b\"}",
        )
        .unwrap();
        assert_eq!((text.class_name(0), text.sentence(0, 0)), ("b", "say \"hi\",\nthen go"));
        assert_eq!((text.class_name(1), text.sentence(1, 0), text.sentence(0, 1)), ("3", "x", "y"));
    }

    #[test]
    fn bad_lines_are_named_with_file_and_line() {
        let good = "{\"text\": \"x\", \"label\": \"a\"}\n";
        for (line, need) in [
            ("{\"text\": \"x\"", "in JSON"),
            ("x", "in JSON"),
            ("[1]", "sentence"),
            ("{\"label\": \"a\"}", "sentence"),
            ("{\"text\": \"  \", \"label\": \"a\"}", "sentence"),
            ("{\"text\": 7, \"label\": \"a\"}", "sentence"),
            ("{\"text\": \"x\"}", "class"),
            ("{\"text\": \"x\", \"label\": \"\"}", "class"),
            ("{\"text\": \"x\", \"label\": 1.5}", "class"),
            ("{\"text\": \"x\", \"label\": null}", "class"),
        ] {
            let error = read(&format!("{good}\n{line}\n")).unwrap_err();
            assert!(
                matches!(&error, Error::BadLine { line: 3, text, .. } if text == line),
                "{line}: {error}"
            );
            assert!(error.to_string().contains(need), "{line}: {error}");
        }
        assert!(matches!(read("\n"), Err(Error::TooFewClasses { .. })));
        assert!(matches!(TextSet::read_json_lines("/nowhere", "a", "b"), Err(Error::Io { .. })));
    }
}

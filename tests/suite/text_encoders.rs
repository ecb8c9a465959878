//! Encoders of sentences: their derivatives, what padding means, and what they refuse.

use innerloop::ndarray::{ArrayD, Axis, array, concatenate};
use innerloop::{
    Adam, Adapted, CharNgrams, EmbeddingBag, EpisodeSampler, EpisodeShape, Error, Examples, Learner, Maml,
    Model, Network, Norm, NormMode, Order, ProtoNet, SignatureAttention, Tape, TextConv, TextLstm, TextSet,
    TrainConfig, Trainable, Trainer, Vocabulary, WordTable, WordVectors, WordWeights, check_grads,
    check_specs, evaluate,
};

/// Three words with vectors of two numbers.
fn vectors() -> WordVectors {
    let word = |(word, v): (&str, [f32; 2])| (word.to_string(), v.to_vec());
    let words = [("red", [1.0, -0.5]), ("old", [0.25, 2.0]), ("car", [-1.5, 0.75])];
    WordVectors::from_words(words.map(word).to_vec()).unwrap()
}

fn rarity() -> WordWeights {
    vec![0.0, 0.5, 0.9, 0.4, 0.1].into()
}

/// The encoders under test, over five ids.
fn encoders(ways: Option<usize>) -> Vec<Box<dyn Model<f64>>> {
    let learned = || WordTable::learned(5, 2).unwrap();
    vec![
        Box::new(EmbeddingBag::new(5, 2, ways).unwrap()),
        Box::new(TextConv::new(learned(), &[2, 3], 2, ways).unwrap()),
        Box::new(TextConv::new(&vectors(), &[1], 3, ways).unwrap()),
        Box::new(TextLstm::new(learned(), 2, ways).unwrap()),
        Box::new(TextLstm::new(&vectors(), 2, ways).unwrap().bidirectional()),
        Box::new(SignatureAttention::new(&vectors(), &rarity()).unwrap()),
    ]
}

/// Short and long sentences, with an unknown word, and one without any.
fn rows() -> ArrayD<f64> {
    array![[2.0, 4.0, 2.0, 3.0], [1.0, 3.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0], [0.0; 4]].into_dyn()
}

#[test]
fn encoders_have_correct_grads_to_order_2() {
    for ways in [None, Some(3)] {
        for model in encoders(ways) {
            let shapes: Vec<_> = model.specs().into_iter().map(|spec| spec.shape).collect();
            let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
            println!("{model:?}");
            check_grads(&shapes, 2, |p| model.forward(p, p[0].tape().constant(&rows()), Norm::Batch).tanh());
        }
    }
}

#[test]
fn specs_are_sound_and_the_head_is_the_last_linear_layer_over_the_features() {
    for model in encoders(Some(3)) {
        let specs = model.specs();
        check_specs(&specs).unwrap();
        assert_eq!(model.count(), specs.len());
        let tape = Tape::new();
        let params = tape.leaves(&model.init(1));
        let x = tape.constant(&rows());
        let y = model.forward(&params, x, Norm::Batch);
        assert_eq!(*y.shape(), [4, model.outputs()]);
        if let Some(features) = model.features(&params, x, Norm::Batch) {
            let again = model.head(&params, features).unwrap();
            assert_eq!(again.to_array(), y.to_array());
            assert_eq!(specs[specs.len() - 2].name, "linear_w");
        }
    }
}

#[test]
fn more_padding_and_other_sentences_change_nothing() {
    for model in encoders(None) {
        let tape = Tape::new();
        let params = tape.leaves(&model.init(5));
        let encode = |x: &ArrayD<f64>| model.forward(&params, tape.constant(x), Norm::Batch).to_array();
        let all = encode(&rows());
        let wide = concatenate(Axis(1), &[rows().view(), ArrayD::zeros(vec![4, 3]).view()]).unwrap();
        let difference = (&encode(&wide) - &all).mapv(f64::abs).sum();
        assert!(difference < 1e-12, "{model:?}: {difference:e}");
        for i in 0..4 {
            let one = encode(&rows().select(Axis(0), &[i]));
            assert_eq!(one, all.select(Axis(0), &[i]), "{model:?}, sentence {i}");
        }
    }
}

#[test]
fn a_row_without_words_is_zero_for_what_has_no_bias() {
    for (i, model) in encoders(None).into_iter().enumerate() {
        let tape = Tape::new();
        let params = tape.leaves(&model.init(2));
        let y = model.forward(&params, tape.constant(&ArrayD::zeros(vec![1, 3])), Norm::Batch).to_array();
        assert!(y.iter().all(|v| *v == 0.0), "encoder {i}: {y}");
    }
}

#[test]
fn the_convolution_takes_the_largest_window_and_sees_the_order_of_words() {
    let model = TextConv::new(&vectors(), &[2], 1, None).unwrap();
    let tape = Tape::<f64>::new();
    // 1 times the first number of a word, and 10 times that of the next
    let w = tape.leaf(&array![[[1.0], [0.0]], [[10.0], [0.0]]].into_dyn());
    let b = tape.leaf(&array![0.5].into_dyn());
    let of = |row: [f64; 2]| {
        model.forward(&[w, b], tape.constant(&array![row].into_dyn()), Norm::Batch).to_array()[[0, 0]]
    };
    // red, car: windows (-, red), (red, car), (car, -)
    assert_eq!(of([2.0, 4.0]), 10.5);
    assert_eq!(of([4.0, 2.0]), 10.0 - 1.5 + 0.5);
    assert_eq!(of([4.0, 0.0]), 0.0);
    assert_eq!(of([0.0, 0.0]), 0.0); // the bias alone would be 0.5
}

#[test]
fn attention_is_on_words_only_and_sums_to_one() {
    let model = SignatureAttention::new(&vectors(), &rarity()).unwrap();
    let tape = Tape::<f64>::new();
    let params = tape.leaves(&Model::<f64>::init(&model, 4));
    let a = model.attention(&params, tape.constant(&rows().select(Axis(0), &[0, 1, 2]))).to_array();
    assert!(
        a.outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12 && row.iter().all(|v| *v >= 0.0)),
        "{a}"
    );
    assert_eq!((a[[1, 2]], a[[1, 3]], a[[2, 0]]), (0.0, 0.0, 1.0));
    assert_ne!(a[[0, 0]], a[[0, 1]]);
}

#[test]
fn an_id_outside_the_table_is_an_error_wherever_a_users_rows_enter() {
    let good = array![[2.0, 0.0], [3.0, 1.0]].into_dyn();
    let labelled = |x: &ArrayD<f64>| Examples::labelled(x.clone(), vec![0, 1], 2);
    let learner = |model| ProtoNet::new(model, NormMode::Batch);
    for (bad, place, found) in [
        (array![[2.0, 0.0], [3.0, 5.0]].into_dyn(), (1, 1), 5.0),
        (array![[2.5, 0.0], [3.0, 1.0]].into_dyn(), (0, 0), 2.5),
        (array![[2.0, -1.0], [3.0, 1.0]].into_dyn(), (0, 1), -1.0),
    ] {
        let named = |error: Error| match error {
            Error::WordId { input, place: p, id, words: 5 } => assert_eq!(((input, p), id), (place, found)),
            other => panic!("{other}"),
        };
        for model in encoders(None) {
            let learner = learner(model);
            let learned = learner.init(0).into();
            named(learner.adapt(&learned, &labelled(&bad)).unwrap_err());
            let with = labelled(&good).with_unlabelled(bad.clone());
            named(learner.adapt(&learned, &with).unwrap_err());
            let adapted: Adapted<f64> = learner.adapt(&learned, &labelled(&good)).unwrap();
            named(learner.predict(&adapted, &bad).unwrap_err());
            named(learner.predict_together(&adapted, &bad).unwrap_err());
        }
        let maml = Maml::new(
            TextConv::new(&vectors(), &[2], 2, Some(2)).unwrap(),
            0.1,
            Order::Second,
            NormMode::Batch,
        );
        let learned = maml.init(0).into();
        named(maml.adapt(&learned, &labelled(&bad)).unwrap_err());
        let adapted = maml.adapt(&learned, &labelled(&good)).unwrap();
        named(maml.predict(&adapted, &bad).unwrap_err());
    }
    let told = Error::WordId { input: 3, place: 1, id: 12.0, words: 12 }.to_string();
    assert!(told.contains("input 3, place 1") && told.contains("12 is not the id"), "{told}");
}

#[test]
fn inputs_that_are_no_rows_are_refused() {
    for model in encoders(None) {
        for shape in [&[2][..], &[2, 0], &[2, 3, 1]] {
            assert!(matches!(model.check_input(shape), Err(Error::Shape { .. })), "{model:?}");
        }
        assert!(model.check_input(&[2, 3]).is_ok());
    }
}

#[test]
fn settings_that_make_no_encoder_are_refused() {
    let table = || WordTable::learned(5, 2).unwrap();
    let setting = |error: Error| match error {
        Error::Setting { name, .. } => name,
        other => panic!("{other}"),
    };
    let conv = |widths: &[usize], channels, ways| {
        setting(TextConv::new(table(), widths, channels, ways).unwrap_err())
    };
    assert_eq!(conv(&[], 1, None), "widths");
    assert_eq!(conv(&[3, 0], 1, None), "widths");
    assert_eq!(conv(&[3, 3], 1, None), "widths");
    assert_eq!(conv(&[3], 0, None), "channels");
    assert_eq!(conv(&[3], 1, Some(0)), "ways");
    assert_eq!(conv(&[3], usize::MAX / 2, None), "channels");
    assert_eq!(conv(&[usize::MAX], 2, None), "channels");
    let lstm = |hidden, ways| setting(TextLstm::new(table(), hidden, ways).unwrap_err());
    assert_eq!((lstm(0, None), lstm(2, Some(0)), lstm(1 << 40, None)), ("hidden", "ways", "hidden"));
    assert_eq!(setting(WordTable::learned(0, 2).unwrap_err()), "words");
    assert_eq!(setting(WordTable::learned(2, 0).unwrap_err()), "width");
    assert_eq!(setting(WordTable::learned(1 << 20, 1 << 20).unwrap_err()), "width");
    let short: WordWeights = vec![0.0, 1.0].into();
    assert!(matches!(SignatureAttention::new(&vectors(), &short), Err(Error::Shape { .. })));
}

/// Class `k` is a topic among four with a manner among four, whose words may take any form that begins alike.
fn topics() -> TextSet {
    let (topics, manners) =
        (["account", "payment", "transfer", "journey"], ["quickly", "without", "tomorrow", "yesterday"]);
    let ends = ["", "s", "ing", "ed"];
    let sentence = |k: usize, i: usize| {
        let noise = |j: usize| ["the", "please", "my", "a", "for", "it"][(i * 7 + j * 5 + k) % 6];
        let (topic, manner) = (topics[k % 4], manners[k / 4]);
        format!("{} {topic}{} {} {manner}{} {}", noise(0), ends[i % 4], noise(1), ends[i / 4 % 4], noise(2))
    };
    let class = |k| (format!("class{k}"), (0..16).map(|i| sentence(k, i)).collect());
    TextSet::from_classes((0..16).map(class).collect()).unwrap()
}

#[test]
fn encoders_learn_what_holds_for_classes_that_training_never_saw() {
    let text = topics();
    let split = text.split(10, 6, 1).unwrap();
    let vocabulary = Vocabulary::new(&text, &text.all(), 1).unwrap();
    let ngrams = CharNgrams::new(3..=4, 10).unwrap();
    let words = || WordTable::learned(vocabulary.size(), 8).unwrap();
    let words_and_ngrams = [vocabulary.rows(&text, 6).unwrap(), ngrams.rows(&text, 64).unwrap()];
    let conv = TextConv::new(words(), &[1, 2], 12, None).unwrap();
    let lstm = TextLstm::new(words(), 12, Some(3)).unwrap();
    let bag = EmbeddingBag::new(ngrams.size(), 16, None).unwrap();
    let learners: [(usize, Box<dyn Trainable<f32>>); 3] = [
        (0, Box::new(ProtoNet::new(conv, NormMode::Batch))),
        (0, Box::new(Maml::new(lstm, 0.5, Order::Second, NormMode::Batch).steps(2))),
        (1, Box::new(ProtoNet::new(bag, NormMode::Batch))),
    ];
    for (rows, learner) in learners {
        let rows = &words_and_ngrams[rows];
        let episodes =
            |classes: &[_]| EpisodeSampler::new(rows, classes, EpisodeShape::new(3, 1, 5), 0).unwrap();
        let mut trainer = Trainer::new(&learner, Adam::default(), TrainConfig::new(4, 2e-2, 100)).unwrap();
        for _ in 0..100 {
            trainer.step(&episodes(&split.train)).unwrap();
        }
        let report = evaluate(&learner, trainer.learned(), &episodes(&split.test), 100).unwrap();
        let accuracy = report.last().unwrap().inductive.accuracy.unwrap().mean;
        println!("{learner:?}: {accuracy:.3}");
        assert!(accuracy > 0.5, "{learner:?}: {accuracy} where chance is 0.33");
    }
}

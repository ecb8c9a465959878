//! The page on a run: complete in itself, well-formed, and the same when it is read again.
#![cfg(feature = "report")]

use std::fs;

use crate::tasks::{maml, maml_at, sinusoid_mlp, small_conv4};
use innerloop::{
    Adam, Downsample, EpisodeSampler, EpisodeShape, Error, Evaluator, Gallery, Glyphs, History, Learner,
    PixelRange, Run, RunReport, Sinusoids, TrainConfig, Trainer,
};

fn glyphs(seed: u64) -> EpisodeSampler {
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16).generate().unwrap();
    EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 1, 2), seed).unwrap()
}

fn report(title: &str, inner_lr: f64) -> RunReport {
    let learner = maml_at(small_conv4(Downsample::Stride), inner_lr);
    let unadapted = maml(small_conv4(Downsample::Stride)).eval_steps(0);
    let [train, test, validation] = [0, 1, 2].map(glyphs);
    let config = TrainConfig::new(2, 1e-3, 8);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap();
    let mut history = History::new();
    trainer.run(&train, &Run::new().validate(&validation, 4, 4), &mut history).unwrap();
    let evaluator = Evaluator::new(&test, 12).validation(&validation, 8);
    let evaluation = evaluator.evaluate(&learner, trainer.learned()).unwrap();
    let worst = evaluation.inductive.worst.episodes[0].episode;
    let unadapted: Option<&dyn Learner<f32>> = Some(&unadapted);
    let ink = PixelRange::new(1.0, 0.0).unwrap();
    let gallery = Gallery::of(&learner, unadapted, trainer.learned(), &test, &[0, worst], &ink).unwrap();
    RunReport::new(title)
        .settings(&trainer.state().settings)
        .data("a <b> & \"c\"")
        .history(history)
        .evaluation(evaluation)
        .gallery(gallery)
}

/// Panics if an element is not closed where it should be.
fn check_nesting(html: &str) {
    let void = ["meta", "img", "!doctype"];
    let (mut open, mut rest) = (Vec::new(), html);
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        let name: String =
            tag.trim_start_matches('/').chars().take_while(|c| !c.is_whitespace() && *c != '/').collect();
        rest = &rest[end + 1..];
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "before {:.80}", rest);
        } else if !(tag.ends_with('/') || void.contains(&name.to_lowercase().as_str())) {
            if matches!(name.as_str(), "style" | "script") {
                rest = &rest[rest.find(&format!("</{name}")).expect("closed")..];
            }
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_is_complete_in_itself_and_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let report = report("one <script>alert(1)</script> & two", 0.1);
    report.save(&path).unwrap();
    let html = fs::read_to_string(&path).unwrap();
    check_nesting(&html);
    assert!(!html.contains("http") && !html.contains("@import") && !html.contains("url("));
    assert!(!html.contains("<script>") && html.contains("one &lt;script&gt;alert"));
    assert!(html.contains("a &lt;b&gt; &amp; &quot;c&quot;"));
    // the template engine escapes slashes
    assert_eq!(html.matches("src=\"data:image&#x2f;png;base64,").count(), html.matches("src=").count());
    assert_eq!(html.matches("<img").count(), 2 * 3 * (1 + 2));
    for section in
        ["Learning curves", "Test episodes", "Worst classes", "Calibration", "Time and memory", "Settings"]
    {
        assert!(html.contains(&format!("<h2>{section}</h2>")), "{section}");
    }
    assert_eq!(html.matches("<svg").count(), 3 + 2);
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("learner: Maml"));
    let loaded = RunReport::load(&path).unwrap();
    assert_eq!((&loaded.title, &loaded.gallery), (&report.title, &report.gallery));
    assert_eq!(loaded.history.steps.len(), 8);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn runs_are_compared_by_their_figures_and_by_the_settings_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compare.html");
    let [a, b] = [report("slow", 0.01), report("fast", 0.5)];
    RunReport::compare(&[&a, &b], &path).unwrap();
    let html = fs::read_to_string(&path).unwrap();
    check_nesting(&html);
    assert!(html.contains("1: slow</b>") && html.contains("2: fast</b>"));
    assert!(html.contains("learner.rule.lr") && !html.contains("optimizer"));
    assert!(html.contains("run 1: validation") && html.contains("run 2: validation"));
    assert!(matches!(RunReport::compare(&[], &path), Err(Error::Setting { name: "runs", .. })));
    // a comparison is not a report, and neither is a report that was cut off
    assert!(matches!(RunReport::load(&path), Err(Error::BadFile { .. })));
    a.save(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 200]).unwrap();
    assert!(matches!(RunReport::load(&path), Err(Error::BadFile { .. })));
    assert!(matches!(RunReport::load(&folder.path().join("none")), Err(Error::Io { .. })));
}

#[test]
fn a_report_on_regression_or_on_nothing_is_a_page_too() {
    let html = RunReport::new("nothing yet").html().unwrap();
    check_nesting(&html);
    assert!(!html.contains("<svg") && !html.contains("Calibration"));
    let learner = maml_at(sinusoid_mlp(), 0.01);
    let learned = Learner::<f32>::init(&learner, 0).into();
    let test = Sinusoids::new(5, 5, 1);
    let evaluation = Evaluator::<f32>::new(&test, 10).evaluate(&learner, &learned).unwrap();
    let gallery = Gallery::of(&learner, None, &learned, &test, &[0, 1], &PixelRange::default()).unwrap();
    assert!(gallery.episodes.is_empty());
    let html = RunReport::new("sinusoids").evaluation(evaluation).gallery(gallery).html().unwrap();
    check_nesting(&html);
    assert!(html.contains("test loss") && !html.contains("NaN"));
}

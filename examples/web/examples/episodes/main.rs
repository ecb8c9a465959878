//! Omniglot's drawings as strokes: episodes for the browser to draw, and what the same learner does with them natively.
//!
//! `cargo run --release --example episodes -- PRETRAINED OMNIGLOT EPISODES OUT.json`
//!
//! The unseen classes are those of the evaluation set. Omniglot's pictures are lines of a square pen of 5 pixels, so pixels
//! with ink all around in a square of 5 are where the pen was; from these, strokes are followed.

mod trace;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use innerloop::ndarray::{ArrayD, ArrayViewD};
use innerloop::{
    ClassRef, Conv4, EpisodeSampler, EpisodeShape, Examples, Learner, Maml, Omniglot, Pretrained, Tasks,
};
use innerloop_web::{Page, SIDE, SIZE, for_ways, prepare, shrink};
use serde_json::json;

fn paper(image: ArrayViewD<'_, f32>) -> Vec<u8> {
    image.iter().map(|&ink| if ink > 0.5 { 255 } else { 0 }).collect()
}

/// What the page makes of a drawing that is drawn again stroke by stroke.
fn redrawn(paper: &[u8]) -> Vec<u8> {
    shrink(&prepare(&trace::strokes(paper)).expect("no drawing is empty"))
}

fn inputs(drawings: &[Vec<u8>]) -> ArrayD<f32> {
    let numbers = drawings.concat().iter().map(|&b| f32::from(b) / 255.0).collect();
    ArrayD::from_shape_vec(vec![drawings.len(), SIZE, SIZE, 1], numbers).expect("all of one size")
}

fn right(logits: &ArrayD<f32>, labels: &[usize]) -> usize {
    let best = |row: ArrayViewD<'_, f32>| {
        row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(class, _)| class)
    };
    logits.outer_iter().zip(labels).filter(|(row, label)| best(row.view()) == Some(**label)).count()
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, pretrained, omniglot, episodes, out] = &args[..] else {
        return Err("give PRETRAINED OMNIGLOT EPISODES OUT.json".into());
    };
    let pretrained = Pretrained::<Maml<Conv4>>::load(Path::new(pretrained))?;
    let images = Omniglot::load_sized(omniglot, SIDE)?;
    // the classes of the evaluation set come last
    let unseen: Vec<ClassRef> = images.all().into_iter().skip(964).collect();
    let episodes: u64 = episodes.parse()?;

    // drawings as published and drawn again, for several numbers of classes
    for ways in [2, 3, 5, 7, 10] {
        let sampler = EpisodeSampler::new(&images, &unseen, EpisodeShape::new(ways, 1, 15), 7)?;
        let (tasks, other) = (50, for_ways(&pretrained, ways)?);
        let mut correct = [0; 2];
        for task in 0..tasks {
            let episode: innerloop::Episode<f32> = sampler.task(task);
            for (again, correct) in correct.iter_mut().enumerate() {
                let prepared = |set: &Examples<f32>| {
                    let papers = set.x.outer_iter().map(paper);
                    inputs(
                        &papers
                            .map(|p| if again == 1 { redrawn(&p) } else { shrink(&p) })
                            .collect::<Vec<_>>(),
                    )
                };
                let support = Examples::labelled(prepared(&episode.support), (0..ways).collect(), ways);
                let adapted = other.learner.adapt(&other.learned, &support)?;
                let logits = other.learner.predict(&adapted, &prepared(&episode.query))?;
                *correct += right(&logits, episode.query.y.labels().expect("classes"));
            }
        }
        let [published, again] = correct.map(|n| 100.0 * n as f64 / (tasks as usize * 15 * ways) as f64);
        println!("{ways:2} classes: {published:.1} % as published, {again:.1} % drawn again and prepared");
    }

    // the episodes that the browser draws
    let sampler = EpisodeSampler::new(&images, &unseen, EpisodeShape::new(5, 1, 15), 0)?;
    let (mut all, mut correct, mut asked) = (Vec::new(), 0, 0);
    let (mut adapting, mut predicting) = (Vec::new(), Vec::new());
    let mut page = Page::of(pretrained);
    for task in 0..episodes {
        let episode: innerloop::Episode<f32> = sampler.task(task);
        let strokes =
            |set: &Examples<f32>| set.x.outer_iter().map(|x| trace::strokes(&paper(x))).collect::<Vec<_>>();
        let (support, query) = (strokes(&episode.support), strokes(&episode.query));
        let labels = episode.query.y.labels().expect("classes");
        let drawings = support.iter().flat_map(|s| shrink(&prepare(s).expect("strokes"))).collect::<Vec<_>>();
        let start = Instant::now();
        page.learn(&drawings, 3)?;
        adapting.push(1e3 * start.elapsed().as_secs_f64());
        let mut answers = Vec::new();
        for (strokes, &label) in query.iter().zip(labels) {
            let drawing = shrink(&prepare(strokes).expect("strokes"));
            let start = Instant::now();
            let probabilities = page.ask(&drawing)?;
            predicting.push(1e3 * start.elapsed().as_secs_f64());
            let after = &probabilities[5..];
            let answer = (0..5).max_by(|&a, &b| after[a].total_cmp(&after[b])).expect("five classes");
            correct += usize::from(answer == label);
            asked += 1;
            answers.push(answer);
        }
        all.push(json!({ "support": support, "query": query, "labels": labels, "native": answers }));
    }
    adapting.sort_by(f64::total_cmp);
    predicting.sort_by(f64::total_cmp);
    println!(
        "{episodes} episodes of the browser, natively: {:.2} %; median {:.2} ms to adapt (3 steps, and before), {:.2} ms to predict twice",
        100.0 * correct as f64 / asked as f64,
        adapting[adapting.len() / 2],
        predicting[predicting.len() / 2]
    );
    std::fs::write(out, serde_json::to_string(&all)?)?;
    Ok(())
}

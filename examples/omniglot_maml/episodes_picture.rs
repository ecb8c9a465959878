//! Four test episodes as an SVG picture: support images, query images and predictions.

use innerloop::ndarray::{ArrayD, ArrayViewD, Axis};
use innerloop::{Episode, EpisodeSampler, Examples, Learned, Learner, Result, Tasks, accuracy};

use crate::runs::Run;

const EPISODES: u64 = 4;
/// The largest numbers of classes per episode and images per class that are drawn.
const WAYS: usize = 10;
const SHOTS: usize = 3;
const QUERIES: usize = 6;
const IMAGE: usize = 56;
const GAP: usize = 12;
const ROW: usize = IMAGE + 36;
const LETTER: usize = 40;
const TITLE: usize = 70;
const MARGIN: usize = 28;
const HEAD: usize = 70;
/// Room for the words above an episode of few images.
const LEAST_WIDTH: usize = 400;

const DARK: &str = "#222222";

const RIGHT: &str = "#1a9641";
const WRONG: &str = "#d7191c";
/// One colour per class, different from those of right and wrong; they repeat after ten.
const COLORS: [&str; 10] = [
    "#3366cc", "#b36b00", "#7733aa", "#0090a8", "#444444", "#c561a5", "#8a6642", "#8f9a00", "#7a8fe8",
    "#999999",
];

/// The first test episodes, with predictions before adaptation and after the last inner step. The queries
/// of an episode are predicted together, as in the published figures.
pub fn draw(run: &Run, learned: &Learned<f32>, tasks: &EpisodeSampler) -> Result<String> {
    let shape = tasks.shape();
    let (shots, queries) = (shape.shots.min(SHOTS), shape.queries.min(QUERIES));
    let w = (LETTER + (shots + queries) * (IMAGE + GAP) + 2 * GAP).max(LEAST_WIDTH);
    let h = TITLE + shape.ways.min(WAYS) * ROW;
    let (width, height) = (2 * w + 3 * MARGIN, HEAD + 2 * h + 3 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"15\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let key = "Letters name the classes of an episode. Below a query: its predicted class, before → after \
               adaptation.";
    svg += &text(MARGIN, 34, 17, DARK, key);
    for (x, color, meaning) in
        [(MARGIN, RIGHT, "right in the end"), (MARGIN + 190, WRONG, "wrong in the end")]
    {
        svg += &(frame(x + 2, 49, 18, color) + &text(x + 30, 64, 17, DARK, meaning));
    }
    for i in 0..EPISODES {
        let episode = tasks.task(i);
        let predict = |learner: &dyn Learner<f32>| {
            learner.predict_together(&learner.adapt(learned, &episode.support)?, &episode.query.x)
        };
        let after = predict(&*run.learner)?;
        let before = run.unadapted.as_ref().map(|learner| predict(learner)).transpose()?;
        let outputs = [before.unwrap_or_else(|| after.clone()), after];
        let (column, row) = (i as usize % 2, i as usize / 2);
        let (x, y) = (MARGIN + column * (w + MARGIN), HEAD + MARGIN + row * (h + MARGIN));
        let panel =
            Panel { episode: &episode, outputs: &outputs, shots: shape.shots, queries: shape.queries };
        svg += &format!("<g transform=\"translate({x} {y})\">\n{}</g>\n", panel.draw(i));
    }
    Ok(svg + "</svg>\n")
}

struct Panel<'a> {
    episode: &'a Episode<f32>,
    /// Logits before adaptation and after it.
    outputs: &'a [ArrayD<f32>; 2],
    shots: usize,
    queries: usize,
}

impl Panel<'_> {
    fn draw(&self, number: u64) -> String {
        let Episode { support, query, .. } = self.episode;
        let ways = self.episode.ways().unwrap_or(0);
        let (shots, queries) = (self.shots.min(SHOTS), self.queries.min(QUERIES));
        let labels = query.y.labels().unwrap_or_default();
        let [before, after] = self.outputs.each_ref().map(|o| 100.0 * accuracy(o.view(), labels));
        let adapts = self.outputs[0] != self.outputs[1];
        let score = if adapts { format!("{before:.0} % → {after:.0} %") } else { format!("{after:.0} %") };
        let title = format!("Test episode {}: accuracy {score} of {} queries", number + 1, query.len());
        let title = title + if ways > WAYS { "; some classes" } else { "" };
        let mut svg = text(0, 18, 18, "#000000", &title);
        let query_x = LETTER + shots * (IMAGE + GAP) + 2 * GAP;
        svg += &text(LETTER, 48, 15, "#666666", "support");
        svg += &text(query_x, 48, 15, "#666666", "query");
        for way in 0..WAYS.min(ways) {
            let (y, color) = (TITLE - 8 + way * ROW, COLORS[way % COLORS.len()]);
            svg += &text(8, y + IMAGE / 2 + 9, 26, color, &letter(way));
            for shot in 0..shots {
                let x = LETTER + shot * (IMAGE + GAP);
                svg += &(picture(support, way * self.shots + shot, x, y) + &frame(x, y, IMAGE, color));
            }
            for q in 0..queries {
                let (x, index) = (query_x + q * (IMAGE + GAP), way * self.queries + q);
                let [before, after] = self.outputs.each_ref().map(|o| best(o.view(), index));
                let color = if after == labels[index] { RIGHT } else { WRONG };
                svg += &(picture(query, index, x, y) + &frame(x, y, IMAGE, color));
                svg += &answer(x + IMAGE / 2, y + IMAGE + 20, adapts.then_some(before), after);
            }
        }
        svg
    }
}

/// Letters A, B, … and from the 27th class on A1, B1, …
fn letter(class: usize) -> String {
    let round = if class < 26 { String::new() } else { (class / 26).to_string() };
    format!("{}{round}", char::from(b'A' + (class % 26) as u8))
}

/// The class with the largest logit of a row.
fn best(logits: ArrayViewD<'_, f32>, row: usize) -> usize {
    let row = logits.index_axis(Axis(0), row);
    let larger = |best: (usize, f32), (i, &x): (usize, &f32)| if x > best.1 { (i, x) } else { best };
    row.iter().enumerate().fold((0, f32::NEG_INFINITY), larger).0
}

/// "B → A" under a query, each letter in the colour of its class.
fn answer(middle: usize, y: usize, before: Option<usize>, after: usize) -> String {
    let span = |class: usize| {
        format!(
            "<tspan fill=\"{}\" font-weight=\"bold\">{}</tspan>",
            COLORS[class % COLORS.len()],
            letter(class)
        )
    };
    let before = before.map_or(String::new(), |class| span(class) + " → ");
    let after = span(after);
    format!("<text x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#888888\">{before}{after}</text>\n")
}

fn text(x: usize, y: usize, size: usize, color: &str, words: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{color}\">{words}</text>\n")
}

fn frame(x: usize, y: usize, size: usize, color: &str) -> String {
    format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{size}\" height=\"{size}\" fill=\"none\" stroke=\"{color}\" \
         stroke-width=\"3\"/>\n"
    )
}

/// Image `index` of `examples`, ink dark: a path for each shade of grey, a rectangle for each run of
/// equal pixels in a row, so that pixels stay crisp at any size.
fn picture(examples: &Examples<f32>, index: usize, x: usize, y: usize) -> String {
    const SHADES: usize = 6;
    let image = examples.x.index_axis(Axis(0), index);
    let (h, w) = (image.shape()[0], image.shape()[1]);
    let shade = |row: usize, col: usize| (image[[row, col, 0]] * SHADES as f32).round() as usize;
    let mut paths = vec![String::new(); SHADES + 1];
    for row in 0..h {
        let mut start = 0;
        for col in 1..=w {
            if col == w || shade(row, col) != shade(row, start) {
                paths[shade(row, start)] += &format!("M{start} {row}h{0}v1h-{0}z", col - start);
                start = col;
            }
        }
    }
    let scale = IMAGE as f64 / h.max(w) as f64;
    let mut svg =
        format!("<g transform=\"translate({x} {y}) scale({scale})\" shape-rendering=\"crispEdges\">\n");
    for (shade, path) in paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty()) {
        let grey = 255 - 255 * shade / SHADES;
        svg += &format!("<path fill=\"#{grey:02x}{grey:02x}{grey:02x}\" d=\"{path}\"/>\n");
    }
    svg + "</g>\n"
}

//! Trajectories before and after adaptation as an SVG picture, a panel per goal.

use std::error::Error as StdError;

use innerloop::{Navigation, PolicyStage};
use plotters::prelude::*;

/// Told apart by colour-blind readers too (Okabe and Ito): before, after 1 update, after the last.
const COLORS: [RGBColor; 3] = [RGBColor(150, 150, 150), RGBColor(230, 159, 0), RGBColor(0, 114, 178)];
/// Trajectories drawn of each stage.
const SHOWN: usize = 2;
/// Half the side of a panel; goals lie within 0.5.
const EDGE: f64 = 0.75;

/// Of each goal: its stages, from before adaptation to the last update.
pub fn draw(goals: &[Navigation], stages: &[Vec<PolicyStage<f32>>]) -> String {
    let mut svg = String::new();
    paint(goals, stages, &mut svg).expect("a string takes any drawing");
    svg
}

fn paint(
    goals: &[Navigation],
    stages: &[Vec<PolicyStage<f32>>],
    svg: &mut String,
) -> Result<(), Box<dyn StdError>> {
    let root = SVGBackend::with_string(svg, (860, 900)).into_drawing_area();
    root.fill(&WHITE)?;
    let (legend, rest) = root.split_vertically(50);
    let last = stages.iter().map(|stages| stages.len() - 1).max().unwrap_or(0);
    let names = ["before adaptation".into(), "after 1 update".into(), format!("after {last} updates")];
    for ((x, name), color) in [60, 270, 450].into_iter().zip(names).zip(COLORS) {
        legend.draw(&PathElement::new(vec![(x, 28), (x + 30, 28)], color.stroke_width(2)))?;
        legend.draw(&Text::new(name, (x + 38, 20), ("sans-serif", 17)))?;
    }
    legend.draw(&Cross::new((650, 28), 7, BLACK.stroke_width(3)))?;
    legend.draw(&Text::new("goal, which is not observed", (665, 20), ("sans-serif", 17)))?;

    for ((goal, stages), area) in goals.iter().zip(stages).zip(rest.split_evenly((2, 2))) {
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(45)
            .build_cartesian_2d(-EDGE..EDGE, -EDGE..EDGE)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .label_style(("sans-serif", 15))
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&|x| format!("{x:.1}"))
            .y_label_formatter(&|y| format!("{y:.1}"))
            .draw()?;
        let shown = [stages.first(), stages.get(1), stages.last()];
        for (stage, color) in shown.into_iter().zip(COLORS) {
            for path in stage.into_iter().flat_map(paths).take(SHOWN) {
                chart.draw_series(LineSeries::new(path, color.stroke_width(2)))?;
            }
        }
        let at = (goal.goal[0], goal.goal[1]);
        chart.draw_series([Cross::new(at, 7, BLACK.stroke_width(3))])?;
    }
    root.present()?;
    drop((legend, rest));
    Ok(())
}

/// The positions of each trajectory. Those outside the panel end it, so that no line is drawn along its edge.
fn paths(stage: &PolicyStage<f32>) -> Vec<Vec<(f64, f64)>> {
    let seen = &stage.rollout.observations;
    let position = |at: usize| (f64::from(seen[[at, 0]]), f64::from(seen[[at, 1]]));
    let inside = |(x, y): &(f64, f64)| x.abs() <= EDGE && y.abs() <= EDGE;
    stage.rollout.trajectories().map(|steps| steps.map(position).take_while(inside).collect()).collect()
}

//! Where the pen went in a drawing of Omniglot.

use innerloop_web::SIDE;

type Point = [f32; 2];

/// The strokes of a drawing: pixels where the whole pen had ink, followed from end to end.
pub fn strokes(paper: &[u8]) -> Vec<Vec<Point>> {
    let ink = |x: i32, y: i32| {
        let inside = (0..SIDE as i32).contains(&x) && (0..SIDE as i32).contains(&y);
        inside && paper[y as usize * SIDE + x as usize] > 0
    };
    let around = |x: i32, y: i32, far: i32| (-far..=far).all(|dy| (-far..=far).all(|dx| ink(x + dx, y + dy)));
    // a drawing that lacks such pixels is thinner: take a smaller pen
    let pen = (0..=2).rev().find(|&far| (0..(SIDE * SIDE) as i32).any(|at| around(at % 105, at / 105, far)));
    let pen = pen.unwrap_or(0);
    let mut open: Vec<bool> = (0..(SIDE * SIDE) as i32).map(|at| around(at % 105, at / 105, pen)).collect();
    let mut strokes = Vec::new();
    while let Some(start) = first(&open) {
        let stroke = follow(&mut open, start);
        strokes.push(simplified(&stroke, 0.7));
    }
    strokes
}

fn neighbours(open: &[bool], at: usize) -> impl Iterator<Item = usize> {
    let (x, y) = ((at % SIDE) as i32, (at / SIDE) as i32);
    let all = (-1..=1).flat_map(move |dy| (-1..=1).map(move |dx| (x + dx, y + dy)));
    all.filter(move |&(nx, ny)| (nx, ny) != (x, y) && (0..105).contains(&nx) && (0..105).contains(&ny))
        .map(|(x, y)| y as usize * SIDE + x as usize)
        .filter(|&n| open[n])
}

/// A pixel to begin with: an end of a line if there is one.
fn first(open: &[bool]) -> Option<usize> {
    (0..open.len()).filter(|&at| open[at]).min_by_key(|&at| neighbours(open, at).count())
}

/// Walks on as straight as possible until there is nowhere to go.
fn follow(open: &mut [bool], start: usize) -> Vec<Point> {
    let (mut at, mut heading) = (start, [0.0f32; 2]);
    let mut stroke = Vec::new();
    loop {
        open[at] = false;
        let here = [(at % SIDE) as f32, (at / SIDE) as f32];
        stroke.push([here[0] + 0.5, here[1] + 0.5]);
        let turn = |n: &usize| {
            let way = [(n % SIDE) as f32 - here[0], (n / SIDE) as f32 - here[1]];
            (way[0] * heading[0] + way[1] * heading[1]) / way[0].hypot(way[1])
        };
        let Some(next) = neighbours(open, at).max_by(|a, b| turn(a).total_cmp(&turn(b))) else { break };
        let way = [(next % SIDE) as f32 - here[0], (next / SIDE) as f32 - here[1]];
        heading = [0, 1].map(|axis| 0.7 * heading[axis] + way[axis]);
        at = next;
    }
    stroke
}

/// Fewer points, none of the others farther away than this (Douglas and Peucker 1973).
fn simplified(points: &[Point], far: f32) -> Vec<Point> {
    let [first, .., last] = points else { return points.to_vec() };
    let chord = [last[0] - first[0], last[1] - first[1]];
    let length = chord[0].hypot(chord[1]);
    let distance = |p: &Point| {
        let way = [p[0] - first[0], p[1] - first[1]];
        if length < 1.0 {
            way[0].hypot(way[1])
        } else {
            (way[0] * chord[1] - way[1] * chord[0]).abs() / length
        }
    };
    let farthest = (0..points.len()).max_by(|&a, &b| distance(&points[a]).total_cmp(&distance(&points[b])));
    match farthest {
        Some(at) if distance(&points[at]) > far => {
            let mut all = simplified(&points[..=at], far);
            all.pop();
            all.extend(simplified(&points[at..], far));
            all
        }
        _ => vec![*first, *last],
    }
}

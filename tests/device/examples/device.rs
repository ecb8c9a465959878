//! What a module does, on a device with a system: `device check`, or `device FILTERS TIMES`: milliseconds of `adapt` and of `meta_grad`, medians; or
//! `device FILTERS adapt|meta_grad TIMES`: only that, so many times, to count instructions.

use std::hint::black_box;
use std::time::Instant;

#[path = "../check.rs"]
mod check;
#[path = "../task.rs"]
mod task;

use check::check;
use task::UserTask;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| args[i].parse().expect("a number");
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => check(),
        [_, "adapt", _] => repeat(number(2), &UserTask::new(number(0)), false),
        [_, "meta_grad", _] => repeat(number(2), &UserTask::new(number(0)), true),
        [_, _] => {
            let task = UserTask::new(number(0));
            let (mut adapt, mut meta_grad) = (Vec::new(), Vec::new());
            for _ in 0..number(1) {
                adapt.push(ms(|| repeat(1, &task, false)));
                meta_grad.push(ms(|| repeat(1, &task, true)));
            }
            println!("adapt {:.2} ms, meta_grad {:.2} ms", median(adapt), median(meta_grad));
        }
        _ => panic!("see the first lines of device.rs"),
    }
}

fn repeat(times: usize, task: &UserTask, meta_grad: bool) {
    for _ in 0..times {
        if meta_grad {
            black_box(task.meta_grad());
        } else {
            black_box(task.adapt());
        }
    }
}

fn ms(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    1e3 * start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

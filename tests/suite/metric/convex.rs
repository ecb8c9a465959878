//! Heads that solve a convex problem.

use super::*;

#[test]
fn a_ridge_without_bias_is_r2d2_on_inputs_whose_bias_is_in_them() {
    // R2-D2 divides by the number of support examples: its ridge is so many times larger
    let lift = |x: &ArrayD<f64>| {
        let ones = ArrayD::from_elem(vec![x.shape()[0], 1], 1.0);
        innerloop::ndarray::concatenate(Axis(1), &[x.view(), ones.view()]).unwrap()
    };
    let episode = episode::<f64>(2, 4);
    let (support, labels) = (&episode.support, episode.support.y.labels().unwrap().to_vec());
    let n = support.len() as f64;
    let r2d2 = R2d2::new(IDENTITY, NormMode::Batch).lambda(0.3).calibration(2.0, 0.0);
    let want = r2d2.predict(&adapted(&r2d2, support), &episode.query.x).unwrap();
    let head = ConvexHead::Ridge { lambda: 0.3 * n };
    let ridge = MetaOptNet::ridge(IDENTITY, NormMode::Batch).head(head).scale(2.0);
    let lifted = Examples::labelled(lift(&support.x), labels, WAYS);
    let found = ridge.predict(&adapted(&ridge, &lifted), &lift(&episode.query.x)).unwrap();
    assert!(largest_difference(&found, &want) < 1e-10, "{found} {want}");
}

#[test]
fn a_support_vector_machine_tells_its_own_support_set_apart() {
    let episode = episode::<f64>(1, 8);
    let machine = MetaOptNet::svm(IDENTITY, NormMode::Batch).head(ConvexHead::Svm { c: 10.0, steps: 300 });
    let outputs = machine.predict(&adapted(&machine, &episode.support), &episode.support.x).unwrap();
    for (row, &label) in outputs.outer_iter().zip(episode.support.y.labels().unwrap()) {
        assert!(row.iter().enumerate().all(|(m, v)| m == label || *v < row[label]), "{row} {label}");
    }
}

#[test]
fn a_kernel_that_overflows_is_an_error_that_names_the_task() {
    let tasks = [episode::<f64>(1, 8)];
    let (large, norm) = (Smooth { scale: 1e200, shift: 0.0 }, NormMode::Batch);
    for learner in [MetaOptNet::svm(large, norm.clone()), MetaOptNet::ridge(large, norm)] {
        let error =
            meta_grad(&learner, &learned(&learner), &tasks, &Progress::default()).map(drop).unwrap_err();
        assert!(matches!(error, Error::Task { .. }), "{error}");
    }
}

#[test]
fn settings_of_convex_heads_out_of_range_are_refused_by_name() {
    let refused = |head, name| {
        let learner = MetaOptNet::ridge(IDENTITY, NormMode::Batch).head(head);
        let error = Learner::<f64>::check_settings(&learner).unwrap_err();
        assert!(matches!(error, Error::Setting { name: found, .. } if found == name), "{error}");
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(ConvexHead::Ridge { lambda: bad }, "lambda");
        refused(ConvexHead::Svm { c: bad, steps: 3 }, "c");
    }
    refused(ConvexHead::Svm { c: 1.0, steps: 0 }, "steps");
}

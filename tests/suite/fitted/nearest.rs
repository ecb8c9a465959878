//! Nearest neighbours and centroids.

use super::*;

#[test]
fn nearest_neighbours_and_centroids_are_what_they_say() {
    let episode: Episode<f64> = sampler(3, 2).task(5);
    let (support, queries) = (&episode.support, &episode.query.x);
    let labels = support.y.labels().unwrap();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let near = |nearness, a: &[f64], b: &[f64]| match nearness {
        Nearness::Cosine => dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        _ => -a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>(),
    };
    let rows =
        |x: &ArrayD<f64>| x.outer_iter().map(|r| r.iter().copied().collect()).collect::<Vec<Vec<f64>>>();
    let (points, inputs) = (rows(&support.x), rows(queries));
    for nearness in [Nearness::Cosine, Nearness::Euclidean] {
        for centroid in [false, true] {
            let learner = if centroid { Nearest::centroid(nearness) } else { Nearest::neighbour(nearness) };
            let adapted = learner.adapt(&Vec::new().into(), support).unwrap();
            let found = learner.predict(&adapted, queries).unwrap();
            let want = ArrayD::from_shape_fn(vec![inputs.len(), 3], |at| {
                let members: Vec<_> = (0..points.len()).filter(|&j| labels[j] == at[1]).collect();
                if centroid {
                    let mean =
                        |k: usize| members.iter().map(|&j| points[j][k]).sum::<f64>() / members.len() as f64;
                    let mean: Vec<f64> = (0..256).map(mean).collect();
                    return near(nearness, &inputs[at[0]], &mean);
                }
                let all = members.iter().map(|&j| near(nearness, &inputs[at[0]], &points[j]));
                all.fold(f64::NEG_INFINITY, f64::max)
            });
            assert!(distance(&found, &want) < 1e-10, "{learner:?}");
        }
    }
}

#[test]
fn nearest_neighbours_refuse_inputs_of_another_shape_than_the_support_sets() {
    let learner = Nearest::neighbour(Nearness::Cosine);
    let support = Examples::labelled(array![[0.0, 1.0], [1.0, 0.0]].into_dyn(), vec![0, 1], 2);
    let adapted = learner.adapt(&Vec::new().into(), &support).unwrap();
    for x in [array![[1.0, 2.0, 3.0]].into_dyn(), ArrayD::zeros(vec![0, 2]), ArrayD::zeros(vec![])] {
        assert!(matches!(learner.predict(&adapted, &x), Err(Error::Shape { .. })), "{x}");
    }
    let x = array![[f64::NAN, 0.0]].into_dyn();
    assert!(matches!(learner.predict(&adapted, &x), Err(Error::NotFinite { .. })));
}

/// The published figures are 41.7, 63.2, 26.7 and 42.6 % (pixels by cosine, table 1 of Vinyals et al. 2016). How those
/// images were made smaller and which classes were drawn is not known, and both decide. With 5 queries per class, images
/// averaged over squares of 105/28 pixels instead of picked give 49.5, 74.0, 30.3 and 55.2 %, and upright
/// classes alone 44.1, 66.5, 24.3 and 43.8 %. So ours are held to what they were when they were first
/// measured, within the half width of their interval, and stand beside the published ones.
#[cfg(feature = "images")]
#[test]
fn nearest_neighbours_on_the_pixels_of_omniglot_have_their_recorded_accuracy() {
    let Some(root) = crate::common::real_data() else { return };
    let images = innerloop::Omniglot::load(&root).unwrap();
    let split = Split::vinyals(&images, root.join("omniglot/splits/vinyals")).unwrap();
    let learner = Nearest::neighbour(Nearness::Cosine);
    let cases = [(5, 1, 45.4, 41.7), (5, 5, 69.0, 63.2), (20, 1, 26.2, 26.7), (20, 5, 48.1, 42.6)];
    for (ways, shots, recorded, published) in cases {
        let shape = EpisodeShape::new(ways, shots, 15);
        let episodes = EpisodeSampler::new(&images, &split.test, shape, 0).unwrap();
        let report = &evaluate::<f32>(&learner, &Vec::new().into(), &episodes, 600).unwrap()[0];
        let accuracy = report.inductive.accuracy.unwrap();
        println!("{ways}-way {shots}-shot: {accuracy:#}, published {published} %");
        assert!((100.0 * accuracy.mean - recorded).abs() < 0.7, "{accuracy:#} for {recorded} %");
    }
}

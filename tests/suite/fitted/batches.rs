//! Plain batches of classes.

use super::*;

#[test]
fn a_class_batch_is_a_function_of_its_number_and_repeats_no_image() {
    let images = glyphs();
    let classes: Vec<_> = images.all().into_iter().rev().collect();
    let batches = ClassBatches::new(&images, &classes, 20, 3).unwrap();
    for i in 0..50 {
        let drawn = batches.drawn(i);
        let batch: Examples<f32> = batches.task(i);
        assert_eq!(batch, batches.task(i));
        assert!(batch.check("batch").is_ok());
        assert_eq!((batch.x.shape(), batch.y.ways()), (&[20, 16, 16, 1][..], Some(8)));
        for (at, &(label, image)) in drawn.iter().enumerate() {
            assert!(!drawn[..at].contains(&(label, image)));
            let want = images.class(classes[label]).unwrap().image::<f32>(image);
            assert_eq!(batch.x.index_axis(Axis(0), at), want);
            assert_eq!(batch.y.labels().unwrap()[at], label);
        }
    }
    assert_ne!(batches.drawn(0), batches.drawn(1));
    let whole = ClassBatches::new(&images, &classes, 48, 3).unwrap().drawn(0);
    assert!((0..8).all(|label| (0..6).all(|image| whole.contains(&(label, image)))));
}

#[test]
fn class_batches_draw_each_image_equally_often() {
    let images = glyphs();
    let batches = ClassBatches::new(&images, &images.all(), 12, 0).unwrap();
    let mut counts = [[0u32; 6]; 8];
    (0..4000).flat_map(|i| batches.drawn(i)).for_each(|(label, image)| counts[label][image] += 1);
    // 1000 expected, standard deviation 27
    assert!(counts.iter().flatten().all(|n| n.abs_diff(1000) < 150), "{counts:?}");
}

#[test]
fn class_batches_that_cannot_be_drawn_are_refused() {
    let images = glyphs();
    let all = images.all();
    let new = |classes: &[_], size| ClassBatches::new(&images, classes, size, 0).map(drop).unwrap_err();
    assert!(matches!(new(&[], 1), Error::TooFewClasses { .. }));
    assert!(matches!(new(&all, 0), Error::Setting { name: "size", .. }));
    assert!(matches!(new(&all, 49), Error::Setting { name: "size", .. }));
    assert!(matches!(new(&[all[1], all[1]], 1), Error::RepeatedClass { .. }));
}

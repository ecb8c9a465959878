//! Copies of images with their padding stored as zeros: faster than leaving the padding
//! out when there are few input channels.

use super::shape::ConvShape;

/// The same convolution over padded images.
pub(super) fn padded(s: &ConvShape) -> ConvShape {
    ConvShape { h: s.h + 2 * s.pad[0], w: s.w + 2 * s.pad[1], pad: [0; 2], ..*s }
}

/// Fills `to` with the images of `from`, zeros around each.
pub(super) fn pad<T: Copy + Default>(s: &ConvShape, from: &[T], to: &mut [T]) {
    let p = padded(s);
    let (row, padded_row) = (s.w * s.c_in, p.w * s.c_in);
    to.fill(T::default());
    if row == 0 {
        return;
    }
    let tos = to.chunks_exact_mut((p.h * padded_row).max(1));
    for (from, to) in from.chunks_exact((s.h * row).max(1)).zip(tos) {
        let rows = to.chunks_exact_mut(padded_row).skip(s.pad[0]);
        for (from, to) in from.chunks_exact(row).zip(rows) {
            to[s.pad[1] * s.c_in..][..row].copy_from_slice(from);
        }
    }
}

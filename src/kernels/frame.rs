//! A batch of images with room around each, so that windows need no bounds.

/// Where images of `[h, w, c]` lie in frames of `[rows, cols, c]`: moved down
/// and right by `top` and `left`, cut off where they leave the frame, zeros
/// elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub image: [usize; 3],
    pub top: usize,
    pub left: usize,
    pub rows: usize,
    pub cols: usize,
}

impl Frame {
    /// The frame that needs the least copying for windows that reach
    /// `rows` x `cols`: where that lies inside the image, the image itself.
    pub(super) fn new(image: [usize; 3], [top, left]: [usize; 2], [rows, cols]: [usize; 2]) -> Frame {
        let [h, w, _] = image;
        if top == 0 && left == 0 && rows <= h && cols <= w {
            Frame { image, top, left, rows: h, cols: w }
        } else {
            Frame { image, top, left, rows, cols }
        }
    }

    /// Whether the images can be read where they are.
    pub(super) fn is_image(&self) -> bool {
        let [h, w, _] = self.image;
        self.top == 0 && self.left == 0 && self.rows == h && self.cols == w
    }

    /// Elements of a frame.
    pub(super) fn len(&self) -> usize {
        self.rows * self.cols * self.image[2]
    }

    /// Where pixel `(row, col)` of frame `i` starts.
    pub(super) fn at(&self, i: usize, row: usize, col: usize) -> usize {
        ((i * self.rows + row) * self.cols + col) * self.image[2]
    }

    /// Fills `frames` with `images`; both hold the same number of whole ones.
    pub(super) fn fill<T: Copy + Default>(&self, images: &[T], frames: &mut [T]) {
        let [h, w, c] = self.image;
        let (row_len, left) = (self.cols * c, self.left.min(self.cols) * c);
        let inside = (w * c).min(row_len - left);
        let zero = T::default();
        if row_len == 0 || self.rows == 0 {
            return;
        }
        for (i, frame) in frames.chunks_exact_mut(self.len()).enumerate() {
            for (r, row) in frame.chunks_exact_mut(row_len).enumerate() {
                if inside == 0 || r < self.top || r - self.top >= h {
                    row.fill(zero);
                    continue;
                }
                let from = (i * h + r - self.top) * w * c;
                row[..left].fill(zero);
                row[left..left + inside].copy_from_slice(&images[from..from + inside]);
                row[left + inside..].fill(zero);
            }
        }
    }
}

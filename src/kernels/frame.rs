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
        let left = self.left.min(self.cols);
        let inside = w.min(self.cols - left) * c;
        let seen = h.min(self.rows.saturating_sub(self.top));
        // from the end of one row of the image to the start of the next there
        // is one run of zeros; few long runs matter where rows are short
        let mut done = 0;
        for i in 0..frames.len().checked_div(self.len()).unwrap_or(0) {
            for r in 0..seen {
                let (from, to) = ((i * h + r) * w * c, self.at(i, self.top + r, left));
                frames[done..to].fill(T::default());
                frames[to..to + inside].copy_from_slice(&images[from..from + inside]);
                done = to + inside;
            }
        }
        frames[done..].fill(T::default());
    }
}

//! Buffers that are kept between calls, so that a call clears no fresh pages.

/// Lends `len` elements of `buffer`, which hold anything, and grows it if need be.
///
/// They start at a cache line: full vectors across two lines cost twice.
pub(super) fn at_least<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    const LINE: usize = 64;
    let spare = LINE / size_of::<T>();
    if buffer.len() < len + spare {
        buffer.resize(len + spare, T::default());
    }
    let skip = buffer.as_ptr().align_offset(LINE).min(spare);
    &mut buffer[skip..skip + len]
}

//! Recycled buffers: why a tape that lives for a millisecond costs no page faults.
//!
//! A tape makes many arrays and drops all of them at once, which is the worst
//! pattern for a general allocator: it hands the pages back and faults them in
//! again. Each thread therefore keeps the buffers it dropped, sorted by size,
//! up to [`KEPT_BYTES`].

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::thread::LocalKey;

/// Most bytes that one thread keeps for reuse, for each element type.
const KEPT_BYTES: usize = 256 << 20;

/// Element types whose buffers are recycled.
pub trait Pooled: Copy + Sized + 'static {
    /// All bits zero.
    const ZERO: Self;
    /// What a test finds in a buffer that nobody wrote to.
    const POISON: Self;
    /// The calling thread's kept buffers.
    fn pool() -> &'static LocalKey<RefCell<Pool<Self>>>;
}

thread_local! {
    static POOL_F32: RefCell<Pool<f32>> = const { RefCell::new(Pool::new()) };
    static POOL_U8: RefCell<Pool<u8>> = const { RefCell::new(Pool::new()) };
    static POOL_U32: RefCell<Pool<u32>> = const { RefCell::new(Pool::new()) };
    static POOL_F64: RefCell<Pool<f64>> = const { RefCell::new(Pool::new()) };
}

impl Pooled for f32 {
    const ZERO: f32 = 0.0;
    const POISON: f32 = f32::NAN;
    fn pool() -> &'static LocalKey<RefCell<Pool<f32>>> {
        &POOL_F32
    }
}

impl Pooled for f64 {
    const ZERO: f64 = 0.0;
    const POISON: f64 = f64::NAN;
    fn pool() -> &'static LocalKey<RefCell<Pool<f64>>> {
        &POOL_F64
    }
}

impl Pooled for u8 {
    const ZERO: u8 = 0;
    const POISON: u8 = u8::MAX;
    fn pool() -> &'static LocalKey<RefCell<Pool<u8>>> {
        &POOL_U8
    }
}

impl Pooled for u32 {
    const ZERO: u32 = 0;
    const POISON: u32 = u32::MAX;
    fn pool() -> &'static LocalKey<RefCell<Pool<u32>>> {
        &POOL_U32
    }
}

/// Elements and the count of their holders, allocated once and recycled together.
type Counted<T> = Rc<Vec<T>>;

/// One thread's kept buffers, a stack for each size class.
#[derive(Debug)]
pub struct Pool<T> {
    classes: Vec<Vec<Counted<T>>>,
    bytes: usize,
}

impl<T> Pool<T> {
    const fn new() -> Pool<T> {
        Pool { classes: Vec::new(), bytes: 0 }
    }
}

/// The size class that holds `len` elements, and the class's own size.
///
/// Steps of 16 elements up to 128, then eight steps to every doubling, so at
/// most an eighth of a large buffer is unused.
#[inline]
fn size_class(len: usize) -> (usize, usize) {
    let units = len.div_ceil(16).max(1);
    if units <= 8 {
        return (units, 16 * units);
    }
    let shift = (units - 1).ilog2() - 2;
    let steps = units.div_ceil(1 << shift); // 5..=8 of them at this scale
    (8 * shift as usize + steps, (steps << shift) * 16)
}

/// A buffer of `len` elements that goes back to its thread's pool when its last holder
/// drops it. A clone holds the same elements; they are written to by a sole holder.
#[derive(Debug, Clone)]
pub(crate) struct Buf<T: Pooled> {
    /// As long as the size class, or taken over from outside: always initialised, so
    /// reuse needs no `unsafe`. `None` once the elements were freed.
    data: Option<Counted<T>>,
    len: usize,
}

impl<T: Pooled> Buf<T> {
    /// What is left of a buffer that was freed: reading it panics.
    pub(crate) const FREED: Buf<T> = Buf { data: None, len: 0 };

    /// A buffer with arbitrary contents: for a caller that writes every element.
    pub(crate) fn dirty(len: usize) -> Buf<T> {
        let (class, size) = size_class(len);
        let kept = T::pool().with_borrow_mut(|pool| {
            let data = pool.classes.get_mut(class)?.pop()?;
            pool.bytes -= size * size_of::<T>();
            Some(data)
        });
        let data = kept.unwrap_or_else(|| Rc::new(vec![T::ZERO; size]));
        #[allow(unused_mut)]
        let mut buf = Buf { data: Some(data), len };
        #[cfg(test)]
        buf.fill(T::POISON);
        buf
    }

    /// A buffer that copies `elements`.
    pub(crate) fn copied(elements: &[T]) -> Buf<T> {
        let mut buf = Buf::dirty(elements.len());
        buf.copy_from_slice(elements);
        buf
    }

    /// A buffer made of `elements`, which are not copied.
    pub(crate) fn owning(elements: Vec<T>) -> Buf<T> {
        Buf { len: elements.len(), data: Some(Rc::new(elements)) }
    }

    /// A buffer of one repeated value.
    pub(crate) fn filled(len: usize, value: T) -> Buf<T> {
        let mut buf = Buf::dirty(len);
        buf.fill(value);
        buf
    }

    /// A buffer of zeros.
    pub(crate) fn zeros(len: usize) -> Buf<T> {
        Buf::filled(len, T::ZERO)
    }

    /// The elements to write to, unless somebody else holds them too.
    pub(crate) fn get_mut(&mut self) -> Option<&mut [T]> {
        match &mut self.data {
            Some(data) => Rc::get_mut(data).map(|data| &mut data[..self.len]),
            None => None,
        }
    }
}

impl<T: Pooled> Drop for Buf<T> {
    fn drop(&mut self) {
        if let Some(data) = self.data.take()
            && Rc::strong_count(&data) == 1
        {
            keep(data);
        }
    }
}

/// Puts a buffer that nobody holds any more into its thread's pool, unless it was taken
/// over from outside and is shorter than its size class.
fn keep<T: Pooled>(data: Counted<T>) {
    let (class, size) = size_class(data.len());
    if data.len() < size {
        return;
    }
    let bytes = data.len() * size_of::<T>();
    // A thread that is ending has no pool any more; then the buffer is simply freed.
    let _ = T::pool().try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.bytes + bytes > KEPT_BYTES {
            return;
        }
        if pool.classes.len() <= class {
            pool.classes.resize_with(class + 1, Vec::new);
        }
        pool.bytes += bytes;
        pool.classes[class].push(data);
    });
}

impl<T: Pooled> Deref for Buf<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.data {
            Some(data) => &data[..self.len],
            None => panic!("a value was read that was freed before: a rule reads what it said it does not"),
        }
    }
}

/// # Panics
/// If somebody else holds the elements, or they were freed.
impl<T: Pooled> DerefMut for Buf<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.get_mut().expect("a buffer with one holder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_class_holds_what_is_asked_and_is_its_own_class() {
        for len in (0..5000).chain([62_720, 250_880, 3_763_200, 4_000_001]) {
            let (class, size) = size_class(len);
            assert!(size >= len && size <= len + len / 4 + 16, "{len} got {size}");
            assert_eq!(size_class(size), (class, size), "class of {len}");
        }
    }

    #[test]
    fn a_dropped_buffer_is_used_again() {
        let first = Buf::<f32>::dirty(777_777);
        let place = first.as_ptr();
        drop(first);
        let second = Buf::<f32>::dirty(777_770);
        assert_eq!(second.as_ptr(), place);
        assert_eq!(second.len(), 777_770);
    }

    #[test]
    fn a_buffer_from_outside_never_serves_more_elements_than_it_has() {
        for len in [333_333, size_class(333_333).1] {
            drop(Buf::owning(vec![1f64; len]));
            let (_, size) = size_class(len);
            assert_eq!(Buf::<f64>::dirty(size).len(), size);
        }
    }

    #[test]
    fn a_buffer_is_written_to_and_used_again_only_without_other_holders() {
        let mut first = Buf::<f32>::zeros(55_555);
        let other = first.clone();
        assert!(first.get_mut().is_none());
        drop(first);
        let mut second = Buf::<f32>::dirty(55_555);
        second.fill(1.0);
        assert_eq!(other[..], [0.0; 55_555]);
    }
}

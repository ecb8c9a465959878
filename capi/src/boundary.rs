//! Between C and Rust: what comes in as a pointer, what goes out as a status and a message.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::slice::from_raw_parts;

use innerloop::Error;

/// What a call came to. On anything but OK, `innerloop_last_error` says what was wrong.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It worked.
    Ok = 0,
    /// An argument cannot be used: a pointer is NULL, a size or a label is wrong.
    Argument = 1,
    /// A number is infinite or NaN: it came in so, or the adaptation diverged.
    NotFinite = 2,
    /// The operating system could not read or write a file.
    Io = 3,
    /// A file is damaged, or is not what was asked for.
    BadFile = 4,
    /// Anything else.
    Failed = 5,
    /// An error in the library, caught at its border; please report it.
    Bug = 6,
}

/// A status that is not `Ok`, and its message.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    message: String,
}

impl Failure {
    pub(crate) fn argument(message: impl Into<String>) -> Failure {
        Failure { status: Status::Argument, message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error {
            Error::Setting { .. }
            | Error::Shape { .. }
            | Error::Label { .. }
            | Error::MissingLabel { .. } => Status::Argument,
            Error::NotFinite { .. } => Status::NotFinite,
            Error::Io { .. } => Status::Io,
            Error::BadFile { .. }
            | Error::MissingArray { .. }
            | Error::NotAdapted { .. }
            | Error::Spec { .. } => Status::BadFile,
            _ => Status::Failed,
        };
        Failure { status, message: error.to_string() }
    }
}

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// The message of the last call that failed on this thread; empty if none did. Valid until the next call that fails on this
/// thread, or the thread's end: copy it to keep it.
#[unsafe(no_mangle)]
pub extern "C" fn innerloop_last_error() -> *const c_char {
    // a thread that is ending has no message
    MESSAGE.try_with(|message| message.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Runs a call: keeps its message, and lets no panic through.
pub(crate) fn guarded(call: impl FnOnce() -> Result<(), Failure>) -> Status {
    // nothing of a call that panicked is looked at again: what it would have given out is dropped
    let failure = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return Status::Ok,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Failure { status: Status::Bug, message: format!("a bug in innerloop: {text}") }
        }
    };
    let bytes: Vec<u8> = failure.message.bytes().filter(|&byte| byte != 0).collect();
    let message = CString::new(bytes).unwrap_or_default();
    let _ = MESSAGE.try_with(|place| place.replace(message));
    failure.status
}

fn null(what: &str) -> Failure {
    Failure::argument(format!("{what} is NULL"))
}

/// What a pointer points to.
///
/// # Safety
/// It is NULL or points to a `T` that nobody changes or frees meanwhile.
pub(crate) unsafe fn object<'a, T>(what: &str, pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: the caller's promise
    unsafe { pointer.as_ref() }.ok_or_else(|| null(what))
}

/// Some numbers.
///
/// # Safety
/// It is NULL or points to `length` numbers that nobody changes or frees meanwhile.
pub(crate) unsafe fn slice<'a, T>(what: &str, pointer: *const T, length: usize) -> Result<&'a [T], Failure> {
    if pointer.is_null() {
        return Err(null(what));
    }
    if !pointer.is_aligned() {
        return Err(Failure::argument(format!("{what} is not aligned to {} bytes", align_of::<T>())));
    }
    if length.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Failure::argument(format!("{what} cannot have {length} numbers: no memory is so large")));
    }
    // SAFETY: the caller's promise, and what was checked
    Ok(unsafe { from_raw_parts(pointer, length) })
}

/// A path.
///
/// # Safety
/// It is NULL or ends with a zero.
pub(crate) unsafe fn file_name<'a>(path: *const c_char) -> Result<&'a Path, Failure> {
    if path.is_null() {
        return Err(null("path"));
    }
    // SAFETY: the caller's promise
    let text = unsafe { CStr::from_ptr(path) }.to_str();
    text.map(Path::new).map_err(|_| Failure::argument("path is not UTF-8"))
}

/// A place for a handle, with NULL in it until there is one.
///
/// # Safety
/// It is NULL or points to a place for a pointer.
pub(crate) unsafe fn place<T>(what: &str, out: *mut *mut T) -> Result<*mut *mut T, Failure> {
    if out.is_null() {
        return Err(null(what));
    }
    // SAFETY: the caller's promise; the place may not have been written before
    unsafe { out.write(std::ptr::null_mut()) };
    Ok(out)
}

/// Gives an object away.
///
/// # Safety
/// `out` comes from [`place`].
pub(crate) unsafe fn give<T>(out: *mut *mut T, object: T) -> Result<(), Failure> {
    // SAFETY: it was checked and written to before
    unsafe { out.write(Box::into_raw(Box::new(object))) };
    Ok(())
}

/// Takes back what [`give`] gave away, and drops it.
///
/// # Safety
/// It is NULL or came from [`give`] and was not taken back.
pub(crate) unsafe fn release<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: the caller's promise
        let object = unsafe { Box::from_raw(object) };
        guarded(|| {
            drop(object);
            Ok(())
        });
    }
}

/// Copies numbers to a place of C's for so many, which need not have been written before. NULL with room for none is not asked for.
///
/// # Safety
/// It is NULL or has room for `length` of them.
pub(crate) unsafe fn fill<T: Copy>(what: &str, to: *mut T, length: usize, from: &[T]) -> Result<(), Failure> {
    match (to.is_null(), length) {
        (true, 0) => Ok(()),
        (true, _) => Err(null(what)),
        (false, _) => {
            assert_eq!(length, from.len(), "checked by the caller");
            // SAFETY: the caller's promise; what this crate made does not overlap what C has
            unsafe { to.cast::<u8>().copy_from_nonoverlapping(from.as_ptr().cast(), size_of_val(from)) };
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_and_a_message() {
        assert_eq!(guarded(|| panic!("seven {}", "dwarfs")), Status::Bug);
        // SAFETY: no call failed since
        let message = unsafe { CStr::from_ptr(innerloop_last_error()) };
        assert_eq!(message.to_str(), Ok("a bug in innerloop: seven dwarfs"));
    }

    #[test]
    fn zeros_inside_a_message_do_not_end_it() {
        assert_eq!(guarded(|| Err(Failure::argument("a\0b"))), Status::Argument);
        // SAFETY: no call failed since
        assert_eq!(unsafe { CStr::from_ptr(innerloop_last_error()) }.to_str(), Ok("ab"));
    }
}

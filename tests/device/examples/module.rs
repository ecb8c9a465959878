//! What the module gives to `run.mjs`, and the one thing that it asks for: to say why it failed.

use std::cell::RefCell;

#[path = "../check.rs"]
mod check;
#[path = "../task.rs"]
mod task;

use check::check;
use task::UserTask;

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    fn say(text: *const u8, len: usize);
}

thread_local! {
    static TASK: RefCell<Option<UserTask>> = const { RefCell::new(None) };
}

fn with_task<R>(f: impl FnOnce(&UserTask) -> R) -> R {
    TASK.with_borrow(|task| f(task.as_ref().expect("prepare is called first")))
}

#[unsafe(no_mangle)]
extern "C" fn run_check() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        // SAFETY: the host reads the text before it returns.
        unsafe { say(text.as_ptr(), text.len()) };
    }));
    check();
}

#[unsafe(no_mangle)]
extern "C" fn prepare(filters: usize) {
    TASK.set(Some(UserTask::new(filters)));
}

#[unsafe(no_mangle)]
extern "C" fn adapt() {
    with_task(|task| drop(task.adapt()));
}

#[unsafe(no_mangle)]
extern "C" fn meta_grad() -> f64 {
    with_task(UserTask::meta_grad)
}

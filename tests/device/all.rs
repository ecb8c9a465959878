//! Tests of innerloop that are worth it on every device. One program, since in WebAssembly each one compiles the engine.

#[path = "../common/mod.rs"]
mod common;
#[path = "../suite/determinism.rs"]
mod determinism;
#[path = "../suite/every_device.rs"]
mod every_device;
#[path = "../suite/golden.rs"]
mod golden;
#[path = "../suite/meta_gradient/mod.rs"]
mod meta_gradient;
#[path = "../tasks/mod.rs"]
mod tasks;

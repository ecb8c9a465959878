//! Tests of innerloop that are worth it on every device. One program, since in WebAssembly each one compiles the engine.

#[path = "../determinism.rs"]
mod determinism;
#[path = "../every_device.rs"]
mod every_device;
#[path = "../golden.rs"]
mod golden;
#[path = "../meta_gradient/main.rs"]
mod meta_gradient;

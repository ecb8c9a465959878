//! A page on a training and its evaluation: one file of HTML that needs nothing else (feature `report`).
//!
//! | file | what |
//! |---|---|
//! | `run_report` | [`RunReport`]: what a page is made of; saved within its page, and loaded from it |
//! | `gallery`, `picture` | test episodes with what the learner answered |
//! | `page` | fills `page.html` for one run, `compare.html` for several; both use `style.css` |
//! | `charts`, `chart`, `ticks`, `reliability` | pictures as SVG, coloured by the page's style |
//! | `memory` | what the process took |

mod chart;
mod charts;
mod compare;
mod gallery;
mod memory;
mod page;
mod picture;
mod reliability;
mod run_report;
mod ticks;

pub use gallery::{Gallery, GalleryEpisode, GalleryQuery, GallerySupport};
pub use memory::peak_memory;
pub use run_report::RunReport;

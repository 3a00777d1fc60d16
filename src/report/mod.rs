//! Outcomes become tables, files, charts, a page.

mod estimates;
mod files;
mod flat;
mod scaling;
mod table;
pub mod text;

pub use estimates::estimates;
pub use files::Folder;
pub use flat::{csv, flatten};
pub use table::table;

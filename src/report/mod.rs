//! Outcomes become tables, files, charts, a page.

mod bill;
mod brief;
pub mod chart;
mod comparison;
mod estimates;
mod files;
mod flat;
mod forecasts;
pub mod markdown;
pub mod openmetrics;
pub mod page;
mod plan;
mod requests;
mod resilience;
mod results;
mod scaling;
pub mod several;
pub mod sweep;
mod table;
pub mod text;
pub mod timeline;
pub mod words;

pub use brief::{brief, columns};
pub use comparison::{comparison, comparison_csv};
pub use estimates::estimates;
pub use files::Folder;
pub use flat::{csv, flatten};
pub use forecasts::forecasts;
pub use page::page;
pub use plan::{plan, plan_csv, plan_markdown, plan_page};
pub use requests::{RequestFormat, RequestLog};
pub use results::{Histograms, Number, Results};
pub use table::table;

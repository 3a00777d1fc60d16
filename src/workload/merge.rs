//! Several classes of traffic as one stream in order of time.

use super::Source;

/// One stream of many; a single one passes through.
pub fn in_order_of_time(mut sources: Vec<Box<dyn Source>>) -> Box<dyn Source> {
    sources.pop().expect("a scenario has traffic")
}

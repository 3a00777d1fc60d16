//! What keeps a service alive under failures and overload: back-off and budgets of retries, circuit
//! breakers, admission.

pub mod admission;
pub mod backoff;
mod breaker;
pub mod budget;

pub use admission::{Admission, Crowd};
pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerRule, Pass};
pub use budget::Budget;

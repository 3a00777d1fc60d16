//! Plimsoll: how much load can this fleet safely carry, and what is the cheapest that carries it?

pub mod forecast;
pub mod scale;
pub mod stats;
pub mod theory;

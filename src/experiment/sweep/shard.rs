//! A part of a grid: every n-th point, so that no part gets all the large ones.

use std::fmt;

use crate::diagnose::Problem;

/// Part k of n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    k: u64,
    n: u64,
}

impl Shard {
    /// The whole grid.
    pub const WHOLE: Self = Self { k: 1, n: 1 };

    /// Reads `k/n`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = |why: String| {
            Problem::new(why).help(
                "write e.g. `--shard 2/4` for the second \
                                                          of four parts",
            )
        };
        let parts = text.split_once('/').and_then(|(k, n)| {
            Some((k.trim().parse::<u64>().ok()?, n.trim().parse::<u64>().ok()?))
        });
        match parts {
            Some((k, n)) if 1 <= k && k <= n => Ok(Self { k, n }),
            Some((_, 0)) => Err(wrong("a grid cannot be cut into 0 parts".to_owned())),
            Some((k, n)) => Err(wrong(format!("there is no part {k} of {n}: they count from 1"))),
            None => Err(wrong(format!("`{text}` is not of the form k/n"))),
        }
    }

    /// Which part.
    pub fn number(self) -> u64 {
        self.k
    }

    /// Of how many.
    pub fn parts(self) -> u64 {
        self.n
    }

    /// Whether this is all there is.
    pub fn is_whole(self) -> bool {
        self.n == 1
    }

    /// How many of `all` points belong to the part.
    pub fn len(self, all: u64) -> u64 {
        all / self.n + u64::from(self.k <= all % self.n)
    }

    /// The place of the part's points among all.
    pub(super) fn place(self, place: u64) -> u64 {
        self.k - 1 + place * self.n
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_grid_once() {
        let mut places: Vec<u64> = (1..=4)
            .map(|k| Shard { k, n: 4 })
            .flat_map(|shard| (0..shard.len(10)).map(move |place| shard.place(place)))
            .collect();
        places.sort_unstable();
        assert_eq!(places, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_part_is_refused() {
        assert_eq!(Shard::parse("2/4").unwrap().to_string(), "2/4");
        for (text, words) in
            [("5/4", "no part 5 of 4"), ("0/4", "no part 0"), ("1/0", "0 parts"), ("x", "k/n")]
        {
            assert!(Shard::parse(text).unwrap_err().to_string().contains(words), "{text}");
        }
    }
}

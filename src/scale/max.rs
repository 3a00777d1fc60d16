//! The largest of several policies.
//!
//! *What it does*: asks all of its members and takes the largest count.
//!
//! *When it shines*: a forecast for what is known and a reaction for what is not; several metrics
//! of which any may be the bottleneck.
//!
//! *When it fails*: it also takes every mistake on the upper side; one member that cannot see the
//! load fall keeps the fleet up.
//!
//! *Source*: how Kubernetes, AWS and Google combine metrics and policies.

/// The largest count and the index of the member that asked for it, the first of several; nothing
/// where no member has an opinion.
pub fn largest(wanted: impl IntoIterator<Item = Option<u32>>) -> Option<(usize, u32)> {
    let asked = wanted.into_iter().enumerate();
    asked
        .filter_map(|(index, count)| Some((index, count?)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_is_named_and_silence_is_no_vote() {
        assert_eq!(largest([Some(2), None, Some(5), Some(5)]), Some((2, 5)));
        assert_eq!(largest([None, None]), None);
    }
}

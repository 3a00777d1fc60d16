//! Different servers drawn at random.

use crate::fleet::ServerSet;
use crate::model::ServerId;
use crate::rng::Stream;

/// Two different candidates in random order; the same twice when there is one only.
#[inline]
pub(in crate::balance) fn two(among: &ServerSet, stream: &mut Stream) -> (ServerId, ServerId) {
    let candidates = among.as_slice();
    let total = candidates.len() as u32;
    if total == 1 {
        return (candidates[0], candidates[0]);
    }
    let first = stream.below(total);
    // The second draw skips the first one's place.
    let other = stream.below(total - 1);
    let other = if other >= first { other + 1 } else { other };
    (candidates[first as usize], candidates[other as usize])
}

/// `count` different candidates, or all of them when there are fewer, in random order (Floyd).
pub(in crate::balance) fn sample(
    among: &ServerSet,
    count: u32,
    stream: &mut Stream,
    out: &mut Vec<ServerId>,
) {
    let candidates = among.as_slice();
    let total = candidates.len() as u32;
    out.clear();
    for last in total.saturating_sub(count)..total {
        let drawn = candidates[stream.below(last + 1) as usize];
        out.push(if out.contains(&drawn) { candidates[last as usize] } else { drawn });
    }
    // Floyd's set is uniform, its order is not: ties must not go by it.
    for at in (1..out.len()).rev() {
        out.swap(at, stream.below(at as u32 + 1) as usize);
    }
}

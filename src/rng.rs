//! Randomness by name, never by order: a stream for each seed, replication, purpose and entity.

use std::convert::Infallible;

use rand::{SeedableRng, TryRng, rngs::Xoshiro256PlusPlus};

/// What a stream of random numbers is for. Adding a purpose never shifts the numbers of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// When requests arrive.
    Arrival,
    /// How much work a request brings.
    Demand,
    /// The input and output tokens of a request.
    Tokens,
    /// The key of a request.
    Key,
    /// How long a request is willing to wait.
    Patience,
    /// How long a client thinks between two requests.
    Think,
    /// Where a stamp lies inside the tick it was rounded to.
    Spread,
    /// Which server a balancer picks.
    Route,
    /// Which of several balancers a request comes to.
    Deal,
    /// What an autoscaler tries.
    Scale,
    /// How long a server takes to start.
    Startup,
    /// When a server fails.
    Failure,
    /// How long a repair takes.
    Repair,
    /// When servers are checked.
    Check,
    /// Which requests a server that errs answers with an error.
    Error,
    /// How long a server stays ejected.
    Ejection,
    /// Which turns a server takes that begins slowly.
    SlowStart,
    /// Back-off and jitter of retries.
    Retry,
    /// How much work a further attempt of a request brings.
    Copy,
    /// Which part of a trace is drawn again.
    Bootstrap,
    /// Which points of a sweep are drawn.
    Design,
}

impl Purpose {
    /// The written-down name that enters the seed; renaming one is a change of numbers.
    fn name(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Demand => "demand",
            Self::Tokens => "tokens",
            Self::Key => "key",
            Self::Patience => "patience",
            Self::Think => "think",
            Self::Spread => "spread",
            Self::Route => "route",
            Self::Deal => "deal",
            Self::Scale => "scale",
            Self::Startup => "startup",
            Self::Failure => "failure",
            Self::Repair => "repair",
            Self::Check => "check",
            Self::Error => "error",
            Self::Ejection => "ejection",
            Self::SlowStart => "slow-start",
            Self::Retry => "retry",
            Self::Copy => "copy",
            Self::Bootstrap => "bootstrap",
            Self::Design => "design",
        }
    }
}

/// The user's seed and the number of the replication: the root of every stream of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Seed {
    /// What the user gave (`--seed`).
    pub user: u64,
    /// Which independent repetition of the run this is, from 0.
    pub replication: u64,
}

impl Seed {
    /// The seed of one replication.
    pub const fn new(user: u64, replication: u64) -> Self {
        Self { user, replication }
    }

    /// The stream of one purpose for one entity (a class of requests, a balancer, a server).
    ///
    /// The 256 bits of state are `SplitMix64` over the FNV-1a hash of the names (Steele, Lea and
    /// Flood 2014; the seeding that Blackman and Vigna recommend for xoshiro).
    pub fn stream(self, purpose: Purpose, entity: &str) -> Stream {
        self.stream_of(purpose, entity.as_bytes())
    }

    /// The stream of one purpose for one attempt of a request, by the request's number in order of
    /// arrival and the attempts before it: what other requests do changes nothing of it.
    pub fn attempt(self, purpose: Purpose, request: u64, attempts: u32) -> Stream {
        let mut entity = [0; 12];
        entity[..8].copy_from_slice(&request.to_le_bytes());
        entity[8..].copy_from_slice(&attempts.to_le_bytes());
        self.stream_of(purpose, &entity)
    }

    fn stream_of(self, purpose: Purpose, entity: &[u8]) -> Stream {
        let mut hash = Fnv::default();
        for part in [purpose.name().as_bytes(), entity] {
            hash.write(part);
            hash.write(&[0xff]);
        }
        let mut state = hash.0
            ^ split_mix(self.user ^ 0x5045_4c49_4d53_4f4c)
            ^ split_mix(split_mix(self.replication).wrapping_add(0x9e37_79b9));
        let mut bytes = [0_u8; 32];
        for word in bytes.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            word.copy_from_slice(&split_mix(state).to_le_bytes());
        }
        Stream(Xoshiro256PlusPlus::from_seed(bytes))
    }
}

/// One step of `SplitMix64`'s output function: a bijective mix of 64 bits.
#[inline]
pub const fn split_mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a over bytes, for names and keys: short, written down, the same on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(pub u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Takes more bytes in.
    pub fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The hash of one text.
    pub fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::default();
        hash.write(bytes);
        hash.0
    }
}

/// A stream of random numbers: `xoshiro256++`, value-stable by name (`StdRng` is not).
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// A whole number in `0..bound` by one multiplication (Lemire 2019, without the rejection step:
    /// the bias is below `bound / 2⁶⁴`, which no simulation can see).
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        use rand::Rng;
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u32
    }

    /// A real number in the open interval (0, 1), so that its logarithm is finite.
    #[inline]
    pub fn open01(&mut self) -> f64 {
        use rand::Rng;
        // 52 bits and a half: with 53 the largest would round up to 1.
        ((self.0.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
    }
}

impl TryRng for Stream {
    type Error = Infallible;
    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }
    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }
    #[inline]
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn every_part_of_a_name_gives_another_stream_and_the_same_name_the_same() {
        let first = |seed: Seed, purpose, entity| seed.stream(purpose, entity).next_u64();
        let base = first(Seed::new(1, 0), Purpose::Arrival, "main");
        assert_eq!(base, first(Seed::new(1, 0), Purpose::Arrival, "main"));
        for other in [
            first(Seed::new(2, 0), Purpose::Arrival, "main"),
            first(Seed::new(1, 1), Purpose::Arrival, "main"),
            first(Seed::new(1, 0), Purpose::Demand, "main"),
            first(Seed::new(1, 0), Purpose::Arrival, "mail"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn streams_are_value_stable() {
        let mut stream = Seed::new(1, 0).stream(Purpose::Arrival, "main");
        let drawn = [stream.next_u64(), stream.next_u64()];
        assert_eq!(drawn, [3_613_543_379_440_353_096, 2_865_474_832_456_111_762]);
    }
}

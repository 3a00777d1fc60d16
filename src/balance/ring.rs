//! The next server on a ring of hashes.
//!
//! **What it does.** Every server stands at many points of a ring; a key goes to the first point at
//! or after its hash, and past servers that may not be chosen to the points that follow. Real rings
//! differ (`form`): `envoy` makes at least `min-ring` points, weights being normalised; `nginx` 160
//! a weight; `haproxy` 16 a weight, and goes to the **nearest** point on either side. O(1) on
//! average by an index of the ring.
//! **When it shines.** Caches in a fleet that changes: a server that leaves moves its own keys
//! only, and few more with `envoy`, whose servers get more points when they are fewer.
//! **When it fails.** Few points make uneven shares (standard deviation about 1/√points); a hot key
//! has one server unless `bounded-load` spreads it.
//! **Source.** Karger et al. 1997 and ketama; Envoy `RING_HASH`, nginx `hash … consistent`, HAProxy
//! `hash-type consistent`; bounded loads are Mirrokni, Thorup and Zadimoghaddam's (2018).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{Host, Keyed, TRIES, Table};
use super::tools::{Bound, BoundForm, avalanche, crc32, murmur2, xxh64};
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Whose ring: `envoy`, `nginx` or `haproxy`.
    form: Form,
    /// Envoy's hash: `xxhash` or `murmur2`.
    hash: Hash,
    /// The fewest points of Envoy's ring.
    min_ring: u64,
    /// The most points of Envoy's ring; gRPC stops at 4096.
    max_ring: u64,
    /// How far above its share a server may go, as 1.25; absent: as far as it comes.
    bounded_load: Option<f64>,
    /// Whose rule of bounded load: `haproxy` (strict) or `envoy` (one looser).
    bound: BoundForm,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            form: Form::Envoy,
            hash: Hash::Xxhash,
            min_ring: 1024,
            max_ring: 8_388_608,
            bounded_load: None,
            bound: BoundForm::Haproxy,
        }
    }
}

/// The rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// Points in proportion to normalised weights, 64-bit hashes.
    Envoy,
    /// 160 points a weight, each a CRC over the one before.
    Nginx,
    /// 16 points a weight, the nearest one on either side.
    Haproxy,
}

/// Envoy's hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Hash {
    /// xxHash64.
    Xxhash,
    /// `MurmurHash2`, 64 bits.
    Murmur2,
}

impl Hash {
    fn of(self, bytes: &[u8]) -> u64 {
        match self {
            Self::Xxhash => xxh64(bytes, 0),
            Self::Murmur2 => murmur2(bytes),
        }
    }
}

/// The policy: points in order, and where in them each stretch of hashes begins.
#[derive(Debug)]
pub struct Ring {
    config: Config,
    points: Vec<(u64, u32)>,
    starts: Vec<u32>,
    shift: u32,
}

impl Variant<dyn Balancer> for Ring {
    const NAME: &'static str = "ring";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.min_ring == 0 || config.min_ring > config.max_ring {
            let (min, max) = (config.min_ring, config.max_ring);
            let message = format!("`min-ring` = {min} is not between 1 and `max-ring` = {max}");
            return Err(Problem::about("min-ring", message).help("1024 is Envoy's default"));
        }
        if config.max_ring > 8_388_608 {
            let message = format!("`max-ring` = {} is more than 8388608", config.max_ring);
            return Err(Problem::about("max-ring", message).help("Envoy takes no larger ring"));
        }
        Bound::check(config.bounded_load)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let bound = (config.bounded_load, config.bound);
        Keyed::build(Self::new(config.clone()), bound, setup)
    }
}

impl Ring {
    fn new(config: Config) -> Self {
        Self { config, points: Vec::new(), starts: Vec::new(), shift: 0 }
    }

    fn envoy(&self, names: &[(String, u64)]) -> Vec<(u64, u32)> {
        let whole: u64 = names.iter().map(|(_, weight)| weight).sum();
        let lightest = names.iter().map(|(_, weight)| *weight).min().unwrap_or(1);
        let least = lightest as f64 / whole as f64;
        let points = (least * self.config.min_ring as f64).ceil() / least;
        let scale = points.min(self.config.max_ring as f64);
        let mut ring = Vec::with_capacity(scale.ceil() as usize);
        let (mut made, mut target) = (0.0, 0.0);
        for (place, (name, weight)) in names.iter().enumerate() {
            target += scale * (*weight as f64 / whole as f64);
            let mut copy = 0;
            while made < target {
                let hash = self.config.hash.of(format!("{name}_{copy}").as_bytes());
                ring.push((hash, place as u32));
                (made, copy) = (made + 1.0, copy + 1);
            }
        }
        ring
    }

    fn nginx(names: &[(String, u64)]) -> Vec<(u64, u32)> {
        let mut ring = Vec::new();
        for (place, (name, weight)) in names.iter().enumerate() {
            let base = crc32(0, format!("{name}\080").as_bytes());
            let mut point = 0_u32;
            for _ in 0..160 * weight {
                point = crc32(base, &point.to_le_bytes());
                ring.push((u64::from(point), place as u32));
            }
        }
        ring
    }

    fn haproxy(hosts: &[Host]) -> Vec<(u64, u32)> {
        let point = |(place, host): (usize, &Host)| {
            // HAProxy numbers its servers from 1.
            let base = (host.server.0 + 1).wrapping_mul(4096);
            (0..16 * host.weight as u32)
                .map(move |copy| (u64::from(avalanche(base.wrapping_add(copy))), place as u32))
        };
        hosts.iter().enumerate().flat_map(point).collect()
    }

    /// Sorts the ring, of equal points keeping the first, and makes the index.
    fn set(&mut self, mut points: Vec<(u64, u32)>) {
        points.sort_by_key(|(hash, _)| *hash);
        points.dedup_by_key(|(hash, _)| *hash);
        let width = if self.config.form == Form::Envoy { 64 } else { 32 };
        // About a point a stretch.
        let bits = points.len().next_power_of_two().trailing_zeros().min(width);
        self.shift = width - bits;
        let stretch = |hash: u64| hash.checked_shr(self.shift).unwrap_or(0) as usize;
        self.starts = vec![0; (1 << bits) + 1];
        for (hash, _) in &points {
            self.starts[stretch(*hash) + 1] += 1;
        }
        for at in 1..self.starts.len() {
            self.starts[at] += self.starts[at - 1];
        }
        self.points = points;
    }

    /// The place on the ring of the first point at or after a hash.
    fn first(&self, hash: u64) -> usize {
        let from = self.starts[hash.checked_shr(self.shift).unwrap_or(0) as usize] as usize;
        let more = self.points[from..].iter().position(|(point, _)| *point >= hash);
        more.map_or(0, |more| from + more)
    }

    fn nearest(&self, hash: u64) -> usize {
        let after = self.first(hash);
        let before = (after + self.points.len() - 1) % self.points.len();
        let distance = |from: u64, to: u64| (to as u32).wrapping_sub(from as u32);
        let to_before = distance(self.points[before].0, hash);
        if to_before <= distance(hash, self.points[after].0) { before } else { after }
    }
}

impl Table for Ring {
    fn make(&mut self, hosts: &[Host]) {
        let names: Vec<_> = hosts.iter().map(|host| (host.name(), host.weight)).collect();
        self.set(match self.config.form {
            Form::Envoy => self.envoy(&names),
            Form::Nginx => Self::nginx(&names),
            Form::Haproxy => Self::haproxy(hosts),
        });
    }

    fn hash(&self, key: u64) -> u64 {
        let bytes = key.to_le_bytes();
        match self.config.form {
            Form::Envoy => self.config.hash.of(&bytes),
            Form::Nginx => u64::from(crc32(0, &bytes)),
            Form::Haproxy => u64::from(avalanche(super::tools::sdbm(&bytes))),
        }
    }

    fn find(&self, hash: u64, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
        let nearest = self.config.form == Form::Haproxy;
        let from = if nearest { self.nearest(hash) } else { self.first(hash) };
        // nginx goes by points, not by servers, and gives up.
        let most = if self.config.form == Form::Nginx { 1 + TRIES as usize } else { usize::MAX };
        let lap = (from..self.points.len()).chain(0..from).take(most);
        lap.map(|at| self.points[at].1 as usize).find(|&place| fits(place))
    }

    fn gives_way_to_turns(&self) -> bool {
        self.config.form == Form::Nginx
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(config: Config, names: &[(&str, u64)]) -> Vec<(u64, String)> {
        let names: Vec<_> = names.iter().map(|(name, weight)| ((*name).into(), *weight)).collect();
        let mut ring = Ring::new(config);
        ring.set(ring.envoy(&names));
        let shown = ring.points.iter().map(|(hash, at)| (*hash, names[*at as usize].0.clone()));
        shown.collect()
    }

    fn twelve(hash: Hash) -> Config {
        Config { hash, min_ring: 12, ..Config::default() }
    }

    #[test]
    fn envoy_rings_have_their_published_points() {
        let names = ["90", "91", "92", "93", "94", "95"];
        let points = ring(twelve(Hash::Xxhash), &names.map(|name| (name, 1)));
        let published = [
            (1_975_508_444_536_362_413, 95),
            (2_376_063_919_839_173_711, 95),
            (2_386_806_903_309_390_596, 93),
            (6_749_904_478_991_551_885, 94),
            (6_803_900_775_736_438_537, 93),
            (7_225_015_537_174_310_577, 92),
            (8_787_465_352_164_086_522, 90),
            (11_282_020_843_382_717_940, 92),
            (13_723_418_369_486_627_818, 91),
            (13_776_502_110_861_797_421, 90),
            (14_338_313_586_354_474_791, 91),
            (15_364_271_037_087_512_980, 94_u32),
        ];
        assert_eq!(points, published.map(|(hash, name)| (hash, name.to_string())));
        let mut looked = Ring::new(twelve(Hash::Xxhash));
        looked.set(published.map(|(hash, name)| (hash, name)).to_vec());
        let name = |hash| looked.points[looked.first(hash)].1;
        assert_eq!([name(0), name(u64::MAX)], [95, 95]);
        assert_eq!(name(7_225_015_537_174_310_577), 92);
        assert_eq!(name(6_803_900_775_736_438_537), 93);
    }

    #[test]
    fn murmur_rings_have_their_published_points() {
        let names: Vec<String> = (80..86).map(|port| format!("127.0.0.1:{port}")).collect();
        let names: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let points = ring(twelve(Hash::Murmur2), &names);
        let published: [(u64, u32); 12] = [
            (1_358_027_074_129_602_068, 85),
            (4_361_834_613_929_391_114, 83),
            (7_224_494_972_555_149_682, 84),
            (7_701_421_856_454_313_576, 81),
            (8_649_315_368_077_433_379, 82),
            (8_739_448_859_063_030_639, 84),
            (9_887_544_217_113_020_895, 81),
            (10_150_910_876_324_007_731, 82),
            (15_168_472_011_420_622_455, 83),
            (15_427_156_902_705_414_897, 80),
            (16_375_050_414_328_759_093, 85),
            (17_613_279_263_364_193_813, 80),
        ];
        assert_eq!(points, published.map(|(hash, port)| (hash, format!("127.0.0.1:{port}"))));
    }

    #[test]
    fn weights_give_points_as_the_rule_says() {
        let config = Config { min_ring: 10, ..Config::default() };
        let points = ring(config, &[("a", 3), ("b", 3), ("c", 4)]);
        let expected = [
            (4_148_279_810_343_392_165, "a"),
            (4_189_641_231_046_734_040, "b"),
            (5_051_629_784_258_667_479, "c"),
            (5_637_671_355_026_233_228, "b"),
            (6_560_897_439_782_492_108, "b"),
            (7_866_922_100_246_443_948, "a"),
            (8_142_612_688_290_817_183, "c"),
            (14_554_126_711_339_088_812, "c"),
            (14_801_583_559_950_740_418, "c"),
            (18_017_992_814_255_492_179, "a"),
        ];
        assert_eq!(points, expected.map(|(hash, name)| (hash, name.to_owned())));
    }

    #[test]
    fn haproxy_takes_the_nearest_point_of_its_ring() {
        let mut ring = Ring::new(Config { form: Form::Haproxy, ..Config::default() });
        ring.make(&super::super::keyed::hosts(&[1, 1]));
        assert_eq!(ring.points.len(), 32);
        let hash = u64::from(avalanche(super::super::tools::sdbm(b"/test-url")));
        assert_eq!(ring.find(hash, |_| true), Some(0));
    }
}

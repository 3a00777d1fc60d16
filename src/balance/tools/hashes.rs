//! The hash functions of real balancers, so that their rings and tables can be built point by
//! point.

/// CRC-32 (IEEE 802.3, reflected) of `bytes`, going on from `crc`; 0 starts.
pub(in crate::balance) fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut crc, mut bit) = (at as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
                bit += 1;
            }
            table[at] = crc;
            at += 1;
        }
        table
    };
    let step = |crc: u32, byte: &u8| TABLE[((crc as u8) ^ byte) as usize] ^ (crc >> 8);
    !bytes.iter().fold(!crc, step)
}

/// sdbm, HAProxy's default.
pub(in crate::balance) fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0_u32, |hash, &byte| {
        u32::from(byte).wrapping_add(hash << 6).wrapping_add(hash << 16).wrapping_sub(hash)
    })
}

/// HAProxy's full avalanche: a 32-bit mix of Bob Jenkins' and a multiplication by a large prime.
pub(in crate::balance) fn avalanche(mut a: u32) -> u32 {
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(3_221_225_473)
}

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// xxHash64 (Collet), Envoy's default.
pub(in crate::balance) fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let round = |acc: u64, input: u64| {
        acc.wrapping_add(input.wrapping_mul(p2)).rotate_left(31).wrapping_mul(p1)
    };
    let stripes = bytes.chunks_exact(32);
    let mut rest = stripes.remainder();
    let mut hash = if bytes.len() >= 32 {
        let mut lanes = [
            seed.wrapping_add(p1).wrapping_add(p2),
            seed.wrapping_add(p2),
            seed,
            seed.wrapping_sub(p1),
        ];
        for stripe in stripes {
            for (lane, bytes) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, word(bytes));
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, by)| lane.rotate_left(by));
        let joined = turned.fold(0_u64, u64::wrapping_add);
        lanes
            .iter()
            .fold(joined, |hash, &lane| (hash ^ round(0, lane)).wrapping_mul(p1).wrapping_add(p4))
    } else {
        seed.wrapping_add(p5)
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    while let Some((eight, more)) = rest.split_at_checked(8) {
        hash = (hash ^ round(0, word(eight))).rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
        rest = more;
    }
    if let Some((four, more)) = rest.split_at_checked(4) {
        let four = u64::from(u32::from_le_bytes(four.try_into().expect("four bytes")));
        hash = (hash ^ four.wrapping_mul(p1)).rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
        rest = more;
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(p3);
    hash ^ (hash >> 32)
}

/// `MurmurHash2` for 64 bits as in libstdc++, Envoy's other hash.
pub(in crate::balance) fn murmur2(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xc70f_6907;
    let shift_mix = |value: u64| value ^ (value >> 47);
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let eights = bytes.chunks_exact(8);
    let rest = eights.remainder();
    for eight in eights {
        let data = shift_mix(word(eight).wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
        hash = (hash ^ data).wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let data = rest.iter().rev().fold(0, |data, &byte| (data << 8) | u64::from(byte));
        hash = (hash ^ data).wrapping_mul(MULTIPLIER);
    }
    hash = shift_mix(hash).wrapping_mul(MULTIPLIER);
    shift_mix(hash)
}

/// The Mersenne twister MT19937 (Matsumoto and Nishimura 1998) from a 32-bit seed: Envoy shuffles
/// with it so that the same key always meets the same order of servers.
#[derive(Debug)]
pub(in crate::balance) struct Mersenne {
    state: [u32; 624],
    at: usize,
}

impl Mersenne {
    pub(in crate::balance) fn new(seed: u32) -> Self {
        let mut state = [seed; 624];
        for at in 1..624 {
            let last = state[at - 1] ^ (state[at - 1] >> 30);
            state[at] = last.wrapping_mul(1_812_433_253).wrapping_add(at as u32);
        }
        Self { state, at: 624 }
    }

    pub(in crate::balance) fn next(&mut self) -> u32 {
        if self.at == 624 {
            for at in 0..624 {
                let (here, next) = (self.state[at], self.state[(at + 1) % 624]);
                let joined = (here & 0x8000_0000) | (next & 0x7fff_ffff);
                let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + 397) % 624] ^ (joined >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_have_their_published_check_values() {
        assert_eq!(crc32(0, b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(crc32(0, b"1234"), b"56789"), 0xcbf4_3926);
        assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"abc", 0), 0x44bc_2cf5_ad77_0999);
        let prose = b"Nobody inspects the spammish repetition";
        assert_eq!(xxh64(prose, 0), 0xfbce_a83c_8a37_8bf1);
        assert_eq!(sdbm(b"/url1"), 4_103_199_409);
        let mut twister = Mersenne::new(5489);
        let last = (0..10_000).map(|_| twister.next()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}

//! Packets with a few bytes changed, cut or added, in numbers.

use broker::codec::{Limits, Packet, PacketId, Version, decode};
use bytes::{Bytes, BytesMut};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{arbitrary, encoded};

/// A small generator with a fixed seed (xorshift64*), so that every run sees the same packets.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// Valid packets of this version to begin with.
fn seeds(version: Version) -> Vec<BytesMut> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let packets = arbitrary::packet(version);
    (0..500)
        .map(|_| encoded(&packets.new_tree(&mut runner).unwrap().current(), version))
        .collect()
}

fn mutate(bytes: &mut BytesMut, random: &mut Random) {
    for _ in 0..=random.below(4) {
        match random.below(4) {
            0 | 1 if !bytes.is_empty() => {
                let index = random.below(bytes.len());
                bytes[index] = random.byte();
            }
            2 => bytes.truncate(random.below(bytes.len() + 1)),
            _ => bytes.extend_from_slice(&[random.byte(), random.byte()]),
        }
    }
}

/// The packet and a marker behind it: whatever the packet is, the marker is not part of it.
fn check(bytes: &BytesMut, version: Version) {
    let limits = Limits {
        max_packet_size: 10_000,
    };
    let mut buffer = bytes.clone();
    let before = buffer.len();
    match decode(&mut buffer, limits, version) {
        Ok(Some(packet)) => {
            let taken = &bytes[..before - buffer.len()];
            // Whatever was read comes only from the bytes that were taken.
            let again = decode(&mut BytesMut::from(taken), limits, version);
            assert_eq!(again, Ok(Some(packet)));
        }
        Ok(None) => assert_eq!(&buffer[..], &bytes[..], "nothing is taken"),
        Err(_malformed) => {}
    }
}

/// For each version.
const ROUNDS: usize = 1_000_000;

#[test]
fn no_mutated_packet_panics_or_is_read_past_its_end() {
    for version in Version::ALL {
        let seeds = seeds(version);
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for round in 0..ROUNDS {
            let mut bytes = seeds[round % seeds.len()].clone();
            mutate(&mut bytes, &mut random);
            check(&bytes, version);
        }
    }
}

#[test]
fn a_payload_ends_where_its_packet_ends() {
    let mut buffer = BytesMut::from(&b"\x30\x05\x00\x01tab\x40\x02\x00\x07"[..]);
    let first = decode(&mut buffer, Limits::default(), Version::V311).unwrap();
    let Some(Packet::Publish(publish)) = first else {
        panic!("no message: {first:?}")
    };
    assert_eq!(publish.payload, Bytes::from_static(b"ab"));
    let second = decode(&mut buffer, Limits::default(), Version::V311).unwrap();
    assert_eq!(
        second,
        Some(Packet::PubAck(PacketId::new(7).unwrap().into()))
    );
}

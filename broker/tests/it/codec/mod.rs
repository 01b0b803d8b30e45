//! The codec beside `mqttrs`, against itself, and against bytes that are no packets.

mod arbitrary;
mod malformed;
mod mutation;
mod oracle;

use broker::codec::{DecodeError, Limits, Packet, Version, decode, encode};
use bytes::BytesMut;
use proptest::prelude::*;

/// The bytes of a packet.
fn encoded(packet: &Packet, version: Version) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(packet, version, &mut bytes).unwrap();
    bytes
}

/// What the whole of `bytes` is.
fn decoded(bytes: &[u8], version: Version) -> Result<Option<Packet>, DecodeError> {
    decode(&mut BytesMut::from(bytes), Limits::default(), version)
}

/// A version and a packet of it.
fn versioned() -> impl Strategy<Value = (Version, Packet)> {
    prop::sample::select(&Version::ALL[..])
        .prop_flat_map(|version| (Just(version), arbitrary::packet(version)))
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded_to_the_same(
        (version, packet) in versioned(),
        tail in any::<Vec<u8>>(),
    ) {
        let mut buffer = encoded(&packet, version);
        buffer.extend_from_slice(&tail);
        prop_assert_eq!(decode(&mut buffer, Limits::default(), version), Ok(Some(packet)));
        prop_assert_eq!(&buffer[..], &tail[..], "what follows the packet is left alone");
    }

    #[test]
    fn a_packet_that_is_not_there_as_a_whole_is_waited_for(
        (version, packet) in versioned(),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = encoded(&packet, version);
        let cut = cut.index(bytes.len());
        let mut buffer = BytesMut::from(&bytes[..cut]);
        prop_assert_eq!(decode(&mut buffer, Limits::default(), version), Ok(None));
        prop_assert_eq!(&buffer[..], &bytes[..cut], "nothing is taken");
    }
}

#[test]
fn a_packet_larger_than_the_limit_is_refused_when_its_header_is_there() {
    let limits = Limits {
        max_packet_size: 100,
    };
    let mut header = BytesMut::from(&[0x30, 99][..]);
    let refused = decode(&mut header, limits, Version::V311);
    assert_eq!(
        refused,
        Err(DecodeError::TooLarge {
            size: 101,
            limit: 100
        })
    );
    let mut header = BytesMut::from(&[0x30, 98][..]);
    assert_eq!(decode(&mut header, limits, Version::V311), Ok(None));
}

//! The encoders, set up so that what comes out depends on what goes in and on the level alone.

use std::io::{self, Write};
use std::num::NonZero;
use std::thread;

use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;
use zstd::zstd_safe::CParameter;

use super::Compression;

/// What xz cuts its input into, whatever the number of cores: each piece is packed by itself.
const XZ_BLOCK: u64 = 16 << 20;
/// The memory that xz may take in all. It takes fewer threads to stay below, or one.
const XZ_MEMORY: u64 = 768 << 20;
/// The same for Zstandard, whose pieces know the end of the one before.
const ZSTANDARD_JOB: u32 = 8 << 20;
/// More threads than this only wait for the one that reads.
const MOST_THREADS: u32 = 16;

/// Packs what is written to it.
pub(crate) enum Encoder<W: Write> {
    Xz(XzEncoder<W>),
    Zstandard(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// An encoder for `size` bytes on all cores.
    pub(crate) fn new(method: Compression, size: u64, writer: W) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = u32::try_from(cores).unwrap_or(MOST_THREADS);
        Self::with_threads(method, size, writer, threads.min(MOST_THREADS))
    }

    fn with_threads(method: Compression, size: u64, writer: W, threads: u32) -> io::Result<Self> {
        match method {
            Compression::Xz(level) => xz(level, writer, threads).map(Self::Xz),
            Compression::Zstandard(level) => {
                zstandard(level, size, writer, threads).map(Self::Zstandard)
            }
        }
    }

    /// Writes what is left, and returns what was written to.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Xz(encoder) => encoder.finish(),
            Self::Zstandard(encoder) => encoder.finish(),
        }
    }
}

fn xz<W: Write>(level: u8, writer: W, threads: u32) -> io::Result<XzEncoder<W>> {
    let mut builder = MtStreamBuilder::new();
    builder
        .preset(level.into())
        .check(Check::Crc64)
        .block_size(xz_block(level));
    let mut threads = threads.max(1);
    while threads > 1 && builder.threads(threads).memusage() > XZ_MEMORY {
        threads -= 1;
    }
    Ok(XzEncoder::new_stream(
        writer,
        builder.threads(threads).encoder()?,
    ))
}

/// A block that is smaller than the level's dictionary would make the level pointless. The dictionaries are
/// listed in xz(1).
fn xz_block(level: u8) -> u64 {
    match level {
        ..=7 => XZ_BLOCK,
        8 => 32 << 20,
        9.. => 64 << 20,
    }
}

fn zstandard<W: Write>(
    level: u8,
    size: u64,
    writer: W,
    threads: u32,
) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(writer, level.into())?;
    encoder.include_checksum(true)?;
    // So that a reader knows how large a card it needs.
    encoder.set_pledged_src_size(Some(size))?;
    // Without threads of its own it would pack as one piece, and differently.
    encoder.multithread(threads.max(1))?;
    encoder.set_parameter(CParameter::JobSize(ZSTANDARD_JOB))?;
    Ok(encoder)
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Xz(encoder) => encoder.write(bytes),
            Self::Zstandard(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Xz(encoder) => encoder.flush(),
            Self::Zstandard(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some MiB that are neither random nor all alike.
    fn sample() -> Vec<u8> {
        let mut state = 1_u32;
        let mut bytes = Vec::new();
        while bytes.len() < 20 << 20 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.extend(state.to_be_bytes().repeat(1 + (state >> 28) as usize));
        }
        bytes
    }

    #[test]
    fn the_number_of_threads_makes_no_difference() {
        let sample = sample();
        for method in [Compression::Xz(0), Compression::Zstandard(1)] {
            let pack = |threads| {
                let size = sample.len() as u64;
                let mut encoder = Encoder::with_threads(method, size, Vec::new(), threads).unwrap();
                encoder.write_all(&sample).unwrap();
                encoder.finish().unwrap()
            };
            let one = pack(1);
            assert!(one.len() < sample.len() / 2);
            assert!(pack(3) == one, "{method} packs differently with 3 threads");
        }
    }
}

//! xz with all cores: one stream or several, with the padding that may lie between them.

use std::io::{self, BufRead, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{MtStreamBuilder, Stream};

/// Memory up to which the decoder takes more threads.
const THREADS_MEMORY: u64 = 256 << 20;
/// Memory that no archive may ask for; `xz -9` asks for 65 MiB.
const MOST_MEMORY: u64 = 1 << 30;

/// Reads what was packed into one or several xz streams.
pub(super) struct XzStreams<R: BufRead> {
    /// `None` once the last stream has ended, or after an error.
    decoder: Option<XzDecoder<R>>,
}

impl<R: BufRead> XzStreams<R> {
    pub(super) fn new(packed: R) -> io::Result<Self> {
        Ok(Self {
            decoder: Some(XzDecoder::new_stream(packed, stream()?)),
        })
    }
}

impl<R: BufRead> Read for XzStreams<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if let Some(ended) = self.decoder.take() {
                let mut packed = ended.into_inner();
                if another_stream(&mut packed)? {
                    self.decoder = Some(XzDecoder::new_stream(packed, stream()?));
                }
            }
        }
        Ok(0)
    }
}

fn stream() -> io::Result<Stream> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    MtStreamBuilder::new()
        .threads(u32::try_from(threads).unwrap_or(1))
        .memlimit_threading(THREADS_MEMORY)
        .memlimit_stop(MOST_MEMORY)
        .decoder()
        .map_err(io::Error::from)
}

/// Passes over the zeros that may follow a stream and says whether another one follows.
fn another_stream(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let rest = packed.fill_buf()?;
        let Some(first) = rest.iter().position(|byte| *byte != 0) else {
            let count = rest.len();
            if count == 0 {
                return Ok(false);
            }
            packed.consume(count);
            continue;
        };
        let is_xz = rest[first] == 0xFD;
        packed.consume(first);
        return if is_xz {
            Ok(true)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "something that is not xz follows the xz data",
            ))
        };
    }
}

//! Reading packed images as a stream.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::num::NonZero;

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{MtStreamBuilder, Stream};

/// How much of a file is read at once.
const BUFFER: usize = 1 << 20;
/// Memory up to which the xz decoder takes more threads.
const THREADS_MEMORY: u64 = 256 << 20;
/// Memory that no archive may ask for; `xz -9` asks for 65 MiB.
const MOST_MEMORY: u64 = 1 << 30;
/// The window that `zstd --ultra -22 --long=30` asks for, as a power of two.
const ZSTD_WINDOW: u32 = 30;

/// What is read front to back, and where a part can be passed over.
pub(super) trait Forward: Read {
    /// Goes `count` bytes ahead.
    fn pass(&mut self, count: u64) -> io::Result<()>;
}

/// A raw image: what is passed over is not read.
pub(super) struct Raw(pub(super) File);

impl Read for Raw {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Forward for Raw {
    fn pass(&mut self, count: u64) -> io::Result<()> {
        let by = i64::try_from(count).map_err(io::Error::other)?;
        self.0.seek(SeekFrom::Current(by)).map(|_| ())
    }
}

/// A stream out of a decoder: what is passed over must be unpacked too.
pub(super) struct Unpacked<R>(pub(super) R);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl<R: Read> Forward for Unpacked<R> {
    fn pass(&mut self, count: u64) -> io::Result<()> {
        let passed = io::copy(&mut (&mut self.0).take(count), &mut io::sink())?;
        if passed < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// All members of a gzip file.
pub(super) fn gzip(file: File) -> Unpacked<impl Read> {
    Unpacked(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file)))
}

/// All frames of a Zstandard file.
pub(super) fn zstandard(file: File) -> io::Result<Unpacked<impl Read>> {
    let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(BUFFER, file))?;
    decoder.window_log_max(ZSTD_WINDOW)?;
    Ok(Unpacked(decoder))
}

/// All streams of an xz file, unpacked by as many threads as its blocks allow.
pub(super) fn xz(file: File) -> io::Result<Unpacked<impl Read>> {
    let packed = BufReader::with_capacity(BUFFER, file);
    Ok(Unpacked(Xz {
        stream: Some(XzDecoder::new_stream(packed, decoder()?)),
    }))
}

struct Xz {
    /// What is being read; nothing after the last stream.
    stream: Option<XzDecoder<BufReader<File>>>,
}

impl Read for Xz {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while let Some(stream) = &mut self.stream {
            let count = stream.read(bytes)?;
            if count > 0 || bytes.is_empty() {
                return Ok(count);
            }
            let ended = self.stream.take().map(XzDecoder::into_inner);
            self.stream = ended.map(next_stream).transpose()?.flatten();
        }
        Ok(0)
    }
}

/// The stream that follows, behind zeros perhaps.
fn next_stream(mut packed: BufReader<File>) -> io::Result<Option<XzDecoder<BufReader<File>>>> {
    loop {
        let rest = packed.fill_buf()?;
        let length = rest.len();
        match rest.iter().position(|byte| *byte != 0) {
            _ if length == 0 => return Ok(None),
            None => packed.consume(length),
            Some(first) if rest[first] == 0xFD => {
                packed.consume(first);
                return Ok(Some(XzDecoder::new_stream(packed, decoder()?)));
            }
            Some(_) => {
                let text = "something that is not xz follows the xz data";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
    }
}

fn decoder() -> io::Result<Stream> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    MtStreamBuilder::new()
        .threads(u32::try_from(threads).unwrap_or(1))
        .memlimit_threading(THREADS_MEMORY)
        .memlimit_stop(MOST_MEMORY)
        .decoder()
        .map_err(io::Error::from)
}

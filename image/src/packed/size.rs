//! How large an image is once it is unpacked, as far as the archive itself says so.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Streams that one file is looked through for; `xz` makes one.
const MOST_STREAMS: usize = 1024;
/// The longest index that is read: that of a stream with millions of blocks.
const LONGEST_INDEX: u64 = 16 << 20;
/// The length of a stream's header, and of its footer.
const FRAME: u64 = 12;

/// The size of what is in an xz file, from the indexes at the ends of its streams; `None` if it can't be read
/// from them.
pub(super) fn of_xz(file: &File) -> io::Result<Option<u64>> {
    let mut end = file.metadata()?.len();
    let mut total: u64 = 0;
    for _ in 0..MOST_STREAMS {
        let Some((start, size)) = last_stream(file, end)? else {
            return Ok(None);
        };
        let Some(sum) = total.checked_add(size) else {
            return Ok(None);
        };
        total = sum;
        if start == 0 {
            return Ok(Some(total));
        }
        end = start;
    }
    Ok(None)
}

/// Where the stream that ends before `end` begins, and the size of what is in it.
fn last_stream(file: &File, end: u64) -> io::Result<Option<(u64, u64)>> {
    let Some(at) = end.checked_sub(FRAME) else {
        return Ok(None);
    };
    let mut footer = [0; 12];
    file.read_exact_at(&mut footer, at)?;
    // CRC32 of 4 bytes, the size of the index in units of 4, flags of 2, and a magic.
    if footer[10..] != *b"YZ" {
        return Ok(None);
    }
    let units = u32::from_le_bytes([footer[4], footer[5], footer[6], footer[7]]);
    let length = (u64::from(units) + 1) * 4;
    let begin = at.checked_sub(length).filter(|_| length <= LONGEST_INDEX);
    let Some(begin) = begin else {
        return Ok(None);
    };
    let mut index = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut index, begin)?;
    Ok(read_index(&index)
        .and_then(|(packed, size)| Some((begin.checked_sub(packed)?.checked_sub(FRAME)?, size))))
}

/// The bytes that the blocks of an index take in the file, and unpacked.
fn read_index(index: &[u8]) -> Option<(u64, u64)> {
    let (indicator, mut rest) = index.split_first()?;
    if *indicator != 0 {
        return None;
    }
    let (mut packed, mut size) = (0_u64, 0_u64);
    for _ in 0..number(&mut rest)? {
        // Blocks are padded to multiples of 4, and the index has their sizes without that.
        packed = packed.checked_add(number(&mut rest)?.checked_next_multiple_of(4)?)?;
        size = size.checked_add(number(&mut rest)?)?;
    }
    Some((packed, size))
}

/// A number of the format: seven bits a byte, the lowest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in 0..9 {
        let (byte, others) = rest.split_first()?;
        *rest = others;
        value |= u64::from(byte & 0x7F) << (7 * shift);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The size of what is in the first frame of a Zstandard file that isn't skipped, if it says so.
pub(super) fn of_zstd(file: &File) -> io::Result<Option<u64>> {
    let mut at = 0;
    for _ in 0..MOST_STREAMS {
        let mut start = [0; 18];
        let count = file.read_at(&mut start, at)?;
        // RFC 8878, 3.1.2: a magic, the length of what is to be skipped, and that.
        if let [0x50..=0x5F, 0x2A, 0x4D, 0x18, a, b, c, d, ..] = start {
            at += 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
            continue;
        }
        let size = zstd::zstd_safe::get_frame_content_size(&start[..count]);
        return Ok(size.unwrap_or_default());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_seven_bits_a_byte() {
        let mut bytes: &[u8] = &[0x7F, 0x80, 0x01, 0x80];
        assert_eq!(number(&mut bytes), Some(127));
        assert_eq!(number(&mut bytes), Some(128));
        assert_eq!(number(&mut bytes), None);
        assert_eq!(number(&mut &[0x80; 10][..]), None);
    }

    #[test]
    fn an_index_that_lies_is_not_believed() {
        assert_eq!(read_index(&[0, 1, 5, 9]), Some((8, 9)));
        assert_eq!(read_index(&[0, 2, 5, 9]), None);
        assert_eq!(read_index(&[1, 1, 5, 9]), None);
        assert_eq!(read_index(&[]), None);
    }
}

//! Giving back what is free: blocks that hold what once was there become holes.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs as sys;
use rustix::io::Errno;

use super::Allocation;
use super::map::in_bytes;
use super::ranges::between;
use crate::copy::next_data;
use crate::mbr::Mbr;

/// Finds out what matters in `image` and makes zeros of the rest: holes where its file system has such.
///
/// Who copies the image by its block map may leave out these blocks or not: both give the same. And what was
/// deleted on the base doesn't travel.
pub(crate) fn release_free(image: &File, mbr: &Mbr) -> io::Result<Allocation> {
    let size = image.metadata()?.len();
    let used = in_bytes(image, mbr, size)?;
    for free in between(&used, size) {
        let mut position = free.start;
        // A file system may know no holes, and then say that all is data, also after this.
        while let Some((start, end)) = next_data(image, position, free.end)? {
            clear(image, start..end)?;
            position = end;
        }
    }
    Ok(Allocation::of(&used, size))
}

fn clear(file: &File, range: Range<u64>) -> io::Result<()> {
    let flags = sys::FallocateFlags::PUNCH_HOLE | sys::FallocateFlags::KEEP_SIZE;
    match sys::fallocate(file, flags, range.start, range.end - range.start) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => overwrite(file, range),
        Err(error) => Err(error.into()),
    }
}

fn overwrite(file: &File, range: Range<u64>) -> io::Result<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let mut position = range.start;
    while position < range.end {
        let left = usize::try_from(range.end - position).unwrap_or(usize::MAX);
        let piece = &ZEROS[..left.min(ZEROS.len())];
        file.write_all_at(piece, position)?;
        position += piece.len() as u64;
    }
    Ok(())
}

//! A kernel without its wrapping, to look for the names of drivers in it.
//!
//! Debian's kernel for arm64 lies on the card as it lies in memory. The one for 32-bit boards is a
//! `zImage`: a small program that unpacks the kernel behind it, which Debian packs with xz.

use std::io::{self, Read};

use liblzma::read::XzDecoder;

/// Where a `zImage` has its magic number, after Linux's `arch/arm/boot/compressed/head.S`.
const MAGIC_AT: usize = 0x24;
const MAGIC: [u8; 4] = 0x016F_2818_u32.to_le_bytes();
/// The first bytes of an xz stream.
const XZ: &[u8] = b"\xfd7zXZ\0";
/// No kernel is larger; 6.12 for all 32-bit boards has 22 MiB.
const MOST: u64 = 256 << 20;

/// Returns the kernel in `file` as it lies in memory: unpacked if it is a `zImage`, else as it is.
///
/// # Errors
///
/// [`KernelError`] if it is a `zImage` without a whole xz stream in it.
pub(super) fn unpacked(file: Vec<u8>) -> Result<Vec<u8>, KernelError> {
    if file.get(MAGIC_AT..MAGIC_AT + MAGIC.len()) != Some(&MAGIC[..]) {
        return Ok(file);
    }
    let mut why = None;
    // The program in front may hold these bytes too, as a constant: what unpacks to its end is it.
    for (at, _) in file
        .windows(XZ.len())
        .enumerate()
        .filter(|(_, window)| *window == XZ)
    {
        match unpack(&file[at..]) {
            Ok(kernel) => return Ok(kernel),
            Err(error) => why = Some(error),
        }
    }
    Err(why.map_or(KernelError::Unknown, KernelError::Damaged))
}

fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut kernel = Vec::new();
    let read = XzDecoder::new(packed).take(MOST).read_to_end(&mut kernel)?;
    if read as u64 == MOST {
        return Err(io::Error::other(format!("it has more than {MOST} bytes")));
    }
    Ok(kernel)
}

/// Why a kernel can't be looked into.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// There is no xz stream in it.
    #[error("it is a zImage, and not packed with xz")]
    Unknown,
    /// The xz stream can't be unpacked.
    #[error("it is a zImage, and can't be unpacked")]
    Damaged(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use liblzma::write::XzEncoder;

    use super::*;

    /// A `zImage` of a decompressor that knows xz's first bytes, the packed `kernel`, and what follows it.
    fn zimage(kernel: &[u8]) -> Vec<u8> {
        let mut file = vec![0; MAGIC_AT];
        file.extend(MAGIC);
        file.extend(b"decompressor \xfd7zXZ\0Z\0\0\0 not enough memory");
        let mut packer = XzEncoder::new(file, 6);
        packer.write_all(kernel).unwrap();
        let mut file = packer.finish().unwrap();
        file.extend(u32::try_from(kernel.len()).unwrap().to_le_bytes());
        file.extend([0; 32]);
        file
    }

    #[test]
    fn a_zimage_is_unpacked_past_what_only_looks_like_the_beginning() {
        let kernel = b"..\0brcm,bcm2835-mbox\0..".repeat(1000);

        assert_eq!(unpacked(zimage(&kernel)).unwrap(), kernel);
    }

    #[test]
    fn any_other_file_is_the_kernel_itself() {
        let image = b"MZ..ARM\x64 \xfd7zXZ\0".repeat(10);

        assert_eq!(unpacked(image.clone()).unwrap(), image);
        assert_eq!(unpacked(Vec::new()).unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn a_torn_zimage_and_one_that_is_packed_otherwise_are_errors_and_not_kernels_without_drivers() {
        let whole = zimage(&vec![7; 50_000]);
        let mut gzip = whole[..MAGIC_AT + 4].to_vec();
        gzip.extend(b"\x1f\x8b\x08");

        let torn = unpacked(whole[..whole.len() - 60].to_vec());
        assert!(matches!(torn, Err(KernelError::Damaged(_))), "{torn:?}");
        assert!(matches!(unpacked(gzip), Err(KernelError::Unknown)));
    }
}

//! Cards in memory, good ones and bad ones.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use image::Silent;
use image::device::{Destination, Target};

/// What a worn-out card says, by its number on Linux.
const EIO: i32 = 5;

/// What is wrong with a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The byte at this place is stored wrongly.
    Flips(u64),
    /// Everything from this place on is lost, as by a fake.
    Loses(u64),
    /// Writing at or after this place fails.
    Fails(u64),
}

/// A card whose contents can be looked at while it is written, and after.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    bytes: Arc<Mutex<Vec<u8>>>,
    fault: Fault,
    sector: u64,
}

impl Memory {
    /// A card of `size` bytes that was used before: it is full of `0xA5`.
    pub(crate) fn new(size: u64, fault: Fault) -> Self {
        Self {
            bytes: Arc::new(Mutex::new(vec![0xA5; usize::try_from(size).unwrap()])),
            fault,
            sector: 512,
        }
    }

    pub(crate) fn with_sectors(self, sector: u64) -> Self {
        Self { sector, ..self }
    }

    /// The same card without a fault.
    pub(crate) fn mended(self) -> Self {
        Self {
            fault: Fault::None,
            ..self
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    pub(crate) fn change(&self, at: usize, bytes: &[u8]) {
        self.bytes.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// To be written, with nothing before it.
    pub(crate) fn destination(&self, name: &str) -> Destination<'static> {
        Destination {
            path: Path::new("/dev").join(name),
            target: Box::new(self.clone()),
            progress: Box::new(Silent),
            written_before: 0,
            checkpoint: Box::new(|_| {}),
        }
    }

    fn store(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        assert_eq!((at % self.sector, bytes.len() as u64 % self.sector), (0, 0));
        let end = at + bytes.len() as u64;
        match self.fault {
            Fault::Fails(from) if end > from => {
                return Err(io::Error::from_raw_os_error(EIO));
            }
            Fault::Loses(from) if end > from => return Ok(()),
            _ => {}
        }
        let mut all = self.bytes.lock().unwrap();
        let start = usize::try_from(at).unwrap();
        all[start..start + bytes.len()].copy_from_slice(bytes);
        if let Fault::Flips(place) = self.fault
            && (at..end).contains(&place)
        {
            all[usize::try_from(place).unwrap()] ^= 1;
        }
        Ok(())
    }
}

impl Target for Memory {
    fn size(&self) -> u64 {
        self.bytes.lock().unwrap().len() as u64
    }

    fn sector(&self) -> u64 {
        self.sector
    }

    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        assert_eq!(
            bytes.as_ptr().align_offset(4096),
            0,
            "direct I/O would refuse this"
        );
        self.store(bytes, at)
    }

    fn zero_at(&mut self, at: u64, length: u64) -> io::Result<()> {
        self.store(&vec![0; usize::try_from(length).unwrap()], at)
    }

    fn read_at(&mut self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let length = bytes.len() as u64;
        assert_eq!((at % self.sector, length % self.sector), (0, 0));
        let start = usize::try_from(at).unwrap();
        bytes.copy_from_slice(&self.bytes.lock().unwrap()[start..start + bytes.len()]);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

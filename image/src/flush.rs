//! Bringing a file to the disk while it is still being written.

use std::fs::File;
use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use crate::progress::Progress;

/// After how much the disk is set to work.
const FLUSH: u64 = 64 << 20;

/// Brings to the disk what is written, beside the writing, so that the disk is at work from the beginning and
/// little is left to wait for at the end.
#[derive(Debug)]
pub(crate) struct Flusher {
    kick: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Flusher {
    pub(crate) fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (kick, kicks) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name("flusher".to_owned())
            .spawn(move || {
                for () in kicks {
                    file.sync_data()?;
                }
                Ok(())
            })?;
        Ok(Self { kick, thread })
    }

    /// Asks for what is written by now. If that was asked for already and not begun, once is enough.
    fn kick(&self) {
        let _ = self.kick.try_send(());
    }

    /// Waits for it. An error of the disk is told to the first who asks, and to nobody later.
    pub(crate) fn finish(self) -> io::Result<()> {
        drop(self.kick);
        self.thread
            .join()
            .unwrap_or_else(|_panic| Err(io::Error::other("the thread that flushes panicked")))
    }
}

/// Passes progress on, and has the flusher work every so often.
pub(crate) struct Kicking<'a> {
    progress: &'a mut dyn Progress,
    flusher: Option<&'a Flusher>,
    unflushed: u64,
}

impl<'a> Kicking<'a> {
    pub(crate) fn new(progress: &'a mut dyn Progress, flusher: Option<&'a Flusher>) -> Self {
        Self {
            progress,
            flusher,
            unflushed: 0,
        }
    }
}

impl Progress for Kicking<'_> {
    fn begin(&mut self, step: &str, total: Option<u64>) {
        self.progress.begin(step, total);
    }

    fn advance(&mut self, amount: u64) {
        self.progress.advance(amount);
        self.unflushed += amount;
        if self.unflushed >= FLUSH {
            self.unflushed = 0;
            self.flusher.inspect(|flusher| flusher.kick());
        }
    }

    fn detail(&mut self, text: &str) {
        self.progress.detail(text);
    }

    fn end(&mut self, summary: &str) {
        self.progress.end(summary);
    }

    fn warn(&mut self, text: &str) {
        self.progress.warn(text);
    }

    fn cancelled(&self) -> bool {
        self.progress.cancelled()
    }
}

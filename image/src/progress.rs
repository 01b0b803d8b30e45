//! How long steps report how far they have come; the only way this crate speaks while it works.

/// Told how far a long step has come.
///
/// Implementations decide what becomes of it: a bar, a plain line every few seconds, nothing.
pub trait Progress: Send {
    /// A step begins: a gerund and its object ("Copying base image"), and the amount of work in
    /// bytes or pieces where it is known beforehand.
    fn begin(&mut self, step: &str, total: Option<u64>);

    /// `amount` more of the current step has been done.
    fn advance(&mut self, amount: u64);

    /// What a child process or a long step is doing right now, one short line.
    fn detail(&mut self, text: &str);

    /// The current step is done; `summary` is a verb in the past tense and its object.
    fn end(&mut self, summary: &str);

    /// Something the user should know that is not an error.
    fn warn(&mut self, text: &str);

    /// Whether the work shall end early, because the user wants it to. Asked every few MiB and between
    /// steps; what was begun is then removed, and the error says that it was interrupted.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Swallows every report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _step: &str, _total: Option<u64>) {}
    fn advance(&mut self, _amount: u64) {}
    fn detail(&mut self, _text: &str) {}
    fn end(&mut self, _summary: &str) {}
    fn warn(&mut self, _text: &str) {}
}

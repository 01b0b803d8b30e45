//! How far many cards have come: the steps of one in turn, and each warning once.

use std::collections::BTreeSet;

use ::image::Progress;

use crate::output::{Output, ProgressStyle, Task};

/// Shows the steps of one card after the other. What a step took is told to programs only: people hear of cards.
pub(super) struct Meter<'a> {
    output: &'a Output,
    task: Task,
    card: String,
    warned: BTreeSet<String>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self {
            output,
            task: output.task(),
            card: "All cards".to_owned(),
            warned: BTreeSet::new(),
        }
    }

    /// From here on it is about this card.
    pub(super) fn card(&mut self, card: String) {
        self.card = card;
    }
}

impl Progress for Meter<'_> {
    fn begin(&mut self, step: &str, total: Option<u64>) {
        self.task.begin(&format!("{}: {step}", self.card), total);
    }

    fn advance(&mut self, amount: u64) {
        self.task.advance(amount);
    }

    fn detail(&mut self, text: &str) {
        self.task.detail(text);
    }

    fn end(&mut self, summary: &str) {
        if self.output.policy().progress == ProgressStyle::Json {
            self.task.end(&format!("{}: {summary}", self.card));
        }
    }

    fn warn(&mut self, text: &str) {
        // What is said of the base is the same for all.
        if self.warned.insert(text.to_owned()) {
            self.task.warn(text);
        }
    }

    fn cancelled(&self) -> bool {
        self.task.cancelled()
    }
}

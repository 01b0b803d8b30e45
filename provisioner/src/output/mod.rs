//! What people and machines see. Only this module writes to standard output and standard error.
//!
//! Standard output carries data: paths, names, JSON. Standard error carries status, progress,
//! warnings and errors. Which of these appear is decided once, in [`Policy::resolve`].

mod policy;
mod task;
mod units;

pub use policy::{ColorChoice, Policy, ProgressChoice, ProgressStyle, Surroundings, Verbosity};
pub use task::Task;
pub use units::{bytes, duration};

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{MultiProgress, ProgressDrawTarget};

/// The one door to the terminal.
#[derive(Debug, Clone)]
pub struct Output {
    policy: Policy,
    bars: MultiProgress,
    interrupted: Arc<AtomicBool>,
}

impl Output {
    /// Opens the door with `policy`.
    pub fn new(policy: Policy) -> Self {
        let target = match policy.progress {
            ProgressStyle::Bar => ProgressDrawTarget::stderr(),
            ProgressStyle::Plain | ProgressStyle::Json | ProgressStyle::None => {
                ProgressDrawTarget::hidden()
            }
        };
        Self {
            policy,
            bars: MultiProgress::with_draw_target(target),
            interrupted: Arc::default(),
        }
    }

    /// How this run speaks.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Writes a line of data to standard output. A reader that went away is no error.
    pub fn data(&self, line: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Writes one JSON object to standard output.
    pub fn json(&self, value: &serde_json::Value) -> io::Result<()> {
        self.data(&format!("{value:#}"))
    }

    /// A status line: a verb in the past tense and its object.
    pub fn status(&self, text: &str) {
        if self.policy.verbosity >= Verbosity::Normal {
            self.line(&self.lead(text));
        }
    }

    /// Lines for people at the end of a command, without decoration.
    pub fn note(&self, text: &str) {
        if self.policy.verbosity >= Verbosity::Normal {
            self.line(text);
        }
    }

    /// Something that matters only with `-v`.
    pub fn detail(&self, text: &str) {
        if self.policy.verbosity >= Verbosity::Verbose {
            self.line(text);
        }
    }

    /// A warning, shown unless `-qq`.
    pub fn warn(&self, text: &str) {
        if self.policy.verbosity >= Verbosity::Quiet {
            self.line(&format!("{} {text}", self.paint("33;1", "warning:")));
        }
    }

    /// An error with its causes and what to do about it. Always shown.
    pub fn error(&self, error: &anyhow::Error) {
        let mut text = format!("{} {error}", self.paint("31;1", "error:"));
        for cause in error.chain().skip(1) {
            text.push_str("\n  caused by: ");
            text.push_str(&cause.to_string());
        }
        if let Some(hint) = crate::hint::of(error) {
            text.push_str("\n  ");
            text.push_str(&self.paint("36;1", "hint:"));
            text.push(' ');
            text.push_str(&hint);
        }
        self.line(&text);
    }

    /// Begins to show a long step.
    pub fn task(&self) -> Task {
        Task::new(self.clone())
    }

    /// From now on Ctrl-C asks tasks to end by themselves and clean up; a second one ends the process.
    ///
    /// Called when no more questions are asked: at a prompt, Ctrl-C ends the program at once.
    pub fn watch_interrupts(&self) -> io::Result<()> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        for signal in [SIGINT, SIGTERM] {
            let status = i32::from(crate::exit::INTERRUPTED);
            signal_hook::flag::register_conditional_shutdown(
                signal,
                status,
                Arc::clone(&self.interrupted),
            )?;
            signal_hook::flag::register(signal, Arc::clone(&self.interrupted))?;
        }
        Ok(())
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Writes above the bars. What can't be written to a closed standard error is lost, since
    /// there is nowhere left to say so.
    fn line(&self, text: &str) {
        self.bars
            .suspend(|| drop(writeln!(io::stderr().lock(), "{text}")));
    }

    /// The first word of a status line is its verb; it is set off in color.
    fn lead(&self, text: &str) -> String {
        match text.split_once(' ') {
            Some((verb, rest)) => format!("{} {rest}", self.paint("32;1", verb)),
            None => text.to_owned(),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.policy.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

//! Exit codes, which are an interface: 0 done, 1 failed, 2 usage, recipe or site error, 3 a check
//! found something, 130 interrupted.

use std::process::ExitCode;

use crate::commands::flash;
use crate::hint::{Fault, Interrupted};

/// How a command ended, when it did not end in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything asked for was done.
    Success,
    /// A check ran to its end and found something.
    Findings,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Findings => Self::from(3),
        }
    }
}

/// The exit code after Ctrl-C, as shells have it: 128 and the number of the signal.
pub const INTERRUPTED: u8 = 130;

/// Returns 130 after an interrupt, 2 if what the user wrote (arguments, recipe, site) is at fault, else 1.
pub fn code_of(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_interrupt) {
        return ExitCode::from(INTERRUPTED);
    }
    let usage = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Fault>())
        .any(Fault::is_users);
    let usage = usage || file_is_unfit(error) || error.chain().any(flash::is_users);
    ExitCode::from(if usage { 2 } else { 1 })
}

fn is_interrupt(cause: &(dyn std::error::Error + 'static)) -> bool {
    let image = cause.downcast_ref::<image::Error>();
    image.is_some_and(image::Error::is_interrupted)
        || cause.is::<Interrupted>()
        || flash::is_interrupted(cause)
}

/// Whether the file that was named as base or to be looked at, or a package that was asked for, is what is wrong.
fn file_is_unfit(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<image::Error>());
    causes.any(|cause| match cause {
        image::Error::Local(_) => true,
        image::Error::Packed(error) => error.is_input(),
        image::Error::Debian(error) => error.is_input(),
        _ => false,
    })
}

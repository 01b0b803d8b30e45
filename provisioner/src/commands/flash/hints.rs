//! What errors of the image library mean to whoever has run the command.

use std::error::Error;

use image::device::{OpenError, Refusal, SourceError, TargetError};

/// What to do about an error of a card, of an image, or of choosing one.
pub fn cure(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<Refusal>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<OpenError>() {
        return error.hint();
    }
    let fixed = match cause.downcast_ref::<SourceError>() {
        Some(error) => error.hint(),
        None => cause.downcast_ref::<TargetError>()?.hint(),
    };
    fixed.map(str::to_owned)
}

/// Whether the user has named something that can't be written, or an image that is none.
pub fn is_users(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<Refusal>() || cause.is::<SourceError>()
}

/// Whether the user wanted it to stop.
pub fn is_interrupted(cause: &(dyn Error + 'static)) -> bool {
    let error = cause.downcast_ref::<TargetError>();
    matches!(error, Some(TargetError::Interrupted { .. }))
}

//! One recipe laid over another.

/// Builds `Self` from two of it: fields before the semicolon are the upper one's where it has them, the lower
/// one's else; those after it are structures that are laid over each other themselves.
macro_rules! layered {
    ($upper:ident, $lower:ident: $($field:ident),* $(,)? $(; $($room:ident),* $(,)?)?) => {
        Self {
            $($field: $upper.$field.or($lower.$field),)*
            $($($room: $upper.$room.over($lower.$room),)*)?
        }
    };
}

pub(in crate::recipe) use layered;

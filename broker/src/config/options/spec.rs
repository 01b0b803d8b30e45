//! What there is to say about an option.

use super::super::diagnostic::Place;
use super::super::draft::{At, Draft};
use super::super::value::Parsed;

/// An option of mosquitto.conf.
#[derive(Debug)]
pub struct OptionSpec {
    /// Its name; a `*` at the end stands for any further characters.
    pub name: &'static str,
    /// Where it belongs.
    pub scope: Scope,
    /// Its value, as a manual would write it.
    pub syntax: &'static str,
    /// What holds without it, in a word or two.
    pub default: &'static str,
    /// What it is for, in a sentence or two.
    pub help: &'static str,
    /// Who invented it.
    pub origin: Origin,
    /// How many words its value has.
    pub arity: Arity,
    /// What a second one means.
    pub repeat: Repeat,
    /// Whether a reload takes a new value.
    pub reload: bool,
    /// What becomes of it.
    pub support: Support,
    pub(in super::super) action: Action,
}

/// Who invented an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Mosquitto: it is in the manual of 2.1, or was in an earlier one.
    Mosquitto,
    /// This broker: Mosquitto does not know it.
    Own,
}

/// Where an option belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole broker.
    General,
    /// Who may do what: all listeners, or the one above with `per_listener_settings true`.
    Security,
    /// The log.
    Logging,
    /// The listener above it.
    Listener,
    /// The encryption of the listener above it.
    Tls,
    /// The bridge above it.
    Bridge,
}

impl Scope {
    /// All of them, in the order of the manual.
    pub const ALL: [Self; 6] = [
        Self::General,
        Self::Security,
        Self::Logging,
        Self::Listener,
        Self::Tls,
        Self::Bridge,
    ];

    /// Its name, in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Security => "security",
            Self::Logging => "logging",
            Self::Listener => "listener",
            Self::Tls => "tls",
            Self::Bridge => "bridge",
        }
    }
}

/// What a second line with the same option means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// An error.
    Once,
    /// The later one counts, and a warning says so.
    Last,
    /// One more.
    Many,
}

/// What becomes of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does what the manual says.
    Yes,
    /// It is accepted and does nothing; a warning says why.
    Ignored(&'static str),
    /// It is an error, for this reason: the broker would not be what its configuration says.
    Refused(&'static str),
}

/// How many words a value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// One word.
    One,
    /// All to the end of the line.
    Rest,
}

/// What a line does.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Action {
    /// Puts its value into the draft.
    Set(Setter),
    /// Reads more files.
    Include,
    /// Nothing: see [`OptionSpec::support`].
    None,
}

type Setter = fn(&mut Draft, &Line<'_>) -> Parsed<()>;

/// A line that has an option and a value.
#[derive(Debug)]
pub(in super::super) struct Line<'a> {
    /// The value, never empty.
    pub(in super::super) value: &'a str,
    pub(in super::super) place: &'a Place,
}

impl Line<'_> {
    /// The value, with its place.
    pub(in super::super) fn at<T>(&self, value: T) -> At<T> {
        At {
            value,
            place: self.place.clone(),
        }
    }
}

/// An option that works.
pub(super) const fn works(
    name: &'static str,
    scope: Scope,
    syntax: &'static str,
    default: &'static str,
    help: &'static str,
    set: Setter,
) -> OptionSpec {
    OptionSpec {
        name,
        scope,
        syntax,
        default,
        help,
        origin: Origin::Mosquitto,
        repeat: Repeat::Last,
        reload: true,
        support: Support::Yes,
        arity: Arity::One,
        action: Action::Set(set),
    }
}

/// An option that is accepted and ignored.
pub(super) const fn ignored(
    name: &'static str,
    scope: Scope,
    syntax: &'static str,
    help: &'static str,
    why: &'static str,
) -> OptionSpec {
    unsupported(name, scope, syntax, help, Support::Ignored(why))
}

/// An option that is an error.
pub(super) const fn refused(
    name: &'static str,
    scope: Scope,
    syntax: &'static str,
    help: &'static str,
    why: &'static str,
) -> OptionSpec {
    unsupported(name, scope, syntax, help, Support::Refused(why))
}

const fn unsupported(
    name: &'static str,
    scope: Scope,
    syntax: &'static str,
    help: &'static str,
    support: Support,
) -> OptionSpec {
    OptionSpec {
        name,
        scope,
        syntax,
        default: "none",
        help,
        origin: Origin::Mosquitto,
        repeat: Repeat::Many,
        reload: false,
        support,
        arity: Arity::Rest,
        action: Action::None,
    }
}

impl OptionSpec {
    /// The value is all that follows, blanks included.
    pub(super) const fn rest(self) -> Self {
        Self {
            arity: Arity::Rest,
            ..self
        }
    }

    /// A second one is an error.
    pub(super) const fn once(self) -> Self {
        Self {
            repeat: Repeat::Once,
            ..self
        }
    }

    /// There may be several.
    pub(super) const fn many(self) -> Self {
        Self {
            repeat: Repeat::Many,
            ..self
        }
    }

    /// A reload does not take a new value.
    pub(super) const fn at_start(self) -> Self {
        Self {
            reload: false,
            ..self
        }
    }

    /// Mosquitto does not know it.
    pub(super) const fn own(self) -> Self {
        Self {
            origin: Origin::Own,
            ..self
        }
    }

    /// It names a folder of more configuration files.
    pub(super) const fn includes(self) -> Self {
        Self {
            action: Action::Include,
            support: Support::Yes,
            reload: true,
            ..self
        }
    }
}

//! The decision how to speak, made once from flags and surroundings.

use clap::ValueEnum;

/// When to use color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// How to show long work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum ProgressChoice {
    /// A bar on a terminal, else plain lines.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// One line every five seconds and one at the end.
    Plain,
    /// One JSON object a line.
    Json,
    /// Nothing.
    None,
}

/// How long work is shown, decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressStyle {
    /// A bar that is redrawn.
    Bar,
    /// Plain lines.
    Plain,
    /// JSON lines.
    Json,
    /// Nothing.
    None,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only (`-qq`).
    Silent,
    /// Warnings and errors (`-q`).
    Quiet,
    /// Status too.
    Normal,
    /// What is being done (`-v`).
    Verbose,
    /// Everything, and the output of child programs (`-vv`).
    Debug,
}

/// What the process finds itself in.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// Standard error is a terminal.
    pub is_terminal: bool,
    /// `CI` is set.
    pub is_ci: bool,
    /// `NO_COLOR` is set to something, or `TERM` is `dumb`.
    pub no_color: bool,
}

impl Surroundings {
    /// Looks at the process' own surroundings.
    pub fn of_process() -> Self {
        use std::io::IsTerminal;
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            is_ci: set("CI"),
            no_color: set("NO_COLOR")
                || std::env::var_os("TERM").is_some_and(|term| term == "dumb"),
        }
    }
}

/// How a run speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How much is said.
    pub verbosity: Verbosity,
    /// How long work is shown.
    pub progress: ProgressStyle,
    /// Whether color is used.
    pub color: bool,
    /// Whether results are JSON.
    pub json: bool,
}

impl Policy {
    /// Decides. `loudness` is the number of `-v` less the number of `-q`.
    pub fn resolve(
        loudness: i16,
        progress: ProgressChoice,
        color: ColorChoice,
        json: bool,
        around: Surroundings,
    ) -> Self {
        let verbosity = match loudness {
            ..=-2 => Verbosity::Silent,
            -1 => Verbosity::Quiet,
            0 => Verbosity::Normal,
            1 => Verbosity::Verbose,
            2.. => Verbosity::Debug,
        };
        let progress = match progress {
            ProgressChoice::Auto if verbosity < Verbosity::Normal => ProgressStyle::None,
            ProgressChoice::Auto
                if around.is_terminal && !around.is_ci && verbosity == Verbosity::Normal =>
            {
                ProgressStyle::Bar
            }
            ProgressChoice::Auto | ProgressChoice::Plain => ProgressStyle::Plain,
            ProgressChoice::Bar => ProgressStyle::Bar,
            ProgressChoice::Json => ProgressStyle::Json,
            ProgressChoice::None => ProgressStyle::None,
        };
        let color = match color {
            ColorChoice::Auto => around.is_terminal && !around.no_color,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self {
            verbosity,
            progress,
            color,
            json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Surroundings = Surroundings {
        is_terminal: true,
        is_ci: false,
        no_color: false,
    };
    const PIPE: Surroundings = Surroundings {
        is_terminal: false,
        is_ci: false,
        no_color: false,
    };

    fn auto(loudness: i16, around: Surroundings) -> Policy {
        Policy::resolve(
            loudness,
            ProgressChoice::Auto,
            ColorChoice::Auto,
            false,
            around,
        )
    }

    #[test]
    fn a_terminal_gets_a_bar_and_color() {
        assert_eq!(
            (auto(0, TERMINAL).progress, auto(0, TERMINAL).color),
            (ProgressStyle::Bar, true)
        );
    }

    #[test]
    fn a_pipe_and_ci_get_plain_lines() {
        assert_eq!(
            (auto(0, PIPE).progress, auto(0, PIPE).color),
            (ProgressStyle::Plain, false)
        );
        assert_eq!(
            auto(
                0,
                Surroundings {
                    is_ci: true,
                    ..TERMINAL
                }
            )
            .progress,
            ProgressStyle::Plain
        );
    }

    #[test]
    fn quiet_hides_progress_and_no_color_hides_color() {
        assert_eq!(auto(-1, TERMINAL).progress, ProgressStyle::None);
        assert!(
            !auto(
                0,
                Surroundings {
                    no_color: true,
                    ..TERMINAL
                }
            )
            .color
        );
    }
}

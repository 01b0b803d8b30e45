//! Why a boot file can't be edited.

/// What is wrong with a boot file, or with what shall be written into it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootConfigError {
    /// A word would be something else on the kernel's command line.
    #[error("{word:?} can't be a word on the kernel's command line: {rule}")]
    Word {
        /// The word as given.
        word: String,
        /// The broken rule, as a clause.
        rule: &'static str,
    },
    /// The command line has a quote without its partner.
    #[error("cmdline.txt has a quotation mark without its partner")]
    Quote,
    /// A section, key or value would be something else in `config.txt`.
    #[error("{text:?} can't be a {part} in config.txt: {rule}")]
    Setting {
        /// The text as given.
        text: String,
        /// `section`, `setting` or `value`.
        part: &'static str,
        /// The broken rule, as a clause.
        rule: &'static str,
    },
    /// A file isn't text.
    #[error("{path} is not UTF-8")]
    NotText {
        /// Which file.
        path: &'static str,
    },
}

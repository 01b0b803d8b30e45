//! `cmdline.txt`: one line of words for the kernel.

use super::error::BootConfigError;

/// What begins the words that rpi-imager puts last: its `firstrun.sh` takes them off again together with
/// everything behind them, so that nothing of ours may stand there.
const LAST: &str = "systemd.run";

/// A command line, word by word. Spaces between words that stay are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmdline {
    words: Vec<Word>,
    /// What follows the last word of the first line: nothing reads it, and it stays.
    tail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    /// The white space before it.
    space: String,
    text: String,
}

impl Cmdline {
    /// Splits the first line of `text`. Spaces within double quotes belong to their word, as for the kernel.
    ///
    /// # Errors
    ///
    /// [`BootConfigError::Quote`] if a quotation mark has no partner.
    pub fn parse(text: &str) -> Result<Self, BootConfigError> {
        let end = text.find(['\n', '\r']).unwrap_or(text.len());
        let (mut line, rest) = text.split_at(end);
        let mut words = Vec::new();
        loop {
            let start = line.find(|c: char| !is_space(c)).unwrap_or(line.len());
            let (space, after) = line.split_at(start);
            if after.is_empty() {
                let tail = format!("{space}{rest}");
                return Ok(Self { words, tail });
            }
            let length = word_length(after)?;
            let (word, after) = after.split_at(length);
            words.push(Word {
                space: space.to_owned(),
                text: word.to_owned(),
            });
            line = after;
        }
    }

    /// The words, in order.
    pub fn words(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.words.iter().map(|word| word.text.as_str())
    }

    /// The value of the last `key=value`, which is the one that counts for most keys.
    pub fn value(&self, key: &str) -> Option<&str> {
        let mut values = self
            .words()
            .filter_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        values.next_back()
    }

    /// Puts `word` where the first with the same key is, and takes the others with that key away; adds it if
    /// there is none. The key is what stands before `=`, or the whole word.
    pub fn set(&mut self, word: &str) -> Result<(), BootConfigError> {
        check(word)?;
        let key = key_of(word);
        match self
            .words
            .iter()
            .position(|known| key_of(&known.text) == key)
        {
            None => self.insert(word),
            Some(first) => {
                word.clone_into(&mut self.words[first].text);
                let mut index = 0;
                self.words.retain(|known| {
                    index += 1;
                    index <= first + 1 || key_of(&known.text) != key
                });
            }
        }
        Ok(())
    }

    /// Adds `word` unless it is there, and leaves others with the same key: a Pi can have several `console=`.
    pub fn add(&mut self, word: &str) -> Result<(), BootConfigError> {
        check(word)?;
        if !self.words().any(|known| known == word) {
            self.insert(word);
        }
        Ok(())
    }

    /// Takes away `word`, or all words with this key if it has no value; tells whether there was one.
    pub fn remove(&mut self, word: &str) -> bool {
        let before = self.words.len();
        let whole = word.contains('=');
        self.words.retain(|known| {
            let known = known.text.as_str();
            known != word && (whole || key_of(known) != word)
        });
        let removed = self.words.len() < before;
        // A line must not begin with the space that separated the first word from one that is gone.
        if let Some(first) = self.words.first_mut().filter(|_| removed) {
            first.space.clear();
        }
        removed
    }

    /// Behind all others, but before the words that must be last.
    fn insert(&mut self, word: &str) {
        let last = self
            .words
            .iter()
            .position(|known| known.text.starts_with(LAST));
        let at = last.unwrap_or(self.words.len());
        let space = if at == 0 { "" } else { " " };
        self.words.insert(
            at,
            Word {
                space: space.to_owned(),
                text: word.to_owned(),
            },
        );
        if let Some(next) = self
            .words
            .get_mut(at + 1)
            .filter(|next| next.space.is_empty())
        {
            " ".clone_into(&mut next.space);
        }
    }

    /// The file as it is to be written.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for word in &self.words {
            text.push_str(&word.space);
            text.push_str(&word.text);
        }
        text + &self.tail
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn key_of(word: &str) -> &str {
    word.split_once('=').map_or(word, |(key, _)| key)
}

/// How many bytes of `text` the word at its start has.
fn word_length(text: &str) -> Result<usize, BootConfigError> {
    let mut quoted = false;
    for (index, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if is_space(c) && !quoted => return Ok(index),
            _ => {}
        }
    }
    if quoted {
        return Err(BootConfigError::Quote);
    }
    Ok(text.len())
}

/// Refuses what would be no word, or more than one.
fn check(word: &str) -> Result<(), BootConfigError> {
    let rule = if word.is_empty() {
        Some("it is empty")
    } else if word.chars().any(char::is_control) {
        Some("it has a control character, and the kernel is given one line")
    } else if !word.is_ascii() {
        Some("the firmware passes on ASCII only")
    } else if word.starts_with('=') {
        Some("it has no name")
    } else if word_length(word) != Ok(word.len()) {
        Some("a space must be within double quotes, and each quotation mark have its partner")
    } else {
        None
    };
    match rule {
        None => Ok(()),
        Some(rule) => Err(BootConfigError::Word {
            word: word.to_owned(),
            rule,
        }),
    }
}

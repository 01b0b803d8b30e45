//! As much of XML as block maps are made of: elements, attributes, text and comments.
//!
//! Document types, entities and character data sections are refused: no block map has them, and they are
//! what hostile XML is made of.

use super::BmapError;

/// Elements within elements; a block map has three levels.
const DEEPEST: usize = 8;
/// Attributes of an element; a block map has one.
const MOST_ATTRIBUTES: usize = 8;

/// A piece of XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `<name attribute="value">`; after `<name/>` a [`Close`](Self::Close) follows as well.
    Open {
        name: &'a str,
        attributes: Vec<(&'a str, &'a str)>,
    },
    /// `</name>`.
    Close,
    /// What stands between two tags and isn't only white space, trimmed, and where it begins.
    Text { text: &'a str, at: usize },
}

/// Reads one token after another. Each byte is looked at a constant number of times.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    position: usize,
    open: Vec<&'a str>,
    /// An empty element was read, whose end is due.
    pending_close: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            position: 0,
            open: Vec::new(),
            pending_close: false,
        }
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next token, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, BmapError> {
        if std::mem::take(&mut self.pending_close) {
            self.open.pop();
            return Ok(Some(Token::Close));
        }
        loop {
            let rest = &self.text[self.position..];
            if rest.is_empty() {
                return match self.open.last() {
                    Some(_) => Err(self.wrong("the text ends within an element")),
                    None => Ok(None),
                };
            }
            if rest.starts_with("<!--") {
                self.skip("-->", "a comment is not closed")?;
            } else if rest.starts_with("<?") {
                self.skip("?>", "an instruction is not closed")?;
            } else if rest.starts_with("</") {
                return self.close().map(Some);
            } else if rest.starts_with("<!") {
                return Err(self.wrong("there is a document type or a section, which no map has"));
            } else if rest.starts_with('<') {
                return self.open().map(Some);
            } else if let Some(token) = self.characters(rest)? {
                return Ok(Some(token));
            }
        }
    }

    fn skip(&mut self, end: &str, what: &'static str) -> Result<(), BmapError> {
        let rest = &self.text[self.position..];
        let length = rest.find(end).ok_or_else(|| self.wrong(what))?;
        self.position += length + end.len();
        Ok(())
    }

    fn characters(&mut self, rest: &'a str) -> Result<Option<Token<'a>>, BmapError> {
        let length = rest.find('<').unwrap_or(rest.len());
        let text = &rest[..length];
        let at = self.position + (text.len() - text.trim_start().len());
        if text.contains('&') {
            return Err(self.wrong("there is an entity, which no map has"));
        }
        let trimmed = text.trim();
        if !trimmed.is_empty() && self.open.is_empty() {
            return Err(self.wrong("there is text outside of the map"));
        }
        self.position += length;
        Ok((!trimmed.is_empty()).then_some(Token::Text { text: trimmed, at }))
    }

    fn close(&mut self) -> Result<Token<'a>, BmapError> {
        let rest = &self.text[self.position + 2..];
        let end = rest
            .find('>')
            .ok_or_else(|| self.wrong("a tag is not closed"))?;
        if self.open.pop() != Some(rest[..end].trim_end()) {
            return Err(self.wrong("an element is closed that isn't the last one opened"));
        }
        self.position += 2 + end + 1;
        Ok(Token::Close)
    }

    fn open(&mut self) -> Result<Token<'a>, BmapError> {
        if self.open.len() >= DEEPEST {
            return Err(self.wrong("elements lie too deep in each other"));
        }
        let start = self.position + 1;
        let name = name(&self.text[start..]);
        if name.is_empty() {
            return Err(self.wrong("a tag has no name"));
        }
        let mut at = start + name.len();
        let mut attributes = Vec::new();
        loop {
            let rest = self.text[at..].trim_start();
            at = self.text.len() - rest.len();
            if rest.starts_with('>') {
                self.position = at + 1;
                break;
            }
            if rest.starts_with("/>") {
                self.position = at + 2;
                self.pending_close = true;
                break;
            }
            let (attribute, length) =
                attribute(rest).ok_or_else(|| self.wrong("a tag can't be read"))?;
            if attributes.len() >= MOST_ATTRIBUTES {
                return Err(self.wrong("a tag has too many attributes"));
            }
            attributes.push(attribute);
            at += length;
        }
        self.open.push(name);
        Ok(Token::Open { name, attributes })
    }

    fn wrong(&self, what: &'static str) -> BmapError {
        BmapError::Xml {
            at: self.position,
            what,
        }
    }
}

/// The name at the beginning of `text`, which may be empty.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_-.:".contains(c));
    &text[..end.unwrap_or(text.len())]
}

/// `name="value"` at the beginning of `text`, and how long it is.
fn attribute(text: &str) -> Option<((&str, &str), usize)> {
    let name = name(text);
    let rest = text[name.len()..].trim_start().strip_prefix('=')?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = &rest[1..];
    let end = inner.find(quote)?;
    let value = &inner[..end];
    if name.is_empty() || value.contains(['<', '&']) {
        return None;
    }
    let length = text.len() - inner.len() + end + 1;
    Some(((name, value), length))
}

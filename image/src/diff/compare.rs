//! Two trees, walked side by side.

use std::io::{self, Read};

use super::difference::{ChangeKind, Difference, Field, Side, Text};
use super::lines::unified;
use crate::card::{Card, CardError};
use crate::ext4::{Found, FoundKind, Listed, joined};
use crate::pieces::fill;
use crate::progress::Progress;
use crate::secrets::secrets;

/// What to look at besides kind, mode, owner and content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Dates of modification too.
    pub times: bool,
    /// How texts differ, line by line.
    pub content: bool,
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many paths were looked at.
    pub paths: u64,
    /// How many of them differ.
    pub differences: u64,
    /// Whether it ended early, because [`Progress::cancelled`] said so.
    pub cancelled: bool,
}

/// The largest text that is compared line by line, in bytes.
const LONGEST_TEXT: u64 = 256 << 10;
/// How much of two files is held at once.
const CHUNK: usize = 64 << 10;
/// Who may read a file, or go through a directory: everybody.
const ALL_READ: u32 = 0o004;
const ALL_ENTER: u32 = 0o001;

/// Compares `before` with `after`, and tells `found` of every path that differs, in order.
///
/// A directory comes before what is in it; what is in one that came or went is told path by path.
pub fn compare(
    before: &Card,
    after: &Card,
    options: Options,
    progress: &mut dyn Progress,
    found: &mut dyn FnMut(Difference),
) -> Result<Summary, CardError> {
    progress.begin("Comparing", None);
    let mut walk = Walk {
        before,
        after,
        options,
        progress,
        found,
        summary: Summary::default(),
    };
    // The root itself is in no directory.
    let (one, other) = (before.find("/")?, after.find("/")?);
    walk.path(b"/", one.as_ref(), other.as_ref(), false)?;
    Ok(walk.summary)
}

struct Walk<'a> {
    before: &'a Card,
    after: &'a Card,
    options: Options,
    progress: &'a mut dyn Progress,
    found: &'a mut dyn FnMut(Difference),
    summary: Summary,
}

/// On which cards a directory is.
#[derive(Clone, Copy)]
struct Sides {
    before: bool,
    after: bool,
}

impl Walk<'_> {
    /// `hidden`: not everybody gets here.
    fn directory(&mut self, path: &[u8], sides: Sides, hidden: bool) -> Result<(), CardError> {
        let list = |card: &Card, wanted| -> Result<Vec<Listed>, CardError> {
            let entries = if wanted { card.entries(path)? } else { None };
            Ok(entries.unwrap_or_default())
        };
        let mut before = list(self.before, sides.before)?.into_iter().peekable();
        let mut after = list(self.after, sides.after)?.into_iter().peekable();
        loop {
            if self.progress.cancelled() {
                self.summary.cancelled = true;
            }
            if self.summary.cancelled {
                return Ok(());
            }
            // The one whose name comes first, or both if it is the same.
            let (one, other) = match (before.peek(), after.peek()) {
                (None, None) => return Ok(()),
                (Some(a), Some(b)) if a.name == b.name => (before.next(), after.next()),
                (Some(a), Some(b)) if a.name < b.name => (before.next(), None),
                (Some(_), None) => (before.next(), None),
                (_, Some(_)) => (None, after.next()),
            };
            let Some(name) = one.as_ref().or(other.as_ref()).map(|listed| &listed.name) else {
                return Ok(());
            };
            let path = joined(path, name);
            let one = one.map(|listed| listed.found);
            let other = other.map(|listed| listed.found);
            self.path(&path, one.as_ref(), other.as_ref(), hidden)?;
        }
    }

    fn path(
        &mut self,
        path: &[u8],
        before: Option<&Found>,
        after: Option<&Found>,
        hidden: bool,
    ) -> Result<(), CardError> {
        self.summary.paths += 1;
        self.progress.advance(1);
        if let Some(difference) = self.difference(path, before, after, hidden)? {
            self.summary.differences += 1;
            (self.found)(difference);
        }
        let is_directory =
            |found: Option<&Found>| found.is_some_and(|found| found.kind == FoundKind::Directory);
        let sides = Sides {
            before: is_directory(before),
            after: is_directory(after),
        };
        if !sides.before && !sides.after {
            return Ok(());
        }
        let hidden = hidden || [before, after].into_iter().flatten().any(is_closed);
        self.directory(path, sides, hidden)
    }

    fn difference(
        &self,
        path: &[u8],
        before: Option<&Found>,
        after: Option<&Found>,
        hidden: bool,
    ) -> Result<Option<Difference>, CardError> {
        let mut difference = Difference {
            path: String::from_utf8_lossy(path).into_owned(),
            change: match (before, after) {
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Removed,
                _ => ChangeKind::Changed,
            },
            before: before.map(Side::of),
            after: after.map(Side::of),
            fields: Vec::new(),
            text: None,
        };
        let (Some(before), Some(after)) = (before, after) else {
            return Ok(Some(difference));
        };
        difference.fields = self.fields(path, before, after)?;
        if difference.fields.is_empty() {
            return Ok(None);
        }
        if self.options.content && difference.fields.contains(&Field::Content) {
            let closed = hidden || [before, after].into_iter().any(is_unreadable);
            difference.text = Some(if closed {
                Text::Secret
            } else {
                self.text(path, before, after)?
            });
        }
        Ok(Some(difference))
    }

    fn fields(&self, path: &[u8], a: &Found, b: &Found) -> Result<Vec<Field>, CardError> {
        let mut fields = Vec::new();
        let mut add = |differs, field| {
            if differs {
                fields.push(field);
            }
        };
        let is_link = matches!(a.kind, FoundKind::Symlink(_));
        let same_kind = std::mem::discriminant(&a.kind) == std::mem::discriminant(&b.kind);
        add(!same_kind, Field::Kind);
        add(a.mode != b.mode && !(same_kind && is_link), Field::Mode);
        add(a.owner != b.owner, Field::Owner);
        match (&a.kind, &b.kind) {
            (FoundKind::File(one), FoundKind::File(other)) => {
                add(one != other, Field::Size);
                add(
                    one != other || !self.same_bytes(path, *one)?,
                    Field::Content,
                );
            }
            (FoundKind::Symlink(one), FoundKind::Symlink(other)) => {
                add(one != other, Field::Target);
            }
            _ => {}
        }
        add(
            self.options.times && a.modified != b.modified,
            Field::Modified,
        );
        Ok(fields)
    }

    /// Whether two files of `size` bytes are the same.
    fn same_bytes(&self, path: &[u8], size: u64) -> Result<bool, CardError> {
        if size == 0 {
            return Ok(true);
        }
        let (mut one, mut other) = (self.before.reader(path)?, self.after.reader(path)?);
        let chunk = usize::try_from(size).map_or(CHUNK, |size| size.min(CHUNK));
        let (mut left, mut right) = (vec![0; chunk], vec![0; chunk]);
        loop {
            let in_left = fill(&mut one, &mut left).map_err(|e| unread(self.before, path, e))?;
            let in_right = fill(&mut other, &mut right).map_err(|e| unread(self.after, path, e))?;
            if left[..in_left] != right[..in_right] {
                return Ok(false);
            }
            if in_left < chunk {
                return Ok(true);
            }
        }
    }

    fn text(&self, path: &[u8], before: &Found, after: &Found) -> Result<Text, CardError> {
        let long =
            |found: &Found| matches!(found.kind, FoundKind::File(size) if size > LONGEST_TEXT);
        if long(before) || long(after) {
            return Ok(Text::Long);
        }
        let (one, other) = (whole(self.before, path)?, whole(self.after, path)?);
        if !secrets(&one).is_empty() || !secrets(&other).is_empty() {
            return Ok(Text::Secret);
        }
        let is_text = |bytes: &[u8]| !bytes.contains(&0);
        Ok(
            match (std::str::from_utf8(&one), std::str::from_utf8(&other)) {
                (Ok(old), Ok(new)) if is_text(&one) && is_text(&other) => {
                    Text::Lines(unified(old, new))
                }
                _ => Text::Binary,
            },
        )
    }
}

fn is_unreadable(found: &Found) -> bool {
    found.mode & ALL_READ == 0
}

fn is_closed(found: &Found) -> bool {
    found.kind == FoundKind::Directory && found.mode & ALL_ENTER == 0
}

fn whole(card: &Card, path: &[u8]) -> Result<Vec<u8>, CardError> {
    let mut bytes = Vec::new();
    let read = card
        .reader(path)?
        .take(LONGEST_TEXT)
        .read_to_end(&mut bytes);
    read.map_err(|error| unread(card, path, error))?;
    Ok(bytes)
}

fn unread(card: &Card, path: &[u8], source: io::Error) -> CardError {
    CardError::Path {
        image: card.path().to_owned(),
        path: String::from_utf8_lossy(path).into_owned(),
        source,
    }
}

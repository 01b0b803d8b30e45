//! The base that was taken.

use std::io;
use std::path::PathBuf;

use anyhow::Context;
use image::base::debian::Suite;
use image::base::lease::{self, Lease};
use image::base::official::OfficialImage;
use serde_json::{Value, json};

use crate::hint::Fault;
use crate::lock::Settled;

/// A base that is ready, for as long as this lives: nobody prunes it from the cache meanwhile.
#[derive(Debug)]
pub struct Base {
    /// The raw image.
    pub image: PathBuf,
    /// What it is.
    pub what: What,
    /// The same for people: `raspios-lite 2026-06-18 (arm64)`.
    pub description: String,
    /// The sha256 of the file that it was unpacked from, or is, where that is known.
    pub sha256: Option<String>,
    /// The lock that says what it is made of; `None` for a file of the user's.
    pub lock: Option<Settled>,
    /// `None` for a file that isn't in the cache.
    _lease: Option<Lease>,
}

/// What a base is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Built from Debian's packages.
    Debian(Suite),
    /// An image of the official index.
    Official(OfficialImage),
    /// A file of the user's.
    File(PathBuf),
}

impl Base {
    /// A base in the cache, held.
    pub(super) fn held(image: PathBuf, what: What, description: String) -> anyhow::Result<Self> {
        let lease = lease::share(&image).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => anyhow::Error::from(
                Fault::new(format!("another process is changing {}", image.display()))
                    .hint("try again when it has ended"),
            ),
            _ => error.into(),
        });
        let lease = lease.with_context(|| format!("holding base {}", image.display()))?;
        if !image.is_file() {
            let text = format!("{} was removed a moment ago", image.display());
            return Err(Fault::new(text).hint("run the command again").into());
        }
        Ok(Self {
            image,
            what,
            description,
            sha256: None,
            lock: None,
            _lease: Some(lease),
        })
    }

    /// A file where it lies.
    pub(super) fn in_place(image: PathBuf, what: What, description: String) -> Self {
        Self {
            image,
            what,
            description,
            sha256: None,
            lock: None,
            _lease: None,
        }
    }

    /// What programs want to know of it.
    pub fn json(&self) -> Value {
        let (kind, more) = match &self.what {
            What::Debian(suite) => ("debian", json!({ "suite": suite.codename() })),
            What::Official(image) => ("official", json!(image)),
            What::File(path) => ("file", json!({ "file": path })),
        };
        let mut value =
            json!({ "kind": kind, "description": self.description, "image": self.image });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
        value
    }
}

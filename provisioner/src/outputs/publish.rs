//! Giving everything its name, in an order in which nothing lies beside an image that isn't of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use tempfile::TempDir;

use super::build_report::OutputFacts;
use super::make::{Made, draft};
use super::sums;
use crate::fsio::{self, Access};

/// No report is longer.
const LONGEST_REPORT: u64 = 64 << 20;

/// What became of the files of a build.
#[derive(Debug)]
pub struct Published {
    /// All that were written, the image first.
    pub outputs: Vec<OutputFacts>,
    /// Names of files that belonged to the image before and are gone.
    pub removed: Vec<String>,
    /// Names of files that lie beside the image, look as if they were of it, and are somebody else's.
    pub foreign: Vec<String>,
}

impl Made {
    /// Gives everything its name in `folder`.
    ///
    /// What belonged to the image before goes first, the image comes second, and the rest follows: whenever this
    /// ends early, there is the old image or the new one, with nothing or with its own beside it.
    ///
    /// # Errors
    ///
    /// If the image can't get its name, what was there before is there again.
    pub fn publish(self, folder: &Path) -> anyhow::Result<Published> {
        let outcome = Outcome::plan(&self, folder);
        for (name, draft) in &self.drafts {
            let synced = draft.as_file().sync_all();
            synced.with_context(|| format!("writing {name}"))?;
        }
        let aside = Aside::take(folder, &outcome.stale)?;
        if let Err(error) = self.image.commit() {
            aside.restore(folder)?;
            return Err(error).context("giving the image its name");
        }
        let mut outputs = self.outputs;
        let names: Vec<String> = self.drafts.iter().map(|(name, _)| name.clone()).collect();
        for (name, draft) in self.drafts {
            let placed = draft
                .persist(folder.join(&name))
                .map_err(|error| error.error);
            placed.with_context(|| format!("writing {name}"))?;
        }
        let list = update_sums(folder, &self.names, &outputs, self.with_sums)?;
        outputs.extend(list);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .with_context(|| format!("writing {}", folder.display()))?;
        let is_new = |name: &String| names.contains(name);
        Ok(Published {
            outputs,
            removed: outcome
                .stale
                .into_iter()
                .filter(|name| !is_new(name))
                .collect(),
            foreign: outcome.foreign,
        })
    }
}

/// What is to become of the files that lie beside the image already.
#[derive(Debug, Default)]
struct Outcome {
    stale: Vec<String>,
    foreign: Vec<String>,
}

impl Outcome {
    /// Whatever would be taken for a part of the new image goes. A packed image may be somebody's own, above all
    /// the base: it goes only if the report of the image before lists it, or if a new one takes its place.
    fn plan(made: &Made, folder: &Path) -> Self {
        let listed = listed(&folder.join(made.names.report()));
        let is_new = |name: &str| made.drafts.iter().any(|(new, _)| new == name);
        let mut outcome = Self::default();
        for name in made.names.companions() {
            // A link to an old block map is as dangerous as the map itself.
            let about = fs::symlink_metadata(folder.join(&name));
            if about.map_or(true, |about| about.is_dir()) {
                continue;
            }
            if !made.names.is_packed(&name) || listed.contains(&name) || is_new(&name) {
                outcome.stale.push(name);
            } else {
                outcome.foreign.push(name);
            }
        }
        outcome
    }
}

/// The files that a report lists; none if there is no report.
fn listed(report: &Path) -> Vec<String> {
    let bytes = match fs::metadata(report) {
        Ok(about) if about.len() <= LONGEST_REPORT => fs::read(report).unwrap_or_default(),
        _ => return Vec::new(),
    };
    let report: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let outputs = report["outputs"].as_array().into_iter().flatten();
    let names = outputs.filter_map(|output| output["name"].as_str());
    names.map(str::to_owned).collect()
}

/// Files that are out of the way, and come back unless all goes well.
struct Aside {
    kept: TempDir,
    names: Vec<String>,
}

impl Aside {
    fn take(folder: &Path, names: &[String]) -> anyhow::Result<Self> {
        let kept = tempfile::Builder::new()
            .prefix(".before.")
            .tempdir_in(folder)
            .with_context(|| format!("creating a folder in {}", folder.display()))?;
        let mut aside = Self {
            kept,
            names: Vec::new(),
        };
        for name in names {
            if let Err(error) = fs::rename(folder.join(name), aside.path(name)) {
                aside.restore(folder)?;
                return Err(error).with_context(|| format!("replacing {name}"));
            }
            aside.names.push(name.clone());
        }
        Ok(aside)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.kept.path().join(name)
    }

    fn restore(self, folder: &Path) -> anyhow::Result<()> {
        for name in &self.names {
            fs::rename(self.path(name), folder.join(name))
                .with_context(|| format!("putting {name} back"))?;
        }
        Ok(())
    }
}

/// Tells the folder's list of digests what is new and what is gone; makes one only if it was asked for.
fn update_sums(
    folder: &Path,
    names: &super::Names,
    outputs: &[OutputFacts],
    wanted: bool,
) -> anyhow::Result<Option<OutputFacts>> {
    let path = folder.join(names.sums());
    let old = fsio::read_optional(&path)?;
    let mut ours: BTreeMap<String, Option<String>> = BTreeMap::new();
    for name in names.companions() {
        // What lies there now and isn't ours keeps its line.
        if !folder.join(&name).exists() {
            ours.insert(name, None);
        }
    }
    for output in outputs {
        let digest = output.sha256.clone().filter(|_| wanted);
        ours.insert(output.name.clone(), digest);
    }
    let text = match (
        sums::updated(old.as_deref().unwrap_or_default(), &ours),
        old,
    ) {
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            fsio::remove_file(&path)?;
            return Ok(None);
        }
        (Some(text), Some(old)) if text == old => return Ok(None),
        (Some(text), _) => text,
    };
    let mut list = draft(folder, &names.sums(), Access::Public)?;
    list.write_all(text.as_bytes())
        .and_then(|()| list.as_file().sync_all())
        .and_then(|()| list.persist(&path).map(drop).map_err(io::Error::from))
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(wanted.then(|| OutputFacts {
        name: names.sums(),
        size: text.len() as u64,
        sha256: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_comes_back_when_one_of_them_can_not_be_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pi.img.bmap");
        fsio::write_atomic(&path, b"old", Access::Public).unwrap();
        let names = ["pi.img.bmap".to_owned(), "is-not-there".to_owned()];
        assert!(Aside::take(folder.path(), &names).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let aside = Aside::take(folder.path(), &names[..1]).unwrap();
        assert!(!path.exists());
        aside.restore(folder.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

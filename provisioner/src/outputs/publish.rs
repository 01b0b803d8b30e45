//! Giving everything its name, in an order in which nothing lies beside an image that isn't of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::Value;
use tempfile::TempDir;

use super::build_report::OutputFacts;
use super::make::{Made, draft};
use super::names::Names;
use super::sums;
use crate::fsio::{self, Access};
use crate::hint::Fault;

/// No report is longer.
const LONGEST_REPORT: u64 = 64 << 20;

/// What became of the files of a build.
#[derive(Debug)]
pub struct Published {
    /// All that were written, the image first.
    pub outputs: Vec<OutputFacts>,
    /// Names of files that belonged to the image before and are gone.
    pub removed: Vec<String>,
    /// Names of files that weren't of the image before, could be taken for a part of the new one, and have another
    /// name now: the old name and the new one.
    pub renamed: Vec<(String, String)>,
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
        let news: Vec<String> = self.drafts.iter().map(|(name, _)| name.clone()).collect();
        let outcome = Outcome::plan(&self.names, &news, folder);
        for (name, draft) in &self.drafts {
            let synced = draft.as_file().sync_all();
            synced.with_context(|| format!("writing {name}"))?;
        }
        let mut aside = Aside::take(folder, &outcome.stale)?;
        if let Err(error) = aside.rename(folder, &outcome.misleading) {
            aside.restore(folder)?;
            return Err(error);
        }
        if let Err(error) = self.image.commit() {
            aside.restore(folder)?;
            return Err(error).context("giving the image its name");
        }
        let mut outputs = self.outputs;
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
        let is_new = |name: &String| news.contains(name);
        Ok(Published {
            outputs,
            removed: outcome
                .stale
                .into_iter()
                .filter(|name| !is_new(name))
                .collect(),
            renamed: outcome
                .misleading
                .into_iter()
                .map(|name| (name.clone(), old(&name)))
                .collect(),
            foreign: outcome.foreign,
        })
    }
}

/// What is to become of the files that lie beside the image already.
#[derive(Debug, Default)]
struct Outcome {
    /// They go: the report of the image before lists them, or new ones take their place.
    stale: Vec<String>,
    /// They are somebody's own, and other programs would take them for parts of the new image.
    misleading: Vec<String>,
    /// They are somebody's own, and stay.
    foreign: Vec<String>,
}

impl Outcome {
    /// Decides for all that lies in `folder` and could belong to the image, of which `news` are made anew.
    fn plan(names: &Names, news: &[String], folder: &Path) -> Self {
        let listed = listed(&folder.join(names.report()));
        let mut outcome = Self::default();
        for name in names.companions() {
            // A link to an old block map is as dangerous as the map itself.
            let about = fs::symlink_metadata(folder.join(&name));
            if about.map_or(true, |about| about.is_dir()) {
                continue;
            }
            if listed.contains(&name) || news.contains(&name) {
                outcome.stale.push(name);
            } else if name == names.bmap() || name == names.manifest() {
                outcome.misleading.push(name);
            } else {
                outcome.foreign.push(name);
            }
        }
        outcome
    }
}

/// Refuses a file beside the image that would have to get another name, if that name is taken. Nothing is changed.
pub(super) fn check_renames(names: &Names, news: &[String], folder: &Path) -> anyhow::Result<()> {
    for name in Outcome::plan(names, news, folder).misleading {
        let old = folder.join(old(&name));
        if fs::symlink_metadata(&old).is_ok() {
            let text = format!(
                "{name} is not of the image that would be made, and can't be called {} either: that is there",
                old.display()
            );
            let hint = "move one of them away, or choose another name for the image";
            return Err(Fault::input(text).hint(hint).into());
        }
    }
    Ok(())
}

/// What a file is called that other programs shall not take for a part of the image.
fn old(name: &str) -> String {
    format!("{name}.old")
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
    renamed: Vec<String>,
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
            renamed: Vec::new(),
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

    /// Gives what isn't ours its other name.
    fn rename(&mut self, folder: &Path, names: &[String]) -> anyhow::Result<()> {
        for name in names {
            let old = folder.join(old(name));
            renameat_with(CWD, folder.join(name), CWD, &old, RenameFlags::NOREPLACE)
                .with_context(|| format!("calling {name} {}", old.display()))?;
            self.renamed.push(name.clone());
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.kept.path().join(name)
    }

    fn restore(self, folder: &Path) -> anyhow::Result<()> {
        for name in &self.renamed {
            fs::rename(folder.join(old(name)), folder.join(name))
                .with_context(|| format!("calling {name} by its name again"))?;
        }
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
    names: &Names,
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

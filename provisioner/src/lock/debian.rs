//! Which packages a Debian base is made of: those of the lock, or the newest.

use std::fmt;

use anyhow::Context;
use image::Progress;
use image::base::debian::{Change, DebianBase, PackageSet, PinnedBase};
use time::Date;
use time::macros::format_description;

use super::Mode;
use super::file::{DebianLock, LockFile};
use crate::hint::Fault;

/// After so many days a base's packages lack updates that matter.
const OLD: i64 = 30;

/// A base with its packages, and how they were found.
#[derive(Debug)]
pub struct Pinned {
    /// The base.
    pub base: PinnedBase,
    /// How its packages were found.
    pub outcome: Outcome,
    /// A word on their age, if they are old.
    pub age: Option<String>,
}

/// How the packages of a base were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The lock said which.
    Obeyed,
    /// There was no lock for it: so many were chosen.
    Chosen(usize),
    /// An official image was chosen; what it was before and is now, if the lock had one.
    Image(Option<(String, String)>),
    /// They were chosen anew.
    Changed {
        /// What is different now.
        changes: Vec<Change>,
        /// Whether the user asked for it; else the recipe did, which wants other packages than before.
        asked: bool,
    },
}

/// Settles the packages of `base`, and puts them into `lock` if they aren't in it. Nothing is written.
///
/// # Errors
///
/// A [`Fault`] of the user's if the lock has to be obeyed and doesn't fit.
pub fn pin(
    base: DebianBase,
    lock: &mut LockFile,
    mode: Mode,
    today: Date,
    progress: &mut dyn Progress,
) -> anyhow::Result<Pinned> {
    let (suite, architecture) = (base.suite(), base.architecture());
    let old = lock.debian(suite, architecture).cloned();
    let unfit = match &old {
        None => Some(Unfit::Missing),
        Some(old) => Unfit::of(old, &base),
    };
    if mode == Mode::Locked
        && let Some(unfit) = &unfit
    {
        return Err(refusal(unfit, lock, &base));
    }
    if let (Some(old), None) = (&old, &unfit)
        && mode != Mode::Update
    {
        return Ok(Pinned {
            age: age(&old.date, today),
            base: base.pin(old.packages.clone()),
            outcome: Outcome::Obeyed,
        });
    }
    let packages = base.resolve(progress).map_err(image::Error::from);
    let packages = packages.with_context(|| format!("choosing packages of {suite}"))?;
    let outcome = outcome(old.as_ref(), &packages, mode);
    let entry = DebianLock {
        date: written(today)?,
        wanted: base.roots().into_iter().map(str::to_owned).collect(),
        packages: packages.clone(),
    };
    if old.as_ref() != Some(&entry) {
        lock.set_debian(suite, architecture, entry);
    }
    Ok(Pinned {
        base: base.pin(packages),
        outcome,
        age: None,
    })
}

fn outcome(old: Option<&DebianLock>, packages: &PackageSet, mode: Mode) -> Outcome {
    match old {
        None => Outcome::Chosen(packages.len()),
        Some(old) => Outcome::Changed {
            changes: packages.changes_since(&old.packages),
            asked: mode == Mode::Update,
        },
    }
}

/// Why a lock can't be obeyed.
enum Unfit {
    /// It says nothing of the base.
    Missing,
    /// It was made when other packages were wanted.
    Other {
        /// What is wanted now and wasn't.
        added: Vec<String>,
        /// What was wanted and isn't any more.
        removed: Vec<String>,
    },
}

impl Unfit {
    fn of(old: &DebianLock, base: &DebianBase) -> Option<Self> {
        let roots = base.roots();
        let missing = |name: &&&str| !old.wanted.iter().any(|wanted| wanted == **name);
        let added: Vec<_> = roots
            .iter()
            .filter(missing)
            .map(|name| (*name).to_owned())
            .collect();
        let removed: Vec<_> = old
            .wanted
            .iter()
            .filter(|name| !roots.contains(&name.as_str()))
            .cloned()
            .collect();
        let fits = added.is_empty() && removed.is_empty();
        (!fits).then_some(Self::Other { added, removed })
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it has none yet"),
            Self::Other { added, removed } => {
                let added = added.iter().map(|name| format!("with {name}"));
                let removed = removed.iter().map(|name| format!("without {name}"));
                let all: Vec<_> = added.chain(removed).collect();
                write!(f, "now it is wanted {}", all.join(", "))
            }
        }
    }
}

fn refusal(unfit: &Unfit, lock: &LockFile, base: &DebianBase) -> anyhow::Error {
    let text = format!(
        "{} has no packages that fit {} for {}: {unfit}",
        lock.path().display(),
        base.suite().base_name(),
        base.architecture(),
    );
    Fault::input(text)
        .hint("run it once without --locked, which writes the lock, and keep that")
        .into()
}

fn written(day: Date) -> anyhow::Result<String> {
    day.format(format_description!("[year]-[month]-[day]"))
        .context("writing a date")
}

/// What to say if packages are as old as `date`.
fn age(date: &str, today: Date) -> Option<String> {
    let then = Date::parse(date, format_description!("[year]-[month]-[day]")).ok()?;
    let days = (today - then).whole_days();
    (days >= OLD).then(|| {
        format!(
            "the base's packages are those of {date}, {days} days ago; `provision image --update` takes newer ones"
        )
    })
}

#[cfg(test)]
mod tests {
    use image::base::debian::{Package, Suite};
    use image::{Architecture, Silent};
    use time::macros::date;

    use super::*;

    fn base() -> DebianBase {
        // Nobody answers there.
        DebianBase::new(Suite::Trixie, Architecture::Arm64)
            .unwrap()
            .with_mirror("http://127.0.0.1:9/debian")
            .with_security_mirror("http://127.0.0.1:9/security")
    }

    fn packages() -> PackageSet {
        let package = Package {
            version: "1.0".to_owned(),
            architecture: "arm64".to_owned(),
            size: 10,
            sha256: "0123456789abcdef".repeat(4),
            path: "pool/main/s/sudo/sudo_1.0_arm64.deb".to_owned(),
        };
        PackageSet::new([("sudo".to_owned(), package)]).unwrap()
    }

    fn locked(folder: &tempfile::TempDir) -> LockFile {
        let mut lock = LockFile::open(folder.path().join("provision.lock")).unwrap();
        let entry = DebianLock {
            date: "2026-10-01".to_owned(),
            wanted: base().roots().into_iter().map(str::to_owned).collect(),
            packages: packages(),
        };
        lock.set_debian(Suite::Trixie, Architecture::Arm64, entry);
        lock
    }

    const TODAY: Date = date!(2026 - 11 - 24);

    #[test]
    fn a_lock_is_obeyed_without_asking_any_mirror() {
        let folder = tempfile::tempdir().unwrap();
        let mut lock = locked(&folder);
        for mode in [Mode::Obey, Mode::Locked] {
            let pinned = pin(base(), &mut lock, mode, TODAY, &mut Silent).unwrap();
            assert_eq!(pinned.outcome, Outcome::Obeyed);
            assert_eq!(pinned.base.packages(), &packages());
            let age = pinned.age.unwrap();
            assert!(age.contains("those of 2026-10-01, 54 days ago"), "{age}");
        }
        assert_eq!(lock, locked(&folder));
    }

    #[test]
    fn locked_refuses_what_has_no_lock_or_wants_other_packages() {
        let folder = tempfile::tempdir().unwrap();
        let mut lock = locked(&folder);
        let more = base().with_packages(&["hostapd".to_owned()]).unwrap();
        let bookworm = DebianBase::new(Suite::Bookworm, Architecture::Arm64).unwrap();
        let mut told = String::new();
        for base in [more, bookworm] {
            let error = pin(base, &mut lock, Mode::Locked, TODAY, &mut Silent).unwrap_err();
            assert!(error.downcast_ref::<Fault>().is_some_and(Fault::is_users));
            told += &format!("{error:#}\n").replace(&folder.path().display().to_string(), "[HERE]");
        }
        insta::assert_snapshot!(told, @r"
        [HERE]/provision.lock has no packages that fit debian-trixie for arm64: now it is wanted with hostapd
        [HERE]/provision.lock has no packages that fit debian-bookworm for arm64: it has none yet
        ");
        assert_eq!(lock, locked(&folder));
    }

    #[test]
    fn an_update_that_reaches_no_mirror_leaves_the_lock_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut lock = locked(&folder);
        let error = pin(base(), &mut lock, Mode::Update, TODAY, &mut Silent).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("127.0.0.1:9"), "{text}");
        assert_eq!(lock, locked(&folder));
    }
}

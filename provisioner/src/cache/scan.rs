//! Finding out what is in the cache.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use image::base::stored::{self, Note};

use super::entry::{Entry, Guard, Kind};

/// The most files of a folder that are counted: a compile tree has some thousands.
const MOST_FILES: usize = 1_000_000;

const ENDED: &str = "of a process that ended early";

/// Lists what is in `cache`, sorted by kind and name. A cache that isn't there has nothing.
pub fn scan(cache: &Path) -> Vec<Entry> {
    let scan = Scan { cache };
    let mut entries = Vec::new();
    for name in names(cache) {
        let path = cache.join(&name);
        match name.as_str() {
            "bases" => entries.extend(scan.bases(&path)),
            "archives" => entries.extend(scan.archives(&path)),
            "indexes" => entries.extend(scan.indexes(&path)),
            "brokers" => entries.extend(scan.brokers(&path)),
            "debs" => {
                let lock = Guard::File(path.join("lock"));
                entries.push(scan.entry(Kind::Packages, "of Debian bases", vec![path], vec![lock]));
            }
            "target" => entries.push(scan.entry(
                Kind::CompileTree,
                "the next broker compiles faster with it",
                vec![path],
                scan.compilers(),
            )),
            "tools" => {
                entries.push(scan.entry(Kind::Tools, "installed by ci/setup", vec![path], vec![]));
            }
            _ if name.starts_with("test-") => {
                entries.push(scan.entry(
                    Kind::Tests,
                    "kept by this project's tests",
                    vec![path],
                    vec![],
                ));
            }
            "flash" => entries.extend(scan.journals(&path)),
            // A copy to look at or to boot from.
            _ if name.starts_with(".scratch.img.")
                && path.extension().is_some_and(|end| end == "part") =>
            {
                let guard = Guard::Draft(path.clone());
                entries.push(scan.entry(Kind::Leftover, ENDED, vec![path], vec![guard]));
            }
            _ => entries.push(scan.entry(Kind::Other, "", vec![path], vec![])),
        }
    }
    entries.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    entries
}

struct Scan<'a> {
    cache: &'a Path,
}

impl Scan<'_> {
    fn entry(&self, kind: Kind, what: &str, paths: Vec<PathBuf>, guards: Vec<Guard>) -> Entry {
        let first = paths.first().map_or(self.cache, PathBuf::as_path);
        let name = first.strip_prefix(self.cache).unwrap_or(first);
        let mut size = 0;
        let mut used = None;
        for path in &paths {
            measure(path, &mut size, &mut used);
        }
        Entry {
            kind,
            name: name.display().to_string(),
            what: what.to_owned(),
            size,
            used,
            paths,
            guards,
        }
    }

    fn bases(&self, folder: &Path) -> Vec<Entry> {
        let mut entries = Vec::new();
        for stored in stored::list(self.cache) {
            let image = stored.image;
            let beside = ["json", "log"].map(|suffix| image.with_extension(suffix));
            let paths = [image.clone()]
                .into_iter()
                .chain(beside)
                .filter(|path| path.exists());
            let what = describe(&image, stored.note.as_ref());
            let guard = Guard::Image(image.clone());
            let mut entry = self.entry(Kind::Base, &what, paths.collect(), vec![guard]);
            // Its lock has the date of its last use; the note beside it is read by whoever looks.
            entry.used = modified(&image).max(modified(&image.with_extension("lock")));
            entries.push(entry);
        }
        for name in names(folder) {
            let path = folder.join(&name);
            // What drafts and builds are called before they are whole: `.NAME.img.RANDOM.part`, `.NAME.img-RANDOM`.
            if let Some((image, _)) = name
                .strip_prefix('.')
                .and_then(|name| name.split_once(".img"))
            {
                let guard = Guard::Image(folder.join(format!("{image}.img")));
                entries.push(self.entry(Kind::Leftover, ENDED, vec![path], vec![guard]));
            } else if path
                .extension()
                .is_some_and(|suffix| suffix == "json" || suffix == "log")
                && !path.with_extension("img").exists()
            {
                let guard = Guard::Image(path.with_extension("img"));
                entries.push(self.entry(
                    Kind::Leftover,
                    "of a base that is gone",
                    vec![path],
                    vec![guard],
                ));
            }
        }
        entries
    }

    fn archives(&self, folder: &Path) -> Vec<Entry> {
        let mut stems: Vec<String> = names(folder)
            .into_iter()
            .filter_map(|name| {
                Some(
                    name.split_once(".archive")?
                        .0
                        .trim_start_matches('.')
                        .to_owned(),
                )
            })
            .collect();
        stems.sort();
        stems.dedup();
        let made = stems.into_iter().map(|stem| {
            let all = names(folder).into_iter().filter(|name| {
                let name = name.trim_start_matches('.');
                name.strip_prefix(&*stem)
                    .is_some_and(|rest| rest.starts_with(".archive"))
            });
            let mut paths: Vec<_> = all.map(|name| folder.join(name)).collect();
            paths.sort();
            let whole = folder.join(format!("{stem}.archive")).exists();
            let what = if whole {
                "a download"
            } else {
                "the beginning of a download"
            };
            let image = self.cache.join("bases").join(format!("{stem}.img"));
            self.entry(Kind::Archive, what, paths, vec![Guard::Image(image)])
        });
        made.collect()
    }

    fn indexes(&self, folder: &Path) -> Vec<Entry> {
        let copies = names(folder).into_iter().filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|suffix| suffix == "json")
        });
        let made = copies.map(|name| {
            let path = folder.join(name);
            let note = path.with_extension("note");
            let paths = [path, note].into_iter().filter(|path| path.exists());
            self.entry(
                Kind::Index,
                "a copy of an index of images",
                paths.collect(),
                vec![],
            )
        });
        made.collect()
    }

    fn brokers(&self, folder: &Path) -> Vec<Entry> {
        let mut entries = Vec::new();
        for target in names(folder) {
            let folder = folder.join(&target);
            let lock = folder.join(".lock");
            for name in names(&folder).into_iter().filter(|name| name != ".lock") {
                let what = format!("compiled for {target}");
                let guard = Guard::File(lock.clone());
                entries.push(self.entry(Kind::Broker, &what, vec![folder.join(name)], vec![guard]));
            }
        }
        entries
    }

    fn journals(&self, folder: &Path) -> Vec<Entry> {
        let what = "how far a card was written, to go on from there";
        let journals = names(folder).into_iter().map(|name| folder.join(name));
        journals
            .map(|path| self.entry(Kind::Journal, what, vec![path], vec![]))
            .collect()
    }

    /// The locks of all who may be compiling.
    fn compilers(&self) -> Vec<Guard> {
        let folder = self.cache.join("brokers");
        let locks = names(&folder)
            .into_iter()
            .map(|target| folder.join(target).join(".lock"));
        locks.map(Guard::File).collect()
    }
}

fn describe(image: &Path, note: Option<&Note>) -> String {
    match note {
        Some(Note {
            official: Some(official),
            ..
        }) => official.to_string(),
        Some(note) => format!("unpacked from {}", note.source),
        None => {
            let name = image.file_name().unwrap_or_default().to_string_lossy();
            let mut parts = name.split('-');
            match (parts.next(), parts.next(), parts.next()) {
                (Some("debian"), Some(suite), Some(architecture)) => {
                    format!("debian {suite} ({architecture})")
                }
                _ => String::new(),
            }
        }
    }
}

/// The names in a folder, sorted; none if it can't be read.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Adds what `path` and all below it take, and when any of it was used last. Links are not followed.
fn measure(path: &Path, size: &mut u64, used: &mut Option<SystemTime>) {
    let mut waiting = vec![path.to_owned()];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        seen += 1;
        let Ok(about) = fs::symlink_metadata(&path) else {
            continue;
        };
        *size += about.blocks() * 512;
        if about.is_dir() {
            if seen < MOST_FILES {
                waiting.extend(names(&path).into_iter().map(|name| path.join(name)));
            }
        } else {
            // Most file systems note a reading once a day.
            *used = (*used)
                .max(about.modified().ok())
                .max(about.accessed().ok());
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|about| about.modified()).ok()
}

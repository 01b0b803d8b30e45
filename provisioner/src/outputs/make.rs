//! Making everything that lies beside an image, under other names.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use data_encoding::HEXLOWER;
use image::survey::{Survey, Wanted, survey};
use image::{Assembled, Card, Progress};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::build_report::{BuildReport, OutputFacts};
use super::facts::Facts;
use super::manifest;
use super::names::Names;
use super::options::Plan;
use super::sbom;
use crate::fsio::{self, Access};

/// What is made, for which image, and where.
#[derive(Debug)]
pub struct Maker<'a> {
    /// What is wanted.
    pub plan: &'a Plan,
    /// What the image is made of.
    pub facts: &'a Facts<'a>,
    /// Where the image will be. Only the manifest says it.
    pub out: &'a Path,
    /// The folder that everything is made in.
    pub folder: &'a Path,
}

/// An image and all that will lie beside it; dropped, nothing of it is left.
#[derive(Debug)]
pub struct Made {
    pub(super) image: Assembled,
    /// The others, by the names that they will have.
    pub(super) drafts: Vec<(String, NamedTempFile)>,
    /// All files, the image first. The image's digest is known only if somebody wanted it.
    pub(super) outputs: Vec<OutputFacts>,
    pub(super) names: Names,
    pub(super) report: BuildReport,
    pub(super) with_sums: bool,
}

impl Made {
    /// What is on the image, and what was made.
    pub fn report(&self) -> &BuildReport {
        &self.report
    }

    /// Everything by its name: where it is for now.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Path)> {
        let others = self
            .drafts
            .iter()
            .map(|(name, draft)| (name.as_str(), draft.path()));
        std::iter::once((self.names.image(), self.image.path())).chain(others)
    }
}

/// Makes what [`Maker::plan`] asks for of `image`.
///
/// # Errors
///
/// Then nothing is left of it, nor of the image.
pub fn make(
    image: Assembled,
    maker: &Maker<'_>,
    progress: &mut dyn Progress,
) -> anyhow::Result<Made> {
    let names = Names::of(maker.out)?;
    let mut set = Set {
        folder: maker.folder,
        drafts: Vec::new(),
        outputs: Vec::new(),
    };
    let survey = look(&image, maker, &names, &mut set, progress)?;
    set.outputs.insert(
        0,
        OutputFacts {
            name: names.image().to_owned(),
            size: image.allocation().size(),
            sha256: survey.sha256.clone(),
        },
    );
    if let Some(bmap) = &survey.bmap {
        set.add(names.bmap(), bmap.render().as_bytes())?;
    }
    let card = Card::open(image.path()).map_err(image::Error::from)?;
    if let (Some(place), Some(sha256)) = (&maker.plan.manifest, &survey.sha256) {
        let folder = folder_of(maker.out)?;
        let packed = set.outputs.get(1).filter(|_| survey.packed.is_some());
        let packed = packed.and_then(|packed| {
            Some((packed.name.as_str(), packed.size, packed.sha256.as_deref()?))
        });
        let files = manifest::Files {
            names: &names,
            folder: &folder,
            place,
            raw: (image.allocation().size(), sha256),
            packed,
            has_bmap: survey.bmap.is_some(),
        };
        let text = manifest::render(maker.facts, &files, &card)?;
        set.add(names.manifest(), &text)?;
    }
    if maker.plan.sbom {
        let sha256 = survey.sha256.as_deref();
        let text = sbom::render(maker.facts, &names, image.report(), sha256, &card)
            .context("listing the software on the card")?;
        set.add(names.sbom(), &text)?;
    }
    let report = BuildReport::new(image.report(), maker.facts, &card, set.outputs.clone())?;
    set.add(names.report(), &report.render()?)?;
    Ok(Made {
        image,
        drafts: set.drafts,
        outputs: set.outputs,
        names,
        report,
        with_sums: maker.plan.sums,
    })
}

/// Goes through the image, if anything is wanted that its bytes tell.
fn look(
    image: &Assembled,
    maker: &Maker<'_>,
    names: &Names,
    set: &mut Set<'_>,
    progress: &mut dyn Progress,
) -> anyhow::Result<Survey> {
    let plan = maker.plan;
    let with_sha256 = plan.sums || plan.manifest.is_some();
    if !with_sha256 && !plan.bmap && plan.compress.is_none() {
        return Ok(Survey::default());
    }
    let packed = match plan.compress {
        Some(method) => Some((
            method,
            names.packed(method),
            set.draft(&names.packed(method), Access::Private)?,
        )),
        None => None,
    };
    let path = packed
        .as_ref()
        .map(|(_, name, _)| maker.out.with_file_name(name));
    let wanted = Wanted {
        sha256: with_sha256,
        bmap: plan.bmap,
        packed: packed
            .as_ref()
            .zip(path.as_deref())
            .map(|((method, _, draft), path)| (*method, draft.as_file(), path)),
    };
    let allocation = image.allocation();
    let (total, doing, done) = match plan.compress {
        Some(_) => (allocation.size(), "Packing image", "Packed image"),
        None if with_sha256 => (allocation.size(), "Reading image", "Read image"),
        None => (allocation.bytes(), "Reading image", "Read image"),
    };
    progress.begin(doing, Some(total));
    let found = survey(image.path(), maker.out, allocation, &wanted, progress)?;
    progress.end(done);
    if let (Some((_, name, draft)), Some(about)) = (packed, &found.packed) {
        set.outputs.push(OutputFacts {
            name: name.clone(),
            size: about.size,
            sha256: Some(about.sha256.clone()),
        });
        set.drafts.push((name, draft));
    }
    Ok(found)
}

/// Files in the making.
struct Set<'a> {
    folder: &'a Path,
    drafts: Vec<(String, NamedTempFile)>,
    outputs: Vec<OutputFacts>,
}

impl Set<'_> {
    fn draft(&self, name: &str, access: Access) -> anyhow::Result<NamedTempFile> {
        draft(self.folder, name, access)
    }

    fn add(&mut self, name: String, bytes: &[u8]) -> anyhow::Result<()> {
        let mut draft = self.draft(&name, Access::Public)?;
        draft
            .write_all(bytes)
            .with_context(|| format!("writing {name}"))?;
        self.outputs.push(OutputFacts {
            name: name.clone(),
            size: bytes.len() as u64,
            sha256: Some(HEXLOWER.encode(&Sha256::digest(bytes))),
        });
        self.drafts.push((name, draft));
        Ok(())
    }
}

/// A file that will be called `name`.
pub(super) fn draft(folder: &Path, name: &str, access: Access) -> anyhow::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .permissions(Permissions::from_mode(access.file_mode()))
        .tempfile_in(folder)
        .with_context(|| format!("creating {}", folder.join(name).display()))
}

/// The absolute folder that `path` is in.
fn folder_of(path: &Path) -> anyhow::Result<PathBuf> {
    let parent = fsio::parent(path);
    parent
        .canonicalize()
        .with_context(|| format!("finding folder {}", parent.display()))
}

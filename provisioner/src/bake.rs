//! The sink that makes a card image out of a payload.

use std::path::Path;

use anyhow::Context;
use image::accounts::{AccountFile, AccountFiles, LoginName, NewUser, PasswordField};
use image::{AssembleRequest, Card, Entry, EntryPath, Overlay, Owner, Progress, Report, Timestamp};

use crate::hint::Fault;
use crate::payload::{LoginUser, Payload, Unit};
use crate::pki;
use crate::recipe::{Plan, Sudo};
use crate::site::HostFiles;
use crate::toolchain::ElfFacts;

/// The number of the first user of a Pi.
const LOGIN_ID: u32 = 1000;

/// Groups of the login user beside `sudo`; those that the base doesn't have are left out.
const LOGIN_GROUPS: [&str; 10] = [
    "adm",
    "dialout",
    "cdrom",
    "audio",
    "users",
    "video",
    "plugdev",
    "input",
    "netdev",
    "systemd-journal",
];

/// What to make.
#[derive(Debug)]
pub struct Request<'a> {
    /// The raw base image.
    pub base: &'a Path,
    /// The image to write.
    pub out: &'a Path,
    /// How to build.
    pub plan: &'a Plan,
    /// What the broker's binary needs.
    pub broker: &'a ElfFacts,
    /// The largest size of the image in bytes, if the card's matters.
    pub limit: Option<u64>,
    /// The date of everything that is written.
    pub timestamp: Timestamp,
}

/// Bakes `payload` into a copy of the base.
///
/// # Errors
///
/// If the base has no C library that the broker runs with, already has a user of that name or
/// number, or misses a unit; and whatever [`image::assemble`](fn@image::assemble) finds. What was at
/// [`Request::out`] is still there then.
pub fn bake(
    payload: &Payload,
    request: &Request<'_>,
    progress: &mut dyn Progress,
) -> anyhow::Result<Report> {
    let card = Card::open(request.base).map_err(image::Error::from)?;
    check_broker(&card, request)?;
    check_timezone(&card, request)?;
    let mut overlay = payload.files.clone();
    add_login(&mut overlay, &card, &payload.login, request.timestamp)?;
    for unit in &payload.units {
        enable(&mut overlay, &card, unit)?;
    }
    let assemble = AssembleRequest {
        base: request.base,
        output: request.out,
        overlay: &overlay,
        free: request.plan.free,
        limit: request.limit,
        timestamp: request.timestamp,
        disk_id: None,
    };
    image::assemble(&assemble, progress)
        .with_context(|| format!("baking {}", request.out.display()))
}

/// The date of what is written: `SOURCE_DATE_EPOCH` if it is set, else the day the host's
/// certificate was issued. The same site gives the same image, and a Pi without a clock, which
/// takes this date for the earliest possible, finds its certificate valid.
pub fn timestamp(host: &HostFiles) -> anyhow::Result<Timestamp> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.trim().parse().map_err(|error| {
            Fault::input(format!(
                "SOURCE_DATE_EPOCH is {text:?}, no number of seconds since 1970: {error}"
            ))
        })?,
        Err(_) => pki::summarize(&host.certificate)?.issued().unix_timestamp(),
    };
    let seconds = u32::try_from(seconds)
        .map_err(|error| Fault::input(format!("no file can be dated {seconds}: {error}")))?;
    Ok(Timestamp::from_unix(seconds))
}

/// Whether the base has what the broker's program needs to start: its loader, and a C library that is
/// new enough.
fn check_broker(card: &Card, request: &Request<'_>) -> anyhow::Result<()> {
    let (broker, target) = (request.broker, request.plan.target);
    let path = target.libc_path();
    let Some(library) = card.read(path).map_err(image::Error::from)? else {
        let text = format!(
            "the base {} has no {path}, so the broker can't run on it",
            request.base.display()
        );
        return Err(Fault::input(text).into());
    };
    let has = ElfFacts::read(&library)
        .with_context(|| format!("reading {path} in the base"))?
        .defines;
    broker.check(target, has).map_err(|error| {
        Fault::input(format!("the broker can't run on this base: {error}"))
            .hint("use a newer base, or a broker that is linked with an older glibc or statically")
    })?;
    if let Some(loader) = &broker.interpreter
        && card.read(loader).map_err(image::Error::from)?.is_none()
    {
        let text = format!(
            "the broker can't run on this base: it is loaded by {loader}, which isn't there"
        );
        let hint = format!(
            "use one that is built for {}, or a static one",
            target.triple()
        );
        return Err(Fault::input(text).hint(hint).into());
    }
    Ok(())
}

fn check_timezone(card: &Card, request: &Request<'_>) -> anyhow::Result<()> {
    let zone = &request.plan.timezone;
    let path = format!("/usr/share/zoneinfo/{zone}");
    if card.find(&path).map_err(image::Error::from)?.is_none() {
        let text = format!("system.timezone: the base has no time zone {zone}");
        return Err(Fault::input(text)
            .hint("names are as in Europe/London or Etc/UTC")
            .into());
    }
    Ok(())
}

/// Adds the login user with home, skeleton files and SSH keys.
fn add_login(
    overlay: &mut Overlay,
    card: &Card,
    login: &LoginUser,
    since: Timestamp,
) -> anyhow::Result<()> {
    const ORIGIN: &str = "login user";
    let mut accounts =
        AccountFiles::parse(
            |file| match card.read(file.path()).map_err(image::Error::from)? {
                Some(bytes) => {
                    Ok(Some(String::from_utf8(bytes).with_context(|| {
                        format!("reading {} in the base", file.path())
                    })?))
                }
                None => Ok::<_, anyhow::Error>(None),
            },
        )?;
    let name = LoginName::new(&login.name)
        .map_err(|error| Fault::input(format!("system.login.name: {error}")))?;
    let sudo = (login.sudo == Sudo::Passwordless).then_some("sudo");
    let user = NewUser {
        home: format!("/home/{name}"),
        name,
        id: LOGIN_ID,
        comment: String::new(),
        shell: "/bin/bash".to_owned(),
        password: PasswordField::Locked,
        groups: LOGIN_GROUPS
            .into_iter()
            .chain(sudo)
            .map(str::to_owned)
            .collect(),
        since,
    };
    accounts.take_placeholder(LOGIN_ID);
    accounts.add(&user).context("adding the login user")?;
    for (file, text) in accounts.render() {
        let found = card.find(file.path()).map_err(image::Error::from)?;
        let (mode, owner) = found.map_or((0o644, Owner::ROOT), |found| {
            (found.mode & 0o7777, found.owner)
        });
        let entry = Entry::file(text, mode, ORIGIN).owned_by(owner);
        let entry = match file {
            AccountFile::Shadow | AccountFile::Gshadow => entry.secret(),
            _ => entry,
        };
        overlay.insert(EntryPath::new(file.path())?, entry)?;
    }
    let owner = Owner {
        uid: LOGIN_ID,
        gid: LOGIN_ID,
    };
    let mut own = |path: &str, entry: Entry| -> anyhow::Result<()> {
        overlay.insert(
            EntryPath::new(format!("{}{path}", user.home))?,
            entry.owned_by(owner),
        )?;
        Ok(())
    };
    own("", Entry::directory(0o700, ORIGIN))?;
    for name in card
        .list("/etc/skel")
        .map_err(image::Error::from)?
        .unwrap_or_default()
    {
        if let Some(bytes) = card
            .read(&format!("/etc/skel/{name}"))
            .map_err(image::Error::from)?
        {
            own(&format!("/{name}"), Entry::file(bytes, 0o644, "/etc/skel"))?;
        }
    }
    own("/.ssh", Entry::directory(0o700, ORIGIN))?;
    let keys = login
        .authorized_keys
        .iter()
        .fold(String::new(), |keys, key| keys + key + "\n");
    own(
        "/.ssh/authorized_keys",
        Entry::file(keys, 0o600, "site/ssh/authorized_keys"),
    )
}

/// Links a unit into its target's `wants`.
fn enable(overlay: &mut Overlay, card: &Card, unit: &Unit) -> anyhow::Result<()> {
    let mut found = None;
    for place in unit.places() {
        if overlay.get(&place).is_some() || card.find(&place).map_err(image::Error::from)?.is_some()
        {
            found = Some(place);
            break;
        }
    }
    let file = found.ok_or_else(|| {
        Fault::input(format!(
            "unit {} shall be enabled, but neither an overlay nor the base has it",
            unit.name
        ))
    })?;
    let (path, link) = unit.link(&file)?;
    overlay.insert(path, link)?;
    Ok(())
}

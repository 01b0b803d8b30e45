//! The command line, as clap sees it.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands::{
    add_user, bases, boot, ca_passphrase, cache, certs, completions, diff, doctor, fetch, find,
    flash, group, hide, image, init, inspect, list_users, push, remove, remove_user, render,
    rotate_certs, schema, sees, set_password, verify,
};
use crate::output::{ColorChoice, Policy, ProgressChoice, Surroundings};
use crate::site::KeyAccess;

/// Makes a private MQTT broker on a Raspberry Pi: bakes cards and writes them, or pushes to a Pi that runs.
#[derive(Debug, Parser)]
#[command(
    name = "provision",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Examples:\n  provision image --out pi.img\n  provision flash pi.img\n  \
                  provision push pi@192.168.1.189     instead of a card: onto a Pi that runs"
)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "For every command")]
pub struct Global {
    /// The folder with people, certificates and keys.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PROVISION_SITE",
        default_value = "site"
    )]
    pub site: PathBuf,
    /// A file with the passphrase of the authority's key in its first line [default: asks].
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_passphrase_file: Option<PathBuf>,
    /// Say more; twice: everything.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say less; twice: errors only.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// Print the result as one JSON object.
    #[arg(long, global = true)]
    pub json: bool,
    /// How to show long work.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "HOW")]
    pub progress: ProgressChoice,
    /// When to use color.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a site: certificate authority, host certificate, SSH host keys, first person.
    Init(init::InitArgs),
    /// Bake a card image with the broker, its certificates and its people.
    ///
    /// Where there is no site yet, it makes one. Beside the image lies a report of all that was written, as
    /// pi.report.json, by which `verify` checks the card. Nothing is mounted, and root is not needed.
    Image(image::ImageArgs),
    /// Write an image onto cards, and read everything back.
    ///
    /// Without --device it shows the cards that there are, and asks. Disks that this system runs from are refused,
    /// and so is what is mounted. A run that was cut goes on where it was. Devices belong to root: put sudo in front.
    Flash(flash::FlashArgs),
    /// Put the broker on a Pi that already runs, or bring it up to date.
    ///
    /// The settings of its operating system stay as they are. If the broker doesn't start, or doesn't answer over
    /// TLS, the machine goes back to what it had. In an empty folder it makes the site first.
    Push(push::PushArgs),
    /// Remove the broker from a Pi that it was pushed to.
    Remove(remove::RemoveArgs),
    /// Issue new server certificates from the same authority.
    ///
    /// Phones go on trusting it. The old ones stay beside the new ones, in site/hosts/NAME/previous, until a push
    /// has succeeded.
    RotateCerts(rotate_certs::RotateCertsArgs),
    /// List the certificates and when they end; exit code 3 if one is due.
    Certs(certs::CertsArgs),
    /// Put the authority's key under a passphrase, or take it off.
    CaPassphrase(ca_passphrase::CaPassphraseArgs),
    /// Add a person who may log in to the broker.
    AddUser(add_user::AddUserArgs),
    /// Remove a person, with all that others see of them.
    RemoveUser(remove_user::RemoveUserArgs),
    /// Give a person another password.
    SetPassword(set_password::SetPasswordArgs),
    /// Show who is there and who sees whom.
    ListUsers(list_users::ListUsersArgs),
    /// Let a person see another's locations.
    Sees(sees::SeesArgs),
    /// Take back what `sees` granted.
    Hide(hide::HideArgs),
    /// Make, change, show or remove a group, in which everybody sees everybody.
    Group(group::GroupArgs),
    /// Show what would be baked, or write it into a folder.
    ///
    /// That is what recipe and site bring. What hangs on the base (its accounts, its fstab, the kernel's command
    /// line) is only known once a card is baked: `diff` shows it.
    Render(render::RenderArgs),
    /// Say what this computer or the site lacks, and the cure; exit code 3 if they lack something.
    Doctor(doctor::DoctorArgs),
    /// List the systems that a card can be made of: Raspberry Pi OS, Debian.
    ///
    /// What there is of Raspberry Pi OS is in the index of Raspberry Pi Imager; without a network, in the last copy
    /// of it.
    Bases(bases::BasesArgs),
    /// Fetch a base, so that cards can be made without a network.
    ///
    /// A download that was cut goes on where it was. Proxies are those of `https_proxy`, `http_proxy`, `all_proxy`
    /// and `no_proxy`; `SSL_CERT_FILE` names authorities to trust instead of the system's.
    Fetch(fetch::FetchArgs),
    /// Show what is kept to be faster next time, check it, or remove it.
    ///
    /// It is in `$XDG_CACHE_HOME/provision`, or `~/.cache/provision`. All of it can be made or fetched again, and what
    /// another command uses at the moment is never removed.
    Cache(cache::CacheArgs),
    /// List the brokers of this site that are on the local network, and check each over TLS.
    Find(find::FindArgs),
    /// Print what may stand in a recipe, as a JSON schema for editors.
    Schema(schema::SchemaArgs),
    /// Boot a copy of an image in QEMU, to try it or to prove that it works.
    ///
    /// It says how to reach the card, and runs until Ctrl-C. With --check it waits until the broker takes a login
    /// and a message over TLS and the system has come up over SSH, and ends: with 0 if both is so, with 3 if not in
    /// time. Everything is emulated: a boot takes minutes. The image is not changed.
    Boot(boot::BootArgs),
    /// Say what is on a card or an image, and what is wrong with it.
    ///
    /// Partitions, system, people, networks, units, the broker; no secret is shown, and nothing is changed. Ends
    /// with 0 if the card could be read, whatever is on it.
    Inspect(inspect::InspectArgs),
    /// Tell what two cards or images differ in, path by path; exit code 3 if they do.
    ///
    /// Dates of modification are compared with -v, extended attributes not at all. Nothing is changed.
    Diff(diff::DiffArgs),
    /// Compare a card or an image with the report of its baking; exit code 3 if it is otherwise.
    ///
    /// That is every path that was written, the partitions and the file systems; not the other files of the base.
    /// What a boot makes of a card (it grows, it has another disk id) is expected, and said. Nothing is changed.
    Verify(verify::VerifyArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
}

impl Global {
    /// How to get at the authority's key.
    pub fn key_access(&self) -> KeyAccess {
        KeyAccess {
            passphrase_file: self.ca_passphrase_file.clone(),
        }
    }

    /// Decides how this run speaks.
    pub fn policy(&self, around: Surroundings) -> Policy {
        let loudness = i16::from(self.verbose) - i16::from(self.quiet);
        Policy::resolve(loudness, self.progress, self.color, self.json, around)
    }
}

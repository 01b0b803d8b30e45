//! `provision push`.

use std::path::{Path, PathBuf};

use ::image::Progress;
use anyhow::Context;
use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::build::BuildArgs;
use super::init;
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::{Fault, Interrupted};
use crate::output::{Output, bytes};
use crate::payload::{self, Inputs, Payload, Sink};
use crate::recipe::Plain;
use crate::remote::{
    Change, ChangeKind, Connection, Destination, Facts, HostKeyPolicy, Login, Packed, Proof, Root,
    State, Way, prove,
};
use crate::site::{Enrolled, LastPush, Machine, Ready, Renew, Site, Wish};
use crate::toolchain::{BrokerBinary, Target};
use crate::{bake, fsio, pki};

/// The port of the listener without TLS, where a recipe wants one.
const PLAIN_PORT: u16 = 1883;

/// Puts the broker on a Pi that already runs, or brings it up to date.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision push pi@192.168.1.189\n  \
                        provision push pi@broker.local --dry-run")]
pub struct PushArgs {
    /// Where to: a user who may become root there, and the machine.
    #[arg(value_name = "USER@HOST[:PORT]")]
    destination: Destination,
    #[command(flatten)]
    reach: ReachArgs,
    /// The machine takes the place of another one that was pushed to under this host's name.
    #[arg(long)]
    replace: bool,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: exit code 3 if something would change.
    #[arg(long, requires = "dry_run")]
    exit_code: bool,
    #[command(flatten)]
    build: BuildArgs,
}

/// How to log in; shared with `remove`.
#[derive(Debug, Args)]
pub struct ReachArgs {
    /// The private SSH key to log in with [default: the site's, the agent's, those in ~/.ssh].
    #[arg(long, short = 'i', value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Trust a host key that was never seen before, and remember it. A changed one is refused all the same.
    #[arg(long)]
    accept_new: bool,
}

impl ReachArgs {
    /// Logs in at `destination`; `root` is the site, which need not be there.
    pub(super) fn open(
        &self,
        destination: &Destination,
        root: &Path,
        card_keys: Vec<String>,
    ) -> anyhow::Result<Connection> {
        let policy = if self.accept_new {
            HostKeyPolicy::AcceptNew
        } else {
            HostKeyPolicy::Ask
        };
        Connection::open(
            destination,
            &Login {
                identity: self.identity.clone(),
                site: root.to_owned(),
                card_keys,
                policy,
            },
        )
    }
}

/// Runs the command.
pub fn run(args: &PushArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let old = if Site::exists(&global.site) {
        Some(Site::open(&global.site)?)
    } else {
        None
    };
    if old.is_none() && args.dry_run {
        return Err(nothing_to_compare(&global.site).into());
    }
    let keys = old.as_ref().map_or(Ok(Vec::new()), Site::card_host_keys)?;
    let connection = args.reach.open(&args.destination, &global.site, keys)?;
    let facts = Facts::of(&connection)?;
    facts.target()?;
    // Every question that has nothing to do with the site, before there is one.
    let root = Root::of(&connection, &facts)?;
    let (site, told) = if let Some(site) = old {
        (site, None)
    } else {
        let name = facts.hostname.to_ascii_lowercase();
        let new = args.build.complete(&name, &global.key_access())?;
        let (site, told) = init::create(new, &global.site, output)?;
        (site, Some(told))
    };
    let push = Push {
        args,
        global,
        output,
        connection: &connection,
        facts: &facts,
        root: &root,
    };
    push.run(site, told.as_ref())
}

fn nothing_to_compare(root: &Path) -> Fault {
    let text = format!(
        "there is no site at {}, so there is nothing to compare",
        root.display()
    );
    Fault::input(text).hint("make one with `provision init`, or name yours with --site")
}

/// A push under way.
struct Push<'a> {
    args: &'a PushArgs,
    global: &'a Global,
    output: &'a Output,
    connection: &'a Connection,
    facts: &'a Facts,
    root: &'a Root<'a>,
}

/// What belongs on the machine, and what it has.
struct Looked {
    enrolled: Enrolled,
    ready: Ready,
    payload: Payload,
    broker: PathBuf,
    state: State,
    changes: Vec<Change>,
}

impl Push<'_> {
    fn run(&self, mut site: Site, told: Option<&init::Told>) -> anyhow::Result<ExitStatus> {
        // From here on nothing is asked but the passphrase of the authority's key, which ends by itself.
        let looked = match self.look(&site) {
            Ok(looked) => looked,
            Err(error) => {
                // Nothing was made with a site that was made for this push.
                if told.is_some() {
                    let root = site.root().display().to_string();
                    site.discard()?;
                    self.output.status(&format!("Removed site {root} again"));
                }
                return Err(error);
            }
        };
        if self.args.dry_run {
            return self.preview(&looked);
        }
        self.keep(&mut site, &looked)?;
        let way = self.place(&looked)?;
        self.note(&site, &looked)?;
        self.report(&site, &looked, &way)?;
        if let Some(told) = told {
            init::tell(&site, told, self.output)?;
        }
        let name = self.args.destination.host.to_string();
        let example = site.example_client(&name, looked.enrolled.host.port);
        self.output.note(&format!("Connect:     {example}"));
        Ok(ExitStatus::Success)
    }

    /// Finds out what belongs on the machine and what it has. Nothing is written, here or there.
    fn look(&self, site: &Site) -> anyhow::Result<Looked> {
        let (args, facts) = (self.args, self.facts);
        let target = facts.target()?;
        let machine = Machine {
            hostname: &facts.hostname,
            id: &facts.id,
            ssh_host_key: &self.connection.host_key,
            reached_by: &args.destination.host,
        };
        let wish = Wish {
            host: args.build.host_name(),
            replace: args.replace,
        };
        let enrolled = site.enroll(&machine, wish)?;
        let plan = args.build.plan_for(target)?;
        let broker = self.broker(target)?;
        let now = OffsetDateTime::now_utc();
        let access = self.global.key_access();
        let ready = site.prepare(&enrolled.host, Renew::IfNeeded, &access, now)?;
        let payload = payload::assemble(&Inputs {
            plan: &plan,
            site,
            host: &enrolled.host,
            files: &ready.files,
            broker: &broker,
            sink: Sink::Host,
            system: None,
        })?;
        self.output
            .watch_interrupts()
            .context("watching for Ctrl-C")?;
        let mut ports = site.ports(&enrolled.host)?;
        if plan.broker.plain != Plain::None {
            ports.push(PLAIN_PORT);
        }
        let state = State::of(self.root, &payload, &ports)?;
        let changes = state.changes(&payload);
        state.check(payload.size())?;
        Ok(Looked {
            enrolled,
            ready,
            payload,
            broker: broker.path,
            state,
            changes,
        })
    }

    /// A broker that runs there.
    fn broker(&self, target: Target) -> anyhow::Result<BrokerBinary> {
        let cache = fsio::cache_directory()?;
        let broker = self.args.build.broker(target, &cache, self.output)?;
        let fits = broker.facts.check(target, self.facts.glibc);
        fits.map_err(|error| {
            Fault::new(format!(
                "the broker can't run on {}: {error}; nothing was changed",
                self.facts.hostname
            ))
            .hint("a broker made for an older system can be named with --broker FILE")
        })?;
        Ok(broker)
    }

    /// Writes into the site what is new about the host, before the machine gets any of it.
    fn keep(&self, site: &mut Site, looked: &Looked) -> anyhow::Result<()> {
        self.still_wanted()?;
        if let Some(said) = self.connection.remember(site.root())? {
            self.output.status(&said);
        }
        site.keep_enrolled(&looked.enrolled)?;
        site.keep(&looked.ready)?;
        for said in looked.enrolled.said.iter().chain(&looked.ready.issued) {
            self.output.status(said);
        }
        Ok(())
    }

    /// Sends, switches, proves; switches back if the proof fails.
    fn place(&self, looked: &Looked) -> anyhow::Result<Way> {
        let (files, payload, root) = (&looked.ready.files, &looked.payload, self.root);
        let proof = Proof {
            authority: &files.authority,
            port: looked.enrolled.host.port,
            password: &files.probe,
        };
        let (state, active) = (&looked.state, looked.state.is_active());
        let current = state.release().unwrap_or_default();
        if state.is_pending() && active && prove(self.connection, &proof).is_ok() {
            // The last push was cut short after the switch. What it brought works: there is no going back.
            root.finish(current)?;
        }
        if active && current == payload.release && !looked.differs() {
            self.output
                .status("Found everything as it should be; nothing is sent");
            return prove(self.connection, &proof).map_err(|error| {
                unproved(
                    &error,
                    &root.said().unwrap_or_default(),
                    "nothing was changed",
                )
            });
        }
        let packed = Packed::new(payload, bake::timestamp(files)?.unix())?;
        self.output.note(&format!(
            "Sending {} to {}, to switch to release {}",
            bytes(packed.size()),
            self.connection.destination,
            payload.release
        ));
        let applied = packed.apply(root)?;
        let proved = self
            .still_wanted()
            .and_then(|()| prove(self.connection, &proof));
        match proved {
            Ok(way) => applied.finish().map(|()| way),
            Err(error) => {
                let said = applied.undo()?;
                let then = "the machine has gone back to what it had";
                if error.is::<Interrupted>() {
                    return Err(error.context(then));
                }
                Err(unproved(&error, &said, then))
            }
        }
    }

    /// An error if the user has pressed Ctrl-C.
    fn still_wanted(&self) -> anyhow::Result<()> {
        if self.output.task().cancelled() {
            return Err(Interrupted.into());
        }
        Ok(())
    }

    fn note(&self, site: &Site, looked: &Looked) -> anyhow::Result<()> {
        let certificate = pki::summarize(&looked.ready.files.certificate)?;
        let push = LastPush::new(
            OffsetDateTime::now_utc().format(&Rfc3339)?,
            self.args.destination.to_string(),
            self.facts.id.clone(),
            looked.payload.release.clone(),
            certificate.fingerprint,
        );
        site.pushed(&looked.enrolled.host, &push)
    }

    fn preview(&self, looked: &Looked) -> anyhow::Result<ExitStatus> {
        let output = self.output;
        for said in looked.enrolled.said.iter().chain(&looked.ready.issued) {
            output.note(&format!("Would be: {said}"));
        }
        if output.policy().json {
            output.json(&json!({
                "version": 1,
                "host": looked.enrolled.host.name,
                "release": looked.payload.release,
                "current": looked.state.release(),
                "changes": json_of(&looked.changes),
            }))?;
        } else {
            for change in &looked.changes {
                let secret = if change.secret { ", secret" } else { "" };
                let (kind, path) = (change.kind.to_string(), &change.path);
                output.data(&format!("{kind:8} {path}  ({}{secret})", change.origin))?;
            }
        }
        output.note("Nothing was changed, here or there.");
        Ok(if self.args.exit_code && looked.differs() {
            ExitStatus::Findings
        } else {
            ExitStatus::Success
        })
    }

    fn report(&self, site: &Site, looked: &Looked, way: &Way) -> anyhow::Result<()> {
        let (host, output) = (&looked.enrolled.host, self.output);
        if let Way::ThroughSsh(why) = way {
            output.warn(&format!(
                "port {} of {} can't be reached from here: {why}; is there a firewall?",
                host.port, self.args.destination.host
            ));
        }
        output.status(&format!(
            "Proved the broker on {}: login, message out and back {way} ({} of {} files changed)",
            host.name,
            looked.differing().count(),
            looked.changes.len()
        ));
        if !output.policy().json {
            return Ok(output.data(&host.name)?);
        }
        Ok(output.json(&json!({
            "version": 1,
            "host": host.name,
            "destination": self.args.destination.to_string(),
            "release": looked.payload.release,
            "broker": looked.broker,
            "reachable": *way == Way::Direct,
            "site": site.root(),
            "changes": json_of(&looked.changes),
        }))?)
    }
}

impl Looked {
    fn differing(&self) -> impl Iterator<Item = &Change> {
        let all = self.changes.iter();
        all.filter(|change| change.kind != ChangeKind::Same)
    }

    fn differs(&self) -> bool {
        self.differing().next().is_some()
    }
}

/// The error after a proof that failed, with what the broker said last.
fn unproved(error: &anyhow::Error, said: &str, then: &str) -> anyhow::Error {
    let said = said.trim_end();
    let text = format!("the broker runs, but could not be proved, and {then}: {error:#}\n{said}");
    Fault::new(text)
        .hint("the lines that begin with `broker:` are its own last words; `journalctl -u mqtt-broker` there has all")
        .into()
}

fn json_of(changes: &[Change]) -> Vec<serde_json::Value> {
    let all = changes.iter();
    all.map(|change| {
        json!({
            "path": change.path,
            "change": change.kind.to_string(),
            "origin": change.origin,
            "secret": change.secret,
        })
    })
    .collect()
}

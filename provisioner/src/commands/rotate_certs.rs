//! `provision rotate-certs`.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::pki;
use crate::site::{Host, Name, Renew, Site};

/// Issues new certificates with new keys from the same authority: phones go on trusting it.
///
/// The old ones stay beside the new ones, in site/hosts/NAME/previous, until a push has succeeded.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision rotate-certs\n  \
                        provision rotate-certs --host broker && provision push pi@broker.local\n  \
                        provision rotate-certs --person jane")]
pub struct RotateCertsArgs {
    /// The host whose server certificate is replaced; repeatable [default: all hosts].
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Replace (or make) the client certificate of a person instead, and revoke the old one; repeatable.
    #[arg(long, value_name = "NAME", conflicts_with = "host")]
    person: Vec<Name>,
}

/// Runs the command.
pub fn run(args: &RotateCertsArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let site = Site::open(&global.site)?;
    if !args.person.is_empty() {
        return rotate_clients(args, &site, global, output);
    }
    let mut hosts: Vec<&Host> = Vec::new();
    for name in &args.host {
        let host = site.host(Some(name))?;
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        hosts = site.config().hosts.iter().collect();
    }
    let now = OffsetDateTime::now_utc();
    let mut rotated = Vec::new();
    // All are made before any is written: a wrong passphrase or name changes nothing.
    for host in hosts {
        rotated.push((
            host,
            site.prepare(host, Renew::Always, &global.key_access(), now)?,
        ));
    }
    let mut results = Vec::new();
    for (host, ready) in &rotated {
        site.keep(ready)?;
        let summary = pki::summarize(&ready.files.certificate)?;
        output.status(&format!(
            "Issued server certificate for {} until {}, SHA256 {}",
            host.name,
            summary.not_after.date(),
            summary.fingerprint
        ));
        if !output.policy().json {
            output.data(&host.name)?;
        }
        results.push(json!({
            "host": host.name,
            "not_after": super::certs::rfc3339(summary.not_after)?,
            "sha256": summary.fingerprint,
            "push": push_command(&site, host)?,
        }));
    }
    if output.policy().json {
        output.json(&json!({ "version": 1, "rotated": results }))?;
    }
    output.note("These hosts have the old certificates until they are pushed to:");
    for (host, _) in &rotated {
        output.note(&format!("  {}", push_command(&site, host)?));
    }
    Ok(ExitStatus::Success)
}

fn rotate_clients(
    args: &RotateCertsArgs,
    site: &Site,
    global: &Global,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    let now = OffsetDateTime::now_utc();
    let people: BTreeSet<&Name> = args.person.iter().collect();
    let people: Vec<_> = people.into_iter().collect();
    for name in &people {
        site.people().require(name).map_err(Fault::input)?;
    }
    let ready = site.prepare_clients(&people, &global.key_access(), now)?;
    let mut results = Vec::new();
    for issued in site.keep_clients(ready)? {
        let (name, path) = (&issued.name, issued.path.display().to_string());
        output.status(&format!(
            "Issued client certificate for {name} until {}",
            issued.summary.not_after.date()
        ));
        if !output.policy().json {
            output.data(&path)?;
        }
        results.push(json!({ "person": name.as_str(), "certificate": path }));
    }
    if output.policy().json {
        output.json(&json!({ "version": 1, "rotated": results }))?;
    }
    output.note("Hosts know of it, and of what was revoked, after the next `provision push` or with a new card.");
    Ok(ExitStatus::Success)
}

/// The command that brings `host` up to date: where it was pushed to last, else where it probably is.
pub(super) fn push_command(site: &Site, host: &Host) -> anyhow::Result<String> {
    let destination = match site.last_push(host)? {
        Some(push) => push.destination,
        None => format!("pi@{}.local", host.name),
    };
    Ok(format!("provision push {destination}"))
}

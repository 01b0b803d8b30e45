//! `provision add-user`.

use clap::Args;
use serde_json::json;

use super::password::{self, PasswordArgs};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::site::{AddedPerson, Name, Person, Sees, Site};

/// Adds a person.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision add-user jjolie --device 5s\n  \
                        provision add-user fred --sees jjolie/5s --generate")]
pub struct AddUserArgs {
    /// The person's name: the user name, and a level of the person's topics.
    name: Name,
    /// Whose locations the person may read, all devices or one; repeatable.
    #[arg(long, value_name = "NAME[/DEVICE]")]
    sees: Vec<Sees>,
    /// A device of the person, known by name; repeatable.
    #[arg(long, value_name = "DEVICE")]
    device: Vec<Name>,
    /// Also issue a client certificate: it logs in without a password, on a port of its own.
    #[arg(long)]
    client_cert: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Runs the command.
pub fn run(args: &AddUserArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let mut site = Site::open(&global.site)?;
    site.check_new(&args.name, args.sees.iter())?;
    if !args.client_cert && site.client_certificate(&args.name)?.is_some() {
        let name = &args.name;
        let text = format!(
            "there is still a client certificate of an earlier {name}, which would be the new one's; nothing was changed"
        );
        let hint = format!("`provision remove-user {name}` revokes it");
        return Err(Fault::input(text).hint(hint).into());
    }
    // Before anything is written: the passphrase may be wrong.
    let ready = if args.client_cert {
        let now = time::OffsetDateTime::now_utc();
        Some(site.prepare_clients(&[&args.name], &global.key_access(), now)?)
    } else {
        None
    };
    let password = args.password.obtain(&args.name)?;
    let added = AddedPerson {
        name: args.name.clone(),
        person: Person {
            devices: args.device.iter().cloned().collect(),
            sees: args.sees.iter().cloned().collect(),
        },
        password: password.secret,
        generated: password.generated,
    };
    site.add_person(&added)?;
    let kept = ready.map(|ready| site.keep_clients(ready)).transpose()?;
    let certificate = kept.iter().flatten().next();
    if output.policy().json {
        output.json(&json!({
            "version": 1,
            "name": args.name.as_str(),
            "password_file": site.kept_password(&args.name),
            "certificate": certificate.map(|certificate| &certificate.path),
        }))?;
    } else {
        output.data(args.name.as_str())?;
    }
    let base = &site.config().topic_base;
    output.status(&format!(
        "Added {}, who may read and write {base}/{}/#",
        args.name, args.name
    ));
    password::tell(&site, &args.name, &added.password, output);
    if let Some(certificate) = certificate {
        output.note(&format!(
            "  certificate: {} until {}, its key beside it (0600)",
            certificate.path.display(),
            certificate.summary.not_after.date()
        ));
    }
    output.note(super::UNTIL_THEN);
    Ok(ExitStatus::Success)
}

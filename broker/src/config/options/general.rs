//! The section "general options": the process and what it keeps. Limits are in `limits`.

use std::time::Duration;

use super::spec::{OptionSpec, Scope::General, ignored, works};
use crate::config::value;

pub(super) const OPTIONS: &[OptionSpec] = &[
    works(
        "autosave_interval",
        General,
        "SECONDS",
        "1800",
        "How often the state is written to disk, or with autosave_on_changes after how many changes; 0 is only at \
         the end and at SIGUSR1.",
        |draft, line| {
            draft.autosave_interval = value::number(line.value, 0..=u32::MAX)?;
            Ok(())
        },
    ),
    works(
        "autosave_on_changes",
        General,
        "true|false",
        "false",
        "Whether autosave_interval counts changes instead of seconds.",
        |draft, line| {
            draft.autosave_on_changes = value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "certificate_warning_days",
        General,
        "DAYS",
        "30",
        "How long before the end of a certificate the log and $SYS say so; 0 is never.",
        |draft, line| {
            draft.service.certificate_warning_days = value::number(line.value, 0..=36_500)?;
            Ok(())
        },
    )
    .own(),
    works(
        "check_retain_source",
        General,
        "true|false",
        "true",
        "Whether a retained message is delivered only while its publisher may still write there.",
        |draft, line| {
            draft.limits.check_retain_source = value::boolean(line.value)?;
            Ok(())
        },
    ),
    ignored(
        "enable_control_api",
        General,
        "true|false",
        "Whether $CONTROL/broker/v1 answers.",
        "there is no control API",
    ),
    ignored(
        "include_dir",
        General,
        "FOLDER",
        "Reads all files of a folder whose names end in .conf, in the order of their names; in the first file only.",
        "",
    )
    .includes()
    .many(),
    works(
        "persistence",
        General,
        "true|false",
        "false",
        "Whether sessions, queued and retained messages survive a restart.",
        |draft, line| {
            draft.persistence.enabled = value::boolean(line.value)?;
            draft.persistence_place = Some(line.place.clone());
            Ok(())
        },
    )
    .at_start(),
    works(
        "persistence_file",
        General,
        "NAME",
        "mosquitto.db",
        "The name of the file that they are kept in.",
        |draft, line| {
            line.value.clone_into(&mut draft.persistence.file);
            draft.persistence_named = Some(line.at("persistence_file"));
            Ok(())
        },
    )
    .rest()
    .once()
    .at_start(),
    works(
        "persistence_location",
        General,
        "FOLDER",
        "the current folder",
        "The folder of that file.",
        |draft, line| {
            draft.persistence.location = line.value.into();
            draft.persistence_named = Some(line.at("persistence_location"));
            Ok(())
        },
    )
    .rest()
    .once()
    .at_start(),
    works(
        "pid_file",
        General,
        "PATH",
        "none",
        "Where the process id is written.",
        |draft, line| {
            draft.service.pid_file = Some(line.value.into());
            Ok(())
        },
    )
    .rest()
    .once()
    .at_start(),
    works(
        "reload_on_change",
        General,
        "true|false",
        "false",
        "Whether a change to the configuration, or to a file that it names, is taken on without a SIGHUP.",
        |draft, line| {
            draft.service.reload_on_change = value::boolean(line.value)?;
            Ok(())
        },
    )
    .own(),
    ignored(
        "retry_interval",
        General,
        "SECONDS",
        "How long an answer may take before a message is sent again.",
        "messages are sent again only when a client comes back, as MQTT 3.1.1 and 5.0 ask for",
    ),
    works(
        "set_tcp_nodelay",
        General,
        "true|false",
        "true",
        "Whether small packets leave at once. Mosquitto's default is false; here packets that are ready together \
         leave together in any case, so that waiting would only cost time.",
        |draft, line| {
            draft.service.set_tcp_nodelay = value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "sys_interval",
        General,
        "SECONDS",
        "10",
        "How often the topics below $SYS are published; 0 is never.",
        |draft, line| {
            let seconds: Option<u32> = value::limit(line.value, 65_535)?;
            draft.service.sys_interval = seconds.map(|seconds| Duration::from_secs(seconds.into()));
            Ok(())
        },
    ),
    works(
        "user",
        General,
        "NAME",
        "mqtt-broker, else mosquitto",
        "Who the broker becomes when root has started it and its sockets are open. Without this line, and without \
         either user, it stays root and warns; user root says that this is meant.",
        |draft, line| {
            draft.service.user = Some(line.value.to_owned());
            Ok(())
        },
    )
    .once()
    .at_start(),
];

//! The broker that a test speaks to.

use crate::harness::Broker;
use crate::support::Mosquitto;

/// A running broker, ended when it is dropped.
pub(crate) enum Target {
    Ours(Broker),
    /// With the folder that its configuration is in.
    Theirs(
        Mosquitto,
        #[expect(dead_code, reason = "it is removed when the broker has ended")] tempfile::TempDir,
    ),
}

impl Target {
    /// Ours, or Debian's Mosquitto when the environment says so, for anybody and with `config`.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config)
    }

    /// The same in a folder that has files already, which is `{folder}` in the configuration.
    pub(crate) fn start_in(folder: tempfile::TempDir, config: &str) -> Self {
        match std::env::var("MQTT_TARGET").as_deref() {
            Ok("mosquitto") => Self::theirs_in(folder, config),
            Ok(other) => panic!("MQTT_TARGET is mosquitto or not set, not {other:?}"),
            Err(_) => Self::ours_in(folder, config),
        }
    }

    /// The one with nothing configured.
    pub(crate) fn plain() -> Self {
        Self::start("")
    }

    pub(crate) fn ours(config: &str) -> Self {
        Self::ours_in(tempfile::tempdir().unwrap(), config)
    }

    pub(crate) fn ours_in(folder: tempfile::TempDir, config: &str) -> Self {
        Self::Ours(Broker::start_in(
            folder,
            &format!("allow_anonymous true\n{config}"),
        ))
    }

    pub(crate) fn theirs(config: &str) -> Self {
        Self::theirs_in(tempfile::tempdir().unwrap(), config)
    }

    pub(crate) fn theirs_in(folder: tempfile::TempDir, config: &str) -> Self {
        let config = config.replace("{folder}", folder.path().to_str().unwrap());
        let config = format!("listener @PORT@ 127.0.0.1\nallow_anonymous true\n{config}\n");
        let mosquitto = Mosquitto::start(folder.path(), &config).unwrap();
        Self::Theirs(mosquitto, folder)
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Ours(broker) => broker.port(),
            Self::Theirs(mosquitto, _) => mosquitto.port,
        }
    }
}

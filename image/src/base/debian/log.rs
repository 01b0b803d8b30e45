//! What mmdebstrap says: kept in a file, told in short lines, and searched for the cause of a failure.

use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::Progress;

/// How many of the last lines are searched for a cause.
const KEPT: usize = 200;

/// How often a silent build is asked whether it is still wanted: making an initrd says nothing for minutes.
const PATIENCE: Duration = Duration::from_millis(200);

/// Copies `output` line by line to `log` and reports what is worth reporting. Returns the last lines.
///
/// When the user wants an end, `stop` is called, once and also while nothing is said; the rest of the
/// output is still read.
pub(super) fn follow(
    output: impl BufRead + Send,
    mut log: impl Write,
    progress: &mut dyn Progress,
    stop: impl FnOnce(),
) -> io::Result<VecDeque<String>> {
    let mut stop = Some(stop);
    let mut last = VecDeque::with_capacity(KEPT);
    std::thread::scope(|scope| {
        let (sender, lines) = mpsc::channel();
        scope.spawn(move || send_lines(output, &sender));
        loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(raw) => {
                    let raw = raw?;
                    log.write_all(&raw)?;
                    let line = String::from_utf8_lossy(&raw).trim_end().to_owned();
                    if let Some(detail) = detail(&line) {
                        progress.detail(detail);
                    }
                    if last.len() == KEPT {
                        last.pop_front();
                    }
                    last.push_back(line);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if progress.cancelled()
                && let Some(stop) = stop.take()
            {
                stop();
            }
        }
        log.flush()
    })?;
    Ok(last)
}

/// Sends each line, with its end, until there are no more or nobody listens.
fn send_lines(mut output: impl BufRead, lines: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut raw = Vec::new();
        let line = match output.read_until(b'\n', &mut raw) {
            Ok(0) => return,
            Ok(_) => Ok(raw),
            Err(error) => Err(error),
        };
        if lines.send(line).is_err() {
            return;
        }
    }
}

/// The part of a line that a person who waits wants to see, if any.
fn detail(line: &str) -> Option<&str> {
    if let Some(step) = line.strip_prefix("I: ") {
        // A hook is reported with its whole text.
        return (!step.starts_with("running --")).then(|| step.trim_end_matches('.'));
    }
    let package = ["Unpacking ", "Setting up ", "Processing triggers for "];
    if package.iter().any(|prefix| line.starts_with(prefix)) {
        return Some(
            line.split(" (")
                .next()
                .unwrap_or(line)
                .trim_end_matches(" ..."),
        );
    }
    line.strip_prefix("provision: ")
        .or_else(|| line.starts_with("Get:").then_some(line))
}

/// What apt says when a mirror's signed index and its lists of packages don't belong together.
pub(super) const MIRROR_IN_BETWEEN: &str = "Mirror sync in progress";

/// The line that most likely says why a build failed: that the mirror is in between two states, else the
/// first error that apt, dpkg or a tool reported, else the last thing that was said before mmdebstrap gave
/// up.
pub(super) fn cause(lines: &VecDeque<String>) -> String {
    // It ends with summaries of its own, which repeat whole command lines and scripts.
    let end = lines
        .iter()
        .position(|line| line.starts_with("E: setup failed") || line.starts_with("E: mmdebstrap"))
        .unwrap_or(lines.len());
    let is_error = |line: &&String| {
        let is_warning = line.contains(": Warning: ");
        !is_warning
            && ["E: ", "Err:", "dpkg: error", "mke2fs: ", "mkfs.fat: "]
                .iter()
                .any(|prefix| line.starts_with(prefix))
            || line.contains("No space left on device")
    };
    let in_between = |line: &&String| line.starts_with("E: ") && line.contains(MIRROR_IN_BETWEEN);
    lines
        .iter()
        .take(end)
        .find(in_between)
        .or_else(|| lines.iter().take(end).find(is_error))
        .or_else(|| lines.iter().take(end).rfind(|line| !line.is_empty()))
        .map_or_else(|| "it said nothing".to_owned(), |line| shortened(line))
}

fn shortened(line: &str) -> String {
    const LIMIT: usize = 300;
    let mut short: String = line.trim().chars().take(LIMIT).collect();
    if line.trim().chars().count() > LIMIT {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Details {
        seen: Vec<String>,
        enough_after: Option<usize>,
    }

    impl Progress for Details {
        fn begin(&mut self, _: &str, _: Option<u64>) {}
        fn advance(&mut self, _: u64) {}
        fn detail(&mut self, text: &str) {
            self.seen.push(text.to_owned());
        }
        fn end(&mut self, _: &str) {}
        fn warn(&mut self, _: &str) {}
        fn cancelled(&self) -> bool {
            self.enough_after
                .is_some_and(|count| self.seen.len() >= count)
        }
    }

    const SAID: &str = "I: automatically chosen mode: root\n\
        I: running --customize-hook in shell: sh -c 'set -eu\n\
        Unpacking kmod (34.2-2) ...\n\
        (Reading database ... 4 files and directories currently installed.)\n\
        Setting up kmod (34.2-2) ...\n\
        provision: making the initrd\n";

    #[test]
    fn packages_and_steps_are_reported_and_the_noise_between_them_is_not() {
        let mut details = Details::default();
        let mut log = Vec::new();
        follow(SAID.as_bytes(), &mut log, &mut details, || {}).unwrap();

        assert_eq!(log, SAID.as_bytes());
        assert_eq!(
            details.seen,
            [
                "automatically chosen mode: root",
                "Unpacking kmod",
                "Setting up kmod",
                "making the initrd"
            ]
        );
    }

    #[test]
    fn whoever_has_seen_enough_stops_it_once_and_the_rest_is_still_logged() {
        let mut details = Details {
            enough_after: Some(2),
            ..Details::default()
        };
        let mut log = Vec::new();
        let mut stops = 0;
        follow(SAID.as_bytes(), &mut log, &mut details, || stops += 1).unwrap();

        assert_eq!((stops, log.as_slice()), (1, SAID.as_bytes()));
    }

    #[test]
    fn a_build_that_says_nothing_is_stopped_too() {
        let mut details = Details {
            enough_after: Some(0),
            ..Details::default()
        };
        let (output, silent) = io::pipe().unwrap();
        // The output ends when the build does, and the build only ends when it is stopped.
        follow(io::BufReader::new(output), io::sink(), &mut details, || {
            drop(silent);
        })
        .unwrap();

        assert!(details.seen.is_empty());
    }

    #[test]
    fn the_cause_is_the_first_error_and_not_mmdebstraps_summary() {
        let lines = [
            "I: running apt-get update...",
            "Err:1 http://127.0.0.1:9/debian trixie InRelease",
            "E: Some index files failed to download.",
            "E: setup failed: E: apt-get update --error-on=any failed",
            "E: mmdebstrap failed to run",
        ]
        .map(str::to_owned);

        assert_eq!(
            cause(&lines.into()),
            "Err:1 http://127.0.0.1:9/debian trixie InRelease"
        );
    }

    #[test]
    fn a_mirror_in_between_two_states_is_the_cause_before_what_follows_from_it() {
        // As apt 2.6 has it.
        let lines = [
            "Err:7 http://deb.debian.org/debian trixie/main armhf Packages",
            "  File has unexpected size (9246492 != 9246996). Mirror sync in progress? [IP: 192.0.2.1 80]",
            "E: Failed to fetch http://deb.debian.org/debian/dists/trixie/main/binary-armhf/Packages.xz  ",
            "E: Failed to fetch http://deb.debian.org/debian/dists/trixie-updates/main/binary-armhf/\
             Packages.xz  File has unexpected size (720 != 1108). Mirror sync in progress? [IP: 192.0.2.1 80]",
            "E: mmdebstrap failed to run",
        ]
        .map(str::to_owned);
        let cause = cause(&lines.into());
        assert!(
            cause.ends_with("(720 != 1108). Mirror sync in progress? [IP: 192.0.2.1 80]"),
            "{cause}"
        );
        let error = super::super::DebianError::Lists { reason: cause };
        assert!(error.hint().unwrap().contains("try again later"));
    }

    #[test]
    fn a_warning_of_a_tool_is_not_the_cause() {
        let lines = [
            "mkfs.fat: Warning: lowercase labels might not work properly on some systems",
            "Cannot initialize '::'",
            "E: setup failed: E: command failed: set -eu",
        ]
        .map(str::to_owned);

        assert_eq!(cause(&lines.into()), "Cannot initialize '::'");
    }

    #[test]
    fn without_an_error_the_cause_is_the_last_thing_said() {
        let lines = [
            "find: Failed to restore initial working directory",
            "",
            "E: setup failed: E: command failed: set -eu",
            "find /var/log -delete",
            "I: removing tempdir /tmp/mmdebstrap.x...",
            "E: mmdebstrap failed to run",
        ]
        .map(str::to_owned);

        assert_eq!(
            cause(&lines.into()),
            "find: Failed to restore initial working directory"
        );
    }
}

//! `mosquitto_pub`, `mosquitto_sub` and `mosquitto_rr`.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::{Access, Results};
use crate::harness::PATIENCE;
use crate::support::program;

/// Tries everything they can do. They have no option for No Local and for subscription identifiers.
pub(super) fn all(access: &Access) -> Results {
    let tools = Tools(access);
    let features = access.features().iter();
    features
        .map(|&feature| {
            let topic = format!("{}{}", access.prefix, feature.replace(' ', ""));
            let result = tools
                .feature(feature, &topic)
                .map_or_else(|why| why, |()| "ok".to_owned());
            (feature.to_owned(), result)
        })
        .collect()
}

struct Tools<'a>(&'a Access);

/// A running `mosquitto_sub`; killed when dropped.
struct Subscriber {
    child: Child,
    lines: Receiver<String>,
    /// What came before it was subscribed: what had waited in its session.
    waited: VecDeque<String>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Subscriber {
    fn line(&self) -> Result<String, String> {
        let line = self.lines.recv_timeout(PATIENCE);
        line.map_err(|_silence| "failed: nothing came".to_owned())
    }

    /// The next message.
    fn message(&mut self) -> Result<String, String> {
        loop {
            let line = self.waited.pop_front().map_or_else(|| self.line(), Ok)?;
            if let Some(message) = line.strip_prefix("> ") {
                return Ok(message.to_owned());
            }
        }
    }

    /// The next message is this one.
    fn hears(&mut self, expected: &str) -> Result<(), String> {
        let message = self.message()?;
        let same = message == expected;
        same.then_some(())
            .ok_or_else(|| format!("failed: {message} instead of {expected}"))
    }
}

impl Tools<'_> {
    fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = program(tool);
        let version = match self.0.version {
            "3.1" => "mqttv31",
            "3.1.1" => "mqttv311",
            _ => "mqttv5",
        };
        command.args([
            "-h",
            "localhost",
            "-p",
            &self.0.port.to_string(),
            "-V",
            version,
        ]);
        if let Some(ca) = &self.0.ca {
            command.args(["--cafile", ca]);
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn publish(&self, topic: &str, arguments: &[&str]) -> Result<(), String> {
        let ended = self
            .command("mosquitto_pub", &["-t", topic])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        ended
            .status
            .success()
            .then_some(())
            .ok_or_else(|| format!("failed: {said}"))
    }

    /// Starts `mosquitto_sub` and waits until it is subscribed.
    fn subscribe(&self, topic: &str, arguments: &[&str]) -> Result<Subscriber, String> {
        let format = if self.0.is_five() {
            "> %t %p %q %r %P %C %E"
        } else {
            "> %t %p %q %r"
        };
        let inner = self.command("mosquitto_sub", &["-d", "-t", topic, "-F", format]);
        let mut command = program("stdbuf");
        command
            .arg("-oL")
            .arg(inner.get_program())
            .args(inner.get_args())
            .args(arguments);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(stdout)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let waited = VecDeque::new();
        let mut subscriber = Subscriber {
            child,
            lines,
            waited,
        };
        loop {
            let line = subscriber.line()?;
            if line.starts_with("Subscribed") {
                return Ok(subscriber);
            }
            subscriber.waited.push_back(line);
        }
    }

    fn feature(&self, feature: &str, topic: &str) -> Result<(), String> {
        // Where there are properties, three fields more.
        let end = if self.0.is_five() { "   " } else { "" };
        let id = format!("{}{feature}", self.0.prefix);
        match feature {
            "connect" => self.publish(topic, &["-m", "x"]),
            "quality of service 0" | "quality of service 1" | "quality of service 2" => {
                let qos = &feature[feature.len() - 1..];
                let mut subscriber = self.subscribe(topic, &["-q", qos])?;
                self.publish(topic, &["-q", qos, "-m", "x"])?;
                subscriber.hears(&format!("{topic} x {qos} 0{end}"))
            }
            "retain" => {
                self.publish(topic, &["-r", "-q", "1", "-m", "kept"])?;
                self.subscribe(topic, &["-q", "1"])?
                    .hears(&format!("{topic} kept 1 1{end}"))?;
                self.publish(topic, &["-r", "-n"])?;
                self.publish(topic, &["-r", "-q", "1", "-m", "new"])?;
                self.subscribe(topic, &[])?
                    .hears(&format!("{topic} new 0 1{end}"))
            }
            "will" => {
                let mut heir = self.subscribe(topic, &["-q", "1"])?;
                let will = [
                    "--will-topic",
                    topic,
                    "--will-payload",
                    "gone",
                    "--will-qos",
                    "1",
                ];
                drop(self.subscribe(&format!("{topic}/other"), &will)?);
                heir.hears(&format!("{topic} gone 1 0{end}"))
            }
            "persistent session" => self.persistent(topic, &id, end),
            "wildcards" => {
                let mut subscriber = self.subscribe(&format!("{topic}/+/b/#"), &[])?;
                for name in ["a/c", "a/b", "a/b/c/d"] {
                    self.publish(&format!("{topic}/{name}"), &["-q", "1", "-m", "x"])?;
                }
                subscriber.hears(&format!("{topic}/a/b x 0 0{end}"))?;
                subscriber.hears(&format!("{topic}/a/b/c/d x 0 0{end}"))
            }
            _ => self.feature_of_five(feature, topic, &id),
        }
    }

    fn feature_of_five(&self, feature: &str, topic: &str, id: &str) -> Result<(), String> {
        match feature {
            "user properties" => {
                let mut subscriber = self.subscribe(topic, &[])?;
                let pairs = [
                    "-D",
                    "publish",
                    "user-property",
                    "b",
                    "1",
                    "-D",
                    "publish",
                    "user-property",
                    "a",
                    "2",
                ];
                self.publish(
                    topic,
                    &[
                        &pairs[..],
                        &["-D", "publish", "content-type", "text", "-m", "x"],
                    ]
                    .concat(),
                )?;
                subscriber.hears(&format!("{topic} x 0 0 b:1 a:2 text "))
            }
            "message expiry" => {
                let expiry = ["-D", "publish", "message-expiry-interval", "100"];
                self.publish(
                    topic,
                    &[&expiry[..], &["-r", "-q", "1", "-m", "kept"]].concat(),
                )?;
                let mut subscriber = self.subscribe(topic, &[])?;
                let message = subscriber.message()?;
                let left = message
                    .rsplit(' ')
                    .next()
                    .and_then(|left| left.parse().ok());
                let right = left.is_some_and(|left: u32| (1..=100).contains(&left));
                right
                    .then_some(())
                    .ok_or_else(|| format!("failed: {message}"))
            }
            "request and response" => self.request(topic),
            "shared subscription" => self.shared(topic),
            "topic alias" => {
                let mut subscriber = self.subscribe(topic, &[])?;
                let alias = [
                    "-D",
                    "publish",
                    "topic-alias",
                    "1",
                    "--repeat",
                    "3",
                    "-m",
                    "x",
                ];
                self.publish(topic, &alias)?;
                (0..3).try_for_each(|_| subscriber.hears(&format!("{topic} x 0 0   ")))
            }
            "session expiry" => self.persistent(topic, id, "   "),
            _ => Err("no option for it".to_owned()),
        }
    }

    fn shared(&self, topic: &str) -> Result<(), String> {
        let (shared, barrier) = (format!("$share/group/{topic}"), format!("{topic}/barrier"));
        let member = || self.subscribe(&shared, &["-t", &barrier]);
        let mut members = [member()?, member()?];
        for number in 0..6 {
            self.publish(topic, &["-q", "1", "-m", &number.to_string()])?;
        }
        self.publish(&barrier, &["-q", "1", "-m", "end"])?;
        let mut heard = Vec::new();
        for member in &mut members {
            loop {
                let message = member.message()?;
                if message.starts_with(&barrier) {
                    break;
                }
                heard.push(message);
            }
        }
        heard.sort();
        let sent: Vec<_> = (0..6)
            .map(|number| format!("{topic} {number} 0 0   "))
            .collect();
        (heard == sent)
            .then_some(())
            .ok_or_else(|| format!("failed: {heard:?}"))
    }

    fn persistent(&self, topic: &str, id: &str, end: &str) -> Result<(), String> {
        let expiry = ["-x", "100"];
        let more = if self.0.is_five() { &expiry[..] } else { &[] };
        let arguments = [&["-i", id, "-c", "-q", "1"], more].concat();
        drop(self.subscribe(topic, &arguments)?);
        self.publish(topic, &["-q", "1", "-m", "waits"])?;
        self.subscribe(topic, &arguments)?
            .hears(&format!("{topic} waits 1 0{end}"))
    }

    /// A question by `mosquitto_rr`, answered by the other two.
    fn request(&self, topic: &str) -> Result<(), String> {
        let mut server = self.subscribe(topic, &["-F", "> %R"])?;
        let answer = format!("{topic}/answer");
        let mut client = self
            .command(
                "mosquitto_rr",
                &["-t", topic, "-e", &answer, "-m", "question", "-W", "20"],
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answered = server
            .hears(&answer)
            .and_then(|()| self.publish(&answer, &["-m", "answer"]));
        // It gives up by itself.
        let status = client.wait().unwrap();
        answered?;
        let said = std::io::read_to_string(client.stdout.take().unwrap()).unwrap();
        let right = status.success() && said.trim() == "answer";
        right
            .then_some(())
            .ok_or_else(|| format!("failed: {status}, {said}"))
    }
}

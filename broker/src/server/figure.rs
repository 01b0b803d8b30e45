//! One figure that the broker says of itself: its topic, its name for Prometheus, and where it comes from.

use std::fmt;

use super::report::Report;

/// One figure.
#[derive(Debug)]
pub(super) struct Figure {
    /// Its topic, without `$SYS/broker/`.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) meaning: &'static str,
    /// Whether Mosquitto has the topic too.
    pub(super) origin: Origin,
    /// How Prometheus calls it, if it is told.
    pub(super) metric: Option<Metric>,
    source: Source,
}

/// A name for Prometheus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metric {
    /// Without `mqtt_broker_`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What a figure may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// Who has a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Mosquitto,
    Own,
}

/// Where a figure comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Text(&'static str),
    Seconds(fn(&Report) -> u64),
    Number(fn(&Report) -> u64),
    /// The system may not say.
    Maybe(fn(&Report) -> Option<u64>),
}

/// What a figure says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Seconds(u64),
    Text(&'static str),
}

/// As `$SYS` has it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Seconds(seconds) => write!(f, "{seconds} seconds"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Figure {
    const fn new(name: &'static str, source: Source, meaning: &'static str) -> Self {
        Self {
            name,
            meaning,
            origin: Origin::Mosquitto,
            metric: None,
            source,
        }
    }

    /// A text that stays.
    pub(super) const fn text(
        name: &'static str,
        text: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Source::Text(text), meaning)
    }

    /// A time.
    pub(super) const fn seconds(
        name: &'static str,
        seconds: fn(&Report) -> u64,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Source::Seconds(seconds), meaning)
    }

    /// A number.
    pub(super) const fn number(
        name: &'static str,
        number: fn(&Report) -> u64,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Source::Number(number), meaning)
    }

    /// A number that is known on some systems.
    pub(super) const fn maybe(
        name: &'static str,
        number: fn(&Report) -> Option<u64>,
        meaning: &'static str,
    ) -> Self {
        Self::new(name, Source::Maybe(number), meaning)
    }

    /// Prometheus is told, and may reckon how fast it grows.
    pub(super) const fn counter(mut self, name: &'static str) -> Self {
        let kind = Kind::Counter;
        self.metric = Some(Metric { name, kind });
        self
    }

    /// Prometheus is told.
    pub(super) const fn gauge(mut self, name: &'static str) -> Self {
        let kind = Kind::Gauge;
        self.metric = Some(Metric { name, kind });
        self
    }

    /// Mosquitto has no such topic.
    pub(super) const fn own(mut self) -> Self {
        self.origin = Origin::Own;
        self
    }

    /// The whole topic.
    pub(super) fn topic(&self) -> String {
        format!("$SYS/broker/{}", self.name)
    }

    /// What it says, if it is known.
    pub(super) fn value(&self, report: &Report) -> Option<Value> {
        match self.source {
            Source::Text(text) => Some(Value::Text(text)),
            Source::Seconds(seconds) => Some(Value::Seconds(seconds(report))),
            Source::Number(number) => Some(Value::Number(number(report))),
            Source::Maybe(number) => number(report).map(Value::Number),
        }
    }
}

/// A counter whose growth per minute is published as an average over several windows.
#[derive(Debug)]
pub(super) struct Rate {
    /// The middle of its topics.
    pub(super) name: &'static str,
    /// What is counted.
    pub(super) meaning: &'static str,
    pub(super) total: fn(&Report) -> u64,
}

impl Rate {
    pub(super) const fn new(
        name: &'static str,
        total: fn(&Report) -> u64,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            meaning,
            total,
        }
    }

    /// The whole topic for the average over so many minutes.
    pub(super) fn topic(&self, minutes: u32) -> String {
        format!("$SYS/broker/load/{}/{minutes}min", self.name)
    }
}

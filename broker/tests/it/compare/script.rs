//! Steps, and how they are written down.

use crate::wire::{
    Connect, Publish, Version, ack, connect, disconnect, kind, subscribe, unsubscribe,
};

/// What a client does.
pub(super) enum Action {
    /// Opens a connection and sends a CONNECT, or what stands in its place.
    Connect(&'static str, Vec<u8>),
    Send(&'static str, Vec<u8>),
    Ping(&'static str),
    /// Answers the last message it was sent, with a packet of this type and this reason code.
    Answer(&'static str, u8, u8),
    /// Goes without a word.
    Vanish(&'static str),
}

/// A step and its name, which stays the same when others are added elsewhere.
pub(super) struct Step {
    pub(super) label: String,
    pub(super) action: Action,
}

/// Steps that belong together, with clients of their own.
pub(super) struct Script {
    pub(super) version: Version,
    name: &'static str,
    steps: Vec<Step>,
}

impl Script {
    pub(super) fn new(version: Version, name: &'static str) -> Self {
        Self {
            version,
            name,
            steps: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().map(|step| &step.label)
    }

    /// A topic or a client identifier that no other script has.
    pub(super) fn own(&self, name: &str) -> String {
        format!("{}{}/{name}", self.name, self.version.level())
    }

    fn add(&mut self, what: &str, action: Action) {
        let (level, name, number) = (self.version.level(), self.name, self.steps.len() + 1);
        let label = format!("{level}/{name}/{number:03} {what}");
        self.steps.push(Step { label, action });
    }

    pub(super) fn enter(&mut self, who: &'static str, what: &str, connect: &Connect) {
        self.add(
            &format!("{who} connects {what}"),
            Action::Connect(who, connect.bytes()),
        );
    }

    /// Connects with nothing but an identifier.
    pub(super) fn join(&mut self, who: &'static str) {
        let connect = connect(self.version, self.own(who));
        self.enter(who, "", &connect);
    }

    pub(super) fn open(&mut self, what: &str, bytes: Vec<u8>) {
        self.add(
            &format!("x begins with {what}"),
            Action::Connect("x", bytes),
        );
    }

    pub(super) fn send(&mut self, who: &'static str, what: &str, bytes: Vec<u8>) {
        self.add(&format!("{who} sends {what}"), Action::Send(who, bytes));
    }

    pub(super) fn publish(&mut self, who: &'static str, what: &str, publish: &Publish) {
        self.send(who, what, publish.bytes());
    }

    /// A message with its PUBREL behind it, if it has one.
    ///
    /// When a message of quality of service 2 is passed on, with itself or with its PUBREL, is the broker's choice
    /// (section 4.3.3): sent together, both look the same.
    pub(super) fn exchange(
        &mut self,
        who: &'static str,
        what: &str,
        publish: &Publish,
        qos: u8,
        id: u16,
    ) {
        let mut bytes = publish.bytes();
        if qos == 2 {
            bytes.extend(ack(kind::PUBREL, id));
        }
        self.send(who, what, bytes);
    }

    pub(super) fn subscribe(&mut self, who: &'static str, filter: &str, options: u8) {
        let bytes = subscribe(self.version, 100).to(filter, options).bytes();
        self.send(who, &format!("SUBSCRIBE {filter} {options:#x}"), bytes);
    }

    pub(super) fn unsubscribe(&mut self, who: &'static str, filter: &str) {
        let bytes = unsubscribe(self.version, 101, &[filter]);
        self.send(who, &format!("UNSUBSCRIBE {filter}"), bytes);
    }

    pub(super) fn answer(&mut self, who: &'static str, packet: u8, code: u8) {
        let name = match packet {
            kind::PUBACK => "PUBACK",
            kind::PUBREC => "PUBREC",
            kind::PUBREL => "PUBREL",
            _ => "PUBCOMP",
        };
        self.add(
            &format!("{who} answers {name} {code:#x}"),
            Action::Answer(who, packet, code),
        );
    }

    pub(super) fn ping(&mut self, who: &'static str) {
        self.add(&format!("{who} pings"), Action::Ping(who));
    }

    pub(super) fn leave(&mut self, who: &'static str) {
        self.send(who, "DISCONNECT", disconnect());
    }

    pub(super) fn vanish(&mut self, who: &'static str) {
        self.add(&format!("{who} vanishes"), Action::Vanish(who));
    }
}

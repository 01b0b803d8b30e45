//! The broker beside Debian's Mosquitto: throughput, processor time, connections, memory, as ratios.
//!
//! `ci/bench` runs it. Both brokers have the same settings and their own defaults, a fresh process for each measurement, and take
//! turns; each figure is the median of all rounds. The load comes from the same machine, so rates say how the
//! two compare and not how fast either is; processor time per message says that.
#![expect(clippy::print_stdout, reason = "a table is what this is for")]

mod flow;
mod idle;
mod login;
mod server;
mod table;
mod wire;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use flow::Flow;
use server::{Kind, Server, Site};
use table::{Better, Table};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What is measured each round.
const FLOWS: [Flow; 7] = [
    Flow::new("QoS 0, 10 publishers, 1 subscriber", 0, 10, 1),
    Flow::new("QoS 1, 10 publishers, 1 subscriber", 1, 10, 1),
    Flow::new("QoS 2, 10 publishers, 1 subscriber", 2, 10, 1),
    Flow::new("QoS 0, 1 publisher, 50 subscribers", 0, 1, 50),
    Flow::new("QoS 1, 1 publisher, 50 subscribers", 1, 1, 50),
    Flow::new("QoS 0, 10 to 1, set_tcp_nodelay", 0, 10, 1).nodelay(),
    Flow::new("QoS 1, 10 to 1, set_tcp_nodelay", 1, 10, 1).nodelay(),
];

/// Clients that log in and leave, without TLS and with it.
const LOGINS: [u32; 2] = [4000, 600];

/// Clients that stay and say nothing.
const IDLE: [u32; 2] = [1000, 300];

/// How often everything is measured, and how long messages flow.
struct Plan {
    rounds: u32,
    time: Duration,
}

const USAGE: &str =
    "usage: ci/bench [ROUNDS [SECONDS]]    3 rounds of 2 seconds for each flow if not said";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // Cargo says --bench, and nothing when it runs this for a test, which it is not.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let Some(plan) = Plan::parse(&arguments) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("the measurement broke off: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Plan {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut numbers = Vec::new();
        for argument in arguments.iter().filter(|argument| *argument != "--bench") {
            numbers.push(
                argument
                    .parse::<u32>()
                    .ok()
                    .filter(|number| (1..=100).contains(number))?,
            );
        }
        let (rounds, seconds) = match numbers[..] {
            [] => (3, 2),
            [rounds] => (rounds, 2),
            [rounds, seconds] => (rounds, seconds),
            _ => return None,
        };
        let time = Duration::from_secs(seconds.into());
        Some(Self { rounds, time })
    }
}

fn run(plan: &Plan) -> Outcome<()> {
    let site = Site::new()?;
    let mut table = Table::default();
    let runtime = tokio::runtime::Runtime::new()?;
    for round in 0..plan.rounds {
        // Whoever is second finds the machine warmer: they take turns.
        let order = if round % 2 == 0 {
            [Kind::Ours, Kind::Theirs]
        } else {
            [Kind::Theirs, Kind::Ours]
        };
        runtime.block_on(measure_round(&site, plan.time, order, &mut table))?;
    }
    println!("{}\n{}", server::machine(), server::versions()?);
    println!(
        "{} rounds, the median of each; messages of {} bytes; all on this machine.\n",
        plan.rounds,
        flow::PAYLOAD
    );
    print!("{table}");
    Ok(())
}

async fn measure_round(
    site: &Site,
    time: Duration,
    order: [Kind; 2],
    table: &mut Table,
) -> Outcome<()> {
    for flow in &FLOWS {
        for kind in order {
            let server = Server::start(site, kind, flow.nodelay).await?;
            let result = flow.measure(&server, time).await?;
            table.add(
                flow.name,
                "messages/s",
                Better::More,
                kind,
                result.per_second,
            );
            table.add(
                flow.name,
                "µs of processor per message",
                Better::Less,
                kind,
                result.cpu_micros,
            );
        }
    }
    for (tls, (logins, idle)) in [false, true].into_iter().zip(LOGINS.into_iter().zip(IDLE)) {
        let (what, stay) = if tls {
            ("logins with TLS", "idle with TLS")
        } else {
            ("logins", "idle")
        };
        for kind in order {
            let server = Server::start(site, kind, false).await?;
            let result = login::measure(&server, tls.then_some(site), logins).await?;
            table.add(what, "connections/s", Better::More, kind, result.per_second);
            table.add(
                what,
                "µs of processor per connection",
                Better::Less,
                kind,
                result.cpu_micros,
            );
            let server = Server::start(site, kind, false).await?;
            table.add(
                "from start",
                "ms to the first CONNACK",
                Better::Less,
                kind,
                server.started_millis(),
            );
            table.add(
                "from start",
                "KiB of memory",
                Better::Less,
                kind,
                server.memory_kib()?,
            );
            let bytes = idle::measure(&server, tls.then_some(site), idle).await?;
            table.add(
                stay,
                "bytes of memory per client",
                Better::Less,
                kind,
                bytes,
            );
        }
    }
    Ok(())
}

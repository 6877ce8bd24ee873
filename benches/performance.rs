//! The figures of docs/performance.md: `cargo bench`. Each row runs in a process of its own, so that
//! its peak memory is its own.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

#[path = "fixture/mod.rs"]
mod fixture;

use std::process::Command;
use std::time::{Duration, Instant};

use fleet::model::ledger::EnvironmentLedger;
use fleet::model::plan::{PLAN_FORMAT, PlanDocument};
use fleet::model::time::Timestamp;
use fleet::plan::{DigestTable, Narrow, PlanInput};
use fleet::render::Templates;

/// Written by the parent for its child.
const CHILD: &str = "--plan-hosts";

fn main() {
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == CHILD {
            let hosts = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(100);
            return plan(hosts);
        }
    }
    println!(
        "cold plan of one environment, two services, one host in ten with variables of its own\n"
    );
    println!("|  hosts | manifests | templates | digests |  plan |  JSON | total | peak memory |");
    println!("|-------:|----------:|----------:|--------:|------:|------:|------:|------------:|");
    let program = std::env::current_exe().unwrap_or_else(|_| "performance".into());
    for hosts in [100, 1_000, 10_000] {
        let output = Command::new(&program)
            .args([CHILD, &hosts.to_string()])
            .output();
        match output {
            Ok(output) => print!("{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => println!("{hosts}: {error}"),
        }
    }
}

fn plan(hosts: usize) {
    let tree = fixture::repository(hosts, "1.1.0", "comment");
    let mut clock = Stopwatch::new();
    let loaded = fleet::manifest::load(&tree);
    let manifests = clock.lap();
    let (templates, problems) = Templates::compile(&tree);
    let compiled = clock.lap();
    let Some((fleet, environment)) = loaded
        .fleet
        .as_ref()
        .and_then(|fleet| Some((fleet, fleet.environments.values().next()?)))
    else {
        return println!("{hosts}: {:?} {problems:?}", loaded.diagnostics);
    };
    let digests = DigestTable::build(environment, |host, service, assignment| {
        templates.digests(&environment.name, host, service, assignment)
    });
    let hashed = clock.lap();
    let digests = match digests {
        Ok(digests) => digests,
        Err(problem) => return println!("{hosts}: {problem:?}"),
    };
    let (ledger, narrow) = (EnvironmentLedger::default(), Narrow::default());
    let (plan, _) = fleet::plan::plan(&PlanInput {
        fleet: &fleet.name,
        fleet_hold: None,
        environment,
        ledger: &ledger,
        digests: &digests,
        gates: &[],
        now: Timestamp::from_unix(1_800_000_000),
        narrow: &narrow,
        returning: None,
    });
    let planned = clock.lap();
    let document = PlanDocument {
        format: PLAN_FORMAT.to_owned(),
        fleet: fleet.name.clone(),
        revision: None,
        ledger_revision: None,
        preview_of: None,
        environments: vec![plan],
    };
    let json = serde_json::to_string(&document).unwrap_or_default();
    let written = clock.lap();
    let ms = |d: Duration| format!("{:.1} ms", d.as_secs_f64() * 1e3);
    println!(
        "| {hosts:>6} | {:>9} | {:>9} | {:>7} | {:>5} | {:>5} | {:>5} | {:>7} MiB |  {} bytes",
        ms(manifests),
        ms(compiled),
        ms(hashed),
        ms(planned),
        ms(written),
        ms(manifests + compiled + hashed + planned + written),
        peak_memory() / 1024,
        json.len(),
    );
}

struct Stopwatch(Instant);

impl Stopwatch {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn lap(&mut self) -> Duration {
        let lap = self.0.elapsed();
        self.0 = Instant::now();
        lap
    }
}

/// Peak resident memory of this process in KiB, from Linux's own count.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

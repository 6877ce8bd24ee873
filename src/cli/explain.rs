//! `fleet explain`.

use std::collections::BTreeMap;

use clap::Args;

use super::Context;
use super::error::{CliError, Exit};
use super::preview::preview;
use super::ui::Format;
use super::workspace::{self, Books, Sources};
use crate::ledger::Ledger as _;
use crate::model::diagnostic::Severity;
use crate::model::id::{EnvironmentName, HostName, ServiceName};
use crate::model::ledger::EnvironmentLedger;
use crate::plan::Narrow;
use crate::reporter::diagnostics;
use crate::reporter::explain::{
    self, EXPLAIN_FORMAT, Explanation, Options, PastStep, PlannedChange, ServiceExplanation,
};
use crate::reporter::status::{EnvironmentStatus, HostStatus};

/// Explain one host: what it has, what it should have, why not, and what lifts that
///
/// Reads git only: what the host said last. Shows the last five steps of each service that the
/// environment's last twenty rollouts have. Of an environment that is invalid: what the ledger has,
/// and the first errors (exit 3).
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Its environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// Its name
    #[arg(value_name = "HOST")]
    host: String,
}

/// Errors of an environment that are shown.
const ERRORS: usize = 3;
/// Steps of a service that are shown.
const STEPS: usize = 5;
/// Rollouts in which they are looked for: each is a folder to read.
const ROLLOUTS: usize = 20;

pub(crate) async fn run(context: &Context, args: &ExplainArgs) -> Result<Exit, CliError> {
    let books = Books::open(context).await?;
    match books.sources.invalid.get(args.environment.as_str()) {
        Some(name) => run_invalid(context, &books, name, args).await,
        None => run_valid(context, &books, args).await,
    }
}

async fn run_valid(context: &Context, books: &Books, args: &ExplainArgs) -> Result<Exit, CliError> {
    let environment = books.sources.environment(context, &args.environment)?;
    let name = &environment.name;
    let ledger = books.read(name).await?;
    // The whole plan: which wave a host is in depends on the others.
    let plan = preview(context, &books.sources, name, &ledger, &Narrow::default())?.plan;
    let status = EnvironmentStatus::new(environment, &plan, &ledger);
    let found = find(&status, &args.host)?;
    let host = environment.hosts.get(&found.host);
    let mut explanation = explanation(books, &ledger, name, found).await?;
    explanation.platform = host.map(|host| host.platform);
    explanation.labels = host.map(|host| host.labels.clone()).unwrap_or_default();
    explanation.plan_id = Some(plan.plan_id.clone());
    explanation.gates.clone_from(&plan.gates);
    for service in &mut explanation.services {
        let assignment = host.and_then(|host| host.services.get(&service.status.service));
        service.pinned = assignment.is_some_and(|assignment| assignment.pinned);
        let mut changes = plan.changes.iter();
        let change = changes
            .find(|change| change.host == found.host && change.service == service.status.service);
        service.change = change.map(|change| PlannedChange {
            action: change.action,
            reason: change.reason,
            wave: change.wave,
        });
        service.lifts = explain::lifts(name, &service.status, change, &plan.gates);
    }
    answer(context, books, &explanation)?;
    Ok(Exit::Done)
}

/// Of an environment that nobody can plan: what the ledger has, and what is wrong.
async fn run_invalid(
    context: &Context,
    books: &Books,
    name: &EnvironmentName,
    args: &ExplainArgs,
) -> Result<Exit, CliError> {
    let ledger = books.read(name).await?;
    let status = EnvironmentStatus::invalid(name.clone(), &ledger);
    let Ok(found) = find(&status, &args.host) else {
        // Perhaps it is one of those that cannot be read.
        return Err(books.sources.refuse(context));
    };
    let mut explanation = explanation(books, &ledger, name, found).await?;
    explanation.invalid = errors(&books.sources, name);
    answer(context, books, &explanation)?;
    Err(
        CliError::other(Exit::Invalid, format!("environment {name} is not valid"))
            .hint("fleet validate shows everything that is wrong"),
    )
}

/// The first errors that make an environment invalid: its own before those of templates.
fn errors(sources: &Sources, environment: &EnvironmentName) -> Vec<String> {
    let own = format!("environments/{environment}.yaml");
    let errors = sources.diagnostics.iter();
    let errors = errors.filter(|it| it.severity == Severity::Error);
    let (of_it, others): (Vec<_>, Vec<_>) = errors.partition(|it| *it.file == *own);
    let found = if of_it.is_empty() { others } else { of_it };
    let mut lines: Vec<String> = found
        .iter()
        .take(ERRORS)
        .map(|error| diagnostics::line(error, &sources.tree))
        .collect();
    if found.len() > ERRORS {
        lines.push(format!("and {} more", found.len() - ERRORS));
    }
    lines
}

fn find<'a>(status: &'a EnvironmentStatus, host: &str) -> Result<&'a HostStatus, CliError> {
    let mut hosts = status.hosts.iter();
    let known = hosts.clone().map(|host| host.host.as_str());
    hosts
        .find(|found| found.host.as_str() == host)
        .ok_or_else(|| workspace::no_such("host", host, known))
}

/// What the ledger knows of a host, before anything is planned.
async fn explanation(
    books: &Books,
    ledger: &EnvironmentLedger,
    name: &EnvironmentName,
    found: &HostStatus,
) -> Result<Explanation, CliError> {
    let mut steps = steps(books, name, &found.host).await?;
    let services = found.services.iter().map(|status| {
        let service = &status.service;
        let record = ledger
            .hosts
            .get(&found.host)
            .and_then(|record| record.services.get(service));
        ServiceExplanation {
            pinned: false,
            message: match (record, status.state) {
                (Some(record), Some(_)) => record.message.clone(),
                _ => String::new(),
            },
            change: None,
            lifts: Vec::new(),
            steps: steps.remove(service).unwrap_or_default(),
            status: status.clone(),
        }
    });
    Ok(Explanation {
        format: EXPLAIN_FORMAT,
        fleet: books.fleet.name.clone(),
        revision: books.revision(),
        ledger_revision: ledger.ledger_revision.clone(),
        environment: name.clone(),
        host: found.host.clone(),
        instance: found.instance.clone(),
        platform: None,
        labels: BTreeMap::new(),
        plan_id: None,
        invalid: Vec::new(),
        rollout: ledger.open.as_ref().map(|open| open.record.clone()),
        gates: Vec::new(),
        services: services.collect(),
    })
}

fn answer(context: &Context, books: &Books, explanation: &Explanation) -> Result<(), CliError> {
    let ui = context.ui;
    let options = Options {
        palette: ui.out,
        width: ui.width,
        now: context.now(),
    };
    ui.answer(&match ui.format {
        Format::Json => explain::json(explanation) + "\n",
        Format::Text | Format::Github | Format::Markdown => {
            explain::text(explanation, &books.desired, options)
        }
    })
}

/// The last steps on a host, by service.
async fn steps(
    books: &Books,
    environment: &EnvironmentName,
    host: &HostName,
) -> Result<BTreeMap<ServiceName, Vec<PastStep>>, CliError> {
    let mut found: BTreeMap<ServiceName, Vec<PastStep>> = BTreeMap::new();
    let rollouts = books.ledger.rollouts(environment).await?;
    for record in rollouts.iter().take(ROLLOUTS) {
        let Some(rollout) = books.ledger.rollout(environment, &record.id).await? else {
            continue;
        };
        for (service, step) in explain::steps(&rollout, host) {
            let steps = found.entry(service.clone()).or_default();
            if steps.len() < STEPS {
                steps.push(step);
            }
        }
    }
    Ok(found)
}

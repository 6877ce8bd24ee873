//! The command line: one file per subcommand, each an `…Args` whose doc comments are the manual and
//! a `run`.
//!
//! Only here are the environment, the clock and the terminal; only here are errors turned into exit
//! codes ([`error`]). Commands put the library's parts together and decide nothing about hosts.

mod adopt;
mod apply;
mod bump;
mod change;
mod completions;
mod controller;
mod decide;
mod demo;
mod desired;
mod diff;
mod error;
mod example;
mod explain;
mod init;
mod interrupt;
mod live;
mod observe;
mod pages;
mod plan;
mod preview;
mod progress;
mod redeploy;
mod render;
mod rollout;
mod run;
mod sandbox;
mod saved;
mod schema;
mod status;
mod syntax;
mod system;
mod terminal;
mod transport;
mod ui;
mod validate;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::model::clock::Clock as _;
use crate::model::time::Timestamp;
use error::{CliError, Exit};
use system::SystemClock;
use ui::{Color, Format, Ui};

/// GitOps for plain virtual machines
///
/// A git repository says which version of which service each host runs; fleet works out the
/// difference, sends one script per host through AWS Systems Manager in waves, and commits what it
/// observed. Start with `fleet demo`.
#[derive(Debug, Parser)]
#[command(name = "fleet", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct GlobalArgs {
    /// The fleet repository [default: the one around the current folder]
    #[arg(long, global = true, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// What stdout carries
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// When to colour; NO_COLOR is respected
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Log to stderr what is done; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Render(render::RenderArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Run(run::RunArgs),
    Status(status::StatusArgs),
    Explain(explain::ExplainArgs),
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    Continue(decide::ContinueArgs),
    Retry(decide::RetryArgs),
    Abort(decide::AbortArgs),
    Bump(bump::BumpArgs),
    Redeploy(redeploy::RedeployArgs),
    Observe(observe::ObserveArgs),
    Adopt(adopt::AdoptArgs),
    Schema(schema::SchemaArgs),
    Sandbox(sandbox::SandboxArgs),
    Completions(completions::CompletionsArgs),
}

/// What every command gets.
#[derive(Clone, Debug)]
struct Context {
    ui: Ui,
    /// `--repo`.
    repo: Option<PathBuf>,
    clock: Arc<SystemClock>,
}

impl Context {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()).code())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed terminal is no reason for another exit code.
            let _gone = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
        }
    };
    let GlobalArgs {
        repo,
        format,
        color,
        verbose,
    } = arguments.global;
    let filter = filter(verbose);
    let context = Context {
        ui: Ui::new(format, color, filter.is_some()),
        repo,
        clock: Arc::new(SystemClock::new()),
    };
    if let Some(filter) = filter {
        log(filter, context.ui);
    }
    match start(&context, arguments.command) {
        Ok(exit) => exit,
        Err(error) => {
            context.ui.tell(&error.text());
            error.exit()
        }
    }
}

fn start(context: &Context, command: Command) -> Result<Exit, CliError> {
    match context.ui.format {
        Format::Json if !command.has_json() => {
            return Err(CliError::usage("this command has no JSON output"));
        }
        Format::Github if !matches!(command, Command::Validate(_)) => {
            let takes = if command.has_json() {
                "text or json"
            } else {
                "text"
            };
            return Err(CliError::usage(format!(
                "--format github is for `fleet validate`; this command takes {takes}"
            )));
        }
        Format::Markdown if !matches!(command, Command::Plan(_)) => {
            return Err(CliError::usage("--format markdown is for `fleet plan`"));
        }
        _ => {}
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            interrupt::guard();
            command.run(context).await
        })
}

impl Command {
    const fn has_json(&self) -> bool {
        match self {
            Self::Validate(_)
            | Self::Plan(_)
            | Self::Apply(_)
            | Self::Run(_)
            | Self::Status(_)
            | Self::Explain(_)
            | Self::Adopt(_)
            | Self::Schema(_)
            | Self::Sandbox(_) => true,
            Self::Rollout(command) => command.has_json(),
            Self::Observe(args) => args.has_json(),
            Self::Demo(_)
            | Self::Init(_)
            | Self::Render(_)
            | Self::Continue(_)
            | Self::Retry(_)
            | Self::Abort(_)
            | Self::Bump(_)
            | Self::Redeploy(_)
            | Self::Completions(_) => false,
        }
    }

    async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Demo(args) => demo::run(context, &args),
            Self::Init(args) => init::run(context, &args),
            Self::Validate(args) => validate::run(context, &args),
            Self::Render(args) => render::run(context, &args),
            Self::Schema(args) => schema::run(context, &args),
            Self::Plan(args) => plan::run(context, &args).await,
            Self::Apply(args) => apply::run(context, &args).await,
            Self::Run(args) => run::run(context, &args).await,
            Self::Observe(args) => observe::run(context, &args).await,
            Self::Adopt(args) => adopt::run(context, &args).await,
            Self::Status(args) => status::run(context, &args).await,
            Self::Explain(args) => explain::run(context, &args).await,
            Self::Rollout(command) => rollout::run(context, command).await,
            Self::Continue(args) => args.run(context).await,
            Self::Retry(args) => args.run(context).await,
            Self::Abort(args) => args.run(context).await,
            Self::Bump(args) => bump::run(context, &args),
            Self::Redeploy(args) => redeploy::run(context, &args),
            Self::Completions(args) => completions::run(context, &args),
            Self::Sandbox(args) => sandbox::run(context, args).await,
        }
    }
}

/// What the operator's log takes; none where nobody wants one.
fn filter(verbose: u8) -> Option<EnvFilter> {
    let directives = system::variable("FLEET_LOG").and_then(|text| text.into_string().ok());
    match (directives, verbose) {
        (Some(directives), _) => Some(EnvFilter::new(directives)),
        (None, 0) => None,
        (None, 1) => Some(EnvFilter::new("fleet=info")),
        (None, 2) => Some(EnvFilter::new("fleet=debug")),
        (None, _) => Some(EnvFilter::new("debug")),
    }
}

/// The operator's log: nothing of it is part of the interface.
fn log(filter: EnvFilter, ui: Ui) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ui.err.color)
        // It would say so on the very stderr that is gone, and panic.
        .log_internal_errors(false)
        .init();
}

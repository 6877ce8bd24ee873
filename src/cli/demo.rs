//! `fleet demo`: the story of the README, told by running this very binary as a user would.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use super::error::{CliError, Exit};
use super::{Context, init};

/// Watch the whole story on this machine
///
/// Makes a fleet repository in a new folder and runs everything a day with fleet has: validate,
/// plan, apply in waves, a bump, a bump that is broken and rolls back by itself, and the way out of
/// it. Nothing leaves this machine: the hosts are folders, and the scripts really run in them.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// A folder that is new or empty [default: fleet-demo]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// One line of the story.
enum Line {
    /// What a person should know before the next command.
    Remark(&'static str),
    /// A command, and the exit code that it is expected to have.
    Fleet(&'static str, Exit),
}

const STORY: [Line; 22] = [
    Line::Remark("Manifests and templates are checked like source code."),
    Line::Fleet("validate", Exit::Done),
    Line::Remark("Development gets both services at once."),
    Line::Fleet("apply development --yes", Exit::Done),
    Line::Remark("Production has six hosts. What would happen there?"),
    Line::Fleet("plan production", Exit::Done),
    Line::Fleet("apply production --yes", Exit::Done),
    Line::Remark("A new version is a commit, in real life a pull request."),
    Line::Fleet("bump production web 1.1.0 --direct", Exit::Done),
    Line::Fleet("plan production", Exit::Done),
    Line::Fleet("apply production --yes", Exit::Done),
    Line::Remark("The next version is broken: its server answers with errors."),
    Line::Fleet("bump production web 1.2.0-broken --direct", Exit::Done),
    Line::Fleet("apply production --yes", Exit::Failed),
    Line::Remark(
        "The first host put the old version back by itself, and the others were never touched.
\
         # The broken version is blocked: nobody deploys it again by accident.",
    ),
    Line::Fleet("apply production --yes", Exit::Held),
    Line::Fleet("rollout list production", Exit::Done),
    Line::Remark("Back to the version that works: the hosts have it already."),
    Line::Fleet("bump production web 1.1.0 --direct", Exit::Done),
    Line::Fleet("apply production --yes", Exit::Done),
    Line::Fleet("status", Exit::Done),
    Line::Fleet("plan", Exit::Done),
];

pub(crate) fn run(context: &Context, args: &DemoArgs) -> Result<Exit, CliError> {
    if context.repo.is_some() {
        return Err(CliError::usage(
            "demo makes a new repository: give its folder instead of --repo",
        ));
    }
    let folder = match &args.folder {
        Some(folder) => new_or_empty(folder)?,
        None => fresh(),
    };
    let teller = Teller {
        program: std::env::current_exe()?,
        context,
    };
    let name = folder.display().to_string();
    teller.fleet(Path::new("."), &["init", &name], Exit::Done)?;
    name_somebody(&folder)?;
    for line in &STORY {
        match line {
            Line::Remark(text) => teller.say(&format!("\n# {text}"))?,
            Line::Fleet(command, expected) => {
                teller.fleet(&folder, &command.split(' ').collect::<Vec<_>>(), *expected)?;
            }
        }
    }
    teller.say(&format!(
        "\n# That was it. It is yours to play with:\n\
         #   cd {name} && alias fleet={program}\n\
         #   git log -p fleet/observed              # what fleet recorded\n\
         #   ls .fleet/sandbox/hosts/production     # the hosts\n\
         # Six small web servers still run; they end by themselves when the folder goes: rm -rf {name}",
        program = teller.program.display()
    ))?;
    Ok(Exit::Done)
}

fn new_or_empty(folder: &Path) -> Result<PathBuf, CliError> {
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if is_empty {
        Ok(folder.to_owned())
    } else {
        Err(CliError::other(
            Exit::Error,
            format!("{} is not an empty folder", folder.display()),
        )
        .hint("give another one, or none for a fresh one"))
    }
}

fn fresh() -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("fleet-demo-{number}")));
    std::iter::once(PathBuf::from("fleet-demo"))
        .chain(numbered)
        .find(|folder| !folder.exists())
        .unwrap_or_default()
}

/// The demo's commits carry a name, be it a made-up one.
fn name_somebody(folder: &Path) -> Result<(), CliError> {
    for (key, value) in IDENTITY {
        if init::read_git(folder, &["config", key])?.is_none() {
            init::git(folder, &["config", key, value])?;
        }
    }
    Ok(())
}

const IDENTITY: [(&str, &str); 2] = [("user.name", "Demo"), ("user.email", "demo@fleet.example")];

struct Teller<'a> {
    program: PathBuf,
    context: &'a Context,
}

impl Teller<'_> {
    fn say(&self, line: &str) -> Result<(), CliError> {
        self.context.ui.answer(&format!("{line}\n"))
    }

    /// Prints a command, runs it with this terminal, and compares its exit code.
    fn fleet(&self, folder: &Path, arguments: &[&str], expected: Exit) -> Result<(), CliError> {
        self.say(&format!("\n$ fleet {}", arguments.join(" ")))?;
        std::io::stdout().flush()?;
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null());
        // Git takes these where nothing is configured; a repository that is not there yet has no
        // configuration of its own.
        let mut count = 0;
        for (key, value) in IDENTITY {
            if init::read_git(folder, &["config", key])?.is_some() {
                continue;
            }
            command
                .env(format!("GIT_CONFIG_KEY_{count}"), key)
                .env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        if count > 0 {
            command.env("GIT_CONFIG_COUNT", count.to_string());
        }
        let status = command.status()?;
        if status.code() != Some(i32::from(expected.code())) {
            return Err(CliError::other(
                Exit::Error,
                format!(
                    "fleet {} ended with {status}, not with {}",
                    arguments.join(" "),
                    expected.code()
                ),
            ));
        }
        if expected != Exit::Done {
            self.say(&format!("# exit code {}, as expected", expected.code()))?;
        }
        Ok(())
    }
}

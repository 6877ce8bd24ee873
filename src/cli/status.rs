//! `fleet status`.

use std::time::Duration;

use clap::Args;

use super::error::{CliError, Exit};
use super::preview::preview;
use super::ui::Format;
use super::workspace::{self, Books};
use super::{Context, terminal};
use crate::plan::Narrow;
use crate::reporter::live::Size;
use crate::reporter::plan::Desired;
use crate::reporter::status::{self, EnvironmentStatus, STATUS_FORMAT, Status};
use crate::reporter::text::width_of;

/// How often `--watch` looks at a local ledger, and at one that it must fetch.
const LOOK_HERE: Duration = Duration::from_secs(1);
const LOOK_THERE: Duration = Duration::from_secs(5);

/// Show what hosts should run, what they run, and what is under way
///
/// Reads git only: what the hosts said last. Without ENV for all environments.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only these environments
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    /// Show it again whenever it changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn run(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let (read, hints) = Read::new(context, args).await?;
    for hint in hints {
        context.ui.hint(&hint);
    }
    if args.watch {
        return watch(context, args, read).await;
    }
    context.ui.answer(&read.text(context))?;
    Ok(Exit::Done)
}

/// What was read at one time.
struct Read {
    status: Status,
    desired: Desired,
    is_local: bool,
}

impl Read {
    async fn new(context: &Context, args: &StatusArgs) -> Result<(Self, Vec<String>), CliError> {
        let (books, hints) = Books::open_with_hints(context).await?;
        let known = books.environments();
        let mut environments = Vec::new();
        let mut ledger_revision = None;
        for name in workspace::choose_environments(&known, &args.environments)? {
            let ledger = books.read(&name).await?;
            environments.push(match books.fleet.environments.get(&name) {
                Some(environment) => {
                    let plan =
                        preview(context, &books.sources, &name, &ledger, &Narrow::default())?.plan;
                    EnvironmentStatus::new(environment, &plan, &ledger)
                }
                None => EnvironmentStatus::invalid(name, &ledger),
            });
            ledger_revision = ledger.ledger_revision.or(ledger_revision);
        }
        let status = Status {
            format: STATUS_FORMAT,
            fleet: books.fleet.name.clone(),
            revision: books.revision(),
            ledger_revision,
            environments,
        };
        let read = Self {
            status,
            is_local: books.settings.remote.is_none(),
            desired: books.desired,
        };
        Ok((read, hints))
    }

    fn text(&self, context: &Context) -> String {
        let ui = context.ui;
        match ui.format {
            Format::Json => status::json(&self.status) + "\n",
            Format::Text | Format::Github | Format::Markdown => {
                status::text(&self.status, &self.desired, ui.out, context.now())
            }
        }
    }
}

/// On a terminal one screen that is drawn again; elsewhere one answer after another.
async fn watch(context: &Context, args: &StatusArgs, mut read: Read) -> Result<Exit, CliError> {
    let ui = context.ui;
    let screen =
        terminal::size(std::io::stdout()).filter(|_| ui.live && matches!(ui.format, Format::Text));
    let mut shown = String::new();
    let mut drawn = Drawn::default();
    let mut said = String::new();
    loop {
        let is_new = status::json(&read.status) != shown;
        if let Some(size) = screen {
            // Ages pass although nothing changes.
            let now = Drawn::fitting(&read.text(context), size);
            if now != drawn {
                ui.answer(&now.over(&drawn))?;
                drawn = now;
            }
        } else if is_new {
            let between = match ui.format {
                Format::Json => "",
                _ if shown.is_empty() => "",
                _ => "\n",
            };
            ui.answer(&format!("{between}{}", read.text(context)))?;
        }
        if is_new {
            shown = status::json(&read.status);
        }
        let pause = if read.is_local { LOOK_HERE } else { LOOK_THERE };
        tokio::time::sleep(pause).await;
        match Read::new(context, args).await {
            Ok((newer, _)) => {
                read = newer;
                said.clear();
            }
            // What cannot be read now may be later; what was read is still there to see.
            Err(error) => {
                let text = error.text();
                if text != said {
                    ui.tell(&text);
                    said = text;
                    // It stands below what was drawn.
                    drawn = Drawn::default();
                }
            }
        }
    }
}

/// What stands on a screen, and how many of its rows that takes.
#[derive(Default, PartialEq, Eq)]
struct Drawn {
    text: String,
    rows: usize,
}

impl Drawn {
    /// As much of a text as the screen has room for above the cursor.
    fn fitting(text: &str, size: Size) -> Self {
        let mut drawn = Self::default();
        for line in text.lines() {
            let rows = width_of(line).div_ceil(size.columns).max(1);
            if drawn.rows + rows >= size.rows {
                break;
            }
            drawn.rows += rows;
            drawn.text += line;
            drawn.text += "\n";
        }
        drawn
    }

    /// What puts this in the place of something else.
    fn over(&self, before: &Self) -> String {
        match before.rows {
            0 => self.text.clone(),
            rows => format!("\u{1b}[{rows}A\r\u{1b}[J{}", self.text),
        }
    }
}

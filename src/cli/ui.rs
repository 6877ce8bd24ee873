//! The terminal: stdout carries the answer, stderr everything else.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;

use super::error::{CliError, Exit};
use super::{system, terminal};
use crate::reporter::live::Size;
use crate::reporter::text::Palette;

/// `--format`: for people or for programs. (Its variants have no documentation, which would make
/// every help text longer.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
    Github,
    Markdown,
}

/// `--color`; `auto` colours on a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Where a command talks to its user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    /// What stdout carries.
    pub(crate) format: Format,
    /// Colours of stdout.
    pub(crate) out: Palette,
    /// Colours of stderr.
    pub(crate) err: Palette,
    /// Columns of text on stdout.
    pub(crate) width: usize,
    /// Columns of text on stderr.
    pub(crate) err_width: usize,
    /// stderr is a terminal for itself: live lines.
    pub(crate) live: bool,
    /// Somebody can be asked.
    pub(crate) can_ask: bool,
}

/// Columns where nobody says how many there are: wide enough for a plan's headline.
const WIDTH: usize = 120;

impl Ui {
    /// Looks at the three streams. Lines of a log between live ones would tear them.
    pub(crate) fn new(format: Format, color: Color, logs: bool) -> Self {
        let (out, err) = (
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        );
        let is_dumb = system::variable("TERM").is_none_or(|term| term == "dumb");
        let no_color = system::variable("NO_COLOR").is_some_and(|it| !it.is_empty());
        let palette = |terminal: bool| Palette {
            color: match color {
                Color::Auto => terminal && !no_color && !is_dumb,
                Color::Always => true,
                Color::Never => false,
            },
        };
        Self {
            format,
            out: palette(out),
            err: palette(err),
            width: width(terminal::size(std::io::stdout())),
            err_width: width(size_of_stderr()),
            live: err && !logs && !is_dumb,
            can_ask: std::io::stdin().is_terminal() && err,
        }
    }

    /// Writes a piece of the answer, as it is.
    ///
    /// # Errors
    /// stdout is gone; where somebody closed it, nothing more is said about that.
    pub(crate) fn answer(self, text: &str) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| {
                if error.kind() == std::io::ErrorKind::BrokenPipe {
                    CliError::said(Exit::Error)
                } else {
                    CliError::new(
                        Exit::Error,
                        anyhow::Error::new(error).context("could not write to stdout"),
                    )
                }
            })
    }

    /// Writes to stderr, as it is. A stderr that is gone stops nothing.
    pub(crate) fn tell(self, text: &str) {
        let _gone = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// `hint: …` on stderr.
    pub(crate) fn hint(self, hint: &str) {
        self.tell(&format!("hint: {hint}\n"));
    }

    /// Asks a question whose answer is yes or no; anything but `y` and `yes` is a no.
    pub(crate) fn ask(self, question: &str) -> Result<bool, CliError> {
        self.tell(&format!("{question} [y/N] "));
        let mut answer = String::new();
        if std::io::stdin().read_line(&mut answer)? == 0 {
            // Nobody pressed Enter, and what follows is a line of its own.
            self.tell("\n");
        }
        Ok(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }
}

/// Of the terminal, if there is one: a pipe's reader has no width.
fn width(terminal: Option<Size>) -> usize {
    let columns = system::variable("COLUMNS").and_then(|text| text.to_str()?.parse().ok());
    columns
        .or(terminal.map(|size| size.columns))
        .unwrap_or(WIDTH)
        .max(40)
}

fn size_of_stderr() -> Option<Size> {
    terminal::size(std::io::stderr())
}

/// Of the terminal that live lines are on, as it is now.
pub(crate) fn live_size() -> Size {
    const SMALLEST_OF_OLD: Size = Size {
        columns: 80,
        rows: 24,
    };
    size_of_stderr().unwrap_or(SMALLEST_OF_OLD)
}

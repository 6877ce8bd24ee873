//! The terminal: stdout carries the answer, stderr everything else.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;

use super::error::{CliError, Exit};
use super::system;
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
    /// Columns of text.
    pub(crate) width: usize,
    /// stderr is a terminal: live lines.
    pub(crate) live: bool,
    /// Somebody can be asked.
    pub(crate) can_ask: bool,
}

/// Columns where nobody says how many there are: wide enough for a plan's headline.
const WIDTH: usize = 120;

impl Ui {
    /// Looks at the three streams.
    pub(crate) fn new(format: Format, color: Color) -> Self {
        let (out, err) = (
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        );
        let palette = |terminal: bool| Palette {
            color: match color {
                Color::Auto => terminal && system::variable("NO_COLOR").is_none(),
                Color::Always => true,
                Color::Never => false,
            },
        };
        Self {
            format,
            out: palette(out),
            err: palette(err),
            width: width(),
            live: err,
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
        std::io::stdin().read_line(&mut answer)?;
        Ok(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }
}

/// Of the terminal, if there is one: a pipe's reader has no width.
fn width() -> usize {
    let columns = system::variable("COLUMNS").and_then(|text| text.to_str()?.parse().ok());
    let measured = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    columns.or_else(measured).unwrap_or(WIDTH).max(40)
}

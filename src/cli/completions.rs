//! `fleet completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::error::{CliError, Exit};
use super::{Arguments, Context};

/// Print a script that completes fleet's commands in a shell
///
/// For bash: `source <(fleet completions bash)` in ~/.bashrc. For zsh: write it to a file `_fleet`
/// in a folder of $fpath. For fish: `fleet completions fish >~/.config/fish/completions/fleet.fish`.
/// For PowerShell: `fleet completions powershell | Out-String | Invoke-Expression` in $PROFILE.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(context: &Context, args: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "fleet", &mut script);
    context.ui.answer(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

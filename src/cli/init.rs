//! `fleet init`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use super::error::{CliError, Exit};
use super::{Context, example, workspace};

/// Make a fleet repository that runs at once
///
/// Writes the example fleet, two services on sandbox hosts, and commits it. In a repository that is
/// there already it only writes the files. No file is overwritten.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where [default: the current folder]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, args: &InitArgs) -> Result<Exit, CliError> {
    let folder = args.folder.as_deref().unwrap_or(Path::new("."));
    if context.repo.is_some() {
        return Err(CliError::usage(
            "init makes a new repository: give its folder instead of --repo",
        ));
    }
    let is_new = !folder.join(".git").exists();
    if is_new {
        if args.folder.is_none() {
            refuse_inner_folder(folder)?;
        }
        check_identity(folder)?;
    }
    write_example(folder)?;
    let ui = context.ui;
    if is_new {
        git(folder, &["init", "--quiet", "--initial-branch=main"])?;
        commit_all(folder, "Start with fleet's example")?;
        ui.tell(&format!(
            "made a fleet repository in {}\n",
            folder.display()
        ));
        ui.hint(&match folder.as_os_str() {
            here if here == "." => "fleet plan".to_owned(),
            _ => format!("cd {} && fleet plan", folder.display()),
        });
    } else {
        ui.tell(&format!("wrote the example to {}\n", folder.display()));
        ui.hint("look at it, commit it, then: fleet plan");
    }
    Ok(Exit::Done)
}

/// A repository in a folder of another one is hardly ever meant where nobody named that folder:
/// fleet reads the root of a repository.
fn refuse_inner_folder(folder: &Path) -> Result<(), CliError> {
    let nearest = folder
        .ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("."));
    match crate::git::Repository::discover(nearest) {
        Ok(outer) => Err(CliError::other(
            Exit::Error,
            format!(
                "{} is in the repository {}",
                folder.display(),
                outer.work_dir().display()
            ),
        )
        .hint(
            "a fleet is at the root of its repository: run it there, or choose a folder elsewhere",
        )),
        Err(_) => Ok(()),
    }
}

/// Found out before anything is written.
fn check_identity(folder: &Path) -> Result<(), CliError> {
    let nearest = folder
        .ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("."));
    for missing in ["user.name", "user.email"] {
        if read_git(nearest, &["config", missing])?.is_none() {
            return Err(crate::git::GitError::NoIdentity { missing }.into());
        }
    }
    Ok(())
}

/// Writes all files of the example, or none.
pub(crate) fn write_example(folder: &Path) -> Result<(), CliError> {
    let files = example::files();
    if let Some((path, _)) = files.iter().find(|(path, _)| folder.join(path).exists()) {
        return Err(CliError::other(
            Exit::Error,
            format!("{} exists already", folder.join(path).display()),
        )
        .hint("choose an empty folder"));
    }
    for (path, bytes) in files {
        let file = folder.join(&path);
        let parent = file.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&file, bytes))
            .map_err(|error| workspace::not_written(&file, error))?;
    }
    Ok(())
}

/// Commits everything that lies in a folder.
pub(crate) fn commit_all(folder: &Path, subject: &str) -> Result<(), CliError> {
    git(folder, &["add", "--all"])?;
    git(folder, &["commit", "--quiet", "--message", subject])
}

/// Runs the user's git as the user would, in a folder.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Result<(), CliError> {
    let output = command(folder)
        .args(arguments)
        .output()
        .map_err(not_started)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CliError::other(
        Exit::Error,
        format!("git {} failed: {said}", arguments.first().unwrap_or(&"")),
    ))
}

/// What git prints, without its end of line; none where it says no.
pub(crate) fn read_git(folder: &Path, arguments: &[&str]) -> Result<Option<String>, CliError> {
    let output = command(folder)
        .args(arguments)
        .output()
        .map_err(not_started)?;
    let text = String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned();
    Ok((output.status.success() && !text.is_empty()).then_some(text))
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        })
        .stdin(Stdio::null())
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE");
    command
}

/// It is not on PATH, or not to be run.
fn not_started(error: std::io::Error) -> CliError {
    let message = error.to_string();
    crate::git::GitError::Program { message }.into()
}

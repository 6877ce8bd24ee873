//! The fleet repository that a command works on, and what its files say.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::Context;
use super::error::{CliError, Exit};
use super::syntax::Syntax;
use super::system::SystemRandom;
use crate::git::{self, Repository};
use crate::ledger::Ledger as _;
use crate::ledger::store::GitLedger;
use crate::manifest;
use crate::model::desired::{Environment, Fleet, GitSettings};
use crate::model::diagnostic::{self, Diagnostic, Severity};
use crate::model::id::{EnvironmentName, Revision};
use crate::model::ledger::EnvironmentLedger;
use crate::model::source::Tree;
use crate::reconcile;
use crate::render::Templates;
use crate::reporter;
use crate::reporter::plan::Desired;
use crate::reporter::text::plural;

/// The repository of `--repo`, or the one around the current folder.
pub(crate) fn open(context: &Context) -> Result<Repository, CliError> {
    let repository = match &context.repo {
        Some(folder) => Repository::discover(folder)?,
        None => Repository::discover(&std::env::current_dir()?)?,
    };
    let ui = context.ui;
    repository.tell_when_slow(move |line| ui.tell(&format!("{line}\n")));
    Ok(repository)
}

/// Where the sandbox keeps its hosts, from the root of the work tree.
pub(crate) const SANDBOX: &str = ".fleet/sandbox";

/// Which remote and branches: they decide where the desired commit is, so they are read from what
/// is checked out.
pub(crate) fn git_settings(
    context: &Context,
    repository: &Repository,
) -> Result<GitSettings, CliError> {
    checked_out(context, repository).map(|fleet| fleet.git)
}

/// The fleet of the commit that is checked out: what is known without a remote.
pub(crate) fn checked_out(context: &Context, repository: &Repository) -> Result<Fleet, CliError> {
    let head = repository.head().map_err(|error| match error {
        git::GitError::Empty => CliError::new(Exit::Error, error).hint(first_commit(repository)),
        other => other.into(),
    })?;
    let tree = repository.tree_at(&head)?;
    if tree.entries.is_empty() {
        let error = format!(
            "{} has no fleet.yaml that is committed",
            repository.work_dir().display()
        );
        return Err(CliError::other(Exit::Invalid, error).hint(first_commit(repository)));
    }
    let loaded = manifest::load(&tree);
    match loaded.fleet {
        Some(fleet) => Ok(fleet),
        None => Err(refuse(context, &loaded.diagnostics, &tree)),
    }
}

/// What makes a fleet of a repository without a committed manifest.
fn first_commit(repository: &Repository) -> &'static str {
    match repository.work_dir().join("fleet.yaml").exists() {
        true => "commit it: git add fleet.yaml environments templates && git commit",
        false => "`fleet init` writes a fleet to start with",
    }
}

/// A commit, or the work tree, with what it says and the ledger beside it, as just fetched.
pub(crate) struct Books {
    /// Where all of it comes from.
    pub(crate) repository: Arc<Repository>,
    /// The manifest's `git`.
    pub(crate) settings: GitSettings,
    /// The desired commit, as people want to see it.
    pub(crate) desired: Desired,
    /// What it says.
    pub(crate) sources: Sources,
    /// Its fleet: the environments are those that are valid.
    pub(crate) fleet: Arc<Fleet>,
    /// What was observed.
    pub(crate) ledger: GitLedger,
}

impl Books {
    /// Of the desired commit.
    pub(crate) async fn open(context: &Context) -> Result<Self, CliError> {
        let (books, hints) = Self::open_with_hints(context).await?;
        for hint in hints {
            context.ui.hint(&hint);
        }
        Ok(books)
    }

    /// The same, and what is easily taken for a part of it.
    pub(crate) async fn open_with_hints(
        context: &Context,
    ) -> Result<(Self, Vec<String>), CliError> {
        let repository = open(context)?;
        let settings = git_settings(context, &repository)?;
        let desired = repository.desired(&settings)?;
        let hints = desired.hint.clone().into_iter();
        let hints = hints.chain(uncommitted(&repository)).collect();
        let tree = repository.tree_at(&desired.revision)?;
        let books = Self::new(context, repository, settings, commit(desired), tree).await?;
        Ok((books, hints))
    }

    /// Of another commit.
    pub(crate) async fn at(context: &Context, name: &str) -> Result<Self, CliError> {
        let repository = open(context)?;
        let settings = git_settings(context, &repository)?;
        let revision = repository.resolve(name)?;
        let desired = repository.describe(&revision, None)?;
        let tree = repository.tree_at(&revision)?;
        Self::new(context, repository, settings, commit(desired), tree).await
    }

    /// Of the files as they lie there.
    pub(crate) async fn of_work_tree(context: &Context) -> Result<Self, CliError> {
        let repository = open(context)?;
        let settings = git_settings(context, &repository)?;
        let tree = repository.tree_of_work_dir()?;
        Self::new(context, repository, settings, Desired::WorkTree, tree).await
    }

    async fn new(
        context: &Context,
        repository: Repository,
        settings: GitSettings,
        desired: Desired,
        tree: Tree,
    ) -> Result<Self, CliError> {
        let repository = Arc::new(repository);
        let sources = Sources::read(tree);
        let fleet = Arc::clone(sources.fleet(context)?);
        let ledger = GitLedger::new(
            Arc::clone(&repository),
            &settings,
            fleet.name.clone(),
            Arc::new(SystemRandom),
        );
        ledger.fetch().await?;
        Ok(Self {
            repository,
            settings,
            desired,
            sources,
            fleet,
            ledger,
        })
    }

    /// The commit; none for the work tree.
    pub(crate) fn revision(&self) -> Option<Revision> {
        match &self.desired {
            Desired::Commit { revision, .. } => Some(revision.clone()),
            Desired::WorkTree => None,
        }
    }

    /// What is recorded of an environment, as the next pass takes it.
    pub(crate) async fn read(&self, name: &EnvironmentName) -> Result<EnvironmentLedger, CliError> {
        let mut ledger = self.ledger.read(name).await?;
        reconcile::lift(&self.ledger, name, &mut ledger.blocked).await?;
        Ok(ledger)
    }

    /// All environments, invalid ones too.
    pub(crate) fn environments(&self) -> BTreeSet<EnvironmentName> {
        self.sources.names().into_iter().cloned().collect()
    }

    /// The valid ones of those that were asked for. What is wrong with the others is said here,
    /// and is one of the exits.
    pub(crate) fn choose(
        &self,
        context: &Context,
        asked: &[String],
    ) -> Result<(Vec<EnvironmentName>, Vec<Exit>), CliError> {
        let chosen = choose_environments(&self.environments(), asked)?;
        let (valid, invalid): (Vec<_>, Vec<_>) = chosen
            .into_iter()
            .partition(|name| self.fleet.environments.contains_key(name));
        let mut exits = Vec::new();
        if !invalid.is_empty() {
            let error = self.sources.refuse(context);
            context.ui.tell(&error.text());
            exits.push(error.exit());
        }
        Ok((valid, exits))
    }
}

/// Desired is a commit: what was edited and not committed is easily taken for a part of it.
fn uncommitted(repository: &Repository) -> Option<String> {
    let files = repository.uncommitted();
    let what = match files.as_slice() {
        [] => return None,
        [file] => format!("{file} is not committed as it lies here"),
        [file, rest @ ..] => format!(
            "{file} and {} are not committed as they lie here",
            plural(rest.len(), "other file")
        ),
    };
    Some(format!(
        "{what}, so that is not desired yet; to see it: fleet plan --worktree"
    ))
}

fn commit(desired: git::Desired) -> Desired {
    Desired::Commit {
        revision: desired.revision,
        subject: desired.subject,
        author: desired.author,
        at: desired.at,
    }
}

/// A file that could not be written.
pub(crate) fn not_written(file: &Path, error: std::io::Error) -> CliError {
    let error = anyhow::Error::new(error).context(format!("could not write {}", file.display()));
    CliError::new(Exit::Error, error)
}

/// Those that were asked for, each once and in order; all where none was.
pub(crate) fn choose_environments(
    known: &BTreeSet<EnvironmentName>,
    asked: &[String],
) -> Result<Vec<EnvironmentName>, CliError> {
    if let Some(unknown) = asked.iter().find(|name| !known.contains(name.as_str())) {
        return Err(no_environment(unknown, known));
    }
    Ok(known
        .iter()
        .filter(|name| asked.is_empty() || asked.iter().any(|other| other == name.as_str()))
        .cloned()
        .collect())
}

/// Manifests and templates of one commit, or of the work tree.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The files.
    pub(crate) tree: Tree,
    /// What they say; none where `fleet.yaml` is wrong.
    pub(crate) fleet: Option<Arc<Fleet>>,
    /// Compiled.
    pub(crate) templates: Templates,
    /// Everything that is wrong with them.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Environments that cannot be planned.
    pub(crate) invalid: BTreeSet<EnvironmentName>,
}

impl Sources {
    /// Reads and checks everything.
    pub(crate) fn read(tree: Tree) -> Self {
        let loaded = manifest::load(&tree);
        let (templates, problems) = Templates::compile(&tree);
        let mut sources = Self {
            tree,
            fleet: loaded.fleet.map(Arc::new),
            templates,
            diagnostics: loaded.diagnostics,
            invalid: loaded.invalid,
        };
        sources.diagnostics.extend(problems);
        sources.check_templates();
        diagnostic::sort(&mut sources.diagnostics);
        sources
    }

    /// Environments whose scripts cannot be rendered are as invalid as those that cannot be read.
    fn check_templates(&mut self) {
        let Some(fleet) = &mut self.fleet else { return };
        let fleet = Arc::make_mut(fleet);
        for environment in fleet.environments.values_mut() {
            let later = self.templates.unsupported(environment);
            environment.unsupported.extend(later);
            let found = self.templates.check_environment(environment);
            if has_errors(&found) || !can_render(&self.templates, environment) {
                self.invalid.insert(environment.name.clone());
            }
            self.diagnostics.extend(found);
        }
        fleet
            .environments
            .retain(|name, _| !self.invalid.contains(name));
    }

    /// Takes environments with a script that its interpreter does not understand for invalid.
    pub(crate) fn refuse_broken_scripts(&mut self) {
        let Some(fleet) = &mut self.fleet else { return };
        for environment in fleet.environments.values() {
            let mut syntax = Syntax::default();
            syntax.environment(&self.tree, &self.templates, environment);
            if has_errors(&syntax.diagnostics) {
                self.invalid.insert(environment.name.clone());
                self.diagnostics.append(&mut syntax.diagnostics);
            }
        }
        let (fleet, invalid) = (Arc::make_mut(fleet), &self.invalid);
        fleet.environments.retain(|name, _| !invalid.contains(name));
        diagnostic::sort(&mut self.diagnostics);
    }

    /// Adds what is said of all scripts. Gives who was asked.
    pub(crate) fn check_syntax(&mut self) -> Vec<&'static str> {
        let mut syntax = Syntax::default();
        for environment in self
            .fleet
            .iter()
            .flat_map(|fleet| fleet.environments.values())
        {
            syntax.environment(&self.tree, &self.templates, environment);
        }
        self.diagnostics.append(&mut syntax.diagnostics);
        diagnostic::sort(&mut self.diagnostics);
        syntax.checked_by()
    }

    /// The fleet, or its errors on stderr and exit code 3.
    pub(crate) fn fleet(&self, context: &Context) -> Result<&Arc<Fleet>, CliError> {
        self.fleet.as_ref().ok_or_else(|| self.refuse(context))
    }

    /// One environment, or what is wrong with it.
    pub(crate) fn environment(
        &self,
        context: &Context,
        name: &str,
    ) -> Result<&Environment, CliError> {
        let fleet = self.fleet(context)?;
        if self.invalid.contains(name) {
            return Err(self.refuse(context));
        }
        fleet
            .environments
            .get(name)
            .ok_or_else(|| no_environment(name, self.names()))
    }

    /// All environments, invalid ones too.
    pub(crate) fn names(&self) -> BTreeSet<&EnvironmentName> {
        let valid = self
            .fleet
            .iter()
            .flat_map(|fleet| fleet.environments.keys());
        valid.chain(&self.invalid).collect()
    }

    /// Shows the errors; the answer is that there is none.
    pub(crate) fn refuse(&self, context: &Context) -> CliError {
        refuse(context, &self.diagnostics, &self.tree)
    }
}

/// Shows errors that stop a command.
pub(crate) fn refuse(context: &Context, diagnostics: &[Diagnostic], tree: &Tree) -> CliError {
    let ui = context.ui;
    let errors: Vec<Diagnostic> = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .cloned()
        .collect();
    ui.tell(&reporter::diagnostics::text(
        &errors, tree, ui.err, ui.width,
    ));
    // What is checked out may be another commit, or edited.
    let at = tree
        .commit
        .as_ref()
        .map(|commit| format!(" at {}", commit.short()));
    CliError::other(
        Exit::Invalid,
        format!(
            "the repository has {}{}",
            reporter::diagnostics::count(&errors),
            at.unwrap_or_default()
        ),
    )
}

/// A template that does not compile is found out by rendering it once for each platform.
fn can_render(templates: &Templates, environment: &Environment) -> bool {
    let mut seen = BTreeSet::new();
    environment.hosts.values().all(|host| {
        environment.assignments(host).all(|(service, assignment)| {
            !seen.insert((&assignment.template, host.platform))
                || templates
                    .digests(&environment.name, host, service, assignment)
                    .is_ok()
        })
    })
}

/// Whether something is wrong, beyond warnings.
pub(crate) fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// Nobody knows this environment.
pub(crate) fn no_environment<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a EnvironmentName>,
) -> CliError {
    no_such(
        "environment",
        name,
        known.into_iter().map(EnvironmentName::as_str),
    )
}

/// A name that is none, with what there is.
pub(crate) fn no_such<'a>(
    kind: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> CliError {
    let known: Vec<&str> = known.into_iter().collect();
    nearest_of(
        CliError::usage(format!("there is no {kind} {name:?}")),
        name,
        &known,
    )
}

/// Adds the nearest known name, or what there is.
pub(crate) fn nearest_of(error: CliError, name: &str, known: &[&str]) -> CliError {
    const MOST: usize = 12;
    let nearest = known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), *other))
        .min()
        .filter(|(distance, other)| *distance <= 2 && *distance < other.len());
    match nearest {
        Some((_, other)) => error.hint(format!("did you mean {other:?}?")),
        None if known.is_empty() => error,
        None if known.len() == 1 => error.hint(format!("there is {}", known[0])),
        None if known.len() <= MOST => error.hint(format!("there are {}", known.join(", "))),
        None => error.hint(format!(
            "there are {}, the first is {}",
            known.len(),
            known[0]
        )),
    }
}

//! All templates of a fleet repository, compiled.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::bundle::{Bundle, Digests, Phase};
use crate::model::desired::{Assignment, Environment, Fleet, Host};
use crate::model::diagnostic::{Diagnostic, sort};
use crate::model::id::{EnvironmentName, ServiceName, TemplateName};
use crate::model::policy::OnFailure;
use crate::model::source::Tree;

use super::codes;
use super::context::{Found, Subject};
use super::digest::{self, ContentHash, Manifest};
use super::head;
use super::layout::{self, Place};
use super::parse::{Partials, parse};
use super::program::{Program, Values};
use super::scan::{Dialect, Kind, Token, scan};

/// More remembered renderings per file than this are of no use: the values differ from host to host.
const MOST_REMEMBERED: usize = 4_096;

/// The templates of a fleet repository.
#[derive(Debug, Default)]
pub struct Templates {
    by_name: BTreeMap<TemplateName, Template>,
}

/// One template.
#[derive(Debug, Default)]
struct Template {
    /// By path in the bundle.
    parts: BTreeMap<String, Part>,
    /// Hashes of its sources, partials included, by path.
    sources: BTreeMap<String, ContentHash>,
    /// The first thing that is wrong with it: it is never rendered.
    broken: Option<Diagnostic>,
}

/// One file of a bundle.
#[derive(Debug)]
struct Part {
    /// Where it comes from.
    file: Arc<str>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// The same on every host.
    Fixed(Arc<[u8]>, ContentHash),
    /// Different from host to host.
    Rendered {
        program: Program,
        /// Hashes by the values of the slots.
        remembered: Option<Mutex<HashMap<Box<[u8]>, ContentHash>>>,
    },
}

impl Templates {
    /// Compiles everything below `templates/`. What is wrong with a template is in the diagnostics;
    /// such a template can be named but not rendered.
    pub fn compile(tree: &Tree) -> (Self, Vec<Diagnostic>) {
        let mut compiler = Compiler::default();
        let mut later = Vec::new();
        for (path, entry) in tree.below(layout::FOLDER) {
            let place = Place::of(path).and_then(|place| Ok((place, layout::bytes(path, entry)?)));
            match place {
                Ok((Place::Partial(name), bytes)) => compiler.partial(path, name, bytes),
                Ok((place, bytes)) => later.push((path, place, bytes)),
                Err(problem) => compiler.refuse(path, problem),
            }
        }
        for (path, place, bytes) in later {
            compiler.part(path, place, bytes);
        }
        compiler.finish()
    }

    /// Everything that is wrong with the templates as the fleet uses them, beside what
    /// [`Self::compile`] found.
    pub fn check(&self, fleet: &Fleet) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = fleet
            .environments
            .values()
            .flat_map(|environment| self.check_environment(environment))
            .collect();
        sort(&mut found);
        found
    }

    /// The same for one environment.
    pub fn check_environment(&self, environment: &Environment) -> Vec<Diagnostic> {
        // Ten thousand hosts that lack the same variable are one problem.
        let mut places: BTreeMap<(&str, &str, usize, &str), (Diagnostic, usize)> = BTreeMap::new();
        let mut without_rollback: BTreeMap<&TemplateName, &ServiceName> = BTreeMap::new();
        for host in environment.hosts.values() {
            for (service, assignment) in &host.services {
                let subject = Subject {
                    environment: &environment.name,
                    host,
                    service,
                    assignment,
                };
                let Some(template) = self.by_name.get(&assignment.template) else {
                    continue;
                };
                if !template.has(Phase::Rollback) {
                    without_rollback
                        .entry(&assignment.template)
                        .or_insert(service);
                }
                for (part, program) in template.programs() {
                    for problem in program.problems(&subject) {
                        let key = (
                            service.as_str(),
                            &*part.file,
                            problem.place.span.start,
                            problem.code(),
                        );
                        match places.get_mut(&key) {
                            Some((_, others)) => *others += 1,
                            None => {
                                let first = problem.diagnostic(&part.file, &subject, 0);
                                places.insert(key, (first, 0));
                            }
                        }
                    }
                }
            }
        }
        let mut found: Vec<Diagnostic> = places
            .into_values()
            .map(|(mut first, others)| {
                match others {
                    0 => {}
                    1 => first.message.push_str(" and on 1 other host"),
                    n => first.message.push_str(&format!(" and on {n} other hosts")),
                }
                first
            })
            .collect();
        if environment.rollout.on_failure == OnFailure::Rollback {
            found.extend(
                without_rollback
                    .into_iter()
                    .map(|(template, service)| no_rollback(template, service, &environment.name)),
            );
        }
        sort(&mut found);
        found
    }

    /// The digests of a service on a host, without keeping what was rendered for them.
    ///
    /// # Errors
    /// The first problem of the template or of the values it names.
    pub fn digests(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Digests, Box<Diagnostic>> {
        let subject = Subject {
            environment,
            host,
            service,
            assignment,
        };
        let template = self.template(&subject)?;
        let mut key = Vec::new();
        let mut change = Manifest::new("digest");
        change.line(&digest::content(assignment.version.as_str()), "version");
        let mut scripts = Manifest::new("scripts");
        for (name, part) in &template.parts {
            let hash = part.hash(&subject, &mut key)?;
            match name.strip_suffix(".sh").filter(|name| !name.contains('/')) {
                Some(phase) => {
                    scripts.line(&hash, name);
                    if phase == Phase::Deploy.as_str() || phase == Phase::Remove.as_str() {
                        change.line(&hash, name);
                    }
                }
                None => change.line(&hash, name),
            }
        }
        let shared = digest::variables(&assignment.shared_variables);
        let own = if assignment.variables == assignment.shared_variables {
            Arc::clone(&shared)
        } else {
            digest::variables(&assignment.variables)
        };
        Ok(Digests {
            digest: change.finish(),
            scripts: scripts.finish(),
            template: template.definition(None),
            definition: template.definition(Some(&shared)),
            host_definition: template.definition(Some(&own)),
        })
    }

    /// What the host gets, with its digests.
    ///
    /// # Errors
    /// The first problem of the template or of the values it names.
    pub fn bundle(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Bundle, Box<Diagnostic>> {
        let subject = Subject {
            environment,
            host,
            service,
            assignment,
        };
        let template = self.template(&subject)?;
        let files = template
            .parts
            .iter()
            .map(|(name, part)| Ok((name.clone(), part.bytes(&subject)?)))
            .collect::<Result<_, Box<Diagnostic>>>()?;
        Ok(Bundle {
            files,
            digests: self.digests(environment, host, service, assignment)?,
        })
    }

    fn template(&self, subject: &Subject<'_>) -> Result<&Template, Box<Diagnostic>> {
        let name = &subject.assignment.template;
        let Some(template) = self.by_name.get(name) else {
            return Err(Box::new(no_deploy(name)));
        };
        match &template.broken {
            Some(problem) => Err(Box::new(problem.clone())),
            None => Ok(template),
        }
    }
}

impl Template {
    fn has(&self, phase: Phase) -> bool {
        self.parts.contains_key(&format!("{}.sh", phase.as_str()))
    }

    fn programs(&self) -> impl Iterator<Item = (&Part, &Program)> {
        self.parts.values().filter_map(|part| match &part.content {
            Content::Fixed(..) => None,
            Content::Rendered { program, .. } => Some((part, program)),
        })
    }

    fn definition(&self, variables: Option<&str>) -> crate::model::id::Digest {
        let mut definition = Manifest::new("definition");
        for (path, hash) in &self.sources {
            definition.line(hash, path);
        }
        if let Some(variables) = variables {
            definition.line(variables, "variables");
        }
        definition.finish()
    }
}

impl Part {
    fn new(file: &Arc<str>, program: Program) -> Self {
        let content = if program.slots.is_empty() {
            let bytes = program.render(&Vec::new()).into_bytes();
            let hash = digest::content(&bytes);
            Content::Fixed(bytes.into(), hash)
        } else {
            let is_shared = !program.slots.iter().any(super::path::Path::is_unique);
            Content::Rendered {
                program,
                remembered: is_shared.then(Mutex::default),
            }
        };
        Self {
            file: Arc::clone(file),
            content,
        }
    }

    fn values<'a>(
        &self,
        program: &Program,
        subject: &Subject<'a>,
    ) -> Result<Values<'a>, Box<Diagnostic>> {
        if let Some(problem) = program.problems(subject).next() {
            return Err(Box::new(problem.diagnostic(&self.file, subject, 0)));
        }
        Ok(program.values(subject).unwrap_or_default())
    }

    fn bytes(&self, subject: &Subject<'_>) -> Result<Arc<[u8]>, Box<Diagnostic>> {
        match &self.content {
            Content::Fixed(bytes, _) => Ok(Arc::clone(bytes)),
            Content::Rendered { program, .. } => {
                let values = self.values(program, subject)?;
                Ok(program.render(&values).into_bytes().into())
            }
        }
    }

    fn hash(
        &self,
        subject: &Subject<'_>,
        key: &mut Vec<u8>,
    ) -> Result<ContentHash, Box<Diagnostic>> {
        let (program, remembered) = match &self.content {
            Content::Fixed(_, hash) => return Ok(Arc::clone(hash)),
            Content::Rendered {
                program,
                remembered,
            } => (program, remembered),
        };
        let values = self.values(program, subject)?;
        let Some(remembered) = remembered else {
            return Ok(digest::content(program.render(&values)));
        };
        write_key(&values, key);
        // What was remembered stays right even if a thread panicked beside it.
        let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = remembered.get(&**key) {
            return Ok(Arc::clone(hash));
        }
        let hash = digest::content(program.render(&values));
        if remembered.len() < MOST_REMEMBERED {
            remembered.insert(key.as_slice().into(), Arc::clone(&hash));
        }
        Ok(hash)
    }
}

/// Writes values so that different ones never look the same.
fn write_key(values: &Values<'_>, key: &mut Vec<u8>) {
    key.clear();
    for value in values {
        let count = match value {
            Found::Text(_) => u64::MAX,
            Found::List(items) => items.len() as u64,
        };
        key.extend_from_slice(&count.to_be_bytes());
        for text in value.texts() {
            key.extend_from_slice(&(text.len() as u64).to_be_bytes());
            key.extend_from_slice(text.as_bytes());
        }
    }
}

fn no_deploy(template: &TemplateName) -> Diagnostic {
    let file: Arc<str> = format!("{}{template}/deploy.sh.hbs", layout::FOLDER).into();
    Diagnostic::error(
        codes::NO_DEPLOY,
        &file,
        0..0,
        format!("the template `{template}` has no phase `deploy`"),
    )
    .help(format!("write {file}"))
}

fn no_rollback(
    template: &TemplateName,
    service: &ServiceName,
    environment: &EnvironmentName,
) -> Diagnostic {
    let file: Arc<str> = format!("{}{template}/deploy.sh.hbs", layout::FOLDER).into();
    Diagnostic::error(
        codes::NO_ROLLBACK,
        &file,
        0..0,
        format!(
            "the template `{template}` of {service} has no phase `rollback`, but {environment} says `on_failure: rollback`"
        ),
    )
    .help(format!(
        "write {}{template}/rollback.sh.hbs, or say `on_failure: pause`",
        layout::FOLDER
    ))
}

/// Gathers templates and diagnostics.
#[derive(Default)]
struct Compiler {
    by_name: BTreeMap<TemplateName, Template>,
    partials: Partials,
    partial_sources: BTreeMap<Box<str>, ContentHash>,
    /// What is wrong with each partial that cannot be used.
    broken_partials: BTreeMap<Box<str>, Diagnostic>,
    diagnostics: Vec<Diagnostic>,
}

impl Compiler {
    /// A file that is not what it should be breaks the template that it stands in.
    fn refuse(&mut self, path: &Arc<str>, problem: Diagnostic) {
        let inside = path.strip_prefix(layout::FOLDER).unwrap_or(path);
        if let Some((folder, rest)) = inside.split_once('/') {
            if folder == "partials" {
                let name = rest.strip_suffix(".sh").unwrap_or(rest);
                self.partials.insert(name.into(), String::new());
                self.broken_partials.insert(name.into(), problem.clone());
            } else {
                self.template(folder).broken.get_or_insert(problem.clone());
            }
        }
        self.diagnostics.push(problem);
    }

    fn template(&mut self, name: &str) -> &mut Template {
        self.by_name.entry(name.into()).or_default()
    }

    fn partial(&mut self, path: &Arc<str>, name: &str, bytes: &[u8]) {
        let mut found = Vec::new();
        let text = match layout::text(path, bytes, true) {
            Err(problem) => return self.refuse(path, problem),
            Ok(source) => {
                let tokens = scan(path, source, Dialect::Partial, &mut found);
                let none = Partials::new();
                let program = parse(path, source, Dialect::Partial, &tokens, &none, &mut found);
                let mut text = program.render(&Vec::new());
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                text
            }
        };
        if let Some(problem) = found.first() {
            self.broken_partials.insert(name.into(), problem.clone());
        }
        self.diagnostics.append(&mut found);
        self.partials.insert(name.into(), text);
        self.partial_sources
            .insert(name.into(), digest::content(bytes));
    }

    fn part(&mut self, path: &Arc<str>, place: Place<'_>, bytes: &Arc<[u8]>) {
        let Some(name) = place.template() else { return };
        let (target, dialect) = match place {
            Place::Phase(_, phase) => (format!("{}.sh", phase.as_str()), Some(Dialect::Script)),
            Place::DataTemplate(_, target) => (format!("files/{target}"), Some(Dialect::Data)),
            Place::Copy(_, target) | Place::Partial(target) => (format!("files/{target}"), None),
        };
        let inside = path
            .strip_prefix(layout::FOLDER)
            .and_then(|inside| inside.split_once('/'))
            .map_or(&**path, |(_, rest)| rest);
        self.template(name)
            .sources
            .insert(inside.to_owned(), digest::content(bytes));
        let part = match dialect {
            None => Part {
                file: Arc::clone(path),
                content: Content::Fixed(Arc::clone(bytes), digest::content(bytes)),
            },
            Some(dialect) => match layout::text(path, bytes, dialect == Dialect::Script) {
                Err(problem) => return self.refuse(path, problem),
                Ok(source) => Part::new(path, self.program(path, name, source, dialect)),
            },
        };
        let twin = self
            .template(name)
            .parts
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(&target))
            .map(|(_, part)| Arc::clone(&part.file));
        if let Some(twin) = twin {
            let problem = Diagnostic::error(
                codes::FILE_NAME,
                path,
                0..0,
                format!("this file and {twin} would be one file on the host"),
            )
            .help("rename one of them");
            return self.refuse(path, problem);
        }
        self.template(name).parts.insert(target, part);
    }

    fn program(
        &mut self,
        path: &Arc<str>,
        template: &str,
        source: &str,
        dialect: Dialect,
    ) -> Program {
        let mut found = Vec::new();
        let tokens = scan(path, source, dialect, &mut found);
        if dialect == Dialect::Script {
            head::check(path, source, &tokens, &mut found);
        }
        let program = parse(path, source, dialect, &tokens, &self.partials, &mut found);
        let mut broken = found.first().cloned();
        for (name, _) in included(&tokens) {
            if let Some(hash) = self.partial_sources.get(name) {
                let hash = Arc::clone(hash);
                self.template(template)
                    .sources
                    .insert(format!("partials/{name}.sh"), hash);
            }
            if broken.is_none() {
                broken = self.broken_partials.get(name).cloned();
            }
        }
        self.diagnostics.append(&mut found);
        if let Some(problem) = broken {
            self.template(template).broken.get_or_insert(problem);
        }
        program
    }

    fn finish(mut self) -> (Templates, Vec<Diagnostic>) {
        for (name, template) in &mut self.by_name {
            if template.broken.is_none() && !template.has(Phase::Deploy) {
                let problem = no_deploy(name);
                template.broken = Some(problem.clone());
                self.diagnostics.push(problem);
            }
        }
        sort(&mut self.diagnostics);
        let templates = Templates {
            by_name: self.by_name,
        };
        (templates, self.diagnostics)
    }
}

/// The partials that a file includes.
fn included(tokens: &[Token]) -> impl Iterator<Item = (&str, &Range<usize>)> {
    tokens.iter().filter_map(|token| match token {
        Token::Tag(tag) => match &tag.kind {
            Kind::Partial(name, span) => Some((&**name, span)),
            _ => None,
        },
        Token::Text(_) => None,
    })
}

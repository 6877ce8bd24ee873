//! The values that a template names against those that a host has.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::bundle::Phase;
use crate::model::desired::{Environment, Fleet, Platform};
use crate::model::diagnostic::{Diagnostic, sort};
use crate::model::id::{EnvironmentName, ServiceName, TemplateName};
use crate::model::policy::OnFailure;

use super::binding;
use super::codes;
use super::context::{Found as Value, Subject};
use super::layout;
use super::path::Path;
use super::program::{Need, Program, Use};
use super::quote::refused_character;
use super::secret;
use super::suggest::nearest;
use super::tag::{Dialect, Form};
use super::templates::{Templates, no_deploy};

impl Templates {
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
        let mut found = Found::default();
        let mut without_deploy = BTreeMap::new();
        let mut without_rollback = BTreeMap::new();
        let mut without_remove = BTreeMap::new();
        for host in environment.hosts.values() {
            for (service, assignment) in environment.assignments(host) {
                let subject = Subject {
                    environment: &environment.name,
                    host,
                    service,
                    assignment,
                };
                let Some(template) = self.by_name.get(&assignment.template) else {
                    continue;
                };
                let (name, platform) = (&assignment.template, host.platform);
                if template.broken.is_none() && !template.has(Phase::Deploy, platform) {
                    without_deploy.entry((name, platform)).or_insert(host);
                    continue;
                }
                if environment.rollout.on_failure == OnFailure::Rollback
                    && !template.has(Phase::Rollback, platform)
                {
                    without_rollback.insert((service, platform), name);
                }
                if assignment.to().is_none() && !template.has(Phase::Remove, platform) {
                    without_remove.insert((service, platform), name);
                }
                for (part, program) in template.programs(platform) {
                    for problem in program.problems(&subject) {
                        let place = problem.place.span.start;
                        found.add(
                            (service.as_str(), &part.file, place, problem.code()),
                            || problem.diagnostic(&part.file, &subject),
                        );
                    }
                }
            }
        }
        let mut found = found.finish();
        found.extend(
            without_rollback
                .into_iter()
                .map(|((service, platform), name)| {
                    no_rollback(name, platform, service, &environment.name)
                }),
        );
        found.extend(
            without_remove
                .into_iter()
                .map(|((service, platform), name)| {
                    no_remove(name, platform, service, &environment.name)
                }),
        );
        found.extend(without_deploy.into_iter().map(|((name, platform), host)| {
            let mut problem = no_deploy(name, platform);
            let user = format!(", but {} in {} runs it", host.name, environment.name);
            problem.message.push_str(&user);
            problem
        }));
        sort(&mut found);
        found
    }
}

/// Problems by service, file, place and code, each with the number of hosts: ten thousand hosts
/// that lack one variable have one problem.
#[derive(Default)]
struct Found<'a>(BTreeMap<(&'a str, &'a str, usize, &'static str), (Diagnostic, usize)>);

impl<'a> Found<'a> {
    fn add(
        &mut self,
        key: (&'a str, &'a str, usize, &'static str),
        first: impl FnOnce() -> Diagnostic,
    ) {
        self.0.entry(key).or_insert_with(|| (first(), 0)).1 += 1;
    }

    fn finish(self) -> Vec<Diagnostic> {
        self.0
            .into_values()
            .map(|(mut first, hosts)| {
                match hosts {
                    1 => {}
                    2 => first.message.push_str(", and on another host"),
                    n => first
                        .message
                        .push_str(&format!(", and on {} other hosts", n - 1)),
                }
                first
            })
            .collect()
    }
}

/// A use of a value that cannot be.
pub(super) struct Problem<'p> {
    /// Where.
    pub(super) place: &'p Use,
    path: &'p Path,
    dialect: Dialect,
    fault: Fault,
}

/// Why it cannot be.
#[derive(Clone, Copy)]
enum Fault {
    Missing,
    ListForText,
    TextForList,
    NotBoolean,
    Control(char),
    NoSecret,
}

impl Program {
    /// Every use that fails for this subject, in any branch.
    pub(super) fn problems<'p>(
        &'p self,
        subject: &'p Subject<'_>,
    ) -> impl Iterator<Item = Problem<'p>> {
        self.uses.iter().filter_map(move |place| {
            let path = &self.slots[place.slot];
            let fault = fault(subject.find(path), place.need)?;
            Some(Problem {
                place,
                path,
                dialect: self.dialect,
                fault,
            })
        })
    }
}

fn fault(found: Option<Value<'_>>, need: Need) -> Option<Fault> {
    let Some(found) = found else {
        return Some(Fault::Missing);
    };
    let shape = match (found, need) {
        (Value::List(_), Need::Text | Need::Boolean | Need::Secret) => Some(Fault::ListForText),
        (Value::Text(text), Need::Secret) if !secret::is_name(text) => Some(Fault::NoSecret),
        (Value::Text(_), Need::List) => Some(Fault::TextForList),
        (Value::Text(text), Need::Boolean) if !matches!(text, "true" | "false") => {
            Some(Fault::NotBoolean)
        }
        _ => None,
    };
    shape.or_else(|| {
        found
            .texts()
            .find_map(refused_character)
            .map(Fault::Control)
    })
}

impl Problem<'_> {
    /// The code of its diagnostic.
    pub(super) const fn code(&self) -> &'static str {
        match self.fault {
            Fault::Missing => codes::MISSING_VALUE,
            Fault::ListForText | Fault::TextForList => codes::WRONG_SHAPE,
            Fault::NotBoolean => codes::NOT_BOOLEAN,
            Fault::Control(_) => codes::CONTROL_CHARACTER,
            Fault::NoSecret => codes::SECRET_NAME,
        }
    }

    /// In words.
    pub(super) fn diagnostic(&self, file: &Arc<str>, subject: &Subject<'_>) -> Diagnostic {
        let path = self.path;
        let platform = self.dialect.platform();
        let name = binding::name_of(platform, path);
        let line = |form| binding::line(platform, &name, &path.to_string(), form);
        let on = format!(
            "for {} on {} in {}",
            subject.service, subject.host.name, subject.environment
        );
        let (message, help) = match self.fault {
            Fault::Missing => (
                format!("`{path}` is not defined {on}"),
                self.missing_help(subject),
            ),
            Fault::ListForText => (
                format!("`{path}` is a list {on}"),
                match self.place.need {
                    Need::Boolean => "if and unless take the text true or false".to_owned(),
                    Need::Secret => "bind one secret at a time".to_owned(),
                    _ if self.dialect == Dialect::Data => format!("write {{{{json {path}}}}}"),
                    _ => format!(
                        "bind it as `{}` and use {}",
                        line(Form::List),
                        binding::usage(platform, &name, Form::List)
                    ),
                },
            ),
            Fault::TextForList => (
                format!("`{path}` is one text and no list {on}"),
                format!(
                    "bind it as `{}`, or write its value as [a list]",
                    line(Form::Plain)
                ),
            ),
            Fault::NotBoolean => (
                format!("`{path}` is neither true nor false {on}"),
                format!("compare it: (eq {path} \"text\")"),
            ),
            Fault::NoSecret => (
                format!("`{path}` is no name of a parameter {on}"),
                secret::HELP.to_owned(),
            ),
            Fault::Control(c) => (
                format!(
                    "`{path}` has the control character U+{:04X} {on}",
                    u32::from(c)
                ),
                "take it out: values have no control characters but tab and newline".to_owned(),
            ),
        };
        Diagnostic::error(self.code(), file, self.place.span.clone(), message).help(help)
    }

    fn missing_help(&self, subject: &Subject<'_>) -> String {
        let (key, near) = match self.path {
            Path::Variable(key) | Path::Label(key) => {
                (key, nearest(key, subject.siblings(self.path).into_iter()))
            }
            Path::ArtifactUrl => {
                let service = subject.service;
                return format!("give {service} an `artifact` in fleet.yaml, for this platform");
            }
            _ => return "define it".to_owned(),
        };
        match (self.path, near) {
            (Path::Variable(_), Some(near)) => {
                format!("did you mean `{}`?", Path::Variable(near.into()))
            }
            (Path::Variable(_), None) => format!(
                "set `{key}` in the variables of the service in fleet.yaml, of the environment or of the host"
            ),
            (_, Some(near)) => format!("did you mean `{}`?", Path::Label(near.into())),
            (_, None) => format!("give every host that runs this service a label `{key}`"),
        }
    }
}

fn no_rollback(
    template: &TemplateName,
    platform: Platform,
    service: &ServiceName,
    environment: &EnvironmentName,
) -> Diagnostic {
    let [deploy, rollback] = [Phase::Deploy, Phase::Rollback].map(|phase| phase.script(platform));
    let file: Arc<str> = format!("{}{template}/{deploy}.hbs", layout::FOLDER).into();
    Diagnostic::error(
        codes::NO_ROLLBACK,
        &file,
        0..0,
        format!(
            "the template `{template}` of {service} has no phase `rollback`, but {environment} says `on_failure: rollback`"
        ),
    )
    .help(format!(
        "write {}{template}/{rollback}.hbs, or say `on_failure: pause`",
        layout::FOLDER
    ))
}

fn no_remove(
    template: &TemplateName,
    platform: Platform,
    service: &ServiceName,
    environment: &EnvironmentName,
) -> Diagnostic {
    let [deploy, remove] = [Phase::Deploy, Phase::Remove].map(|phase| phase.script(platform));
    let file: Arc<str> = format!("{}{template}/{deploy}.hbs", layout::FOLDER).into();
    Diagnostic::error(
        codes::NO_REMOVE,
        &file,
        0..0,
        format!(
            "the template `{template}` of {service} has no phase `remove`, but {environment} wants it absent"
        ),
    )
    .help(format!(
        "write {}{template}/{remove}.hbs; or take the service out of the environment, and what runs is left alone",
        layout::FOLDER
    ))
}

//! The files of a tree → compiled templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::bundle::Phase;
use crate::model::desired::Platform;
use crate::model::diagnostic::{Diagnostic, sort};
use crate::model::id::TemplateName;
use crate::model::source::Tree;

use super::codes;
use super::digest::{self, ContentHash};
use super::head;
use super::layout::{self, Place};
use super::parse::{Partials, parse};
use super::part::Part;
use super::program::Program;
use super::scan::scan;
use super::source;
use super::tag::{Dialect, Kind, Token};
use super::templates::{Template, Templates, no_deploy};
use super::typography;

/// Compiles everything below `templates/`.
pub(super) fn compile(tree: &Tree) -> (Templates, Vec<Diagnostic>) {
    let mut compiler = Compiler::default();
    let mut later = Vec::new();
    for (path, entry) in tree.below(layout::FOLDER) {
        // What is no file is that before anything else: a link's name may be a good one.
        let bytes = source::bytes(path, entry);
        let place = bytes.and_then(|bytes| Ok((Place::of(path)?, bytes)));
        match place {
            Ok((Place::Partial(name, platform), bytes)) => {
                compiler.partial(path, name, platform, bytes);
            }
            Ok((place, bytes)) => later.push((path, place, bytes)),
            Err(problem) => compiler.refuse(path, *problem),
        }
    }
    for (path, place, bytes) in later {
        compiler.part(path, place, bytes);
    }
    compiler.finish()
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
                // Templates that include it are broken, but not for lack of it.
                self.partials.insert(rest.into(), String::new());
                self.broken_partials.insert(rest.into(), problem.clone());
            } else {
                self.template(folder).broken.get_or_insert(problem.clone());
            }
        }
        self.diagnostics.push(problem);
    }

    fn template(&mut self, name: &str) -> &mut Template {
        self.by_name.entry(name.into()).or_default()
    }

    fn partial(&mut self, path: &Arc<str>, name: &str, platform: Platform, bytes: &[u8]) {
        let name = partial_file(name, platform);
        let mut found = Vec::new();
        let text = match source::text(path, bytes, Some(platform)) {
            Err(problem) => return self.refuse(path, *problem),
            Ok(source) => {
                let tokens = scan(path, source, Dialect::Partial, &mut found);
                self.diagnostics
                    .extend(typography::check(platform, path, source, &tokens));
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
            self.broken_partials.insert(name.clone(), problem.clone());
        }
        self.diagnostics.append(&mut found);
        self.partials.insert(name.clone(), text);
        self.partial_sources.insert(name, digest::content(bytes));
    }

    fn part(&mut self, path: &Arc<str>, place: Place<'_>, bytes: &Arc<[u8]>) {
        let Some(name) = place.template() else { return };
        let (target, dialect) = match place {
            Place::Phase(_, phase, platform) => {
                (phase.script(platform), Some(Dialect::Script(platform)))
            }
            Place::DataTemplate(_, target) => (format!("files/{target}"), Some(Dialect::Data)),
            Place::Copy(_, target) | Place::Partial(target, _) => (format!("files/{target}"), None),
        };
        let inside = path
            .strip_prefix(layout::FOLDER)
            .and_then(|inside| inside.split_once('/'))
            .map_or(&**path, |(_, rest)| rest);
        self.template(name)
            .sources
            .insert(inside.to_owned(), digest::content(bytes));
        let part = match dialect {
            None => Part::copied(path, bytes),
            Some(dialect) => {
                let script = match dialect {
                    Dialect::Script(platform) => Some(platform),
                    Dialect::Data | Dialect::Partial => None,
                };
                match source::text(path, bytes, script) {
                    Err(problem) => return self.refuse(path, *problem),
                    Ok(source) => Part::rendered(path, self.program(path, name, source, dialect)),
                }
            }
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
        if let Dialect::Script(platform) = dialect {
            head::check(platform, path, source, &tokens, &mut found);
            self.diagnostics
                .extend(typography::check(platform, path, source, &tokens));
        }
        let program = parse(path, source, dialect, &tokens, &self.partials, &mut found);
        let mut broken = found.first().cloned();
        for name in included(&tokens) {
            let name = partial_file(name, dialect.platform());
            if let Some(hash) = self.partial_sources.get(&name) {
                let hash = Arc::clone(hash);
                self.template(template)
                    .sources
                    .insert(format!("partials/{name}"), hash);
            }
            if broken.is_none() {
                broken = self.broken_partials.get(&name).cloned();
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
            if template.broken.is_some() {
                continue;
            }
            for platform in template.platforms() {
                if !template.has(Phase::Deploy, platform) {
                    let problem = no_deploy(name, platform);
                    template.broken.get_or_insert(problem.clone());
                    self.diagnostics.push(problem);
                }
            }
        }
        sort(&mut self.diagnostics);
        let templates = Templates {
            by_name: self.by_name,
        };
        (templates, self.diagnostics)
    }
}

/// What a partial is known by.
fn partial_file(name: &str, platform: Platform) -> Box<str> {
    format!("{name}.{}", platform.extension()).into()
}

/// The partials that a file includes.
fn included(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.iter().filter_map(|token| match token {
        Token::Tag(tag) => match &tag.kind {
            Kind::Partial(name, _) => Some(&**name),
            _ => None,
        },
        Token::Text(_) => None,
    })
}

//! A service's template is a folder of the repository. What is in it is none of the manifest's
//! business.

use std::collections::BTreeSet;

use crate::manifest::codes;
use crate::manifest::decode::{FleetFile, name_problem, nearest};
use crate::manifest::problems::{Problems, shown};
use crate::manifest::source::TEMPLATES;
use crate::model::id::check_name;
use crate::model::source::Tree;

const FOLDER: &str = "templates/";

pub(super) fn check(fleet: &FleetFile, tree: &Tree, problems: &mut Problems) {
    if tree.entries.contains_key(TEMPLATES) {
        return;
    }
    let templates: BTreeSet<&str> = tree
        .below(FOLDER)
        .filter_map(|(path, _)| path.strip_prefix(FOLDER)?.split_once('/'))
        .map(|(template, _)| template)
        .collect();
    for service in fleet.services.iter().flat_map(|services| services.values()) {
        if service.unread.has("template") {
            continue;
        }
        let template = service.template.value.as_str();
        // A folder of this name has to fit on every host.
        if let Err(problem) = check_name(template) {
            // The service's own name was reported where it stands.
            if service.template.span != service.span {
                name_problem(template, &problem, &service.template.span, problems);
            }
            continue;
        }
        if templates.contains(template) {
            continue;
        }
        let known = templates
            .iter()
            .copied()
            .filter(|known| *known != "partials");
        let help = match nearest(template, known) {
            Some(nearest) => format!("did you mean `template: {nearest}`?"),
            None => format!("add {FOLDER}{template}/deploy.sh.hbs"),
        };
        problems.report(
            codes::UNKNOWN_TEMPLATE,
            &service.template.span,
            format!("there is no template {}", shown(template)),
            help,
        );
    }
}

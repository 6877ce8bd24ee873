//! What runs without fleet's doing, for people and programs.

use super::fold;
use super::plan::versions;
use super::text::{Palette, Tone, columns, plural, to_json};
use crate::model::id::HostName;
use crate::model::observation::Adoption;
use crate::model::plan::Action;

/// `fleet.adoption/1`, on one line.
pub fn json(adoption: &Adoption) -> String {
    to_json(adoption)
}

/// For a person, every line ended.
pub fn text(adoption: &Adoption, palette: Palette) -> String {
    let environment = &adoption.environment;
    if let Some(rollout) = &adoption.busy {
        return format!("{environment}: not looked at: a wave of rollout {rollout} is under way\n");
    }
    let mut text = format!(
        "{environment}: {} to take over",
        match adoption.found.len() {
            0 => "nothing".to_owned(),
            found => plural(found, "service"),
        }
    );
    for (count, word) in [
        (adoption.missing, "not installed"),
        (adoption.silent.len(), "without an answer"),
    ] {
        if count > 0 {
            text += &format!(", {count} {word}");
        }
    }
    text += "\n";
    for line in rows(adoption, palette) {
        text += &format!("  {line}\n");
    }
    for it in &adoption.silent {
        text += &format!("  {}  {}  {}\n", it.host, it.service, it.message);
    }
    text
}

/// What runs beside what is desired.
fn rows(adoption: &Adoption, palette: Palette) -> Vec<String> {
    if adoption.found.is_empty() {
        return Vec::new();
    }
    let groups = fold::by_key(&adoption.found, |it| {
        (&it.service, &it.version, &it.desired, it.healthy)
    });
    let heading = ["host", "service", "runs", "desired"];
    let mut rows = vec![heading.map(|word| (Tone::Faint, word.to_owned())).to_vec()];
    for ((service, version, desired, healthy), members) in groups {
        let hosts: Vec<&HostName> = members.iter().map(|it| &it.host).collect();
        let mut notes = Vec::new();
        if !healthy {
            notes.push("is not healthy".to_owned());
        }
        if version != desired {
            let change = versions(Action::Change, Some(version), Some(desired));
            notes.push(format!("then planned: {change}"));
        }
        rows.push(vec![
            (Tone::Plain, fold::hosts(&hosts)),
            (Tone::Plain, service.to_string()),
            (Tone::Plain, version.to_string()),
            (Tone::Plain, desired.to_string()),
            (Tone::Held, notes.join(", ")),
        ]);
    }
    columns(&rows, palette)
}

//! The branch's own page: a section per environment, of which a commit rewrites its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::super::LedgerError;
use super::Inner;
use crate::model::id::{EnvironmentName, Revision, ServiceName, Version};
use crate::model::ledger::{HostRecords, LedgerCommit, Write};
use crate::model::observed::ServiceState;

/// The page's path.
pub(super) const PATH: &str = "README.md";

/// More hosts than this that are not healthy are counted, not named.
const NAMED: usize = 100;

/// The page as it is after a commit that writes a host; none where the page stays as it is.
pub(super) fn write(
    inner: &Inner,
    commit: &LedgerCommit,
    tip: Option<&Revision>,
) -> Result<Option<String>, LedgerError> {
    let news = |write: &Write| matches!(write, Write::Host(..));
    if tip.is_some() && !commit.writes.iter().any(news) {
        return Ok(None);
    }
    let mut hosts = match tip {
        Some(tip) => inner.hosts(tip, &commit.environment)?,
        None => BTreeMap::new(),
    };
    for write in &commit.writes {
        if let Write::Host(host, record) = write {
            hosts.insert(host.clone(), Arc::new(record.clone()));
        }
    }
    page(inner, tip, &commit.environment, &hosts).map(Some)
}

/// The page with these hosts of an environment; the sections of others stay as they are.
pub(super) fn page(
    inner: &Inner,
    tip: Option<&Revision>,
    environment: &EnvironmentName,
    hosts: &HostRecords,
) -> Result<String, LedgerError> {
    let mut sections = BTreeMap::new();
    if let Some(tip) = tip {
        let before = inner.repository.file_at(tip, PATH)?.unwrap_or_default();
        sections = self::sections(&String::from_utf8_lossy(&before));
        let folders = inner.repository.folders_in(tip, "")?;
        sections.retain(|name, _| folders.contains(name));
    }
    sections.insert(environment.to_string(), section(environment, hosts));
    let mut page = format!(
        "# What runs where: {}\n\nWritten by fleet; a change by hand stops it. \
         `git log -p` on this branch tells the story.\n",
        inner.fleet
    );
    for text in sections.values() {
        page.push('\n');
        page.push_str(text.trim_end());
        page.push('\n');
    }
    Ok(page)
}

/// Sections of a page by environment.
fn sections(page: &str) -> BTreeMap<String, String> {
    page.split("\n## ")
        .skip(1)
        .filter_map(|text| {
            let name = text.lines().next()?.trim();
            Some((name.to_owned(), format!("## {text}")))
        })
        .collect()
}

/// A version in a table: hosts print what they like.
fn cell(version: Option<&Version>) -> String {
    let text = version.map_or("none", Version::as_str);
    let mut cell = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()).take(80) {
        match c {
            '<' => cell.push_str("&lt;"),
            '|' | '\\' | '`' | '*' | '[' | ']' | '!' => cell.extend(['\\', c]),
            _ => cell.push(c),
        }
    }
    cell
}

fn section(name: &EnvironmentName, hosts: &HostRecords) -> String {
    let mut versions: BTreeMap<(&ServiceName, Option<&Version>), usize> = BTreeMap::new();
    let mut sick = Vec::new();
    for (host, record) in hosts {
        for (service, state) in &record.services {
            if state.state == ServiceState::Released {
                continue;
            }
            *versions
                .entry((service, state.version.as_ref()))
                .or_default() += 1;
            if !matches!(state.state, ServiceState::Healthy | ServiceState::Adopted) {
                sick.push((host, service, state));
            }
        }
    }
    let mut text = format!("## {name}\n\n| service | version | hosts |\n|---|---|---|\n");
    for ((service, version), count) in versions {
        let version = cell(version);
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "| {service} | {version} | {count} |");
    }
    if !sick.is_empty() {
        text.push_str(
            "\n| not healthy | service | version | state | since |\n|---|---|---|---|---|\n",
        );
        for (host, service, record) in sick.iter().take(NAMED) {
            let version = cell(record.version.as_ref());
            let (state, since) = (record.state.as_str(), record.since);
            let _infallible = writeln!(
                text,
                "| {host} | {service} | {version} | {state} | {since} |"
            );
        }
        if sick.len() > NAMED {
            let _infallible = writeln!(text, "\nand {} more", sick.len() - NAMED);
        }
    }
    text
}

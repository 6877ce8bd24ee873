//! Paths of values, and which ones there are.

use std::fmt;

use super::codes;
use super::suggest::nearest;

/// The name of a value in the declared context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// `host.name`
    HostName,
    /// `host.platform`
    HostPlatform,
    /// `host.instance`
    HostInstance,
    /// `host.labels.K`
    Label(Box<str>),
    /// `environment.name`
    EnvironmentName,
    /// `service.name`
    ServiceName,
    /// `version`
    Version,
    /// `artifact.url`
    ArtifactUrl,
    /// `variables.K`
    Variable(Box<str>),
}

/// What can be written, for suggestions.
const FIXED: [(&str, Path); 7] = [
    ("host.name", Path::HostName),
    ("host.platform", Path::HostPlatform),
    ("host.instance", Path::HostInstance),
    ("environment.name", Path::EnvironmentName),
    ("service.name", Path::ServiceName),
    ("version", Path::Version),
    ("artifact.url", Path::ArtifactUrl),
];

const ALL: &str = "host.name, host.platform, host.instance, host.labels.NAME, environment.name, \
                   service.name, version, artifact.url and variables.NAME";

/// Why a text is not the path of a value.
#[derive(Debug)]
pub(super) struct PathFault {
    /// The code of its diagnostic.
    pub(super) code: &'static str,
    /// In words.
    pub(super) message: String,
    /// How to mend it.
    pub(super) help: String,
}

impl Path {
    /// Reads a path.
    pub(super) fn parse(text: &str) -> Result<Self, PathFault> {
        if let Some(fault) = foreign(text) {
            return Err(fault);
        }
        if let Some((_, path)) = FIXED.iter().find(|(name, _)| *name == text) {
            return Ok(path.clone());
        }
        let unknown = |message: String, help: String| PathFault {
            code: codes::UNKNOWN_PATH,
            message,
            help,
        };
        let Some(segments) = segments(text) else {
            return Err(unknown(
                format!("`{text}` is not a path"),
                format!("a path is one of {ALL}"),
            ));
        };
        match *segments.as_slice() {
            ["variables", key] => Ok(Self::Variable(key.into())),
            ["host", "labels", key] => Ok(Self::Label(key.into())),
            ["variables", ref keys @ ..] if !keys.is_empty() => Err(unknown(
                format!("`{text}` goes into a variable, but variables are text or lists of text"),
                format!(
                    "for a variable whose name has dots write `variables.[{}]`",
                    keys.join(".")
                ),
            )),
            ["host", "labels", ref keys @ ..] if !keys.is_empty() => Err(unknown(
                format!("`{text}` goes into a label, but labels are text"),
                format!(
                    "for a label whose name has dots write `host.labels.[{}]`",
                    keys.join(".")
                ),
            )),
            _ => Err(unknown(
                format!("there is no value `{text}`"),
                unknown_help(text),
            )),
        }
    }

    /// The name that a binding for this value would naturally have.
    pub(super) fn binding_name(&self) -> String {
        let name = match self {
            Self::HostName => "host",
            Self::HostPlatform => "platform",
            Self::HostInstance => "instance",
            Self::EnvironmentName => "environment",
            Self::ServiceName => "service",
            Self::Version => "version",
            Self::ArtifactUrl => "url",
            Self::Label(key) | Self::Variable(key) => key,
        };
        let mut name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            name.insert(0, '_');
        }
        name
    }

    /// Whether hosts practically never share the value, so that remembering results is no use.
    pub(super) const fn is_unique(&self) -> bool {
        matches!(self, Self::HostName | Self::HostInstance)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, key) = match self {
            Self::Label(key) => ("host.labels", key),
            Self::Variable(key) => ("variables", key),
            fixed => {
                let name = FIXED.iter().find(|(_, path)| path == fixed);
                return f.write_str(name.map_or("", |(name, _)| name));
            }
        };
        if key.bytes().all(is_plain) {
            write!(f, "{prefix}.{key}")
        } else {
            write!(f, "{prefix}.[{key}]")
        }
    }
}

/// What a word is in Handlebars, where it is not a value of fleet.
fn foreign(text: &str) -> Option<PathFault> {
    let number = text.strip_prefix('-').unwrap_or(text);
    if text.starts_with(['"', '\'', '['])
        || matches!(text, "true" | "false" | "null" | "undefined")
        || number.starts_with(|c: char| c.is_ascii_digit())
    {
        return Some(PathFault {
            code: codes::LITERAL,
            message: format!("`{text}` is a literal, not a value of this fleet"),
            help: "write fixed text straight into the template".to_owned(),
        });
    }
    let scope = |what: &str, bare: &str| PathFault {
        code: codes::SCOPE,
        message: format!("`{text}`: {what}"),
        help: match bare {
            "" => format!("a path is one of {ALL}"),
            bare => format!("write `{bare}`"),
        },
    };
    if let Some(data) = text.strip_prefix('@') {
        let bare = data.strip_prefix("root.").unwrap_or("");
        return Some(scope("there is no @data here", bare));
    }
    let is_relative = text == "this"
        || text.starts_with('.')
        || text.starts_with("this.")
        || text.starts_with("this/")
        || text.contains("..");
    is_relative.then(|| {
        let bare = text.strip_prefix("this").unwrap_or(text);
        scope(
            "paths start at the root, there are no scopes to leave or to stay in",
            bare.trim_start_matches(['.', '/']),
        )
    })
}

/// Splits `a.b.[c.d]`; nothing for what is no path.
fn segments(text: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (segment, after) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                if !rest[..end].bytes().all(is_plain) {
                    return None;
                }
                rest.split_at(end)
            }
        };
        if segment.is_empty() {
            return None;
        }
        found.push(segment);
        if after.is_empty() {
            return Some(found);
        }
        rest = after.strip_prefix('.')?;
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn unknown_help(text: &str) -> String {
    let known = FIXED.iter().map(|(name, _)| *name);
    if let Some(name) = nearest(text, known) {
        return format!("did you mean `{name}`?");
    }
    if let Some((root, key)) = text.split_once('.') {
        if let Some(root) = nearest(root, ["variables"].into_iter()) {
            return format!("did you mean `{root}.{key}`?");
        }
        if let Some(key) = key.strip_prefix("label.").filter(|_| root == "host") {
            return format!("did you mean `host.labels.{key}`?");
        }
    } else if text.bytes().all(is_plain) && text != "host" && text != "variables" {
        return format!("a variable is written `variables.{text}`");
    }
    format!("a path is one of {ALL}")
}

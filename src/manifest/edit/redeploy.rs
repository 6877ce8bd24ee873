//! `redeploy`: another text there deploys the same version again.

use super::{Difference, EditError, Place, differences, is_plain, line, read};
use crate::manifest::tree::{Document, Kind, Style, Value};
use crate::model::id::ServiceName;

/// Gives a service another `redeploy` in the text of an environment's file: replaces the one that
/// is there, or adds one behind what is said of the service already.
///
/// # Errors
/// As for [`super::set_version`], and where the service is to be absent.
pub fn set_redeploy(
    text: &str,
    service: &ServiceName,
    redeploy: &str,
) -> Result<String, EditError> {
    let old = read(text)?;
    let place = Place { text, service };
    let version = place.find(&old)?;
    let Kind::Scalar(scalar) = version.kind() else {
        return Err(place.shape(version.span()));
    };
    if scalar.text == "absent" {
        return Err(EditError::Absent {
            service: service.clone(),
            line: line(text, version.span()),
        });
    }
    let written = if is_plain(redeploy) {
        redeploy.to_owned()
    } else {
        format!("\"{redeploy}\"")
    };
    let entry = place.entry(&old)?;
    let span = entry.span();
    let edited = match entry.kind() {
        Kind::Mapping(_) => match place.enter(entry, "redeploy")? {
            Some(value) => return place.replace(&old, value, redeploy),
            None => place.insert(entry, &format!("redeploy: {written}"))?,
        },
        _ if scalar.is_null() || matches!(scalar.style, Style::Block) => {
            return Err(place.shape(span));
        }
        _ => {
            let (before, version, after) =
                (&text[..span.start], &text[span.clone()], &text[span.end..]);
            format!("{before}{{ version: {version}, redeploy: {written} }}{after}")
        }
    };
    place.verify_redeploy(&old, &edited, scalar.text, redeploy)?;
    Ok(edited)
}

impl Place<'_> {
    /// What the file says of the service: a version alone, or with more about it.
    fn entry<'d, 't>(&self, document: &'d Document<'t>) -> Result<Value<'d, 't>, EditError> {
        let missing = || EditError::Missing {
            service: self.service.clone(),
        };
        let services = self
            .enter(document.root(), "services")?
            .ok_or_else(missing)?;
        self.enter(services, self.service.as_str())?
            .ok_or_else(missing)
    }

    /// Reads the result again: this service says both, and everything else is as it was.
    fn verify_redeploy(
        &self,
        old: &Document<'_>,
        edited: &str,
        version: &str,
        redeploy: &str,
    ) -> Result<(), EditError> {
        let new = read(edited)?;
        let reread = Place {
            text: edited,
            service: self.service,
        };
        let entry = reread.entry(&new)?;
        let says = |key: &str, text: &str| -> Result<bool, EditError> {
            let value = reread.enter(entry, key)?;
            Ok(value.is_some_and(|value| match value.kind() {
                Kind::Scalar(scalar) => scalar.text == text,
                _ => false,
            }))
        };
        let span = self.entry(old)?.span().clone();
        let mut changed: Vec<Difference> = Vec::new();
        differences(old.root(), new.root(), None, &mut changed);
        if let Some(alias) = changed.iter().find_map(|change| change.alias.as_ref()) {
            return Err(EditError::Shared {
                service: self.service.clone(),
                line: line(self.text, &span),
                alias_line: line(self.text, alias),
            });
        }
        if says("version", version)?
            && says("redeploy", redeploy)?
            && changed.iter().all(|change| change.span == span)
        {
            Ok(())
        } else {
            Err(self.shape(&span))
        }
    }
}

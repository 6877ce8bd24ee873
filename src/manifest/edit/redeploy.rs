//! `redeploy`: another text there deploys the same version again.

use super::place::{Place, REDEPLOY, VERSION, look, quoted_if_needed, scalar, version_of};
use super::{EditError, line, read};
use crate::manifest::decode::ABSENT;
use crate::manifest::tree::Kind;
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
    let value = place.of_environment(old.root())?;
    let version = match value.kind() {
        Kind::Mapping(_) => place
            .enter(value, VERSION)?
            .ok_or_else(|| place.missing())?,
        _ => value,
    };
    let Some(said) = scalar(version) else {
        return Err(place.shape(version.span()));
    };
    if said == ABSENT {
        return Err(EditError::Absent {
            service: service.clone(),
            line: line(text, version.span()),
        });
    }
    let entry = format!("{REDEPLOY}: {}", quoted_if_needed(redeploy));
    let edit = match value.kind() {
        Kind::Mapping(_) => match place.enter(value, REDEPLOY)? {
            Some(value) => place.replace(value, REDEPLOY, redeploy)?,
            None => place.add(value, None, &entry)?,
        },
        _ => place.lengthen(value, &entry)?,
    };
    let path = ["services", service.as_str()];
    place.apply(&old, vec![edit], &path, |value| {
        version_of(value) == Some(said)
            && look(value, &[REDEPLOY]).and_then(scalar) == Some(redeploy)
    })
}

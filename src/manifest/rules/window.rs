//! A window has a zone, and says something.

use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile, WindowKeys};
use crate::manifest::problems::Problems;
use crate::model::time::Seconds;
use crate::model::window::Window;

/// The window of an environment, key by key over that of the defaults; none if there is none.
pub(in crate::manifest) fn merged(
    own: Option<&WindowKeys>,
    defaults: Option<&WindowKeys>,
) -> Option<Window> {
    let keys = || own.into_iter().chain(defaults);
    keys().next()?;
    Some(Window {
        timezone: keys().find_map(|keys| keys.timezone.clone())?,
        allow: keys()
            .find_map(|keys| keys.allow.clone())
            .unwrap_or_default(),
        deny: keys()
            .find_map(|keys| keys.deny.clone())
            .unwrap_or_default(),
        cutoff: keys().find_map(|keys| keys.cutoff).unwrap_or(Seconds(0)),
    })
}

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let Some(fleet) = fleet else { return };
    let own = environment.settings.window.as_ref();
    let defaults = fleet.defaults.window.as_ref();
    let span = own.map_or(0..0, |window| window.span.clone());
    let settings = [&environment.settings, &fleet.defaults];
    let is_unread = |key: &str| {
        let mut keys = own.into_iter().chain(defaults);
        keys.any(|keys| keys.unread.has(key)) || settings.iter().any(|it| it.unread.has("window"))
    };
    if is_unread("timezone") || own.or(defaults).is_none() {
        return;
    }
    let Some(window) = merged(own, defaults) else {
        return problems.report(
            codes::MISSING_KEY,
            &span,
            "a window needs `timezone`",
            "add `timezone: Australia/Sydney`: fleet guesses none",
        );
    };
    // What could not be read was an entry too.
    let written = |keys: Option<&WindowKeys>| {
        keys.is_some_and(|keys| keys.allow.is_some() || keys.deny.is_some())
    };
    let says_nothing = window.allow.is_empty() && window.deny.is_empty();
    let is_written = written(own) || written(defaults);
    if says_nothing && !is_written && !is_unread("allow") && !is_unread("deny") {
        problems.report(
            codes::WINDOW,
            &span,
            "the window neither allows nor denies anything",
            "add `allow` or `deny`, or leave `window` out: without one it is always open",
        );
    }
}

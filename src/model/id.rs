//! Names and ids, one type each, so that a host cannot be taken for a service.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::plan::Action;
use super::time::Timestamp;

macro_rules! string_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a string that the caller has checked or read from a trusted place.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }
    )*};
}

string_ids! {
    /// `name` of `fleet.yaml`.
    FleetName;
    /// File stem below `environments/`.
    EnvironmentName;
    /// A host, unique in its environment.
    HostName;
    /// A service, unique in its fleet.
    ServiceName;
    /// A folder below `templates/`.
    TemplateName;
    /// A key of `transports`.
    TransportName;
    /// A key of `people`.
    PersonName;
    /// An SSM instance id, `i-…` or `mi-…`.
    InstanceId;
    /// `<UTC yyyymmddThhmmssZ>-<6 hex>`.
    RolloutId;
    /// 64 hex digits; see [`StepId::compute`].
    StepId;
    /// `sha256:<64 hex>` over a plan's canonical JSON.
    PlanId;
    /// `sha256:<64 hex>` over some content.
    Digest;
    /// An SSM command id.
    CommandId;
    /// A git commit, 40 hex digits.
    Revision;
    /// A version exactly as the manifest or the host writes it.
    Version;
}

impl RolloutId {
    /// Makes an id from the time of the record and 24 random bits.
    pub fn generate(at: Timestamp, random: u32) -> Self {
        Self::new(format!("{}-{:06x}", at.compact(), random & 0x00ff_ffff))
    }
}

impl Version {
    /// As a semantic version, a leading v allowed; none where it is another kind.
    pub fn semantic(&self) -> Option<semver::Version> {
        let text = self.0.strip_prefix('v').unwrap_or(&self.0);
        semver::Version::parse(text).ok()
    }

    /// Whether it is in a range. One that is not semantic is in none.
    pub fn fits(&self, range: &semver::VersionReq) -> bool {
        self.semantic()
            .is_some_and(|version| range.matches(&version))
    }
}

impl StepId {
    /// The id that makes a step take effect at most once (protocol §1):
    /// sha256 over its coordinates, joined by NUL, in hex.
    pub fn compute(
        fleet: &FleetName,
        environment: &EnvironmentName,
        rollout: &RolloutId,
        host: &HostName,
        instance: &InstanceId,
        service: &ServiceName,
        action: Action,
    ) -> Self {
        let parts = [
            fleet.as_str(),
            environment.as_str(),
            rollout.as_str(),
            host.as_str(),
            instance.as_str(),
            service.as_str(),
            action.as_str(),
        ];
        Self::new(hex(&Sha256::digest(parts.join("\0"))))
    }

    /// The id of one observation outside a step: nothing takes effect by it, so each one has its own.
    pub fn observation(
        fleet: &FleetName,
        environment: &EnvironmentName,
        host: &HostName,
        service: &ServiceName,
        random: u32,
    ) -> Self {
        let random = random.to_string();
        let parts = [
            fleet.as_str(),
            environment.as_str(),
            host.as_str(),
            service.as_str(),
            "observe",
            &random,
        ];
        Self::new(hex(&Sha256::digest(parts.join("\0"))))
    }

    /// The first 16 digits: the name of the step's folder on its host.
    pub fn short(&self) -> &str {
        self.0.get(..16).unwrap_or(&self.0)
    }
}

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(format!("sha256:{}", hex(&Sha256::digest(bytes))))
    }
}

impl PlanId {
    /// The eight hex digits that text for people shows.
    pub fn short(&self) -> &str {
        self.0
            .strip_prefix("sha256:")
            .and_then(|hex| hex.get(..8))
            .unwrap_or(&self.0)
    }
}

impl Revision {
    /// The seven digits that text for people shows.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl InstanceId {
    /// The id the sandbox gives a host: `i-` and the first 17 hex digits of
    /// sha256("fleet\0environment\0host"), the same in every clone (formats.md).
    pub fn invent(fleet: &FleetName, environment: &EnvironmentName, host: &HostName) -> Self {
        let digest = hex(&Sha256::digest(format!("{fleet}\0{environment}\0{host}")));
        Self::new(format!("i-{}", &digest[..17]))
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

/// Why a name is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Outside `[a-z0-9][a-z0-9._-]{0,62}`, or for an environment `[a-z0-9][a-z0-9-]{0,39}`.
    #[error("must match {0}")]
    Pattern(&'static str),
    /// A device name of Windows: a folder of that name cannot exist there.
    #[error("is a device name on Windows")]
    Device,
}

const NAME_PATTERN: &str = "[a-z0-9][a-z0-9._-]{0,62}";
const ENVIRONMENT_PATTERN: &str = "[a-z0-9][a-z0-9-]{0,39}";

/// Checks the name of a fleet, host, service, template or transport.
pub fn check_name(name: &str) -> Result<(), NameProblem> {
    check(name, 63, NAME_PATTERN, |c| matches!(c, b'.' | b'_' | b'-'))
}

/// Checks the name of an environment.
pub fn check_environment_name(name: &str) -> Result<(), NameProblem> {
    check(name, 40, ENVIRONMENT_PATTERN, |c| c == b'-')
}

fn check(
    name: &str,
    longest: usize,
    pattern: &'static str,
    inner: fn(u8) -> bool,
) -> Result<(), NameProblem> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    let fits = bytes.len() <= longest
        && bytes.first().is_some_and(|&c| plain(c))
        && bytes.iter().all(|&c| plain(c) || inner(c));
    if !fits {
        return Err(NameProblem::Pattern(pattern));
    }
    let stem = name.split('.').next().unwrap_or(name);
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
    };
    if matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt") {
        return Err(NameProblem::Device);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_pattern() {
        for good in ["a", "hosting-1", "web.eu_1", "0x"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "A", "a b", "ä", &"a".repeat(64)] {
            assert_eq!(
                check_name(bad),
                Err(NameProblem::Pattern(NAME_PATTERN)),
                "{bad}"
            );
        }
        for device in ["con", "nul.txt", "com1", "lpt9"] {
            assert_eq!(check_name(device), Err(NameProblem::Device), "{device}");
        }
        assert_eq!(check_name("com10"), Ok(()));
        assert!(check_environment_name("eu.west").is_err());
        assert!(check_environment_name(&"e".repeat(41)).is_err());
    }

    #[test]
    fn a_step_id_depends_on_every_coordinate() {
        let base = ["f", "e", "r", "h", "i", "s"];
        let id = |p: [&str; 6], action| {
            StepId::compute(
                &p[0].into(),
                &p[1].into(),
                &p[2].into(),
                &p[3].into(),
                &p[4].into(),
                &p[5].into(),
                action,
            )
        };
        let first = id(base, Action::Upgrade);
        assert_eq!(first.as_str().len(), 64);
        assert_ne!(first, id(base, Action::Rollback));
        for position in 0..6 {
            let mut other = base;
            other[position] = "x";
            assert_ne!(first, id(other, Action::Upgrade), "part {position}");
        }
    }
}

//! How a person is known.

use super::parsed::{Form, parsed};
use crate::manifest::codes;
use crate::manifest::decode::Spanned;
use crate::manifest::problems::Problems;
use crate::manifest::tree::Value;
use crate::model::desired::SecretSource;

const KEY: Form = Form {
    code: codes::PUBLIC_KEY,
    what: "an SSH public key",
    help: "write one line of a .pub file: ssh-ed25519 AAAAC3…; never a private key",
};

const EMAIL: Form = Form {
    code: codes::EMAIL,
    what: "an e-mail address",
    help: "write the address that the person's commits have",
};

const SECRET: Form = Form {
    code: codes::SECRET_SOURCE,
    what: "a place of a secret",
    help: "write env:NAME or file:PATH: nothing secret stands in a manifest",
};

/// Reads `key`; its comment falls away.
pub(in crate::manifest::decode) fn public_key(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<String>> {
    parsed(value, &KEY, problems, |text| {
        let key = ssh_key::PublicKey::from_openssh(text.trim()).ok()?;
        let bare = ssh_key::PublicKey::new(key.key_data().clone(), String::new());
        bare.to_openssh()
            .ok()
            .map(|text| text.trim_end().to_owned())
    })
}

/// Reads one of `emails`.
pub(in crate::manifest::decode) fn email(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let read = parsed(value, &EMAIL, problems, |text| {
        let (name, domain) = text.rsplit_once('@')?;
        let legal = |c: char| !c.is_control() && !c.is_whitespace() && !"<>,".contains(c);
        (!name.is_empty() && !domain.is_empty() && text.chars().all(legal)).then(|| text.to_owned())
    })?;
    Some(read.value)
}

/// Reads where a secret is found.
pub(in crate::manifest::decode) fn secret_source(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<SecretSource> {
    let read = parsed(value, &SECRET, problems, |text| {
        if let Some(name) = text.strip_prefix("env:") {
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let is_name = !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(legal);
            return is_name.then(|| SecretSource::Environment(name.to_owned()));
        }
        let path = text.strip_prefix("file:")?;
        (!path.is_empty() && !path.chars().any(char::is_control))
            .then(|| SecretSource::File(path.to_owned()))
    })?;
    Some(read.value)
}

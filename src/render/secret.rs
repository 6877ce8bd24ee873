//! Names of secrets: parameters in AWS Parameter Store.

/// How to mend a name that is none.
pub(super) const HELP: &str = "write the name of a parameter as Parameter Store has it, such as /web/password: letters, digits and . _ - / :";

/// AWS counts the ARN before a name in.
const LONGEST: usize = 1_011;

/// Whether a text can be the name of a parameter, its version or label behind a colon.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain =
        |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b'/' | b':');
    // A word that begins with a dash would be an option of whatever reads it.
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with('-')
}

//! How a value is written: as a literal of bash or PowerShell, as JSON, as it is.

/// The first character that no script and no file gets from a value.
pub(super) fn refused_character(text: &str) -> Option<char> {
    text.chars()
        .find(|c| c.is_control() && !matches!(c, '\t' | '\n'))
}

/// A word of bash that is this text byte for byte. Between single quotes nothing has a meaning,
/// so the only thing to mind is the single quote itself.
pub(super) fn bash_word(text: &str, out: &mut String) {
    out.push('\'');
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            out.push_str("'\\''");
        }
        out.push_str(part);
    }
    out.push('\'');
}

/// The right-hand side of an assignment to an array. A quoted word is never taken for `[key]=value`.
pub(super) fn bash_array(items: &[String], out: &mut String) {
    out.push('(');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        bash_word(item, out);
    }
    out.push(')');
}

/// A string of PowerShell that is this text. Between single quotes nothing has a meaning but the
/// single quotes, of which PowerShell knows five: any of them would end the text, and two in a row
/// stand for the second.
pub(super) fn powershell_string(text: &str, out: &mut String) {
    out.push('\'');
    for c in text.chars() {
        out.push(c);
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
    }
    out.push('\'');
}

/// An array of PowerShell: one with one item stays an array.
pub(super) fn powershell_array(items: &[String], out: &mut String) {
    out.push_str("@(");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        powershell_string(item, out);
    }
    out.push(')');
}

/// A JSON string.
pub(super) fn json_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// A JSON array of strings.
pub(super) fn json_array(items: &[String], out: &mut String) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        json_string(item, out);
    }
    out.push(']');
}

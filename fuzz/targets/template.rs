//! Any text as a script of either language, a partial and a file of a template: it compiles or is
//! refused in its place, rendering never panics, and what is bound is the value byte for byte.
//!
//! The input is the value of `variables.x`, a line `----`, and the template.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use fleet::model::desired::{Assignment, Environment, Host, Platform, Value};
use fleet::model::id::ServiceName;
use fleet::model::source::Tree;
use fleet::model::time::Seconds;
use fleet::render::Templates;
use libfuzzer_sys::fuzz_target;

/// A value that needs no thought, to see where values go.
const PLAIN: &str = "Plain0value1that2no3template4has";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (value, source) = text.split_once("\n----\n").unwrap_or(("it's", text));
    for language in [BASH, POWERSHELL] {
        judge(&language, value, source);
    }
});

/// What differs between the languages of scripts.
struct Language {
    platform: Platform,
    extension: &'static str,
    /// Reads a quoted word as its shell does; gives what stands behind it.
    read: fn(&str) -> Option<(String, &str)>,
}

const BASH: Language = Language {
    platform: Platform::Linux,
    extension: "sh",
    read: bash_word,
};

const POWERSHELL: Language = Language {
    platform: Platform::Windows,
    extension: "ps1",
    read: powershell_string,
};

fn judge(language: &Language, value: &str, source: &str) {
    let script = format!("templates/app/deploy.{}.hbs", language.extension);
    let partial = format!("templates/partials/part.{}", language.extension);
    let tree = Tree::default()
        .with(&script, source)
        .with("templates/app/files/file.hbs", source)
        .with(&partial, source);
    let (templates, diagnostics) = Templates::compile(&tree);
    for found in &diagnostics {
        let place = source.get(found.span.clone());
        assert!(place.is_some() || found.span == (0..0), "{found:?}");
        if let Some((related, _)) = &found.related {
            assert!(source.get(related.clone()).is_some(), "{found:?}");
        }
    }
    // The script may be sound where the same text is no partial.
    let tree = Tree::default()
        .with(&script, source)
        .with(&partial, "# nothing\n");
    let (script, of_script) = Templates::compile(&tree);
    for (templates, problems) in [(templates, diagnostics), (script, of_script)] {
        let rendered = render(language, &templates, value, problems.is_empty());
        let plain = render(language, &templates, PLAIN, problems.is_empty());
        let decides = ["#if", "else if", "#unless"]
            .iter()
            .any(|it| source.contains(it));
        if let (Some(rendered), Some(plain)) = (rendered, plain)
            && !decides
            && !source.contains(PLAIN)
        {
            binds(language, &rendered, &plain, value);
        }
    }
}

/// The script; none where the template or the value is refused.
fn render(
    language: &Language,
    templates: &Templates,
    value: &str,
    is_sound: bool,
) -> Option<String> {
    let variables = Arc::new(BTreeMap::from([
        ("x".to_owned(), Value::Scalar(value.to_owned())),
        (
            "list".to_owned(),
            Value::List(vec!["a b".to_owned(), "c".to_owned()]),
        ),
    ]));
    let assignment = Assignment {
        shared_variables: Arc::clone(&variables),
        variables,
        ..Assignment::new("1.2.3".into(), "app".into(), Seconds(60))
    };
    let service = ServiceName::new("app");
    let host = Host {
        name: "web-1".into(),
        instance: "i-0123456789abcdef0".into(),
        platform: language.platform,
        labels: BTreeMap::from([("role".to_owned(), "web".to_owned())]),
        hold: None,
        services: BTreeMap::from([(service.clone(), assignment.clone())]),
    };
    let hosts = BTreeMap::from([(host.name.clone(), host.clone())]);
    let environment = Environment::new("lab".into(), "sandbox".into(), hosts);
    let problems = templates.check_environment(&environment);
    let bundle = templates.bundle(&environment.name, &host, &service, &assignment);
    if let Ok(bundle) = &bundle {
        let digests = templates.digests(&environment.name, &host, &service, &assignment);
        assert_eq!(
            digests.as_ref(),
            Ok(&bundle.digests),
            "one digest, however made"
        );
    }
    assert!(
        !is_sound || !problems.is_empty() || bundle.is_ok(),
        "what was found good must render"
    );
    let script = format!("deploy.{}", language.extension);
    let script = bundle.ok()?.files.get(&script)?.to_vec();
    Some(String::from_utf8(script).expect("a script is text"))
}

/// Two renderings differ where the value stands, and a shell reads the value there.
fn binds(language: &Language, rendered: &str, plain: &str, value: &str) {
    let mut rest = rendered;
    for (index, text) in plain.split(&format!("'{PLAIN}'")).enumerate() {
        if index > 0 {
            let (read, behind) = (language.read)(rest).expect("a quoted word");
            assert_eq!(read, value);
            rest = behind;
        }
        rest = rest
            .strip_prefix(text)
            .expect("the text around values stays");
    }
    assert_eq!(rest, "");
}

/// Reads a word of single-quoted parts and `\'` between them.
fn bash_word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (part, behind) = rest.split_once('\'')?;
        word.push_str(part);
        match behind.strip_prefix("\\''") {
            Some(next) => {
                word.push('\'');
                rest = next;
            }
            None => return Some((word, behind)),
        }
    }
}

/// Reads a string between single quotes, of which there are five; two in a row are the second.
fn powershell_string(text: &str) -> Option<(String, &str)> {
    let is_quote = |c: char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
    let mut string = String::new();
    let mut rest = text.strip_prefix(is_quote)?;
    loop {
        let at = rest.find(is_quote)?;
        let (part, behind) = rest.split_at(at);
        string.push_str(part);
        let mut characters = behind.chars();
        characters.next();
        match characters.next().filter(|c| is_quote(*c)) {
            Some(second) => {
                string.push(second);
                rest = characters.as_str();
            }
            None => return Some((string, &behind[behind.chars().next()?.len_utf8()..])),
        }
    }
}

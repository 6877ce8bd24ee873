//! The example fleet, embedded: the files of the project's own root.

use std::borrow::Cow;

use include_dir::{Dir, include_dir};

use crate::manifest::schema;

const FLEET: &str = include_str!("../../fleet.yaml");
static ENVIRONMENTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/environments");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// A path from the repository's root, and bytes.
type File = (String, Cow<'static, [u8]>);

/// All of them. The first line of each manifest names its schema, which lies beside it for editors
/// that are offline.
pub(crate) fn files() -> Vec<File> {
    let mut files = vec![("fleet.yaml".to_owned(), FLEET.as_bytes().into())];
    collect("environments", &ENVIRONMENTS, &mut files);
    collect("templates", &TEMPLATES, &mut files);
    for (name, schema) in [
        ("fleet", schema::fleet()),
        ("environment", schema::environment()),
    ] {
        let text = schema::text(&schema).into_bytes();
        files.push((format!("schemas/{name}.json"), text.into()));
    }
    files
}

fn collect(root: &str, folder: &'static Dir<'static>, files: &mut Vec<File>) {
    files.extend(folder.files().map(|file| {
        let path = format!("{root}/{}", file.path().display());
        (path, file.contents().into())
    }));
    for inner in folder.dirs() {
        collect(root, inner, files);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_embedded_files_are_those_of_the_root() {
        for (path, bytes) in files() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
            assert_eq!(
                std::fs::read(&file).expect("a file of the root"),
                *bytes,
                "{path}"
            );
        }
    }

    #[test]
    fn every_manifest_names_a_schema_that_is_there() {
        let files = files();
        let mut named = 0;
        for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
            let text = std::str::from_utf8(bytes).expect("UTF-8");
            let first = text.lines().next().expect("a line");
            let schema = first
                .strip_prefix("# yaml-language-server: $schema=")
                .unwrap_or_else(|| panic!("{path} begins with {first}"));
            let folder = Path::new(path).parent().expect("a folder");
            let schema = match folder.join(schema).to_str() {
                Some(up) => up.replace("environments/../", ""),
                None => String::new(),
            };
            assert!(files.iter().any(|(path, _)| *path == schema), "{schema}");
            named += 1;
        }
        assert_eq!(named, 3);
    }
}

//! Names of PowerShell, which are the same in upper and in lower case.

/// Automatic variables, and those that change how everything after them works. Assigning some of
/// them is an error (`$host`, `$pid`), others lose what PowerShell keeps there (`$args`, `$input`).
const RESERVED: [&str; 62] = [
    "_",
    "args",
    "consolefilename",
    "enabledexperimentalfeatures",
    "error",
    "errorview",
    "event",
    "eventargs",
    "eventsubscriber",
    "executioncontext",
    "false",
    "foreach",
    "formatenumerationlimit",
    "home",
    "host",
    "input",
    "iscoreclr",
    "islinux",
    "ismacos",
    "iswindows",
    "lastexitcode",
    "matches",
    "maximumaliascount",
    "maximumdrivecount",
    "maximumerrorcount",
    "maximumfunctioncount",
    "maximumhistorycount",
    "maximumvariablecount",
    "myinvocation",
    "nestedpromptlevel",
    "null",
    "ofs",
    "outputencoding",
    "pid",
    "profile",
    "psboundparameters",
    "pscmdlet",
    "pscommandpath",
    "psculture",
    "psdebugcontext",
    "psdefaultparametervalues",
    "psedition",
    "psemailserver",
    "pshome",
    "psitem",
    "psnativecommandargumentpassing",
    "psscriptroot",
    "pssenderinfo",
    "pssessionapplicationname",
    "pssessionconfigurationname",
    "pssessionoption",
    "psstyle",
    "psuiculture",
    "psversiontable",
    "pwd",
    "sender",
    "shellid",
    "stacktrace",
    "switch",
    "this",
    "transcript",
    "true",
];

/// Whether a name is taken. All names of preferences are.
pub(super) fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&&*name) || name.ends_with("preference") || name.starts_with("fleet_")
}

/// A name that can be bound instead of a reserved one.
pub(super) fn other_name(name: &str) -> String {
    match name.to_ascii_lowercase().trim_matches('_') {
        "" => "value".to_owned(),
        name => format!("my_{name}"),
    }
}

/// The name in what stands before the `=` of a line that was meant as a binding: `[int]$name`,
/// `$script:name`.
pub(super) fn attempted_name(left: &str) -> Option<&str> {
    let (kind, name) = left.trim().rsplit_once('$')?;
    let is_assignment =
        kind.is_empty() || (kind.starts_with('[') && kind.trim_end().ends_with(']'));
    let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
    is_assignment.then_some(name)
}

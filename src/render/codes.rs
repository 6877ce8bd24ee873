//! The codes of this module's diagnostics (F3xx), each with its explanation. A code is never reused.

macro_rules! codes {
    ($($name:ident = $code:literal: $explanation:literal;)*) => {
        $(#[doc = $explanation] pub(super) const $name: &str = $code;)*

        const EXPLANATIONS: &[(&str, &str)] = &[$(($code, $explanation)),*];
    };
}

/// What a code of this module means, at more length than its message.
pub fn explain(code: &str) -> Option<&'static str> {
    EXPLANATIONS
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, explanation)| *explanation)
}

codes! {
    STRAY_FILE = "F301": "Below templates/ stand templates/<template>/<phase>.sh.hbs, templates/<template>/files/<name>[.hbs] and templates/partials/<name>.sh, and nothing else: a file that fleet would ignore is more likely a phase with a typing error that would never run.";
    NOT_IN_THIS_VERSION = "F302": "The design has this, this version of fleet has not. It is refused and not ignored, because a template that relies on it would not do what it says.";
    NOT_TEXT = "F303": "Scripts and templates are UTF-8 text with LF line endings and without NUL: bash would read anything else differently from what an editor shows.";
    SYNTAX = "F304": "Tags are written as in Handlebars, each on one line, and blocks are closed in the order in which they were opened. Two braces that are meant for the script itself are written \\{{.";
    VALUE_OUTSIDE_HEAD = "F305": "Rendering never makes code. A value enters a script in its head only: before the first other line stand comments, blank lines, option lines (set, shopt), block tags and bindings. A binding is name={{path}} or name={{list path}} alone on its line; fleet writes the value as a quoted literal, and the rest of the script uses \"$name\" or \"${name[@]}\".";
    UNESCAPED = "F306": "{{{x}}} and {{&x}} ask for a value without quoting. fleet quotes every value that enters a script, and in files/ {{x}} is already the value as it is.";
    WHITESPACE_CONTROL = "F307": "{{~ and ~}} join lines, so that what a line looks like in the template would not be what it is in the script.";
    NOT_SUPPORTED = "F308": "Templates choose static text with if, unless, else and eq, include partials and bind values. Other helpers, decorators, block partials, raw blocks, subexpressions, block parameters and arguments with names do not exist here: what a script computes, it computes itself.";
    SCOPE = "F309": "Every path starts at the root of the declared context. Nothing opens a scope, so there is no parent to go to with ../ and no @data.";
    LITERAL = "F310": "A tag names a value of the fleet. Fixed text needs no tag; as an operand of eq it is written in quotes.";
    UNKNOWN_PATH = "F311": "The declared context is host.name, host.platform, host.instance, host.labels.NAME, environment.name, service.name, version and variables.NAME. A path outside it is an error in every branch, taken or not.";
    MISSING_VALUE = "F312": "Every variable and label that a template names, in any branch, must be defined for every host that the template is used on. A missing one would otherwise become an empty text in a script that runs as root.";
    WRONG_SHAPE = "F313": "A variable is one text or a list of texts, and the template must say which it expects: name={{path}} binds a text, name={{list path}} a bash array. if and eq take texts.";
    NOT_BOOLEAN = "F314": "if and unless take the text true or false. Anything else (yes, 1, an empty text) would be a guess; compare it with eq.";
    CONTROL_CHARACTER = "F315": "Values have no control characters but tab and newline: none is needed, terminals and logs interpret them, and bash cannot hold NUL.";
    BINDING_NAME = "F316": "A binding's name is a bash variable that neither bash nor fleet gives a meaning: bash runs commands that it finds in the value of PS4 or BASH_ENV, and FLEET_ names belong to the runner.";
    UNKNOWN_PARTIAL = "F317": "{{> name}} includes templates/partials/<name>.sh.";
    TAG_IN_PARTIAL = "F318": "A partial is shared by templates whose values differ, so it has none: no tags but comments. Its functions take what they need as arguments.";
    PARTIAL_PLACE = "F319": "A partial is included alone on its line and not indented, because it is copied as it is: indenting would change its here-documents.";
    NO_DEPLOY = "F320": "deploy is the one phase that every template must have.";
    NO_ROLLBACK = "F321": "on_failure: rollback runs the rollback phase on every host on which the rollout succeeded; a template without one cannot do that.";
    NOT_A_FILE = "F322": "Links, submodules and files over 256 KiB (templates) are refused: nothing below templates/ may lead out of the repository, and a command carries far less.";
    FILE_NAME = "F323": "Names below files/ are made of letters, digits and . _ - @ and are unique, ignoring case and the ending .hbs, because they become paths on the host.";
}

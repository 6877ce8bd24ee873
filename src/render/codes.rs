//! The codes of this module's diagnostics (F3xx). A code is never reused. Each has its page in
//! `docs/diagnostics/templates.md`, whose title is the meaning given here.

macro_rules! codes {
    ($($name:ident = $code:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(super) const $name: &str = $code;)*

        /// Every code of templates with its meaning, sorted by code.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    STRAY_FILE = "F301": "a file below templates/ that is no part of a template";
    NOT_TEXT = "F303": "a script or template that is not plain text";
    SYNTAX = "F304": "a tag or block that is not closed, or closed in another order";
    VALUE_OUTSIDE_HEAD = "F305": "a value outside the head of a script";
    UNESCAPED = "F306": "a value that asks not to be quoted";
    WHITESPACE_CONTROL = "F307": "white-space control";
    NOT_SUPPORTED = "F308": "a helper or form that templates do not have";
    SCOPE = "F309": "a path that leaves its scope";
    LITERAL = "F310": "a tag with a literal";
    UNKNOWN_PATH = "F311": "a path that is not in the context";
    MISSING_VALUE = "F312": "a variable or label that a host does not have";
    WRONG_SHAPE = "F313": "a list where a text is expected, or the other way round";
    NOT_BOOLEAN = "F314": "a condition that is neither true nor false";
    CONTROL_CHARACTER = "F315": "a value with a control character";
    BINDING_NAME = "F316": "a binding whose name has a meaning already";
    UNKNOWN_PARTIAL = "F317": "a partial that does not exist";
    TAG_IN_PARTIAL = "F318": "a tag inside a partial";
    PARTIAL_PLACE = "F319": "a partial that does not stand alone on its line";
    NO_DEPLOY = "F320": "a template without the phase deploy";
    NO_ROLLBACK = "F321": "a template that cannot roll back";
    NOT_A_FILE = "F322": "a template that is not a regular file, or too large";
    FILE_NAME = "F323": "a name in templates/ that no host could use";
    FIRST_STATEMENT = "F324": "a statement of PowerShell that has to come first";
    SECRET_NAME = "F325": "a secret that Parameter Store cannot have";
    NO_REMOVE = "F326": "a template that cannot take its service away";
    TYPOGRAPHY = "W332": "a quotation mark that PowerShell takes for one of its own";
}

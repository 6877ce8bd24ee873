//! The codes of everything the manifests can get wrong. A code is never reused for another problem:
//! people search for them and scripts match on them. Each has its page in `docs/diagnostics/`, whose
//! title is the meaning given here.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $meaning:literal;)*) => {
        $($(#[$doc])* #[doc = $meaning] pub(super) const $name: &str = $code;)*

        /// Every code of manifests with its meaning, sorted by code.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    SYNTAX = "F001": "the file is not YAML";
    ENCODING = "F002": "the file is not UTF-8 text";
    CONTROL_CHARACTER = "F003": "the file contains a control character";
    TAB = "F004": "a tab stands where YAML wants spaces";
    SEVERAL_DOCUMENTS = "F005": "the file holds more than one YAML document";
    DUPLICATE_KEY = "F006": "a key stands twice in one mapping";
    TOO_DEEP = "F007": "the nesting is too deep";
    ALIAS_EXPANSION = "F008": "aliases repeat so much that the file grows out of bounds";
    ALIAS_TARGET = "F009": "an alias names no anchor before it, or contains itself";
    TAG = "F010": "a YAML tag such as !!str, which manifests do not use";
    KEY_FORM = "F011": "a key is not one word";
    EMPTY_FILE = "F012": "the file is empty";
    MERGE_KEY = "F013": "a merge key <<, which YAML 1.2 does not have";
    SHAPE = "F014": "a mapping, a list or a text stands where another of them belongs";
    NO_VALUE = "F015": "a key or list item has no value";
    MORE_PROBLEMS = "F016": "the file has more problems than are shown";
    NO_FLEET_FILE = "F020": "fleet.yaml is missing";
    LINK = "F021": "a symbolic link, which fleet does not follow";
    TOO_LARGE = "F022": "the file is too large to be read";
    NOT_A_FILE = "F023": "not a regular file";
    EXTENSION = "F024": "the file's extension is not .yaml";
    MISPLACED_FILE = "F025": "an environment's file in a folder below environments/";
    NOT_A_FOLDER = "F026": "a file stands where a folder belongs";

    UNKNOWN_KEY = "F101": "a key that does not exist";
    MISSING_KEY = "F102": "a key that has to be there";
    UNKNOWN_CHOICE = "F105": "a value that is none of those a key takes";
    API_VERSION = "F106": "an api_version other than fleet/v1";
    NAME = "F107": "a name that does not follow its pattern";
    VERSION_QUOTES = "F108": "a version that YAML reads as something else than text";
    VERSION = "F109": "a version that cannot be one";
    DURATION = "F110": "not a duration";
    DURATION_RANGE = "F111": "a duration that is too short or too long";
    NUMBER = "F112": "not a whole number in its range";
    BATCH = "F113": "not a batch size or ramp";
    UNUSED_KEY = "F114": "a key that has no effect beside the others";
    SELECTOR = "F115": "not a selector";
    INSTANCE = "F116": "not the id of an instance";
    LABEL = "F117": "not the name of a label";
    VARIABLE_NAME = "F118": "not the name of a variable";
    VARIABLE_VALUE = "F119": "a variable is a text or a list of texts";
    VALUE_CHARACTER = "F120": "a value with a character that no script can be given";
    GIT_NAME = "F121": "not a name that git accepts for a remote or a branch";
    GIT_BRANCHES = "F122": "branches of fleet that cannot exist side by side";
    REGION = "F123": "not the name of an AWS region";
    HOLD = "F124": "a hold without a reason";
    NO_HOSTS = "F125": "an environment without hosts";
    INSTANCE_MISSING = "F126": "a host without instance behind a real transport";
    INSTANCE_IN_SANDBOX = "F127": "a host of the sandbox with an instance";
    NO_TRANSPORTS = "F128": "a fleet without transports";
    TOO_MANY = "F129": "an environment with more hosts, services and variables than can be planned";
    TIME_ZONE = "F130": "not the name of a time zone";
    TIME_OF_DAY = "F131": "not a time of day";
    DATE = "F132": "not a date";
    WINDOW = "F133": "a window that cannot mean what it says";
    PUBLIC_KEY = "F134": "not an SSH public key";
    EMAIL = "F135": "not an e-mail address";
    HASH = "F136": "not a sha256";
    ARTIFACT = "F137": "not the address of an artifact";
    AWS_NAME = "F138": "not a name that AWS gives a role, an external id or a document";
    STORAGE = "F139": "not a place in S3";
    SECRET_SOURCE = "F140": "something secret, or nothing that leads to it";
    REQUIREMENT = "F141": "not a range of versions";
    TAGS = "F142": "tags that find nothing, or everything";
    TIMESTAMP = "F143": "not a point in time";
    TEXT = "F144": "not a text of one line";
    APPROVALS = "F145": "approvals that nobody can give";

    UNKNOWN_SERVICE = "F201": "a service that the fleet does not have";
    UNKNOWN_TRANSPORT = "F202": "a transport that the fleet does not have";
    TRANSPORT_CHOICE = "F203": "an environment that does not say which of several transports it uses";
    UNKNOWN_TEMPLATE = "F204": "a template that does not exist";
    SELECTS_NOTHING = "F205": "a selector that matches no host";
    PIN_WITHOUT_SERVICE = "F206": "a host pins a service that it does not run";
    UNKNOWN_ENVIRONMENT = "F207": "an environment that the fleet does not have";
    UNKNOWN_PERSON = "F208": "a person that the fleet does not have";
    REQUIRES = "F209": "a service without what it requires on the same host";
    REQUIRES_CYCLE = "F210": "services that require one another";
    KEY_OF_TWO = "F211": "one key of two people";
    ARTIFACT_PLATFORM = "F212": "a host for whose platform there is no artifact";
    DISCOVER_IN_SANDBOX = "F213": "a sandbox in which hosts are to be discovered";

    INSTANCE_OF_TWO = "F401": "a service on one instance belongs to two environments";
    AFTER_CYCLE = "F402": "environments that wait for one another";

    NO_ENVIRONMENTS = "W001": "a fleet without environments";
    NO_SERVICES = "W101": "an environment without services";
    UNUSED_SERVICE = "W201": "a service that no environment runs";
    NO_HASH = "W202": "an artifact without a sha256";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_used_once() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}

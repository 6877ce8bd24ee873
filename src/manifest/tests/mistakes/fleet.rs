//! A `fleet.yaml` and what can be wrong on its lines.

use super::{Evidence, Manifest, SERVICES};

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
pub(super) const KEYS: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILaH3zBsTklVQhajvS0kD/Gd4WpNNjYUTqwSau+Jb4lz",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9nVm3fQb3v0iEAT5S8aZ9b6pJm3sT2wE8m4rWqk5T",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHN0iEAT5S8aZ9b6pJm3sT2wE8m4rWqk5TGb9nVm3fQb",
];

/// `fleet.yaml`.
pub(super) fn fleet() -> Manifest {
    use Evidence::SpoilsTransport;
    let mut file = Manifest::default();
    file.line(
        "api_version: fleet/v1",
        &[
            ("api_version", "apiVersion", "F101"),
            ("fleet/v1", "fleet/v2", "F106"),
            ("fleet/v1", "[fleet/v1]", "F014"),
        ],
    );
    file.line(
        "name: acme",
        &[
            ("name", "nmae", "F101"),
            ("acme", "Acme Inc", "F107"),
            ("acme", "~", "F015"),
        ],
    );
    file.line(
        "git: { remote: none, branch: main, ledger: fleet/observed }",
        &[
            ("branch", "brnach", "F101"),
            ("main", "a..b", "F121"),
            ("main", "fleet", "F122"),
            ("none", "https://example.com/x", "F121"),
            ("remote: none", "remote: none, remote: origin", "F006"),
        ],
    );
    file.line("transports:", &[]);
    file.line(
        "  lab: { kind: sandbox }",
        &[
            ("kind: sandbox", "", "F102"),
            ("sandbox", "sandbox, region: eu-west-1", "F114"),
            ("lab", "Lab", "F107"),
        ],
    );
    file.line("  sydney: { kind: ssm, region: ap-southeast-2 }", &[]);
    for (part, instead, code) in [
        ("kind: ssm", "kind: smm", "F105"),
        (", region: ap-southeast-2", "", "F102"),
        ("region", "regoin", "F101"),
        ("southeast-2", "southeast-2a", "F123"),
        ("region", "role_arn: me, region", "F138"),
        ("region", "external_id: abc, region", "F114"),
    ] {
        file.evident(part, instead, code, SpoilsTransport);
    }
    file.line(
        "defaults: { transport: sydney, variables: { site: sydney } }",
        &[
            ("site:", "9site:", "F118"),
            ("variables", "varables", "F101"),
            ("{ site: sydney }", "{ <<: { a: b } }", "F013"),
        ],
    );
    for (part, instead, code) in [
        ("transport: sydney", "transport: sidney", "F202"),
        ("transport", "transprot", "F101"),
        ("transport: sydney", "transport: [sydney]", "F014"),
        ("transport: sydney", "transport: *sydney", "F009"),
    ] {
        file.evident(part, instead, code, SpoilsTransport);
    }
    file.line("people:", &[]);
    for (number, person) in PEOPLE.iter().enumerate() {
        let key = KEYS[number];
        file.line(
            format!("  {person}: {{ key: {key}, emails: [{person}@acme.example] }}"),
            &[
                ("ssh-ed25519 ", "ssh-ed25519", "F134"),
                ("@acme", " at acme", "F135"),
                ("emails: [", "emails: [[], ", "F014"),
                (person, &person.to_uppercase(), "F107"),
                ("key", "kye", "F101"),
            ],
        );
    }
    file.line("services:", &[]);
    file.line(
        "  base: {}",
        &[("{}", "{ timeout: 1 }", "F110"), ("{}", "base", "F014")],
    );
    for number in 0..SERVICES {
        let name = format!("service-{number}");
        if number % 2 == 0 {
            service_on_a_line(&mut file, &name);
        } else {
            service_of_lines(&mut file, &name);
        }
    }
    file
}

fn service_on_a_line(file: &mut Manifest, name: &str) {
    file.line(format!("  {name}: {{ template: base, timeout: 10m, variables: {{ port: 8080, list: [a, b] }} }}"), &[
        ("timeout: 10m", "timeout: 10", "F110"),
        ("timeout: 10m", "timeout: 9d", "F111"),
        ("timeout: 10m", "timeout:", "F015"),
        ("timeout", "timout", "F101"),
        ("template: base", "template: nowhere", "F204"),
        ("template: base", "template: [base]", "F014"),
        ("template: base", "tmplate: base", "F101"),
        ("template: base", "template: base, replicas: 3", "F101"),
        ("port: 8080", "8port: 8080", "F118"),
        ("port: 8080", "port: { a: b }", "F119"),
        ("port: 8080", "port: {{ port }}", "F011"),
        ("port: 8080", "port: 8080, port: 8081", "F006"),
        ("port: 8080", "port: *port", "F009"),
        ("port: 8080", "port: !!str 8080", "F010"),
        ("port: 8080", r#"port: "\a""#, "F120"),
        ("[a, b]", "[a, ~]", "F015"),
        ("variables: { port: 8080, list: [a, b] }", "variables: []", "F014"),
        ("variables", "artifact: http://a/b, variables", "F137"),
        ("variables", "requires: { base: newest }, variables", "F141"),
        ("variables", "requires: { unheard-of: '1' }, variables", "F201"),
        (name, &name.to_uppercase(), "F107"),
    ]);
    file.and(format!("  \"{name}\": {{}}"), "F006");
}

fn service_of_lines(file: &mut Manifest, name: &str) {
    file.line(format!("  {name}:"), &[]);
    file.and("    region: eu-west-1", "F101");
    file.line(
        "    template: base",
        &[("template", "tempalte", "F101"), ("base", "bsae", "F204")],
    );
    file.line(
        "    timeout: 10m",
        &[("10m", "1h30m", "F110"), ("10m", "0s", "F111")],
    );
    file.and("    timeout: 20m", "F006");
    file.line(
        "    requires: { base: '>=1.0.0' }",
        &[
            ("'>=1.0.0'", "latest", "F141"),
            ("{ base: '>=1.0.0' }", "[base]", "F014"),
        ],
    );
    file.line("    variables:", &[]);
    file.line("      text: |", &[]);
    file.line("        two", &[]);
    file.line("        lines", &[]);
    file.line(
        "      flag: yes",
        &[
            ("yes", "{}", "F119"),
            ("flag", "a flag", "F118"),
            ("yes", "", "F015"),
        ],
    );
}

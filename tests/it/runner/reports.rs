//! The report line under hostile input: always valid, never longer than 1,200 bytes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;
use proptest::prelude::*;

use super::host::{Host, Step};

/// Runs functions of the runner on many inputs in one bash: a line of escapes in, a line out.
fn in_bash(body: &str, inputs: &[Vec<u8>]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/host/runner");
    let script = format!(
        "LC_ALL=C\nsource {0}/json.sh\nsource {0}/report.sh\n\
         while IFS= read -r input; do\n{body}\ndone\n",
        folder.display()
    );
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text: String = inputs.iter().map(|bytes| escape(bytes) + "\n").collect();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("ASCII");
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), inputs.len());
    lines
}

/// Bytes for `printf %b`, which has no NUL to give.
fn escape(bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter(|b| **b != 0)
        .map(|b| format!("\\x{b:02x}"))
        .collect()
}

/// Characters and bytes that have hurt somebody.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        "[ -~]{0,20}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "\"", "\\", "\n", "\r", "\t", "'", "`", "$(", "{{", "%", "\u{2028}", "\\u", "}\n{"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(1_u8.., 0..6),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| {
        let mut bytes = pieces.concat();
        bytes.retain(|byte| *byte != 0);
        bytes
    })
}

fn samples(count: usize) -> Vec<Vec<u8>> {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut make = || nasty().new_tree(&mut runner).unwrap().current();
    (0..count).map(|_| make()).collect()
}

#[test]
fn any_bytes_become_ascii_json_of_bounded_length() {
    let inputs = samples(400);
    let body = "printf -v text %b \"$input\"\njson \"$text\" 100000; whole=$REPLY\njson \"$text\" 50; start=$REPLY\njson_end \"$text\" 50\nprintf '[\"%s\",\"%s\",\"%s\"]\\n' \"$whole\" \"$start\" \"$REPLY\"";
    for (bytes, line) in inputs.iter().zip(in_bash(body, &inputs)) {
        assert!(line.is_ascii());
        let [whole, start, end]: [String; 3] =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line} from {bytes:?}"));
        match std::str::from_utf8(bytes) {
            Ok(text) => assert_eq!(whole, text),
            Err(_) => assert_eq!(
                whole.replace('\u{fffd}', ""),
                String::from_utf8_lossy(bytes).replace('\u{fffd}', "")
            ),
        }
        assert!(whole.starts_with(&start), "{start:?} {whole:?}");
        if std::str::from_utf8(bytes).is_ok() {
            assert!(whole.ends_with(&end), "{end:?} {whole:?}");
        }
        let encoded = line.split("\",\"").last().unwrap().len();
        assert!(encoded <= 52 || line.contains("\\\""), "{encoded}");
    }
}

#[test]
fn a_report_of_anything_is_valid_and_short() {
    let inputs = samples(150);
    let body = r#"printf -v text %b "$input"
step=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
host=$(printf %063d 1) service=$(printf %063d 2)
outcome=failed phase=observe-restored exit_code=127 highest=123456789012345678
observed=${text:0:128} before=${text:1:128} message=$text$text began=0 clock_started=1
fact_names=() fact_values=() stage_names=() stage_times=()
for k in {1..20}; do set_fact "f$k" "${text:k}"; add_stage "${text:k:9}" "$k$k$k"; done
log=/dev/null
build_report
printf '%s\n' "$report""#;
    for line in in_bash(body, &inputs) {
        assert!(line.len() < 1_200, "{}", line.len());
        let reports = fleet::host::report::parse(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(reports[0].phase.as_deref(), Some("observe"));
        assert!(!reports[0].message.is_empty() || line.contains("\"message\":\"\""));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_step_with_nasty_facts_and_output_reports_it(values in prop::collection::vec(nasty(), 1..5)) {
        let host = Host::new();
        let mut verify = String::new();
        for number in 0..values.len() {
            let file = format!("$FLEET_FILES/{number}");
            verify += &format!("fleet_fact f{number} \"$(<\"{file}\")\"\nfleet_stage \"$(<\"{file}\")\"\ncat \"{file}\"\n");
        }
        let mut step = Step::new("a", Action::Install, "1.0.0")
            .script("verify", &format!("{verify}fleet_fail \"$(<\"$FLEET_FILES/0\")\"\n"));
        for (number, bytes) in values.iter().enumerate() {
            step = step.file(&format!("files/{number}"), bytes);
        }
        let report = host.run(&step).report();
        prop_assert_eq!(report.outcome, ReportOutcome::RolledBack);
        prop_assert!(report.message.starts_with("verify"));
    }
}

#[test]
fn what_does_not_fit_goes_in_the_order_of_the_design() {
    let host = Host::with_version("1.0.0");
    let full = Step::new("a", Action::Upgrade, "2.0.0").script(
        "verify",
        "for n in {1..12}; do fleet_fact fact$n \"$(printf %050d $n)\"; done\n\
         for n in {1..16}; do fleet_stage stage$n; done\necho tail\nfleet_fail \"$(printf %0400d 7)\"\n",
    );
    let ran = host.run(&full);
    let report = ran.report();
    assert_eq!(report.message.len(), 300);
    assert_eq!(report.stages.len(), 16);
    assert!(
        (1..12).contains(&report.facts.len()),
        "{}",
        report.facts.len()
    );
    assert_eq!((report.log.as_str(), report.tail.as_str()), ("", ""));
    assert!(ran.stdout.len() > 1_100, "{}", ran.stdout.len());
    assert!(ran.stderr.contains("tail\n"));
}

#[test]
fn every_length_is_cut_in_the_order_of_the_design() {
    let lengths: Vec<Vec<u8>> = (1..=240).map(|k| k.to_string().into_bytes()).collect();
    // Stages grow with the input, facts with the odd ones of them.
    let body = r#"printf -v k %b "$input"
step=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
host=web-1 service=web outcome=failed phase=deploy exit_code=1 highest= observed=1 before=2
began=0 clock_started=1
printf -v message %0300d 7
fact_names=() fact_values=() stage_names=() stage_times=()
for n in {1..16}; do printf -v name "$n-%0$((k / 6 + 1))d" 1; add_stage "$name" 100; done
printf -v text %0$((k % 2 == 0 ? 1 : k > 200 ? 200 : k))d 1
for n in 1 2; do set_fact "fact$n" "$text"; done
log=$(mktemp "/tmp/a-log-whose-path-takes-room-in-the-report.XXXXXX") && echo "the end" >"$log"
build_report
rm "$log"
printf '%s\n' "$report""#;
    let mut seen = [0; 4];
    for line in in_bash(body, &lengths) {
        assert!(line.len() < 1_200, "{}", line.len());
        let report = fleet::host::report::parse(&line).unwrap().remove(0);
        assert_eq!(report.message.len(), 300, "{line}");
        let (log, tail) = (!report.log.is_empty(), !report.tail.is_empty());
        let kept = [
            report.stages.len() == 16,
            report.facts.len() == 2,
            log,
            tail,
        ];
        assert!(kept.is_sorted_by(|a, b| a >= b), "{kept:?}: {line}");
        for (seen, kept) in seen.iter_mut().zip(kept) {
            *seen += usize::from(kept);
        }
    }
    assert!(seen.iter().all(|kept| (1..240).contains(kept)), "{seen:?}");
    assert!(
        seen.is_sorted_by(|a, b| a > b),
        "each is cut somewhere first: {seen:?}"
    );
}

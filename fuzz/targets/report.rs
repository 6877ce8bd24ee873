//! Any text as what a host printed: the reader answers, believes only lines that say so themselves,
//! and a cut answer never tells of another step or another end of one.

#![no_main]

use fleet::host::report;
use fleet::model::task::AnswerContent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _either = report::parse_current(text);
    if let Ok(AnswerContent::Garbled(_) | AnswerContent::Lost(_) | AnswerContent::Undelivered(_)) =
        report::read(text)
    {
        panic!("a reader of text knows nothing of deliveries");
    }
    let Ok(reports) = report::parse(text) else {
        return;
    };
    // Read once more by what knows nothing of reports.
    let lines: Vec<serde_json::Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert!(!reports.is_empty());
    for (report, line) in reports.iter().zip(&lines) {
        let step = report.step.as_str();
        assert_eq!(line["fleet"], 1);
        assert_eq!(line["step"], step);
        assert_eq!(line["outcome"], serde_json::json!(report.outcome));
        assert!(step.len() == 64 && step.bytes().all(|c| c.is_ascii_hexdigit()));
        assert!(
            line.get("problem")
                .is_none_or(|problem| !problem.is_string())
        );
    }
    assert!(lines.len() >= reports.len());
    // Cut anywhere, it says less and nothing else.
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        if let Ok(fewer) = report::parse(&text[..end]) {
            assert_eq!(fewer[..], reports[..fewer.len()]);
        }
    }
});

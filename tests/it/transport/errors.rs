//! What errors prove: whether something may have been accepted decides what may be sent again.

use std::sync::Arc;
use std::time::Duration;

use fleet::transport::ssm::Pacing;
use fleet::transport::{Sent, Transport as _, TransportError};
use serde_json::json;

use super::canned::{Canned, Reply};
use super::lab::{ByHand, LIMITS, Lab, QUICK, comment, current, instance, lab, transport};
use crate::fixture::Fixture;
use crate::support::RealClock;

async fn send(lab: &Lab) -> Result<Sent, TransportError> {
    lab.transport.send(&comment(1), &[current(0)], LIMITS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_after_acceptance_is_ambiguous_and_the_command_is_found() {
    for (fault, accepted) in [("fail_after", 1), ("cut_after", 1), ("fail", 0), ("cut", 0)] {
        let lab = lab(1).await;
        lab.faults(json!({ fault: [{ "operation": "SendCommand", "calls": 1 }] }));
        let sent = send(&lab).await;
        assert!(
            matches!(sent, Err(TransportError::Ambiguous { .. })),
            "{fault}: {sent:?}"
        );
        assert_eq!(lab.sandbox.calls("SendCommand"), 1, "{fault}");
        let found = lab.found().await;
        assert_eq!(found.len(), accepted, "{fault}");
        if let Some(command) = found.first() {
            assert_eq!(command.comment, comment(1));
            assert_eq!(lab.answers(command).await.len(), 1);
        }
        lab.sandbox.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_waited_out() {
    let lab = lab(1).await;
    lab.faults(json!({ "throttle": [{ "operation": "*", "calls": 5 }] }));
    let sent = send(&lab).await.unwrap();
    assert!(sent.command.is_some());
    assert_eq!(lab.sandbox.calls("SendCommand"), 6);
    assert_eq!(lab.found().await.len(), 1);
    lab.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_without_end_is_an_error_that_accepted_nothing() {
    let lab = lab(1).await;
    lab.faults(json!({ "throttle": [{ "operation": "SendCommand" }] }));
    let clock = Arc::new(RealClock::new());
    let impatient = transport(&lab.sandbox.endpoint(), clock, QUICK).await;
    let sent = impatient.send(&comment(1), &[current(0)], LIMITS).await;
    match sent {
        Err(TransportError::Throttled { operation, .. }) => assert_eq!(operation, "SendCommand"),
        other => panic!("{other:?}"),
    }
    assert!(lab.sandbox.calls("SendCommand") > 1);
    assert!(lab.found().await.is_empty());
    lab.sandbox.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_that_is_down_accepted_nothing() {
    // Taken and given back: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for endpoint in [
        format!("http://127.0.0.1:{port}"),
        "http://nowhere.invalid".to_owned(),
    ] {
        let transport = transport(&endpoint, ByHand::new(), QUICK).await;
        let sent = transport.send(&comment(1), &[current(0)], LIMITS).await;
        match sent {
            Err(error @ TransportError::Unreachable { .. }) => {
                assert_eq!(error.to_string(), format!("could not reach {endpoint}"));
            }
            other => panic!("{endpoint}: {other:?}"),
        }
        let looked = transport.inventory(&[instance(0)]).await;
        assert!(
            matches!(looked, Err(TransportError::Unreachable { .. })),
            "{looked:?}"
        );
        assert_eq!(transport.clock_skew(), None);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_ambiguous_for_a_send_only() {
    let pacing = Pacing {
        answer: Duration::from_millis(100),
        ..QUICK
    };
    for silent in [true, false] {
        let canned = Canned::start(move |_, _| if silent { Reply::Silence } else { Reply::Cut });
        let canned = canned.await;
        let transport = transport(&canned.endpoint, ByHand::new(), pacing).await;
        let sent = transport.send(&comment(1), &[current(0)], LIMITS).await;
        assert!(
            matches!(sent, Err(TransportError::Ambiguous { .. })),
            "{sent:?}"
        );
        assert_eq!(canned.calls("SendCommand"), 1);
        let looked = transport.inventory(&[instance(0)]).await;
        assert!(
            matches!(looked, Err(TransportError::Unreachable { .. })),
            "{looked:?}"
        );
        assert_eq!(canned.calls("DescribeInstanceInformation"), 3);
    }
}

#[tokio::test]
async fn what_is_not_the_services_answer_proves_nothing() {
    for (status, body) in [
        (502, json!("bad gateway")),
        (403, json!({ "who": "a proxy" })),
        (200, json!({})),
        (500, json!({ "__type": "InternalServerError" })),
        (503, json!({ "__type": "ServiceUnavailableException" })),
    ] {
        let answer = body.clone();
        let canned = Canned::start(move |_, _| Reply::Json(status, answer.clone())).await;
        let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
        let sent = transport.send(&comment(1), &[current(0)], LIMITS).await;
        let ambiguous = matches!(sent, Err(TransportError::Ambiguous { .. }));
        assert!(ambiguous, "{status} {body}: {sent:?}");
        assert_eq!(canned.calls("SendCommand"), 1);
    }
}

#[tokio::test]
async fn credentials_that_aws_does_not_believe_are_no_usable_ones() {
    for code in [
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
    ] {
        let canned = Canned::start(move |_, _| Reply::error(code, "not you")).await;
        let transport = transport(&canned.endpoint, ByHand::new(), QUICK).await;
        let sent = transport.send(&comment(1), &[current(0)], LIMITS).await;
        assert!(
            matches!(sent, Err(TransportError::Credentials { .. })),
            "{sent:?}"
        );
        assert_eq!(canned.calls("SendCommand"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_says_what_and_who() {
    let lab = lab(1).await;
    lab.faults(json!({ "deny": [{ "operation": "*" }] }));
    match send(&lab).await {
        Err(TransportError::AccessDenied { operation, message }) => {
            assert_eq!(operation, "SendCommand");
            assert!(
                message.contains("is not authorized to perform: ssm:SendCommand"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.sandbox.calls("SendCommand"), 1);
    lab.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_clock_is_read_off_every_answer() {
    let lab = lab(1).await;
    assert_eq!(lab.transport.clock_skew(), None);
    for (ahead, fault) in [
        (0, "fail_after"),
        (90, "deny"),
        (-120, "throttle"),
        (0, "fail"),
    ] {
        let faults =
            json!({ "clock_skew": ahead, fault: [{ "operation": "SendCommand", "calls": 1 }] });
        lab.faults(faults);
        drop(send(&lab).await);
        let skew = lab.transport.clock_skew().unwrap().seconds;
        assert!((skew - ahead).abs() <= 1, "{skew} instead of {ahead}");
    }
    lab.sandbox.shutdown().await;
}

/// The standard AWS configuration, as the binary finds it: the environment, and an endpoint from it.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_and_endpoint_come_from_the_standard_configuration() {
    let canned = Canned::start(|_, _| Reply::error("AccessDeniedException", "Bob may not")).await;
    let endpoint = canned.endpoint.clone();
    let apply = async |credentials: &'static [(&'static str, &'static str)]| {
        let endpoint = endpoint.clone();
        tokio::task::spawn_blocking(move || {
            let fixture = Fixture::new(&[
                ("fleet.yaml", FLEET),
                ("environments/lab.yaml", LAB),
                ("templates/app/deploy.sh.hbs", "true\n"),
            ]);
            let output = fixture
                .command(&["apply", "--yes"])
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("AWS_ENDPOINT_URL_SSM", endpoint)
                .envs(credentials.iter().copied())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.code(), said)
        })
        .await
        .unwrap()
    };

    let (exit, said) = apply(&[]).await;
    assert!(said.contains("error: no usable AWS credentials"), "{said}");
    assert_eq!(exit, Some(6), "{said}");
    assert_eq!(
        canned.all_calls(),
        0,
        "nothing to sign with, nothing to send"
    );

    let (exit, said) = apply(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]).await;
    let refused = "error: AWS refused DescribeInstanceInformation: Bob may not";
    assert!(said.contains(refused), "{said}");
    assert_eq!(exit, Some(6), "{said}");
    assert_eq!(canned.all_calls(), 1);
}

const FLEET: &str = "api_version: fleet/v1
name: acme
git: { remote: none }
transports: { sydney: { kind: ssm, region: ap-southeast-2 } }
services: { app: {} }
";

const LAB: &str = "hosts: { one: { instance: i-0123456789abcdef0 } }
services: { app: 1.0.0 }
";

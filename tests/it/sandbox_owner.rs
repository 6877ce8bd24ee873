//! Who owns a sandbox's folder, who else may use it, and what it is started with.

use std::fs;
use std::time::Duration;

use fleet::model::desired::Platform;
use fleet::model::id::InstanceId;
use fleet::sandbox::{
    CallFault, Faults, Sandbox, SandboxError, SandboxInstance, connect_or_start, serve,
};
use serde_json::json;

use crate::sandbox_place::{Place, WAITING, answers, call, end, runs, send, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_owner() {
    let place = Place::new();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let second = Sandbox::start(place.options()).await;
    assert!(
        matches!(second, Err(SandboxError::InUse { .. })),
        "{second:?}"
    );
    sandbox.shutdown().await;
    Sandbox::start(place.options()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn others_use_the_owners_endpoint_and_inherit_it() {
    let place = Place::new();
    let server = place.server();
    let mut options = place.options();
    let other = SandboxInstance::host(
        "lab".into(),
        "db".into(),
        "i-00000000000000002".into(),
        Platform::Linux,
    );
    options.instances.push(other);
    let handle = connect_or_start(options).await.unwrap();
    assert!(!handle.is_started_here());
    assert_eq!(handle.endpoint(), server.endpoint);
    let (_, answer) = call(
        handle.endpoint(),
        "AmazonSSM.DescribeInstanceInformation",
        &json!({}),
    );
    assert_eq!(
        answer["InstanceInformationList"].as_array().unwrap().len(),
        2
    );

    let command = send(handle.endpoint(), &WAITING, "60");
    wait(|| runs(&place) == "started\n");
    server.kill();
    wait(|| answers(handle.endpoint()));
    fs::write(place.host().join("go"), "").unwrap();
    assert_eq!(end(handle.endpoint(), &command)["Status"], "Success");
    assert_eq!(runs(&place), "started\nended\n");
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_first_starts_it() {
    let place = Place::new();
    let (one, two) = tokio::join!(
        connect_or_start(place.options()),
        connect_or_start(place.options())
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.endpoint(), two.endpoint());
    assert!(one.is_started_here() != two.is_started_here());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_registered_once_and_stay() {
    let place = Place::new();
    let sandbox = Sandbox::start(place.options()).await.unwrap();
    let host = json!({ "InstanceId": "i-00000000000000003", "Platform": "linux", "Environment": "lab", "Host": "web" });
    for _ in 0..2 {
        let (status, answer) = call(
            &sandbox.endpoint(),
            "FleetSandbox.Register",
            &json!({ "Instances": [host] }),
        );
        assert_eq!(
            (status, &answer["Instances"][0]["Online"]),
            (200, &json!(true))
        );
    }
    sandbox.shutdown().await;
    let mut options = place.options();
    options.instances.clear();
    let sandbox = Sandbox::start(options).await.unwrap();
    let (_, answer) = call(
        &sandbox.endpoint(),
        "AmazonSSM.DescribeInstanceInformation",
        &json!({}),
    );
    let list = answer["InstanceInformationList"].as_array().unwrap();
    // It has taken over the folder of the one before: two agents in one folder there never are.
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["InstanceId"], "i-00000000000000003");

    for (key, bad) in [
        ("InstanceId", "web-1"),
        ("Host", "../../escape"),
        ("Environment", ""),
        ("Platform", "vms"),
    ] {
        let mut host = host.clone();
        host[key] = bad.into();
        let (status, _) = call(
            &sandbox.endpoint(),
            "FleetSandbox.Register",
            &json!({ "Instances": [host] }),
        );
        assert_eq!(status, 400, "{key} {bad}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let place = Place::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut options = place.options();
        options.listen = address.parse().unwrap();
        let refused = Sandbox::start(options).await;
        assert!(
            matches!(refused, Err(SandboxError::NotLoopback { .. })),
            "{refused:?}"
        );
    }
    assert!(!place.root().exists());
}

#[tokio::test]
async fn a_folder_that_is_no_sandboxs_is_refused_by_name() {
    let place = Place::new();
    Sandbox::start(place.options())
        .await
        .unwrap()
        .shutdown()
        .await;
    let file = place.root().join("instances.json");
    fs::write(&file, "not JSON").unwrap();
    let refused = Sandbox::start(place.options()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "{} is not a file of the sandbox",
            file.canonicalize().unwrap().display()
        )
    );
}

#[test]
fn a_faults_file_says_what_it_means_or_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("faults.yaml");
    fs::write(
        &file,
        "throttle:\n- { operation: SendCommand, calls: 3 }\noffline: [i-0123abcd]\n",
    )
    .unwrap();
    let faults = Faults::load(&file).unwrap();
    assert_eq!(faults.throttle[0].calls, Some(3));
    assert_eq!(faults.offline, vec![InstanceId::from("i-0123abcd")]);
    fs::write(&file, "throttle: [{ operation: SendCommand, call: 3 }]").unwrap();
    assert!(matches!(
        Faults::load(&file),
        Err(SandboxError::Faults { .. })
    ));
    assert!(matches!(
        Faults::load(&place.path().join("none")),
        Err(SandboxError::Folder { .. })
    ));
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let place = Place::new();
    let (told, stop) = tokio::sync::oneshot::channel::<String>();
    let mut told = Some(told);
    let mut endpoint = String::new();
    serve(
        place.options(),
        |ready| {
            let json = serde_json::to_value(ready).unwrap();
            assert_eq!(json["format"], "fleet.sandbox/1");
            told.take()
                .unwrap()
                .send(json["endpoint"].as_str().unwrap().to_owned())
                .unwrap();
        },
        async {
            endpoint = stop.await.unwrap();
            assert!(answers(&endpoint));
        },
    )
    .await
    .unwrap();
    assert!(!answers(&endpoint));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_started_it_switches_faults_and_counts_calls() {
    let place = Place::new();
    let mut options = place.options();
    options.faults.delivery_delay = 60;
    let sandbox = Sandbox::start(options).await.unwrap();
    let late = send(&sandbox.endpoint(), &["true"], "60");
    sandbox.advance(Duration::from_secs(60));
    assert_eq!(end(&sandbox.endpoint(), &late)["Status"], "Success");

    let throttle = CallFault {
        operation: "ListCommands".to_owned(),
        calls: Some(1),
        seconds: None,
        after: 1,
    };
    sandbox.set_faults(Faults {
        throttle: vec![throttle],
        ..Faults::default()
    });
    let list = || call(&sandbox.endpoint(), "AmazonSSM.ListCommands", &json!({})).0;
    assert_eq!([list(), list(), list()], [200, 400, 200]);
    assert_eq!(sandbox.calls("ListCommands"), 3);
    assert_eq!(sandbox.calls("SendCommand"), 1);
}

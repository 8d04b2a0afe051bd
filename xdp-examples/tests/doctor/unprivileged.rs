//! What is seen without privileges.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::Value;

use crate::{finding, interface, lab_for, printed};

#[test]
fn a_user_without_privileges_sees_the_interfaces_and_is_told_what_is_hidden() {
    let test = "a_user_without_privileges_sees_the_interfaces_and_is_told_what_is_hidden";
    let Some(lab) = lab_for(test, &["install"]) else { return };
    let _inside = lab.enter().unwrap();
    // A folder that everybody may look into, as the build folder may not be.
    let folder = std::env::temp_dir().join(format!("xdp-doctor-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.join("doctor");
    // By another process: a descriptor of ours that writes the file could be inherited by a program that another test
    // starts just then, and a file that is open for writing cannot be run.
    let installed = Command::new("install")
        .args(["-m", "755", env!("CARGO_BIN_EXE_doctor")])
        .arg(&copy)
        .status()
        .unwrap();
    assert!(installed.success());
    let run =
        |arguments: &[&str]| Command::new(&copy).args(arguments).uid(65_534).gid(65_534).output().unwrap();
    let (json, text) = (run(&["--json"]), run(&[]));
    fs::remove_dir_all(&folder).unwrap();

    let report: Value = serde_json::from_str(&printed(&json)).unwrap();
    let a = interface(&report, lab.pair(0).a().name());
    assert_eq!((&a["driver"], &a["is_up"]), (&Value::from("veth"), &Value::from(true)));
    let missing = finding(&report, "MissingCapability");
    assert!(missing["summary"].as_str().unwrap().contains("CAP_NET_RAW"), "{missing}");
    assert!(missing["remedies"].to_string().contains("setcap cap_net_raw"), "{missing}");
    // That there is AF_XDP can be found out by anybody; the rest takes a socket.
    let features = report["machine"]["features"].as_array().unwrap();
    assert_eq!(features[0]["present"], true, "{features:?}");
    assert!(features.iter().any(|feature| feature["present"].is_null()), "{features:?}");
    let unseen = report["unseen"].to_string();
    for capability in ["CAP_NET_RAW", "CAP_SYS_ADMIN"] {
        assert!(unseen.contains(capability), "{unseen}");
    }
    let text = printed(&text);
    for said in ["not seen", "may not", "not known", lab.pair(0).a().name()] {
        assert!(text.contains(said), "{said:?} is not in:\n{text}");
    }
}

//! What `doctor` prints, held against ip, ethtool and /sys in a private namespace.

mod facts;
mod in_use;
mod unprivileged;

use std::process::{Command, Output};

use serde_json::Value;
use xdp::lab::{self, Lab};

/// Runs doctor in the namespace of this thread.
fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doctor")).args(arguments).output().unwrap()
}

/// What it prints, which must go well.
fn printed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The JSON object that it prints.
fn report(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(&run(&[&["--json"], arguments].concat()))).unwrap()
}

/// One interface of a report.
fn interface<'a>(report: &'a Value, name: &str) -> &'a Value {
    let all = report["interfaces"].as_array().unwrap();
    all.iter().find(|interface| interface["name"] == name).unwrap_or_else(|| panic!("no {name} in {all:#?}"))
}

/// The finding of a kind among those of an interface or of the machine.
fn finding<'a>(of: &'a Value, kind: &str) -> &'a Value {
    let all = of["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {all:#?}"))
}

/// Whether the tools are installed; says so if not, and fails where nothing may be missing.
fn has_tools(tools: &[&str], test: &str) -> bool {
    let missing = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    if let Some(tool) = missing {
        let required = std::env::var_os("XDP_TEST_REQUIRE").is_some_and(|value| value == "1");
        assert!(!required, "{test} must run, as XDP_TEST_REQUIRE=1 says, and there is no {tool}");
        eprintln!("SKIPPED {test}: there is no {tool}");
    }
    missing.is_none()
}

/// What a command prints, or none if it fails.
fn output_of(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// A pair of two queues, a bridge, and whatever else this kernel has, in the namespace of this thread.
fn furnish(lab: &Lab) -> Vec<String> {
    let (a, b) = (lab.pair(0).a().name(), lab.pair(0).b().name());
    let mut names = vec!["lo".to_owned(), a.to_owned(), b.to_owned()];
    for (name, making) in [
        ("br0", "ip link add br0 type bridge".to_owned()),
        ("tap0", "ip tuntap add dev tap0 mode tap".to_owned()),
        ("tun0", "ip tuntap add dev tun0 mode tun".to_owned()),
        ("mv0", format!("ip link add link {a} name mv0 type macvlan")),
        ("vl0", format!("ip link add link {a} name vl0 type vlan id 5")),
        ("bond0", "ip link add bond0 type bond".to_owned()),
        ("vx0", "ip link add vx0 type vxlan id 5 dstport 4789".to_owned()),
    ] {
        // Not every kernel has all of them.
        if output_of(&making).is_some() {
            names.push(name.to_owned());
        }
    }
    if names.iter().any(|name| name == "br0") {
        output_of(&format!("ip link set {b} master br0")).unwrap();
        output_of("ip link set br0 up").unwrap();
    }
    if names.iter().any(|name| name == "tap0") {
        // Up, and nobody has it open: a NIC without a cable.
        output_of("ip link set tap0 up").unwrap();
    }
    output_of(&format!("ip link set {a} mtu 1400")).unwrap();
    names
}

/// A lab of two queues, or none if the test cannot run here.
fn lab_for(test: &str, tools: &[&str]) -> Option<Lab> {
    (lab::require(test) && has_tools(tools, test)).then(|| Lab::builder().queues(2).build().unwrap())
}

//! Other programs that know the truth, run in the network namespace of the calling thread.

use std::env;
use std::io::ErrorKind;
use std::process::Command;

use serde_json::Value;

/// Whether the tools are installed; if not, says so, or fails where tests may not be skipped.
pub(crate) fn require(test: &str, tools: &[&str]) -> bool {
    let missing = |tool: &&&str| {
        let started = Command::new(tool).arg("--version").output();
        started.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    let Some(tool) = tools.iter().find(missing) else { return true };
    skip(test, &format!("{tool} is not installed (apt-get install iproute2 ethtool)"));
    false
}

/// Says that a test, or a part of it, cannot run here, or fails where tests may not be skipped.
pub(crate) fn skip(test: &str, why: &str) {
    let required = env::var_os("XDP_TEST_REQUIRE").is_some_and(|value| value == "1");
    assert!(!required, "{test} must run, as XDP_TEST_REQUIRE=1 says: {why}");
    eprintln!("SKIPPED {test}: {why}");
}

/// Runs a command line, split at spaces: what it printed, or what it said on its failure.
pub(crate) fn run(command: &str) -> Result<String, String> {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Runs `ip` with arguments that must succeed.
pub(crate) fn ip(arguments: &str) {
    run(&format!("ip {arguments}")).unwrap_or_else(|error| panic!("ip {arguments}: {error}"));
}

/// What `ip` says of a link.
pub(crate) fn link(name: &str) -> Value {
    let said = run(&format!("ip -d -j link show dev {name}")).unwrap();
    serde_json::from_str::<Value>(&said).unwrap()[0].take()
}

/// What `ethtool` says, `None` if that is that the driver does not.
pub(crate) fn ethtool(option: &str, name: &str) -> Option<String> {
    match run(&format!("ethtool {option} {name}")) {
        Ok(said) => Some(said),
        Err(error) if error.contains("not supported") => None,
        Err(error) => panic!("ethtool {option} {name}: {error}"),
    }
}

/// The numbers in a table of `ethtool`, of which those in use come second: 0 where it says n/a.
pub(crate) fn maximum_and_current(table: &str, row: &str) -> (u32, u32) {
    let rows = table.lines().filter_map(|line| line.strip_prefix(row)?.strip_prefix(':'));
    let numbers: Vec<_> = rows.map(|number| number.trim().parse().unwrap_or(0)).collect();
    match numbers[..] {
        [max, current] => (max, current),
        _ => panic!("{row}: {table}"),
    }
}

/// What a shell says in which `/sys` is mounted afresh, and so shows the namespace of the calling thread. `None`,
/// loudly, where that cannot be had.
pub(crate) fn with_own_sys(script: &str) -> Option<String> {
    let script = format!("mount -t sysfs none /sys && {script}");
    let output = Command::new("unshare").args(["--mount", "sh", "-ec", &script]).output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        other => {
            skip("a comparison with /sys", &format!("{other:?}"));
            None
        }
    }
}

/// One file of an interface in a fresh `/sys`.
pub(crate) fn sys(name: &str, file: &str) -> Option<String> {
    with_own_sys(&format!("cat /sys/class/net/{name}/{file}")).map(|text| text.trim().to_owned())
}

/// Makes a link of each kind that this kernel has and returns their names; the kinds that it has not are named on
/// standard error. Needs a lab with `veth0a`.
pub(crate) fn every_kind() -> Vec<String> {
    let kinds = [
        ("bridge", "link add bridge0 type bridge"),
        ("bond", "link add bond0 type bond"),
        ("vlan", "link add link veth0a name vlan0 type vlan id 5"),
        ("dummy", "link add dummy0 type dummy"),
        ("macvlan", "link add link veth0a name macvlan0 type macvlan"),
        ("vxlan", "link add vxlan0 type vxlan id 5 dstport 4789"),
        ("ifb", "link add ifb0 type ifb"),
        ("tun", "tuntap add dev tun0 mode tun multi_queue"),
        ("tap", "tuntap add dev tap0 mode tap"),
    ];
    let mut names: Vec<_> = ["lo", "veth0a", "veth0b"].map(str::to_owned).into();
    for (kind, command) in kinds {
        match run(&format!("ip {command}")) {
            Ok(_) => names.push(format!("{kind}0")),
            Err(error) => eprintln!("this kernel makes no {kind}: {}", error.trim()),
        }
    }
    names
}

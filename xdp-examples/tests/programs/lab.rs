//! Without arguments: each program in a lab of its own.

use rustix::process::Signal;
use xdp::lab;

use crate::child::Child;

/// KiB that resident memory may grow in a second: some lazily mapped pages, and far less than a leak of a byte per
/// packet.
const GROWTH: u64 = 512;

#[test]
fn hello_delivers_every_packet_with_few_system_calls_and_loses_no_chunk() {
    if !lab::require("hello_delivers_every_packet_with_few_system_calls_and_loses_no_chunk") {
        return;
    }
    let summary = Child::start("hello", &["--packets", "100000", "--json"]).end().sound_summary();
    assert_eq!(summary["packets"], 100_000);
    assert!(summary["system_calls"].as_u64().unwrap() * 16 <= 100_000, "{summary}");

    let ended = Child::start("hello", &["--packets", "10000", "--size", "1514"]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("none lost"), "{}", ended.stdout);
    assert_eq!(ended.stderr, ["10,000 of 10,000 packets arrived, whole and in order"]);
}

#[test]
fn a_run_moves_packets_without_losing_chunks_or_growing() {
    if !lab::require("a_run_moves_packets_without_losing_chunks_or_growing") {
        return;
    }
    for program in ["rxdrop", "txonly", "l2fwd"] {
        let child = Child::start(program, &["--duration", "2.5", "--json"]);
        child.packets_so_far();
        let before = child.resident();
        child.packets_so_far();
        let after = child.resident();
        assert!(after <= before + GROWTH, "{program} grew from {before} to {after} KiB");

        let summary = child.end().sound_summary();
        let packets = summary["packets"].as_u64().unwrap();
        assert!(packets > 0, "{summary}");
        match program {
            // One way in, the kernel may drop what comes too fast.
            "rxdrop" => assert!(packets <= summary["traffic"]["sent"].as_u64().unwrap(), "{summary}"),
            // No more is in flight than a veth holds, so all of it comes back, unless a thread stands still for long.
            "l2fwd" => {
                let [sent, returned] =
                    ["sent", "returned"].map(|what| summary["traffic"][what].as_u64().unwrap());
                assert!(returned <= packets && returned * 10 >= sent * 9, "{summary}");
            }
            _ => {}
        }
    }
}

#[test]
fn every_option_of_a_run_works() {
    if !lab::require("every_option_of_a_run_works") {
        return;
    }
    let options = ["--batch", "7", "--frame-size", "2048", "--mode", "copy", "--no-need-wakeup", "--busy"];
    for program in ["rxdrop", "txonly", "l2fwd"] {
        let mut arguments = vec!["--size", "1000", "--duration", "0.3", "--json"];
        arguments.extend(options);
        let summary = Child::start(program, &arguments).end().sound_summary();
        assert!(summary["packets"].as_u64().unwrap() > 0, "{summary}");
        assert_eq!(summary["halves"][0]["mode"], "copy");
        assert!(summary["halves"][0]["why_copy"].is_null(), "copy mode was asked for: {summary}");
    }
}

#[test]
fn ctrl_c_ends_a_run_with_a_summary() {
    if !lab::require("ctrl_c_ends_a_run_with_a_summary") {
        return;
    }
    for program in ["rxdrop", "txonly", "l2fwd"] {
        let child = Child::start(program, &[]);
        child.packets_so_far();
        child.signal(Signal::INT);
        let ended = child.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("packets/s") && ended.stdout.contains("none lost"), "{}", ended.stdout);
    }
}

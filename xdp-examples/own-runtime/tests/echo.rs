//! The program as its user runs it: in a lab, against a socket of crate `xdp` at the other end of the cable.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use xdp::lab::{self, Lab};
use xdp::{QueueId, Receive, Socket, Umem};

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program at work on `veth0b`. It is killed if the test ends before it does.
struct Echo {
    process: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Echo {
    /// Starts it inside the lab of the calling thread, and waits until it is ready.
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_own-runtime"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let mut echo = Self { process, stderr };
        let mut line = String::new();
        echo.stderr.read_line(&mut line).unwrap();
        assert!(line.ends_with("is sent back\n"), "{line}");
        echo
    }

    /// Waits for the end and gives the numbers that it says, by name, after a look at its account.
    fn end(mut self) -> impl Fn(&str) -> u64 {
        let (mut said, mut complaints) = (String::new(), String::new());
        self.process.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.stderr.read_to_string(&mut complaints).unwrap();
        assert!(self.process.wait().unwrap().success(), "{said}{complaints}");
        let number = move |name: &str| {
            let mut pairs = said.split_whitespace().filter_map(|pair| pair.split_once('='));
            let (_, value) =
                pairs.find(|(key, _)| *key == name).unwrap_or_else(|| panic!("no {name}: {said}"));
            value.parse().unwrap()
        };
        assert_eq!(["free", "receiving", "sending"].map(&number).iter().sum::<u64>(), number("chunks"));
        assert_eq!((number("hands"), number("refused")), (0, 0));
        number
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // Both fail if it has ended, which is well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes a frame with a number and a pattern that depends on it.
fn write(frame: &mut [u8], to: [u8; 6], from: [u8; 6], number: u64) {
    frame.fill(number as u8);
    frame[..6].copy_from_slice(&to);
    frame[6..12].copy_from_slice(&from);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]); // an EtherType for experiments
    frame[14..22].copy_from_slice(&number.to_be_bytes());
}

fn len_of(number: u64) -> usize {
    60 + (number * 7 % 1400) as usize
}

#[test]
fn every_frame_comes_back_whole_and_in_order_with_its_addresses_swapped() {
    if !lab::require("every_frame_comes_back_whole_and_in_order_with_its_addresses_swapped") {
        return;
    }
    const FRAMES: u64 = 20_000;
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let (near, far) = (lab.pair(0).a(), lab.pair(0).b());
    let echo = Echo::start(&[far.name(), "0", &FRAMES.to_string()]);
    let umem = Umem::builder().build().unwrap();
    let socket = Socket::builder(&umem).receive(Receive::Everything).bind(near, QueueId(0)).unwrap();
    let (mut rx, mut tx) = socket.split();

    let (mut sent, mut back) = (0, 0);
    while back < FRAMES {
        // No more in flight than a veth keeps without loss.
        let mut batch = tx.seek((FRAMES - sent).min(64).min(192 - (sent - back)) as u32);
        for i in 0..batch.len() {
            let number = sent + u64::from(i);
            write(batch.peek(i, len_of(number)).unwrap(), far.mac(), near.mac(), number);
        }
        sent += u64::from(batch.commit());
        tx.kick().unwrap();
        assert!(rx.wait(PATIENCE).unwrap(), "frame {back} does not come back");
        let batch = rx.seek(64);
        for frame in batch.iter() {
            let mut expected = vec![0; len_of(back)];
            write(&mut expected, near.mac(), far.mac(), back);
            assert_eq!(frame, expected, "frame {back}");
            back += 1;
        }
        batch.commit();
    }
    let number = echo.end();
    assert_eq!((number("received"), number("echoed"), number("dropped")), (FRAMES, FRAMES, 0));
    assert!(number("calls") < FRAMES, "fewer system calls than frames");
}

#[test]
fn frames_to_a_group_go_to_the_other_thread_and_their_chunks_come_home() {
    if !lab::require("frames_to_a_group_go_to_the_other_thread_and_their_chunks_come_home") {
        return;
    }
    // More frames than there are chunks: those that came home are used again.
    const ROUNDS: u64 = 50;
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let (near, far) = (lab.pair(0).a(), lab.pair(0).b());
    let echo = Echo::start(&[far.name()]);
    let umem = Umem::builder().build().unwrap();
    let socket = Socket::builder(&umem).receive(Receive::Everything).bind(near, QueueId(0)).unwrap();
    let (mut rx, mut tx) = socket.split();
    let mut send = |to: [u8; 6], number| {
        let mut batch = tx.seek(1);
        let frame = batch.peek(0, 64).unwrap();
        write(frame, to, near.mac(), number);
        let sum: u64 = frame.iter().map(|byte| u64::from(*byte)).sum();
        batch.commit();
        tx.kick().unwrap();
        sum
    };
    let mut sum_of_one = 0;
    for number in 1..=ROUNDS {
        for _ in 0..100 {
            sum_of_one = send([0xff; 6], 0);
        }
        // When a frame to one station is back, those before it have been taken. The other thread may be slow, and
        // then no chunk is left to receive into: once more.
        let start = Instant::now();
        loop {
            send(far.mac(), number);
            if rx.wait(Duration::from_millis(100)).unwrap() {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "frame {number} does not come back");
        }
        rx.seek(64).commit();
    }
    kill_process(Pid::from_child(&echo.process), Signal::INT).unwrap();
    let number = echo.end();
    let [received, echoed, passed] = ["received", "echoed", "passed"].map(&number);
    assert_eq!(received, echoed + passed, "none dropped");
    assert!(echoed >= ROUNDS && passed > number("chunks"), "{echoed} {passed}");
    assert_eq!(number("sum"), passed * sum_of_one, "the other thread has seen every byte");
}

#[test]
fn ctrl_c_and_the_end_of_the_time_stop_it_and_leave_no_program() {
    if !lab::require("ctrl_c_and_the_end_of_the_time_stop_it_and_leave_no_program") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let far = lab.pair(0).b();
    let echo = Echo::start(&[far.name()]);
    assert!(lab.interface(far).unwrap().xdp().driver().is_some(), "its program is attached");
    kill_process(Pid::from_child(&echo.process), Signal::INT).unwrap();
    assert_eq!(echo.end()("received"), 0);
    assert!(lab.interface(far).unwrap().xdp().driver().is_none(), "its program is gone");

    let echo = Echo::start(&[far.name(), "0", "1000", "1"]);
    assert_eq!(echo.end()("received"), 0);
    assert!(lab.interface(far).unwrap().xdp().driver().is_none(), "its program is gone");
}

#[test]
fn it_ends_with_an_error_when_its_interface_is_removed() {
    if !lab::require("it_ends_with_an_error_when_its_interface_is_removed") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let mut echo = Echo::start(&[lab.pair(0).b().name()]);
    lab.remove_pair(0).unwrap();
    assert!(!echo.process.wait().unwrap().success());
    let mut said = String::new();
    echo.stderr.read_to_string(&mut said).unwrap();
    assert!(said.contains("ENETDOWN"), "{said}");
}

/// The promises that the documentation makes of this program.
#[test]
fn it_is_short_and_depends_on_the_core_and_the_abi_only() {
    let sources = [include_str!("../src/main.rs"), include_str!("../src/kernel.rs")];
    let is_code = |line: &&str| !line.trim_start().is_empty() && !line.trim_start().starts_with("//");
    let lines: usize = sources.iter().map(|source| source.lines().filter(is_code).count()).sum();
    assert!(lines < 300, "{lines} lines");

    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "own-runtime",
            "--edges",
            "normal",
            "--depth",
            "1",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["own-runtime", "xdp-core", "xdp-sys"]);
}

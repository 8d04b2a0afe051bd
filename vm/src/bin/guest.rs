//! The first process of a virtual machine: makes it usable, runs the test binaries under `/tests`, each test in a
//! process of its own, and switches the machine off.
//!
//! The kernel's command line tells by `NAME=value`, which the kernel hands to its first process as environment:
//! `XDP_VM_NIC` the kind of NIC, `XDP_VM_LIMIT` the seconds that a test may take, `XDP_VM_ONLY` a part of the name of
//! the tests to run. `/exceptions` lists what is not run. Everything goes to the second serial line, as `record` says.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::Context;
use rustix::fs::{OFlags, SeekFrom, seek};
use rustix::mount::{MountFlags, mount};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::system::{RebootCommand, finit_module, reboot};
use xdp_vm::exceptions::{self, Exception, Series, Verdict};
use xdp_vm::record::{Outcome, TestName};

/// Where results go.
const RECORD: &str = "/dev/ttyS1";

/// What a test prints goes here while it runs.
const OUTPUT: &str = "/tmp/output";

/// What the kernel says when it has found a fault of its own.
const COMPLAINTS: [&str; 6] = ["WARNING:", "BUG:", "Oops", "general protection", "UBSAN:", "DMA-API:"];

fn main() {
    // What goes wrong before there is a record is seen on the console, the first serial line.
    if let Err(error) = run() {
        eprintln!("xdp-vm-guest: {error:#}");
    }
    if let Err(error) = reboot(RebootCommand::PowerOff) {
        eprintln!("cannot switch off: {error}");
    }
}

fn run() -> anyhow::Result<()> {
    make_usable()?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut guest = Guest {
        record: OpenOptions::new().write(true).open(RECORD).with_context(|| format!("no {RECORD}"))?,
        series: release.parse()?,
        nic: env::var("XDP_VM_NIC").unwrap_or_else(|_| "none".to_owned()),
        limit: env::var("XDP_VM_LIMIT").ok().and_then(|limit| limit.parse().ok()).unwrap_or(60),
        exceptions: exceptions::parse(&fs::read_to_string("/exceptions")?)?,
    };
    writeln!(guest.record, "kernel {}", release.trim())?;
    let only = env::var("XDP_VM_ONLY").unwrap_or_default();
    for binary in sorted("/tests")? {
        for path in tests_of(&binary)? {
            let name = binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let test = TestName { binary: name, path };
            if guest.is_run(&test) && test.path.contains(&only) {
                guest.test(&binary, &test)?;
            }
        }
    }
    writeln!(guest.record, "end")?;
    Ok(())
}

/// File systems, modules, programs and links.
fn make_usable() -> anyhow::Result<()> {
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp")] {
        fs::create_dir_all(place)?;
        mount(kind, place, kind, MountFlags::empty(), None)
            .with_context(|| format!("cannot mount {place}"))?;
    }
    fs::create_dir_all("/sys/fs/bpf")?;
    mount("bpf", "/sys/fs/bpf", "bpf", MountFlags::empty(), None).context("cannot mount /sys/fs/bpf")?;
    for module in sorted("/modules")? {
        let file = File::open(&module)?;
        let empty = CString::default();
        finit_module(&file, &empty, 0).with_context(|| format!("cannot load {}", module.display()))?;
    }
    // Programs that tests compare with: busybox for the ordinary ones.
    Command::new("/bin/busybox").args(["--install", "-s", "/bin"]).status().context("no busybox")?;
    for name in sorted("/sys/class/net")?.iter().filter_map(|path| path.file_name()?.to_str()) {
        if name.starts_with("eth") {
            let set_up = Command::new("/bin/busybox").args(["ip", "link", "set", name, "up"]).status()?;
            anyhow::ensure!(set_up.success(), "cannot set {name} up");
        }
    }
    Ok(())
}

/// What a folder holds, in the order of the names.
fn sorted(folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {folder}"))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

/// The names of the tests in a binary, which its harness prints as `NAME: test`.
fn tests_of(binary: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(binary).args(["--list", "--format", "terse"]).output()?;
    anyhow::ensure!(output.status.success(), "{} does not list its tests", binary.display());
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// What the runs of all tests share.
struct Guest {
    record: File,
    series: Series,
    nic: String,
    limit: u64,
    exceptions: Vec<Exception>,
}

impl Guest {
    fn is_run(&self, test: &TestName) -> bool {
        let skips = |line: &&Exception| line.verdict == Verdict::Skip;
        !self.exceptions.iter().filter(skips).any(|line| line.concerns(self.series, &self.nic, test))
    }

    /// Runs one test and records what came of it.
    fn test(&mut self, binary: &Path, test: &TestName) -> anyhow::Result<()> {
        writeln!(self.record, "test {test}")?;
        let (mut log, began) = (KernelLog::from_now()?, Instant::now());
        let status = self.run_in_time(binary, &test.path)?;
        let complaints = log.complaints();
        let outcome = match status {
            None => Outcome::TimedOut,
            Some(status) if status.success() && complaints.is_empty() => Outcome::Passed,
            Some(_) => Outcome::Failed,
        };
        if outcome != Outcome::Passed {
            for line in String::from_utf8_lossy(&fs::read(OUTPUT)?).lines().chain(complaints.lines()) {
                writeln!(self.record, "| {line}")?;
            }
        }
        writeln!(self.record, "{outcome} {:.2}", began.elapsed().as_secs_f64())?;
        Ok(())
    }

    /// Runs one test; none if it did not end in time.
    fn run_in_time(&self, binary: &Path, path: &str) -> anyhow::Result<Option<ExitStatus>> {
        let output = File::create(OUTPUT)?;
        let mut child = Command::new(binary)
            .args(["--exact", path, "--test-threads=1", "--nocapture"])
            .env("XDP_TEST_REQUIRE", "1")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/tmp")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let group = Pid::from_child(&child);
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(child.wait()));
        match end.recv_timeout(Duration::from_secs(self.limit)) {
            Ok(status) => Ok(Some(status?)),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("nobody waits for {path}"),
            Err(RecvTimeoutError::Timeout) => {
                kill_process_group(group, Signal::KILL)?;
                // One that hangs in the kernel stays.
                let _ = end.recv_timeout(Duration::from_secs(5));
                Ok(None)
            }
        }
    }
}

/// The kernel's own log from some moment on.
struct KernelLog(File);

impl KernelLog {
    fn from_now() -> anyhow::Result<Self> {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let log =
            OpenOptions::new().read(true).custom_flags(flags).open("/dev/kmsg").context("no /dev/kmsg")?;
        seek(&log, SeekFrom::End(0))?;
        Ok(Self(log))
    }

    /// What was said since, if some of it is a complaint; else nothing.
    fn complaints(&mut self) -> String {
        let (mut text, mut record) = (String::new(), [0; 8192]);
        loop {
            match self.0.read(&mut record) {
                Ok(0) => break,
                Ok(n) => {
                    // "priority,number,time,flags;message"
                    let line = String::from_utf8_lossy(&record[..n]);
                    text.push_str(line.split_once(';').map_or(&*line, |(_, message)| message));
                }
                // Some of it was overwritten; the rest follows.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(_) => break,
            }
        }
        if COMPLAINTS.iter().any(|complaint| text.contains(complaint)) { text } else { String::new() }
    }
}

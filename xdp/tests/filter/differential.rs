//! Rules and packets at random: the kernel decides as the matcher in Rust does, and counts as it does.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Instant;
use std::{env, fs};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestError, TestRunner};
use xdp::QueueId;
use xdp::lab;
use xdp::program::{Action, Filter, LoadError, PortSet, Prefix, PrefixSet, Program, Rules, Target, Verdict};

use super::generate::{Expression, Sets, expression, packet, port, prefix, verdict};
use super::semantics::has_multi_buffer;

/// One program, and packets for it: many, since loading takes longer than trying.
#[derive(Debug, Clone)]
struct Case {
    rules: Vec<(Expression, Verdict)>,
    otherwise: Action,
    multi_buffer: bool,
    ports: Vec<u16>,
    prefixes: Vec<Prefix>,
    packets: Vec<Vec<u8>>,
}

/// How many packets a program is tried on.
const PACKETS: usize = 40;

fn case(has_multi_buffer: bool) -> impl Strategy<Value = Case> {
    let rules = prop_oneof![
        2 => vec((expression(), verdict()), 1),
        1 => vec((expression(), verdict()), 0..6),
    ];
    let otherwise = prop::sample::select(vec![Action::Pass, Action::Drop, Action::Transmit]);
    let sets = (vec(port(), 0..6), vec(prefix(), 0..6));
    (rules, otherwise, any::<bool>(), sets, vec(packet(), PACKETS)).prop_map(
        move |(rules, otherwise, multi_buffer, (ports, prefixes), packets)| Case {
            rules,
            otherwise,
            multi_buffer: multi_buffer && has_multi_buffer,
            ports,
            prefixes,
            packets,
        },
    )
}

/// An AF_XDP socket that is not bound, with an rx ring: all that a map needs.
pub(crate) fn xdp_socket() -> OwnedFd {
    // SAFETY: socket(2) takes no memory of ours.
    let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the call above just made it, and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let entries = 64_u32;
    let (value, length) = ((&raw const entries).cast(), size_of::<u32>() as libc::socklen_t);
    // SAFETY: the kernel reads the four bytes of `entries`, which lives during the call.
    let answer = unsafe { libc::setsockopt(fd, libc::SOL_XDP, libc::XDP_RX_RING, value, length) };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    socket
}

/// What came of the cases so far.
#[derive(Default)]
struct Tally {
    programs: u64,
    packets: u64,
    matched: u64,
    longest: usize,
    /// The most that the verifier looked at for one of them, in instructions.
    verified: u64,
}

/// How many instructions the verifier looked at, each as often as it did; `None` before Linux 5.16.
fn verified(program: &Program) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("verified_insns:")?.trim().parse().ok())
}

impl Case {
    fn rules(&self, live: Option<(&PortSet, &PrefixSet)>) -> Rules {
        let sets = Sets { ports: &self.ports, prefixes: &self.prefixes, live };
        let add = |rules: Rules, (filter, verdict): &(Expression, Verdict)| {
            rules.rule(filter.filter(&sets), *verdict)
        };
        self.rules.iter().fold(Rules::new(), add)
    }

    fn check(&self, tally: &mut Tally) -> Result<(), TestCaseError> {
        let (ports, prefixes) = (PortSet::create(16).unwrap(), PrefixSet::create(16).unwrap());
        let builder = Program::rules(self.rules(Some((&ports, &prefixes)))).map_entries(2);
        let builder = if self.multi_buffer { builder.multi_buffer() } else { builder };
        let builder = builder.otherwise(self.otherwise);
        tally.longest = tally.longest.max(builder.instructions().map_or(0, |program| program.len()));
        let program = match builder.load() {
            Ok(program) => program,
            Err(LoadError::Refused { log, .. }) => {
                return Err(TestCaseError::fail(format!("the verifier refused it: {log}")));
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let socket = xdp_socket();
        program.map().insert(QueueId(0), socket.as_fd()).unwrap();
        // Only now: the program sees what is added after it was loaded.
        self.ports.iter().for_each(|&port| ports.insert(port).unwrap());
        self.prefixes.iter().for_each(|&prefix| prefixes.insert(prefix).unwrap());

        let model = self.rules(None);
        let mut counts = vec![0; self.rules.len() + 1];
        for packet in &self.packets {
            let decision = model.decide(packet);
            let expected = match decision {
                Some((_, Verdict::Redirect(Target::Queue))) => Action::Redirect,
                None | Some((_, Verdict::Redirect(_))) => self.otherwise,
                Some((_, Verdict::Pass)) => Action::Pass,
                Some((_, Verdict::Drop)) => Action::Drop,
                Some((_, _)) => Action::Transmit,
            };
            counts[decision.map_or(self.rules.len(), |(rule, _)| rule)] += 1;
            let action = program.test_run(packet).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(action, expected, "packet {:02x?}, rule {:?}", packet, decision);
        }
        let otherwise = counts.pop().unwrap_or(0);
        let counters = program.counters().unwrap();
        prop_assert_eq!((counters.rules, counters.otherwise), (counts, otherwise));
        tally.verified = tally.verified.max(verified(&program).unwrap_or(0));
        tally.programs += 1;
        tally.packets += self.packets.len() as u64;
        tally.matched += self.packets.len() as u64 - otherwise;
        Ok(())
    }
}

/// As many packets as `XDP_FILTER_CASES` says, from the seed in `XDP_FILTER_SEED`.
#[test]
fn compiled_rules_decide_as_the_matcher_in_rust_does() {
    if !lab::require("compiled_rules_decide_as_the_matcher_in_rust_does") {
        return;
    }
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let packets = number("XDP_FILTER_CASES").unwrap_or(4000);
    let seed = number("XDP_FILTER_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |time| time.as_nanos() as u64)
    });
    let config = Config {
        cases: u32::try_from(packets.div_ceil(PACKETS as u64)).expect("not so many"),
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 4096,
        ..Config::default()
    };
    let tally = std::cell::RefCell::new(Tally::default());
    let start = Instant::now();
    let outcome =
        TestRunner::new(config).run(&case(has_multi_buffer()), |case| case.check(&mut tally.borrow_mut()));
    let Tally { programs, packets, matched, longest, verified } = tally.into_inner();
    eprintln!(
        "{packets} packets, {matched} matched by a rule, {programs} programs of up to {longest} instructions, of which \
         the verifier looked at up to {verified}, seed {seed}, {:.1} s",
        start.elapsed().as_secs_f64()
    );
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => {
            let rules = case.rules(None);
            panic!("XDP_FILTER_SEED={seed}: {why}\n{case:#?}\n{rules:?}");
        }
        Err(error) => panic!("XDP_FILTER_SEED={seed}: {error}"),
    }
    assert!(packets >= 200, "only {packets} packets");
    // Neither always nor never: or the comparison would say little.
    assert!(matched * 10 > packets && matched * 10 < packets * 9, "{matched} of {packets} matched");
}

#[test]
fn a_filter_of_many_tests_is_taken_and_one_of_too_many_is_an_error_with_the_number() {
    let ports = |count: u16| Filter::udp().dst_port((0..count).map(|port| port * 2).collect::<Vec<_>>());
    let error = Program::redirect(ports(8000)).load().unwrap_err();
    let LoadError::Compile(error) = error else { panic!("{error}") };
    assert!(error.to_string().contains("4096 are the most"), "{error}");
    assert!(error.to_string().contains("PortSet"), "{error}");
    if !lab::require("a_filter_of_many_tests_is_taken_and_one_of_too_many_is_an_error_with_the_number") {
        return;
    }
    let long = Program::redirect(ports(3500)).load().unwrap();
    let work = verified(&long).unwrap_or(0);
    eprintln!("the verifier looked at {work} instructions");
    // Far from the million that it gives up at, and that it gave up at in Linux 5.4 as well.
    assert!(work < 100_000, "{work}");
    Program::redirect(
        ports(1700).or(Filter::tcp().src_port((0..900).map(|port| port * 3).collect::<Vec<_>>())),
    )
    .load()
    .unwrap();
}

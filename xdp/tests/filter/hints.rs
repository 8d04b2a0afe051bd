//! What the driver knows of a packet arrives with it, asked by the program that the filter was compiled to.
//!
//! The driver of veth knows hash, timestamp and VLAN tag of what came through the kernel's stack at the other end.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use xdp::lab::{self, Lab};
use xdp::metadata::{HashType, RxHints};
use xdp::program::{
    Action, Instruction, ProgramBuilder, Register, ReplaceError, Rules, RxHint, Size, Spread, Target,
    TestRunError, Verdict,
};
use xdp::{
    AttachError, AttachMode, Attachment, Filter, Frame, Interface, LoadError, Mode, Program, QueueId, Rx,
    Socket, Umem,
};

use super::net::{Net, VLAN, set_tag_offload};
use super::packet::Packet;
use super::wire::Wire;

const PATIENCE: Duration = Duration::from_secs(20);
const PORT: u16 = 4433;

/// Whether this machine runs the test, and this kernel has programs that ask for hash and timestamp (6.3).
fn can_run(test: &str) -> bool {
    if !lab::require(test) {
        return false;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let nic = Interface::by_name(lab.pair(0).a().name()).unwrap();
    let wanted = Program::redirect_all().rx_metadata(&nic);
    match wanted.require_hint(RxHint::Hash).require_hint(RxHint::Timestamp).load() {
        Ok(_) => true,
        Err(error @ LoadError::NoHintFunction { .. }) => {
            eprintln!("SKIPPED {test}: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// A receiver behind that program, in driver mode.
fn receiver(program: ProgramBuilder, nic: &Interface) -> Rx {
    let umem = Umem::builder().chunks(64).build().unwrap();
    let attachment = Arc::new(program.load().unwrap().attach(nic, AttachMode::Driver).unwrap());
    let rx = Socket::builder(&umem).mode(Mode::Copy).bind_rx(nic.name(), QueueId(0)).unwrap();
    rx.register(&attachment).unwrap();
    rx
}

fn next(rx: &mut Rx) -> Frame {
    assert!(rx.wait(PATIENCE).unwrap(), "nothing arrives");
    rx.recv(1).next().unwrap()
}

#[test]
fn hash_and_timestamp_of_the_driver_arrive_with_what_the_filter_matches() {
    if !can_run("hash_and_timestamp_of_the_driver_arrive_with_what_the_filter_matches") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let (near, far) = (lab.pair(0).a(), lab.pair(0).b());
    let nic = Interface::by_name(near.name()).unwrap();
    let filter = Filter::udp().dst_port(PORT).or(Filter::udp().dst_port(PORT + 1));
    let mut rx = receiver(Program::redirect(filter).rx_metadata(&nic), &nic);
    let (stack, wire) = (Wire::open(near.index()), Wire::open(far.index()));
    let mut exchange = |port| {
        let packet = Packet::udp4(port).bytes();
        wire.send(&packet);
        let frame = next(&mut rx);
        assert_eq!(frame[..], packet);
        let hints = frame.metadata::<RxHints>().expect("hints in front of the packet");
        assert_eq!(hints.vlan, None, "the packet has no tag");
        assert!(hints.timestamp.is_some());
        let hash = hints.hash.expect("a hash");
        assert_eq!(hash.kind, HashType::L4);
        hash.value
    };
    let [one, again, other] = [PORT, PORT, PORT + 1].map(&mut exchange);
    assert_ne!(one, 0);
    assert_eq!(one, again, "packets of a flow");
    assert_ne!(one, other, "packets of two flows: one chance in 2^32");
    // What the filter does not match goes to the stack as it was.
    let left = Packet::udp4(PORT + 2).bytes();
    wire.send(&left);
    assert_eq!(stack.receive(PATIENCE).unwrap(), left);
}

#[test]
fn the_tag_that_was_taken_off_a_packet_arrives_beside_it() {
    if !can_run("the_tag_that_was_taken_off_a_packet_arrives_beside_it") {
        return;
    }
    let net = Net::new();
    let Some(at) = net.addresses().into_iter().find(|at| at.near.to_string().starts_with("10.77.7.")) else {
        return;
    };
    let _near = net.near.enter().unwrap();
    let nic = Interface::by_name("cable").unwrap();
    let program = Program::redirect(Filter::udp().dst_port(PORT)).rx_metadata(&nic);
    let program = match program.clone().require_hint(RxHint::Vlan).load() {
        Ok(_) => program,
        Err(error @ LoadError::NoHintFunction { .. }) => return eprintln!("SKIPPED the VLAN tag: {error}"),
        Err(error) => panic!("{error}"),
    };
    let mut rx = receiver(program, &nic);
    net.far
        .run(|| {
            set_tag_offload("cable", true);
            let socket = UdpSocket::bind((at.far, 0)).unwrap();
            socket.send_to(b"tagged", (at.near, PORT)).unwrap();
        })
        .unwrap();
    let frame = next(&mut rx);
    assert!(
        frame.ends_with(b"tagged") && frame[12..14] == [8, 0],
        "the tag is not in the packet: {frame:02x?}"
    );
    let vlan = frame.metadata::<RxHints>().unwrap().vlan.expect("a tag");
    assert_eq!((vlan.id(), vlan.protocol), (VLAN, 0x8100));
}

/// A packet that a program at the other end sends back has no socket buffer, of which a veth could tell anything.
#[test]
fn what_the_driver_does_not_know_is_missing_from_the_hints() {
    if !can_run("what_the_driver_does_not_know_is_missing_from_the_hints") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let (near, far) = (lab.pair(0).a(), lab.pair(0).b());
    let nic = Interface::by_name(near.name()).unwrap();
    let mut rx = receiver(Program::redirect(Filter::udp().dst_port(PORT)).rx_metadata(&nic), &nic);
    let mirror = Program::rules(Rules::new().transmit(Filter::any())).load().unwrap();
    let _mirror = mirror.attach(far, AttachMode::Driver).unwrap();
    let packet = Packet::udp4(PORT).bytes();
    Wire::open(near.index()).send(&packet);
    let frame = next(&mut rx);
    assert_eq!(frame[..], packet);
    assert_eq!(frame.metadata::<RxHints>(), Some(RxHints::default()));
}

/// Both find their context in r1, as without hints.
#[test]
fn programs_that_are_not_made_of_rules_write_hints_too() {
    if !can_run("programs_that_are_not_made_of_rules_write_hints_too") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let nic = Interface::by_name(lab.pair(0).a().name()).unwrap();
    let wire = Wire::open(lab.pair(0).b().index());
    let [low, high] = Instruction::load_map(Register::R1);
    let own = vec![
        Instruction::load(Size::Word, Register::R2, Register::R1, 16),
        low,
        high,
        Instruction::mov(Register::R3, Action::Drop as i32),
        Instruction::call(xdp::program::Helper::RedirectMap),
        Instruction::exit(),
    ];
    for program in
        [Program::redirect_all(), Program::from_instructions(own), Program::redirect(Filter::any())]
    {
        let mut rx = receiver(program.rx_metadata(&nic), &nic);
        wire.send(&Packet::udp4(PORT).bytes());
        let hints = next(&mut rx).metadata::<RxHints>().unwrap();
        assert!(hints.hash.is_some());
    }
}

/// The verifier follows the calls in each of them, and rules still find their fields afterwards.
#[test]
fn every_kind_of_target_and_many_rules_go_with_hints() {
    if !can_run("every_kind_of_target_and_many_rules_go_with_hints") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let nic = Interface::by_name(lab.pair(0).a().name()).unwrap();
    let targets = [
        Target::Queue,
        Target::Slot(3),
        Target::Spread { first: 0, sockets: 3, by: Spread::Flow },
        Target::Spread { first: 0, sockets: 3, by: Spread::RoundRobin },
    ];
    let mut rules = Rules::new();
    for (target, port) in targets.iter().cycle().zip(PORT..PORT + 20) {
        rules = rules.rule(Filter::udp().dst_port(port), Verdict::Redirect(*target));
    }
    let program = Program::rules(rules).rx_metadata(&nic);
    let calls = |program: &ProgramBuilder| {
        let text = program.instructions().unwrap();
        text.iter().filter(|each| each.to_string().starts_with("call bpf_xdp_adjust_meta")).count()
    };
    assert_eq!(calls(&program), 20, "in front of redirected packets only");
    program.clone().load().unwrap();
    match program.multi_buffer().load() {
        Ok(_) => {}
        Err(error @ LoadError::Binding { .. }) => eprintln!("SKIPPED packets of several buffers: {error}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_program_that_asks_one_driver_runs_nowhere_else() {
    if !can_run("a_program_that_asks_one_driver_runs_nowhere_else") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let [a, b] = [lab.pair(0).a(), lab.pair(0).b()].map(|end| Interface::by_name(end.name()).unwrap());
    let program = Program::redirect_all().rx_metadata(&a).load().unwrap();
    assert_eq!(program.bound_to(), Some(a.name()));
    for mode in [AttachMode::PreferDriver, AttachMode::Driver, AttachMode::Generic] {
        let error = program.attach(&b, mode).unwrap_err();
        let AttachError::OtherInterface { interface, bound_to } = &error else { panic!("{error}") };
        assert_eq!((&**interface, &**bound_to), (b.name(), a.name()));
    }
    let error = program.attach(&a, AttachMode::Generic).unwrap_err();
    assert!(matches!(error, AttachError::NeedsDriver { .. }), "{error}");
    let error = program.test_run(&[0; 64]).unwrap_err();
    assert!(matches!(error, TestRunError::Bound { .. }), "{error}");
    // Nor in the place of a program that runs there.
    let plain = || Program::redirect_all().sharing(&program).load().unwrap();
    let refused = |on: Attachment| on.replace(&program).unwrap_err();
    for on in [plain().attach(&b, AttachMode::Driver), plain().attach(&a, AttachMode::Generic)] {
        let error = refused(on.unwrap());
        assert!(matches!(error, ReplaceError::Bound { .. }), "{error}");
    }
    let here = plain().attach(&a, AttachMode::Driver).unwrap();
    here.replace(&program).unwrap();
    assert!(here.is_attached().unwrap());
}

#[test]
fn an_interface_without_hints_is_refused_by_name() {
    if !can_run("an_interface_without_hints_is_refused_by_name") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let loopback = Interface::by_name("lo").unwrap();
    let wanted = || Program::redirect_all().rx_metadata(&loopback);
    let error = wanted().load().unwrap_err();
    assert!(matches!(&error, LoadError::Binding { interface, .. } if interface == "lo"), "{error}");
    let error = wanted().require_hint(RxHint::Hash).load().unwrap_err();
    // Before Linux 6.7 nobody tells what a driver knows, and the binding itself fails.
    let said = matches!(error, LoadError::NoHint { hint: RxHint::Hash, .. } | LoadError::Binding { .. });
    assert!(said, "{error}");
    let gone = Interface::by_name(lab.pair(0).a().name()).unwrap();
    lab.remove_pair(0).unwrap();
    let error = Program::redirect_all().rx_metadata(&gone).load().unwrap_err();
    assert!(matches!(error, LoadError::Binding { .. }), "{error}");
}

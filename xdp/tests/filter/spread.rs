//! Which slot a packet goes to.

use std::os::fd::AsFd;

use xdp::QueueId;
use xdp::lab;
use xdp::program::{Action, CompileError, Filter, LoadError, Program, Rules, Spread, Target};

use super::differential::xdp_socket;
use super::packet::{Extension, Network, Packet};

const SOCKETS: u32 = 4;

fn spreading(by: Spread) -> Program {
    let target = Target::Spread { first: 1, sockets: SOCKETS, by };
    Program::rules(Rules::new().redirect_to(target, Filter::any())).map_entries(SOCKETS + 1).load().unwrap()
}

/// The slot that a packet goes to: the one that must hold a socket for it to be redirected.
fn slot(program: &Program, packet: &[u8]) -> u32 {
    let socket = xdp_socket();
    let redirects = |slot: u32| {
        program.map().insert(QueueId(slot), socket.as_fd()).unwrap();
        let action = program.test_run(packet).unwrap();
        program.map().remove(QueueId(slot)).unwrap();
        action == Action::Redirect
    };
    let mut slots = (0..=SOCKETS).filter(|&slot| redirects(slot));
    let slot = slots.next().expect("a slot");
    assert_eq!(slots.next(), None, "one slot");
    slot
}

#[test]
fn a_flow_keeps_to_a_socket_in_both_directions_and_flows_use_all_sockets() {
    if !lab::require("a_flow_keeps_to_a_socket_in_both_directions_and_flows_use_all_sockets") {
        return;
    }
    let program = spreading(Spread::Flow);
    let mut used = [0; SOCKETS as usize];
    for port in 2000..2100 {
        let there = Packet::udp4(port);
        let mut back = there.clone();
        if let Network::V4 { source, destination, payload, .. } = &mut back.network {
            std::mem::swap(source, destination);
            payload.start.rotate_left(2);
        }
        let chosen = slot(&program, &there.bytes());
        assert_eq!(slot(&program, &back.bytes()), chosen, "port {port}");
        used[chosen as usize - 1] += 1;
    }
    assert!(used.iter().all(|&packets| packets >= 10), "{used:?}");
}

#[test]
fn the_fragments_of_a_packet_go_to_one_socket() {
    if !lab::require("the_fragments_of_a_packet_go_to_one_socket") {
        return;
    }
    let program = spreading(Spread::Flow);
    for port in 2000..2020 {
        let v4 = [0x2000, 0x2001, 0x0002].map(|field| Packet::fragment4(field, port));
        let v6 = [1, 9, 0x10].map(|field| Packet::udp6([Extension::Fragment(field)], port));
        for fragments in [v4, v6] {
            let slots = fragments.map(|fragment| slot(&program, &fragment.bytes()));
            assert!(slots.iter().all(|slot| *slot == slots[0]), "{slots:?}");
        }
    }
}

#[test]
fn what_is_not_ip_goes_to_the_first_socket() {
    if !lab::require("what_is_not_ip_goes_to_the_first_socket") {
        return;
    }
    let program = spreading(Spread::Flow);
    assert_eq!(slot(&program, &Packet::default().bytes()), 1);
    assert_eq!(slot(&program, &[0; 14]), 1);
}

#[test]
fn sockets_take_turns_when_they_are_to() {
    if !lab::require("sockets_take_turns_when_they_are_to") {
        return;
    }
    let program = spreading(Spread::RoundRobin);
    let socket = xdp_socket();
    program.map().insert(QueueId(3), socket.as_fd()).unwrap();
    let packet = Packet::udp4(53).bytes();
    let turns: Vec<_> = (0..12).map(|_| program.test_run(&packet).unwrap() == Action::Redirect).collect();
    let third = [false, false, true, false];
    assert_eq!(turns, [third, third, third].concat());
}

#[test]
fn packets_cannot_be_spread_over_no_socket() {
    for sockets in [0, 65_537] {
        let target = Target::Spread { first: 0, sockets, by: Spread::Flow };
        let error = Program::rules(Rules::new().redirect_to(target, Filter::any())).load().unwrap_err();
        assert!(matches!(error, LoadError::Compile(CompileError::Spread { .. })), "{error}");
    }
}

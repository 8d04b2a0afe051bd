//! From instructions to a verified program, and what it decides.

use std::os::fd::{AsFd, AsRawFd};

use xdp::QueueId;
use xdp::lab;
use xdp::program::{
    Action, Helper, Instruction, LoadError, MapCreateError, Program, Register, Size, TestRunError, XskMap,
};

use super::{PACKET, always, is_close_on_exec, no_forks, xdp_socket};

#[test]
fn a_packet_is_redirected_if_its_queue_has_a_socket_and_passed_if_not() {
    if !lab::require("a_packet_is_redirected_if_its_queue_has_a_socket_and_passed_if_not") {
        return;
    }
    let program = Program::redirect_all().map_entries(4).load().unwrap();
    assert_eq!(program.name(), "xdp_redirect");
    assert_ne!(program.id(), 0);
    assert_eq!(program.map().entries(), 4);
    assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);

    let socket = xdp_socket();
    program.map().insert(QueueId(0), socket.as_fd()).unwrap();
    assert_eq!(program.test_run(&PACKET).unwrap(), Action::Redirect);
    program.map().remove(QueueId(0)).unwrap();
    assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);

    // A packet of the test comes in by queue 0: a socket of another queue must not get it.
    program.map().insert(QueueId(1), socket.as_fd()).unwrap();
    assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);
}

#[test]
fn closing_a_socket_empties_its_slots() {
    if !lab::require("closing_a_socket_empties_its_slots") {
        return;
    }
    let program = Program::redirect_all().load().unwrap();
    let socket = xdp_socket();
    program.map().insert(QueueId(0), socket.as_fd()).unwrap();
    {
        let _no_copies = no_forks();
        drop(socket);
    }
    assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);
    let next = xdp_socket();
    program.map().insert(QueueId(0), next.as_fd()).unwrap();
}

#[test]
fn a_clone_is_the_same_program_and_every_descriptor_is_close_on_exec() {
    if !lab::require("a_clone_is_the_same_program_and_every_descriptor_is_close_on_exec") {
        return;
    }
    let program = Program::redirect_all().load().unwrap();
    let clone = program.clone();
    assert_eq!(program.id(), clone.id());
    assert_eq!(program.as_fd().as_raw_fd(), clone.as_fd().as_raw_fd());
    assert!(is_close_on_exec(program.as_fd()));
    assert!(is_close_on_exec(program.map().as_fd()));
    drop(program);
    assert_eq!(clone.test_run(&PACKET).unwrap(), Action::Pass);
}

#[test]
fn a_program_of_ones_own_decides_what_it_says() {
    if !lab::require("a_program_of_ones_own_decides_what_it_says") {
        return;
    }
    for action in [Action::Aborted, Action::Drop, Action::Pass, Action::Transmit] {
        let program = always(action).name("own.program_1").load().unwrap();
        assert_eq!(program.name(), "own.program_1");
        assert_eq!(program.test_run(&PACKET).unwrap(), action);
    }
    let seven = Program::from_instructions(vec![Instruction::mov(Register::R0, 7), Instruction::exit()]);
    let error = seven.load().unwrap().test_run(&PACKET).unwrap_err();
    assert!(matches!(error, TestRunError::NoAction { answer: 7 }), "{error}");
}

#[test]
fn an_instruction_that_loads_the_map_means_the_map_of_its_own_program() {
    if !lab::require("an_instruction_that_loads_the_map_means_the_map_of_its_own_program") {
        return;
    }
    let [low, high] = Instruction::load_map(Register::R1);
    let builder = Program::from_instructions(vec![
        Instruction::load(Size::Word, Register::R2, Register::R1, 16),
        low,
        high,
        Instruction::mov(Register::R3, Action::Pass as i32),
        Instruction::call(Helper::RedirectMap),
        Instruction::exit(),
    ]);
    // Two programs of the same instructions, and a third map: a socket in one of them is a socket in that one alone.
    let (one, two) = (builder.clone().load().unwrap(), builder.load().unwrap());
    let (stranger, socket) = (XskMap::create(4).unwrap(), xdp_socket());
    stranger.insert(QueueId(0), socket.as_fd()).unwrap();
    let decisions = || [&one, &two].map(|program| program.test_run(&PACKET).unwrap());
    assert_eq!(decisions(), [Action::Pass, Action::Pass]);
    two.map().insert(QueueId(0), socket.as_fd()).unwrap();
    assert_eq!(decisions(), [Action::Pass, Action::Redirect]);
}

#[test]
fn a_packet_of_a_length_that_the_kernel_cannot_try_is_an_error() {
    if !lab::require("a_packet_of_a_length_that_the_kernel_cannot_try_is_an_error") {
        return;
    }
    let program = always(Action::Drop).load().unwrap();
    assert_eq!(program.test_run(&[0; 14]).unwrap(), Action::Drop);
    assert_eq!(program.test_run(&[0; 3000]).unwrap(), Action::Drop);
    for (length, why) in [(0, "at least the 14"), (13, "at least the 14"), (200_000, "70000 since")] {
        let error = program.test_run(&vec![0; length]).unwrap_err();
        assert!(matches!(error, TestRunError::Length { length: said } if said == length), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn the_verifier_is_quoted_when_it_refuses_a_program() {
    if !lab::require("the_verifier_is_quoted_when_it_refuses_a_program") {
        return;
    }
    let unset = Program::from_instructions(vec![Instruction::exit()]).name("unset").load().unwrap_err();
    assert!(unset.to_string().contains("refused program unset: "), "{unset}");
    assert!(unset.to_string().contains("R0 !read_ok"), "{unset}");
    let LoadError::Refused { log, .. } = unset else { panic!("{unset}") };
    assert!(log.full().lines().count() > 1, "{log:?}");

    let endless = Program::from_instructions(vec![Instruction::mov(Register::R0, 0)]);
    let endless = endless.load().unwrap_err();
    assert!(endless.to_string().contains("not an exit"), "{endless}");

    let beyond = Program::from_instructions(vec![Instruction::jump(5), Instruction::exit()]);
    let beyond = beyond.load().unwrap_err();
    assert!(beyond.to_string().contains("jump out of range"), "{beyond}");
}

#[test]
fn a_log_longer_than_the_first_buffer_still_ends_with_the_reason() {
    if !lab::require("a_log_longer_than_the_first_buffer_still_ends_with_the_reason") {
        return;
    }
    // Each instruction is a line of the log, and the last one reads a register that nobody has written.
    let mut long = vec![Instruction::mov(Register::R0, 1); 4000];
    long.extend([Instruction::mov(Register::R0, Register::R7), Instruction::exit()]);
    let error = Program::from_instructions(long).load().unwrap_err();
    let LoadError::Refused { log, .. } = &error else { panic!("{error}") };
    assert!(log.full().len() > 64 << 10, "only {} bytes: the test is too short", log.full().len());
    assert!(error.to_string().ends_with("R7 !read_ok"), "{error}");
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn a_program_without_instructions_is_an_error_that_says_so() {
    if !lab::require("a_program_without_instructions_is_an_error_that_says_so") {
        return;
    }
    let error = Program::from_instructions(Vec::new()).load().unwrap_err();
    assert!(matches!(error, LoadError::Length { instructions: 0, .. }), "{error}");
}

#[test]
fn a_bad_name_or_size_is_refused_before_the_kernel_is_asked() {
    for name in ["sixteen_letters_", "with space", "zero\0"] {
        let error = Program::redirect_all().name(name).load().unwrap_err();
        assert!(matches!(error, LoadError::Name { .. }), "{error}");
    }
    let error = Program::redirect_all().map_entries(0).load().unwrap_err();
    assert!(matches!(error, LoadError::Map(MapCreateError::NoEntries)), "{error}");
}

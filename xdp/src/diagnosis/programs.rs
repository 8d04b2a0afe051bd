//! Programs on the interface: who decides what a socket gets.

use super::facts::Facts;
use super::{Config, Finding, FindingKind, Severity};
use crate::QueueId;
use crate::program::{AttachMode, AttachedMode, ForeignProgram};

/// Before the bind: whether a program of ours would find room.
pub(super) fn check(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(program) = &facts.program {
        if !config.attaches() {
            found.extend(config.direction.receives().then(|| foreign(facts.name(), program, Severity::Note)));
        } else if conflicts(config.attach, program.mode) {
            found.push(mode_conflict(facts.name(), program));
        } else {
            found.push(foreign(facts.name(), program, Severity::Blocks));
        }
    } else if config.attaches() && facts.master.as_ref().is_some_and(|master| !master.xdp().is_none()) {
        found.push(upper_program(facts.name()));
    }
    found
}

/// Whether the kernel refuses for the mode, whatever is attached.
fn conflicts(wanted: AttachMode, there: AttachedMode) -> bool {
    match wanted {
        AttachMode::Generic => there != AttachedMode::Generic,
        AttachMode::PreferDriver | AttachMode::Driver => there != AttachedMode::Driver,
    }
}

/// Taking somebody's program off.
fn detach(interface: &str, program: &ForeignProgram) -> String {
    format!(
        "ip link set dev {interface} {} off (for a link: bpftool link detach), or end the process that attached it",
        program.keyword()
    )
}

pub(super) fn foreign(interface: &str, program: &ForeignProgram, severity: Severity) -> Finding {
    let finding = Finding::new(severity, FindingKind::ForeignProgram { program: program.clone() })
        .what(format!("{interface} already runs XDP {program}"));
    if severity == Severity::Note {
        finding
            .why("it decides which packets the socket gets")
            .remedy("put the socket into its map (the socket's descriptor is AsFd)")
    } else {
        finding
            .why("an interface runs one program, and somebody else's is never replaced")
            .remedy(detach(interface, program))
    }
}

pub(super) fn mode_conflict(interface: &str, program: &ForeignProgram) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::ModeConflict { program: program.clone() })
        .what(format!("{interface} already runs XDP {program}, and a second mode beside it is refused"))
        .why("the kernel runs programs of one mode on an interface")
        .remedy(detach(interface, program))
}

pub(super) fn upper_program(interface: &str) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::UpperProgram)
        .what(format!("an interface above {interface} (its bond, bridge or team) runs an XDP program"))
        .why("the kernel allows a program above or below, not both")
        .remedy("detach that one first (ip link set dev UPPER xdp off)")
}

/// A program and a socket that do not go together.
pub(super) fn buffer_mismatch(interface: &str, program_takes_several: bool) -> Finding {
    let finding = Finding::new(Severity::Blocks, FindingKind::BufferMismatch { program_takes_several });
    if program_takes_several {
        finding
            .what(format!(
                "the program on {interface} takes packets of several frames, and the socket does not"
            ))
            .why("the kernel drops what does not fit one chunk")
            .remedy("SocketBuilder::multi_buffer(MultiBuffer::Prefer)")
            .remedy("an MTU that fits a chunk, or larger chunks")
    } else {
        finding
            .what(format!(
                "the socket on {interface} takes packets of several frames, and the program does not"
            ))
            .why("drivers refuse such a program with a large MTU, or drop what does not fit one buffer")
            .remedy("ProgramBuilder::multi_buffer")
            .remedy("MultiBuffer::Never")
    }
}

pub(super) fn elsewhere(socket: &str, program: &str) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::ProgramElsewhere { program: program.to_owned() })
        .what(format!("the program is attached to {program} and the socket is bound to {socket}"))
        .why("the kernel drops what a program sends to a socket of another interface, and counts it nowhere")
        .remedy(format!("attach the program to {socket}, too"))
}

/// After the bind: nobody sends packets here.
pub(super) fn no_program(interface: &str) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::NoProgram)
        .what(format!("no XDP program runs on {interface}, so nothing is given to the socket"))
        .why("a socket receives only what a program redirects to it; everything goes to the kernel's stack")
        .remedy("SocketBuilder::receive: Receive::Only with a Filter, or Receive::Everything")
        .remedy("attach a program of your own and call Socket::register")
}

pub(super) fn detached(interface: &str, id: u32) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::ProgramDetached { id })
        .what(format!("our program (id {id}) was taken off {interface}"))
        .why("nothing is given to the socket any more; everything goes to the kernel's stack")
        .remedy("attach it again and register the socket (Program::attach, Socket::register), or open the socket anew")
}

pub(super) fn replaced(interface: &str, ours: u32, program: ForeignProgram) -> Finding {
    let what = format!("our program (id {ours}) was taken off {interface}, which runs XDP {program} now");
    let remedy = detach(interface, &program);
    Finding::new(Severity::Blocks, FindingKind::ProgramReplaced { ours, program })
        .what(what)
        .why("the other program decides what becomes of the packets, and does not know the socket")
        .remedy(format!("{remedy}; then open the socket anew"))
}

pub(super) fn slot_empty(queue: QueueId) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::SlotEmpty { queue })
        .what(format!("slot {queue} of our program's map is empty"))
        .why("the program passes the queue's packets to the kernel's stack then")
        .remedy("Socket::register puts the socket into the map again")
}

pub(super) fn slot_taken(queue: QueueId) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::SlotTaken { queue })
        .what(format!("slot {queue} of our program's map holds another socket"))
        .why("the program gives the queue's packets to that one")
        .remedy("XskMap::replace takes the queue over")
        .remedy("close the other socket")
}

pub(super) fn generic(interface: &str, reason: &str) -> Finding {
    Finding::new(Severity::Note, FindingKind::FellBackToGeneric { reason: reason.to_owned() })
        .what(format!("the program on {interface} runs in generic mode: {reason}"))
        .why("it runs after the driver, on socket buffers: slower, and never with zero-copy")
        .remedy("AttachMode::Driver makes it an error instead")
}

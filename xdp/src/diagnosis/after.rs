//! After the bind: why it is quiet.

use std::os::fd::AsFd;
use std::sync::Arc;

use xdp_sys::if_xdp::{AF_XDP, SOL_XDP, XDP_RX_RING};

use super::facts::Facts;
use super::flow::{self, RxState, TxState};
use super::{Config, Diagnosis, Finding, FindingKind, Severity, link, mode, programs, queues};
use crate::QueueId;
use crate::device::InterfaceRef;
use crate::program::{Attachment, MapError, XskMap};
use crate::socket::builder::Direction;
use crate::socket::options::Mode;
use crate::socket::port::Port;
use crate::socket::statistics::Statistics;
use crate::sys;

/// What is wrong with a bound socket, seen from one of its halves or both.
pub(crate) fn health(port: &Port, rx: Option<RxState>, tx: Option<TxState>) -> Diagnosis {
    let report = port.report();
    let mut found = Vec::new();
    let Some(place) = port.place() else {
        // Over a fake kernel there are rings, and nothing else to ask about.
        return Diagnosis::new(of_rings(port, rx, tx));
    };
    let interface =
        InterfaceRef::Known { index: place.interface, name: &report.interface, namespace: place.namespace };
    match Facts::of(interface) {
        _ if port.is_gone() => found.push(link::gone(&report.interface)),
        Ok(facts) => {
            found.extend(of_interface(port, &facts, rx.is_some(), rx.is_some_and(|rx| rx.waiting == 0)))
        }
        Err(error) => found.push(link::not_found(&error)),
    }
    found.extend(of_rings(port, rx, tx));
    found.extend(of_report(port));
    Diagnosis::new(found)
}

fn of_interface(port: &Port, facts: &Facts, receives: bool, is_quiet: bool) -> Vec<Finding> {
    let config = config(port, receives);
    let mut found = Vec::new();
    found.extend(link::state(facts));
    found.extend(queues::missing(&facts.interface, &config));
    if receives {
        found.extend(of_programs(port, facts));
        let severity = if is_quiet { Severity::Hinders } else { Severity::Note };
        found.extend(queues::others(facts, config.queue, severity));
        found.extend(queues::not_named(facts, config.queue));
        found.extend(queues::steered(facts, config.queue));
        found.extend(if port.is_zero_copy() {
            mode::zero_copy_frame(facts, &config, Severity::Hinders)
        } else {
            link::frame_fits(facts, &config)
        });
        found.extend(mode::merging(facts, Severity::Hinders));
        found.extend(link::mac_filter(facts).filter(|_| is_quiet));
    }
    found.extend(link::place(facts, &config));
    found
}

/// The settings that the socket was bound with, as far as what goes wrong later depends on them.
fn config(port: &Port, receives: bool) -> Config {
    let report = port.report();
    Config {
        direction: if receives { Direction::Both } else { Direction::Tx },
        mode: if port.is_zero_copy() { Mode::ZeroCopy } else { Mode::Copy },
        chunks: report.chunks.0,
        chunk_size: report.chunks.1,
        headroom: port.umem().layout().headroom(),
        rings: report.rings,
        multi_buffer: report.multi_buffer,
        ..Config::new(report.queue)
    }
}

fn of_programs(port: &Port, facts: &Facts) -> Vec<Finding> {
    let registrations = port.registrations();
    if registrations.is_empty() {
        return vec![match &facts.program {
            None => programs::no_program(facts.name()),
            Some(program) => programs::foreign(facts.name(), program, Severity::Note),
        }];
    }
    registrations
        .iter()
        .filter_map(|(attachment, queue)| of_program(port, facts, attachment, *queue))
        .collect()
}

fn of_program(port: &Port, facts: &Facts, attachment: &Arc<Attachment>, queue: QueueId) -> Option<Finding> {
    let ours = attachment.program().id();
    if attachment.is_attached().is_ok_and(|attached| !attached) {
        return Some(match facts.program.clone() {
            Some(program) => programs::replaced(facts.name(), ours, program),
            None => programs::detached(facts.name(), ours),
        });
    }
    // A link can be given another program by whoever holds it, and stays attached.
    if let Some(program) = facts.program.clone().filter(|_| !runs(facts, ours)) {
        return Some(programs::replaced(facts.name(), ours, program));
    }
    match slot(port, attachment.program().map(), queue)? {
        Slot::Ours => None,
        Slot::Empty => Some(programs::slot_empty(queue)),
        Slot::Other => Some(programs::slot_taken(queue)),
    }
}

/// Whether one of the programs on the interface is this one.
fn runs(facts: &Facts, id: u32) -> bool {
    let xdp = facts.interface.xdp();
    [xdp.driver(), xdp.generic(), xdp.hardware()].contains(&Some(id))
}

/// What is in the slot of a map.
enum Slot {
    Ours,
    Empty,
    Other,
}

/// The kernel shows nobody what a socket map holds. But it refuses to put a socket where another one is: so a socket
/// that is bound to nothing is put in and taken out at once, and then ours. `None` where the thread may not try.
///
/// What is in the slot stays there. A packet that arrives between the two finds the unbound socket instead of an empty
/// slot and is dropped instead of passed on.
fn slot(port: &Port, map: &XskMap, queue: QueueId) -> Option<Slot> {
    let stranger = sys::socket(AF_XDP, libc::SOCK_RAW, 0).ok()?;
    // Linux 7.2 takes no socket that cannot receive.
    sys::set_option(stranger.as_fd(), SOL_XDP, XDP_RX_RING, &1_u32).ok()?;
    match map.insert(queue, stranger.as_fd()) {
        Ok(()) => {
            // Closing it would empty the slot, too.
            drop(map.remove(queue));
            Some(Slot::Empty)
        }
        Err(MapError::Taken { .. }) => match map.insert(queue, port.kernel()?) {
            Ok(()) => Some(Slot::Ours),
            Err(MapError::Taken { .. }) => Some(Slot::Other),
            Err(_) => None,
        },
        Err(_) => None,
    }
}

fn of_rings(port: &Port, rx: Option<RxState>, tx: Option<TxState>) -> Vec<Finding> {
    let report = port.report();
    let mut found = Vec::new();
    found.extend(
        rx.map(|state| flow::receiving(state, report, &port.umem().accounting())).into_iter().flatten(),
    );
    found.extend(tx.map(flow::sending).into_iter().flatten());
    if let Ok(statistics) = Statistics::read(port) {
        found.extend(flow::counted(&statistics, report, port.umem().layout().headroom()));
    }
    found
}

/// What was obtained at the bind, and was not what was preferred.
fn of_report(port: &Port) -> Vec<Finding> {
    let report = port.report();
    let mut found = Vec::new();
    found.extend(report.why_copy.as_ref().map(|reason| fell_back(&report.interface, reason)));
    let program = report.program.as_ref();
    let why_generic = program.and_then(|program| program.why_generic.as_ref());
    found.extend(why_generic.map(|reason| programs::generic(&report.interface, reason)));
    found
}

fn fell_back(interface: &str, reason: &str) -> Finding {
    Finding::new(Severity::Note, FindingKind::FellBackToCopy { reason: reason.to_owned() })
        .what(format!("the socket on {interface} is in copy mode: {reason}"))
        .why("zero-copy was preferred; the kernel copies each packet instead")
        .remedy("Mode::ZeroCopy makes it an error instead, Mode::Copy does not try")
}

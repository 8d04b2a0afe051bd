//! A socket on each of several queues of an interface, opened by one call.

use std::collections::HashSet;
use std::fs;

use xdp::queues::{self, Pinning, PinningError, Selection};
use xdp::{BindError, Mode, QueueId, Receive, Registration, Socket};

use crate::{enter, expect, lab, send, small_umem};

/// The CPUs that the calling thread may run on, as the kernel writes them.
fn allowed() -> String {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned()
}

#[test]
fn each_queue_has_its_socket_and_all_have_one_program_and_one_registration() {
    let Some(lab) = lab("each_queue_has_its_socket_and_all_have_one_program_and_one_registration", 1, 4)
    else {
        return;
    };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(512), small_umem(512));
    let config = || Socket::builder(&umem).mode(Mode::Copy).receive(Receive::Everything);
    let mut all = queues::open("veth0a", Selection::All, config()).unwrap();
    assert_eq!(all.sockets().len(), 4);
    let registrations = all
        .sockets()
        .iter()
        .filter(|socket| matches!(socket.report().registration, Registration::Own { .. }));
    assert_eq!(registrations.count(), 1);
    assert_eq!(all.attachment().unwrap().program().map().entries(), 4);
    // What a queue of the peer sends arrives at the queue of the same number.
    let config = Socket::builder(&peers).mode(Mode::Copy);
    let mut peer = queues::open("veth0b", Selection::First(4), config).unwrap();
    assert!(peer.attachment().is_none());
    for (socket, peer) in all.sockets().iter_mut().zip(peer.sockets()) {
        let first = u64::from(peer.report().queue.0) * 1000;
        send(peer.tx(), first..first + 200);
        expect(socket.rx(), first..first + 64);
    }
    // The rest did not fit the share of each, and is counted.
    let statistics = all.statistics().unwrap();
    let each: u64 = all.sockets().iter().map(|socket| socket.statistics().unwrap().rx_dropped).sum();
    assert_eq!(statistics.rx_dropped, each);
    assert!(statistics.rings.is_some());
}

#[test]
fn threads_run_where_they_are_pinned() {
    let Some(lab) = lab("threads_run_where_they_are_pinned", 1, 3) else { return };
    let _inside = enter(&lab);
    let umem = small_umem(128);
    let these = Selection::These([2, 0].map(QueueId).to_vec());
    let mut two = queues::open("veth0a", these, Socket::builder(&umem).mode(Mode::Copy)).unwrap();
    let everywhere = allowed();
    let look = |socket: &mut Socket| (socket.report().queue.0, allowed());
    let free = two.run(&Pinning::Never, look).unwrap();
    assert_eq!(free, [(2, everywhere.clone()), (0, everywhere.clone())]);
    let near = two.run(&Pinning::NearNic, look).unwrap();
    let cpus: HashSet<usize> = near.iter().map(|(_, cpu)| cpu.parse().expect("one cpu")).collect();
    let available = std::thread::available_parallelism().unwrap().get();
    assert_eq!(cpus.len(), available.min(2), "each has its own, as far as there are enough");
    let first = *cpus.iter().min().unwrap();
    let here = two.run(&Pinning::Cpus(vec![first]), look).unwrap();
    assert_eq!(here, [(2, first.to_string()), (0, first.to_string())]);
    assert_eq!(allowed(), everywhere, "the calling thread is left alone");
    let error = two.run(&Pinning::Cpus(vec![first, 8000]), look).unwrap_err();
    assert!(matches!(error, PinningError::NotAllowed { cpu: 8000, .. }), "{error}");
    assert!(matches!(two.run(&Pinning::Cpus(Vec::new()), look), Err(PinningError::NoCpus)));
}

#[test]
fn a_selection_that_makes_no_sense_is_refused_and_nothing_stays_open() {
    let Some(lab) = lab("a_selection_that_makes_no_sense_is_refused_and_nothing_stays_open", 1, 2) else {
        return;
    };
    let _inside = enter(&lab);
    let umem = small_umem(128);
    let open = |selection| {
        queues::open("veth0a", selection, Socket::builder(&umem).receive(Receive::Everything)).map(drop)
    };
    let error = open(Selection::These(Vec::new())).unwrap_err();
    assert!(matches!(error, BindError::NoQueues { .. }), "{error}");
    let error = open(Selection::These([1, 0, 1].map(QueueId).to_vec())).unwrap_err();
    assert!(matches!(error, BindError::QueueTwice { queue: QueueId(1), .. }), "{error}");
    let error = open(Selection::First(3)).unwrap_err();
    assert!(matches!(error, BindError::Queue { queue: QueueId(2), .. }), "{error}");
    open(Selection::All).unwrap();
    assert!(xdp::Interface::by_name("veth0a").unwrap().xdp().is_none(), "the program goes with the sockets");
}

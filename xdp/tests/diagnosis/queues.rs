//! Queues: missing, taken, or not the one where packets arrive.

use std::time::Duration;

use xdp::diagnosis::diagnose;
use xdp::lab::Lab;
use xdp::{BindError, FindingKind, Mode, QueueId, Receive, Severity, Socket};

use crate::{QUEUE, config, enter, find, find_none, has_tool, lab, run, send, umem};

#[test]
fn a_queue_that_is_not_there_is_told_with_those_that_are() {
    let Some(lab) = lab("a_queue_that_is_not_there_is_told_with_those_that_are") else { return };
    let (_inside, a, _b) = enter(&lab);
    for queue in [1, 65_536] {
        let mut beyond = config();
        beyond.queue = QueueId(queue);
        let is_it = |kind: &FindingKind| matches!(kind, FindingKind::NoSuchQueue { queue: QueueId(q), queues: 1, .. } if *q == queue);
        find!(diagnose(&a, &beyond).findings(), kind if is_it(kind), "from 0 to 0");
        let error = Socket::builder(&umem(64)).bind(&a, QueueId(queue)).map(drop).unwrap_err();
        assert!(matches!(error, BindError::Queue { .. }), "{error}");
        find!(&error.likely_causes(), kind if is_it(kind), "from 0 to 0");
    }
}

#[test]
fn a_queue_that_is_not_in_use_but_could_be_is_told_with_the_command() {
    let test = "a_queue_that_is_not_in_use_but_could_be_is_told_with_the_command";
    if !xdp::lab::require(test) || !has_tool("ethtool", test) {
        return;
    }
    let lab = Lab::builder().queues(4).build().unwrap();
    let (_inside, a, b) = enter(&lab);
    assert!(run(&format!("ethtool -L {b} rx 2 tx 2")) && run(&format!("ethtool -L {a} rx 2 tx 2")));
    let mut unused = config();
    unused.queue = QueueId(3);
    find!(
        diagnose(&a, &unused).findings(),
        FindingKind::NoSuchQueue { queues: 2, .. },
        &format!("ethtool -L {a}"),
        "from 0 to 1"
    );
}

#[test]
fn a_queue_that_is_taken_is_told_before_and_in_the_error() {
    let Some(lab) = lab("a_queue_that_is_taken_is_told_before_and_in_the_error") else { return };
    let (_inside, a, _b) = enter(&lab);
    let (ours, theirs) = (umem(64), umem(64));
    let holder = Socket::builder(&theirs).mode(Mode::Copy).bind(&a, QUEUE).unwrap();
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::QueueBusy { queue: QUEUE, .. });
    // The kernel tells who has a queue since 6.15.
    if xdp::device::NicQueue::of(&xdp::Interface::by_name(&a).unwrap())
        .unwrap()
        .is_some_and(|queues| queues.iter().any(|queue| queue.user() == Some(xdp::device::QueueUser::AfXdp)))
    {
        find!(diagnose(&a, &config()).findings(), kind if is_it(kind), "another queue");
    }
    let error = Socket::builder(&ours).bind(&a, QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::QueueBusy { .. }), "{error}");
    find!(&error.likely_causes(), kind if is_it(kind), "end ", "another queue");
    drop(holder);
}

#[test]
fn packets_that_go_to_another_queue_are_told_with_three_ways_out() {
    let test = "packets_that_go_to_another_queue_are_told_with_three_ways_out";
    if !xdp::lab::require(test) {
        return;
    }
    let lab = Lab::builder().queues(2).build().unwrap();
    let (_inside, a, b) = enter(&lab);
    let (sending, receiving) = (umem(64), umem(64));
    // What a veth sends by a queue its other end receives by the queue of that number.
    let mut tx = Socket::builder(&sending).mode(Mode::Copy).bind_tx(&*a, QueueId(1)).unwrap();
    let mut socket =
        Socket::builder(&receiving).mode(Mode::Copy).receive(Receive::Everything).bind(&*b, QUEUE).unwrap();
    send(&mut tx, 8, 64);
    assert!(!socket.wait(Duration::from_millis(20)).unwrap(), "they arrive at queue 1");
    let finding = find!(
        socket.health().findings(),
        FindingKind::OtherQueues { queue: QUEUE, queues: 2, .. },
        "each of the 2 queues",
        &format!("ethtool -L {b} rx 1"),
        &format!("ethtool -N {b}")
    );
    assert_eq!(finding.severity(), Severity::Hinders);
    // Said before as well, as a note.
    let before = find!(diagnose(&a, &config()).findings(), FindingKind::OtherQueues { .. }, "ethtool -N");
    assert_eq!(before.severity(), Severity::Note);
}

#[test]
fn one_queue_is_not_told_that_there_may_be_others() {
    let Some(lab) = lab("one_queue_is_not_told_that_there_may_be_others") else { return };
    let (_inside, a, _b) = enter(&lab);
    find_none!(diagnose(&a, &config()).findings(), FindingKind::OtherQueues { .. });
}

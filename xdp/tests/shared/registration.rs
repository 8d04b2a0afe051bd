//! A second socket shares the registration of the first, on another queue or another interface, or says why not.

use xdp::{BindError, Mode, NeedWakeup, QueueId, Receive, Registration, Sharing, Socket};

use crate::{PATIENCE, QUEUE, enter, expect, lab, open, send, small_umem};

#[test]
fn a_second_socket_shares_the_registration_by_itself() {
    let Some(lab) = lab("a_second_socket_shares_the_registration_by_itself", 2, 2) else { return };
    let _inside = enter(&lab);
    let umem = small_umem(256);
    let builder = || Socket::builder(&umem).chunks(64).mode(Mode::Copy);
    let first = builder().bind("veth0a", QUEUE).unwrap();
    let other_queue = builder().bind("veth0a", QueueId(1)).unwrap();
    let other_device = Socket::builder(&umem).chunks(64).bind("veth1a", QUEUE).unwrap();
    let registration = |socket: &Socket| socket.report().registration.clone();
    assert_eq!(registration(&first), Registration::Own { why: None });
    assert_eq!(registration(&other_queue), Registration::OtherQueue);
    // Zero-copy was preferred, and veth is known to have none.
    assert_eq!(registration(&other_device), Registration::OtherDevice);
    let own = builder().sharing(Sharing::Never).bind("veth1a", QueueId(1)).unwrap();
    assert_eq!(registration(&own), Registration::Own { why: None });
}

#[test]
fn packets_go_round_through_sockets_that_share_one_registration() {
    let Some(lab) = lab("packets_go_round_through_sockets_that_share_one_registration", 1, 1) else { return };
    let _inside = enter(&lab);
    let umem = small_umem(256);
    let mut near = open(&umem, "veth0a", QUEUE, 128);
    let far = near.share().other_device("veth0b", QUEUE).chunks(128).receive(Receive::Everything);
    let mut far = far.bind().unwrap();
    assert_eq!(far.report().registration, Registration::OtherDevice);
    for start in (0..3200).step_by(32) {
        send(near.tx(), start..start + 32);
        expect(far.rx(), start..start + 32);
        send(far.tx(), start..start + 32);
        expect(near.rx(), start..start + 32);
    }
    for socket in [&mut near, &mut far] {
        socket.flush(PATIENCE).unwrap();
    }
    assert!(umem.accounting().is_balanced());
}

#[test]
fn the_registration_outlives_the_socket_that_made_it() {
    let Some(lab) = lab("the_registration_outlives_the_socket_that_made_it", 2, 1) else { return };
    let _inside = enter(&lab);
    let (umem, peers) = (small_umem(192), small_umem(128));
    let mut peer = open(&peers, "veth1b", QUEUE, 128);
    let first = open(&umem, "veth0a", QUEUE, 64);
    let mut second = first.share().other_device("veth1a", QUEUE).chunks(64);
    second = second.receive(Receive::Everything);
    let mut second = second.bind().unwrap();
    drop(first);
    for start in (0..640).step_by(64) {
        send(peer.tx(), start..start + 16);
        expect(second.rx(), start..start + 16);
        send(second.tx(), start..start + 64);
        expect(peer.rx(), start..start + 64);
    }
    // Whoever comes now shares with the second, also where the first was.
    let third = Socket::builder(&umem).chunks(64).mode(Mode::Copy).bind("veth0a", QUEUE).unwrap();
    assert_eq!(third.report().registration, Registration::OtherDevice);
    drop(second);
    assert_eq!(third.report().chunks.0, 192);
}

#[test]
fn settings_that_cannot_be_inherited_get_a_registration_of_their_own() {
    let Some(lab) = lab("settings_that_cannot_be_inherited_get_a_registration_of_their_own", 1, 3) else {
        return;
    };
    let _inside = enter(&lab);
    let umem = small_umem(256);
    let builder = || Socket::builder(&umem).chunks(64).mode(Mode::Copy);
    let _first = builder().bind("veth0a", QUEUE).unwrap();
    let always = builder().need_wakeup(NeedWakeup::Always).bind("veth0a", QueueId(1)).unwrap();
    let Registration::Own { why: Some(why) } = &always.report().registration else {
        panic!("{}", always.report())
    };
    assert!(why.contains("need-wakeup"), "{why}");
    // Of the two, the one that suits.
    let second = builder().need_wakeup(NeedWakeup::Always).bind("veth0a", QueueId(2)).unwrap();
    assert_eq!(second.report().registration, Registration::OtherQueue);
    // Copy mode would be inherited where zero-copy is wanted: an error of the driver, not of the sharing.
    let error = builder().mode(Mode::ZeroCopy).bind("veth0b", QUEUE).unwrap_err();
    assert!(matches!(error, BindError::NoZeroCopy { .. }), "{error}");
}

#[test]
fn the_queue_of_the_first_socket_is_refused_before_the_kernel_is_asked() {
    let Some(lab) = lab("the_queue_of_the_first_socket_is_refused_before_the_kernel_is_asked", 1, 1) else {
        return;
    };
    let _inside = enter(&lab);
    let umem = small_umem(128);
    let first = open(&umem, "veth0a", QUEUE, 64);
    let error = first.share().other_queue(QUEUE).bind().unwrap_err();
    assert!(matches!(error, BindError::SameQueue { queue: QUEUE, .. }), "{error}");
    assert!(error.to_string().contains("SharedQueue"), "{error}");
    let error = first.share().other_queue(QueueId(1)).bind_rx().unwrap_err();
    assert!(matches!(error, BindError::Queue { queue: QueueId(1), .. }), "{error}");
    assert_eq!(umem.accounting().stranded, 0);
}

/// An interface index means something else in another namespace.
#[test]
fn another_queue_of_the_interface_is_looked_for_in_its_own_namespace() {
    let Some(here) = lab("another_queue_of_the_interface_is_looked_for_in_its_own_namespace", 1, 2) else {
        return;
    };
    let there = lab("the other one", 1, 2).unwrap();
    let umem = small_umem(128);
    let first = here.run(|| open(&umem, "veth0a", QUEUE, 64)).unwrap();
    let error = there.run(|| first.share().other_queue(QueueId(1)).bind().unwrap_err()).unwrap();
    assert!(matches!(error, BindError::Interface(_)), "{error}");
    // An interface there is another device, and the kernel shares between namespaces.
    let second =
        there.run(|| first.share().other_device("veth0a", QUEUE).chunks(64).bind().unwrap()).unwrap();
    assert_eq!(second.report().registration, Registration::OtherDevice);
}

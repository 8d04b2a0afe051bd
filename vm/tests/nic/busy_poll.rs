//! Busy polling: packets move by a socket's own calls, and the queue's NAPI is as it was afterwards.

use std::time::{Duration, Instant};

use xdp::device::Napi;
use xdp::{BindError, BusyPoll, BusyPollError, Interface, Receive, Socket, Umem};

use crate::packet;
use crate::site::{Nic, PATIENCE, QUEUE, await_carrier, builder, check, nics, open, send, transfer, umem};

/// Longer than any test: what arrives before has been polled for.
const NEVER: Duration = Duration::from_secs(600);

/// The settings of each NAPI of an interface.
fn settings(nic: &Nic) -> Vec<(Option<u32>, Option<Duration>)> {
    let all = Napi::of(&Interface::by_name(&nic.name).unwrap()).unwrap().unwrap();
    all.iter().map(|napi| (napi.defer_hard_irqs(), napi.gro_flush_timeout())).collect()
}

/// A socket that polls its queue itself; none where the kernel lets no socket do so.
fn polling(umem: &Umem, nic: &Nic, busy: BusyPoll) -> Option<Socket> {
    match builder(umem).receive(Receive::Everything).busy_poll(busy).bind(nic.name.as_str(), QUEUE) {
        Err(BindError::BusyPoll(error @ BusyPollError::NotPolled { .. })) => {
            eprintln!("{error}");
            None
        }
        other => {
            let socket = other.unwrap();
            eprintln!("NAPI {:?} of {:?}", socket.report().polled_napi, settings(nic));
            await_carrier(&nic.name);
            Some(socket)
        }
    }
}

#[test]
fn packets_arrive_by_kicks_alone_while_interrupts_are_off() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    let mut one = open(&sending, &near);
    let before = settings(&far);
    let busy = BusyPoll::default().interrupts_off(u32::from(u16::MAX), NEVER);
    let Some(mut other) = polling(&receiving, &far, busy) else { return };
    await_carrier(&near.name);
    let (route, patient) = (near.route_to(&far), (Some(u32::from(u16::MAX)), Some(NEVER)));
    assert!(settings(&far).contains(&patient), "{:?}", settings(&far));
    let mut waited = 0;
    for number in 0..40 {
        assert_eq!(send(one.tx(), route, number, number + 1), number + 1);
        one.flush(PATIENCE).unwrap();
        // Nothing tells that nothing happens.
        std::thread::sleep(Duration::from_millis(20));
        waited += u32::from(other.rx().available() == 0);
        let deadline = Instant::now() + PATIENCE;
        while other.rx().available() == 0 {
            other.rx().kick().unwrap();
            assert!(Instant::now() < deadline, "packet {number} does not arrive");
        }
        let batch = other.rx().seek(8);
        assert_eq!(batch.iter().map(|bytes| packet::read(bytes, route)).collect::<Vec<_>>(), [number]);
        batch.commit();
    }
    eprintln!("{waited} of 40 packets waited for a kick");
    // The emulated igb goes on interrupting, whatever its driver masks.
    if std::env::var_os("XDP_VM_NIC").is_some_and(|kind| kind == "virtio") {
        assert!(waited >= 30, "{waited} of 40 packets waited for a kick");
    }
    check(&other);
    drop(other);
    assert!(
        !settings(&far).contains(&patient) && settings(&far).len() == before.len(),
        "{:?}",
        settings(&far)
    );
}

#[test]
fn sockets_that_poll_themselves_send_and_receive() {
    let [near, far, ..] = nics();
    let (sending, receiving) = (umem(512), umem(512));
    let busy = BusyPoll::default();
    let Some(mut one) = polling(&sending, &near, busy) else { return };
    let Some(mut other) = polling(&receiving, &far, busy) else { return };
    await_carrier(&near.name);
    for start in (0..1000).step_by(500) {
        transfer(one.tx(), other.rx(), near.route_to(&far), start, start + 500);
        transfer(other.tx(), one.rx(), far.route_to(&near), start, start + 500);
    }
    one.flush(PATIENCE).unwrap();
    let preferred = one.report().busy_poll.map(|busy| busy.is_preferred());
    eprintln!("preferred: {preferred:?}");
    check(&one);
    check(&other);
}

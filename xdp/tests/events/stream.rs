//! The stream of events as a user has it.

use xdp::device::{DownReason, LinkEvent, LinkEvents};

use super::*;

#[test]
fn a_stream_opened_in_a_namespace_keeps_to_it() {
    let Some(lab) = lab("a_stream_opened_in_a_namespace_keeps_to_it") else { return };
    let other = Lab::new().unwrap();
    let (inside, a, _b) = enter(&lab);
    let mut events = LinkEvents::of(&a).unwrap();
    drop(inside);
    // The twin in the other lab has the same name and the same index.
    assert_eq!(other.pair(0).a().index(), lab.pair(0).a().index());
    other.set_down(other.pair(0).a()).unwrap();
    assert_eq!(events.try_next().unwrap(), None);
    lab.set_down(lab.pair(0).a()).unwrap();
    let event = events.next_event(PATIENCE).unwrap();
    assert!(
        matches!(&event, Some(LinkEvent::Down { link, reason: DownReason::Administrator }) if link.name == a),
        "{event:?}"
    );
}

#[test]
fn an_interface_that_is_not_there_has_no_events() {
    let Some(lab) = lab("an_interface_that_is_not_there_has_no_events") else { return };
    let (_inside, ..) = enter(&lab);
    let error = LinkEvents::of("eth7").unwrap_err();
    assert!(error.to_string().contains("eth7"), "{error}");
}

#[test]
fn another_thread_is_woken_by_an_event() {
    let Some(lab) = lab("another_thread_is_woken_by_an_event") else { return };
    let (_inside, a, _b) = enter(&lab);
    let mut events = LinkEvents::of(&a).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(move || events.next_event(Duration::MAX).unwrap());
        lab.set_mtu(lab.pair(0).a(), 1400).unwrap();
        let event = waiter.join().unwrap();
        assert!(matches!(event, Some(LinkEvent::Mtu { before: 1500, now: 1400, .. })), "{event:?}");
    });
}

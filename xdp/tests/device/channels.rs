//! How many queues interfaces have, and changing that.

use std::error::Error;

use xdp::device::{ChangeError, Channels, Count, Interface, InterfaceError};

use crate::truth::{self, every_kind, maximum_and_current};
use crate::{interface, lab};

fn channels(name: &str) -> Option<Channels> {
    Channels::of(&interface(name)).unwrap()
}

fn agrees(name: &str) {
    let (ours, truth) = (channels(name), truth::ethtool("-l", name));
    assert_eq!(ours.is_some(), truth.is_some(), "{name}");
    let Some((ours, table)) = ours.zip(truth) else { return };
    let numbers =
        [("RX", ours.rx()), ("TX", ours.tx()), ("Other", ours.other()), ("Combined", ours.combined())];
    for (row, count) in numbers {
        assert_eq!((count.max, count.current), maximum_and_current(&table, row), "{name} {row}");
    }
}

#[test]
fn channels_are_as_ethtool_shows_them() {
    let Some(lab) = lab("channels_are_as_ethtool_shows_them") else { return };
    let _inside = lab.enter().unwrap();
    for name in every_kind() {
        agrees(&name);
    }
    let ours = channels("veth0a").unwrap();
    assert_eq!((ours.rx(), ours.tx()), (Count { current: 4, max: 4 }, Count { current: 4, max: 4 }));
    assert_eq!((ours.rx_queues(), ours.tx_queues()), (4, 4));
    assert_eq!(channels("bridge0").map(|channels| channels.rx()), None, "a bridge does not say");
}

#[test]
fn the_channels_of_the_machine_are_as_ethtool_shows_them() {
    if !truth::require("the_channels_of_the_machine_are_as_ethtool_shows_them", &["ethtool"]) {
        return;
    }
    if Interface::by_name("eth0").is_ok() {
        agrees("eth0");
    }
}

#[test]
fn channels_change_for_good_and_what_is_not_named_stays() {
    let Some(lab) = lab("channels_change_for_good_and_what_is_not_named_stays") else { return };
    let _inside = lab.enter().unwrap();
    Channels::change().rx(3).apply(&interface("veth0a")).unwrap();
    let now = channels("veth0a").unwrap();
    assert_eq!((now.rx().current, now.tx().current), (3, 4));
    agrees("veth0a");
    let interface = interface("veth0a");
    assert_eq!((interface.queues().rx, interface.allocated_queues().rx), (3, 4));
}

#[test]
fn a_guard_puts_the_channels_back_when_it_is_dropped_or_asked_to() {
    let Some(lab) = lab("a_guard_puts_the_channels_back_when_it_is_dropped_or_asked_to") else { return };
    let inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    let current = || channels("veth0a").map(|now| (now.rx().current, now.tx().current));
    let dropped = Channels::change().rx(2).tx(1).until_dropped(&nic).unwrap();
    assert_eq!(current(), Some((2, 1)));
    drop(dropped);
    assert_eq!(current(), Some((4, 4)));
    Channels::change().rx(1).until_dropped(&nic).unwrap().restore().unwrap();
    assert_eq!(current(), Some((4, 4)));
    Channels::change().rx(1).until_dropped(&nic).unwrap().keep();
    assert_eq!(current(), Some((1, 4)));

    let far = Channels::change().tx(3).until_dropped(&nic).unwrap();
    drop(inside);
    std::thread::spawn(move || far.restore().unwrap()).join().unwrap();
    let _inside = lab.enter().unwrap();
    assert_eq!(current(), Some((1, 4)), "from another thread, in another namespace");
}

#[test]
fn more_channels_than_there_can_be_are_refused_in_the_words_of_the_kernel() {
    let Some(lab) = lab("more_channels_than_there_can_be_are_refused_in_the_words_of_the_kernel") else {
        return;
    };
    let _inside = lab.enter().unwrap();
    let error = Channels::change().rx(9).apply(&interface("veth0a")).unwrap_err();
    assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("rx 9"), "{error}");
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("exceeds maximum"), "{cause}");
    agrees("veth0a");
    assert_eq!(channels("veth0a").unwrap().rx().current, 4);
}

#[test]
fn channels_of_what_has_none_cannot_be_changed() {
    let Some(lab) = lab("channels_of_what_has_none_cannot_be_changed") else { return };
    let _inside = lab.enter().unwrap();
    truth::ip("link add bridge0 type bridge");
    let error = Channels::change().combined(2).apply(&interface("bridge0")).unwrap_err();
    assert!(matches!(error, ChangeError::Unsupported { .. }), "{error}");
}

#[test]
fn what_is_gone_is_told_and_a_guard_of_it_is_no_trouble() {
    let Some(lab) = lab("what_is_gone_is_told_and_a_guard_of_it_is_no_trouble") else { return };
    let _inside = lab.enter().unwrap();
    let nic = interface("veth0a");
    let guard = || Channels::change().rx(2).until_dropped(&nic).unwrap();
    let (asked, dropped) = (guard(), guard());
    lab.remove_pair(0).unwrap();
    let error = asked.restore().unwrap_err();
    assert!(matches!(error, ChangeError::Interface(InterfaceError::Gone { .. })), "{error}");
    drop(dropped);
    let error = Channels::of(&nic).unwrap_err();
    assert!(matches!(error, InterfaceError::Gone { .. }), "{error}");
}

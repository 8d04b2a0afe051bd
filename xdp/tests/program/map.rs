//! The map from queue to socket.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use xdp::QueueId;
use xdp::lab;
use xdp::program::{MapCreateError, MapError, XskMap};

use super::xdp_socket;

#[test]
fn a_map_larger_than_an_interface_has_queues_is_refused_before_the_kernel_is_asked() {
    for entries in [65_537, u32::MAX] {
        let error = XskMap::create(entries).unwrap_err();
        assert!(matches!(error, MapCreateError::TooMany { most: 65_536, .. }), "{error}");
        assert!(error.to_string().contains(&format!("{entries} entries")), "{error}");
    }
    if !lab::require("a_map_larger_than_an_interface_has_queues_is_refused_before_the_kernel_is_asked") {
        return;
    }
    assert_eq!(XskMap::create(65_536).unwrap().entries(), 65_536);
}

#[test]
fn a_queue_beyond_the_map_is_an_error_and_not_another_queue() {
    if !lab::require("a_queue_beyond_the_map_is_an_error_and_not_another_queue") {
        return;
    }
    let map = XskMap::create(2).unwrap();
    let socket = xdp_socket();
    for queue in [2, 3, 65536, u32::MAX].map(QueueId) {
        let insert = map.insert(queue, socket.as_fd());
        let replace = map.replace(queue, socket.as_fd());
        let remove = map.remove(queue);
        for error in [insert, replace, remove].map(Result::unwrap_err) {
            assert!(matches!(error, MapError::OutOfRange { entries: 2, .. }), "{error}");
        }
    }
}

#[test]
fn a_socket_is_not_pushed_out_of_its_slot_but_on_request() {
    if !lab::require("a_socket_is_not_pushed_out_of_its_slot_but_on_request") {
        return;
    }
    let map = XskMap::create(1).unwrap();
    let (first, second) = (xdp_socket(), xdp_socket());
    map.insert(QueueId(0), first.as_fd()).unwrap();
    map.insert(QueueId(0), first.as_fd()).unwrap();
    let error = map.insert(QueueId(0), second.as_fd()).unwrap_err();
    assert!(matches!(error, MapError::Taken { queue: QueueId(0) }), "{error}");
    map.replace(QueueId(0), second.as_fd()).unwrap();
    map.remove(QueueId(0)).unwrap();
    map.remove(QueueId(0)).unwrap();
}

#[test]
fn only_an_xdp_socket_goes_into_a_map() {
    if !lab::require("only_an_xdp_socket_goes_into_a_map") {
        return;
    }
    let map = XskMap::create(1).unwrap();
    let file = fs::File::open("/proc/self/status").unwrap();
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
    for other in [file.as_fd(), udp.as_fd()] {
        let error = map.insert(QueueId(0), other).unwrap_err();
        assert!(matches!(error, MapError::NotXdpSocket { .. }), "{error}");
    }
}

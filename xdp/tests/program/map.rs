//! The map from queue to socket.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use xdp::QueueId;
use xdp::lab;
use xdp::program::{MapError, XskMap};

use super::xdp_socket;

#[test]
fn a_map_too_large_for_memory_is_an_error_that_names_its_size() {
    if !lab::require("a_map_too_large_for_memory_is_an_error_that_names_its_size") {
        return;
    }
    let error = XskMap::create(u32::MAX).unwrap_err();
    assert!(error.to_string().contains("4294967295 entries"), "{error}");
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

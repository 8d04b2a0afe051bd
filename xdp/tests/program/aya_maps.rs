//! The maps of the crate `aya`, a loader in Rust: ours used by it, and its own used by us.

use std::os::fd::AsFd;
use std::sync::Arc;

use aya::maps::{Map, MapData, XskMap as AyaMap};
use xdp::lab::{self, Lab};
use xdp::program::{Action, AttachMode, Filter, Program, XskMap};

use super::PACKET;
use super::pin::with_bpf_file_system;
use super::traffic::{QUEUE, expect_packets, receiver};

/// `BPF_MAP_TYPE_XSKMAP`.
const SOCKET_MAP: u32 = 17;
const ENTRIES: u32 = 4;

fn as_socket_map(map: MapData) -> AyaMap<MapData> {
    AyaMap::try_from(Map::from_map_data(map).unwrap()).unwrap()
}

#[test]
fn aya_registers_a_socket_in_our_map() {
    if !lab::require("aya_registers_a_socket_in_our_map") {
        return;
    }
    with_bpf_file_system(|directory| {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let program = Program::redirect_all().map_entries(ENTRIES).load().unwrap();
        let _attachment = program.attach(lab.pair(0).b(), AttachMode::Driver).unwrap();
        let pin = program.map().pin(directory.join("sockets")).unwrap();
        let mut rx = receiver(&lab);
        let ours = [
            MapData::from_fd(program.map().as_fd().try_clone_to_owned().unwrap()).unwrap(),
            MapData::from_pin(pin.path()).unwrap(),
            MapData::from_id(program.map().id().unwrap()).unwrap(),
        ];
        for map in ours {
            let mut map = as_socket_map(map);
            assert_eq!(map.len(), ENTRIES);
            assert_eq!(program.test_run(&PACKET).unwrap(), Action::Pass);
            map.set(QUEUE.0, rx.as_fd(), 0).unwrap();
            expect_packets(&lab, &mut rx);
            map.unset(QUEUE.0).unwrap();
        }
    });
}

#[test]
fn a_socket_of_ours_receives_through_a_map_that_aya_made() {
    if !lab::require("a_socket_of_ours_receives_through_a_map_that_aya_made") {
        return;
    }
    with_bpf_file_system(|directory| {
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let wanted = aya_obj::Map::new_from_params(SOCKET_MAP, 4, 4, ENTRIES, 0);
        let theirs = MapData::create(wanted, "xsks_map", None).unwrap();
        let (path, id) = (directory.join("sockets"), theirs.info().unwrap().id());
        theirs.pin(&path).unwrap();
        let joined = [
            XskMap::from_fd(theirs.fd().as_fd().try_clone_to_owned().unwrap()).unwrap(),
            XskMap::open(&path).unwrap(),
            XskMap::by_id(id).unwrap(),
        ];
        for map in joined {
            assert_eq!((map.id().unwrap(), map.entries()), (id, ENTRIES));
            let program = Program::redirect(Filter::any()).socket_map(map).load().unwrap();
            let attachment = Arc::new(program.attach(lab.pair(0).b(), AttachMode::Driver).unwrap());
            let mut rx = receiver(&lab);
            rx.register(&attachment).unwrap();
            expect_packets(&lab, &mut rx);
        }
    });
}

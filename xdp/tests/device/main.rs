//! What the library tells of interfaces, held against what `ip`, `ethtool` and a fresh `/sys` tell of the same ones,
//! in private namespaces; and what it changes there.
//!
//! Kinds of interfaces that this kernel cannot make are named on standard error.
#![cfg(feature = "lab")]

mod addresses;
mod capabilities;
mod channels;
mod default_route;
mod facts;
mod features;
mod napi;
mod nic;
mod parents;
mod polling;
mod privileges;
mod queues;
mod relations;
mod rings;
mod truth;

use xdp::device::Interface;
use xdp::lab::Lab;

/// A lab whose ends have four queues, or none if it cannot run here. The tools that tell the truth must be there too.
fn lab(test: &str) -> Option<Lab> {
    let ready = xdp::lab::require(test) && truth::require(test, &["ip", "ethtool"]);
    ready.then(|| Lab::builder().queues(4).build().unwrap())
}

/// An interface, as the library tells it now.
fn interface(name: &str) -> Interface {
    Interface::by_name(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

//! Zero-copy on real drivers, in the machines that the script `run` makes: four NICs of one kind on two links, eth0 with
//! eth1 and eth2 with eth3.
//!
//! `XDP_VM_NIC` names their kind; without it nothing here can run.

#![forbid(unsafe_code)]

mod bounce;
mod busy_poll;
mod packet;
mod queues;
mod rebind;
mod site;
mod traffic;

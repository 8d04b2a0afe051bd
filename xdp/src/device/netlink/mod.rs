//! Netlink: requests to the kernel about interfaces, built and read in safe code with every length checked.
//!
//! [`Request`] is built, a [`NetlinkSocket`] sends it and reads the answers up to the end mark, [`Attributes`] takes
//! an answer apart. A damaged answer ends in an error or in an attribute that is missing, never in a panic.

mod attributes;
mod error;
mod gathered;
mod generic;
mod messages;
mod request;
#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
mod seeds;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use attributes::Attributes;
pub use error::NetlinkError;
pub(crate) use gathered::Answer;
#[cfg(any(fuzzing, test))]
pub(crate) use gathered::Gathered;
pub(crate) use generic::Family;
pub(crate) use messages::{Message, Messages, Role};
pub(crate) use request::{Body, Request};
pub(crate) use socket::{NetlinkSocket, Protocol, Received, open_bound, receive_whole};

//! Where a program works: on the interface that its user names, or in a lab of its own.

use anyhow::ensure;
use xdp::Interface;
use xdp::lab::{End, Entered, Lab, LabError};

/// Bytes that an Ethernet header takes beside the MTU.
const ETHERNET_HEADER: usize = 14;

/// An interface that exists, or a lab.
#[derive(Debug)]
pub enum Place {
    /// An interface of this machine, by name.
    Named(String),
    /// A lab with one pair: the program works at end b, its traffic comes from end a.
    Lab(Lab),
}

impl Place {
    /// The interface of that name, or a new lab if there is no name, either fit for packets of `size` bytes.
    pub fn new(interface: Option<&str>, size: usize) -> anyhow::Result<Self> {
        let mtu = size.saturating_sub(ETHERNET_HEADER);
        let Some(name) = interface else {
            let mtu = u32::try_from(mtu).unwrap_or(u32::MAX).max(1500);
            return Ok(Self::Lab(Lab::builder().mtu(mtu).build()?));
        };
        let found = Interface::by_name(name)?;
        ensure!(
            mtu <= found.mtu() as usize,
            "a packet of {size} bytes does not fit {name}, whose MTU is {}: use a smaller --size",
            found.mtu()
        );
        Ok(Self::Named(name.to_owned()))
    }

    /// Takes the thread into the lab, if there is one. Sockets belong to where they are opened.
    pub fn enter(&self) -> Result<Option<Entered<'_>>, LabError> {
        match self {
            Self::Named(_) => Ok(None),
            Self::Lab(lab) => lab.enter().map(Some),
        }
    }

    /// The name of the interface to work on.
    pub fn interface(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Lab(lab) => lab.pair(0).b().name(),
        }
    }

    /// The other end of the lab; none at a named interface, where the world is.
    pub fn other_end(&self) -> Option<&End> {
        match self {
            Self::Named(_) => None,
            Self::Lab(lab) => Some(lab.pair(0).a()),
        }
    }
}

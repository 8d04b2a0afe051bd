//! Generic netlink: families that are found by name.

use xdp_sys::genetlink::{
    CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_OP_ID, CTRL_ATTR_OPS, CTRL_CMD_GETFAMILY,
    GENL_ID_CTRL, genlmsghdr,
};

use super::{Attributes, NetlinkError, NetlinkSocket, Request};

/// A family that this kernel has: its message type and what it can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    id: u16,
    operations: Vec<u8>,
}

impl Family {
    /// Finds a family by name, "netdev" for example. The refusal is `ENOENT` where the kernel has none of that name.
    pub(crate) fn find(socket: &mut NetlinkSocket, name: &str) -> Result<Self, NetlinkError> {
        let header = genlmsghdr { cmd: CTRL_CMD_GETFAMILY, version: 1, reserved: 0 };
        let request = Request::new(GENL_ID_CTRL, 0).fixed(&header).text(CTRL_ATTR_FAMILY_NAME, name);
        let answer = socket.request_one(&request)?;
        Self::read(&answer.payload).ok_or(NetlinkError::Damaged { what: "a family without a number" })
    }

    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (_, attributes) = Attributes::after::<genlmsghdr>(payload)?;
        let id = attributes.find(CTRL_ATTR_FAMILY_ID)?.value()?;
        let operations = attributes.find(CTRL_ATTR_OPS).map_or(Vec::new(), |operations| {
            let numbers =
                operations.nested().filter_map(|each| each.nested().find(CTRL_ATTR_OP_ID)?.value::<u32>());
            numbers.filter_map(|number| u8::try_from(number).ok()).collect()
        });
        Some(Self { id, operations })
    }

    /// Whether this kernel has an operation.
    pub(crate) fn has(&self, command: u8) -> bool {
        self.operations.contains(&command)
    }

    /// A request to this family, to be completed with attributes.
    pub(crate) fn request(&self, command: u8, version: u8) -> Request {
        Request::new(self.id, 0).fixed(&genlmsghdr { cmd: command, version, reserved: 0 })
    }

    /// The same, asking for all there are.
    pub(crate) fn dump(&self, command: u8, version: u8) -> Request {
        Request::dump(self.id).fixed(&genlmsghdr { cmd: command, version, reserved: 0 })
    }
}

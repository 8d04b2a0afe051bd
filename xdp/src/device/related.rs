//! The interface that another one is built on or joined with.

use xdp_sys::if_link::{IFLA_LINK, IFLA_LINK_NETNSID};

use super::netlink::Attributes;

/// An interface that another one is built on, or joined with; it may be in another network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelatedInterface {
    index: u32,
    namespace: Option<i32>,
}

impl RelatedInterface {
    pub(crate) fn read(attributes: Attributes<'_>) -> Option<Self> {
        // Tunnels that are built on none in particular say 0.
        let index = attributes.find(IFLA_LINK)?.value::<u32>().filter(|&index| index != 0)?;
        let namespace = attributes.find(IFLA_LINK_NETNSID).and_then(|id| id.value());
        Some(Self { index, namespace })
    }

    /// Its index in the network namespace that it is in.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Whether it is in another network namespace than the interface that names it, so that its index means nothing
    /// here.
    pub fn is_elsewhere(&self) -> bool {
        self.namespace.is_some()
    }

    /// The number by which this network namespace knows the other one, as `ip netns list-id` shows it; `None` if it
    /// is in the same, or if there is no such number.
    #[doc(alias = "IFLA_LINK_NETNSID")]
    pub fn namespace_id(&self) -> Option<i32> {
        // A negative number stands for a namespace without one.
        self.namespace.filter(|&id| id >= 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::netlink::script::attributes;

    fn related(link: u32, namespace: Option<i32>) -> Option<RelatedInterface> {
        let answer = attributes(|body| {
            body.value(IFLA_LINK, &link);
            if let Some(id) = namespace {
                body.value(IFLA_LINK_NETNSID, &id);
            }
        });
        RelatedInterface::read(Attributes::new(&answer))
    }

    #[test]
    fn index_zero_is_nobody() {
        assert_eq!(related(0, None), None);
    }

    #[test]
    fn a_namespace_without_a_number_is_another_one_all_the_same() {
        let here = related(7, None).expect("somebody");
        let known = related(7, Some(0)).expect("somebody");
        let unknown = related(7, Some(-1)).expect("somebody");
        assert_eq!((here.is_elsewhere(), here.namespace_id()), (false, None));
        assert_eq!((known.is_elsewhere(), known.namespace_id()), (true, Some(0)));
        assert_eq!((unknown.is_elsewhere(), unknown.namespace_id()), (true, None));
    }
}

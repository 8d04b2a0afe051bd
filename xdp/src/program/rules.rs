//! Rules: which packets go where, the first one that matches decides.

use super::filter::Headers;
use super::{Action, Filter};

/// Where the packets of a rule go: to a slot of the program's socket map.
///
/// A socket gets packets of its own queue only, whichever slot it is in. A slot that holds no socket, or lies beyond
/// the map, leaves the packet to what the program does otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Target {
    /// The slot with the number of the queue that the packet came in by.
    #[default]
    Queue,
    /// This slot.
    Slot(u32),
    /// One of several slots for each queue: slots `first + queue * sockets` and up are those of a queue.
    Spread {
        /// The first slot of queue 0.
        first: u32,
        /// How many sockets each queue has, 1 to 65536.
        sockets: u32,
        /// Which of them a packet goes to.
        by: Spread,
    },
}

/// How packets are spread over the sockets of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spread {
    /// By addresses and ports: the packets of a flow, in both directions, go to the same socket in order. Fragments
    /// go by their addresses alone, and what is not IP to the first socket.
    Flow,
    /// One after the other, whatever flow they belong to. Queues whose numbers differ by 64 take turns together.
    RoundRobin,
}

/// What happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// A socket gets it.
    Redirect(Target),
    /// The kernel's network stack gets it, as if there were no program.
    Pass,
    /// Nobody gets it.
    Drop,
    /// It goes back out of the interface that it came in by, as it is.
    Transmit,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) filter: Filter,
    pub(super) verdict: Verdict,
}

/// Rules in order: the first one that matches a packet decides, and is counted.
///
/// ```no_run
/// use xdp::program::{Filter, Program, Rules, Spread, Target};
///
/// let rules = Rules::new()
///     .drop(Filter::udp().dst_port(19))
///     .redirect_to(Target::Spread { first: 0, sockets: 4, by: Spread::Flow }, Filter::udp().dst_port(4433));
/// let program = Program::rules(rules).load()?;
/// println!("{} packets of port 19 dropped", program.counters()?.rules[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "rules do nothing before they are part of a program"]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// No rules: everything is otherwise.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule.
    pub fn rule(mut self, filter: Filter, verdict: Verdict) -> Self {
        self.rules.push(Rule { filter, verdict });
        self
    }

    /// Adds a rule: these packets go to the socket of their queue.
    pub fn redirect(self, filter: Filter) -> Self {
        self.redirect_to(Target::Queue, filter)
    }

    /// Adds a rule: these packets go to a socket that is chosen in this way.
    pub fn redirect_to(self, target: Target, filter: Filter) -> Self {
        self.rule(filter, Verdict::Redirect(target))
    }

    /// Adds a rule: these packets go to the kernel's network stack.
    pub fn pass(self, filter: Filter) -> Self {
        self.rule(filter, Verdict::Pass)
    }

    /// Adds a rule: nobody gets these packets.
    pub fn drop(self, filter: Filter) -> Self {
        self.rule(filter, Verdict::Drop)
    }

    /// Adds a rule: these packets go back out of the interface that they came in by.
    pub fn transmit(self, filter: Filter) -> Self {
        self.rule(filter, Verdict::Transmit)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Which rule decides about a packet, counted from 0, and what it says; `None` if no rule matches. As
    /// [`Filter::matches`], without the kernel.
    pub fn decide(&self, packet: &[u8]) -> Option<(usize, Verdict)> {
        let headers = Headers::read(packet);
        let matching = |(_, rule): &(usize, &Rule)| rule.filter.holds_for(&headers);
        self.rules.iter().enumerate().find(matching).map(|(number, rule)| (number, rule.verdict))
    }

    pub(super) fn as_slice(&self) -> &[Rule] {
        &self.rules
    }
}

impl From<Filter> for Rules {
    /// One rule: these packets go to the socket of their queue.
    fn from(filter: Filter) -> Self {
        Self::new().redirect(filter)
    }
}

impl Verdict {
    /// What a test run of the program says of such a packet, given a socket in the slot or `otherwise` if there is
    /// none.
    pub(super) fn action(self, otherwise: Action) -> Action {
        match self {
            Self::Redirect(_) => otherwise,
            Self::Pass => Action::Pass,
            Self::Drop => Action::Drop,
            Self::Transmit => Action::Transmit,
        }
    }
}

//! Why rules make no program.

use crate::program::AssembleError;

/// Why rules could not be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The program would be longer than every kernel takes.
    #[error(
        "the rules make a program of {instructions} instructions, and {most} are the most: \
         put ports and prefixes into a PortSet or PrefixSet instead of listing them"
    )]
    TooLarge {
        /// How many it would have, or the distance of a jump in it if that is too far already.
        instructions: usize,
        /// The most possible.
        most: usize,
    },
    /// What happens otherwise is no place for a socket.
    #[error("what no rule matches cannot be redirected: add a rule for Filter::any() that says where to")]
    OtherwiseRedirect,
    /// Packets cannot be spread over no socket.
    #[error("packets cannot be spread over {sockets} sockets for each queue: 1 to {most} are possible")]
    Spread {
        /// How many sockets were asked for.
        sockets: u32,
        /// The most possible.
        most: u32,
    },
    /// The compiler is wrong.
    #[error("the rules were compiled wrongly, please report it with the rules: {fault}")]
    Fault {
        /// What the assembler says.
        fault: AssembleError,
    },
}

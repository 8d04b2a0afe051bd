//! Why there is no program.

use std::io;

use super::{CompileError, MapCreateError, MissingPrivilege, RxHint, VerifierLog};
use crate::device::InterfaceError;

/// Why a program could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The kernel would refuse this name.
    #[error("\"{name}\" is no name for a program: at most 15 letters, digits, underscores and dots")]
    Name {
        /// The name.
        name: String,
    },
    /// The rules make no program.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The program's socket map could not be made.
    #[error(transparent)]
    Map(#[from] MapCreateError),
    /// The kernel wants a privilege that the thread does not have.
    #[error("not allowed to load program {name}: {missing}")]
    Permission {
        /// The program's name.
        name: String,
        /// What is missing.
        missing: MissingPrivilege,
    },
    /// The verifier found the program unsafe to run.
    #[error("the kernel's verifier refused program {name}: {log}")]
    Refused {
        /// The program's name.
        name: String,
        /// What the verifier says: [`VerifierLog::full`] is the whole text.
        log: VerifierLog,
    },
    /// No instructions, or more than a kernel takes.
    #[error(
        "program {name} has {instructions} instructions: the kernel takes 1 to 4096, or a million from Linux 5.2"
    )]
    Length {
        /// The program's name.
        name: String,
        /// The number of instruction slots.
        instructions: usize,
    },
    /// The kernel is too old for packets of several buffers.
    #[error("this kernel has no XDP programs for packets of several buffers: they need Linux 5.18 or later")]
    NoMultiBuffer {
        /// The program's name.
        name: String,
    },
    /// A hint is required, and the kernel has no function that gives it.
    #[error(
        "this kernel has no function that tells XDP programs the {hint} of a packet: it needs Linux {}, built with \
         CONFIG_DEBUG_INFO_BTF, and /sys/kernel/btf/vmlinux has to be readable",
        hint.since()
    )]
    NoHintFunction {
        /// The hint.
        hint: RxHint,
    },
    /// A hint is required, and the driver does not give it.
    #[error("the driver of {interface} does not tell XDP programs the {hint} of a packet")]
    NoHint {
        /// The hint.
        hint: RxHint,
        /// The interface.
        interface: String,
    },
    /// The interface whose hints are wanted could not be asked.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The kernel does not bind the program to the interface whose hints are wanted.
    #[error(
        "program {name} cannot be bound to {interface}, as RX metadata needs it: the interface is gone, its driver has \
         no XDP, or the kernel binds no programs for packets of several buffers"
    )]
    Binding {
        /// The program's name.
        name: String,
        /// The interface.
        interface: String,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// The kernel was built without bpf(2).
    #[error("this kernel has no bpf system call: it needs CONFIG_BPF_SYSCALL")]
    Unsupported,
    /// Another error of the kernel's.
    #[error("the kernel refused to load program {name}")]
    Kernel {
        /// The program's name.
        name: String,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}

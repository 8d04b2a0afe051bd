//! The argument of each command of bpf(2): one struct a command.
//!
//! Reference: `union bpf_attr` of uapi `linux/bpf.h`.

use super::*;

/// Argument of [`BPF_MAP_CREATE`], up to the name.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_map_create {
    /// Kind of map, for instance [`BPF_MAP_TYPE_XSKMAP`].
    pub map_type: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `BPF_F_*` flags of the map.
    pub map_flags: u32,
    /// Descriptor of the inner map, for maps of maps.
    pub inner_map_fd: u32,
    /// NUMA node, with `BPF_F_NUMA_NODE` only.
    pub numa_node: u32,
    /// Name shown by tools, terminated by zero.
    pub map_name: [u8; BPF_OBJ_NAME_LEN],
    /// Interface to create the map on, for offload only; 0 otherwise.
    pub map_ifindex: u32,
}

assert_layout!(bpf_attr_map_create, 48, {
    map_type: u32 => 0,
    key_size: u32 => 4,
    value_size: u32 => 8,
    max_entries: u32 => 12,
    map_flags: u32 => 16,
    inner_map_fd: u32 => 20,
    numa_node: u32 => 24,
    map_name: [u8; BPF_OBJ_NAME_LEN] => 28,
    map_ifindex: u32 => 44,
});

/// Argument of [`BPF_MAP_UPDATE_ELEM`], [`BPF_MAP_LOOKUP_ELEM`], [`BPF_MAP_GET_NEXT_KEY`] and [`BPF_MAP_DELETE_ELEM`]
/// (which takes the map and the key only).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_map_elem {
    /// Descriptor of the map.
    pub map_fd: u32,
    /// Zero: C leaves four bytes here to align the key.
    pub reserved: u32,
    /// Address of the key.
    pub key: u64,
    /// Address of the value, or of room for it or for the next key.
    pub value: u64,
    /// [`BPF_ANY`], [`BPF_NOEXIST`] or [`BPF_EXIST`].
    pub flags: u64,
}

assert_layout!(bpf_attr_map_elem, 32, {
    map_fd: u32 => 0,
    reserved: u32 => 4,
    key: u64 => 8,
    value: u64 => 16,
    flags: u64 => 24,
});

/// Argument of [`BPF_PROG_LOAD`], up to the attach type.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_prog_load {
    /// Kind of program, for instance [`BPF_PROG_TYPE_XDP`].
    pub prog_type: u32,
    /// Number of instruction slots.
    pub insn_cnt: u32,
    /// Address of the instructions.
    pub insns: u64,
    /// Address of the licence's name, terminated by zero.
    pub license: u64,
    /// How much the verifier writes to the log: 0 nothing, 1 what matters, 2 every state.
    pub log_level: u32,
    /// Bytes of the log buffer: at most 2^24 - 1 before Linux 5.4.
    pub log_size: u32,
    /// Address of the log buffer.
    pub log_buf: u64,
    /// Unused by the kernel.
    pub kern_version: u32,
    /// `BPF_F_*` flags of the program.
    pub prog_flags: u32,
    /// Name shown by tools, terminated by zero.
    pub prog_name: [u8; BPF_OBJ_NAME_LEN],
    /// Interface that the program is for, with offload or [`BPF_F_XDP_DEV_BOUND_ONLY`]; 0 otherwise.
    pub prog_ifindex: u32,
    /// Attach type that the verifier checks for; 0 is right for XDP on an interface.
    pub expected_attach_type: u32,
}

assert_layout!(bpf_attr_prog_load, 72, {
    prog_type: u32 => 0,
    insn_cnt: u32 => 4,
    insns: u64 => 8,
    license: u64 => 16,
    log_level: u32 => 24,
    log_size: u32 => 28,
    log_buf: u64 => 32,
    kern_version: u32 => 40,
    prog_flags: u32 => 44,
    prog_name: [u8; BPF_OBJ_NAME_LEN] => 48,
    prog_ifindex: u32 => 64,
    expected_attach_type: u32 => 68,
});

/// Argument of [`BPF_PROG_TEST_RUN`], up to the context.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_test_run {
    /// Descriptor of the program.
    pub prog_fd: u32,
    /// Written by the kernel: what the program returned.
    pub retval: u32,
    /// Bytes of the packet: at least 14, an Ethernet header.
    pub data_size_in: u32,
    /// Room for the packet afterwards; the kernel writes the bytes that there are.
    pub data_size_out: u32,
    /// Address of the packet.
    pub data_in: u64,
    /// Address of room for the packet afterwards, or 0.
    pub data_out: u64,
    /// How often to run it; 0 is once.
    pub repeat: u32,
    /// Written by the kernel: nanoseconds of one run.
    pub duration: u32,
    /// Bytes of the context.
    pub ctx_size_in: u32,
    /// Room for the context afterwards.
    pub ctx_size_out: u32,
    /// Address of the context, a [`xdp_md`] here, or 0. Minimum kernel for XDP: 5.14.
    pub ctx_in: u64,
    /// Address of room for the context afterwards, or 0.
    pub ctx_out: u64,
}

assert_layout!(bpf_attr_test_run, 64, {
    prog_fd: u32 => 0,
    retval: u32 => 4,
    data_size_in: u32 => 8,
    data_size_out: u32 => 12,
    data_in: u64 => 16,
    data_out: u64 => 24,
    repeat: u32 => 32,
    duration: u32 => 36,
    ctx_size_in: u32 => 40,
    ctx_size_out: u32 => 44,
    ctx_in: u64 => 48,
    ctx_out: u64 => 56,
});

/// Argument of [`BPF_PROG_GET_FD_BY_ID`] and [`BPF_MAP_GET_FD_BY_ID`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_get_id {
    /// Id of the object.
    pub id: u32,
    /// Unused here.
    pub next_id: u32,
    /// `BPF_F_RDONLY` and its like; 0 for programs.
    pub open_flags: u32,
}

assert_layout!(bpf_attr_get_id, 12, {
    id: u32 => 0,
    next_id: u32 => 4,
    open_flags: u32 => 8,
});

/// Argument of [`BPF_OBJ_PIN`] and [`BPF_OBJ_GET`], up to the flags.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_obj {
    /// Address of the path, terminated by zero.
    pub pathname: u64,
    /// Descriptor of the object to pin; 0 to open one.
    pub bpf_fd: u32,
    /// `BPF_F_RDONLY` and its like, to open only. Minimum kernel: 4.15.
    pub file_flags: u32,
}

assert_layout!(bpf_attr_obj, 16, {
    pathname: u64 => 0,
    bpf_fd: u32 => 8,
    file_flags: u32 => 12,
});

/// Argument of [`BPF_OBJ_GET_INFO_BY_FD`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_info {
    /// Descriptor of the program, map or link.
    pub bpf_fd: u32,
    /// Bytes at `info`; the kernel writes how many it filled in.
    pub info_len: u32,
    /// Address of a [`bpf_prog_info`], [`bpf_map_info`] or [`bpf_link_info`].
    pub info: u64,
}

assert_layout!(bpf_attr_info, 16, {
    bpf_fd: u32 => 0,
    info_len: u32 => 4,
    info: u64 => 8,
});

/// Argument of [`BPF_LINK_CREATE`], up to the flags.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_link_create {
    /// Descriptor of the program.
    pub prog_fd: u32,
    /// Interface to attach to, in the network namespace of the calling thread.
    pub target_ifindex: u32,
    /// [`BPF_XDP`] here.
    pub attach_type: u32,
    /// [`crate::if_link`]'s `XDP_FLAGS_*`: at most one mode.
    pub flags: u32,
}

assert_layout!(bpf_attr_link_create, 16, {
    prog_fd: u32 => 0,
    target_ifindex: u32 => 4,
    attach_type: u32 => 8,
    flags: u32 => 12,
});

/// Argument of [`BPF_LINK_UPDATE`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_link_update {
    /// Descriptor of the link.
    pub link_fd: u32,
    /// Descriptor of the program that shall run from now on.
    pub new_prog_fd: u32,
    /// `BPF_F_REPLACE` to compare with `old_prog_fd`, or 0.
    pub flags: u32,
    /// Descriptor of the program that must run now, with `BPF_F_REPLACE` only.
    pub old_prog_fd: u32,
}

assert_layout!(bpf_attr_link_update, 16, {
    link_fd: u32 => 0,
    new_prog_fd: u32 => 4,
    flags: u32 => 8,
    old_prog_fd: u32 => 12,
});

/// Argument of [`BPF_LINK_DETACH`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_link_detach {
    /// Descriptor of the link.
    pub link_fd: u32,
}

assert_layout!(bpf_attr_link_detach, 4, {
    link_fd: u32 => 0,
});

//! What the kernel says of its programs, maps and links.
//!
//! Reference: uapi `linux/bpf.h`. The kernel fills in as many bytes as it is given room for, so these hold the part
//! that old kernels know too.

use super::{BPF_OBJ_NAME_LEN, BPF_TAG_SIZE};

/// What [`BPF_OBJ_GET_INFO_BY_FD`](super::BPF_OBJ_GET_INFO_BY_FD) says of a program: the part that Linux 4.18 knows.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_prog_info {
    /// Kind of program.
    pub r#type: u32,
    /// Id of the program, unique in the machine while it is loaded.
    pub id: u32,
    /// Hash of the instructions.
    pub tag: [u8; BPF_TAG_SIZE],
    /// Bytes of machine code.
    pub jited_prog_len: u32,
    /// Bytes of instructions after verification.
    pub xlated_prog_len: u32,
    /// Address of room for the machine code, or 0.
    pub jited_prog_insns: u64,
    /// Address of room for the instructions after verification, or 0.
    pub xlated_prog_insns: u64,
    /// Nanoseconds since boot at which it was loaded.
    pub load_time: u64,
    /// User who loaded it.
    pub created_by_uid: u32,
    /// In: room at `map_ids`. Out: number of maps that it uses.
    pub nr_map_ids: u32,
    /// Address of room for the ids of the maps, or 0.
    pub map_ids: u64,
    /// Name, terminated by zero; empty if none was given.
    pub name: [u8; BPF_OBJ_NAME_LEN],
    /// Interface that it is bound to, or 0.
    pub ifindex: u32,
    /// Bit 0 of the native-endian bit field: the licence is compatible with the GPL.
    pub gpl_compatible: u32,
    /// Device number of the interface's network namespace.
    pub netns_dev: u64,
    /// Inode of the interface's network namespace.
    pub netns_ino: u64,
}

assert_layout!(bpf_prog_info, 104, {
    r#type: u32 => 0,
    id: u32 => 4,
    tag: [u8; BPF_TAG_SIZE] => 8,
    jited_prog_len: u32 => 16,
    xlated_prog_len: u32 => 20,
    jited_prog_insns: u64 => 24,
    xlated_prog_insns: u64 => 32,
    load_time: u64 => 40,
    created_by_uid: u32 => 48,
    nr_map_ids: u32 => 52,
    map_ids: u64 => 56,
    name: [u8; BPF_OBJ_NAME_LEN] => 64,
    ifindex: u32 => 80,
    gpl_compatible: u32 => 84,
    netns_dev: u64 => 88,
    netns_ino: u64 => 96,
});

/// What [`BPF_OBJ_GET_INFO_BY_FD`](super::BPF_OBJ_GET_INFO_BY_FD) says of a map: the part that Linux 4.18 knows.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_map_info {
    /// Kind of map.
    pub r#type: u32,
    /// Id of the map, unique in the machine while it exists.
    pub id: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `BPF_F_*` flags of the map.
    pub map_flags: u32,
    /// Name, terminated by zero; empty if none was given.
    pub name: [u8; BPF_OBJ_NAME_LEN],
    /// Interface that it is bound to, or 0.
    pub ifindex: u32,
    /// BTF type of the value for maps of kernel structs; padding before Linux 5.6.
    pub btf_vmlinux_value_type_id: u32,
    /// Device number of the interface's network namespace.
    pub netns_dev: u64,
    /// Inode of the interface's network namespace.
    pub netns_ino: u64,
}

assert_layout!(bpf_map_info, 64, {
    r#type: u32 => 0,
    id: u32 => 4,
    key_size: u32 => 8,
    value_size: u32 => 12,
    max_entries: u32 => 16,
    map_flags: u32 => 20,
    name: [u8; BPF_OBJ_NAME_LEN] => 24,
    ifindex: u32 => 40,
    btf_vmlinux_value_type_id: u32 => 44,
    netns_dev: u64 => 48,
    netns_ino: u64 => 56,
});

/// What [`BPF_OBJ_GET_INFO_BY_FD`](super::BPF_OBJ_GET_INFO_BY_FD) says of a link to an interface's XDP hook. Minimum
/// kernel: 5.9.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_link_info {
    /// Kind of link.
    pub r#type: u32,
    /// Id of the link, unique in the machine while it exists.
    pub id: u32,
    /// Id of the program.
    pub prog_id: u32,
    /// Zero: C leaves four bytes here to align the union.
    pub reserved: u32,
    /// Interface of the link; 0 once the interface is gone or the link was detached.
    pub xdp_ifindex: u32,
    /// Zero: C leaves four bytes here, as the rest of the union is not used for XDP.
    pub reserved_end: u32,
}

assert_layout!(bpf_link_info, 24, {
    r#type: u32 => 0,
    id: u32 => 4,
    prog_id: u32 => 8,
    reserved: u32 => 12,
    xdp_ifindex: u32 => 16,
    reserved_end: u32 => 20,
});

//! The ABI of bpf(2) held against what the running kernel says of its own types.
//!
//! Needs `/sys/kernel/btf/vmlinux` (`CONFIG_DEBUG_INFO_BTF`). Without it each test says that it skips, and fails under
//! `XDP_TEST_REQUIRE=1`.

#[path = "btf/reader.rs"]
mod reader;

use std::mem::offset_of;

use xdp_sys::bpf::*;

use reader::{Composite, kernel};

/// Names and offsets of the listed fields: all but those that stand for padding in C.
macro_rules! fields {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        (stringify!($name), vec![
            $((stringify!($field).trim_start_matches("r#").to_string(), offset_of!($name, $field))),+
        ])
    };
}

/// Whether a composite of the kernel begins with these members; one that it names differently is given by offset alone.
fn begins_with(kernel: &Composite, ours: &[(String, usize)]) -> bool {
    ours.len() <= kernel.members.len() && kernel.members.iter().zip(ours).all(|(theirs, ours)| theirs == ours)
}

#[test]
fn the_arguments_of_bpf_begin_as_those_of_the_running_kernel() {
    let Some(btf) = kernel("the_arguments_of_bpf_begin_as_those_of_the_running_kernel") else { return };
    // The members of `union bpf_attr` are structs without a name.
    let unnamed = &btf.composites[""];
    let commands = [
        fields!(bpf_attr_map_create {
            map_type,
            key_size,
            value_size,
            max_entries,
            map_flags,
            inner_map_fd,
            numa_node,
            map_name,
            map_ifindex
        }),
        fields!(bpf_attr_prog_load {
            prog_type,
            insn_cnt,
            insns,
            license,
            log_level,
            log_size,
            log_buf,
            kern_version,
            prog_flags,
            prog_name,
            prog_ifindex,
            expected_attach_type
        }),
        fields!(bpf_attr_test_run {
            prog_fd,
            retval,
            data_size_in,
            data_size_out,
            data_in,
            data_out,
            repeat,
            duration,
            ctx_size_in,
            ctx_size_out,
            ctx_in,
            ctx_out
        }),
        fields!(bpf_attr_obj { pathname, bpf_fd, file_flags }),
        fields!(bpf_attr_info { bpf_fd, info_len, info }),
        fields!(bpf_attr_link_detach { link_fd }),
    ];
    for (name, ours) in commands {
        assert!(unnamed.iter().any(|kernel| begins_with(kernel, &ours)), "{name}: {ours:?}");
    }
    // These have unions inside, whose members BTF lists apart: offsets of what is around them.
    let at = |members: &[(&str, usize)]| members.iter().map(|&(name, at)| (name.to_string(), at)).collect();
    let with_unions: [(&str, Vec<(String, usize)>); 4] = [
        (
            "bpf_attr_map_elem",
            at(&[
                ("map_fd", offset_of!(bpf_attr_map_elem, map_fd)),
                ("key", offset_of!(bpf_attr_map_elem, key)),
                ("", offset_of!(bpf_attr_map_elem, value)),
                ("flags", offset_of!(bpf_attr_map_elem, flags)),
            ]),
        ),
        (
            "bpf_attr_get_id",
            at(&[
                ("", offset_of!(bpf_attr_get_id, id)),
                ("next_id", offset_of!(bpf_attr_get_id, next_id)),
                ("open_flags", offset_of!(bpf_attr_get_id, open_flags)),
            ]),
        ),
        (
            "bpf_attr_link_create",
            at(&[
                ("", offset_of!(bpf_attr_link_create, prog_fd)),
                ("", offset_of!(bpf_attr_link_create, target_ifindex)),
                ("attach_type", offset_of!(bpf_attr_link_create, attach_type)),
                ("flags", offset_of!(bpf_attr_link_create, flags)),
            ]),
        ),
        (
            "bpf_attr_link_update",
            at(&[
                ("link_fd", offset_of!(bpf_attr_link_update, link_fd)),
                ("", offset_of!(bpf_attr_link_update, new_prog_fd)),
                ("flags", offset_of!(bpf_attr_link_update, flags)),
                ("", offset_of!(bpf_attr_link_update, old_prog_fd)),
            ]),
        ),
    ];
    for (name, ours) in with_unions {
        assert!(unnamed.iter().any(|kernel| begins_with(kernel, &ours)), "{name}: {ours:?}");
    }
}

#[test]
fn the_infos_of_bpf_begin_as_those_of_the_running_kernel() {
    let Some(btf) = kernel("the_infos_of_bpf_begin_as_those_of_the_running_kernel") else { return };
    let structs = [
        fields!(bpf_prog_info {
            r#type,
            id,
            tag,
            jited_prog_len,
            xlated_prog_len,
            jited_prog_insns,
            xlated_prog_insns,
            load_time,
            created_by_uid,
            nr_map_ids,
            map_ids,
            name,
            ifindex,
            gpl_compatible
        }),
        fields!(bpf_map_info {
            r#type,
            id,
            key_size,
            value_size,
            max_entries,
            map_flags,
            name,
            ifindex,
            btf_vmlinux_value_type_id,
            netns_dev,
            netns_ino
        }),
        fields!(bpf_link_info { r#type, id, prog_id }),
        fields!(xdp_md { data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex }),
    ];
    for (name, ours) in structs {
        let theirs = &btf.composites[name];
        assert!(theirs.iter().any(|kernel| begins_with(kernel, &ours)), "{name}: {ours:?}, not {theirs:?}");
    }
    let has = |name: &str, member: &str, at: usize| {
        btf.composites[name].iter().any(|kernel| kernel.members.contains(&(member.to_string(), at)))
    };
    assert!(has("bpf_prog_info", "netns_dev", offset_of!(bpf_prog_info, netns_dev)));
    assert!(has("bpf_prog_info", "netns_ino", offset_of!(bpf_prog_info, netns_ino)));
    // The union of what a link is attached to; the struct for XDP has its interface first.
    assert!(has("bpf_link_info", "", offset_of!(bpf_link_info, xdp_ifindex)));
    assert!(has("bpf_insn", "code", offset_of!(bpf_insn, code)));
    assert!(has("bpf_insn", "dst_reg", offset_of!(bpf_insn, regs)));
    assert!(has("bpf_insn", "src_reg", offset_of!(bpf_insn, regs)));
    assert!(has("bpf_insn", "off", offset_of!(bpf_insn, off)));
    assert!(has("bpf_insn", "imm", offset_of!(bpf_insn, imm)));
}

#[test]
fn the_enumerators_of_bpf_are_those_of_the_running_kernel() {
    let Some(btf) = kernel("the_enumerators_of_bpf_are_those_of_the_running_kernel") else { return };
    macro_rules! same {
        ($($name:ident),+ $(,)?) => {
            $(assert_eq!(btf.enumerators.get(stringify!($name)), Some(&i64::from($name)), stringify!($name));)+
        };
    }
    same!(
        BPF_MAP_CREATE,
        BPF_MAP_LOOKUP_ELEM,
        BPF_MAP_UPDATE_ELEM,
        BPF_MAP_DELETE_ELEM,
        BPF_MAP_GET_NEXT_KEY,
        BPF_OBJ_PIN,
        BPF_OBJ_GET,
        BPF_MAP_GET_FD_BY_ID,
        BPF_PROG_LOAD,
        BPF_PROG_TEST_RUN,
        BPF_PROG_GET_FD_BY_ID,
        BPF_OBJ_GET_INFO_BY_FD,
        BPF_LINK_CREATE,
        BPF_LINK_UPDATE,
        BPF_LINK_DETACH,
        BPF_MAP_TYPE_HASH,
        BPF_MAP_TYPE_ARRAY,
        BPF_MAP_TYPE_LPM_TRIE,
        BPF_MAP_TYPE_XSKMAP,
        BPF_F_NO_PREALLOC,
        BPF_PROG_TYPE_XDP,
        BPF_XDP,
        XDP_ABORTED,
        XDP_DROP,
        XDP_PASS,
        XDP_TX,
        XDP_REDIRECT,
        BPF_FUNC_map_lookup_elem,
        BPF_FUNC_xdp_get_buff_len,
        BPF_FUNC_redirect_map,
    );
    assert_eq!(btf.enumerators["BPF_ANY"] as u64, BPF_ANY);
    assert_eq!(btf.enumerators["BPF_NOEXIST"] as u64, BPF_NOEXIST);
    assert_eq!(btf.enumerators["BPF_EXIST"] as u64, BPF_EXIST);
}

//! Missing privileges and limits.

use xdp::diagnosis::{Capability, Config, Kernel, Machine, diagnose};
use xdp::{
    AttachError, BindError, FindingKind, HugePages, LoadError, Mode, Receive, Severity, Socket, Umem,
    UmemError,
};

use crate::capabilities::{
    CAP_BPF, CAP_IPC_LOCK, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN, in_process, in_user_namespace, limit,
    without,
};
use crate::{QUEUE, config, enter, find, find_none, lab, umem};

#[test]
fn a_root_thread_of_this_machine_misses_nothing() {
    let Some(lab) = lab("a_root_thread_of_this_machine_misses_nothing") else { return };
    let (_inside, a, _b) = enter(&lab);
    let diagnosis = diagnose(&a, &config());
    assert_ne!(diagnosis.worst(), Some(Severity::Blocks), "{diagnosis}");
    for capability in Capability::ALL {
        assert_eq!(Machine::look().holds(capability), Some(true), "{capability}");
    }
}

#[test]
fn without_cap_net_raw_it_is_named_before_and_in_the_error() {
    let Some(lab) = lab("without_cap_net_raw_it_is_named_before_and_in_the_error") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = umem(64);
    without(&[CAP_NET_RAW], || {
        let is_it = |kind: &FindingKind| {
            matches!(kind, FindingKind::MissingCapability { capability: "CAP_NET_RAW", .. })
        };
        let finding =
            find!(diagnose(&a, &config()).findings(), kind if is_it(kind), "setcap cap_net_raw", "root");
        assert_eq!(finding.severity(), Severity::Blocks);
        let error = Socket::builder(&umem).bind(&a, QUEUE).map(drop).unwrap_err();
        assert!(matches!(error, BindError::Permission { .. }), "{error}");
        find!(&error.likely_causes(), kind if is_it(kind), "setcap cap_net_raw");
        assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
    });
}

#[test]
fn without_cap_bpf_it_is_named_before_and_in_the_error() {
    let Some(lab) = lab("without_cap_bpf_it_is_named_before_and_in_the_error") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = umem(64);
    without(&[CAP_BPF, CAP_SYS_ADMIN], || {
        let is_it =
            |kind: &FindingKind| matches!(kind, FindingKind::MissingCapability { capability: "CAP_BPF", .. });
        find!(diagnose(&a, &config()).findings(), kind if is_it(kind), "setcap cap_bpf");
        let error =
            Socket::builder(&umem).receive(Receive::Everything).bind(&a, QUEUE).map(drop).unwrap_err();
        assert!(
            matches!(error, BindError::Load(LoadError::Map(_) | LoadError::Permission { .. })),
            "{error}"
        );
        find!(&error.likely_causes(), kind if is_it(kind), "setcap cap_bpf");
        // Who attaches nothing needs none.
        let mut without_program = config();
        without_program.receive = Receive::Nothing;
        find_none!(diagnose(&a, &without_program).findings(), FindingKind::MissingCapability { .. });
    });
}

#[test]
fn without_cap_net_admin_it_is_named_before_and_in_the_error() {
    let Some(lab) = lab("without_cap_net_admin_it_is_named_before_and_in_the_error") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = umem(64);
    without(&[CAP_NET_ADMIN, CAP_SYS_ADMIN], || {
        let is_it = |kind: &FindingKind| {
            matches!(kind, FindingKind::MissingCapability { capability: "CAP_NET_ADMIN", .. })
        };
        find!(diagnose(&a, &config()).findings(), kind if is_it(kind), "setcap cap_net_admin");
        let error =
            Socket::builder(&umem).receive(Receive::Everything).bind(&a, QUEUE).map(drop).unwrap_err();
        let refused = matches!(
            error,
            BindError::Load(LoadError::Permission { .. } | LoadError::Map(_))
                | BindError::Attach(AttachError::Permission { .. })
        );
        assert!(refused, "{error}");
        find!(&error.likely_causes(), kind if is_it(kind), "setcap cap_net_admin");
    });
}

#[test]
fn a_umem_beyond_the_locked_memory_is_told_with_its_size_and_the_limit() {
    const LIMIT: u64 = 256 << 10;
    let Some(lab) = lab("a_umem_beyond_the_locked_memory_is_told_with_its_size_and_the_limit") else {
        return;
    };
    let (_inside, a, _b) = enter(&lab);
    // For the whole process; but only threads without CAP_IPC_LOCK are held to it, which is none but the one below.
    limit(libc::RLIMIT_MEMLOCK, LIMIT);
    let umem = umem(1024);
    without(&[CAP_IPC_LOCK], || {
        let builder = Socket::builder(&umem).mode(Mode::Copy);
        let needed = 1024 * 2048;
        let is_it = |kind: &FindingKind| matches!(kind, FindingKind::LockedMemory { needed: n, limit: LIMIT, .. } if *n == needed);
        let diagnosis = builder.diagnose(&a, QUEUE, xdp::Direction::Both);
        find!(diagnosis.findings(), kind if is_it(kind), "2048 KiB", "CAP_IPC_LOCK", "fewer chunks");
        let error = builder.bind(&a, QUEUE).map(drop).unwrap_err();
        assert!(matches!(error, BindError::LockedMemory { .. }), "{error}");
        find!(&error.likely_causes(), kind if is_it(kind), "2048 KiB", "CAP_IPC_LOCK");
    });
    find_none!(diagnose(&a, &config()).findings(), FindingKind::LockedMemory { .. });
}

#[test]
fn rings_that_there_is_no_memory_for_are_told_in_the_error_itself() {
    let test = "rings_that_there_is_no_memory_for_are_told_in_the_error_itself";
    let Some(lab) = lab(test) else { return };
    let (_inside, a, _b) = enter(&lab);
    if !in_process(&format!("machine::{test}")) {
        return;
    }
    let umem = umem(64);
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let used = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096;
    // An rx ring of 2^22 entries takes 64 MiB.
    limit(libc::RLIMIT_AS, used + (32 << 20));
    let error = Socket::builder(&umem).rx_entries(1 << 22).bind(&a, QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::Kernel { step: xdp::Step::MapRing(_), .. }), "{error}");
    find!(
        &error.likely_causes(),
        FindingKind::OutOfMemory { purpose: "the rings" },
        "smaller rings",
        "ulimit -v"
    );
    assert!(error.to_string().ends_with("smaller rings or fewer chunks"), "{error}");
}

#[test]
fn too_many_open_files_are_told_whatever_they_were_needed_for() {
    let test = "too_many_open_files_are_told_whatever_they_were_needed_for";
    let Some(lab) = lab(test) else { return };
    let (_inside, a, _b) = enter(&lab);
    if !in_process(&format!("machine::{test}")) {
        return;
    }
    let umem = umem(64);
    limit(libc::RLIMIT_NOFILE, 3);
    let error = Socket::builder(&umem).bind(&a, QUEUE).map(drop).unwrap_err();
    find!(&error.likely_causes(), FindingKind::TooManyFiles, "ulimit -n");
}

#[test]
fn huge_pages_that_are_not_there_are_counted_with_the_command_that_makes_them() {
    let Some((_, free)) = Machine::look().huge_pages() else {
        eprintln!("SKIPPED: this machine has no huge pages of 2 MiB");
        return;
    };
    let pages = u32::try_from(free).unwrap() + 64;
    let mut config = Config::new(QUEUE);
    (config.chunks, config.huge_pages) = (pages * 512, HugePages::Require);
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::HugePages { needed, .. } if *needed == u64::from(pages));
    find!(diagnose("lo", &config).findings(), kind if is_it(kind), "/proc/sys/vm/nr_hugepages");
    let error =
        Umem::builder().chunks(pages * 512).huge_pages(HugePages::Require).build().map(drop).unwrap_err();
    assert!(matches!(error, UmemError::HugePages { .. }), "{error}");
    let causes = BindError::from(error).likely_causes();
    find!(&causes, kind if is_it(kind), &format!("echo {pages} >"));
}

#[test]
fn capabilities_of_a_user_namespace_are_told_from_those_that_count() {
    let test = "capabilities_of_a_user_namespace_are_told_from_those_that_count";
    if !xdp::lab::require(test) && std::env::var_os("XDP_TEST_USER_NAMESPACE").is_none() {
        return;
    }
    if !in_user_namespace(&format!("machine::{test}")) {
        return;
    }
    let machine = Machine::look();
    assert_eq!(machine.is_in_initial_user_namespace(), Some(false));
    assert_eq!(machine.holds(Capability::Bpf), Some(true), "it is root in there");
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::UserNamespace { capability: "CAP_BPF" });
    find!(diagnose("lo", &config()).findings(), kind if is_it(kind), "outside the container");
    let error = xdp::Program::redirect_all().load().map(drop).unwrap_err();
    let causes = BindError::from(error).likely_causes();
    find!(&causes, kind if is_it(kind), "privileged process");
}

#[test]
fn what_the_kernel_can_do_is_found_by_asking_and_not_by_its_version() {
    let Some(lab) = lab("what_the_kernel_can_do_is_found_by_asking_and_not_by_its_version") else { return };
    let (_inside, _a, _b) = enter(&lab);
    let kernel = Kernel::probe();
    let present = |name| {
        let feature = kernel.features().iter().find(|feature| feature.name.starts_with(name)).unwrap();
        feature.present.unwrap_or_else(|| panic!("root may ask for {name}"))
    };
    assert!(present("AF_XDP sockets"), "or no test of this target would run");
    let version: Vec<u32> = kernel.release().split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    // What a kernel of that age has, it must be found to have. Distributions may add to older ones.
    for feature in kernel.features().iter().filter(|feature| !feature.name.contains("sock_diag")) {
        let since: Vec<u32> = feature.since.split('.').map(|part| part.parse().unwrap()).collect();
        if version[..2] >= since[..] {
            assert!(present(feature.name), "{} is there since {}", feature.name, feature.since);
        }
    }
    // Without privileges only what can be asked without a socket is known.
    let unprivileged = without(&[CAP_NET_RAW], Kernel::probe);
    let budget = |kernel: &Kernel| {
        kernel.features().iter().find(|feature| feature.name == "raised tx budget").unwrap().present
    };
    assert_eq!(unprivileged.features()[0].present, Some(true));
    assert_eq!(budget(&unprivileged), None);
}

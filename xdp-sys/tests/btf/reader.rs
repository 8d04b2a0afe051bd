//! Reads the kernel's description of its own types: structs, unions and enumerators, nothing else.
//!
//! Format: `include/uapi/linux/btf.h`. Every length and offset is checked; what does not fit is an error, not a panic.

use std::collections::HashMap;
use std::fs;

const MAGIC: u16 = 0xeb9f;

/// Bytes that follow the 12 of each type: fixed ones, and ones for each of its `vlen` members.
const fn trailing(kind: u32) -> Option<(usize, usize)> {
    Some(match kind {
        1 | 14 | 17 => (4, 0),          // INT, VAR, DECL_TAG
        2 | 7..=12 | 16 | 18 => (0, 0), // PTR, FWD to FUNC, FLOAT, TYPE_TAG
        3 => (12, 0),                   // ARRAY
        4 | 5 | 15 | 19 => (0, 12),     // STRUCT, UNION, DATASEC, ENUM64
        6 | 13 => (0, 8),               // ENUM, FUNC_PROTO
        _ => return None,
    })
}

/// A struct or union: its size and its named members with their offsets, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Composite {
    pub(crate) size: usize,
    pub(crate) members: Vec<(String, usize)>,
}

/// All named structs, unions and enumerators. A name may stand for several structs, as in C with several files.
#[derive(Debug, Default)]
pub(crate) struct Btf {
    pub(crate) composites: HashMap<String, Vec<Composite>>,
    pub(crate) enumerators: HashMap<String, i64>,
}

/// The types of the running kernel for a test of this name. Without them the test skips, and says so; it fails instead
/// where it must run.
pub(crate) fn kernel(test: &str) -> Option<Btf> {
    match fs::read("/sys/kernel/btf/vmlinux") {
        Ok(bytes) => Some(Btf::parse(&bytes).expect("the kernel's BTF is readable")),
        Err(error) => {
            let required = std::env::var("XDP_TEST_REQUIRE").as_deref() == Ok("1");
            assert!(!required, "{test} must not skip: {error}");
            eprintln!("SKIPPED {test}: /sys/kernel/btf/vmlinux: {error}");
            None
        }
    }
}

impl Btf {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let header = Cursor { bytes };
        if header.u16(0)? != MAGIC {
            return Err("not BTF of this byte order".into());
        }
        let body = header.from(header.u32(4)? as usize)?;
        let types = body.part(header.u32(8)? as usize, header.u32(12)? as usize)?;
        let names = body.part(header.u32(16)? as usize, header.u32(20)? as usize)?;

        let mut btf = Self::default();
        let mut at = 0;
        while at < types.bytes.len() {
            let name = names.name(types.u32(at)?)?;
            let info = types.u32(at + 4)?;
            let size = types.u32(at + 8)? as usize;
            let (vlen, kind, kind_flag) = ((info & 0xffff) as usize, (info >> 24) & 0x1f, info >> 31 == 1);
            let (fixed, each) = trailing(kind).ok_or_else(|| format!("unknown kind {kind} at byte {at}"))?;
            let members = types.part(at + 12 + fixed, vlen * each)?;
            let rows = (0..vlen).map(|row| row * each);
            match kind {
                4 | 5 => {
                    let mut composite = Composite { size, members: Vec::new() };
                    for row in rows {
                        let member = names.name(members.u32(row)?)?;
                        let bits = members.u32(row + 8)? as usize;
                        let bits = if kind_flag { bits & 0xff_ffff } else { bits };
                        composite.members.push((member, bits / 8));
                    }
                    btf.composites.entry(name).or_default().push(composite);
                }
                6 => {
                    for row in rows {
                        let value = i64::from(members.u32(row + 4)? as i32);
                        btf.enumerators.insert(names.name(members.u32(row)?)?, value);
                    }
                }
                19 => {
                    for row in rows {
                        let value = u64::from(members.u32(row + 4)?) | u64::from(members.u32(row + 8)?) << 32;
                        btf.enumerators.insert(names.name(members.u32(row)?)?, value as i64);
                    }
                }
                _ => {}
            }
            at += 12 + fixed + vlen * each;
        }
        Ok(btf)
    }
}

/// Checked reads from a range of bytes.
struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn from(&self, at: usize) -> Result<Cursor<'a>, String> {
        let bytes = self.bytes.get(at..).ok_or_else(|| format!("byte {at} is beyond the end"))?;
        Ok(Cursor { bytes })
    }

    fn part(&self, at: usize, len: usize) -> Result<Cursor<'a>, String> {
        let bytes =
            self.from(at)?.bytes.get(..len).ok_or_else(|| format!("{len} bytes at {at} do not fit"))?;
        Ok(Cursor { bytes })
    }

    fn u16(&self, at: usize) -> Result<u16, String> {
        let part = self.part(at, 2)?;
        Ok(u16::from_ne_bytes([part.bytes[0], part.bytes[1]]))
    }

    fn u32(&self, at: usize) -> Result<u32, String> {
        let part = self.part(at, 4)?;
        Ok(u32::from_ne_bytes([part.bytes[0], part.bytes[1], part.bytes[2], part.bytes[3]]))
    }

    fn name(&self, at: u32) -> Result<String, String> {
        let rest = self.from(at as usize)?.bytes;
        let end = rest.iter().position(|&byte| byte == 0).ok_or("a name without an end")?;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}

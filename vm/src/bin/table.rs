//! Judges the records of a folder and writes the table.
//!
//! `xdp-vm-table EXCEPTIONS RECORDS EMULATOR`: the file of exceptions, a folder with a record `SERIES-NIC.log` of each
//! machine, and what they ran in. The table goes to standard output, what is wrong to standard error; the status is 1
//! if something is.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, bail};
use xdp_vm::exceptions;
use xdp_vm::record::Record;
use xdp_vm::table::{Machine, Table};

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [known, records, emulator] = arguments.as_slice() else {
        bail!("usage: xdp-vm-table EXCEPTIONS RECORDS EMULATOR");
    };
    let known =
        exceptions::parse(&fs::read_to_string(known).with_context(|| format!("cannot read {known}"))?)?;
    let mut machines = Vec::new();
    for entry in fs::read_dir(records).with_context(|| format!("cannot read {records}"))? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("log")) {
            machines.push(machine(&path).with_context(|| format!("the record {}", path.display()))?);
        }
    }
    if machines.is_empty() {
        bail!("no record in {records}");
    }
    let table = Table::new(machines, &known);
    print!("{}", table.markdown(emulator));
    eprint!("{}", table.outputs());
    for fault in table.faults() {
        eprintln!("{fault}");
    }
    Ok(if table.faults().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn machine(path: &Path) -> anyhow::Result<Machine> {
    let name = path.file_stem().and_then(OsStr::to_str).context("a strange name")?;
    let (series, nic) = name.split_once('-').context("not called SERIES-NIC.log")?;
    // What a kernel that dies writes to the line need not be text.
    let text = fs::read(path)?;
    let record = Record::parse(&String::from_utf8_lossy(&text))?;
    Ok(Machine { series: series.parse()?, nic: nic.to_owned(), record })
}

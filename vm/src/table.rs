//! The results of all machines, judged against the exceptions, as Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::exceptions::{Exception, Series, Verdict};
use crate::record::{Outcome, Record, TestName};

/// One machine: what was asked for, and what happened.
#[derive(Debug)]
pub struct Machine {
    /// The series of its kernel.
    pub series: Series,
    /// The kind of its NICs, or `none`.
    pub nic: String,
    /// What happened.
    pub record: Record,
}

impl Machine {
    fn name(&self) -> String {
        let Series(major, minor) = self.series;
        match self.nic.as_str() {
            "none" => format!("{major}.{minor}"),
            nic => format!("{major}.{minor} {nic}"),
        }
    }
}

/// What a cell of the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    /// The test is none of this machine's.
    Absent,
    Passed,
    /// It cannot pass here: the number of the reason, from 0.
    Excepted(usize),
    /// It should have passed: what happened instead.
    Wrong(&'static str),
}

/// All results.
#[derive(Debug)]
pub struct Table {
    machines: Vec<Machine>,
    reasons: Vec<String>,
    rows: BTreeMap<TestName, Vec<Cell>>,
    faults: Vec<String>,
}

impl Table {
    /// Judges what happened. Machines are put in order.
    pub fn new(mut machines: Vec<Machine>, exceptions: &[Exception]) -> Self {
        machines
            .sort_by(|a, b| (a.nic != "none", a.series, &a.nic).cmp(&(b.nic != "none", b.series, &b.nic)));
        let results = machines.iter().flat_map(|machine| &machine.record.results);
        let tests: BTreeSet<TestName> = results.map(|result| result.test.clone()).collect();
        let mut table = Self { machines, reasons: Vec::new(), rows: BTreeMap::new(), faults: Vec::new() };
        for test in tests {
            let cells =
                (0..table.machines.len()).map(|column| table.judge(column, &test, exceptions)).collect();
            table.rows.insert(test, cells);
        }
        for machine in table.machines.iter().filter(|machine| !machine.record.is_whole) {
            table.faults.push(format!("{}: the machine ended before its tests did", machine.name()));
        }
        table
    }

    fn judge(&mut self, column: usize, test: &TestName, exceptions: &[Exception]) -> Cell {
        let machine = &self.machines[column];
        let known = exceptions.iter().find(|line| line.concerns(machine.series, &machine.nic, test));
        let result = machine.record.results.iter().find(|result| result.test == *test);
        let Some(result) = result else {
            let is_skipped = known.is_some_and(|line| line.verdict == Verdict::Skip);
            return match known.filter(|_| is_skipped) {
                Some(line) => self.excepted(&line.reason.clone()),
                None => Cell::Absent,
            };
        };
        let (outcome, known) = (result.outcome, known.map(|line| line.reason.clone()));
        let wrong = match (outcome, known) {
            (Some(Outcome::Passed), None) => return Cell::Passed,
            (Some(Outcome::Failed | Outcome::TimedOut), Some(reason)) => return self.excepted(&reason),
            (Some(Outcome::Passed), Some(_)) => "passes, against its exception",
            (Some(Outcome::Failed), None) => "FAILS",
            (Some(Outcome::TimedOut), None) => "DOES NOT END",
            (None, _) => "ENDS THE MACHINE",
        };
        let fault = format!("{}: {test} {}", machine.name(), wrong.to_lowercase());
        self.faults.push(fault);
        Cell::Wrong(wrong)
    }

    fn excepted(&mut self, reason: &str) -> Cell {
        let number = self.reasons.iter().position(|known| known == reason).unwrap_or_else(|| {
            self.reasons.push(reason.to_owned());
            self.reasons.len() - 1
        });
        Cell::Excepted(number)
    }

    /// What is not as it should be, a line each; nothing if all is well.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// What the tests printed that are not as they should be.
    pub fn outputs(&self) -> String {
        let mut text = String::new();
        for (test, cells) in &self.rows {
            for (machine, cell) in self.machines.iter().zip(cells) {
                let results = &machine.record.results;
                let result = results.iter().find(|result| result.test == *test);
                if let (Cell::Wrong(wrong), Some(result)) = (cell, result) {
                    let _ = writeln!(text, "--- {}: {test} {wrong}", machine.name());
                    for line in &result.output {
                        let _ = writeln!(text, "    {line}");
                    }
                }
            }
        }
        text
    }

    /// All of it, for people. `emulator` names what the machines ran in.
    pub fn markdown(&self, emulator: &str) -> String {
        let mut text = String::from(
            "# What holds on which kernel\n\nWritten by `vm/run`: each machine boots a distribution's kernel and runs the \
             very tests of this repository as root.\nNothing may skip there. `ok`: passed. A number: cannot pass there, \
             for the reason below. Empty: not a test of that machine.\n\n",
        );
        let _ = writeln!(text, "Emulated by {emulator}, so that nothing here is about speed.\n");
        text.push_str("| machine | kernel | passed | cannot | wrong |\n|---|---|---|---|---|\n");
        for (column, machine) in self.machines.iter().enumerate() {
            let count = |is: fn(&Cell) -> bool| self.rows.values().filter(|cells| is(&cells[column])).count();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                machine.name(),
                machine.record.release,
                count(|cell| *cell == Cell::Passed),
                count(|cell| matches!(cell, Cell::Excepted(_))),
                count(|cell| matches!(cell, Cell::Wrong(_))),
            );
        }
        if !self.reasons.is_empty() {
            text.push_str("\n## Why some cannot\n\n");
            for (number, reason) in self.reasons.iter().enumerate() {
                let _ = writeln!(text, "{}. {reason}", number + 1);
            }
        }
        let mut binary = "";
        for (test, cells) in &self.rows {
            if test.binary != binary {
                binary = &test.binary;
                self.heading(&mut text, binary);
            }
            let _ = write!(text, "| {} |", test.path.replace("::", ": ").replace('_', " "));
            for column in self.columns(binary) {
                let _ = match &cells[column] {
                    Cell::Absent => write!(text, " |"),
                    Cell::Passed => write!(text, " ok |"),
                    Cell::Excepted(number) => write!(text, " {} |", number + 1),
                    Cell::Wrong(wrong) => write!(text, " **{wrong}** |"),
                };
            }
            text.push('\n');
        }
        text
    }

    /// The machines that have something of a binary.
    fn columns(&self, binary: &str) -> Vec<usize> {
        let rows = || self.rows.iter().filter(|(test, _)| test.binary == binary);
        let has = |column: &usize| rows().any(|(_, cells)| cells[*column] != Cell::Absent);
        (0..self.machines.len()).filter(has).collect()
    }

    fn heading(&self, text: &mut String, binary: &str) {
        let columns = self.columns(binary);
        let _ = write!(text, "\n## {binary}\n\n| |");
        for &column in &columns {
            let _ = write!(text, " {} |", self.machines[column].name());
        }
        let _ = writeln!(text, "\n|---|{}", "---|".repeat(columns.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exceptions::parse;

    fn machine(series: Series, nic: &str, record: &str) -> Machine {
        Machine { series, nic: nic.to_owned(), record: Record::parse(record).unwrap() }
    }

    fn table(exceptions: &str) -> Table {
        let old = "kernel 5.10.0\ntest socket a\npassed 1\ntest socket b\n| why\nfailed 1\nend\n";
        let new = "kernel 6.18.1\ntest socket a\npassed 1\ntest socket b\npassed 1\nend\n";
        let machines = vec![machine(Series(6, 18), "none", new), machine(Series(5, 10), "none", old)];
        Table::new(machines, &parse(exceptions).unwrap())
    }

    #[test]
    fn a_failure_is_a_fault_unless_it_is_known() {
        assert_eq!(table("").faults(), ["5.10: socket b fails"]);
        assert!(table("").outputs().contains("    why"));
        assert!(table("fails <6.1 socket b : old").faults().is_empty());
    }

    #[test]
    fn an_exception_that_does_not_hold_is_a_fault() {
        assert_eq!(
            table("fails all socket b : old").faults(),
            ["6.18: socket b passes, against its exception"]
        );
    }

    #[test]
    fn a_machine_that_ended_early_is_a_fault() {
        let record = "kernel 6.18.1\ntest socket a\n";
        let table = Table::new(vec![machine(Series(6, 18), "igb", record)], &[]);
        assert_eq!(table.faults().len(), 2, "{:?}", table.faults());
        assert!(table.faults()[0].contains("ends the machine"), "{:?}", table.faults());
    }

    #[test]
    fn a_skipped_test_has_its_reason_where_it_is_skipped() {
        let has = "kernel 6.18.1\ntest socket a\npassed 1\nend\n";
        let has_not = "kernel 5.10.0\nend\n";
        let machines = vec![machine(Series(6, 18), "none", has), machine(Series(5, 10), "none", has_not)];
        let table = Table::new(machines, &parse("skip 5.10 socket * : too old").unwrap());
        let text = table.markdown("nothing");
        assert!(table.faults().is_empty() && text.contains("| a | 1 | ok |"), "{text}");
        assert!(text.contains("1. too old"), "{text}");
    }
}

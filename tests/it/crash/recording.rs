//! Runs a worker under strace, and keeps what it did until nobody needs it to play a failure again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::crash::disk::{Disk, Variant};
use crate::crash::trace::{self, Call, Step};
use crate::crash::worker::{Subject, Task};

const NO_STRACE: &str = "\
**********************************************************************
**  NO STRACE: NO CRASH WAS REBUILT, AND THIS TEST FAILS.           **
**                                                                  **
**  The crash images are made of the system calls of a real run.    **
**  Install it with    apt-get install strace    and run again.     **
**********************************************************************";

/// What a worker did to its files, and what it was told, in order.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Where the text of strace is kept.
    pub(crate) kept: PathBuf,
    /// What was there before.
    pub(crate) base: Disk,
    pub(crate) calls: Vec<Call>,
}

impl Recording {
    /// Runs the worker under strace, on a folder that holds what is on the disk `base`.
    pub(crate) fn of(subject: &Subject, task: &Task, base: Disk, kept: &Path) -> Self {
        let mut strace = Command::new("strace");
        // What is no matter to us runs at full speed; a page of data is never cut.
        strace.args(["-f", "--seccomp-bpf", "-y", "-xx", "-s", "16777216", "-e", "signal=none"]);
        strace.args(["-e", trace::CALLS, "-o"]).arg(kept);
        task.give(subject, strace.arg(env::current_exe().unwrap()));
        let run = strace.output().unwrap_or_else(|why| panic!("strace: {why}\n{NO_STRACE}"));
        assert!(run.status.success(), "the worker failed under strace\n{}", said(&run));
        // Played again elsewhere, the text must say which folder it speaks of.
        let text = fs::read_to_string(kept).unwrap();
        fs::write(kept, format!("{}\n{text}", task.folder.display())).unwrap();
        let recording = Self::read(kept, base);
        // The pipe is a second witness.
        let told = String::from_utf8_lossy(&run.stdout);
        let told: Vec<_> = told.lines().filter_map(|l| l.strip_prefix(trace::ACKED)).collect();
        assert_eq!(recording.acked(recording.calls.len()), told, "strace missed an answer");
        recording
    }

    /// Reads what was kept.
    pub(crate) fn read(kept: &Path, base: Disk) -> Self {
        let text = fs::read_to_string(kept).unwrap();
        let (folder, text) = text.split_once('\n').unwrap();
        let calls = trace::read(text, folder);
        let calls = calls.unwrap_or_else(|why| panic!("{}: {why}", kept.display()));
        assert!(!calls.is_empty(), "{} tells of no change", kept.display());
        Self { kept: kept.to_owned(), base, calls }
    }

    /// The same as if syncs of these files had done nothing.
    pub(crate) fn without_syncs(mut self, file: impl Fn(&str) -> bool) -> Self {
        self.calls.retain(|call| !matches!(&call.step, Step::Sync(name) if file(name)));
        self
    }

    /// The counts of calls after which the disk is looked at: behind each change, and behind the
    /// answers that followed it.
    pub(crate) fn points(&self) -> Vec<usize> {
        let is_change = |call: &Call| !matches!(call.step, Step::Acked(_));
        let next_is_change = |count: &usize| self.calls.get(*count).is_none_or(is_change);
        (1..=self.calls.len()).filter(next_is_change).collect()
    }

    /// The counts of calls after which a file with this ending is synced next, and needs to be.
    pub(crate) fn points_before_sync(&self, ending: &str) -> Vec<usize> {
        let is_sync =
            |call: &Call| matches!(&call.step, Step::Sync(name) if name.ends_with(ending));
        let next_is_sync = |count: &usize| self.calls.get(*count).is_some_and(is_sync);
        let needs_sync = |count: &usize| {
            let disk = self.disk(*count);
            let [kept, lost] = [Variant::Kept, Variant::Lost].map(|variant| {
                let image = disk.image(variant, 0).into_iter();
                image.filter(|(name, _)| name.ends_with(ending)).collect::<Vec<_>>()
            });
            kept != lost
        };
        let points = self.points().into_iter().filter(next_is_sync);
        let points: Vec<_> = points.filter(needs_sync).collect();
        assert!(!points.is_empty(), "nothing was ever written and then synced");
        points
    }

    /// What had been acknowledged after so many calls.
    pub(crate) fn acked<'a>(&'a self, point: usize) -> Vec<&'a str> {
        let fact = |call: &'a Call| {
            if let Step::Acked(fact) = &call.step { Some(fact.as_str()) } else { None }
        };
        self.calls[..point].iter().filter_map(fact).collect()
    }

    /// The disk after so many calls.
    pub(crate) fn disk(&self, point: usize) -> Disk {
        let mut disk = self.base.clone();
        for call in &self.calls[..point] {
            disk.apply(call);
        }
        disk
    }
}

fn said(run: &Output) -> String {
    let [out, err] = [&run.stdout, &run.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{}\n{out}\n{err}", run.status)
}

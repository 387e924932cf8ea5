//! Reads the text that strace wrote: every call that changed a file of one folder, and what was
//! acknowledged in between, in order.
//!
//! Knows how strace writes, not what the files are for. A call that changes a file in a way not
//! known here is an error: what is not understood cannot be rebuilt.

use std::collections::BTreeMap;

/// What strace is asked to report: all that may change a file, and what only looks as if it did.
pub(crate) const CALLS: &str = "trace=open,openat,openat2,creat,write,pwrite64,writev,pwritev,\
    pwritev2,lseek,truncate,ftruncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,link,\
    linkat,symlink,symlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,sync,syncfs,sync_file_range,\
    sendfile,splice,copy_file_range,mmap,msync,io_uring_setup,io_submit";

/// What a worker writes in front of each acknowledged fact.
pub(crate) const ACKED: &str = "acked ";

/// One call, from the line on which it began to the line on which it had returned. Another
/// thread's calls may lie in between.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) began: usize,
    pub(crate) ended: usize,
    pub(crate) step: Step,
}

/// What a call did. Names are relative to the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Not a change: somebody was told of a fact.
    Acked(String),
    /// The file is there from now on, if it was not.
    Create(String),
    Remove(String),
    Rename(String, String),
    Resize(String, usize),
    Sync(String),
    SyncFolder,
    Write(String, usize, Vec<u8>),
}

/// All calls of the text that concern `folder`. A write or a change of names counts from when it
/// began, since it may be on the disk from then on; a sync only once it returned.
pub(crate) fn read(text: &str, folder: &str) -> Result<Vec<Call>, String> {
    let mut open: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut folder = Folder { path: folder, cursors: BTreeMap::new() };
    let mut calls = Vec::new();
    for (line, n) in text.lines().zip(1..) {
        let (pid, rest) = line.split_once(' ').ok_or_else(|| format!("line {n}: {line}"))?;
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(head) = rest.strip_suffix("<unfinished ...>") {
            open.insert(pid, (n, head.trim_end().to_owned()));
            continue;
        }
        let (began, whole) = match rest.strip_prefix("<... ") {
            None => (n, rest.to_owned()),
            Some(resumed) => {
                let (_, end) = resumed.split_once("resumed>").ok_or("no end of a resumed call")?;
                let (began, head) = open.remove(pid).ok_or("a call resumed that never began")?;
                (began, head + end)
            }
        };
        if let Some((before, result)) = whole.rsplit_once(" = ") {
            let steps = folder.steps(before.trim_end(), result.trim());
            let steps = steps.map_err(|why| format!("line {n}: {why}"))?;
            calls.extend(steps.into_iter().map(|step| Call { began, ended: n, step }));
        }
    }
    // What never returned may have reached the disk, and was never synced.
    for (began, head) in open.into_values() {
        let steps = folder.steps(&head, "")?.into_iter();
        let steps = steps.filter(|step| !matches!(step, Step::Sync(_) | Step::SyncFolder));
        calls.extend(steps.map(|step| Call { began, ended: usize::MAX, step }));
    }
    let is_sync = |call: &Call| matches!(call.step, Step::Sync(_) | Step::SyncFolder);
    calls.sort_by_key(|call| if is_sync(call) { call.ended } else { call.began });
    Ok(calls)
}

/// The folder that is watched.
struct Folder<'a> {
    path: &'a str,
    /// Where the next plain write to a file goes, as far as it was set.
    cursors: BTreeMap<String, usize>,
}

impl Folder<'_> {
    /// The name of a file in the folder, if that is what the path leads to.
    fn name(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(self.path)?.strip_prefix('/')?;
        // The index of the write-ahead log is memory that `SQLite` builds anew.
        (!name.ends_with("-shm")).then(|| name.to_owned())
    }

    fn opened(&mut self, path: String, creates: bool, empties: bool) -> Vec<Step> {
        let create = creates.then_some(Step::Create(path.clone()));
        if empties {
            // Whoever empties a file writes it from its beginning.
            self.cursors.insert(path.clone(), 0);
        }
        let empty = empties.then_some(Step::Resize(path, 0));
        create.into_iter().chain(empty).collect()
    }

    /// What one call did, from its text without its result.
    fn steps(&mut self, call: &str, result: &str) -> Result<Vec<Step>, String> {
        let (name, arguments) = call.split_once('(').ok_or("a call without arguments")?;
        if result.starts_with('-') {
            return Ok(Vec::new());
        }
        let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
        let (held, quoted) = (held(arguments)?, quoted(arguments)?);
        let file = held.first().and_then(|path| self.name(path));
        let paths: Vec<_> =
            quoted.iter().filter_map(|path| std::str::from_utf8(path).ok()).collect();
        let path = |place: usize| paths.get(place).and_then(|path| self.name(path));
        let number = |place: usize| {
            let from_end = arguments.rsplit(", ").nth(place).and_then(|text| text.parse().ok());
            from_end.ok_or_else(|| format!("{name}: no number at {place} from the end"))
        };
        let step = match (name, file) {
            ("write", None) if arguments.starts_with("1<") => {
                let text = quoted.first().and_then(|text| std::str::from_utf8(text).ok());
                let fact = text.and_then(|text| text.strip_prefix(ACKED)?.strip_suffix('\n'));
                fact.map(|fact| Step::Acked(fact.to_owned()))
            }
            ("open" | "openat" | "creat", _) => {
                let Some(path) = path(0) else { return Ok(Vec::new()) };
                let flag = |flag| name == "creat" || arguments.contains(flag);
                return Ok(self.opened(path, flag("O_CREAT"), flag("O_TRUNC")));
            }
            ("lseek", Some(file)) => {
                let at = result.parse().map_err(|_| format!("{name}: {result}"))?;
                self.cursors.insert(file, at);
                None
            }
            ("write" | "writev", Some(file)) => {
                let cursor = self.cursors.get_mut(&file);
                let cursor =
                    cursor.ok_or_else(|| format!("{name} of {file}: nobody knows where"))?;
                let bytes = written(&quoted, result)?;
                *cursor += bytes.len();
                Some(Step::Write(file, *cursor - bytes.len(), bytes))
            }
            ("pwrite64" | "pwritev", Some(file)) => {
                Some(Step::Write(file, number(0)?, written(&quoted, result)?))
            }
            ("pwritev2", Some(file)) => {
                Some(Step::Write(file, number(1)?, written(&quoted, result)?))
            }
            ("ftruncate", Some(file)) => Some(Step::Resize(file, number(0)?)),
            ("fsync" | "fdatasync", Some(file)) => Some(Step::Sync(file)),
            ("fsync" | "fdatasync", None) if held.first().is_some_and(|path| path == self.path) => {
                Some(Step::SyncFolder)
            }
            ("unlink" | "unlinkat", None) => path(0).map(Step::Remove),
            ("rename" | "renameat" | "renameat2", None) => {
                path(0).zip(path(1)).map(|(from, to)| Step::Rename(from, to))
            }
            // Read through memory; nothing of it is written.
            ("mmap", Some(_)) if !arguments.contains("PROT_WRITE") => None,
            ("mmap", Some(_)) if arguments.contains("MAP_PRIVATE") => None,
            _ => {
                let mut all = held.iter().map(String::as_str).chain(paths);
                if let Some(file) = all.find_map(|path| self.name(path)) {
                    return Err(format!("{name} of {file}: teach the recorder what that does"));
                }
                if ["io_uring_setup", "io_submit"].contains(&name) {
                    return Err(format!("{name}: what is written so is not seen"));
                }
                None
            }
        };
        Ok(step.into_iter().collect())
    }
}

/// What stands in quotes: paths, and data.
fn quoted(arguments: &str) -> Result<Vec<Vec<u8>>, String> {
    if arguments.contains("\"...") {
        return Err("data was cut; raise strace's -s".to_owned());
    }
    arguments.split('"').skip(1).step_by(2).map(unhexed).collect()
}

/// The data of a write, all of which was taken.
fn written(quoted: &[Vec<u8>], result: &str) -> Result<Vec<u8>, String> {
    let bytes = quoted.concat();
    if ["", &bytes.len().to_string()].contains(&result) {
        return Ok(bytes);
    }
    Err(format!("{} bytes were to be written, and {result} were", bytes.len()))
}

/// The paths behind file descriptors, but those of files without a name.
fn held(arguments: &str) -> Result<Vec<String>, String> {
    let unquoted: String = arguments.split('"').step_by(2).collect();
    let mut paths = Vec::new();
    for from in unquoted.split('<').skip(1) {
        let (path, rest) = from.split_once('>').ok_or("a path without an end")?;
        if path.starts_with("\\x") && !rest.starts_with("(deleted)") {
            paths.push(String::from_utf8_lossy(&unhexed(path)?).into_owned());
        }
    }
    Ok(paths)
}

fn unhexed(hex: &str) -> Result<Vec<u8>, String> {
    let digits = hex.split("\\x").skip(1);
    let bytes = digits.map(|pair| u8::from_str_radix(pair, 16));
    bytes.collect::<Result<_, _>>().map_err(|why| format!("{hex}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> String {
        use std::fmt::Write as _;
        text.bytes().fold(String::new(), |mut hex, byte| {
            write!(hex, "\\x{byte:02x}").unwrap();
            hex
        })
    }

    #[test]
    fn calls_of_two_threads_are_put_in_order() {
        let [folder, file] = ["/d", "/d/a"].map(hex);
        let [a, b, acked] = ["x", "yz", "acked 7\n"].map(hex);
        let text = format!(
            "1 openat(AT_FDCWD<{folder}>, \"{file}\", O_RDWR|O_CREAT, 0644) = 3<{file}>\n\
             1 pwrite64(3<{file}>, \"{a}\", 1, 5 <unfinished ...>\n\
             2 fdatasync(3<{file}> <unfinished ...>\n\
             1 <... pwrite64 resumed>)  = 1\n\
             2 <... fdatasync resumed>)              = 0\n\
             1 write(1<pipe:[7]>, \"{acked}\", 8) = 8\n\
             1 pwritev(3<{file}>, [{{iov_base=\"{b}\", iov_len=2}}], 1, 9) = 2\n\
             1 ftruncate(3<{file}>, 4) = -1 ENOSPC (No space left on device)\n\
             1 fsync(4<{folder}>) = 0\n\
             1 unlink(\"{file}\" <unfinished ...>\n\
             1 +++ killed by SIGKILL +++\n"
        );
        let calls = read(&text, "/d").unwrap();
        let steps: Vec<_> = calls.iter().map(|call| call.step.clone()).collect();
        let name = || "a".to_owned();
        let expected = [
            Step::Create(name()),
            Step::Write(name(), 5, b"x".to_vec()),
            Step::Sync(name()),
            Step::Acked("7".to_owned()),
            Step::Write(name(), 9, b"yz".to_vec()),
            Step::SyncFolder,
            Step::Remove(name()),
        ];
        assert_eq!(steps, expected);
        // The write had not returned when the sync began: it is not covered.
        assert!(calls[1].ended > calls[2].began);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let file = hex("/d/a");
        for call in [
            format!("1 copy_file_range(3<{file}>, NULL, 4<{file}>, NULL, 9, 0) = 9\n"),
            format!("1 pwrite64(3<{file}>, \"{}\"..., 8, 0) = 8\n", hex("cut")),
            format!("1 pwrite64(3<{file}>, \"{}\", 3, 0) = 2\n", hex("cut")),
        ] {
            assert!(read(&call, "/d").is_err(), "{call}");
        }
    }
}

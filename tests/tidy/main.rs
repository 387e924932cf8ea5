//! Holds the conventions that no compiler and no linter knows: floors, words, sizes, documents.
//!
//! A rule is a function from text to findings, so that `planted.rs` can plant a fault and read the
//! message. Files are only text here: what the code does is asked in `tests/it`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

mod planted;

/// What stands right under `src/`, lowest first. Nothing uses what is above it or beside it.
const FLOORS: [&[&str]; 7] = [
    &["vocab"],
    &["policy"],
    &["rotation"],
    &["store", "sim"],
    &["import", "clock", "shards"],
    &["http"],
    &["cli"],
];

/// The floors that have rooms, and what stands right under their folders, in the same way.
const ROOMS: [(&str, &[&[&str]]); 4] = [
    (
        "rotation",
        &[
            &["containers"],
            &["lineup", "state", "turns"],
            &["rules"],
            &["rota"],
            &["index", "misfit"],
            &["engine"],
            &["snapshot"],
            &["commands", "history"],
            &["questions"],
        ],
    ),
    (
        "store",
        &[
            &["error", "observer", "options"],
            &["journal"],
            &["loading"],
            &["committing", "sqlite"],
            &["engine", "history"],
            &["conformance"],
        ],
    ),
    (
        "http",
        &[
            &["calendar", "meters", "problem", "records", "settings"],
            &["feed", "keys", "limits", "listeners", "openapi", "refusals", "room", "spacing"],
            &["service"],
            &["around", "caller", "input", "page", "serving"],
            &["shapes"],
            &["calls", "watch"],
            &["routes"],
        ],
    ),
    ("cli", &[&["options"], &["writing"], &["plans", "stores"], &["reports"], &["commands"]]),
];

/// The floors on which equal inputs must give equal answers on every machine.
const PURE: [&str; 4] = ["vocab", "policy", "rotation", "sim"];

/// What would break that, each with what to do instead.
const IMPURE: [(&str, &str); 17] = [
    ("std::fs", "take bytes; an adapter reads the file"),
    ("std::net", "return a value; an adapter sends it"),
    ("std::thread", "answer in one call; threads are the caller's"),
    ("std::env", "take it as a setting"),
    ("std::io", "take bytes or return text; an adapter moves them"),
    ("std::{", "write one `use` line for each module, so that this test can read it"),
    ("SystemTime", "take `now: Timestamp`"),
    ("Instant::now", "take `now: Timestamp`"),
    ("HashMap", "use `BTreeMap`, whose order is the same in every run"),
    ("HashSet", "use `BTreeSet`, whose order is the same in every run"),
    ("f32", "use integers, or a `Percent`"),
    ("f64", "use integers, or a `Percent`"),
    ("thread_rng", "draw from the generator seeded by the configuration"),
    ("rand::rng(", "draw from the generator seeded by the configuration"),
    ("println!", "return it as a value"),
    ("eprintln!", "return it as a value"),
    (concat!("db", "g!"), "return it as a value"),
];

/// Where a hash table is hidden behind a type that is only looked up in.
const LOOKUP: &str = "src/rotation/containers/lookup.rs";

/// What is for the time of writing only. In halves, or this file would find itself.
const LEFTOVERS: [&str; 6] = [
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X"),
    concat!("db", "g!"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
];

/// Places outside the project, which nobody else has.
const OUTSIDE: [&str; 2] = [concat!("../sha", "red"), concat!("/wo", "rk/")];

/// The glossary's words that are types; the document of terms and the code must not drift apart.
const GLOSSARY: &str = "Account Block Campaign Engine Event Limit Outcome Ramp Reputation \
    Reservation Schedule Standing Weight";

/// How the path of a file of the project begins.
const PLACES: [&str; 5] = ["benches/", "docs/", "examples/", "src/", "tests/"];

const CODE_MAP: &str = "docs/architecture.md";

#[test]
fn the_project_is_tidy() {
    let mut files = BTreeMap::new();
    read(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    let mut findings = Vec::new();
    for (path, text) in &files {
        let rules: &[fn(&str, &str) -> Vec<String>] = match extension(path) {
            "rs" => &[leftovers, outside, header, floors, rooms, impure, sizes, allows, chains],
            "md" => &[leftovers, outside, title],
            _ => &[leftovers, outside],
        };
        findings.extend(rules.iter().flat_map(|rule| rule(path, text)));
    }
    for rule in [code_map, places, glossary, links, orphans] {
        findings.extend(rule(&files));
    }
    assert!(findings.is_empty(), "{} findings\n{}\n", findings.len(), findings.join("\n"));
}

/// Takes in every file of the project, by its path from the root; build products are left out.
fn read(root: &Path, folder: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).expect("the folder can be read") {
        let name = entry.expect("the entry can be read").file_name();
        let name = name.to_str().expect("file names are UTF-8");
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if [".git", "artifacts", "corpus", "coverage", "target"].contains(&name) {
            continue;
        }
        if root.join(&path).is_dir() {
            read(root, &path, files);
        } else {
            let bytes = fs::read(root.join(&path)).expect("the file can be read");
            files.insert(path, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

/// Every source file begins by saying what it is for.
fn header(path: &str, text: &str) -> Vec<String> {
    let mut head = text.lines().map_while(|line| line.strip_prefix("//!"));
    let sentence = head.any(|line| line.split_whitespace().any(|word| word.ends_with(['.', '?'])));
    if sentence {
        return Vec::new();
    }
    vec![format!("{path}:1: no header; begin with `//!` and a sentence on what the file is for")]
}

/// A file uses its own floor and those below.
fn floors(path: &str, text: &str) -> Vec<String> {
    let Some(own) = floor(path) else { return Vec::new() };
    let height = |name: &str| FLOORS.iter().position(|floors| floors.contains(&name));
    let Some(at) = height(own) else {
        return vec![format!("{path}: stands on no floor; say in tests/tidy how high {own} is")];
    };
    // In a floor's `mod.rs`, `super` is the root, and `super::x` another way to say `crate::x`.
    let parent = if path.ends_with("/mod.rs") { "super::" } else { "super::super::" };
    let reach = |name: &str| {
        let how = direction(at, height(name)?).filter(|_| name != own)?;
        Some(format!("floor {own} reaches {how} to {name}"))
    };
    by_line(path, text, |line| {
        let named = ["crate::", parent].map(|prefix| code(line).split(prefix).skip(1).map(first));
        let reaching = named.into_iter().flatten().filter_map(reach);
        let from_root = code(line).split("crate::").skip(1).map(first);
        let hidden = from_root.filter(|name| height(name).is_none()).map(|name| {
            format!("`crate::{name}` hides the floor; name the module, one `use` line for each")
        });
        reaching.chain(hidden).collect()
    })
}

/// A file of a floor with rooms uses its own room and those below; its tests may ask any.
fn rooms(path: &str, text: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").and_then(|file| file.split_once('/'));
    let Some((floor, file)) = inside.filter(|(_, file)| *file != "mod.rs") else {
        return Vec::new();
    };
    let Some((_, rooms)) = ROOMS.iter().find(|(name, _)| *name == floor) else {
        return Vec::new();
    };
    let (own, face) = (first(file), format!("crate::{floor}::"));
    // From a room, `super` is the floor, and `super::x` another way to say the same.
    let is_room = file.ends_with("/mod.rs") || !file.contains('/');
    let parent = if is_room { "super::" } else { "super::super::" };
    let height = |name: &str| rooms.iter().position(|rooms| rooms.contains(&name));
    let Some(at) = height(own) else {
        return vec![format!("{path}: stands in no room; say in tests/tidy how high {own} is")];
    };
    let tests = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    by_line(path, &text[..tests], |line| {
        let named = [&face, parent]
            .map(|prefix| code(line).split(prefix).skip(1).map(move |rest| (prefix, first(rest))));
        let found = named.into_iter().flatten().filter_map(|(prefix, name)| match height(name) {
            None => Some(format!("`{prefix}{name}` hides the room; name the module")),
            Some(other) => {
                let how = direction(at, other).filter(|_| name != own)?;
                Some(format!("room {own} reaches {how} to {name}"))
            }
        });
        found.collect()
    })
}

/// How one of some heights reaches to another, if it may not.
fn direction(own: usize, other: usize) -> Option<&'static str> {
    match other.cmp(&own) {
        Ordering::Less => None,
        Ordering::Equal => Some("across"),
        Ordering::Greater => Some("up"),
    }
}

/// The pure floors have no clock, no chance of their own, no outside and no fractions.
fn impure(path: &str, text: &str) -> Vec<String> {
    let Some(own) = floor(path).filter(|own| PURE.contains(own)) else { return Vec::new() };
    by_line(path, text, |line| {
        let allowed = |word: &str| word == "HashMap" && path == LOOKUP;
        let found = IMPURE.iter().filter(|(word, _)| has_word(code(line), word) && !allowed(word));
        found.map(|(word, instead)| format!("floor {own} names `{word}`; {instead}")).collect()
    })
}

/// A file can be read at one sitting, and a line on one screen.
fn sizes(path: &str, text: &str) -> Vec<String> {
    let mut found = by_line(path, text, |line| match line.chars().count() {
        0..=100 => Vec::new(),
        columns => vec![format!("{columns} columns; break the line at 100")],
    });
    let (lines, most) = (text.lines().count(), if path.starts_with("tests/") { 500 } else { 400 });
    if lines > most {
        found.push(format!("{path}: {lines} lines; split it by what it is for, {most} at most"));
    }
    found
}

/// Nothing that was for the time of writing is left; documents may quote it as code.
fn leftovers(path: &str, text: &str) -> Vec<String> {
    let prose = if extension(path) == "md" { prose(text) } else { text.to_owned() };
    by_line(path, &prose, |line| {
        let found = LEFTOVERS.iter().filter(|word| has_word(line, word));
        found.map(|word| format!("`{word}` is left over; do it or drop it")).collect()
    })
}

/// A lint is lifted with a reason, and only as long as it would speak.
fn allows(path: &str, text: &str) -> Vec<String> {
    by_line(path, text, |line| {
        let opened = |open: &&str| code(line).contains(&format!("{open}allow("));
        let refused = ["#[", "#!["].iter().any(opened);
        if refused { vec!["`allow`: use expect with a reason".to_owned()] } else { Vec::new() }
    })
}

/// A condition that binds and asks at once needs a newer compiler than the one promised.
fn chains(path: &str, text: &str) -> Vec<String> {
    let pairs = text.lines().zip(text.lines().skip(1)).zip(2..);
    let chained = pairs.filter(|((line, next), _)| {
        let bound = line.contains("if let ") && next.trim_start().starts_with("&& ");
        path.starts_with("src/") && (bound || next.contains("&& let "))
    });
    chained.map(|(_, n)| format!("{path}:{n}: a let chain; Rust 1.85 has none")).collect()
}

/// The project stands alone.
fn outside(path: &str, text: &str) -> Vec<String> {
    by_line(path, text, |line| {
        let found = OUTSIDE.iter().filter(|place| has_word(line, place));
        found.map(|place| format!("`{place}` is outside the project; nobody else has it")).collect()
    })
}

/// A document has one title.
fn title(path: &str, text: &str) -> Vec<String> {
    match prose(text).lines().filter(|line| line.starts_with("# ")).count() {
        1 => Vec::new(),
        count => vec![format!("{path}: {count} titles; give exactly one line with `# `")],
    }
}

/// The code map names every source file, as `src/…` in backticks.
fn code_map(files: &BTreeMap<String, String>) -> Vec<String> {
    let Some(map) = files.get(CODE_MAP) else {
        return vec![format!("{CODE_MAP}: missing; it names every file of src/")];
    };
    let sources = files.keys().filter(|path| path.starts_with("src/") && extension(path) == "rs");
    let missing = sources.filter(|path| !map.contains(&format!("`{path}`")));
    missing.map(|path| format!("{CODE_MAP}: does not name `{path}`")).collect()
}

/// A file or folder that a document names in backticks is there; a `*` stands for any ending.
fn places(files: &BTreeMap<String, String>) -> Vec<String> {
    let documents = files.iter().filter(|(path, _)| extension(path) == "md");
    let found = documents.flat_map(|(document, text)| {
        by_line(document, text, |line| {
            let quoted = line.split('`').skip(1).step_by(2);
            let named = quoted.filter(|path| PLACES.iter().any(|place| path.starts_with(place)));
            let is_there = |path: &str| match path.split_once('*') {
                Some((begin, _)) => files.keys().any(|file| file.starts_with(begin)),
                None => exists(files, path.trim_end_matches('/')),
            };
            let gone = named.filter(|path| !is_there(path));
            gone.map(|path| format!("`{path}` is not there; name it as it is, or drop it"))
                .collect()
        })
    });
    found.collect()
}

/// Every type of the glossary is declared, by hand or by a macro that takes its name and label.
fn glossary(files: &BTreeMap<String, String>) -> Vec<String> {
    let declares = |text: &str, name: &str| {
        let by_hand = ["pub struct", "pub enum"].map(|kind| format!("{kind} {name}"));
        let by_macro = format!("{name}, \"");
        text.lines().any(|line| {
            by_hand.iter().any(|words| has_word(code(line), words))
                || line.trim_start().starts_with(&by_macro) && text.contains("pub struct $name")
        })
    };
    let sources = || files.iter().filter(|(path, _)| path.starts_with("src/"));
    let missing =
        GLOSSARY.split_whitespace().filter(|name| !sources().any(|(_, text)| declares(text, name)));
    missing.map(|name| format!("src: no type `{name}`, which the glossary promises")).collect()
}

/// A relative link leads to a file or folder of the project.
fn links(files: &BTreeMap<String, String>) -> Vec<String> {
    let documents = files.iter().filter(|(path, _)| extension(path) == "md");
    let found = documents.flat_map(|(path, text)| {
        by_line(path, &prose(text), |line| {
            let targets =
                line.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
            let relative = targets.filter(|to| !(to.is_empty() || to.contains(':')));
            let broken = relative.filter(|to| !exists(files, &joined(path, to)));
            broken.map(|to| format!("the link to {to} leads nowhere")).collect()
        })
    });
    found.collect()
}

/// Every module is declared by its parent; one that is not is never compiled, nor are its tests.
fn orphans(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for path in files.keys().filter(|path| extension(path) == "rs") {
        let module = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs"));
        let Some((folder, name)) = module.and_then(|module| module.rsplit_once('/')) else {
            continue;
        };
        let (parents, root): (&[&str], _) = match folder {
            "src" => (&["lib.rs", "main.rs"], ["lib", "main"].contains(&name)),
            "tests/it" | "tests/tidy" => (&["main.rs"], name == "main"),
            _ => (&["mod.rs"], !folder.starts_with("src/") && !folder.starts_with("tests/it/")),
        };
        let declares =
            |text: &String| text.lines().any(|line| has_word(code(line), &format!("mod {name};")));
        let texts = || parents.iter().filter_map(|file| files.get(&format!("{folder}/{file}")));
        if !root && !texts().any(declares) {
            let parents = parents.join(" or ");
            found.push(format!(
                "{path}: never compiled; declare `mod {name};` in {folder}/{parents}"
            ));
        }
    }
    found
}

/// Asks a rule about each line and puts the place before what it says.
fn by_line(path: &str, text: &str, rule: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let lines = text.lines().zip(1..);
    let said = lines.flat_map(|(line, n)| rule(line).into_iter().map(move |said| (n, said)));
    said.map(|(n, said)| format!("{path}:{n}: {said}")).collect()
}

/// The floor a source file stands on; the face and the program stand above all.
fn floor(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/").filter(|file| !["lib.rs", "main.rs"].contains(file))?;
    inside.split('/').next().map(|first| first.trim_end_matches(".rs"))
}

/// The line without its comment. A `//` inside a text cuts too, which only hides, never accuses.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The word that the text begins with, or its first character if that is none.
fn first(text: &str) -> &str {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    if end == 0 { text.get(..1).unwrap_or_default() } else { &text[..end] }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the word stands in the line, and not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        let glued_before =
            word.starts_with(|c| is_word(c) || c == '/') && before.ends_with(is_word);
        let glued_after = word.ends_with(is_word) && after.starts_with(is_word);
        !glued_before && !glued_after
    })
}

/// A document without its code, line for line: fenced blocks and what is in backticks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().map(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let kept = if fenced || fence { "" } else { line };
        kept.split('`').step_by(2).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn exists(files: &BTreeMap<String, String>, path: &str) -> bool {
    let folder = format!("{path}/");
    path.is_empty() || files.keys().any(|file| file == path || file.starts_with(&folder))
}

/// Where a link in a document leads, from the root; out of the project it keeps its `..`.
fn joined(document: &str, link: &str) -> String {
    let mut parts: Vec<_> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

//! Plants a fault for each rule and reads what it says.
//!
//! Knows the rules by their names, not the project.

use super::*;

const NONE: [&str; 0] = [];

fn project(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_file_out_of_shape_is_named() {
    let no_header =
        "src/vocab/a.rs:1: no header; begin with `//!` and a sentence on what the file is for";
    assert_eq!(header("src/vocab/a.rs", "use std::fmt;\n"), [no_header]);
    assert_eq!(header("src/vocab/a.rs", "//! words\nfn a() {} // A sentence."), [no_header]);
    assert_eq!(header("src/vocab/a.rs", "//! Words of\n//! the domain.\n"), NONE);

    let wide = format!("//! A.\n{}\n{}", "é".repeat(100), "é".repeat(101));
    let said = "src/vocab/a.rs:3: 101 columns; break the line at 100";
    assert_eq!(sizes("src/vocab/a.rs", &wide), [said]);
    let said = "src/vocab/a.rs: 401 lines; split it by what it is for, 400 at most";
    assert_eq!(sizes("src/vocab/a.rs", &"\n".repeat(401)), [said]);
    assert_eq!(sizes("src/vocab/a.rs", &"\n".repeat(400)), NONE);
    assert_eq!(sizes("tests/it/a.rs", &"\n".repeat(500)), NONE);
}

#[test]
fn a_floor_that_reaches_too_far_is_named() {
    for (path, line, said) in [
        ("policy/turn.rs", "use crate::rotation::Engine;", "floor policy reaches up to rotation"),
        ("policy/mod.rs", "use super::rotation::Engine;", "floor policy reaches up to rotation"),
        ("shards.rs", "import(crate::import::any)", "floor shards reaches across to import"),
        ("clock.rs", "use crate::cli::Args;", "floor clock reaches up to cli"),
        (
            "rotation/state.rs",
            "use crate::{vocab, policy};",
            "`crate::{` hides the floor; name the module, one `use` line for each",
        ),
        (
            "rotation/state.rs",
            "use crate::Account;",
            "`crate::Account` hides the floor; name the module, one `use` line for each",
        ),
    ] {
        let path = format!("src/{path}");
        let text = format!("{}{line}\n", "//! A.\n".repeat(6));
        assert_eq!(floors(&path, &text), [format!("{path}:7: {said}")]);
    }
    let said = "src/misc/a.rs: stands on no floor; say in tests/tidy how high misc is";
    assert_eq!(floors("src/misc/a.rs", "//! A."), [said]);
    let down = "use crate::vocab::Span;\nuse crate::policy::Limit; // not crate::store\n";
    assert_eq!(floors("src/policy/turn.rs", down), NONE);
    assert_eq!(floors("src/lib.rs", "use crate::rotation::Engine;"), NONE);
    assert_eq!(floors("tests/it/main.rs", "use crate::world::World;"), NONE);
}

#[test]
fn a_room_that_reaches_too_far_is_named() {
    for (path, line, said) in [
        (
            "rotation/turns/run.rs",
            "use crate::rotation::rota::Rota;",
            "room turns reaches up to rota",
        ),
        (
            "rotation/state/mod.rs",
            "use crate::rotation::turns::run::Run;",
            "room state reaches across to turns",
        ),
        (
            "rotation/engine.rs",
            "use crate::rotation::commands::pick::Pick;",
            "room engine reaches up to commands",
        ),
        (
            "rotation/rota/mod.rs",
            "use crate::rotation::Engine;",
            "`crate::rotation::Engine` hides the room; name the module",
        ),
        (
            "store/loading/open.rs",
            "use crate::store::committing::queue::Memory;",
            "room loading reaches up to committing",
        ),
        (
            "store/history.rs",
            "open(crate::store::engine::durable::open)",
            "room history reaches across to engine",
        ),
        ("cli/plans/day.rs", "use crate::cli::reports::svg;", "room plans reaches up to reports"),
        ("cli/options/mod.rs", "use super::writing::words;", "room options reaches up to writing"),
        (
            "cli/plans/day.rs",
            "use super::super::stores::past::Past;",
            "room plans reaches across to stores",
        ),
        (
            "cli/stores/past.rs",
            "use crate::cli::{plans, writing};",
            "`crate::cli::{` hides the room; name the module",
        ),
    ] {
        let path = format!("src/{path}");
        assert_eq!(rooms(&path, &format!("//! A.\n{line}\n")), [format!("{path}:2: {said}")]);
        let in_tests = format!("//! A.\n#[cfg(test)]\nmod tests {{\n    {line}\n}}\n");
        assert_eq!(rooms(&path, &in_tests), NONE);
    }
    for (path, own) in [("rotation/a.rs", "a"), ("store/b/c.rs", "b")] {
        let said = format!("src/{path}: stands in no room; say in tests/tidy how high {own} is");
        assert_eq!(rooms(&format!("src/{path}"), "//! A."), [said]);
    }
    let down = "use crate::rotation::state::State;\nuse crate::rotation::rota::seat::Seat;\n";
    assert_eq!(rooms("src/rotation/rota/mod.rs", down), NONE);
    assert_eq!(rooms("src/store/engine/step.rs", "use crate::rotation::Engine;"), NONE);
    assert_eq!(rooms("src/cli/plans/day.rs", "use super::course::Course;"), NONE);
    assert_eq!(rooms("src/rotation/mod.rs", "use crate::rotation::Engine;"), NONE);
    assert_eq!(rooms("src/shards.rs", "use crate::rotation::Engine;"), NONE);
}

#[test]
fn a_word_out_of_place_is_named() {
    for (word, instead) in IMPURE {
        let said = format!("src/sim/world.rs:2: floor sim names `{word}`; {instead}");
        let found = impure("src/sim/world.rs", &format!("//! A.\nlet a = {word} b;\n"));
        assert_eq!(found, [said]);
    }
    let near = "type MySystemTime = Timestamp; // unlike f64\nlet hash_f64_map = HashMaps;\n";
    assert_eq!(impure("src/policy/turn.rs", near), NONE);
    assert_eq!(impure("src/cli/mod.rs", "use std::fs;"), NONE);

    for word in LEFTOVERS {
        let said = format!("benches/a.rs:1: `{word}` is left over; do it or drop it");
        assert_eq!(leftovers("benches/a.rs", &format!("a(); // {word}: b")), [said]);
        let quoted = format!("Refuses `{word}` and\n```\n{word}\n```");
        assert_eq!(leftovers("docs/a.md", &quoted), NONE);
        assert_eq!(leftovers("docs/a.md", &format!("{word} b")).len(), 1);
    }
    let chained = ["src/a.rs:2: a let chain; Rust 1.85 has none"];
    assert_eq!(chains("src/a.rs", "if let Some(a) = b\n    && a {"), chained);
    assert_eq!(chains("src/a.rs", "if a\n    && b {"), NONE);
    for place in OUTSIDE {
        let said = format!("README.md:2: `{place}` is outside the project; nobody else has it");
        assert_eq!(outside("README.md", &format!("# A\nsee {place} a")), [said]);
    }
    assert_eq!(outside("README.md", concat!("the frame", "/wo", "rk/flow")), NONE);

    for open in ["#[", "#!["] {
        let said = "src/lib.rs:1: `allow`: use expect with a reason";
        assert_eq!(allows("src/lib.rs", &format!("{open}allow(dead_code)]")), [said]);
    }
    assert_eq!(allows("src/lib.rs", "#[expect(dead_code, reason = \"a\")]"), NONE);
}

#[test]
fn a_document_that_drifts_is_named() {
    assert_eq!(title("docs/a.md", "# A\n```sh\n# no title\n```\n## B\n"), NONE);
    let said = "docs/a.md: 2 titles; give exactly one line with `# `";
    assert_eq!(title("docs/a.md", "# A\n# B\n"), [said]);

    let text = "# A\n[a](a.md#b) [`b`](../src) [c](https://c.example) `[d](d.md)`\n[e](../e.md)";
    let files = project(&[("docs/a.md", text), ("src/lib.rs", "")]);
    assert_eq!(links(&files), ["docs/a.md:3: the link to ../e.md leads nowhere"]);

    let said = "docs/architecture.md: missing; it names every file of src/";
    assert_eq!(code_map(&project(&[])), [said]);
    let map = "# A\n`src/lib.rs`, `src/vocab/`, `src/v*`\nand `src/gone.rs`, `src/x*.rs`\n";
    let files = project(&[(CODE_MAP, map), ("src/lib.rs", ""), ("src/vocab/a.rs", "")]);
    let unnamed = "docs/architecture.md: does not name `src/vocab/a.rs`";
    assert_eq!(code_map(&files), [unnamed]);
    let gone = ["src/gone.rs", "src/x*.rs"].map(|path| {
        format!("docs/architecture.md:3: `{path}` is not there; name it as it is, or drop it")
    });
    assert_eq!(places(&files), gone);
}

#[test]
fn a_lost_type_or_module_is_named() {
    let text = |but: &str| {
        let kept = GLOSSARY.split_whitespace().filter(|name| ![but, "Weight"].contains(name));
        kept.map(|name| format!("pub struct {name}(u8);\n")).collect::<Vec<_>>().concat()
    };
    let hundred = "pub struct $name(u8);\n    Weight, \"weight\"";
    let all = project(&[("src/a.rs", &text("")), ("src/b.rs", hundred)]);
    assert_eq!(glossary(&all), NONE);
    let less = project(&[("src/a.rs", &text("Ramp")), ("src/b.rs", "pub struct Ramps;\n")]);
    let lost = ["Ramp", "Weight"];
    assert_eq!(
        glossary(&less),
        lost.map(|name| format!("src: no type `{name}`, which the glossary promises"))
    );

    let files = project(&[
        ("examples/loop.rs", ""),
        ("src/clock.rs", ""),
        ("src/lib.rs", "mod vocab; // mod clock;"),
        ("src/vocab/id.rs", ""),
        ("src/vocab/mod.rs", "mod identity;"),
        ("tests/it/caps.rs", ""),
        ("tests/it/main.rs", "mod spacing;"),
        ("tests/tidy", ""),
    ]);
    let said = [
        "src/clock.rs: never compiled; declare `mod clock;` in src/lib.rs or main.rs",
        "src/vocab/id.rs: never compiled; declare `mod id;` in src/vocab/mod.rs",
        "tests/it/caps.rs: never compiled; declare `mod caps;` in tests/it/main.rs",
    ];
    assert_eq!(orphans(&files), said);
}

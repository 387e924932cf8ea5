//! Golden files: what a test compares a whole text with, renewed by `UPDATE_GOLDEN=1`.

use std::path::Path;
use std::{env, fs};

/// Compares a text with `tests/it/golden/<name>`, or writes it there if that is asked for.
pub(crate) fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let lines = golden.lines().zip(text.lines());
    let same = lines.take_while(|(before, now)| before == now).count();
    let (before, now) = (golden.lines().nth(same), text.lines().nth(same));
    assert!(
        golden == text,
        "{name}:{} was\n{}\nand is\n{}\nrenew it with UPDATE_GOLDEN=1 cargo test --all-features \
         --test it",
        same + 1,
        before.unwrap_or("(nothing)"),
        now.unwrap_or("(nothing)"),
    );
}

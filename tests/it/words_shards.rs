//! Words for engines behind locks: `shards from this,new`, `panic 1`, `with 1`, `replace 0 this`.
//!
//! Knows how shards are made, reached and repaired. What an engine answers inside one is what it
//! answers anywhere.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mailrota::{Config, Engine, LayoutError, OwnerId, ShardError, Shards};

use crate::words_settings::{Refusal, number};

/// `this` is a copy of the table's engine, `new` one without accounts.
fn engine(word: &str, this: &Engine) -> Engine {
    match word {
        "new" => Engine::new(Config::default()),
        "this" => this.clone(),
        _ => panic!("`{word}` is neither this nor new"),
    }
}

/// One engine for each word of `this,new`; none for `-`.
fn layout(list: &str, this: &Engine) -> Result<Shards, LayoutError> {
    let words = list.split(',').filter(|word| *word != "-");
    Shards::from_engines(words.map(|word| engine(word, this)).collect())
}

/// A closure that panics in the owner's shard, without a message among the table's answers.
fn panic_inside(shards: &Shards, owner: OwnerId) -> Result<(), ShardError> {
    let inside = || shards.with(owner, |_| resume_unwind(Box::new("inside")));
    catch_unwind(AssertUnwindSafe(inside)).unwrap_or(Ok(()))
}

/// Runs what follows `shards` on those of the table, once they were made `from` something.
pub(crate) fn run(
    shards: &mut Option<Shards>,
    this: &Engine,
    words: &[String],
) -> Result<String, Refusal> {
    let (word, first) = (words[0].as_str(), words[1].as_str());
    if word == "from" {
        *shards = Some(layout(first, this)?);
        return Ok("ok".to_owned());
    }
    let shards = shards.as_ref().expect("shards come first");
    match word {
        "panic" => panic_inside(shards, OwnerId(number(first)))?,
        "replace" => shards.replace(number(first), engine(&words[2], this))?,
        "with" => {
            let accounts =
                shards.with(OwnerId(number(first)), |engine| engine.accounts().count())?;
            return Ok(format!("accounts: {accounts}"));
        }
        _ => panic!("nobody knows `shards {word}`"),
    }
    Ok("ok".to_owned())
}

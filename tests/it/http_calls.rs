//! Calls and their answers as tables: each file in `tests/it/golden/calls` is played from its first
//! line to its last on a new service, and is what the service answers.
//!
//! `> METHOD path body` is a call, and the line below it, `< status body`, its answer. Paths are
//! under `/api/v1` unless they begin with `//`. `@ key other`, `@ key none` and `@ key own` say who
//! calls, `@ pass 90s` lets time pass, `@ header Name: value` goes with the next call, `@ setting
//! count` begins anew with another shape of what attaching answers. Read a change of these files as
//! what it is: what clients see changes.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use mailrota::http::{AttachAnswer, Unstated, openapi};

use crate::golden;
use crate::http_world::{World, settings};

struct Player {
    world: World,
    key: Option<String>,
    headers: Vec<(String, String)>,
}

impl Player {
    fn tell(&mut self, directive: &str) {
        let (word, value) = directive.split_once(' ').unwrap_or((directive, ""));
        match (word, value) {
            ("header", value) => {
                let (name, value) = value.split_once(": ").unwrap();
                self.headers.push((name.to_owned(), value.to_owned()));
            }
            ("key", "none") => self.key = None,
            ("key", "other") => self.key = Some(self.world.keys[1].clone()),
            ("key", "own") => self.key = Some(self.world.keys[0].clone()),
            ("key", key) => self.key = Some(key.to_owned()),
            ("pass", span) => {
                let seconds = span.strip_suffix('s').unwrap().parse().unwrap();
                self.world.pass(TimeDelta::seconds(seconds));
            }
            ("setting", setting) => {
                let settings = match setting {
                    "count" => settings().attach_answer(AttachAnswer::Count),
                    "ok" => settings().attach_answer(AttachAnswer::Ok),
                    "small" => settings().body_max(64),
                    "trusting" => settings().unstated(Unstated::Verified),
                    other => panic!("no setting {other}"),
                };
                self.world = World::with(settings);
                self.key = Some(self.world.keys[0].clone());
            }
            _ => panic!("no directive {directive}"),
        }
    }

    fn call(&mut self, call: &str) -> String {
        let (method, rest) = call.split_once(' ').unwrap();
        let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let path = match path.strip_prefix('/').filter(|path| path.starts_with('/')) {
            Some(path) => path.to_owned(),
            None => format!("/api/v1{path}"),
        };
        // The files hold no bytes that are no text, nor any that a reader would not see.
        let body = body.replace("<LONG>", &"x".repeat(20_000));
        let headers: Vec<_> = self.headers.drain(..).collect();
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = self.world.ask_as(self.key.as_deref(), method, &path, &body, &headers);
        let body = answer.body.replace(&"x".repeat(20_000), "<LONG>");
        format!("{} {}", answer.status, body.trim_end())
    }
}

fn play(name: &str) {
    let name = format!("calls/{name}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(&name);
    let text = fs::read_to_string(path).unwrap();
    let world = World::new();
    let key = Some(world.keys[0].clone());
    let mut player = Player { world, key, headers: Vec::new() };
    let mut text_now = String::new();
    for line in text.lines().filter(|line| !line.starts_with('<')) {
        writeln!(text_now, "{line}").unwrap();
        if let Some(directive) = line.strip_prefix("@ ") {
            player.tell(directive);
        } else if let Some(call) = line.strip_prefix("> ") {
            writeln!(text_now, "< {}", player.call(call)).unwrap();
        }
    }
    golden::check(&name, &text_now);
}

#[test]
fn clients_of_the_reference_are_answered_in_its_shapes() {
    play("reference");
}

#[test]
fn bad_accounts_are_told_what_is_wrong() {
    play("bad_accounts");
}

#[test]
fn bad_campaigns_are_told_what_is_wrong() {
    play("bad_campaigns");
}

#[test]
fn bad_pools_are_told_what_is_wrong() {
    play("bad_pools");
}

#[test]
fn the_run_loop_goes_over_the_wire() {
    play("rotation");
}

#[test]
fn bad_reservations_and_questions_are_told_what_is_wrong() {
    play("bad_rotation");
}

#[test]
fn keys_paths_and_methods_are_checked_before_anything_else() {
    play("doors");
}

#[test]
fn the_openapi_document_is_as_it_is_checked_in() {
    golden::check("../../../docs/openapi.json", &openapi());
}

/// A bad call is a 4xx and never a failure of the service.
#[test]
fn no_answer_in_the_tables_is_a_failure() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/calls");
    let mut calls = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("< ")) {
            assert!(!line.starts_with('5'), "{line}");
            calls += 1;
        }
    }
    assert!(calls > 300, "{calls} calls");
}

//! The command `serve` on a real socket, and the lines of the README as a reader types them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::durable_world::Folder;

/// A service that runs until it is dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) key: Option<String>,
}

impl Serving {
    fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    pub(crate) fn start_with(folder: &Folder, options: &[&str]) -> Self {
        let listens: &[&str] =
            if options.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailrota"))
            .args(["serve", "--store"])
            .arg(folder.store())
            .args(listens)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        let listens = line();
        let address = listens.strip_prefix("mailrota listens on http://").unwrap();
        let address = address.split(' ').next().unwrap().to_owned();
        line();
        // The store has a key already, or its first one is told.
        let mut key = None;
        if !folder.0.join("known").exists() {
            std::fs::write(folder.0.join("known"), "").unwrap();
            let told = line();
            key = Some(told.strip_prefix("your API key, shown this once: ").unwrap().to_owned());
        }
        Self { child, address, key }
    }

    /// One call on a connection of its own: the status line and the body.
    fn call(&self, method: &str, path: &str, key: &str, body: &str) -> (String, String) {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            socket,
            "{method} /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {key}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    /// Tells it to end, as an operator does, and waits until it has.
    pub(crate) fn end(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_service_that_ended_goes_on_where_it_was() {
    let folder = Folder::new();
    let serving = Serving::start(&folder);
    let key = serving.key.clone().unwrap();
    let (status, body) = serving.call("POST", "/campaigns/create", &key, r#"{"name":"Spring"}"#);
    assert!(status.contains(" 200 "), "{status} {body}");
    // An idle connection does not keep it.
    let idle = TcpStream::connect(&serving.address).unwrap();
    assert_eq!(serving.end(), Some(0));
    drop(idle);
    let keys = |words: &[&str]| keys(&folder, words).unwrap();
    let told = keys(&["add", "--owner", "1", "--label", "second"]);
    let second = told.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(keys(&["revoke", "1"]).contains("key 1 of owner 1 is revoked"));
    let listed = keys(&["list"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(!listed.contains(&second) && listed.contains("second"), "{listed}");
    let serving = Serving::start(&folder);
    let (status, body) = serving.call("GET", "/campaigns", &second, "");
    assert!(status.contains(" 200 ") && body.contains("Spring"), "{status} {body}");
    let (status, _) = serving.call("GET", "/campaigns", &key, "");
    assert!(status.contains(" 401 "), "{status}");
    assert_eq!(serving.end(), Some(0));
}

#[test]
fn a_name_is_listened_on_at_its_address() {
    let folder = Folder::new();
    let serving = Serving::start_with(&folder, &["--listen", "localhost:0"]);
    let key = serving.key.clone().unwrap();
    let (status, _) = serving.call("GET", "/campaigns", &key, "");
    assert!(status.contains(" 200 "), "{status}");
}

/// The command `keys` on a folder's store: what it shows, or what it complains of.
pub(crate) fn keys(folder: &Folder, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailrota"));
    let output = command.arg("keys").args(words).arg("--store").arg(folder.store()).output();
    let output = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[cfg(unix)]
#[test]
fn keys_are_made_and_revoked_while_the_service_runs() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    let folder = Folder::new();
    let socket = folder.0.join("store.db-control");
    let mut serving = Serving::start(&folder);
    let first = serving.key.clone().unwrap();
    let meta = std::fs::metadata(&socket).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    let opens = |serving: &Serving, key: &str| {
        let (status, _) = serving.call("GET", "/campaigns", key, "");
        status.contains(" 200 ")
    };
    let told = keys(&folder, &["add", "--owner", "3", "--label", "while it runs"]).unwrap();
    let second = told.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(told.starts_with("key 2 of owner 3, shown this once: mr_2_"), "{told}");
    assert!(opens(&serving, &second) && opens(&serving, &first));
    let listed = keys(&folder, &["list"]).unwrap();
    assert!(listed.contains("while it runs") && listed.lines().count() == 3, "{listed}");
    assert!(keys(&folder, &["revoke", "1"]).unwrap().contains("key 1 of owner 1 is revoked"));
    assert!(opens(&serving, &second) && !opens(&serving, &first));
    let refused = keys(&folder, &["revoke", "9"]).unwrap_err();
    assert!(refused.contains("there is no key 9"), "{refused}");
    // Whoever connects and asks for something else is told so, and nothing is changed.
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    stream.write_all(b"{\"drop\":1}\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"Err\":\"the request cannot be read"), "{answer}");

    // A socket that is left behind is nobody's: the store is opened, and the next service takes
    // the place.
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    assert!(socket.exists());
    assert_eq!(keys(&folder, &["list"]).unwrap().lines().count(), 3);
    let serving = Serving::start(&folder);
    assert!(opens(&serving, &second) && !opens(&serving, &first));
    assert!(keys(&folder, &["revoke", "2"]).is_ok());
    assert!(!opens(&serving, &second));
    assert_eq!(serving.end(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_killed_service_lost_nothing_it_answered() {
    let folder = Folder::new();
    let mut serving = Serving::start(&folder);
    let key = serving.key.clone().unwrap();
    for n in 0..20 {
        let body = format!(r#"{{"name":"campaign {n}"}}"#);
        let (status, body) = serving.call("POST", "/campaigns/create", &key, &body);
        assert!(status.contains(" 200 "), "{status} {body}");
    }
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    drop(serving);
    let serving = Serving::start(&folder);
    let (_, body) = serving.call("GET", "/campaigns", &key, "");
    assert!((0..20).all(|n| body.contains(&format!("campaign {n}\""))), "{body}");
}

/// The fenced block of the README that follows a heading, by its kind.
fn block(readme: &str, heading: &str, kind: &str) -> String {
    let (_, after) = readme.split_once(heading).unwrap();
    let (_, block) = after.split_once(&format!("```{kind}\n")).unwrap();
    block.split_once("\n```").unwrap().0.to_owned()
}

/// Instants differ from run to run, and are all that does.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for word in text.split_inclusive(['"', '\n']) {
        let instant = word.len() > 19 && word.starts_with("20") && word.ends_with("Z\"");
        if instant { masked.push_str("instant\"") } else { masked.push_str(word) }
    }
    masked
}

/// Whoever copies the README's lines letter by letter gets what it shows.
#[test]
fn the_lines_of_the_readme_answer_what_it_shows() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let lines = block(&readme, "## Serve it", "sh");
    let shown = block(&readme, "They answer", "text");
    let folder = Folder::new();
    let serving = Serving::start(&folder);
    let mut answered = String::new();
    for line in lines.lines().filter(|line| line.starts_with("curl ")) {
        let output = Command::new("sh")
            .args(["-c", line])
            .env("MAILROTA", format!("http://{}/api/v1", serving.address))
            .env("KEY", serving.key.as_deref().unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}\n{text}\n{told}");
        writeln!(answered, "{text}").unwrap();
    }
    assert_eq!(masked(&answered).trim_end(), masked(&shown).trim_end());
}

//! Killed under load: whatever a service acknowledged is there after it was killed, with the right
//! end, and no cap is passed over all its lives, by the count of those who asked.
//!
//! `MAILROTA_KILLS` says how many lives (8), `MAILROTA_SEED` which: what is asked and when it is
//! killed follows from it, though not how far the machine comes in that time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::Timelike;
use mailrota::Clock;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

use crate::durable_world::Folder;
use crate::http_socket::Serving;

const CONNECTIONS: u64 = 12;
/// The caps of the accounts: some are used up early, some late.
const CAPS: [u64; 6] = [5, 15, 30, 100, 1_000, 100_000];
const OPTIONS: [&str; 4] = ["--burst", "4000000000", "--rate", "4000000000"];

/// A connection that is kept open.
struct Line<'a> {
    socket: BufReader<TcpStream>,
    key: &'a str,
}

impl<'a> Line<'a> {
    fn open(address: &str, key: &'a str) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { socket: BufReader::new(socket), key })
    }

    fn call(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, Value)> {
        let (key, length) = (self.key, body.len());
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        self.socket.get_mut().write_all(request.as_bytes())?;
        let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if self.socket.read_line(&mut line)? == 0 {
                return Err(gone());
            }
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
            }
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().map_err(|_| gone())?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body)?;
        Ok((status.ok_or_else(gone)?, serde_json::from_slice(&body)?))
    }
}

/// What somebody who asks knows of one email.
#[derive(Clone, Debug)]
struct Email {
    lead: u64,
    /// The only account that may send it.
    demanded: Option<u64>,
    /// Whether an answer is missing, so that a reservation may be there or not.
    asked: bool,
    /// The reservation and its account, once they were acknowledged.
    held: Option<(u64, u64)>,
    /// The end that was told to the service, which may know it or not.
    told: Option<&'static str>,
    /// Whether that was acknowledged.
    ended: bool,
}

/// The ends of an email; the first two give the room back.
const ENDS: [&str; 5] = ["cancelled", "deferred", "rejected", "sent", "unknown"];

/// Everybody's own count of what was acknowledged, by account.
#[derive(Debug, Default)]
struct Count(Mutex<BTreeMap<u64, u64>>);

impl Count {
    fn took(&self, account: u64) {
        let mut used = self.0.lock().unwrap();
        let used = used.entry(account).or_default();
        *used += 1;
        let cap = CAPS[usize::try_from(account).unwrap() - 1];
        assert!(*used <= cap, "account {account} has {used} of {cap}");
    }

    /// Before it is told, since another may have the room before this one hears so.
    fn gives_back(&self, account: u64) {
        *self.0.lock().unwrap().get_mut(&account).unwrap() -= 1;
    }
}

/// One of those who ask, over all lives.
struct Asker {
    emails: Vec<Email>,
    random: Pcg64Mcg,
    next: u64,
    /// How many keys were asked for again, and how many calls were answered.
    repeated: u64,
    answered: u64,
}

impl Asker {
    /// Goes on until the service is gone.
    fn run(&mut self, line: &mut Line<'_>, count: &Count) -> io::Result<()> {
        loop {
            let lead = self.next;
            self.next += CONNECTIONS;
            let demanded = self.random.random_bool(0.5).then(|| self.random.random_range(1..=6));
            self.emails.push(Email {
                lead,
                demanded,
                asked: false,
                held: None,
                told: None,
                ended: false,
            });
            let last = self.emails.len() - 1;
            self.go_on(last, line, count)?;
            // Some of what was acknowledged is asked for again.
            if self.random.random_bool(0.1) {
                let some = self.random.random_range(0..self.emails.len());
                self.go_on(some, line, count)?;
            }
        }
    }

    /// Asks for an email, for the first time or again, and brings it to its end.
    fn go_on(&mut self, n: usize, line: &mut Line<'_>, count: &Count) -> io::Result<()> {
        self.repeated += u64::from(self.emails[n].held.is_some());
        self.answered += 1;
        let email = &mut self.emails[n];
        let lead = email.lead;
        let mut body = format!(r#"{{"lead_id":{lead},"key":"k-{lead}""#);
        if let Some(account) = email.demanded {
            write!(body, r#","email_account_id":{account}"#).unwrap();
        }
        body.push('}');
        email.asked = true;
        let (status, answer) = line.call("POST", "/rotation/campaigns/1/reservations", &body)?;
        assert_eq!(status, 200, "{answer}");
        email.asked = false;
        let reservation = &answer["reservation"];
        let number = |field: &str| reservation[field].as_u64();
        let found = number("id").zip(number("email_account_id"));
        if let Some(held) = email.held {
            assert_eq!(found, Some(held), "lead {lead}: {answer}");
        } else {
            // Nobody had room.
            let Some(held) = found else { return Ok(()) };
            assert_eq!(answer["answer"], "reserved", "lead {lead}: {answer}");
            count.took(held.1);
            email.held = Some(held);
        }
        let expected = if email.ended { "ended" } else { "reserved" };
        let may_be_ended = email.told.is_some() && answer["answer"] == "ended";
        assert!(may_be_ended || answer["answer"] == expected, "{email:?}: {answer}");
        if email.ended { Ok(()) } else { self.end(n, line, count) }
    }

    /// Tells the end of an email, the same as before if it was told before.
    fn end(&mut self, n: usize, line: &mut Line<'_>, count: &Count) -> io::Result<()> {
        let email = &mut self.emails[n];
        let (id, account) = email.held.unwrap();
        let path = |call: &str| format!("/rotation/reservations/{id}/{call}");
        if email.told.is_none() {
            let (status, answer) = line.call("POST", &path("begin"), "")?;
            assert_eq!(status, 200, "{answer}");
            let end = ENDS[self.random.random_range(0..ENDS.len())];
            if gives_back(end) {
                count.gives_back(account);
            }
            email.told = Some(end);
        }
        let end = email.told.unwrap();
        let (status, answer) = match end {
            "cancelled" => line.call("POST", &path("cancel"), "")?,
            _ => line.call("POST", &path("settle"), &format!(r#"{{"outcome":"{end}"}}"#))?,
        };
        assert_eq!(status, 200, "{email:?}: {answer}");
        email.ended = true;
        self.answered += 2;
        Ok(())
    }

    /// Looks for what was acknowledged, all of it or what is in doubt and some more, and ends what
    /// is in doubt.
    fn check(&mut self, all: bool, line: &mut Line<'_>, count: &Count) -> io::Result<()> {
        for n in 0..self.emails.len() {
            let email = &self.emails[n];
            let in_doubt = !email.ended;
            if !(in_doubt || all || self.random.random_range(0..self.emails.len()) < 20) {
                continue;
            }
            let Some((id, account)) = email.held else { continue };
            let path = format!("/rotation/reservations/{id}");
            let (status, found) = line.call("GET", &path, "")?;
            assert_eq!(status, 200, "{email:?} is lost: {found}");
            assert_eq!(found["lead_id"], email.lead, "{email:?}: {found}");
            assert_eq!(found["email_account_id"], account, "{email:?}: {found}");
            let end = match found["state"].as_str().unwrap() {
                "settled" => found["outcome"].as_str(),
                "open" => None,
                other => Some(other),
            };
            let right = end == email.told || (in_doubt && end.is_none());
            assert!(right, "{email:?}: {found}");
        }
        for n in 0..self.emails.len() {
            let Email { asked, held, ended, .. } = self.emails[n];
            // What was asked for and never answered is asked for again too; it may be there.
            if asked || (!ended && held.is_some()) {
                self.go_on(n, line, count)?;
            }
        }
        Ok(())
    }
}

fn gives_back(end: &str) -> bool {
    ["cancelled", "deferred"].contains(&end)
}

/// Accounts whose civil day does not end while this runs.
fn set_up(line: &mut Line<'_>) {
    let hour = Clock::machine().now().hour();
    let zone = if hour >= 12 {
        format!("Etc/GMT+{}", hour - 12)
    } else {
        format!("Etc/GMT-{}", 12 - hour)
    };
    let mut done = |method: &str, path: &str, body: &str| {
        let (status, answer) = line.call(method, path, body).unwrap();
        assert_eq!(status, 200, "{path} {body}: {answer}");
    };
    for (n, cap) in CAPS.iter().enumerate() {
        let body = format!(
            r#"{{"from_email":"a{n}@acme.example","max_email_per_day":{cap},"timezone":"{zone}",
                "is_smtp_success":true,"is_imap_success":true,"warmup_reputation":"95%"}}"#
        );
        done("POST", "/email-accounts/save", &body);
    }
    done("POST", "/campaigns/create", "{}");
    done("POST", "/campaigns/1/email-accounts", r#"{"email_account_ids":[1,2,3,4,5,6]}"#);
    done("POST", "/campaigns/1/status", r#"{"status":"START"}"#);
}

/// One life: what was acknowledged in those before is looked for, then all ask until it is killed.
fn live(folder: &Folder, key: &mut Option<String>, askers: &mut [Asker], count: &Count, ms: u64) {
    let mut serving = Serving::start_with(folder, &OPTIONS);
    let address = serving.address.clone();
    let key = &*key.get_or_insert_with(|| {
        let key = serving.key.clone().unwrap();
        set_up(&mut Line::open(&address, &key).unwrap());
        key
    });
    let checked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for asker in &mut *askers {
            let (address, checked) = (&address, &checked);
            scope.spawn(move || {
                let mut line = Line::open(address, key).unwrap();
                asker.check(false, &mut line, count).unwrap();
                checked.fetch_add(1, Ordering::SeqCst);
                // The service is gone, which is what this waits for.
                let _ = asker.run(&mut line, count);
            });
        }
        // Not killed before all have looked: else they could not tell what is lost.
        for _ in 0..1_500 {
            if checked.load(Ordering::SeqCst) == CONNECTIONS {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(ms));
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
    });
}

/// > Killed under load and restarted: no acknowledged reservation lost, no cap passed.
#[test]
fn nothing_acknowledged_is_lost_and_no_cap_is_passed() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let lives = number("MAILROTA_KILLS").unwrap_or(8);
    let now = Clock::machine().now().timestamp_millis().unsigned_abs();
    let seed = number("MAILROTA_SEED").unwrap_or(now);
    println!(
        "replay with MAILROTA_SEED={seed} MAILROTA_KILLS={lives} cargo test --test it killed \
         -- --nocapture"
    );
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let folder = Folder::new();
    let asker = |next| Asker {
        emails: Vec::new(),
        random: Pcg64Mcg::seed_from_u64(seed ^ (next + 1)),
        next,
        repeated: 0,
        answered: 0,
    };
    let mut askers: Vec<Asker> = (0..CONNECTIONS).map(asker).collect();
    let (count, mut key) = (Count::default(), None);
    for life in 0..lives {
        let ms = random.random_range(50..900);
        live(&folder, &mut key, &mut askers, &count, ms);
        let sum = |of: fn(&Asker) -> u64| askers.iter().map(of).sum::<u64>();
        println!("life {life}: killed after {ms} ms; {} calls so far", sum(|one| one.answered));
    }
    let serving = Serving::start_with(&folder, &OPTIONS);
    let key = key.unwrap();
    let mut line = Line::open(&serving.address, &key).unwrap();
    for asker in &mut askers {
        asker.check(true, &mut line, &count).unwrap();
    }
    let sum = |of: fn(&Asker) -> u64| askers.iter().map(of).sum::<u64>();
    let held = sum(|one| one.emails.iter().filter(|email| email.held.is_some()).count() as u64);
    let (repeated, used) = (sum(|one| one.repeated), count.0.lock().unwrap().clone());
    println!("{held} reservations, {repeated} keys repeated, used {used:?} of {CAPS:?}");
    assert!(held > lives * 20 && repeated > lives, "too little happened");
    // What the service says is what those who asked have counted.
    let (_, usage) = line.call("GET", "/rotation/usage", "").unwrap();
    for standing in usage.as_array().unwrap() {
        let id = standing["email_account_id"].as_u64().unwrap();
        let taken = standing["sent"].as_u64().unwrap() + standing["reserved"].as_u64().unwrap();
        assert_eq!(taken, used[&id], "account {id}: {standing}");
    }
}

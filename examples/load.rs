//! Load over HTTP on this machine: connections that reserve and settle one email after the other,
//! on a durable store, and how long that takes.
//!
//! ```text
//! cargo run --release --example load -- [CONNECTIONS] [SECONDS] [ACCOUNTS] [STORE]
//! ```
//!
//! The service runs in this process, on a store in a file that is made for it. Both ends share the
//! machine's processors, so its figures are lower than a service alone would give.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use mailrota::http::{Service, Settings, add_key};
use mailrota::{Clock, DurableEngine, Options, OwnerId};
use serde_json::Value;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let mut number = |otherwise: u64| words.next().map_or(Ok(otherwise), |word| word.parse());
    let (connections, seconds, accounts) = (number(64)?, number(10)?, number(100)?);
    let own = std::env::temp_dir().join(format!("mailrota-load-{}.db", std::process::id()));
    let given = words.next().map(PathBuf::from);
    let store = given.clone().unwrap_or_else(|| own.clone());
    let clock = Clock::machine();
    let engine = DurableEngine::open(&store, &Options::default(), clock.now())?;
    let (_, key) = add_key(&engine, OwnerId(1), "load", clock.now())?;
    let many = NonZeroU32::MAX;
    let settings = Settings::default().burst(many).per_minute(many);
    let service = Service::new(settings, clock.clone());
    service.open(engine);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(async move {
        service
            .serve(listener, async {
                let _ = stopped.await;
            })
            .await
    });
    let campaign = set_up(address, &key, accounts)?;
    println!("{connections} connections, {seconds} s, {accounts} accounts, {}", store.display());
    let end = clock.elapsed() + Duration::from_secs(seconds);
    let (reserves, settles) = load(address, &key, campaign, connections, &clock, end)?;
    let turns = settles.len() as u64;
    println!("{} turns a second, each reserve and settle", turns / seconds.max(1));
    report("reserve", reserves);
    report("settle", settles);
    drop(stop);
    runtime.block_on(serving)??;
    if given.is_none() {
        for suffix in ["", "-wal", "-shm", "-lock"] {
            let mut path = own.clone().into_os_string();
            path.push(suffix);
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(())
}

/// Has every connection ask until the end, and gathers what each call took.
fn load(
    address: SocketAddr,
    key: &str,
    campaign: u64,
    connections: u64,
    clock: &Clock,
    end: Duration,
) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
    std::thread::scope(|scope| {
        let ask = |first: u64| {
            move || -> Result<_, Failure> {
                let mut line = Line::open(address, key)?;
                let (mut reserves, mut settles) = (Vec::new(), Vec::new());
                let reserve = format!("/rotation/campaigns/{campaign}/reservations");
                for n in 0_u64.. {
                    let start = clock.elapsed();
                    if start >= end {
                        break;
                    }
                    let lead = first + n * connections;
                    let body = format!(r#"{{"lead_id":{lead},"key":"load-{lead}"}}"#);
                    let answer = line.call("POST", &reserve, &body)?;
                    reserves.push(clock.elapsed().saturating_sub(start));
                    let id = answer["reservation"]["id"].as_u64();
                    let id = id.ok_or_else(|| format!("no reservation: {answer}"))?;
                    let start = clock.elapsed();
                    let settle = format!("/rotation/reservations/{id}/settle");
                    line.call("POST", &settle, r#"{"outcome":"sent"}"#)?;
                    settles.push(clock.elapsed().saturating_sub(start));
                }
                Ok((reserves, settles))
            }
        };
        let threads: Vec<_> = (0..connections).map(|first| scope.spawn(ask(first))).collect();
        let (mut reserves, mut settles) = (Vec::new(), Vec::new());
        for thread in threads {
            let (of_one, ends_of_one) = thread.join().map_err(|_| "a connection panicked")??;
            reserves.extend(of_one);
            settles.extend(ends_of_one);
        }
        Ok((reserves, settles))
    })
}

fn report(name: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |of_thousand: usize| {
        let n = (took.len() * of_thousand / 1_000).min(took.len().saturating_sub(1));
        took.get(n).copied().unwrap_or_default()
    };
    println!("{name}: p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
}

/// Accounts whose caps nobody reaches, in a campaign that sends.
fn set_up(address: SocketAddr, key: &str, accounts: u64) -> Result<u64, Failure> {
    let mut line = Line::open(address, key)?;
    let mut ids = Vec::new();
    for n in 0..accounts {
        let body = format!(
            r#"{{"from_email":"a{n}@acme.example","max_email_per_day":100000000,
                "is_smtp_success":true,"is_imap_success":true,"warmup_reputation":"95%"}}"#
        );
        let saved = line.call("POST", "/email-accounts/save", &body)?;
        ids.push(saved["emailAccountId"].as_u64().ok_or("no account")?);
    }
    let created = line.call("POST", "/campaigns/create", "{}")?;
    let campaign = created["id"].as_u64().ok_or("no campaign")?;
    let pool = format!("/campaigns/{campaign}/email-accounts");
    line.call("POST", &pool, &format!(r#"{{"email_account_ids":{ids:?}}}"#))?;
    line.call("POST", &format!("/campaigns/{campaign}/status"), r#"{"status":"START"}"#)?;
    Ok(campaign)
}

/// A connection that is kept open.
struct Line<'a> {
    socket: BufReader<TcpStream>,
    key: &'a str,
}

impl<'a> Line<'a> {
    fn open(address: SocketAddr, key: &'a str) -> Result<Self, Failure> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        Ok(Self { socket: BufReader::new(socket), key })
    }

    fn call(&mut self, method: &str, path: &str, body: &str) -> Result<Value, Failure> {
        let (key, length) = (self.key, body.len());
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        self.socket.get_mut().write_all(request.as_bytes())?;
        let (mut first, mut length) = (String::new(), 0);
        self.socket.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            self.socket.read_line(&mut line)?;
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body)?;
        if !first.contains(" 200 ") {
            return Err(format!("{path}: {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

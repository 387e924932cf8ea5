//! The command `serve`: the engine over HTTP, on a store in one file.
//!
//! Opens, listens, and stops on a signal; what is answered is the library's to say.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use mailrota::http::{AttachAnswer, Service, Settings, Unstated, add_key, list_keys};
use mailrota::{Clock, ClockError, DurableEngine, Options, OwnerId, StoreError};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::cli::options::service_args::{Confirmed, Log, Metrics, Serve, Shape};
#[cfg(unix)]
use crate::cli::stores::control::Control;
use crate::cli::writing::failure::Failure;

/// The owner of the key that the first start makes.
const FIRST_OWNER: OwnerId = OwnerId(1);

/// Serves until a signal.
pub(crate) fn serve(serve: &Serve) -> Result<ExitCode, Failure> {
    write_log(serve.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(format!("cannot start threads: {error}")))?;
    runtime.block_on(run(serve))?;
    Ok(ExitCode::SUCCESS)
}

async fn run(serve: &Serve) -> Result<(), Failure> {
    let deaf = |error| {
        Failure::new(format!("cannot listen on {}: {error}; give another --listen", serve.listen))
    };
    let listener = TcpListener::bind(&serve.listen).await.map_err(deaf)?;
    let address = listener.local_addr().map_err(deaf)?;
    let clock = Clock::machine();
    let service = Service::new(settings(serve), clock.clone());
    // Calls are answered from the start on, at first with 503.
    let serving = {
        let service = service.clone();
        let told = signal();
        tokio::spawn(async move { service.serve(listener, told).await })
    };
    let (store, confirmed, reads) = (serve.store.clone(), serve.confirmed, clock.clone());
    let opened = tokio::task::spawn_blocking(move || open(&store, confirmed, &reads)).await;
    let (engine, first_key) = opened.map_err(Failure::of)??;
    let control = control(&serve.store, &engine, &clock);
    service.open(engine);
    let shown = show(&greeting(address, &serve.store, first_key.as_deref()));
    if let (Err(error), Some(_)) = (shown, &first_key) {
        tracing::warn!(
            %error,
            "the first API key was made and could not be shown; make another with mailrota keys add"
        );
    }
    let ended = serving.await.map_err(Failure::of)?;
    drop(control);
    ended.map_err(Failure::of)
}

/// Listens beside the store, for the command `keys`. A service without is a service all the same.
#[cfg(unix)]
fn control(store: &Path, engine: &DurableEngine, clock: &Clock) -> Option<Control> {
    let opened = Control::open(store, engine.clone(), clock.clone());
    if let Err(error) = &opened {
        tracing::warn!(%error, "no control socket: keys cannot be changed while this service runs");
    }
    opened.ok()
}

#[cfg(not(unix))]
fn control(_: &Path, _: &DurableEngine, _: &Clock) {}

fn settings(serve: &Serve) -> Settings {
    let answer = match serve.attach_answer {
        Shape::Count => AttachAnswer::Count,
        Shape::Data => AttachAnswer::Data,
        Shape::Ok => AttachAnswer::Ok,
    };
    let unstated = if serve.trust_new_accounts { Unstated::Verified } else { Unstated::Unverified };
    Settings::default()
        .attach_answer(answer)
        .burst(serve.burst)
        .connections_max(serve.connections)
        .metrics(serve.metrics == Metrics::On)
        .per_minute(serve.rate)
        .unstated(unstated)
}

/// Opens a store to write, as late as it is.
pub(crate) fn open_store(
    store: &Path,
    confirmed: Confirmed,
    clock: &Clock,
) -> Result<DurableEngine, Failure> {
    let options = Options::default().confirm_clock(confirmed.confirm_clock);
    let opened = DurableEngine::open(store, &options, clock.now());
    let Err(StoreError::Clock(ClockError::TooFarAhead { now, seen, leap_max })) = opened else {
        return opened.map_err(Failure::of);
    };
    let store = store.display();
    Err(Failure::new(format!(
        "now is {now}, more than {leap_max} after the last call that {store} took, at {seen}; set \
         the clock right, or give --confirm-clock if it is"
    )))
}

/// Opens the store; one that has no key yet gets one.
fn open(
    store: &Path,
    confirmed: Confirmed,
    clock: &Clock,
) -> Result<(DurableEngine, Option<String>), Failure> {
    let engine = open_store(store, confirmed, clock)?;
    if !list_keys(&engine).map_err(Failure::of)?.is_empty() {
        return Ok((engine, None));
    }
    let (_, key) = add_key(&engine, FIRST_OWNER, "first", clock.now()).map_err(Failure::of)?;
    Ok((engine, Some(key)))
}

fn greeting(address: SocketAddr, store: &Path, first_key: Option<&str>) -> String {
    let mut text = format!(
        "mailrota listens on http://{address} and keeps everything in {}\n\
         what can be asked is told on http://{address}/api/v1/docs\n",
        store.display()
    );
    if let Some(key) = first_key {
        // Writing to a text never fails.
        let _ = writeln!(text, "your API key, shown this once: {key}");
    }
    text
}

/// Writes to the standard output at once.
pub(crate) fn show(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

fn write_log(form: Log) {
    let filter = EnvFilter::try_from_env("MAILROTA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let log = log.with_ansi(io::stderr().is_terminal());
    match form {
        Log::Json => log.json().init(),
        Log::Text => log.init(),
    }
}

/// Done once the process is told to end, which is heard from the call on.
fn signal() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let heard = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut terminate), Ok(mut interrupt)) = heard {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            return;
        }
        // A process that cannot be told is ended by force, which loses nothing that was answered.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

//! Single calls, how long each took, and what is told of many.
//!
//! The one place that reads the machine's clock. Knows no engine.

use std::borrow::Cow;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// How often the clock is tried.
const TRIES: usize = 1_000_000;

/// One call.
struct Call {
    took: Duration,
    what: Cow<'static, str>,
    /// The instant that it was told.
    now: DateTime<Utc>,
}

/// Calls in the order in which they were made.
#[derive(Default)]
pub(crate) struct Calls {
    made: Vec<Call>,
}

impl Calls {
    /// Makes a call and notes how long it takes; `what` names it by its answer.
    pub(crate) fn time<R>(
        &mut self,
        now: DateTime<Utc>,
        call: impl FnOnce() -> R,
        what: impl FnOnce(&R) -> &'static str,
    ) -> R {
        let start = clock();
        let answer = call();
        let end = clock();
        let took = end.duration_since(start);
        self.made.push(Call { took, what: what(&answer).into(), now });
        answer
    }

    pub(crate) fn len(&self) -> usize {
        self.made.len()
    }

    /// Forgets all after the first so many.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.made.truncate(len);
    }

    /// Writes them down, one in a line.
    pub(crate) fn write(&self, to: impl Write) -> io::Result<()> {
        let mut to = BufWriter::new(to);
        for Call { took, what, now } in &self.made {
            writeln!(to, "{}\t{}\t{what}", took.as_nanos(), now.timestamp_millis())?;
        }
        to.flush()
    }

    /// Reads what was written down.
    pub(crate) fn read(from: impl Read) -> Self {
        let call = |line: &str| {
            let mut words = line.splitn(3, '\t');
            let took = Duration::from_nanos(words.next()?.parse().ok()?);
            let now = DateTime::from_timestamp_millis(words.next()?.parse().ok()?)?;
            Some(Call { took, what: words.next()?.to_owned().into(), now })
        };
        let lines = BufReader::new(from).lines().map(|line| line.expect("it can be read"));
        Self { made: lines.map(|line| call(&line).expect("a call")).collect() }
    }

    /// Has each call take no longer than in another run of the same history.
    pub(crate) fn least(&mut self, other: &Self) {
        assert_eq!(self.len(), other.len(), "calls of the same history");
        for (call, other) in self.made.iter_mut().zip(&other.made) {
            call.took = call.took.min(other.took);
        }
    }

    /// What the table says of them.
    pub(crate) fn row(&self) -> String {
        let mut times: Vec<_> = self.made.iter().map(|call| call.took).collect();
        times.sort_unstable();
        let [p50, p99, p999, max] = [500, 990, 999, 1_000].map(|share| quantile(&times, share));
        let calls = times.len();
        // Of equals the first.
        let slowest = self.made.iter().enumerate().rev().max_by_key(|(_, call)| call.took);
        let (index, Call { what, now, .. }) = slowest.expect("some calls were made");
        let number = index + 1;
        let now = now.format("%a %H:%M:%S%.3f");
        format!("{calls:>9} {p50:>8} {p99:>8} {p999:>10} {max:>13}  {what}, no. {number}, {now}")
    }
}

/// What a measurement of nothing says.
pub(crate) fn clock_cost() -> String {
    let mut calls = Calls { made: Vec::with_capacity(TRIES) };
    for _ in 0..TRIES {
        calls.time(DateTime::UNIX_EPOCH, || black_box(()), |()| "nothing");
    }
    let mut times: Vec<_> = calls.made.iter().map(|call| call.took).collect();
    times.sort_unstable();
    let [p50, p99, p999, max] = [500, 990, 999, 1_000].map(|share| quantile(&times, share));
    format!("p50 {p50}, p99 {p99}, p99.9 {p999}, max {max}")
}

/// The time, in nanoseconds, that so many in a thousand of the calls did not exceed.
fn quantile(sorted: &[Duration], of_thousand: usize) -> u128 {
    let rank = (sorted.len() * of_thousand).div_ceil(1_000);
    sorted[rank - 1].as_nanos()
}

#[expect(clippy::disallowed_methods, reason = "how long a call takes is what is asked here")]
fn clock() -> Instant {
    Instant::now()
}

//! The least that runs futures: all on one thread, each polled when it was woken.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Which tasks were woken, and who polls them.
struct Woken {
    tasks: Mutex<Vec<usize>>,
    thread: Thread,
}

struct Bell {
    task: usize,
    woken: Arc<Woken>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut tasks = self.woken.tasks.lock().expect("nobody panicked");
        let first = tasks.is_empty();
        tasks.push(self.task);
        drop(tasks);
        if first {
            self.woken.thread.unpark();
        }
    }
}

/// Runs all until all are done.
pub(crate) fn all<F: Future<Output = ()>>(tasks: impl IntoIterator<Item = F>) {
    let mut tasks: Vec<Option<Pin<Box<F>>>> =
        tasks.into_iter().map(|task| Some(Box::pin(task))).collect();
    let first = Mutex::new((0..tasks.len()).collect());
    let woken = Arc::new(Woken { tasks: first, thread: thread::current() });
    let wakers: Vec<Waker> = (0..tasks.len())
        .map(|task| Arc::new(Bell { task, woken: Arc::clone(&woken) }).into())
        .collect();
    let mut left = tasks.len();
    while left > 0 {
        let ready = std::mem::take(&mut *woken.tasks.lock().expect("nobody panicked"));
        if ready.is_empty() {
            thread::park();
        }
        for n in ready {
            let Some(task) = &mut tasks[n] else { continue };
            if task.as_mut().poll(&mut Context::from_waker(&wakers[n])) == Poll::Ready(()) {
                tasks[n] = None;
                left -= 1;
            }
        }
    }
}

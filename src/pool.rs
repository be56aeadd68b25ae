//! The pool: threads and a memory budget. The one place where pages meet parallelism.
//!
//! Each page in flight is handed over by a feeder thread, which first takes the page's estimated bytes from the budget
//! and then runs the page inside the rayon pool, where its lines may spread over all threads. As many feeders as
//! threads: the number of pages in flight, and so the memory, is bounded, and a job of one page still uses every core.
//! Nothing is held across a rayon join but the page itself (a waiting worker may run another page on the same stack).

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the one call that tunes the C library's allocator; see `keep_freed_memory`")]
mod allocator {
    use libc::{M_MMAP_THRESHOLD, M_TOP_PAD, M_TRIM_THRESHOLD, c_int, mallopt};

    /// Blocks up to here are taken from what was freed before, bytes: half of glibc's heap of a thread, the most that
    /// it allows. An A4 page in colour at 300 dpi has 25 MiB; larger captures are mapped on their own as ever.
    const REUSED: c_int = 32 << 20;
    /// A thread's heap grows and is cut by no less than this, bytes.
    const STEP: c_int = 64 << 20;

    // JUSTIFICATION
    //  Benefit
    //      glibc hands picture buffers back to the system when they are freed and faults them in again, zeroed, for the
    //      next page: 2,650 to 5,400 faults, 9 to 15 of 115 ms of CPU an A4 scan. With this fewer than 50 faults.
    //  Correctness
    //      mallopt(3) takes two integers, is safe to call in any thread and only changes when memory is handed back. It
    //      answers 0 for a value that it refuses and keeps the old one then.
    pub(super) fn keep() {
        for (parameter, bytes) in [(M_MMAP_THRESHOLD, REUSED), (M_TRIM_THRESHOLD, c_int::MAX), (M_TOP_PAD, STEP)] {
            // SAFETY: two integers go in, one comes out; see above.
            let _refused = unsafe { mallopt(parameter, bytes) };
        }
    }
}

/// From now on the program keeps the memory that it freed for its next pages, where the system's allocator can be told
/// so (glibc). The most it keeps is the most that was in use at once, which the pool bounds.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    allocator::keep();
}

/// Stack of a pool thread, bytes. A worker that waits for its lines may take up another page on top of the first.
const STACK_BYTES: usize = 8 << 20;

/// Why a pool could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the worker threads: {0}")]
pub struct PoolError(#[from] rayon::ThreadPoolBuildError);

/// The work on one item panicked: a bug of ours, confined to the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("internal error while working on this page")]
pub struct Panicked;

/// A fixed number of threads and a fixed number of bytes.
#[derive(Debug)]
pub struct Pool {
    threads: rayon::ThreadPool,
    workers: usize,
    budget: Budget,
}

impl Pool {
    /// A pool of `workers` threads (at least one) whose items in flight may together cost `memory_bytes`. An item that
    /// alone costs more runs alone.
    ///
    /// # Errors
    /// When the operating system refuses the threads.
    pub fn new(workers: usize, memory_bytes: u64) -> Result<Self, PoolError> {
        let workers = workers.max(1);
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .stack_size(STACK_BYTES)
            .thread_name(|index| format!("sohoa-{index}"))
            .build()?;
        Ok(Self { threads, workers, budget: Budget::new(memory_bytes) })
    }

    /// Number of threads.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Runs `work` on every item, at most [`Self::workers`] at once and within the memory budget, items started in
    /// order. `cost` estimates the bytes an item needs; `done` receives each result with the item's index on the
    /// calling thread, in order of completion, and may break off: items in work are finished then, no other started.
    pub fn run<T, R>(
        &self,
        items: &[T],
        cost: impl Fn(&T) -> u64 + Sync,
        work: impl Fn(&T) -> R + Sync,
        mut done: impl FnMut(usize, Result<R, Panicked>) -> ControlFlow<()>,
    ) where
        T: Sync,
        R: Send,
    {
        let queue = Mutex::new(items.iter().enumerate());
        let (sender, receiver) = mpsc::sync_channel(self.workers);
        std::thread::scope(|scope| {
            for _ in 0..self.workers.min(items.len()) {
                let sender = sender.clone();
                let (queue, cost, work) = (&queue, &cost, &work);
                scope.spawn(move || {
                    loop {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some((index, item)) = next else { break };
                        let share = self.budget.take(cost(item));
                        let result = catch_unwind(AssertUnwindSafe(|| self.threads.install(|| work(item))));
                        drop(share);
                        if sender.send((index, result.map_err(|_| Panicked))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for (index, result) in receiver {
                if done(index, result).is_break() {
                    break;
                }
            }
        });
    }
}

/// A counting semaphore over bytes.
#[derive(Debug)]
struct Budget {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

impl Budget {
    fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), freed: Condvar::new() }
    }

    /// Waits until `bytes` are free (or everything is, for an item larger than the budget) and takes them.
    fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Share { budget: self, bytes }
    }
}

/// Bytes taken from a budget, given back on drop.
struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn every_item_is_done_once() {
        let pool = Pool::new(3, 100).unwrap();
        let items: Vec<u64> = (0..200).collect();
        let mut results = vec![None; items.len()];
        pool.run(
            &items,
            |_| 10,
            |item| item * 2,
            |index, result| {
                assert_eq!(results[index].replace(result.unwrap()), None);
                ControlFlow::Continue(())
            },
        );
        assert!(results.iter().enumerate().all(|(i, r)| *r == Some(i as u64 * 2)));
    }

    #[test]
    fn the_budget_is_never_exceeded_and_large_items_run_alone() {
        let pool = Pool::new(4, 100).unwrap();
        let (used, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        let costs: Vec<u64> = (0..60).map(|i| if i % 7 == 0 { 500 } else { 30 + i }).collect();
        pool.run(
            &costs,
            |&cost| cost,
            |&cost| {
                let now = used.fetch_add(cost.min(100), Ordering::SeqCst) + cost.min(100);
                peak.fetch_max(now, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_micros(200));
                used.fetch_sub(cost.min(100), Ordering::SeqCst);
            },
            |_, _| ControlFlow::Continue(()),
        );
        assert!(peak.load(Ordering::SeqCst) <= 100);
    }

    #[test]
    fn a_panic_stays_with_its_item() {
        let pool = Pool::new(2, 100).unwrap();
        let mut failed = Vec::new();
        pool.run(
            &[1, 2, 3, 4],
            |_| 1,
            |item| assert_ne!(*item, 3),
            |index, result| {
                if result.is_err() {
                    failed.push(index);
                }
                ControlFlow::Continue(())
            },
        );
        assert_eq!(failed, [2]);
    }

    #[test]
    fn breaking_off_starts_nothing_more() {
        let pool = Pool::new(2, 100).unwrap();
        let started = AtomicU64::new(0);
        let items = [0; 1000];
        pool.run(&items, |_| 1, |_| started.fetch_add(1, Ordering::SeqCst), |_, _| ControlFlow::Break(()));
        assert!(started.load(Ordering::SeqCst) < 20);
    }

    #[test]
    fn items_may_join_inside_the_pool() {
        let pool = Pool::new(2, 100).unwrap();
        let mut total = 0;
        pool.run(
            &[10u64; 50],
            |_| 60,
            |n| (0..*n).into_par_iter().sum::<u64>(),
            |_, sum| {
                total += sum.unwrap();
                ControlFlow::Continue(())
            },
        );
        assert_eq!(total, 50 * 45);
    }
}

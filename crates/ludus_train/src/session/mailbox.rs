//! The mailbox of a run: orders to it, and snapshots and policies from it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{IterationRecord, SessionPolicy, SessionState, TrainingSnapshot};
use crate::control::{Control, Order};

/// Orders to a run, and snapshots and policies from it. A lock is held only while something is put in or taken out.
pub(super) struct Mailbox {
    orders: Mutex<Orders>,
    changed: Condvar,
    news: Mutex<News>,
    /// True if a snapshot or a policy was read since the last large update. Without readers, none is needed.
    is_watched: AtomicBool,
}

#[derive(Default)]
struct Orders {
    queue: VecDeque<Order>,
    is_paused: bool,
    is_ending: bool,
    /// True while the run waits because it is paused.
    is_waiting: bool,
}

struct News {
    /// The newest state, without the iterations in `unseen`.
    snapshot: TrainingSnapshot,
    unseen: Vec<IterationRecord>,
    shown: Arc<TrainingSnapshot>,
    is_shown: bool,
    /// The newest policy of each kind, by the kind's name.
    policies: BTreeMap<String, Arc<SessionPolicy>>,
}

impl Mailbox {
    pub fn new(snapshot: TrainingSnapshot) -> Self {
        let shown = Arc::new(snapshot.clone());
        let news = News { snapshot, unseen: Vec::new(), shown, is_shown: true, policies: BTreeMap::new() };
        Self {
            orders: Mutex::default(),
            changed: Condvar::new(),
            news: Mutex::new(news),
            is_watched: AtomicBool::new(true),
        }
    }

    pub fn order(&self, order: Order) {
        self.orders().queue.push_back(order);
        self.changed.notify_all();
    }

    pub fn set_paused(&self, is_paused: bool) {
        self.orders().is_paused = is_paused;
        self.changed.notify_all();
    }

    pub fn end(&self) {
        self.orders().is_ending = true;
        self.changed.notify_all();
    }

    pub fn snapshot(&self) -> Arc<TrainingSnapshot> {
        self.is_watched.store(true, Ordering::Relaxed);
        self.news().show()
    }

    pub fn policy(&self, kind: &str) -> Option<Arc<SessionPolicy>> {
        self.is_watched.store(true, Ordering::Relaxed);
        self.news().policies.get(kind).cloned()
    }

    /// True if a snapshot or a policy was read since the last call.
    pub fn take_watched(&self) -> bool {
        self.is_watched.swap(false, Ordering::Relaxed)
    }

    /// Changes the snapshot of the run.
    pub fn update(&self, change: impl FnOnce(&mut TrainingSnapshot)) {
        let mut news = self.news();
        change(&mut news.snapshot);
        news.is_shown = false;
    }

    pub fn add_iteration(&self, record: IterationRecord) {
        let mut news = self.news();
        news.unseen.push(record);
        news.is_shown = false;
    }

    pub fn set_policies(&self, policies: Vec<SessionPolicy>) {
        let named = policies.into_iter().map(|policy| (policy.file.spec.name.clone(), Arc::new(policy)));
        self.news().policies = named.collect();
    }

    pub fn finish(&self, state: SessionState) {
        self.update(|snapshot| snapshot.state = state);
    }

    fn tell_waiting(&self, orders: &mut Orders, waits: bool) {
        if std::mem::replace(&mut orders.is_waiting, waits) != waits {
            let state = if waits { SessionState::Paused } else { SessionState::Running };
            self.update(|snapshot| snapshot.state = state);
        }
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    fn show(&mut self) -> Arc<TrainingSnapshot> {
        if !self.is_shown {
            self.snapshot.history.extend(self.unseen.drain(..));
            self.shown = Arc::new(self.snapshot.clone());
            self.is_shown = true;
        }
        self.shown.clone()
    }
}

impl Control for Mailbox {
    fn next_order(&self) -> Option<Order> {
        let mut orders = self.orders();
        loop {
            if let Some(order) = orders.queue.pop_front() {
                return Some(order);
            }
            let waits = orders.is_paused && !orders.is_ending;
            self.tell_waiting(&mut orders, waits);
            if !waits {
                return None;
            }
            orders = self.changed.wait(orders).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_ending(&self) -> bool {
        self.orders().is_ending
    }
}

//! Progress messages for work that lasts for more than a second.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Runs `work`, and calls `say` with the seconds that it has lasted after 1 s, 3 s, 7 s, and so on.
pub(crate) fn while_waiting<T>(say: impl Fn(u64) + Send, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        scope.spawn(move || {
            let (mut seconds, mut pause) = (0, 1);
            while is_done.recv_timeout(Duration::from_secs(pause)) == Err(RecvTimeoutError::Timeout) {
                seconds += pause;
                pause *= 2;
                say(seconds);
            }
        });
        // The sender is dropped if `work` panics, too, which ends the other thread.
        let _done = done;
        work()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn only_what_lasts_is_told() {
        let told = Mutex::new(Vec::new());
        let say = |seconds| told.lock().unwrap().push(seconds);
        assert_eq!(while_waiting(say, || 7), 7);
        assert!(told.lock().unwrap().is_empty());
        while_waiting(say, || thread::sleep(Duration::from_millis(1_500)));
        assert_eq!(*told.lock().unwrap(), [1]);
    }
}

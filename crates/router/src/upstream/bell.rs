//! Wakes whoever uses a connection, unless they are the cause themselves.
//!
//! hyper's connection, the sender of a request and the receiver of its answer wake each other, as
//! they may live in different tasks. Here one task drives all three, and would be run once more
//! for each thing that it did itself. So it mutes the bell meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// Rings are passed on.
const OPEN: u8 = 0;
/// Rings are remembered, and none came.
const MUTED: u8 = 1;
/// Rings are remembered, and one came.
const RANG: u8 = 2;

/// A connection's bell. It is muted while nobody uses the connection.
#[derive(Debug)]
pub(super) struct Bell {
    state: AtomicU8,
    user: AtomicWaker,
}

impl Bell {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU8::new(MUTED),
            user: AtomicWaker::new(),
        })
    }

    /// Wakes `user` from now on. What was remembered is forgotten, so the connection must be driven
    /// after this.
    pub(super) fn open(&self, user: &Waker) {
        self.user.register(user);
        self.state.store(OPEN, Ordering::SeqCst);
    }

    /// Wakes nobody from now on.
    pub(super) fn mute(&self) {
        self.state.store(MUTED, Ordering::SeqCst);
    }

    /// Looks at what is driven without being woken by it. When the result is there, the bell stays
    /// muted: the connection must be driven before anything else is waited for.
    pub(super) fn muted<T>(&self, look: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.mute();
        let found = look();
        // Invariant: a ring is either remembered before this or passed on after it.
        if found.is_pending() && self.state.swap(OPEN, Ordering::SeqCst) == RANG {
            self.user.wake();
        }
        found
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let muted = |state| (state != OPEN).then_some(RANG);
        let remembered = self
            .state
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, muted);
        if remembered.is_err() {
            self.user.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn bell() -> (Arc<Bell>, Waker, Arc<Counted>) {
        let (bell, user) = (Bell::new(), Arc::new(Counted::default()));
        bell.open(&Waker::from(user.clone()));
        let ring = Waker::from(bell.clone());
        (bell, ring, user)
    }

    fn woken(user: &Counted) -> usize {
        user.0.load(Ordering::Relaxed)
    }

    #[test]
    fn an_open_bell_wakes_its_user() {
        let (_bell, ring, user) = bell();
        ring.wake_by_ref();
        assert_eq!(woken(&user), 1);
    }

    #[test]
    fn a_ring_while_muted_is_late_if_it_is_still_waited_for() {
        let (bell, ring, user) = bell();
        let looked = bell.muted(|| {
            ring.wake_by_ref();
            assert_eq!(woken(&user), 0);
            Poll::<()>::Pending
        });
        assert!(looked.is_pending());
        assert_eq!(woken(&user), 1);
    }

    #[test]
    fn a_ring_while_muted_is_none_if_the_result_is_there() {
        let (bell, ring, user) = bell();
        let looked = bell.muted(|| {
            ring.wake_by_ref();
            Poll::Ready(())
        });
        assert!(looked.is_ready());
        ring.wake_by_ref();
        assert_eq!(woken(&user), 0);
    }
}

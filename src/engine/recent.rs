//! Raw signals that have just come in, so that deciding them need not read the journal again.
//!
//! Only a shortcut: what is not here is in the journal.

use std::{collections::BTreeMap, sync::Mutex};

use store::Seq;

use crate::intake::RawSignal;

/// How many bytes of bodies are kept at most.
const BYTES_MAX: usize = 8 * 1024 * 1024;
const LOCK: &str = "no holder of this lock panics";

/// Signals by their positions.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    signals: BTreeMap<Seq, RawSignal>,
    bytes: usize,
}

impl Recent {
    /// Keeps a signal for a while; the oldest make room for it.
    pub(crate) fn put(&self, at: Seq, signal: RawSignal) {
        let mut kept = self.0.lock().expect(LOCK);
        kept.bytes += signal.request.body.len();
        kept.signals.insert(at, signal);
        while kept.bytes > BYTES_MAX
            && let Some((_, oldest)) = kept.signals.pop_first()
        {
            kept.bytes -= oldest.request.body.len();
        }
    }

    /// The signal at a position, which is decided now and not needed again.
    pub(crate) fn take(&self, at: Seq) -> Option<RawSignal> {
        let mut kept = self.0.lock().expect(LOCK);
        let signal = kept.signals.remove(&at)?;
        kept.bytes -= signal.request.body.len();
        Some(signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use channel::HookRequest;
    use domain::{AccountId, Time};

    fn signal(bytes: usize) -> RawSignal {
        let request = HookRequest {
            method: "POST".to_owned(),
            topic: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: vec![b' '; bytes],
        };
        RawSignal {
            account: AccountId::new("web"),
            received_at: Time::default(),
            request,
        }
    }

    #[test]
    fn the_oldest_make_room_and_each_is_taken_once() {
        let recent = Recent::default();
        for at in 1..=3 {
            recent.put(Seq(at), signal(BYTES_MAX / 2));
        }
        assert!(recent.take(Seq(1)).is_none(), "it made room");
        assert!(recent.take(Seq(2)).is_some());
        assert!(recent.take(Seq(2)).is_none());
        recent.put(Seq(4), signal(BYTES_MAX / 2));
        assert!(
            recent.take(Seq(3)).is_some(),
            "what was taken made room too"
        );
        recent.put(Seq(5), signal(BYTES_MAX + 1));
        assert!(recent.take(Seq(5)).is_none() && recent.take(Seq(4)).is_none());
        assert_eq!(recent.0.lock().expect(LOCK).bytes, 0);
    }
}

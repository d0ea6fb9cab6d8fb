//! Raw signals that have just come in, so that deciding them need not read the journal again.
//!
//! Only a shortcut: what is not here is in the journal.

use std::{collections::BTreeMap, sync::Mutex};

use store::Seq;

use crate::intake::RawSignal;

/// About how many bytes are kept at most.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// What keeping a signal costs besides its texts.
const SIGNAL_COST_BYTES: usize = 400;
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
        kept.bytes += cost(&signal);
        kept.signals.insert(at, signal);
        while kept.bytes > BYTES_MAX
            && let Some((_, oldest)) = kept.signals.pop_first()
        {
            kept.bytes -= cost(&oldest);
        }
    }

    /// The signal at a position, which is decided now and not needed again. Nor are those before it: they
    /// were decided before they came here.
    pub(crate) fn take(&self, at: Seq) -> Option<RawSignal> {
        let mut kept = self.0.lock().expect(LOCK);
        let later = kept.signals.split_off(&Seq(at.0 + 1));
        let mut over = std::mem::replace(&mut kept.signals, later);
        kept.bytes -= over.values().map(cost).sum::<usize>();
        over.remove(&at)
    }
}

fn cost(signal: &RawSignal) -> usize {
    let request = &signal.request;
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| name.len() + value.len() + SIGNAL_COST_BYTES / 4);
    SIGNAL_COST_BYTES + request.body.len() + request.query.len() + headers.sum::<usize>()
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
            recent.put(Seq(at), signal(BYTES_MAX / 5 * 2));
        }
        assert!(recent.take(Seq(1)).is_none(), "it made room");
        assert!(recent.take(Seq(2)).is_some());
        assert!(recent.take(Seq(2)).is_none());
        recent.put(Seq(4), signal(BYTES_MAX / 5 * 2));
        assert!(recent.take(Seq(4)).is_some());
        assert!(recent.take(Seq(3)).is_none(), "its turn is over");
        assert_eq!(recent.0.lock().expect(LOCK).bytes, 0);
        recent.put(Seq(5), signal(BYTES_MAX + 1));
        assert!(recent.take(Seq(5)).is_none());
        assert_eq!(recent.0.lock().expect(LOCK).bytes, 0);
    }

    #[test]
    fn many_small_ones_are_bounded_too() {
        let recent = Recent::default();
        for at in 1..=100_000 {
            recent.put(Seq(at), signal(1));
        }
        let kept = recent.0.lock().expect(LOCK);
        assert!(kept.bytes <= BYTES_MAX && kept.signals.len() < 25_000);
    }
}

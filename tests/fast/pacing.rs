//! How calls to one channel share its quota, under virtual time.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    HttpPort, Quota, Rest,
    http::{Request, Response, SendError},
};
use domain::Time;
use engine::ports::{
    Clock,
    quota::{Paced, leisurely, urgent},
};
use rehearse::executor::{Executor, Group, Stopped};

/// A channel that answers everything, and notes what came when.
struct Shop {
    clock: Arc<dyn Clock>,
    /// What it answers, for each call.
    answer: fn(&str) -> Response,
    calls: Mutex<Vec<(u64, String)>>,
}

#[async_trait]
impl HttpPort for Shop {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        let path = request.uri().path().to_owned();
        let answer = (self.answer)(&path);
        let at = u64::try_from(self.clock.now().millis()).expect("after the epoch");
        self.calls.lock().expect("whole").push((at, path));
        Ok(answer)
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

fn request(path: &str) -> Request {
    http::Request::builder()
        .uri(path)
        .body(Vec::new())
        .expect("a request")
}

fn ok(_path: &str) -> Response {
    http::Response::new(Vec::new())
}

/// How a call is made.
#[derive(Clone, Copy)]
enum How {
    Urgent,
    Usual,
    Leisurely,
}
use How::{Leisurely, Urgent, Usual};

/// What came to the shop and when, in milliseconds, of calls that were all made at once.
fn made(
    quota: Quota,
    answer: fn(&str) -> Response,
    calls: &[(&'static str, How)],
) -> Vec<(u64, String)> {
    let mut executor = Executor::new(7, Time::EPOCH);
    let group = Group(1);
    let clock = executor.ports(group).clock;
    let shop = Arc::new(Shop {
        clock: Arc::clone(&clock),
        answer,
        calls: Mutex::default(),
    });
    let paced = Arc::new(Paced::new(
        Arc::clone(&shop) as Arc<dyn HttpPort>,
        clock,
        quota,
        Arc::default(),
    ));
    for (path, how) in calls.iter().copied() {
        let paced = Arc::clone(&paced);
        executor.spawn(path, group, async move {
            let call = paced.send(request(path));
            let answer = match how {
                Urgent => urgent(call).await,
                Usual => call.await,
                Leisurely => leisurely(call).await,
            };
            answer.expect("an answer");
        });
    }
    let end = Time::from_millis(3_600_000);
    let stopped = executor.run_until(end, &mut || ControlFlow::Continue(()));
    assert_eq!(stopped, Stopped::Reached);
    let made = shop.calls.lock().expect("whole").clone();
    assert_eq!(made.len(), calls.len(), "none is left over: {made:?}");
    made
}

#[test]
fn what_is_urgent_goes_first_and_the_rest_in_its_turn() {
    let quota = Quota {
        per_second: 1,
        burst: 1,
        rest: None,
        said: None,
    };
    let calls = [
        ("/a", Usual),
        ("/b", Usual),
        ("/c", Usual),
        ("/urgent", Urgent),
    ];
    let made = made(quota, ok, &calls);
    let at = |path: &str| {
        made.iter()
            .position(|(_, made)| made == path)
            .expect("it was made")
    };
    assert!(
        at("/urgent") <= 1,
        "after one at most, which was there before: {made:?}"
    );
    let gaps: Vec<u64> = made.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(
        gaps.iter().all(|gap| *gap >= 1000),
        "a call a second: {made:?}"
    );
    assert!(made[3].0 < 4_000, "and no slower: {made:?}");
}

#[test]
fn urgent_calls_without_end_keep_nobody_out() {
    let quota = Quota {
        per_second: 1,
        burst: 1,
        rest: None,
        said: None,
    };
    let mut calls = vec![("/usual", Usual)];
    calls.extend([("/urgent", Urgent); 60]);
    let made = made(quota, ok, &calls);
    let usual = made
        .iter()
        .find(|(_, path)| path == "/usual")
        .expect("made");
    assert!(usual.0 < 60_000, "{usual:?}");
}

#[test]
fn a_rest_is_kept_by_all_but_the_urgent_and_a_refusal_by_all() {
    let quota = Quota {
        per_second: 1000,
        burst: 1,
        rest: Some(|_| {
            Some(Rest {
                usual: Duration::from_secs(5),
                leisurely: Duration::from_secs(5),
            })
        }),
        said: None,
    };
    let resting = made(
        quota,
        ok,
        &[("/a", Usual), ("/b", Usual), ("/urgent", Urgent)],
    );
    let when = |made: &[(u64, String)], path: &str| {
        made.iter()
            .find(|(_, made)| made == path)
            .expect("it was made")
            .0
    };
    assert!(when(&resting, "/urgent") < 1000, "{resting:?}");
    let (a, b) = (when(&resting, "/a"), when(&resting, "/b"));
    assert!(a.abs_diff(b) >= 5000, "{resting:?}");

    let refused = made(
        Quota {
            rest: None,
            said: None,
            ..quota
        },
        |path| match path {
            "/first" => http::Response::builder()
                .status(429)
                .header("retry-after", "7")
                .body(Vec::new())
                .expect("an answer"),
            _ => http::Response::new(Vec::new()),
        },
        &[("/first", Urgent), ("/urgent", Urgent), ("/usual", Usual)],
    );
    let first = when(&refused, "/first");
    for path in ["/urgent", "/usual"] {
        let at = when(&refused, path);
        assert!(at < first || at >= first + 7000, "{path}: {refused:?}");
    }
}

#[test]
fn the_leisurely_leave_most_of_a_quota_to_others_and_get_their_turn_in_the_end() {
    let quota = Quota {
        per_second: 1,
        burst: 1,
        rest: None,
        said: None,
    };
    let mut calls = vec![("/again", Leisurely); 5];
    calls.extend([("/usual", Usual); 10]);
    let made = made(quota, ok, &calls);
    let again: Vec<u64> = made
        .iter()
        .filter(|(_, path)| path == "/again")
        .map(|(at, _)| *at)
        .collect();
    let gaps = again.windows(2).map(|two| two[1] - two[0]);
    assert!(
        gaps.min() >= Some(1_900),
        "others have two of three: {made:?}"
    );
    let usual = made.iter().rposition(|(_, path)| path == "/usual");
    let usual = made[usual.expect("made")].0;
    assert!(usual <= 15_000, "they keep nobody waiting: {made:?}");
}

#[test]
fn what_is_left_is_told_by_our_pace_and_by_the_channel() {
    let mut executor = Executor::new(7, Time::EPOCH);
    let group = Group(1);
    let clock = executor.ports(group).clock;
    let shop = Arc::new(Shop {
        clock: Arc::clone(&clock),
        answer: ok,
        calls: Mutex::default(),
    });
    let quota = Quota {
        per_second: 1,
        burst: 5,
        rest: None,
        said: Some(|_| {
            Some(channel::Allowance {
                left: 40,
                of: None,
                unit: "calls",
                restored_per_second: None,
            })
        }),
    };
    let meter = Arc::default();
    let paced = Paced::new(shop, clock, quota, Arc::clone(&meter));
    executor.spawn("three calls", group, async move {
        for path in ["/a", "/b", "/c"] {
            paced.send(request(path)).await.expect("an answer");
        }
    });
    let later = Time::from_millis(100);
    executor.run_until(later, &mut || ControlFlow::Continue(()));
    let left = meter.left(later);
    assert_eq!((left.calls, left.calls_most), (Some(2), Some(5)));
    assert_eq!(left.said.map(|said| said.left), Some(40));
    assert_eq!(meter.left(Time::from_millis(10_000)).calls, Some(5));
    assert_eq!(meter.per_second(), Some(1));
}

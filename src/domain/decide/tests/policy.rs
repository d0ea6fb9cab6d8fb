//! Tables of what a policy does about incidents while nobody has chosen.
//!
//! `policy NAME 60 take_from wait [on web] [why gave_way] [up to 500]`: a rule that acts so many seconds
//! after an incident opened; `policy acts #1 [no cancel]`: the schedule looks at the incident of an order.

use std::time::Duration;

use super::{
    super::*,
    reports::eur,
    world::{World, check_in, number},
};
use crate::policy::Step;

pub(super) fn act(world: &mut World, words: &[&str]) {
    match words {
        ["policy", "acts", name, rest @ ..] => {
            let incident = world.incident(name).id;
            let can_cancel = rest.is_empty();
            world.decide(&Signal::FollowPolicy {
                incident,
                can_cancel,
            });
        }
        ["policy", name, after, rest @ ..] => {
            let mut rule = Rule {
                name: (*name).to_owned(),
                account: None,
                why: None,
                sku: None,
                category: None,
                max_value: None,
                then: Vec::new(),
                after: Duration::from_secs(number(after).unsigned_abs()),
            };
            let mut rest = rest.iter();
            while let Some(word) = rest.next() {
                let mut next = || *rest.next().expect("a word");
                match *word {
                    "on" => rule.account = Some(AccountId::new(next())),
                    "why" => rule.why = Some(next().to_owned()),
                    "in" => rule.category = Some(next().to_owned()),
                    "up" => rule.max_value = Some(eur(number(next()))),
                    step => rule.then.extend(
                        Step::ALL
                            .into_iter()
                            .filter(|known| known.way().word() == step),
                    ),
                }
            }
            assert!(!rule.then.is_empty(), "{words:?} does nothing");
            world.incidents.push(rule);
        }
        _ => panic!("{words:?} mean nothing"),
    }
}

fn check(table: &str) -> World {
    check_in(World::new(), table)
}

#[test]
fn a_rule_acts_once_after_its_time() {
    let world = check(
        "policy patience 25 wait
         count MUG 1
         order web #1 MUG:2       => #1 incident late_news
         policy acts #1           => nothing
         days 1
         policy acts #1           => new, #1 chose wait, #1 incident late_news
         policy acts #1           => nothing",
    );
    let choice = world.incident("#1").choice.as_ref().expect("it chose");
    assert_eq!(choice.by, "policy patience");
    assert_eq!(choice.rule.as_deref(), Some("patience"));
}

#[test]
fn rules_follow_each_other_and_end_when_a_person_chooses() {
    check(
        "policy late 172800 cancel_order
         policy first 10 wait
         count MUG 0
         order web #1 MUG:2
         order web #2 MUG:2
         days 1
         policy acts #1           => new, #1 chose wait
         policy acts #1           => nothing
         resolve #2 substitute    => new, #2 chose substitute
         days 2
         policy acts #1           => new, #1 chose cancel_order, intents 1
         policy acts #1           => nothing, intents 1
         policy acts #2           => nothing, #2 chose substitute, intents 1",
    );
}

#[test]
fn a_way_that_cannot_be_done_is_left_out() {
    check(
        "policy p 0 take_from cancel_order
         count MUG 2
         order web #3 unpaid MUG:1
         order web #1 MUG:2           => #1 lacks 1
         policy acts #1               => new, #1 chose take_from, #1 ready, #3 short
         policy acts #3               => new, #3 chose cancel_order, intents 1",
    );
    // One that cannot give all, one that is paid, a channel that does not cancel: nothing is done.
    check(
        "policy p 0 take_from cancel_order
         count MUG 2
         order web #3 unpaid MUG:1
         order web #4 MUG:1
         order web #1 MUG:2           => #1 lacks 2
         policy acts #1 no cancel     => nothing, #1 incident late_news, #3 awaiting_payment
         order web #5 MUG:3/shipped1
         adjust PLATE 1
         policy acts #1               => new, #1 chose cancel_order",
    );
}

#[test]
fn a_rule_is_about_what_it_says() {
    check(
        "policy small 0 wait up 500
         policy goods 0 wait in pots
         policy lost 0 wait why gave_way
         policy market 0 cancel_order on market
         count MUG 1
         order web #1 MUG:2           => #1 incident late_news
         policy acts #1               => nothing
         order market #2 MUG:1
         policy acts #2               => new, #2 chose cancel_order
         category MUG Pots
         policy acts #1               => new, #1 chose wait",
    );
}

#[test]
fn an_incident_that_is_over_is_left_alone() {
    check(
        "policy p 0 cancel_order
         count MUG 1
         order web #1 MUG:2
         adjust MUG 1                 => #1 over covered
         policy acts #1               => nothing, intents 0",
    );
}

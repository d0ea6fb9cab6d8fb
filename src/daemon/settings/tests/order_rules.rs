//! What is told of `[[rules]]` and `[verify]`, with the exact place, and what they mean.

use std::time::Duration;

use domain::{
    order_rules::{Moment, RuleHold, Then},
    stock::LocationId,
    verify::Checks,
};

use super::*;
use crate::settings::{Place, load_rules};

#[test]
fn a_slip_in_a_rule_is_told_at_its_place_with_what_was_meant() {
    check_main(&[
        (
            "[[rules]]\nname = \"a\"\non = \"order.acepted\"\nwhen = \"order.totl > 5\"\nthen = { tag = [\"x\"] }\n",
            &[
                "oneshelf.toml:3:6: no rule is run on `order.acepted` (did you mean `order.accepted`?)",
                "oneshelf.toml:4:9: a condition knows no `order.totl` (did you mean `order.total`?)",
            ],
        ),
        (
            "[[rules]]\nthen = { tag = [\"x\"] }\n",
            &[
                "oneshelf.toml:1:1: a rule needs a `name` (write name = \"expensive abroad\": timelines and \
                 `oneshelf rules` call it so)",
                "oneshelf.toml:1:1: a rule needs `on`: when it is run (there are: order.accepted, order.changed, \
                 order.paid, order.ready, order.shipped)",
            ],
        ),
        (
            "[[rules]]\nname = \"a\"\non = \"order.paid\"\nwhen = \"order.total > 5\"\n",
            &[
                "oneshelf.toml:1:1: this rule does nothing: it needs `then` (write then = { hold = \"look at it\" }, \
                 or tag = [\"…\"], route = \"…\", priority = 5)",
            ],
        ),
        (
            "[[rules]]\nname = \"a\"\non = \"order.paid\"\nthen = { tagg = [\"x\"], hold_for = \"1d\", priority = 1 }\n",
            &[
                "oneshelf.toml:4:10: there is no key `tagg` in `rules.0.then` (did you mean `tag`?)",
                "oneshelf.toml:4:35: `hold_for` is about a hold, and this rule holds nothing (write hold = \"the \
                 reason\" beside it)",
            ],
        ),
        (
            "[[rules]]\nname = \"a\"\non = \"order.paid\"\nwhen = \"'vp' in order.tags and order.payment == 'payed'\"\n\
             then = { tag = [\"vip\"] }\n[[rules]]\nname = \"a\"\non = \"order.paid\"\nwhen = \"ship.country == \
             'Germany' or order.account == 'eu'\"\nthen = { route = \"berln\" }\n[[locations]]\nid = \"berlin\"\n",
            &[
                "oneshelf.toml:4:9: there is no tag `vp` (did you mean `vip`?)",
                "oneshelf.toml:4:49: there is no state of the money `payed` (did you mean `paid`?)",
                "oneshelf.toml:7:8: there are two rules `a` (timelines tell rules by their names: give each its own)",
                "oneshelf.toml:9:25: there is no country `Germany` (two capitals of ISO 3166, such as \"DE\" or \"GB\")",
                "oneshelf.toml:9:55: there is no account `eu` (each account has a file in accounts.d)",
                "oneshelf.toml:10:18: there is no location `berln` (did you mean `berlin`?)",
            ],
        ),
        (
            "[[rules]]\nname = \"\"\non = \"order.paid\"\nwhen = \"order.total > '5'\"\nthen = { hold = \"\", tag = [\" \"] }\n",
            &[
                "oneshelf.toml:2:8: a name must not be empty",
                "oneshelf.toml:4:9: a number (order.total) is compared with a text (\"5\"): that is never so",
            ],
        ),
        (
            "[verify]\nadress = true\narithmetic = 1\nduplicates = \"0s\"\n",
            &[
                "oneshelf.toml:2:1: there is no key `adress` in `verify` (did you mean `address`?)",
                "oneshelf.toml:3:14: expected true or false, found the number 1",
                "oneshelf.toml:4:14: \"0s\" is out of range: a duration is longer than nothing and at most a year (or \
                 \"off\", so that nobody looks)",
            ],
        ),
    ]);
}

#[test]
fn rules_and_checks_mean_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "[verify]\naddress = false\nduplicates = \"off\"\n[[rules]]\nname = \"dear\"\non = \"order.ready\"\nwhen = \
                \"order.total > 500\"\nthen = { hold = \"look\", hold_for = \"2d\", give_up_stock = true, tag = [\"a\", \
                \"b\"], route = \"berlin\", priority = -1 }\n[[locations]]\nid = \"berlin\"\n";
    std::fs::write(folder.path().join("oneshelf.toml"), text).expect("written");
    let settings = load(folder.path(), &Environment::new(), KNOWN).expect("it is good");
    let expected = Checks {
        address: false,
        duplicates: None,
        ..Checks::default()
    };
    assert_eq!(settings.verify.over(Checks::default()), expected);
    let [rule] = settings.rules.as_slice() else {
        panic!("{:?}", settings.rules);
    };
    assert_eq!((rule.name.as_str(), rule.on), ("dear", Moment::Ready));
    assert_eq!(
        rule.when.as_ref().map(|when| when.0.text()),
        Some("order.total > 500")
    );
    let then = Then {
        hold: Some(RuleHold {
            reason: "look".to_owned(),
            settle_within: Some(Duration::from_secs(2 * 24 * 3600)),
            keeps_claim: false,
            ask: None,
        }),
        tag: vec!["a".to_owned(), "b".to_owned()],
        route: Some(LocationId::new("berlin")),
        priority: Some(-1),
        notify: Vec::new(),
    };
    assert_eq!(rule.then, then);
}

#[test]
fn rules_that_are_not_in_force_are_read_against_what_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("candidate.toml");
    let text = "[[rules]]\nname = \"a\"\non = \"order.paid\"\nwhen = \"order.account == 'eu'\"\nthen = { route = \"paris\" }\n";
    std::fs::write(&file, text).expect("written");
    let places = [Place {
        id: LocationId::new("paris"),
        is_channel: false,
    }];
    let accounts = BTreeSet::from(["eu".to_owned()]);
    let rules = load_rules(&file, &accounts, &places).expect("they are good");
    assert_eq!(rules.len(), 1);
    let error = load_rules(&file, &BTreeSet::new(), &[])
        .expect_err("neither is there")
        .render();
    for said in ["there is no account `eu`", "there is no location `paris`"] {
        assert!(error.contains(said), "{error}");
    }
    let gone = folder.path().join("gone.toml");
    let error = load_rules(&gone, &accounts, &places)
        .expect_err("it is not there")
        .render();
    assert!(error.contains("cannot read it"), "{error}");
}

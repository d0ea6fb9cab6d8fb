//! `[[locations]]`: what is told of mistakes in it, and what it means.

use domain::{
    AccountId,
    locations::{Kind, Locations, Ships},
    stock::LocationId,
};

use super::*;

#[test]
fn locations_that_contradict_themselves_are_told_at_their_place() {
    check_main(&[
        (
            "[[locations]]\nname = \"x\"\n[[locations]]\nid = \"Berlin\"\n",
            &[
                "oneshelf.toml:1:1: a location needs an `id` (id = \"berlin\")",
                "oneshelf.toml:4:6: \"Berlin\" cannot be the id of a location; write small letters, \
                 digits and `-`, at most 40",
            ],
        ),
        (
            "[[locations]]\nid = \"a\"\n[[locations]]\nid = \"a\"\nkind = \"shed\"\n",
            &[
                "oneshelf.toml:4:6: there are two locations `a` (the other one is on line 2)",
                "oneshelf.toml:5:8: \"shed\" is not one of warehouse, store, channel",
            ],
        ),
        (
            "[[locations]]\nid = \"a\"\ncountry = \"Germany\"\nnear = [\"AT\", \"x\"]\n",
            &[
                "oneshelf.toml:3:11: \"Germany\" is not a country; write two letters such as \"DE\"",
                "oneshelf.toml:4:15: \"x\" is not near: write a country such as \"AT\", or \"DE-Bayern\"",
            ],
        ),
        (
            "[[locations]]\nid = \"a\"\nserves = [\"nobody\"]\nships = \"no\"\n",
            &[
                "oneshelf.toml:3:11: there is no account `nobody` (there are no accounts: each has a \
               file in accounts.d)",
            ],
        ),
        (
            "[[locations]]\nid = \"a\"\n[[locations]]\nid = \"fba\"\nkind = \"channel\"\nships = \"last\"\n",
            &[
                "oneshelf.toml:3:1: a location that a channel runs serves only that channel's \
                 accounts (serves = [\"amazon-eu\"]: the accounts of the channel that runs it)",
                "oneshelf.toml:6:9: we never ship from what a channel runs (leave `ships` out: the \
                 channel ships from it itself, and nobody else does)",
            ],
        ),
    ]);
}

#[test]
fn what_counts_when_locations_are_chosen_is_checked() {
    check_main(&[
        (
            "[allocation]\nwhen = \"soon\"\nprefer = [\"nearest\", \"cheapest\"]\n",
            &[
                "oneshelf.toml:2:8: \"soon\" is not one of ready, by_hand",
                "oneshelf.toml:3:22: \"cheapest\" is not one of stores_last, fewest_splits, \
                 same_country, nearest, priority (did you mean `nearest`?)",
            ],
        ),
        (
            "[allocation]\nprefer = [\"nearest\", \"priority\", \"nearest\"]\n",
            &[
                "oneshelf.toml:2:34: \"nearest\" stands there already, and the first one counts (leave \
                 this one out)",
            ],
        ),
    ]);
    // What is usual in the settings is what is usual for a decision.
    let usual = Settings::default().allocation.rules();
    assert_eq!(usual.prefer, domain::allocation::Criterion::ALL);
    assert_eq!(usual.when, domain::allocation::When::Ready);
}

#[test]
fn the_example_is_what_it_says() {
    let main = "[[locations]]\nid = \"berlin\"\ncountry = \"de\"\npriority = 1\n\
                [[locations]]\nid = \"shop\"\nkind = \"store\"\nships = \"last\"\n\
                serves = [\"till\"]\nhome_of = [\"till\"]\n\
                [[locations]]\nid = \"fba\"\nkind = \"channel\"\nserves = [\"amazon\"]\n";
    let accounts = ["till", "amazon", "web"].map(str::to_owned).into();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, main).expect("it is written");
    let known = Known {
        connectors: connectors::CONNECTORS,
        schedule: enough_fields,
        now: Time::EPOCH,
    };
    let settings = load_stock(&file, &accounts, known).expect("it is good");
    let [berlin, shop, fba] = settings.locations.as_slice() else {
        panic!("there are three");
    };
    assert_eq!(berlin.country.as_deref(), Some("DE"));
    assert_eq!((shop.kind, shop.ships), (Kind::Store, Ships::Last));
    assert_eq!((fba.kind, fba.ships), (Kind::Channel, Ships::No));
    let locations = Locations::new(settings.locations.clone());
    let home = |account: &str| locations.home_of(&AccountId::new(account)).cloned();
    assert_eq!(home("till"), Some(LocationId::new("shop")));
    assert_eq!(home("amazon"), Some(LocationId::new("fba")));
    assert_eq!(home("web"), None);
    assert_eq!(locations.home(), LocationId::new("berlin"));
    assert!(settings.warnings.is_empty());
}

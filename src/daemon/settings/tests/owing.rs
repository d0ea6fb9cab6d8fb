//! What is told of `backorder` and `preorder`, with the exact place.

use super::*;

#[test]
fn owing_says_how_many_and_by_when() {
    check_main(&[
        (
            "[stock]\nbackorder = { ships_within = \"14d\" }\npreorder = { max = 3 }\n",
            &[
                "oneshelf.toml:2:13: backorder needs `max`: how many may be owed at most (write { max = 20, \
                 ships_within = \"14d\" })",
                "oneshelf.toml:3:12: preorder needs `available_on`: on which day it is there (write { max = \
                 100, available_on = \"2027-01-15\" })",
            ],
        ),
        (
            "[stock]\nbackorder = { max = 3, ships_within = \"soon\" }\npreorder = { max = -1, \
             available_on = \"2027-02-30\" }\n",
            &[
                "oneshelf.toml:2:39: \"soon\" is not a duration; write it like \"30s\", \"10m\" or \"1h 30m\"",
                "oneshelf.toml:3:20: a number of units cannot be negative",
                "oneshelf.toml:3:39: \"2027-02-30\" is not a day; write it like \"2027-01-15\"",
            ],
        ),
        (
            "[[stock.rules]]\nbackorder = { max = 3, within = \"2d\" }\n",
            &[
                "oneshelf.toml:2:13: backorder needs `ships_within`: how soon it ships (write { max = 20, \
                 ships_within = \"14d\" })",
                "oneshelf.toml:2:24: there is no key `within` in `stock.rules.0.backorder` (there are: max, \
                 ships_within)",
            ],
        ),
    ]);
}

#[test]
fn only_goods_that_come_again_are_owed() {
    check_main(&[
        (
            "[[items]]\nsku = \"SET\"\nkind = \"kit\"\ncomponents = { \"A\" = 1 }\n[[stock.rules]]\nsku = \
             \"SET\"\nbackorder = { max = 3, ships_within = \"2d\" }\n",
            &[
                "oneshelf.toml:7:13: `SET` is a kit, and kits are not owed: its components are (say it in a \
                 rule for each component; the kit is owed as often as all of them may be)",
            ],
        ),
        (
            "[[items]]\nsku = \"WRAP\"\nkind = \"service\"\n[[stock.rules]]\nsku = \"WRAP\"\npreorder = { \
             max = 3, available_on = \"2027-01-15\" }\n",
            &["oneshelf.toml:6:12: `WRAP` is a service: it is always there (leave it out)"],
        ),
        (
            "[[stock.rules]]\nsku = \"A\"\nend_when = 1\nbackorder = { max = 3, ships_within = \"2d\" }\n",
            &[
                "oneshelf.toml:4:13: what ends by `end_when` does not come again, so it cannot be owed (leave \
                 out one of them)",
            ],
        ),
        (
            "[stock]\nbackorder = { max = 3, ships_within = \"2d\" }\n[[stock.rules]]\nsku = \"A\"\nbackorder = \
             { max = 0 }\npreorder = { max = 0 }\n",
            &[],
        ),
    ]);
}

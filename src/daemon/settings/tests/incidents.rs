//! What is told of `[[incidents]]`, with the exact place.

use super::*;

#[test]
fn a_rule_about_incidents_says_what_it_does_and_when() {
    check_main(&[
        (
            "[[incidents]]\nwhy = \"late\"\nthen = [\"wiat\", \"substitute\"]\n",
            &[
                "oneshelf.toml:1:1: the rule needs `after`: how long it waits (write after = \"30m\", so \
                 that a person can choose before)",
                "oneshelf.toml:2:7: no incident has the explanation `late` (did you mean `late_news`?)",
                "oneshelf.toml:3:9: there is no way `wiat` (did you mean `wait`?)",
                "oneshelf.toml:3:17: `substitute` needs a person: an amount, a hand, or a talk with the buyer \
                 (a rule can wait, take-from, cancel-order)",
            ],
        ),
        (
            "[[incidents]]\nname = \"a\"\naccount = \"x\"\nmax_value = \"12\"\nafter = \"soon\"\nthen = []\n",
            &[
                "oneshelf.toml:3:11: there is no account `x` (there are no accounts: each has a file in \
                 accounts.d)",
                "oneshelf.toml:4:13: \"12\" is not an amount of money (write it like \"100.00 EUR\")",
                "oneshelf.toml:5:9: \"soon\" is not a duration; write it like \"30s\", \"10m\" or \"1h 30m\"",
                "oneshelf.toml:6:8: this rule does nothing: it needs `then` (write then = [\"take-from\", \
                 \"wait\"])",
            ],
        ),
        (
            "[[incidents]]\nname = \"a\"\nthen = [\"wait\"]\nafter = \"1m\"\n[[incidents]]\nname = \"a\"\nthen = \
             [\"wait\"]\nafter = \"1m\"\n",
            &[
                "oneshelf.toml:6:8: there are two rules `a` (timelines tell rules by their names: give each \
                 its own)",
            ],
        ),
        (
            "[[incidents]]\nthen = [\"wait\", \"take-from\"]\nafter = \"30m\"\n",
            &[
                "oneshelf.toml:2:17: what comes after `wait` is never done (waiting is always possible: write \
                 it last)",
            ],
        ),
        (
            "[[incidents]]\nthen = [\"take-from\", \"wait\"]\nafter = \"30m\"\nmax_value = \"100.00 EUR\"\nwhy = \
             \"late_news\"\n[[incidents]]\nthen = [\"cancel-order\"]\nafter = \"3d\"\n",
            &[],
        ),
    ]);
}

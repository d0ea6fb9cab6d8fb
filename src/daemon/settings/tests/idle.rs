//! What is told of rules that are right by themselves and do nothing.

use super::*;

const KEY: [(&str, &str); 1] = [("KEY", "key-from-outside")];

/// An account that decides about its stock.
fn owner(rest: &str) -> String {
    format!(
        "kind = \"corner\"\n[settings]\nurl = \"https://a.example\"\nkey = {{ env = \"KEY\" }}\n[authority]\n\
         stock = \"channel\"\n{rest}"
    )
}

fn check(main: &str, account: &str, wanted: &[&str]) {
    let files = [("oneshelf.toml", main), ("accounts.d/till.toml", account)];
    assert_eq!(told(&files, &KEY), wanted, "{main}\n{account}");
}

const LEDGER: &str = "(leave it out for that account, or have authority.stock = \"ledger\" there)";

#[test]
fn what_hides_how_many_there_are_is_told_where_the_shop_decides_that() {
    let behind = |place: &str, key: &str| {
        format!(
            "{place}: `till` decides about its stock, and behind `{key}` its number does not say how many \
             there are: what is changed there may not be taken {LEDGER}"
        )
    };
    let own = behind("accounts.d/till.toml:8:10", "buffer");
    check("", &owner("[offer]\nbuffer = 2\n"), &[&own]);
    check("", &owner("[offer]\nbuffer = 0\nshare = \"1/1\"\n"), &[]);
    let plain = owner("").replace("\"channel\"", "\"ledger\"");
    check("[stock]\nbuffer = 2\n", &plain, &[]);
    let wide = behind("oneshelf.toml:2:10", "buffer");
    check("[stock]\nbuffer = 2\n", &owner(""), &[&wide]);
    check(
        "[stock]\nbuffer = 2\n",
        &owner("[offer]\nbuffer = 0\n"),
        &[],
    );
    let rule = "[[stock.rules]]\naccount = \"till\"\nsku = \"A\"\n";
    let max = behind("oneshelf.toml:4:7", "max");
    check(&format!("{rule}max = 3\n"), &owner(""), &[&max]);
    let exclude = behind("oneshelf.toml:4:11", "exclude");
    check(&format!("{rule}exclude = true\n"), &owner(""), &[&exclude]);
}

#[test]
fn a_preorder_whose_day_has_come_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        "[[stock.rules]]\nsku = \"A\"\npreorder = { max = 3, available_on = \"2027-01-15\" }\n";
    fs::write(folder.path().join("oneshelf.toml"), text).expect("it can be written");
    for (now, count) in [
        ("2027-01-14T23:59:59Z", 0),
        ("2027-01-15T00:00:00Z", 1),
        ("2027-03-01T00:00:00Z", 1),
    ] {
        let known = Known {
            now: now.parse().expect("a time"),
            ..KNOWN
        };
        let settings = load(folder.path(), &Environment::new(), known).expect("it is good");
        assert_eq!(settings.warnings.len(), count, "{now}");
        for warning in &settings.warnings {
            assert!(
                warning.problem.starts_with("this day has come"),
                "{warning}"
            );
            assert!(
                warning.at.to_string().ends_with("oneshelf.toml:3:38"),
                "{warning}"
            );
        }
    }
}

#[test]
fn a_category_owes_no_kits() {
    let items = "[[items]]\nsku = \"SET\"\nkind = \"kit\"\ncategory = \"Tea\"\ncomponents = { \"A\" = 1 }\n";
    check_main(&[
        (
            &format!(
                "{items}[[stock.rules]]\ncategory = \"tea\"\nbackorder = {{ max = 3, ships_within = \"2d\" }}\n"
            ),
            &[
                "oneshelf.toml:8:13: this does nothing for `SET`: kits are not owed, their components are (say it \
                 for each component; the kit is owed as often as all of them may be)",
            ],
        ),
        (
            &format!(
                "{items}[[stock.rules]]\ncategory = \"tins\"\nbackorder = {{ max = 3, ships_within = \"2d\" }}\n"
            ),
            &[],
        ),
    ]);
}

#[test]
fn a_wide_end_that_takes_a_backorder_away_is_told() {
    let plain = owner("").replace("\"channel\"", "\"ledger\"");
    let rule = "[[stock.rules]]\nsku = \"A\"\nbackorder = { max = 3, ships_within = \"2d\" }\n";
    let ended = |line: usize| {
        format!(
            "oneshelf.toml:{line}:13: a wider `end_when` ends the listing on `till` when the last one is sold: \
             then nothing is owed there (say end_when = \"never\" here too)"
        )
    };
    check(
        &format!("[stock]\nend_when = 0\n{rule}"),
        &plain,
        &[&ended(5)],
    );
    check(
        rule,
        &plain.replace("[authority]", "[offer]\nend_when = 0\n[authority]"),
        &[&ended(3)],
    );
    for end in [
        "[[stock.rules]]\nsku = \"B\"\nend_when = 0\n",
        "[[stock.rules]]\ncategory = \"tea\"\nend_when = 0\n",
    ] {
        check(&format!("{end}{rule}"), &plain, &[]);
    }
    // The narrowest that says it decides.
    for kept in [
        format!("[stock]\nend_when = 0\n{rule}end_when = \"never\"\n"),
        format!(
            "[stock]\nend_when = 0\n[[stock.rules]]\naccount = \"till\"\nend_when = \"never\"\n{rule}"
        ),
    ] {
        check(&kept, &plain, &[]);
    }
    let items = "[[items]]\nsku = \"A\"\ncategory = \"tea\"\n";
    let of_category = "[[stock.rules]]\ncategory = \"tea\"\nend_when = 0\n";
    check(&format!("{items}{of_category}{rule}"), &plain, &[&ended(9)]);
}

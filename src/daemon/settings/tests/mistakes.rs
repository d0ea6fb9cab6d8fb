//! Tables of configurations and what is told of them, with the exact place.

use super::*;

const CLEAR: &str = "a secret stands here in clear (put it into a file that only root can read, \
                     and write { credential = \"…\" } or { file = \"…\" } here)";

#[test]
fn unknown_keys_are_told_with_what_was_meant() {
    check_main(&[
        (
            "[store]\ndri = \"/x\"\n",
            &["oneshelf.toml:2:1: there is no key `dri` in `store` (did you mean `dir`?)"],
        ),
        (
            "stok = 1\n",
            &["oneshelf.toml:1:1: there is no key `stok` (did you mean `stock`?)"],
        ),
        (
            "[store]\r\n\tpath = 1\r\n",
            &["oneshelf.toml:2:2: there is no key `path` in `store` (there are: dir, free_min)"],
        ),
        (
            "[[items]]\nsku = \"A\"\n[[items]]\nsku = \"B\"\ntitel = \"b\"\n",
            &["oneshelf.toml:5:1: there is no key `titel` in `items.1` (did you mean `title`?)"],
        ),
        (
            "schedule.pol = \"1m\"\n",
            &["oneshelf.toml:1:10: there is no key `pol` in `schedule` (did you mean `poll`?)"],
        ),
        (
            "[accounts.eu]\nkind = \"x\"\n",
            &[
                "oneshelf.toml:1:2: there is no key `accounts` (each account has a file of its own: \
               accounts.d/<account>.toml)",
            ],
        ),
    ]);
}

#[test]
fn values_of_the_wrong_sort_are_told_with_the_right_one() {
    check_main(&[
        (
            "[log]\nformat = \"jsn\"\nlevel = 3\n",
            &[
                "oneshelf.toml:2:10: \"jsn\" is not one of auto, text, json (did you mean `json`?)",
                "oneshelf.toml:3:9: expected one of error, warn, info, debug, trace, found the \
                 number 3",
            ],
        ),
        (
            "listen = 5\n[store]\ndir = [\"/x\"]\nfree_min = \"lots\"\n",
            &[
                "oneshelf.toml:1:10: expected a table, found the number 5",
                "oneshelf.toml:3:7: expected a path, found a list",
                "oneshelf.toml:4:12: \"lots\" is not a size; write it like \"1MiB\", \"512KiB\" or \
                 \"64kB\"",
            ],
        ),
        (
            "[schedule]\npoll = 30\nreread = \"10 bananas\"\n",
            &[
                "oneshelf.toml:2:8: expected a duration such as \"30s\", found the number 30",
                "oneshelf.toml:3:10: \"10 bananas\" is not a duration; write it like \"30s\", \
                 \"10m\" or \"1h 30m\"",
            ],
        ),
        (
            "[listen]\npublic = \"8080\"\n",
            &["oneshelf.toml:2:10: expected an address and port such as \"127.0.0.1:8080\""],
        ),
        (
            "[stock]\nbuffer = -1\nshare = \"5/4\"\nmax = 1.5\n",
            &[
                "oneshelf.toml:2:10: a number of units cannot be negative",
                "oneshelf.toml:3:9: \"5/4\" is not a share; write a ratio from 0 to 1 such as \
                 \"4/5\"",
                "oneshelf.toml:4:7: expected a number of units such as 2 or \"0.25\", found the \
                 number 1.5",
            ],
        ),
        (
            "items = [5, { sku = \"A\", kind = \"kti\" }]\n",
            &[
                "oneshelf.toml:1:10: expected a table, found the number 5",
                "oneshelf.toml:1:33: \"kti\" is not one of good, kit, service (did you mean `kit`?)",
            ],
        ),
        (
            "[network]\nallow_private = \"yes\"\n",
            &["oneshelf.toml:2:17: expected true or false, found the text \"yes\""],
        ),
        (
            "[limits]\nconnections = -1\nread_timeout = \"0s\"\n",
            &[
                "oneshelf.toml:2:15: expected a whole number from 0 on, found the number -1",
                "oneshelf.toml:3:16: \"0s\" is out of range: a duration is longer than nothing and \
                 at most a year",
            ],
        ),
    ]);
}

#[test]
fn what_is_not_toml_is_told_at_its_place() {
    check_main(&[
        (
            "[limits\nbody_bytes = 1\n",
            &["oneshelf.toml:1:8: this is not TOML: unclosed table, expected `]`"],
        ),
        (
            "a = 1\na = 2\n",
            &["oneshelf.toml:2:1: this is not TOML: duplicate key"],
        ),
    ]);
    let (folder, loaded) = load_files(&[("oneshelf.toml", "")], &[]);
    assert!(loaded.is_ok());
    fs::write(
        folder.path().join("oneshelf.toml"),
        b"# \xc3\xa4\n# b\xff\n",
    )
    .expect("written");
    let Err(LoadError::Mistakes(mistakes)) = load(folder.path(), &Environment::new(), KNOWN) else {
        panic!("it is not UTF-8");
    };
    assert!(mistakes[0].at.to_string().ends_with("/oneshelf.toml:2:4"));
}

#[test]
fn settings_must_make_sense_together() {
    check_main(&[
        (
            "[listen]\nadmin = \"0.0.0.0:8081\"\n",
            &[
                "oneshelf.toml:2:9: the admin listener is without TLS and must stay on this machine \
               (listen on 127.0.0.1, and put a reverse proxy with TLS before it)",
            ],
        ),
        (
            "[listen]\npublic = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:1\"\n",
            &["oneshelf.toml:3:9: both listeners have the same address"],
        ),
        (
            "public_url = \"shop.example.com\"\n",
            &[
                "oneshelf.toml:1:14: expected the address of a server such as \
               \"https://shop.example.com\"",
            ],
        ),
        (
            "public_url = \"https://shop.example.com/\"\n",
            &["oneshelf.toml:1:14: leave out the slash at the end"],
        ),
        (
            "[schedule]\nreconcile = \"* * *\"\n",
            &["oneshelf.toml:2:13: this has 3 fields, not 6 (seconds, \
               minutes, hours, days, months, weekdays: \"0 */15 * * * *\")"],
        ),
        (
            "[backup]\nat = \"* * *\"\nkeep = 0\ndir = \"backups\"\n",
            &[
                "oneshelf.toml:2:6: this has 3 fields, not 6 (minutes, hours, days, months, \
                 weekdays, in UTC: \"0 3 * * *\")",
                "oneshelf.toml:3:8: without one that is kept there is no backup; the least is 1",
                "oneshelf.toml:4:7: write the whole path, from `/` on",
            ],
        ),
        (
            "[backup]\ndir = \"/var/lib/oneshelf/store/backups\"\n",
            &[
                "oneshelf.toml:2:7: this folder belongs to the store alone; a copy inside it goes \
                 where it goes",
            ],
        ),
        (
            "[limits]\nbody_bytes = \"1GiB\"\nconnections = 0\n[store]\ndir = \"\"\n",
            &[
                "oneshelf.toml:2:14: a hook's body is 1KiB to 8MiB long",
                "oneshelf.toml:3:15: without a connection nothing is received",
                "oneshelf.toml:5:7: the store needs a folder",
            ],
        ),
        (
            "[stock]\nopening = \"eu\"\n",
            &[
                "oneshelf.toml:2:11: there is no account `eu` (there are no accounts: each has a \
               file in accounts.d)",
            ],
        ),
    ]);
}

#[test]
fn rules_and_items_must_make_sense() {
    check_main(&[
        (
            "[[stock.rules]]\n[[stock.rules]]\nexclude = true\nmax = 3\n",
            &[
                "oneshelf.toml:1:1: this rule changes nothing (say one of buffer, max, share, \
                 zero_below, end_when, last_units, backorder, preorder, formula, or exclude = true)",
                "oneshelf.toml:3:11: what is excluded is not offered at all: the rest of this rule \
                 means nothing (leave out either exclude or the others)",
            ],
        ),
        (
            "[[stock.rules]]\nsku = \"\"\nmax = 1\n[[stock.rules]]\nsku = \"A\"\nmax = \"0.5\"\n",
            &[
                "oneshelf.toml:2:7: a SKU must not be empty",
                "oneshelf.toml:6:7: the item has 0 decimals, this number has more (give the item a \
                 `scale` in [[items]])",
            ],
        ),
        (
            "[stock]\nbuffer = \"0.5\"\n",
            &[
                "oneshelf.toml:2:10: only whole units here: items differ in their decimals (say \
               fractions in [[stock.rules]], with the `sku` of an item that has them)",
            ],
        ),
        (
            "[[items]]\nkind = \"kit\"\n",
            &[
                "oneshelf.toml:1:1: an item needs a `sku`",
                "oneshelf.toml:2:8: a kit needs components (components = { \"MUG-1\" = 2, \"BOX\" = \
                 1 })",
            ],
        ),
        (
            "[[items]]\nsku = \"A\"\n[[items]]\nsku = \"A\"\nscale = 9\n",
            &[
                "oneshelf.toml:4:7: there are two items `A` (the other one is on line 2)",
                "oneshelf.toml:5:9: an item has at most 6 decimals",
            ],
        ),
        (
            "[[items]]\nsku = \"K\"\nkind = \"kit\"\ncomponents = { K = 1, L = 0, \"M 1\" = \"x\", \
             N = \"0.5\" }\n",
            &[
                "oneshelf.toml:4:20: `K` is a kit itself, and a kit holds no kits (list what is in \
                 it instead)",
                "oneshelf.toml:4:27: a kit holds more than none of it",
                "oneshelf.toml:4:38: \"x\" is not a number of units; write 2, or \"0.25\" with the \
                 quotes",
                "oneshelf.toml:4:47: the item has 0 decimals, the quantity has more: round it",
            ],
        ),
        (
            "[[items]]\nsku = \"G\"\ncomponents = { L = 1 }\n",
            &[
                "oneshelf.toml:3:14: only a kit has components (write kind = \"kit\", or leave the \
               components out)",
            ],
        ),
    ]);
}

#[test]
fn offer_rules_say_something_that_can_be_meant() {
    check_main(&[
        (
            "[stock]\nzero_below = -1\nend_when = \"nevr\"\nlast_units = { below = 3 }\n",
            &[
                "oneshelf.toml:2:14: a number of units cannot be negative",
                "oneshelf.toml:3:12: \"nevr\" is neither \"never\" nor a number of units",
                "oneshelf.toml:4:14: last_units needs `only`: who still shows them (write { below = 3, \
                 only = [\"till\"] })",
            ],
        ),
        (
            "[stock]\nlast_units = { only = [] }\n[[stock.rules]]\nlast_units = { below = 2, only = \
             [\"till\"], untl = 1 }\n",
            &[
                "oneshelf.toml:2:14: last_units needs `below`: how many are the last ones (write { below \
                 = 3, only = [\"till\"] })",
                "oneshelf.toml:4:35: there is no account `till` (there are no accounts: each has a file \
                 in accounts.d)",
                "oneshelf.toml:4:44: there is no key `untl` in `stock.rules.0.last_units` (there are: \
                 below, only)",
            ],
        ),
        (
            "[[stock.rules]]\nsku = \"A\"\ncategory = \"b\"\nmax = 1\n[[stock.rules]]\ncategory = \" \
             \"\nend_when = \"0.5\"\n",
            &[
                "oneshelf.toml:3:12: a rule is about a SKU or about a category, not about both (leave \
                 out one of them; the SKU is the narrower one)",
                "oneshelf.toml:6:12: a category must not be empty",
                "oneshelf.toml:7:12: only whole units here: items differ in their decimals (say \
                 fractions in [[stock.rules]], with the `sku` of an item that has them)",
            ],
        ),
        (
            "[[items]]\nsku = \"A\"\ncategory = \"Mugs\"\n[[stock.rules]]\ncategory = \"mgus\"\nmax = \
             1\n[[stock.rules]]\ncategory = \"mugs\"\nmax = 1\n[[stock.rules]]\ncategory = \
             \"Home & Garden\"\nmax = 1\n",
            &["oneshelf.toml:5:12: no item here is of the category `mgus` (did you mean `Mugs`?)"],
        ),
        (
            "[stock]\nfloor = 3\n",
            &[
                "oneshelf.toml:2:1: there is no key `floor` in `stock` (write zero_below = 3: an offer \
                 below that is shown as 0)",
            ],
        ),
        (
            "[stock]\nzero_below = 0\nend_when = \"never\"\nlast_units = { below = 0 }\n\
             [[stock.rules]]\nsku = \"A\"\nzero_below = 2\nend_when = 1\n",
            &[],
        ),
    ]);
}

#[test]
fn last_units_that_nobody_else_could_show_change_nothing() {
    let files = [
        (
            "oneshelf.toml",
            "[[stock.rules]]\naccount = \"a\"\nlast_units = { below = 2, only = [\"a\"] }\n",
        ),
        (
            "accounts.d/a.toml",
            "kind = \"corner\"\nsettings = { url = \"https://a\", key = { env = \"KEY\" } }\n[offer]\n\
             zero_below = \"x\"\n",
        ),
    ];
    assert_eq!(
        told(&files, &[("KEY", "key-from-outside")]),
        [
            "oneshelf.toml:3:34: this rule is about `a` alone, which may show the last units: it changes \
             nothing (leave out `account`, so that it is about the others)",
            "accounts.d/a.toml:4:14: \"x\" is not a number of units; write 2, or \"0.25\" with the quotes",
        ]
    );
}

#[test]
fn buffers_that_tune_themselves_and_formulas_can_be_reckoned_with() {
    check_main(&[
        (
            "[stock]\nbuffer = \"atuo\"\nbuffer_min = 5\nbuffer_max = 2000\noversell_risk = 0.7\n\
             [[stock.rules]]\nsku = \"A\"\nbuffer_min = 3\nbuffer_max = 2\n",
            &[
                "oneshelf.toml:2:10: \"atuo\" is neither \"auto\" nor a number of units",
                "oneshelf.toml:4:14: an automatic buffer holds at most 1000",
                "oneshelf.toml:5:17: \"0.7\" is not a risk; write 0.001 or \"1/1000\", from one in a \
                 million to one half",
                "oneshelf.toml:8:14: buffer_min 3 is more than buffer_max 2",
            ],
        ),
        (
            "[stock]\nformula = \"sellable - bufer\"\n[[stock.rules]]\nsku = \"A\"\nformula = 'sellable - * 2'\n\
             [[stock.rules]]\nsku = \"B\"\nformula = \"100 // sellable\"\n[[stock.rules]]\nsku = \"C\"\n\
             formula = \"smaller(shared - buffer, 3) if sellable > 2 else 0\"\n",
            &[
                "oneshelf.toml:2:23: a formula knows no `bufer` (did you mean `buffer`?)",
                "oneshelf.toml:5:23: unexpected `*`",
                "oneshelf.toml:8:11: with sellable = 0 and buffer = 0: unable to calculate 100 // 0",
            ],
        ),
        (
            "[stock]\nbuffer = \"auto\"\nbuffer_max = 5\noversell_risk = 0.001\n[[stock.rules]]\nsku \
             = \"A\"\noversell_risk = \"1/500\"\n",
            &[],
        ),
    ]);
}

#[test]
fn places_of_secrets_are_checked() {
    check_main(&[
        (
            "[admin]\ntoken = \"short\"\n",
            &[
                &format!("oneshelf.toml:2:9: {CLEAR}"),
                "oneshelf.toml:2:9: an admin token has at least 32 characters (make one: head -c 32 \
                 /dev/urandom | base64)",
            ],
        ),
        (
            "[admin]\ntoken = { fil = \"/x\" }\n",
            &["oneshelf.toml:2:11: a secret cannot come from `fil` (did you mean `file`?)"],
        ),
        (
            "[admin]\ntoken = { file = \"/none\" }\n",
            &["oneshelf.toml:2:9: cannot read /none: No such file or directory (os error 2)"],
        ),
        (
            "[admin]\ntoken = 5\n",
            &["oneshelf.toml:2:9: expected a text, or a place such as { file = \"…\" }"],
        ),
        (
            "[admin]\ntoken = { credential = \"admin-token\" }\n",
            &[
                "oneshelf.toml:2:11: there are no credentials here: CREDENTIALS_DIRECTORY is not set, \
                 and there is no folder `credentials` beside oneshelf.toml (write the secret to \
                 credentials/admin-token; a service gets it by \
                 LoadCredential=admin-token:/etc/oneshelf/credentials/admin-token)",
            ],
        ),
        (
            "[admin]\ntoken = { env = \"NONE\", file = \"/x\" }\n",
            &[
                "oneshelf.toml:2:9: a secret stands in one place (write one of { file = \"…\" }, \
               { credential = \"…\" } or { env = \"…\" })",
            ],
        ),
    ]);
}

#[test]
fn accounts_are_checked_by_their_connector() {
    check_account(&[
        (
            "",
            &[
                "accounts.d/eu-shop.toml:1:1: the key `kind` is missing: it says what kind of \
               channel this is (there are: corner)",
            ],
        ),
        (
            "kind = \"cornr\"\nmode = \"alive\"\n",
            &[
                "accounts.d/eu-shop.toml:1:8: there is no channel `cornr` (did you mean `corner`?)",
                "accounts.d/eu-shop.toml:2:8: \"alive\" is not one of off, observe, live (did you \
                 mean `live`?)",
            ],
        ),
        (
            "kind = \"corner\"\n[settings]\nsort = \"till\"\n",
            &[
                "accounts.d/eu-shop.toml:2:2: the key `url` is missing in `settings` (Where the \
                 shop is.)",
                "accounts.d/eu-shop.toml:2:2: the key `key` is missing in `settings` (The key of \
                 the API.)",
            ],
        ),
        (
            "kind = \"corner\"\n[settings]\nurl = 5\nkey = 7\nsort = \"tilll\"\nplace = []\n\
             page_size = 1000\n",
            &[
                "accounts.d/eu-shop.toml:3:7: expected a text, found the number 5",
                "accounts.d/eu-shop.toml:4:7: expected a text, or a place such as { file = \"…\" }",
                "accounts.d/eu-shop.toml:5:8: \"tilll\" is not one of shop, till (did you mean \
                 `till`?)",
                "accounts.d/eu-shop.toml:6:1: there is no key `place` in `settings` (did you mean \
                 `places`?)",
                "accounts.d/eu-shop.toml:7:13: expected a whole number from 0 to 255, found the \
                 number 1000",
            ],
        ),
        (
            "kind = \"corner\"\npoll = \"soon\"\n[settings]\nurl = \"http://a\"\nkey = { env = \
             \"NONE\" }\npage_size = 0\n[offer]\nmx = 3\n",
            &[
                "accounts.d/eu-shop.toml:2:8: \"soon\" is not a duration; write it like \"30s\", \
                 \"10m\" or \"1h 30m\"",
                "accounts.d/eu-shop.toml:5:15: the variable NONE is not set",
                "accounts.d/eu-shop.toml:8:1: there is no key `mx` in `offer` (did you mean `max`?)",
            ],
        ),
        (
            "kind = \"corner\"\ncalls_per_second = 0\n[settings]\nurl = \"https://a\"\nkey = { env = \
             \"NONE\" }\n",
            &[
                "accounts.d/eu-shop.toml:2:20: expected a whole number from 1 to 1000",
                "accounts.d/eu-shop.toml:5:15: the variable NONE is not set",
            ],
        ),
        (
            "kind = \"corner\"\nsettings = 5\n",
            &["accounts.d/eu-shop.toml:2:12: expected a table, found the number 5"],
        ),
    ]);
}

#[test]
fn a_connector_is_asked_again_until_it_finds_no_more() {
    let files = |text: &'static str| [("oneshelf.toml", ""), ("accounts.d/eu-shop.toml", text)];
    let environment = [("KEY", "key-from-outside"), ("BAD", "from-outside")];
    for (text, wanted) in [
        (
            "kind = \"corner\"\n[settings]\nurl = \"http://a\"\nkey = { env = \"BAD\" }\n\
             page_size = 0\n",
            vec![
                "accounts.d/eu-shop.toml:3:7: the shop must be reached by https",
                // The connector repeats the key in its sentence; we do not.
                "accounts.d/eu-shop.toml:4:7: … does not begin with key-",
                "accounts.d/eu-shop.toml:5:13: a page holds something",
            ],
        ),
        (
            "kind = \"corner\"\n[settings]\nurl = \"ftp\"\nkey = { env = \"KEY\" }\n\
             places = [{ id = 1 }, { id = \"a\" }]\n",
            vec![
                "accounts.d/eu-shop.toml:3:7: the shop must be reached by https",
                "accounts.d/eu-shop.toml:5:30: expected a whole number from 0 on, found the text \
                 \"a\"",
            ],
        ),
        (
            "kind = \"corner\"\n[settings]\nurl = \"https://a\"\nkey = { env = \"KEY\" }\n\
             sort = \"till\"\n",
            vec!["accounts.d/eu-shop.toml:2:2: a till has a place with a token"],
        ),
        (
            "kind = \"corner\"\n[settings]\nurl = \"https://a\"\nkey = { env = \"KEY\" }\n\
             sort = \"till\"\nplaces = [{ id = 1, token = { env = \"KEY\" } }]\n",
            vec![],
        ),
    ] {
        assert_eq!(told(&files(text), &environment), wanted, "{text}");
    }
}

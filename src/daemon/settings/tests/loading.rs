//! What a good configuration becomes, how mistakes are shown, and what must never be shown.

use super::*;

const GOOD_ACCOUNT: &str = "\
kind = \"corner\"
mode = \"live\"
poll = \"5s\"
[settings]
url = \"https://a.example\"
key = { env = \"KEY\" }
[offer]
buffer = 1
";

#[test]
fn the_environment_is_told_by_the_name_of_the_variable() {
    let files = [
        ("oneshelf.toml", "[store]\ndir = 5\n"),
        (
            "accounts.d/EU shop.toml",
            "kind = \"corner\"\nsettings = { url = \"https://a\" }\n",
        ),
        ("accounts.d/a-b.toml", GOOD_ACCOUNT),
        ("accounts.d/notes.txt", "no account"),
        ("accounts.d/.hidden.toml", "no account"),
    ];
    let environment = [
        ("KEY", "key-from-outside"),
        ("ONESHELF__", "x"),
        ("ONESHELF__A B", "x"),
        ("ONESHELF__ACCOUNTS__A_B", "x"),
        ("ONESHELF__ACCOUNTS__A_B__MODE", "alive"),
        ("ONESHELF__ACCOUNTS__A_B__SETTINGS__URL", "http://x"),
        ("ONESHELF__ACCOUNTS__A_C__MODE", "live"),
        ("ONESHELF__ADMIN__TOKEN", "x"),
        ("ONESHELF__LOG__LEVEL", "warning"),
        ("ONESHELF__STORE__DIR", "7"),
        ("ONESHELF__STORE__DRI", "/x"),
    ];
    assert_eq!(
        told(&files, &environment),
        [
            "env:ONESHELF__: no key has such a name",
            "env:ONESHELF__A B: no key has such a name",
            "env:ONESHELF__ACCOUNTS__A_B: this names an account and no key of it",
            "env:ONESHELF__ACCOUNTS__A_C__MODE: there is no account `a_c` (did you mean `a-b`?)",
            "env:ONESHELF__LOG__LEVEL: \"warning\" is not one of error, warn, info, debug, trace \
             (did you mean `warn`?)",
            "env:ONESHELF__STORE__DIR: expected a path, found the number 7",
            "env:ONESHELF__STORE__DRI: there is no key `dri` in `store` (did you mean `dir`?)",
            "env:ONESHELF__ADMIN__TOKEN: an admin token has at least 32 characters (make one: head \
             -c 32 /dev/urandom | base64)",
            "accounts.d/EU shop.toml: `EU shop` cannot be the id of an account (name the file with \
             small letters, digits and `-`, at most 40: eu-shop.toml)",
            "accounts.d/EU shop.toml:2:1: the key `key` is missing in `settings` (The key of the \
             API.)",
            "env:ONESHELF__ACCOUNTS__A_B__MODE: \"alive\" is not one of off, observe, live (did \
             you mean `live`?)",
            "env:ONESHELF__ACCOUNTS__A_B__SETTINGS__URL: the shop must be reached by https",
        ]
    );
}

#[test]
fn a_good_configuration_is_read_with_the_origin_of_each_value() {
    let main = "\
public_url = \"https://hooks.example.com\"
[stock]
opening = \"eu-shop\"
buffer = 2
unpaid_for = \"2 days\"
[[stock.rules]]
account = \"eu-shop\"
sku = \"CLOTH\"
max = \"2.5\"
[[items]]
sku = \"CLOTH\"
scale = 1
[[items]]
sku = \"SET\"
kind = \"kit\"
title = \"A set\"
components = { CLOTH = \"0.5\", MUG = 2 }
";
    let files = [
        ("oneshelf.toml", main),
        ("accounts.d/eu-shop.toml", GOOD_ACCOUNT),
    ];
    let environment = [
        ("KEY", "key-from-outside"),
        ("ONESHELF__STORE__DIR", "/srv/shelf"),
        ("ONESHELF__ADMIN__TOKEN", "0123456789abcdef0123456789abcdef"),
    ];
    let (folder, loaded) = load_files(&files, &environment);
    let settings = loaded.expect("it is good");
    assert_eq!(settings.warnings, []);
    assert_eq!(settings.store.dir.to_str(), Some("/srv/shelf"));
    assert_eq!(settings.store.free_min, None);
    let eu_shop = AccountId::from("eu-shop");
    assert_eq!(settings.stock.opening, Some(eu_shop.clone()));
    let two_days = std::time::Duration::from_secs(2 * 24 * 3600);
    assert_eq!(settings.stock.unpaid_for, Some(two_days));
    assert_eq!(settings.accounts[&eu_shop].unpaid_for, None);
    assert_eq!(settings.stock.rules[0].offer.max, "2.5".parse().ok());
    assert_eq!(settings.items[0].title, "CLOTH");
    assert_eq!(settings.items[1].components.len(), 2);
    let account = &settings.accounts[&eu_shop];
    assert_eq!(
        (account.kind.as_str(), account.mode),
        ("corner", Mode::Live)
    );
    assert_eq!(account.settings["key"], "key-from-outside");

    let name = folder.path().join("oneshelf.toml").display().to_string();
    assert_eq!(settings.origin("log.level"), Origin::Default);
    assert_eq!(
        settings.origin("stock.buffer"),
        Origin::File { name, line: 4 }
    );
    assert_eq!(
        settings.origin("store.dir"),
        Origin::Environment {
            name: "ONESHELF__STORE__DIR".to_owned()
        }
    );
    let name = folder.path().join("accounts.d/eu-shop.toml");
    assert_eq!(
        settings.origin("accounts.eu-shop.mode"),
        Origin::File {
            name: name.display().to_string(),
            line: 2
        }
    );
    let printed = format!("{settings:?}");
    assert!(!printed.contains("key-from-outside") && !printed.contains("0123456789abcdef"));
}

#[test]
fn the_path_of_the_main_file_does_as_well() {
    let (folder, _) = load_files(
        &[("oneshelf.toml", ""), ("other.toml", "[log]\nlevel = 1")],
        &[],
    );
    let environment = Environment::new();
    assert!(load(&folder.path().join("oneshelf.toml"), &environment, KNOWN).is_ok());
    assert!(load(&folder.path().join("other.toml"), &environment, KNOWN).is_err());
}

#[test]
fn without_a_service_manager_credentials_are_beside_the_configuration() {
    let text = "[admin]\ntoken = { credential = \"admin-token\" }\n";
    let (folder, loaded) = load_files(&[("oneshelf.toml", text)], &[]);
    assert!(loaded.is_err());
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).expect("a folder");
    fs::write(credentials.join("admin-token"), "x".repeat(40)).expect("written");
    let settings = load(folder.path(), &Environment::new(), KNOWN).expect("it is there");
    assert_eq!(
        settings.admin.token.map(|token| token.expose().len()),
        Some(40)
    );
    // A service manager's folder is the only one, even when a credential is missing in it.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let environment = Environment::from([(
        "CREDENTIALS_DIRECTORY".to_owned(),
        elsewhere.path().display().to_string(),
    )]);
    assert!(load(folder.path(), &environment, KNOWN).is_err());
}

#[test]
fn no_configuration_is_an_error_of_its_own_and_names_the_demo() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = load(folder.path(), &Environment::new(), KNOWN).expect_err("it is empty");
    assert!(
        matches!(&error, LoadError::Absent { looked_for } if looked_for.ends_with("oneshelf.toml"))
    );
    assert!(error.render().contains("oneshelf demo"));
    assert!(error.render_json().contains("oneshelf demo"));
}

#[test]
fn mistakes_are_drawn_for_people_and_listed_for_programs() {
    let text = "# ä\n[log]\nformat = \"jsn\"\n";
    let (folder, loaded) = load_files(&[("oneshelf.toml", text)], &[]);
    let error = loaded.expect_err("there is a mistake");
    let name = folder.path().join("oneshelf.toml").display().to_string();
    assert_eq!(
        error.render().replace(&name, "oneshelf.toml"),
        "\
error: \"jsn\" is not one of auto, text, json
  --> oneshelf.toml:3:10
   |
 3 | format = \"jsn\"
   |          ^^^^^
  = help: did you mean `json`?

error: the configuration has 1 mistake
"
    );
    let lines = error.render_json();
    let object: serde_json::Value = serde_json::from_str(lines.trim_end()).expect("one object");
    assert_eq!(
        object,
        serde_json::json!({
            "severity": "error",
            "file": name,
            "line": 3,
            "column": 10,
            "key": "log.format",
            "problem": "\"jsn\" is not one of auto, text, json",
            "help": "did you mean `json`?",
        })
    );
}

#[test]
fn no_secret_is_shown_beside_a_mistake() {
    for text in [
        "kind = \"corner\"\n[settings]\nurl = \"https://a\"\nkey = \"geheim-geheim\"\n",
        "kind = \"corner\"\n[settings]\nurl = \"https://a\"\nkye = \"geheim-geheim\"\n",
        "kind = \"corner\"\n[settings]\nurl = \"https://a\"\nkey = \"geheim-geheim\n",
        "kind = \"corner\"\nsettings = { url = 5, key = \"geheim-geheim\" }\n",
        "kind = \"corner\"\nsettings = { key = \"geheim-geheim\", places = [{ tokn = \"geheim-2\" }] }\n",
        "kind = \"cornr\"\nsettings = { key = \"geheim-geheim\" }\nmode = 1\n",
    ] {
        let files = [("oneshelf.toml", ""), ("accounts.d/eu-shop.toml", text)];
        let (_folder, loaded) = load_files(&files, &[]);
        let error = loaded.expect_err("there are mistakes");
        for shown in [error.render(), error.render_json(), format!("{error:?}")] {
            assert!(!shown.contains("geheim"), "{text}\n{shown}");
        }
    }
    let (_folder, loaded) = load_files(&[("oneshelf.toml", "[admin]\ntoken = \"geheim\"\n")], &[]);
    let shown = loaded.expect_err("it is too short").render();
    assert!(shown.contains("token = \"******\""), "{shown}");
}

#[test]
fn hostile_files_are_refused_without_a_panic() {
    let deep = format!("a = {}{}", "[".repeat(20_000), "]".repeat(20_000));
    let tables = format!("[{}x]\n", "a.".repeat(20_000));
    let long = format!("[store]\ndir = \"{}\"\nx = 1", "y".repeat(100_000));
    let many = "[[items]]\nsku = 5\n".repeat(500);
    for text in [
        deep.as_str(),
        tables.as_str(),
        long.as_str(),
        many.as_str(),
        "\"\" = 1",
        "\"a.b[0\" = 1",
        "\"\\u0000\" = \"\\u0000\"",
        "store = nan",
        "listen = { public = inf }",
        "[stock]\nmax = 99999999999999999999",
        "[stock]\nmax = 9223372036854775807",
        "[[items]]\nsku = \"A\"\nscale = 256",
        "items = 2026-01-01",
        "items = [[[]]]",
    ] {
        let (_folder, loaded) = load_files(&[("oneshelf.toml", text)], &[]);
        let error = loaded.expect_err("it is refused");
        assert!(!error.render().is_empty() && !error.render_json().is_empty());
    }
}

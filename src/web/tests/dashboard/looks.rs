//! How pages are made: nothing inline, headers that keep others out, each language, and colors that can be read.

use std::collections::BTreeMap;

use engine::users::Role;

use super::{Browser, rig};

const STYLE: &str = include_str!("../../dashboard/assets/dashboard.css");

/// All pages that can be reached without an id of ours.
const PAGES: [&str; 18] = [
    "/",
    "/orders",
    "/orders?phase=held",
    "/packing",
    "/stock",
    "/counts",
    "/stock/MUG",
    "/channels",
    "/channels/shop",
    "/channels/shop/freeze",
    "/channels/quiet/walk",
    "/freeze",
    "/incidents",
    "/stuck",
    "/insight",
    "/settings",
    "/stock-sheet",
    "/users",
];

#[tokio::test]
async fn every_page_is_whole_small_and_has_nothing_inline() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 1).await;
    let order = rig.order("shop", "1", &[("MUG", 3)]).await;
    let incidents = rig.get("/api/v1/incidents").await.json();
    let incident = incidents["items"][0]["id"].as_str().expect("an incident");
    let mut browser = Browser::of(&rig, Role::Admin).await;
    let own = [format!("/orders/{order}"), format!("/incidents/{incident}")];
    let pages = PAGES.into_iter().chain(own.iter().map(String::as_str));
    for path in pages {
        for (language, word) in [("en", "Today"), ("de", "Heute"), ("es", "Hoy")] {
            let headers = [("accept-language", language)];
            let page = browser.send("GET", path, None, &headers).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            let text = &page.text;
            assert!(
                text.contains(&format!("<html lang=\"{language}\"")),
                "{path}"
            );
            assert!(text.contains(word), "{path} {language}");
            assert!(text.contains("</html>") && text.len() < 100_000, "{path}");
            for inline in [" style=", "<style", " onclick=", "javascript:"] {
                assert!(!text.contains(inline), "{path}: {inline}");
            }
            let scripts = text.matches("<script").count();
            assert_eq!(
                scripts,
                text.matches("<script type=\"module\" src=\"/assets/")
                    .count()
            );
            assert_eq!(text.matches("<h1").count(), 1, "{path}: one heading");
            assert!(labels_fit(text), "{path}: a field without a label");
            let policy = page.header("content-security-policy").unwrap_or_default();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
            assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}

/// Whether every field that can be seen is in a label or named by one.
fn labels_fit(page: &str) -> bool {
    let mut rest = page;
    while let Some(at) = rest.find("<input").or_else(|| rest.find("<textarea")) {
        let (before, tag) = rest.split_at(at);
        let end = tag.find('>').unwrap_or(tag.len());
        let tag_text = &tag[..end];
        let is_in_label = before.rfind("<label") > before.rfind("</label>");
        let is_exempt = tag_text.contains("hidden") || tag_text.contains("id=\"");
        if !is_in_label && !is_exempt {
            return false;
        }
        rest = &tag[end..];
        // What stood before matters for the next field, too.
        if is_in_label && !rest.contains("</label>") {
            return false;
        }
        if is_in_label {
            rest = rest.split_once("</label>").map_or("", |(_, rest)| rest);
        }
    }
    true
}

#[tokio::test]
async fn files_are_kept_for_ever_under_a_name_that_changes_with_them() {
    let rig = rig().await;
    let mut browser = Browser::new(&rig);
    let page = browser.get("/sign-in").await;
    let mut found = 0;
    for part in page
        .text
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
    {
        let asset = browser.get(part).await;
        assert_eq!(asset.status, 200, "{part}");
        let kept = asset.header("cache-control").unwrap_or_default();
        assert!(kept.contains("immutable"), "{part}: {kept}");
        found += 1;
    }
    assert_eq!(found, 3);
    assert_eq!(
        browser
            .get("/assets/dashboard-000000000000.css")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn what_somebody_likes_is_kept() {
    let rig = rig().await;
    let mut browser = Browser::new(&rig);
    let form = [("language", "es"), ("look", "dark")];
    let answer = browser.post("/preferences", &form).await;
    assert_eq!(answer.status, 303);
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .collect();
    browser.cookie = cookies.join("; ");
    let page = browser.get("/sign-in").await;
    assert!(
        page.text.contains("<html lang=\"es\" data-look=\"dark\">"),
        "{}",
        page.text
    );
    assert!(page.text.contains("Contraseña"));
}

/// The colors of a theme: 0 is light, 1 dark.
fn tokens(theme: usize) -> BTreeMap<&'static str, [f64; 3]> {
    let read = |line: &'static str| {
        let (name, rest) = line
            .trim()
            .strip_prefix("--")?
            .split_once(": light-dark(")?;
        let pair: Vec<&str> = rest.trim_end_matches(");").split(", ").collect();
        Some((name, color(pair.get(theme)?)))
    };
    STYLE.lines().filter_map(read).collect()
}

fn color(hex: &str) -> [f64; 3] {
    let part = |at: usize| {
        let byte = u8::from_str_radix(&hex[at..at + 2], 16).expect("a color");
        let share = f64::from(byte) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    [part(1), part(3), part(5)]
}

/// By WCAG 2.2.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let light = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let (a, b) = (light(a), light(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn everything_can_be_read_in_the_light_and_in_the_dark() {
    let text = ["ground", "surface", "raised"];
    let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
    for ground in text {
        for ink in ["text", "dim", "link", "on-bad", "on-act", "on-wait"] {
            pairs.push((ink, ground, 4.5));
        }
        pairs.push(("main", ground, 3.0));
        pairs.push(("edge", ground, 3.0));
    }
    for kind in ["ok", "wait", "act", "bad", "off", "main"] {
        pairs.push((
            match kind {
                "ok" => "on-ok",
                "wait" => "on-wait",
                "act" => "on-act",
                "bad" => "on-bad",
                "off" => "on-off",
                _ => "on-main",
            },
            kind,
            4.5,
        ));
    }
    for theme in [0, 1] {
        let tokens = tokens(theme);
        assert!(tokens.len() >= 20, "{}", tokens.len());
        for (ink, ground, least) in &pairs {
            let (a, b) = (tokens[ink], tokens[ground]);
            let ratio = contrast(a, b);
            assert!(
                ratio >= *least,
                "{ink} on {ground}, theme {theme}: {ratio:.2}"
            );
        }
    }
    assert!((contrast(color("#000000"), color("#ffffff")) - 21.0).abs() < 0.01);
}

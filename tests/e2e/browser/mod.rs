//! The dashboard in a real browser: somebody signs in and does a day's work, and every page can be used by
//! everybody, in the light and in the dark, on a telephone and on a desk.
//!
//! Each screen is looked at by axe-core where `ONESHELF_AXE` names its script; `.ci/run` fetches it.

mod driver;
mod mending;
mod sheet;

use domain::ExternalId;
use serde_json::{Value, json};

use crate::kit::{
    SOON,
    goods::sku,
    until,
    world::{Plan, SHOPS, World},
};
use driver::Window;
use sandbox::{Act, Odd};

const PASSWORD: &str = "correct horse battery";
/// The narrowest that a page must fit on, and a desk.
const WIDTHS: [u32; 2] = [360, 1280];

/// Says that a test could not be run, loudly.
fn skipped(test: &str, why: &str) {
    let line = format!("skipped: {test}: {why}\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("stderr is there");
}

/// What axe-core is, where it was fetched.
fn axe() -> Option<String> {
    let path = std::env::vars().find(|(name, _)| name == "ONESHELF_AXE")?.1;
    Some(std::fs::read_to_string(path).expect("axe can be read"))
}

/// Adds somebody and lets them sign in through their link.
async fn sign_in(world: &World, window: &Window, name: &str, role: &str) {
    let user = json!({ "name": name, "role": role });
    world.api.post("/api/v1/users", user).await;
    let link = world
        .api
        .post(&format!("/api/v1/users/{name}/link"), json!({}))
        .await;
    let path = link["path"].as_str().expect("a path");
    window.go(&format!("{}{path}", world.api.admin_url)).await;
    window.expect(&format!("Welcome, {name}")).await;
    window.write("#password", PASSWORD).await;
    window.write("#again", PASSWORD).await;
    window.click("button.main").await;
    window.expect("Orders by stage").await;
}

async fn open_order(world: &World, window: &Window, id: &ExternalId) -> String {
    let order = world
        .expect_order_where("web-shop", id, "is ready", |order| {
            order["phase"] == "ready"
        })
        .await;
    let path = format!("/orders/{}", order["id"].as_str().expect("an id"));
    window.go(&format!("{}{path}", world.api.admin_url)).await;
    path
}

/// Opens one of the folded forms of a page.
async fn unfold(window: &Window, path: &str, deed: &str) {
    let script = format!(
        "document.querySelector('form[action=\"{path}/{deed}\"]').closest('details').open = true;"
    );
    window.run(&script).await.expect("there is such a form");
}

async fn submit(window: &Window, path: &str, deed: &str) {
    window
        .click(&format!("form[action=\"{path}/{deed}\"] button"))
        .await;
}

/// Whether every screen fits, and axe finds nothing serious in it.
async fn judge(window: &Window, url: &str, axe: Option<&str>) {
    for width in WIDTHS {
        for is_dark in [false, true] {
            window.look(width, is_dark).await;
            window.go(url).await;
            let at = format!("{url}, {width} px, dark: {is_dark}");
            let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
            let over = window.run(wide).await.expect("a width");
            assert_eq!(over, 0, "{at}: it scrolls sideways");
            let Some(axe) = axe else { continue };
            let script = format!(
                "{axe}; const done = arguments[arguments.length - 1]; \
                 axe.run(document, {{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }}) \
                 .then((found) => done(found.violations.map((one) => \
                 [one.impact, one.id, one.nodes.map((node) => node.html).slice(0, 3)])), \
                 (error) => done(String(error)));"
            );
            let found = window.run_until_told(&script).await.expect("axe runs");
            let found = found.as_array().unwrap_or_else(|| panic!("{at}: {found}"));
            let serious: Vec<&Value> = found
                .iter()
                .filter(|one| one[0] == "serious" || one[0] == "critical")
                .collect();
            assert!(serious.is_empty(), "{at}: {serious:#?}");
        }
    }
    window.look(1280, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_does_a_days_work_in_the_dashboard() {
    if !driver::is_here() {
        return skipped("browser", "there is no chromium with its driver");
    }
    let axe = axe();
    if axe.is_none() {
        skipped("axe", "ONESHELF_AXE does not name axe-core's script");
    }
    // Opening stock is that of a shop that names every listing.
    let mut shops = SHOPS.to_vec();
    shops.reverse();
    let world = World::open(Plan {
        shops,
        ..Plan::default()
    })
    .await;
    let nameless = Act::Make(sku("BOWL"), Odd::Nameless);
    let made = world.shop("web-shop").act(&nameless);
    made.expect("staff never typed a SKU in");
    let _daemon = world.adopt().await;
    let window = Window::open(&world.api.client, &world.ports).await;
    let url = world.api.admin_url.clone();
    judge(&window, &format!("{url}/sign-in"), axe.as_deref()).await;
    sign_in(&world, &window, "ann", "admin").await;

    let id = world.buy("web-shop", &[("VASE", 2)]);
    let path = open_order(&world, &window, &id).await;
    hold_and_release(&window, &path).await;
    pack_and_hand_over(&world, &window, (path.as_str(), &id)).await;
    take_back(&window, &path).await;
    count(&world, &window).await;
    let counting = take_stock(&world, &window).await;
    many_at_once(&world, &window).await;
    export(&window, &url).await;
    count_in_a_file(&world, &window).await;
    pause(&world, &window).await;
    mending::fix_a_mapping(&world, &window, axe.as_deref()).await;
    mending::send_again(&world, &window, axe.as_deref()).await;
    sold_twice(&world, &window).await;

    for page in [
        "/",
        "/orders",
        path.as_str(),
        "/packing",
        "/stock",
        "/stock/VASE",
        "/counts",
        counting.as_str(),
        "/channels",
        "/channels/web-shop",
        "/channels/web-shop/freeze",
        "/channels/web-shop/walk",
        "/freeze",
        "/insight",
        "/settings",
        "/stock-sheet",
        "/incidents",
        "/stuck",
        "/users",
    ] {
        judge(&window, &format!("{url}{page}"), axe.as_deref()).await;
    }
    live(&world, &window).await;
    window.click("footer form[action='/sign-out'] button").await;
    window.expect("Password").await;
    assert!(window.url().await.ends_with("/sign-in"));
    window.close().await;
}

async fn hold_and_release(window: &Window, path: &str) {
    unfold(window, path, "hold").await;
    let field = format!("form[action=\"{path}/hold\"] input[name=reason]");
    window.write(&field, "the buyer called").await;
    submit(window, path, "hold").await;
    window.expect("On hold: the buyer called").await;
    submit(window, path, "release").await;
    window.expect("released by ann").await;
}

async fn pack_and_hand_over(world: &World, window: &Window, (path, id): (&str, &ExternalId)) {
    submit(window, path, "start").await;
    submit(window, path, "pick").await;
    submit(window, path, "pack").await;
    let form = format!("form[action=\"{path}/label\"]");
    window
        .write(&format!("{form} input[name=carrier]"), "DHL")
        .await;
    let tracking = "00340434161094027318";
    let field = format!("{form} input[name=tracking_number]");
    window.write(&field, tracking).await;
    submit(window, path, "label").await;
    submit(window, path, "hand-over").await;
    window.expect("Done.").await;
    until(
        &world.ports,
        "the shop shows the parcel",
        SOON,
        async || {
            let parcels = world.true_order("web-shop", id).shipments;
            let is_there = parcels.iter().any(|one| one.tracking_number == tracking);
            if is_there {
                Ok(())
            } else {
                Err(format!("{parcels:?}"))
            }
        },
    )
    .await;
}

async fn take_back(window: &Window, path: &str) {
    unfold(window, path, "return").await;
    submit(window, path, "return").await;
    submit(window, path, "receive").await;
    let note = format!("form[action=\"{path}/inspect\"] input[name=note]");
    window.write(&note, "as new").await;
    submit(window, path, "inspect").await;
    window.expect("return closed").await;
}

async fn count(world: &World, window: &Window) {
    window
        .go(&format!("{}/stock/VASE", world.api.admin_url))
        .await;
    unfold(window, "/stock/VASE", "count").await;
    window
        .write("form[action='/stock/VASE/count'] input[name=to]", "21")
        .await;
    submit(window, "/stock/VASE", "count").await;
    window.expect("Done.").await;
    let stock = world.api.get("/api/v1/stock/VASE").await;
    assert_eq!(stock["on_hand"], 21);
}

/// A stocktake, as a scanner types: what it reads ends with Enter.
async fn take_stock(world: &World, window: &Window) -> String {
    window.go(&format!("{}/counts", world.api.admin_url)).await;
    window.click("form[action='/counts'] button").await;
    window.expect("Nothing was counted yet.").await;
    window.write("input[name=sku]", "VASE\u{e007}").await;
    window.write("#units", "20\u{e007}").await;
    window.expect("Corrected").await;
    let stock = world.api.get("/api/v1/stock/VASE").await;
    assert_eq!(stock["on_hand"], 20);
    let url = window.url().await;
    let path = url.split('?').next().unwrap_or_default();
    path.trim_start_matches(&world.api.admin_url).to_owned()
}

/// Orders are chosen by keys alone, and held together.
async fn many_at_once(world: &World, window: &Window) {
    let bought = [1, 2].map(|units| world.buy("web-shop", &[("VASE", units)]));
    let is_ready = |order: &serde_json::Value| order["phase"] == "ready";
    for id in &bought {
        let ready = world.expect_order_where("web-shop", id, "is ready", is_ready);
        ready.await;
    }
    window
        .go(&format!("{}/orders?phase=ready", world.api.admin_url))
        .await;
    for key in ["j", "x", "j", "x"] {
        window.press(key).await;
    }
    window.expect("2 chosen").await;
    let open = "document.querySelector('#bulk details').open = true;";
    window.run(open).await.expect("there is such a form");
    window.write("#bulk input[name=reason]", "a flood").await;
    window.click("#bulk button[value=hold]").await;
    window.expect("2 done, 0 not done").await;
    for id in &bought {
        world
            .expect_order_where("web-shop", id, "is held", |order| order["phase"] == "held")
            .await;
    }
}

/// Two shops sell the same jugs before either hears of the other, and somebody chooses a way out.
async fn sold_twice(world: &World, window: &Window) {
    let units = u32::try_from(world.level("web-shop", "JUG")).expect("a few");
    for account in ["web-shop", "market"] {
        world.buy(account, &[("JUG", units)]);
    }
    let incident = until(&world.ports, "an incident opens", SOON, async || {
        let incidents = world.api.all("/api/v1/incidents?open=true").await?;
        let found = incidents.into_iter().find(|one| one["sku"] == "JUG");
        found.ok_or_else(|| "there is none".to_owned())
    })
    .await;
    window
        .go(&format!("{}/incidents", world.api.admin_url))
        .await;
    let id = incident["id"].as_str().expect("an id");
    window
        .click(&format!("main a[href='/incidents/{id}']"))
        .await;
    let wait = "form[action$='/resolve'] input[value=wait] ~ button";
    window.click(wait).await;
    window.expect("Decided").await;
    let decided = world.api.get(&format!("/api/v1/incidents/{id}")).await;
    assert_eq!(decided["state"], "decided");
}

/// The sums of days as a table for other programs, with the session of the browser.
async fn export(window: &Window, url: &str) {
    window.go(&format!("{url}/insight")).await;
    let script = "const done = arguments[arguments.length - 1]; \
                  fetch(document.querySelector('a[download]').href).then((answer) => answer.text()).then(done);";
    let csv = window.run_until_told(script).await.expect("a table");
    let csv = csv.as_str().unwrap_or_default();
    assert!(
        csv.starts_with("day,account,placed,canceled,currency,"),
        "{csv}"
    );
}

/// A file of counts is tried out, and entered.
async fn count_in_a_file(world: &World, window: &Window) {
    window.go(&format!("{}/stock", world.api.admin_url)).await;
    window.click("a[href='/stock-sheet']").await;
    window.write("#rows", "sku,count\nVASE,x").await;
    window.click("button[value=try]").await;
    window.expect("Mistakes: 1").await;
    let empty = "document.getElementById('rows').value = '';";
    window.run(empty).await.expect("there is such a field");
    window.write("#rows", "sku,count\nVASE,22").await;
    window.click("button[value=try]").await;
    window.expect("Good rows: 1, with changes: 1").await;
    window.click("button[value=enter]").await;
    window.expect("Rows entered: 1").await;
    let stock = world.api.get("/api/v1/stock/VASE").await;
    assert_eq!(stock["on_hand"], 22);
}

/// No level is written while stock is paused, and the newest one afterwards.
async fn pause(world: &World, window: &Window) {
    let page = format!("{}/channels/web-shop", world.api.admin_url);
    window.go(&page).await;
    let button = |deed: &str| {
        format!("form[action='/channels/web-shop/{deed}'] input[value=stock] ~ button")
    };
    window.click(&button("pause")).await;
    window.expect("Paused by ann").await;
    let before = world.level("web-shop", "VASE");
    let body = json!({ "sku": "VASE", "to": 31, "reason": "found some" });
    world.api.post("/api/v1/stock/adjustments", body).await;
    until(&world.ports, "a level waits", SOON, async || {
        let account = world.api.get("/api/v1/accounts/web-shop").await;
        match account["paused"][0]["waiting"].as_u64() {
            Some(waiting) if waiting > 0 => Ok(()),
            _ => Err(account["paused"].to_string()),
        }
    })
    .await;
    assert_eq!(world.level("web-shop", "VASE"), before);
    window.go(&page).await;
    window.expect("1 levels wait").await;
    window.click(&button("resume")).await;
    until(
        &world.ports,
        "the level is written",
        SOON,
        async || match world.level("web-shop", "VASE") {
            level if level == before => Err(format!("{level}")),
            _ => Ok(()),
        },
    )
    .await;
    let body = json!({ "sku": "VASE", "to": 20, "reason": "lost again" });
    world.api.post("/api/v1/stock/adjustments", body).await;
}

/// What others do is seen without asking again.
async fn live(world: &World, window: &Window) {
    window
        .go(&format!("{}/stock/VASE", world.api.admin_url))
        .await;
    window.expect("20").await;
    let body = json!({ "sku": "VASE", "to": 4711, "reason": "found some" });
    world.api.post("/api/v1/stock/adjustments", body).await;
    window.expect("4,711").await;
}

//! The contact sheet: a picture of every screen of the demo, in the light and in the dark, on a telephone and on a
//! desk, and a page with all of them. It is made where `ONESHELF_SHEET` names a folder for it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Child,
    sync::Arc,
    time::Duration,
};

use channel::HttpPort;
use engine::ports::{
    http::{Egress, Outbound},
    system,
};

use super::{PASSWORD, WIDTHS, driver, driver::Window, skipped};
use crate::kit::{SOON, daemon::command, pass, until, world::free_port};

/// So long the demo goes on before pictures are taken: until days were summed once.
const DEMO_FOR: Duration = Duration::from_secs(80);
/// So long a page may take until its times are told and its fonts are there.
const SETTLES: Duration = Duration::from_millis(400);

/// Screens that are always there, with a name for each.
const SCREENS: [(&str, &str); 18] = [
    ("today", "/"),
    ("orders", "/orders"),
    ("orders-ready", "/orders?phase=ready&sort=oldest"),
    ("packing", "/packing"),
    ("stock", "/stock"),
    ("item", "/stock/TRAY-OAK"),
    ("stocktakes", "/counts"),
    ("channels", "/channels"),
    ("account", "/channels/web-shop"),
    ("taking-over", "/channels/web-shop/walk"),
    ("freeze", "/freeze"),
    ("oversold", "/incidents"),
    ("stuck", "/stuck"),
    ("insight", "/insight?days=7"),
    ("stock-file", "/stock-sheet"),
    ("settings", "/settings"),
    ("users", "/users"),
    ("nothing", "/nothing-is-here"),
];

/// The demo, which ends with this.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let killed = self.0.kill().and_then(|()| self.0.wait());
        if let Err(error) = killed {
            assert!(std::thread::panicking(), "the demo does not end: {error}");
        }
    }
}

fn folder() -> Option<PathBuf> {
    let found = std::env::vars().find(|(name, _)| name == "ONESHELF_SHEET")?;
    Some(PathBuf::from(found.1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_sheet_of_every_screen_is_made() {
    let Some(folder) = folder() else {
        return skipped("contact sheet", "ONESHELF_SHEET names no folder");
    };
    if !driver::is_here() {
        return skipped("contact sheet", "there is no chromium with its driver");
    }
    fs::create_dir_all(&folder).expect("a folder");
    let ports = system::ports();
    let client = Outbound::new(ports.clone(), Egress::Anywhere).expect("a client");
    let client: Arc<dyn HttpPort> = Arc::new(client);
    let said = folder.join("demo.log");
    let port = free_port().to_string();
    let demo = command(&["demo", "--admin-port", &port])
        .stdout(File::create(&said).expect("a file"))
        .stderr(File::create(folder.join("demo.err")).expect("a file"))
        .spawn()
        .expect("the demo starts");
    let _demo = Demo(demo);
    let link = until(&ports, "the demo prints a link", SOON, async || {
        let text = fs::read_to_string(&said).map_err(|error| error.to_string())?;
        let mut words = text.split_whitespace();
        let link = words.find(|word| word.contains("/welcome/"));
        link.map(str::to_owned).ok_or(text.clone())
    })
    .await;
    let url = link
        .split("/welcome/")
        .next()
        .expect("an address")
        .to_owned();
    let window = Window::open(&client, &ports).await;
    window.go(&link).await;
    window.write("#password", PASSWORD).await;
    window.write("#again", PASSWORD).await;
    window.click("button.main").await;
    window.expect("Orders by stage").await;
    pass(&ports, DEMO_FOR).await;
    let screens = screens(&window, &url).await;
    let mut taken = Vec::new();
    for (name, path) in &screens {
        for width in WIDTHS {
            for is_dark in [false, true] {
                window.look(width, is_dark).await;
                window.go(&format!("{url}{path}")).await;
                pass(&ports, SETTLES).await;
                let theme = if is_dark { "dark" } else { "light" };
                let file = format!("{name}-{width}-{theme}.png");
                let picture = window.picture(width).await;
                assert!(picture.len() > 1000, "{file}: {} bytes", picture.len());
                fs::write(folder.join(&file), picture).expect("a file");
                taken.push((name.clone(), file));
            }
        }
    }
    window.close().await;
    write_sheet(&folder, &taken);
}

/// All screens: those that are always there, and one of each kind of which the demo has some.
async fn screens(window: &Window, url: &str) -> Vec<(String, String)> {
    let mut screens: Vec<(String, String)> = SCREENS
        .iter()
        .map(|(name, path)| ((*name).to_owned(), (*path).to_owned()))
        .collect();
    for (name, list, link) in [
        ("order", "/orders", "/orders/ord_"),
        (
            "order-to-map",
            "/orders?phase=needs_mapping",
            "/orders/ord_",
        ),
        ("order-packed", "/packing", "/orders/ord_"),
        ("incident", "/incidents", "/incidents/inc_"),
    ] {
        window.go(&format!("{url}{list}")).await;
        let script = format!(
            "return document.querySelector('main a[href^=\"{link}\"]')?.getAttribute('href') ?? '';"
        );
        let found = window.run(&script).await.expect("a page");
        let found = found.as_str().unwrap_or_default();
        if !found.is_empty() {
            screens.push((name.to_owned(), found.to_owned()));
        }
    }
    screens
}

/// The page with all pictures.
fn write_sheet(folder: &Path, taken: &[(String, String)]) {
    let mut page = "<!doctype html><meta charset=utf-8><title>Oneshelf: every screen</title>\
                    <style>body{font:14px system-ui;margin:2rem}figure{display:inline-block;margin:0 1rem 1rem 0;\
                    vertical-align:top}img{height:420px;border:1px solid #888}</style>"
        .to_owned();
    let mut last = "";
    for (name, file) in taken {
        if name != last {
            write!(page, "<h2>{name}</h2>").expect("a text takes all");
            last = name;
        }
        write!(
            page,
            "<figure><a href=\"{file}\"><img src=\"{file}\" alt=\"{file}\"></a><figcaption>{file}</figcaption></figure>"
        )
        .expect("a text takes all");
    }
    fs::write(folder.join("index.html"), page).expect("a file");
}

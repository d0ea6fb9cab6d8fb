//! A real browser, headless, driven by the WebDriver protocol over loopback HTTP.
//!
//! It needs Chromium and its driver, as Debian's `chromium` and `chromium-driver` have them.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::HttpPort;
use engine::ports::Ports;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::kit::{SOON, until, world::free_port};

const BROWSER: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";
/// What the protocol calls the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window of a browser.
pub(super) struct Window {
    client: Arc<dyn HttpPort>,
    ports: Ports,
    at: String,
    driver: Child,
}

/// Whether there is a browser here.
pub(super) fn is_here() -> bool {
    [BROWSER, DRIVER]
        .iter()
        .all(|path| Path::new(path).exists())
}

impl Window {
    /// Starts a browser with an empty window.
    pub(super) async fn open(client: &Arc<dyn HttpPort>, ports: &Ports) -> Window {
        let port = free_port();
        let driver = Command::new(DRIVER)
            .arg(format!("--port={port}"))
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        let mut window = Window {
            client: Arc::clone(client),
            ports: ports.clone(),
            at: format!("http://127.0.0.1:{port}"),
            driver,
        };
        until(ports, "the driver listens", SOON, async || {
            window.call(Method::GET, "/status", None).await.map(|_| ())
        })
        .await;
        let options = json!({
            "binary": BROWSER,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--hide-scrollbars", "--window-size=1280,900", "--lang=en",
            ],
        });
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let made = window.call(Method::POST, "/session", Some(wanted)).await;
        let made = made.expect("the browser starts");
        let id = made["sessionId"].as_str().expect("a session");
        window.at = format!("{}/session/{id}", window.at);
        window
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let body = body.map(|body| body.to_string().into_bytes());
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.at))
            .header("content-type", "application/json")
            .body(body.unwrap_or_default())
            .expect("a request");
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let read: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match answer.status().as_u16() {
            200 => Ok(read["value"].clone()),
            status => Err(format!("{path}: {status} {}", read["value"]["message"])),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, String> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Goes to an address.
    pub(super) async fn go(&self, url: &str) {
        let gone = self.post("/url", json!({ "url": url })).await;
        gone.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Where it is.
    pub(super) async fn url(&self) -> String {
        let url = self.call(Method::GET, "/url", None).await;
        url.ok()
            .and_then(|url| Some(url.as_str()?.to_owned()))
            .unwrap_or_default()
    }

    async fn find(&self, css: &str) -> Result<String, String> {
        let body = json!({ "using": "css selector", "value": css });
        let found = self.post("/element", body).await?;
        let id = found[ELEMENT].as_str().ok_or("no element")?;
        Ok(id.to_owned())
    }

    /// Clicks on what is there, or will be soon.
    pub(super) async fn click(&self, css: &str) {
        until(
            &self.ports,
            &format!("{css} is clicked"),
            SOON,
            async || {
                let id = self.find(css).await?;
                self.post(&format!("/element/{id}/click"), json!({})).await
            },
        )
        .await;
    }

    /// Writes into a field.
    pub(super) async fn write(&self, css: &str, text: &str) {
        until(
            &self.ports,
            &format!("{css} is written"),
            SOON,
            async || {
                let id = self.find(css).await?;
                let body = json!({ "text": text });
                self.post(&format!("/element/{id}/value"), body).await
            },
        )
        .await;
    }

    /// Presses a key, wherever the page has its focus.
    pub(super) async fn press(&self, key: &str) {
        let keys = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        let body = json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] });
        let pressed = self.post("/actions", body).await;
        pressed.unwrap_or_else(|error| panic!("{key}: {error}"));
    }

    /// Waits until the page says something.
    pub(super) async fn expect(&self, text: &str) {
        until(
            &self.ports,
            &format!("the page says {text:?}"),
            SOON,
            async || {
                let body = self.run("return document.body.innerText;").await?;
                let body = body.as_str().unwrap_or_default();
                if body.contains(text) {
                    Ok(())
                } else {
                    Err(body.chars().take(3000).collect())
                }
            },
        )
        .await;
    }

    /// Runs a script in the page.
    pub(super) async fn run(&self, script: &str) -> Result<Value, String> {
        self.post("/execute/sync", json!({ "script": script, "args": [] }))
            .await
    }

    /// The same for one that answers by calling its last argument.
    pub(super) async fn run_until_told(&self, script: &str) -> Result<Value, String> {
        self.post("/execute/async", json!({ "script": script, "args": [] }))
            .await
    }

    /// What a page looks like that is shown so wide, down to where nobody scrolls, as PNG.
    pub(super) async fn picture(&self, width: u32) -> Vec<u8> {
        let height = self
            .run("return document.documentElement.scrollHeight;")
            .await;
        let height = height.ok().and_then(|height| height.as_u64());
        let clip = json!({
            "x": 0, "y": 0, "width": width, "height": height.unwrap_or(900).min(2400), "scale": 1,
        });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let body = json!({ "cmd": "Page.captureScreenshot", "params": params });
        let taken = self.post("/goog/cdp/execute", body).await;
        let taken = taken.unwrap_or_else(|error| panic!("a picture: {error}"));
        let data = taken["data"].as_str().expect("a picture");
        BASE64_STANDARD.decode(data).expect("base64")
    }

    /// Shows pages so wide, and as somebody has it who likes it light or dark.
    pub(super) async fn look(&self, width: u32, is_dark: bool) {
        let metrics = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
        });
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        for (command, asked) in [
            ("Emulation.setDeviceMetricsOverride", metrics),
            ("Emulation.setEmulatedMedia", media),
        ] {
            let body = json!({ "cmd": command, "params": asked });
            let done = self.post("/goog/cdp/execute", body).await;
            done.unwrap_or_else(|error| panic!("{command}: {error}"));
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // A browser whose session was not ended would go on without its driver. Both are in a group of ours.
        let group = format!("-{}", self.driver.id());
        let all = Command::new("kill").args(["-KILL", "--", &group]).status();
        let ended = all.and_then(|_| self.driver.wait());
        if let Err(error) = ended {
            assert!(std::thread::panicking(), "the driver does not end: {error}");
        }
    }
}

impl Window {
    /// Closes the window and its browser.
    pub(super) async fn close(self) {
        let closed = self.call(Method::DELETE, "", None).await;
        closed.expect("the browser ends");
    }
}

//! The dashboard as a browser sees it, without one.

mod access;
mod channels;
mod counts;
mod lists;
mod looks;
mod orders;
mod signing_in;
mod stuck;

use axum::{body::Body, http::Request};
use engine::users::Role;

use super::rig::{Answer, Rig, answer, rig};

/// A password of these tests.
const PASSWORD: &str = "correct horse battery";

/// Somebody's browser.
pub(super) struct Browser<'a> {
    rig: &'a Rig,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// One that has no cookie yet.
    fn new(rig: &'a Rig) -> Browser<'a> {
        Browser {
            rig,
            cookie: String::new(),
        }
    }

    /// One in which somebody of a role is signed in.
    pub(super) async fn of(rig: &'a Rig, role: Role) -> Browser<'a> {
        let mut browser = Browser::new(rig);
        let link = browser.link(role.word(), role).await;
        let form = [("password", PASSWORD), ("again", PASSWORD)];
        let answer = browser.post(&link, &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }

    /// Adds somebody and gives the way in for once.
    async fn link(&self, name: &str, role: Role) -> String {
        let engine = &self.rig.engine;
        engine.add_user(name, role, "test").await.expect("added");
        let secret = crate::dashboard::secret(engine);
        let digest = crate::dashboard::digest(&secret);
        engine
            .link_user(name, &digest, "test")
            .await
            .expect("linked");
        format!("/welcome/{secret}")
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send("POST", path, Some(fields), &[]).await
    }

    pub(super) async fn send(
        &mut self,
        method: &str,
        path: &str,
        fields: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept", "text/html");
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match fields {
            None => Body::empty(),
            Some(fields) => {
                request = request.header("content-type", "application/x-www-form-urlencoded");
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields);
                Body::from(form.finish())
            }
        };
        let answer = answer(&self.rig.admin, request.body(body).expect("a request")).await;
        if let Some(cookie) = answer.header("set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            pair.clone_into(&mut self.cookie);
        }
        answer
    }

    /// The hidden fields of a page: what makes a form one of ours, and one and the same.
    async fn sealed(&mut self, page: &str) -> (String, String) {
        let page = self.get(page).await;
        (hidden(&page.text, "token"), hidden(&page.text, "once"))
    }

    /// Sends a form as the page has it.
    async fn submit(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let (token, once) = self.sealed(page).await;
        let mut all = vec![("token", token.as_str()), ("once", once.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }
}

/// The value of a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let rest = page.split_once(&mark).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default().to_owned()
}

//! What all pages have in common: navigation, language, look, notices, and the headers that keep others out.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use domain::{Money, Time};
use engine::{Engine, users::Role, views::Units};

use super::{
    assets,
    format::Moment,
    visitor::{Look, Taste, Visitor, secret},
    words::{Language, Words, fill},
};
use crate::problem::{self, Problem};

/// What a page may load and where it may send forms: itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Which part of the dashboard a page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Today,
    Orders,
    Packing,
    Stock,
    Channels,
    Waiting,
    Incidents,
    Insight,
    Users,
    Settings,
    Outside,
}

/// A way to another part.
pub(super) struct Way {
    pub(super) href: &'static str,
    pub(super) text: &'static str,
    pub(super) is_here: bool,
}

/// Something to say above a page.
pub(super) struct Notice {
    /// `ok` or `bad`.
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    /// What to do about it, behind a link.
    pub(super) href: Option<String>,
}

/// One state, told by a mark and a word, and only then by color.
#[derive(Clone)]
pub(super) struct Badge {
    /// `ok`, `wait`, `act`, `bad` or `off`.
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl Badge {
    pub(super) fn new(kind: &'static str, text: impl Into<String>) -> Badge {
        Badge {
            kind,
            text: text.into(),
        }
    }

    /// The mark of its kind.
    pub(super) fn mark(&self) -> &'static str {
        match self.kind {
            "ok" => "✓",
            "wait" => "…",
            "act" => "!",
            "bad" => "✕",
            _ => "–",
        }
    }
}

/// A choice of a list.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) is_chosen: bool,
}

impl Choice {
    pub(super) fn new(value: &str, text: &str, chosen: Option<&str>) -> Choice {
        Choice {
            value: value.to_owned(),
            text: text.to_owned(),
            is_chosen: chosen == Some(value),
        }
    }
}

/// What surrounds every page.
pub(super) struct Chrome {
    pub(super) t: Words,
    pub(super) language: Language,
    look: Look,
    pub(super) title: String,
    pub(super) visitor: Option<Visitor>,
    part: Part,
    /// What makes sending a form of this page twice the same as once.
    pub(super) once: String,
    pub(super) notice: Option<Notice>,
}

impl Chrome {
    pub(super) fn new(
        engine: &Engine,
        (visitor, taste): (Option<&Visitor>, Taste),
        part: Part,
        title: impl Into<String>,
    ) -> Chrome {
        Chrome {
            t: taste.language.words(),
            language: taste.language,
            look: taste.look,
            title: title.into(),
            visitor: visitor.cloned(),
            part,
            once: secret(engine),
            notice: None,
        }
    }

    pub(super) fn may(&self, role: Role) -> bool {
        self.visitor
            .as_ref()
            .is_some_and(|visitor| visitor.may(role))
    }

    pub(super) fn may_pack(&self) -> bool {
        self.may(Role::Packer)
    }

    pub(super) fn may_operate(&self) -> bool {
        self.may(Role::Operator)
    }

    pub(super) fn name(&self) -> &str {
        self.visitor.as_ref().map_or("", |one| &one.user.name)
    }

    pub(super) fn role(&self) -> &'static str {
        let role = self.visitor.as_ref().map(|one| one.user.role);
        role.map_or("", |role| self.t.states.role(role))
    }

    pub(super) fn token(&self) -> &str {
        self.visitor.as_ref().map_or("", |one| &one.form_token)
    }

    pub(super) fn style(&self) -> &'static str {
        &assets::STYLE.href
    }

    pub(super) fn script(&self) -> &'static str {
        &assets::SCRIPT.href
    }

    pub(super) fn icon(&self) -> &'static str {
        &assets::ICON.href
    }

    pub(super) fn tag(&self) -> &'static str {
        self.language.tag()
    }

    pub(super) fn look(&self) -> &'static str {
        self.look.word()
    }

    pub(super) fn languages(&self) -> Vec<Choice> {
        let chosen = Some(self.language.tag());
        Language::ALL
            .map(|one| Choice::new(one.tag(), one.name(), chosen))
            .into()
    }

    pub(super) fn looks(&self) -> Vec<Choice> {
        let common = self.t.common;
        let texts = [common.look_auto, common.look_light, common.look_dark];
        let chosen = Some(self.look.word());
        let looks = Look::ALL.iter().zip(texts);
        looks
            .map(|(look, text)| Choice::new(look.word(), text, chosen))
            .collect()
    }

    pub(super) fn ways(&self) -> Vec<Way> {
        let common = self.t.common;
        let mut ways = vec![
            (Part::Today, "/", common.today),
            (Part::Orders, "/orders", common.orders),
            (Part::Packing, "/packing", common.packing),
            (Part::Stock, "/stock", common.stock),
            (Part::Channels, "/channels", common.channels),
            (Part::Incidents, "/incidents", common.incidents),
            (Part::Waiting, "/stuck", common.waiting),
            (Part::Insight, "/insight", common.insight),
        ];
        if self.may(Role::Admin) {
            ways.push((Part::Users, "/users", common.users));
            ways.push((Part::Settings, "/settings", self.t.settings.title));
        }
        let way = |(part, href, text)| Way {
            href,
            text,
            is_here: part == self.part,
        };
        ways.into_iter().map(way).collect()
    }

    /// Says above the page why something was not done.
    pub(super) fn refuse(&mut self, problem: &Problem) {
        self.notice = Some(Notice {
            kind: "bad",
            title: format!("{}: {}", self.t.common.refused, problem.title()),
            text: self.on_page(problem.detail()),
            href: Some(format!("/errors/{}", problem.code())),
        });
    }

    /// Says above the page that something was done.
    pub(super) fn confirm(&mut self, done: Option<&str>) {
        let common = self.t.common;
        let text = match done {
            Some("done") => common.done,
            Some("nothing_to_do") => common.nothing_to_do,
            _ => return,
        };
        self.notice = Some(Notice {
            kind: "ok",
            title: text.to_owned(),
            text: String::new(),
            href: None,
        });
    }

    pub(super) fn money(&self, money: Money) -> String {
        self.language.money(money)
    }

    pub(super) fn units(&self, units: Units) -> String {
        self.language.units(units)
    }

    pub(super) fn moment(&self, at: Time) -> Moment {
        self.language.moment(at)
    }
}

/// A page as it is sent.
pub(super) fn send(status: StatusCode, page: &impl Template) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "A page could not be drawn.");
            return Problem::new(&problem::STORAGE, "the page could not be drawn").into_response();
        }
    };
    let mut response = (status, Html(html)).into_response();
    guard(&mut response);
    response
}

/// Sends the browser elsewhere, by GET.
pub(super) fn go(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = to.parse().unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    guard(&mut response);
    response
}

fn guard(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Cookie, Accept-Language"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let same = HeaderValue::from_static("same-origin");
    headers.insert("cross-origin-opener-policy", same.clone());
    headers.insert("cross-origin-resource-policy", same);
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    chrome: Chrome,
    text: String,
    href: Option<String>,
}

/// A page that says why there is no other.
pub(super) fn message(
    engine: &Engine,
    (visitor, taste): (Option<&Visitor>, Taste),
    problem: &Problem,
) -> Response {
    let common = taste.language.words().common;
    let (title, text) = match problem.code() {
        "forbidden" => {
            let role = problem
                .role()
                .map(|role| taste.language.words().states.role(role));
            let text = match role {
                Some(role) => fill(common.not_allowed_text, &[("role", role)]),
                None => problem.detail().to_owned(),
            };
            (common.not_allowed.to_owned(), text)
        }
        "not-found" => (
            common.not_found.to_owned(),
            common.not_found_text.to_owned(),
        ),
        _ => (problem.title().to_owned(), problem.detail().to_owned()),
    };
    let chrome = Chrome::new(engine, (visitor, taste), Part::Outside, title);
    let href = Some(format!("/errors/{}", problem.code()));
    let page = Message { chrome, text, href };
    send(problem.status(), &page)
}

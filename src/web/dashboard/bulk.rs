//! What is done to many orders at once: each as from its own page, with a result of its own.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::ids::OrderId;
use engine::{users::Role, views};

use super::{
    deeds::{self, Deed, effect, note},
    fields::Fields,
    page::{Badge, Chrome, Part, send},
    visitor::{Taste, Visitor},
    words::fill,
};
use crate::{
    admin::Admin,
    ask::{bad_parameter, id},
    problem::{self, Problem},
};

/// The least role that any of it takes.
pub(super) const LEAST: Role = Role::Packer;
/// The most orders at once.
const ORDERS_MAX: usize = 200;

/// What is done to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Deed(Deed),
    HandOver,
    Print,
}

impl What {
    fn from_word(word: &str) -> Option<What> {
        match word {
            "hold" => Some(What::Deed(Deed::Hold)),
            "release" => Some(What::Deed(Deed::Release)),
            "start" => Some(What::Deed(Deed::Start)),
            "hand-over" => Some(What::HandOver),
            "print" => Some(What::Print),
            _ => None,
        }
    }

    fn least(self) -> Role {
        match self {
            What::Deed(deed) => deed.least(),
            What::HandOver => Deed::HandOver.least(),
            What::Print => LEAST,
        }
    }

    fn title(self, chrome: &Chrome) -> &'static str {
        match self {
            What::Deed(Deed::Hold) => chrome.t.orders.hold,
            What::Deed(Deed::Release) => chrome.t.orders.release,
            What::Deed(_) => chrome.t.orders.start_task,
            What::HandOver => chrome.t.orders.hand_over,
            What::Print => chrome.t.lists.print,
        }
    }
}

/// What became of one order.
struct Row {
    href: String,
    number: String,
    badge: Badge,
    text: String,
    /// What to do about a refusal.
    help: Option<String>,
    /// Its packing slip.
    slip: Option<String>,
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct Page {
    chrome: Chrome,
    rows: Vec<Row>,
    summary: String,
    /// The pick list of all.
    pick_list: Option<String>,
    back: String,
}

pub(super) async fn run(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    fields: Fields,
) -> Result<Response, Problem> {
    let word = fields.whole("deed");
    let what = What::from_word(word).ok_or_else(|| {
        let detail = "use hold, release, start, hand-over or print";
        bad_parameter("deed", detail)
    })?;
    if !visitor.may(what.least()) {
        let least = what.least().word();
        let problem = Problem::new(&problem::FORBIDDEN, format!("it takes the role {least}"));
        return Err(problem.with("role", least));
    }
    let orders: Vec<OrderId> = fields
        .named("order.")
        .take(ORDERS_MAX)
        .map(|text| id("order", text))
        .collect::<Result<_, _>>()?;
    let mut chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Orders, "");
    chrome.title = what.title(&chrome).to_owned();
    let (mut rows, mut refused) = (Vec::new(), 0);
    for order in &orders {
        let done = one(what, &admin, &visitor, (*order, &fields)).await;
        refused += usize::from(done.is_err());
        rows.push(row(&admin, &chrome, (what, *order), done).await?);
    }
    let counts = [("done", orders.len() - refused), ("refused", refused)];
    let counts = counts.map(|(name, count)| (name, chrome.language.count(count)));
    let counts = counts.each_ref().map(|(name, text)| (*name, text.as_str()));
    let names: Vec<String> = orders.iter().map(ToString::to_string).collect();
    let page = Page {
        summary: match rows.is_empty() {
            true => chrome.t.lists.nothing_chosen.to_owned(),
            false => fill(chrome.t.lists.results, &counts),
        },
        rows,
        pick_list: (what == What::Print && !names.is_empty()).then(|| {
            let names = names.join(",");
            format!("/api/v1/pick-list?format=pdf&orders={names}")
        }),
        back: match fields.get("query") {
            Some(query) => format!("/orders?{query}"),
            None => "/orders".to_owned(),
        },
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

/// Why something was not done.
enum Refused {
    Problem(Problem),
    NothingPacked,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused::Problem(problem)
    }
}

/// Does it to one order; says whether anything changed.
async fn one(
    what: What,
    admin: &Admin,
    visitor: &Visitor,
    (order, fields): (OrderId, &Fields),
) -> Result<bool, Refused> {
    let name = order.to_string();
    let (deed, each) = match what {
        What::Print => return Ok(true),
        What::Deed(deed) => (deed, vec![fields.clone()]),
        What::HandOver => {
            let tasks = to_hand_over(admin, order).await?;
            let each = tasks.iter().map(|task| fields.with("task", task));
            (Deed::HandOver, each.collect())
        }
    };
    if each.is_empty() {
        return Err(Refused::NothingPacked);
    }
    let mut has_changed = false;
    for fields in each {
        let answer = deeds::act(deed, admin, visitor, &name, &fields).await?;
        has_changed |= effect(answer).await == "done";
    }
    if has_changed {
        let what = deed.path().rsplit('/').next().unwrap_or_default();
        note(admin, visitor, format!("{what} {order}")).await;
    }
    Ok(has_changed)
}

/// The tasks of an order with parcels that wait for their carrier.
async fn to_hand_over(admin: &Admin, order: OrderId) -> Result<Vec<String>, Problem> {
    let found = views::orders::detail(&admin.engine, order).await?;
    let tasks = found.into_iter().flat_map(|found| found.tasks);
    let waits = tasks.filter(|task| {
        let is_packed = task.parcels.iter().any(|one| one.left_as.is_none());
        task.closed_at.is_none() && is_packed
    });
    Ok(waits.map(|task| task.id.to_string()).collect())
}

async fn row(
    admin: &Admin,
    chrome: &Chrome,
    (what, order): (What, OrderId),
    done: Result<bool, Refused>,
) -> Result<Row, Problem> {
    let found = views::orders::summary(&admin.engine, order).await?;
    let common = chrome.t.common;
    let (badge, text, help) = match done {
        Ok(true) => (Badge::new("ok", common.done), String::new(), None),
        Ok(false) => (
            Badge::new("off", chrome.t.lists.was_so),
            String::new(),
            None,
        ),
        Err(Refused::NothingPacked) => {
            let text = chrome.t.lists.nothing_packed.to_owned();
            (Badge::new("bad", common.refused), text, None)
        }
        Err(Refused::Problem(problem)) => {
            let help = Some(format!("/errors/{}", problem.code()));
            let detail = chrome.on_page(problem.detail());
            let text = format!("{}: {detail}", problem.title());
            (Badge::new("bad", common.refused), text, help)
        }
    };
    Ok(Row {
        href: format!("/orders/{order}"),
        number: found.map_or_else(|| order.to_string(), |found| found.number),
        badge,
        text,
        help,
        slip: (what == What::Print)
            .then(|| format!("/api/v1/orders/{order}/packing-slip?format=pdf")),
    })
}

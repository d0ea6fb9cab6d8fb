//! The dashboard: pages drawn by the server, for people in a browser.
//!
//! A page is read from [`engine::views`] and nothing else; what a form asks is carried out by the handlers of the
//! API. So nothing is decided here, and a page cannot do what a program cannot. There is no inline script or
//! style, and everything works without the script, which only keeps pages fresh. Every page is a row of
//! [`screens`]; start reading there.

mod assets;
mod bulk;
mod buttons;
mod channels;
mod charts;
mod counts;
mod deeds;
mod events;
mod fields;
mod format;
mod guessing;
mod incidents;
mod insight;
mod order;
mod orders;
mod packing;
mod page;
mod password;
mod settings;
mod sheet;
mod shop;
mod sign_in;
mod stock;
mod stuck;
mod today;
mod users;
mod visitor;
mod walk;
mod words;

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    http::{HeaderMap, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use engine::{
    Engine,
    users::{Role, UserError},
};

use crate::{
    admin::Admin,
    ask::At,
    limits::Gate,
    problem::{self, Problem},
};
use channels::Ring;
use deeds::Deed;
use fields::Fields;
pub(crate) use guessing::Guessing;
pub(crate) use orders::{not_saved, read_view};
use stock::Move;
use stuck::Push;
use visitor::Taste;
pub(crate) use visitor::{Visitor, admit_to_api, digest, secret};

/// One page, or one form that is sent.
pub(crate) struct Screen {
    /// `GET` or `POST`.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the tests of access try every screen by it")
    )]
    pub(crate) method: &'static str,
    /// Its address, with what varies in braces.
    pub(crate) path: &'static str,
    /// The least role that it takes; nothing when it is for whoever is not signed in.
    pub(crate) least: Option<Role>,
    serve: MethodRouter<Admin>,
}

fn shows<H: Handler<T, Admin>, T: 'static>(
    path: &'static str,
    least: Option<Role>,
    handler: H,
) -> Screen {
    Screen {
        method: "GET",
        path,
        least,
        serve: get(handler),
    }
}

fn takes<H: Handler<T, Admin>, T: 'static>(
    path: &'static str,
    least: Option<Role>,
    handler: H,
) -> Screen {
    Screen {
        method: "POST",
        path,
        least,
        serve: post(handler),
    }
}

/// All of them.
pub(crate) fn screens() -> Vec<Screen> {
    let viewer = Some(Role::Viewer);
    let mut all = vec![
        shows("/sign-in", None, sign_in::show),
        takes("/sign-in", None, sign_in::enter),
        shows("/welcome/{link}", None, sign_in::welcome),
        takes("/welcome/{link}", None, sign_in::set_password),
        takes("/preferences", None, sign_in::prefer),
        shows("/assets/{name}", None, assets::serve),
        takes("/sign-out", viewer, sign_in::leave),
        shows("/", viewer, today::show),
        shows("/events", viewer, events::stream),
        shows("/orders", viewer, orders::show),
        takes("/orders/views", viewer, orders::save_view),
        takes("/orders/views/drop", viewer, orders::drop_view),
        takes("/orders/bulk", Some(bulk::LEAST), bulk::run),
        shows("/orders/{order}", viewer, order::show),
        shows("/packing", viewer, packing::show),
        shows("/stock", viewer, stock::list),
        shows("/stock/{sku}", viewer, stock::show),
        shows("/stock-sheet", viewer, sheet::show),
        takes("/stock-sheet", Some(sheet::LEAST), sheet::enter),
        shows("/counts", viewer, counts::list),
        takes("/counts", Some(counts::LEAST), counts::open),
        shows("/counts/{count}", viewer, counts::show),
        takes("/counts/{count}", Some(counts::LEAST), counts::enter),
        takes("/counts/{count}/close", Some(counts::LEAST), counts::close),
        shows("/channels", viewer, channels::show),
        shows("/channels/{account}", viewer, shop::show),
        shows("/channels/{account}/freeze", viewer, walk::ask_freeze),
        shows("/channels/{account}/walk", Some(walk::LEAST), walk::show),
        takes(
            "/channels/{account}/preview",
            Some(walk::LEAST),
            walk::preview,
        ),
        shows("/freeze", viewer, walk::ask_freeze_all),
        takes("/freeze", Some(Role::Operator), channels::freeze_all),
        takes("/freeze/undo", Some(Role::Operator), channels::undo_freeze),
        shows("/incidents", viewer, incidents::list),
        shows("/incidents/{incident}", viewer, incidents::show),
        takes(
            "/incidents/{incident}/resolve",
            Some(incidents::LEAST),
            incidents::resolve,
        ),
        shows("/stuck", viewer, stuck::show),
        shows("/insight", viewer, insight::show),
        shows("/settings", Some(settings::LEAST), settings::show),
        shows("/users", Some(Role::Admin), users::show),
    ];
    all.extend(Deed::ALL.map(to_order));
    all.extend(Move::ALL.map(to_stock));
    all.extend(Ring::ALL.map(to_account));
    all.extend(Push::ALL.map(to_stuck));
    all
}

fn to_stock(asked: Move) -> Screen {
    let handler =
        move |State(admin): State<Admin>,
              visitor: Visitor,
              taste: Taste,
              At(sku): At<String>,
              fields: Fields| { stock::run(asked, admin, (visitor, taste), sku, fields) };
    takes(asked.path(), Some(asked.least()), handler)
}

fn to_account(ring: Ring) -> Screen {
    let handler = move |State(admin): State<Admin>,
                        visitor: Visitor,
                        taste: Taste,
                        At(account): At<String>,
                        fields: Fields| {
        channels::run(ring, admin, (visitor, taste), account, fields)
    };
    takes(ring.path(), Some(ring.least()), handler)
}

fn to_stuck(push: Push) -> Screen {
    let handler = move |State(admin): State<Admin>, visitor: Visitor, fields: Fields| {
        stuck::run(push, admin, visitor, fields)
    };
    takes(push.path(), Some(push.least()), handler)
}

fn to_order(deed: Deed) -> Screen {
    let handler =
        move |State(admin): State<Admin>,
              visitor: Visitor,
              taste: Taste,
              At(order): At<String>,
              fields: Fields| { deeds::run(deed, admin, (visitor, taste), order, fields) };
    takes(deed.path(), Some(deed.least()), handler)
}

/// With all pages, each behind its limits and its role.
pub(crate) fn add(mut router: Router<Admin>, admin: &Admin, gate: &Gate) -> Router<Admin> {
    for screen in screens() {
        router = router.route(screen.path, guarded(screen, admin, gate));
    }
    router
}

fn guarded(screen: Screen, admin: &Admin, gate: &Gate) -> MethodRouter<Admin> {
    let (admin, gate) = (admin.clone(), gate.clone());
    let (least, path) = (screen.least, screen.path);
    let guard = move |request: Request, next: Next| {
        let (admin, gate) = (admin.clone(), gate.clone());
        async move {
            let taste = Taste::of(request.headers());
            let mut request = request;
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let headers = request.headers().clone();
            let here = uri.path_and_query().map_or("/", |here| here.as_str());
            let asked = (&method, here, &headers);
            let visitor = match let_in(&admin, least, asked, taste).await {
                Ok(visitor) => visitor,
                Err(response) => return *response,
            };
            if let Some(visitor) = &visitor {
                request.extensions_mut().insert(visitor.clone());
            }
            let response = gate.pass(path, request, next).await;
            as_page(&admin, (visitor.as_ref(), taste), response)
        }
    };
    screen.serve.route_layer(middleware::from_fn(guard))
}

/// Whoever is signed in, where that is needed, or what to say instead.
async fn let_in(
    admin: &Admin,
    least: Option<Role>,
    (method, here, headers): (&Method, &str, &HeaderMap),
    taste: Taste,
) -> Result<Option<Visitor>, Box<Response>> {
    let Some(least) = least else {
        return Ok(None);
    };
    let found = Visitor::of(&admin.engine, headers).await;
    let found = found.map_err(|error| {
        let problem = Problem::from(error);
        Box::new(page::message(&admin.engine, (None, taste), &problem))
    })?;
    let Some(visitor) = found else {
        let response = match *method {
            Method::GET | Method::HEAD => page::go(&sign_in::way_in(here)),
            _ => sign_in::expired(admin, taste),
        };
        return Err(Box::new(response));
    };
    if !visitor.may(least) {
        let detail = format!("it takes the role {}", least.word());
        let problem = Problem::new(&problem::FORBIDDEN, detail).with("role", least.word());
        let who = (Some(&visitor), taste);
        return Err(Box::new(page::message(&admin.engine, who, &problem)));
    }
    Ok(Some(visitor))
}

/// A refusal as a page: what handlers refuse is a problem, which is for programs.
fn as_page(admin: &Admin, who: (Option<&Visitor>, Taste), mut response: Response) -> Response {
    match response
        .extensions_mut()
        .remove::<std::sync::Arc<Problem>>()
    {
        Some(problem) => page::message(&admin.engine, who, &problem),
        None => response,
    }
}

/// Adds an admin, and gives the path with which they set a password and sign in, once.
pub async fn invite(engine: &Engine, name: &str) -> Result<String, UserError> {
    engine.add_user(name, Role::Admin, "oneshelf").await?;
    let secret = secret(engine);
    engine.link_user(name, &digest(&secret), "oneshelf").await?;
    Ok(format!("/welcome/{secret}"))
}

/// Whether somebody with a browser asks, who wants a page and not JSON.
pub(crate) fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT);
    accepts
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"))
}

/// The page for an address that is none.
pub(crate) async fn nothing_here(admin: &Admin, headers: &HeaderMap) -> Response {
    let taste = Taste::of(headers);
    match Visitor::of(&admin.engine, headers).await {
        Ok(Some(visitor)) => {
            let problem = Problem::new(&problem::NOT_FOUND, "there is no such page");
            page::message(&admin.engine, (Some(&visitor), taste), &problem)
        }
        Ok(None) => page::go("/sign-in"),
        Err(error) => Problem::from(error).into_response(),
    }
}

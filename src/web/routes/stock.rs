//! Routes about items, what lies where, what moves, and stocktakes.

use axum::routing::put;

use super::{Gives, RECEIPT, Route, posts, reads};
use crate::admin::{moves, stock, stock_sheet};

pub(super) fn routes() -> Vec<Route> {
    let mut all = about_stock();
    all.extend(about_items());
    all.extend(about_moves());
    all.extend(about_counts());
    all
}

fn about_stock() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/stock",
            "List all items with their stock, by SKU.",
            Gives::Page("Stock"),
            stock::list,
        )
        .asks(&["cursor", "limit"]),
        reads(
            "/api/v1/locations",
            "List where stock can lie, and which accounts each location serves.",
            Gives::Page("Place"),
            stock::locations,
        ),
        posts(
            "/api/v1/stock/adjustments",
            "Change what lies somewhere, by or to a quantity.",
            RECEIPT,
            stock::adjust,
        )
        .takes("Adjustment")
        .status(201),
    ]
}

fn about_items() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/stock/import",
            "Enter counts from a CSV file, once. With dry_run, say what would change and every mistake by row and \
             column.",
            Gives::One("StockImport"),
            stock_sheet::import,
        )
        .takes("NewStockSheet")
        .asks(&["dry_run"]),
        reads(
            "/api/v1/stock/export",
            "Give all goods with what lies where, as a CSV file that can be counted in and imported.",
            Gives::Text("text/csv"),
            stock_sheet::export,
        ),
        reads(
            "/api/v1/stock/{sku}",
            "Show the stock of an item, as it is or as it was.",
            Gives::One("Stock"),
            stock::detail,
        )
        .asks(&["at"]),
        reads(
            "/api/v1/stock/{sku}/movements",
            "List every change of an item's stock, the oldest or the newest first.",
            Gives::Page("Movement"),
            stock::movements,
        )
        .asks(&["newest_first", "cursor", "limit"]),
        reads(
            "/api/v1/stock/{sku}/explain",
            "Say in sentences how the number came to be, and what each channel was told.",
            Gives::One("Explanation"),
            stock::explain,
        ),
        reads(
            "/api/v1/items/{sku}",
            "Show an item.",
            Gives::One("Item"),
            stock::item,
        ),
        Route::new(
            "PUT",
            "/api/v1/items/{sku}",
            "Make an item known, or change it.",
            RECEIPT,
            put(stock::set_item),
        )
        .takes("SetItem"),
    ]
}

fn about_moves() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/transfers",
            "Send units from one location to another. They are sellable again when they are received.",
            RECEIPT,
            moves::transfer,
        )
        .takes("NewTransfer")
        .status(201),
        reads(
            "/api/v1/arrivals",
            "List what is on its way to us.",
            Gives::Page("Arrival"),
            moves::arrivals,
        )
        .asks(&["cursor", "limit"]),
        posts(
            "/api/v1/arrivals",
            "Note units that are to come in.",
            RECEIPT,
            moves::expect,
        )
        .takes("NewArrival")
        .status(201),
        posts(
            "/api/v1/arrivals/{arrival}/give-up",
            "Say that the rest of an arrival will not come.",
            RECEIPT,
            moves::give_up,
        )
        .takes("GiveUp"),
        posts(
            "/api/v1/receipts",
            "Take units in: those of an arrival, in part or whole, or others.",
            RECEIPT,
            moves::receive,
        )
        .takes("NewReceipt")
        .status(201),
        posts(
            "/api/v1/conditions",
            "Find units to be in another condition.",
            RECEIPT,
            moves::sort,
        )
        .takes("NewSorting")
        .status(201),
    ]
}

fn about_counts() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/counts",
            "List stocktakes, the oldest first.",
            Gives::Page("Count"),
            moves::counts,
        )
        .asks(&["cursor", "limit"]),
        posts(
            "/api/v1/counts",
            "Open a stocktake of a location.",
            Gives::One("Count"),
            moves::open_count,
        )
        .takes("NewCount")
        .status(201),
        reads(
            "/api/v1/counts/{count}",
            "Show a stocktake with what was counted.",
            Gives::One("Count"),
            moves::count,
        ),
        posts(
            "/api/v1/counts/{count}/entries",
            "Say how many of an item were counted, and when.",
            Gives::One("CountEntry"),
            moves::enter,
        )
        .takes("NewCountEntry")
        .status(201),
        posts(
            "/api/v1/counts/{count}/close",
            "Close a stocktake.",
            RECEIPT,
            moves::close_count,
        )
        .takes("CloseCount"),
    ]
}

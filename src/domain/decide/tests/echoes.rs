//! Writes of unknown outcome: what comes of them later is our own echo, and nobody's edit.

use super::world::check;

#[test]
fn a_write_that_came_through_after_all_is_our_echo() {
    // The level that is read next is old, so the write seems not to be done.
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG          => web.MUG believes 13, web.MUG due
         order market #2 MUG:1    => web.MUG 10, web.MUG due
         push web MUG
         conflict web MUG 11      => web.MUG believes 13
         level web MUG 11 confirm => no drift, web.MUG believes 11, web.MUG due, MUG 13-3
         push web MUG
         applied web MUG          => web.MUG settled, web.MUG believes 10",
    );
}

#[test]
fn what_the_channel_sold_after_such_a_write_is_taken_off_the_echo() {
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         order web #2 MUG:3       => web.MUG 8, web.MUG believes 10
         notdone web MUG
         order market #3 MUG:1    => web.MUG 7
         push web MUG
         conflict web MUG 8       => web.MUG believes 10
         level web MUG 8 confirm  => no drift, web.MUG believes 8, web.MUG due, MUG 13-6",
    );
}

#[test]
fn an_owner_of_the_stock_is_not_believed_about_our_own_write() {
    check(
        "owner web
         count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         conflict web MUG 11
         level web MUG 11 confirm => no drift, MUG 13-3, web.MUG 10, web.MUG due",
    );
}

#[test]
fn a_write_that_is_found_with_sales_since_is_settled_by_what_is_shown() {
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         order web #2 MUG:3       => web.MUG 8, web.MUG believes 10
         found web MUG 8          => web.MUG believes 8, web.MUG settled
         level web MUG 8 confirm  => no drift",
    );
}

#[test]
fn an_echo_is_no_excuse_for_what_comes_after_it() {
    // Once a later write is certain, and an hour later at the latest, the same number is somebody's edit.
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         applied web MUG          => web.MUG settled
         level web MUG 11 confirm => drift web.MUG, web.MUG due",
    );
    check(
        "count MUG 13
         level web MUG 13 before
         order market #1 MUG:2    => web.MUG 11, web.MUG due
         push web MUG
         ambiguous web MUG
         notdone web MUG
         order market #2 MUG:1    => web.MUG 10
         push web MUG
         conflict web MUG 11
         after 3601
         level web MUG 11 confirm => drift web.MUG, web.MUG due",
    );
}

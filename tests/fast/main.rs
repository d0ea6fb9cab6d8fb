//! Tests of the whole workspace that need nothing but its files: they take seconds.
//!
//! Start reading at `tidy`, which holds the house rules that a compiler cannot hold.

/// As in the binary: evenings are made of small blocks of memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod cases;
mod decider;
mod interleavings;
mod kiosk;
mod pacing;
mod past;
mod rush;
mod sim;
mod small_world;
mod stand;
mod tidy;

//! The real binary against shops on real wire formats, from the outside.

mod kill;
mod kit;
mod restart;
mod shipping;

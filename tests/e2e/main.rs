//! The real binary against shops on real wire formats, from the outside.

mod adoption;
mod backup;
mod cases;
mod commands;
mod configuration;
mod figures;
mod hostile;
mod items;
mod kill;
mod kit;
mod observe;
mod people;
mod restart;
mod shipping;

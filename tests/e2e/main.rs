//! The real binary against shops on real wire formats, from the outside.

mod adoption;
mod backup;
mod browser;
mod cases;
mod commands;
mod configuration;
mod documents;
mod figures;
mod hostile;
mod items;
mod kit;
mod labels;
mod messages;
mod observe;
mod people;
mod phone;
mod restart;
mod rigs;
mod shipping;
mod stories;

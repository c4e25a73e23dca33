//! The routes of both doors: one table, from which the edge finds a request's route, the gateway builds its router, and the
//! OpenAPI document is written.
//!
//! To add a route, add a variant to the enum of those who may call it ([`route`](self)'s `Public`, `Caller`, ..), a row to
//! [`ROUTES`], and what the compiler then asks for: a handler at each door that serves it, and its part of the document.

mod find;
mod info;
mod route;
mod table;

pub use find::{Matched, NoRoute, find_at_edge, find_at_origin, methods_for_pages, shape};
pub use info::{Access, BodyLimit, Method, Mode, RouteInfo, ServedBy};
pub use route::{AtEdge, AtOrigin, Caller, EdgeService, Local, OriginService, Public, Route};
pub use table::ROUTES;
